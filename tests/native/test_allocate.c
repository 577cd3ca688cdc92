/*
 * What the hashes and the tables of allocation promise, asserted in C, so that it runs under ASan and UBSan without a
 * Python in between: keys are read from blocks that end where they end, at every address, and whatever is refused is
 * refused before it is read.
 */
#include "../../native/src/allocate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

enum { LONGEST = 2200, KEYS = 300, WIDTH = 9 };

static uint8_t octet_at(size_t i) { return (uint8_t)(i * 131 + (i >> 3) * 17 + 5); }

/* returns: a block of n bytes and no more; never NULL. */
static void *block(size_t n) {
    void *found = malloc(n ? n : 1);
    if (!found) abort();
    return found;
}

/* By python-xxhash 4.1.0 (xxHash 0.8.4), L. C. Noll's test_fnv.c and mmh3 5.3.1. */
static void known_answers(void) {
    CHECK(aw_xxh3(0, (const uint8_t *)"", 0) == 0x2d06800538d394c2ULL);
    CHECK(aw_xxh3(0, (const uint8_t *)"a", 1) == 0xe6c632b61e964e1fULL);
    CHECK(aw_xxh3(0, (const uint8_t *)"abc", 3) == 0x78af5f94892f3950ULL);
    CHECK(aw_fnv1a32((const uint8_t *)"foobar", 6) == 0xbf9cf968u);
    CHECK(aw_murmur3(0, (const uint8_t *)"", 0) == 0 && aw_murmur3(1, (const uint8_t *)"", 0) == 0x514e28b7u);
}

/* A key's hash depends on its bytes, not on where they stand; nothing before or behind them is read. */
static void lengths_and_addresses(void) {
    for (size_t n = 0; n <= LONGEST; n += n < 300 ? 1 : 61) {
        uint8_t *exact = block(n);
        for (size_t i = 0; i < n; i++) exact[i] = octet_at(i);
        const uint64_t hash = aw_xxh3(n, exact, n);
        const uint32_t fnv = aw_fnv1a32(exact, n), murmur = aw_murmur3((uint32_t)n, exact, n);
        for (size_t shift = 1; shift < 8; shift++) {
            uint8_t *moved = block(n + shift);
            memcpy(moved + shift, exact, n);
            CHECK(aw_xxh3(n, moved + shift, n) == hash);
            CHECK(aw_fnv1a32(moved + shift, n) == fnv && aw_murmur3((uint32_t)n, moved + shift, n) == murmur);
            free(moved);
        }
        for (size_t i = 0; i < n; i += 1 + n / 16) {
            exact[i] ^= 1;
            CHECK(aw_xxh3(n, exact, n) != hash);
            exact[i] ^= 1;
        }
        free(exact);
    }
}

/* The range of a hash by looking at all of them. */
static int32_t plainly(const uint64_t *last, const int32_t *codes, uint64_t hash) {
    int64_t i = 0;
    while (last[i] < hash) i++;
    return codes[i];
}

static uint64_t next(uint64_t *state) { return *state = *state * 6364136223846793005ULL + 1442695040888963407ULL; }

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Tables of every shape: bounds anywhere, bounds at the hashes of keys, and bounds that crowd into few cells. */
static void tables(void) {
    uint64_t state = 1;
    for (int64_t ranges = 1; ranges <= 1000; ranges += ranges < 20 ? 1 : 163) {
        for (int crowd = 0; crowd < 60; crowd += 20) {
            for (int law = 0; law < 2; law++) {
                const uint64_t modulo = law ? next(&state) >> (crowd / 2) | 1 : 0;
                uint64_t *last = block((size_t)ranges * 8), hashes[KEYS];
                int32_t *codes = block((size_t)ranges * 4);
                aw_table *table = block(sizeof *table);
                int64_t keys[KEYS];
                for (int64_t i = 0; i < KEYS; i++) {
                    keys[i] = (int64_t)next(&state);
                    aw_secret secret;
                    aw_secret_of(&secret, 7);
                    hashes[i] = aw_xxh3_word(&secret, (uint64_t)keys[i]);
                    if (modulo) hashes[i] %= modulo;
                }
                for (int64_t i = 0; i < ranges; i++) {
                    last[i] = i % 3 ? next(&state) >> crowd : hashes[i % KEYS] - (uint64_t)(i % 2);
                    codes[i] = (int32_t)(i % 7) - 1;
                }
                last[ranges - 1] = UINT64_MAX;
                qsort(last, (size_t)ranges, 8, ascending);
                aw_table_of(table, 7, last, codes, ranges, modulo);
                int32_t out[KEYS];
                aw_codes_int64(table, KEYS, keys, out);
                for (int64_t i = 0; i < KEYS; i++) {
                    CHECK(out[i] == plainly(last, codes, hashes[i]) && out[i] == aw_code_of_int64(table, keys[i]));
                }
                free(last), free(codes), free(table);
            }
        }
    }
}

