/*
 * Which variant a key belongs to: hash it, and find the range that holds the hash.
 *
 * The 2^64 hashes are cut into ranges, each of one variant or of nobody. A share is a width, so a variant may hold more
 * than one range, and a change of shares moves just the keys of the ranges that change hands. How weights become ranges
 * is settled above, in exact rational numbers; nothing here divides or rounds. Ranges are given by the last hash that
 * they hold, so that the end of the last one, 2^64 - 1, is a number.
 *
 * Hashes are random, so a branch on one is guessed wrong half of the time, which costs as much as hashing a key. So the
 * line of hashes is also cut into 256 equal cells, and a guide names the first range that reaches into each (Chen &
 * Asau, "On generating random variates from an empirical distribution", AIIE Transactions 6, 1974). Where a cell is
 * within one range, as most are, that is the answer; in the others the ranges that are left are halved by arithmetic.
 *
 * A namespace is a second hash under another seed: two experiments on disjoint parts of it share nobody. The modulo law
 * takes the hash modulo a total of whole weights first, and looks the rest up.
 *
 * Twin: jit_allocate.py. Oracle: tests/conformance/naive_allocation.py.
 */
#include "allocate.h"

#define AW_INLINE static inline __attribute__((always_inline))

void aw_table_of(aw_table *table, uint64_t seed, const uint64_t *last, const int32_t *codes, int64_t ranges,
                 uint64_t modulo) {
    aw_secret_of(&table->variant, seed);
    table->last = last;
    table->codes = codes;
    table->modulo = modulo;
    table->spaced = 0;
    /* cells as narrow as they can be with the greatest number that is looked up in the last of them, or before */
    table->shift = 0;
    while ((modulo - 1) >> table->shift >= AW_CELLS) table->shift++;
    int64_t range = 0;
    for (uint64_t cell = 0; cell < AW_CELLS; cell++) {
        while (range < ranges - 1 && last[range] < cell << table->shift) range++;
        table->guide[cell] = (int32_t)range;
    }
    table->guide[AW_CELLS] = (int32_t)(ranges - 1);
}

void aw_table_within(aw_table *table, uint64_t seed, uint64_t from, uint64_t to) {
    aw_secret_of(&table->space, seed);
    table->from = from;
    table->to = to;
    table->spaced = 1;
}

AW_INLINE int32_t looked_up(const aw_table *table, uint64_t hash) {
    if (table->modulo) hash %= table->modulo;
    const int32_t *first = table->guide + (hash >> table->shift);
    const uint64_t *base = table->last + first[0];
    for (int32_t n = first[1] - first[0] + 1; n > 1;) {
        const int32_t half = n / 2;
        base += half & -(int64_t)(base[half - 1] < hash);
        n -= half;
    }
    return table->codes[base - table->last];
}

AW_INLINE int outside(const aw_table *table, uint64_t hash) { return hash < table->from || hash > table->to; }

AW_INLINE int32_t code_of(const aw_table *table, const uint8_t *key, size_t n) {
    if (table->spaced && outside(table, aw_xxh3_64(&table->space, key, n))) return -1;
    return looked_up(table, aw_xxh3_64(&table->variant, key, n));
}

AW_INLINE int32_t code_of_word(const aw_table *table, uint64_t key) {
    if (table->spaced && outside(table, aw_xxh3_word(&table->space, key))) return -1;
    return looked_up(table, aw_xxh3_word(&table->variant, key));
}

int32_t aw_code_of(const aw_table *table, const uint8_t *key, size_t n) { return code_of(table, key, n); }

int32_t aw_code_of_int64(const aw_table *table, int64_t key) { return code_of_word(table, (uint64_t)key); }

void aw_codes_int64(const aw_table *table, int64_t n, const int64_t *keys, int32_t *out) {
    for (int64_t i = 0; i < n; i++) out[i] = code_of_word(table, (uint64_t)keys[i]);
}

void aw_codes_bytes(const aw_table *table, int64_t n, size_t width, const uint8_t *cells, int32_t *out) {
    for (int64_t i = 0; i < n; i++, cells += width) {
        size_t length = width;
        while (length && !cells[length - 1]) length--;
        out[i] = code_of(table, cells, length);
    }
}

/* writes: the UTF-8 of n code points. returns: its length, or -1 where there is none. */
static int64_t encoded(const uint32_t *points, size_t n, uint8_t *out) {
    uint8_t *at = out;
    for (size_t i = 0; i < n; i++) {
        const uint32_t c = points[i];
        if (c < 0x80) {
            *at++ = (uint8_t)c;
            continue;
        }
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return -1;
        if (c < 0x800) {
            *at++ = (uint8_t)(0xc0 | c >> 6);
        } else {
            if (c < 0x10000) {
                *at++ = (uint8_t)(0xe0 | c >> 12);
            } else {
                *at++ = (uint8_t)(0xf0 | c >> 18);
                *at++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
            }
            *at++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        }
        *at++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return at - out;
}

int aw_codes_utf32(const aw_table *table, int64_t n, size_t width, const uint32_t *cells, uint8_t *scratch,
                   int32_t *out) {
    for (int64_t i = 0; i < n; i++, cells += width) {
        size_t length = width;
        while (length && !cells[length - 1]) length--;
        const int64_t octets = encoded(cells, length, scratch);
        if (octets < 0) return AW_E_TEXT;
        out[i] = code_of(table, scratch, (size_t)octets);
    }
    return AW_OK;
}

#define ARROW(name, offset)                                                                                            \
    int name(const aw_table *table, int64_t n, const offset *offsets, int64_t size, const uint8_t *data,               \
             int32_t *out) {                                                                                           \
        int64_t begin = offsets[0];                                                                                    \
        if (begin < 0 || begin > size) return AW_E_OFFSETS;                                                            \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            const int64_t end = offsets[i + 1];                                                                        \
            if (end < begin || end > size) return AW_E_OFFSETS;                                                        \
            out[i] = code_of(table, data + begin, (size_t)(end - begin));                                              \
            begin = end;                                                                                               \
        }                                                                                                              \
        return AW_OK;                                                                                                  \
    }
ARROW(aw_codes_arrow32, int32_t)
ARROW(aw_codes_arrow64, int64_t)