/* A table of two halves, or of its first half within a namespace. */
static void halves(aw_table *table, int spaced) {
    static const uint64_t last[2] = {UINT64_MAX / 2, UINT64_MAX};
    static const int32_t codes[2] = {0, 1};
    aw_table_of(table, 11, last, codes, 2, 0);
    if (spaced) aw_table_within(table, 5, 1ULL << 62, 1ULL << 63);
}

/* Batches over blocks of just their size agree with single keys. */
static void batches(int spaced) {
    aw_table table;
    halves(&table, spaced);
    uint8_t *cells = block(KEYS * WIDTH), *scratch = block(4 * WIDTH);
    uint32_t *points = block(KEYS * WIDTH * 4);
    int32_t *out = block(KEYS * 4), *small = block((KEYS + 1) * 4);
    int64_t *large = block((KEYS + 1) * 8);
    int inside = 0;
    small[0] = 0;
    for (int i = 0; i < KEYS; i++) {
        const int length = i % (WIDTH + 1);
        for (int j = 0; j < WIDTH; j++) {
            cells[WIDTH * i + j] = j < length ? (uint8_t)('a' + (i * 7 + j * 3) % 26) : 0;
            points[WIDTH * i + j] = cells[WIDTH * i + j];
        }
        small[i + 1] = small[i] + length;
    }
    uint8_t *data = block((size_t)small[KEYS]);
    for (int i = 0; i < KEYS; i++) memcpy(data + small[i], cells + WIDTH * i, (size_t)(small[i + 1] - small[i]));
    for (int i = 0; i <= KEYS; i++) large[i] = small[i];
#define SAME()                                                                                                         \
    for (int i = 0; i < KEYS; i++) {                                                                                   \
        CHECK(out[i] == aw_code_of(&table, data + small[i], (size_t)(small[i + 1] - small[i])));                       \
        inside += out[i] >= 0;                                                                                         \
        out[i] = 99;                                                                                                   \
    }
    aw_codes_bytes(&table, KEYS, WIDTH, cells, out);
    SAME();
    CHECK(aw_codes_utf32(&table, KEYS, WIDTH, points, scratch, out) == AW_OK);
    SAME();
    CHECK(aw_codes_arrow32(&table, KEYS, small, small[KEYS], data, out) == AW_OK);
    SAME();
    CHECK(aw_codes_arrow64(&table, KEYS, large, small[KEYS], data, out) == AW_OK);
    SAME();
    CHECK(spaced ? inside > 0 && inside < 4 * KEYS : inside == 4 * KEYS);
    /* nothing beyond the data is read, wherever an offset leads */
    for (int i = 0; i <= KEYS; i += 37) {
        const int32_t kept = small[i];
        const int32_t wrong[4] = {-1, small[KEYS] + 1, INT32_MAX, INT32_MIN};
        for (int j = 0; j < 4; j++) {
            small[i] = wrong[j];
            large[i] = wrong[j] < 0 ? INT64_MIN : INT64_MAX;
            CHECK(aw_codes_arrow32(&table, KEYS, small, small[KEYS], data, out) == AW_E_OFFSETS);
            CHECK(aw_codes_arrow64(&table, KEYS, large, small[KEYS], data, out) == AW_E_OFFSETS);
        }
        small[i] = kept;
        large[i] = kept;
    }
    /* four bytes a code point is the most that UTF-8 takes; surrogates and numbers above have none */
    for (int i = 0; i < KEYS * WIDTH; i++) points[i] = 0x10ffff;
    CHECK(aw_codes_utf32(&table, KEYS, WIDTH, points, scratch, out) == AW_OK);
    static const uint32_t wrong[4] = {0xd800, 0xdfff, 0x110000, UINT32_MAX};
    for (int i = 0; i < 4; i++) {
        points[KEYS * WIDTH - 1] = wrong[i];
        CHECK(aw_codes_utf32(&table, KEYS, WIDTH, points, scratch, out) == AW_E_TEXT);
    }
    free(cells), free(scratch), free(points), free(out), free(small), free(large), free(data);
}

int main(void) {
    known_answers();
    lengths_and_addresses();
    tables();
    batches(0);
    batches(1);
    printf("allocation, %d failures\n", failures);
    return failures != 0;
}
