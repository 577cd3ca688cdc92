/*
 * A table of allocation: from a key to the code of its variant.
 */
#ifndef AW_ALLOCATE_H
#define AW_ALLOCATE_H

#include "xxh3.h"

enum { AW_CELLS = 256 };

/* Nothing changes once it is filled, so that any number of threads may read it. */
typedef struct aw_table {
    aw_secret variant;
    const uint64_t *last;        /* ranges numbers, ascending: range i holds the hashes in (last[i - 1], last[i]] */
    const int32_t *codes;        /* ranges; -1 where nobody is in the experiment */
    uint64_t modulo;             /* 0, or what the hash is taken modulo before it is looked up */
    int shift;                   /* a hash is in the cell of its bits from here on */
    int32_t guide[AW_CELLS + 1]; /* the first range that reaches into a cell, and the last range */
    int spaced;                  /* whether keys must first fall into [from, to] by the hash of the namespace */
    uint64_t from, to;
    aw_secret space;
} aw_table;

/*
 * requires: 1 <= ranges <= 2^31 - 1; last and codes (ranges), which the table borrows; last ascending, and its end
 * 2^64 - 1, or modulo - 1 and more where there is a modulo.
 * writes: a table without a namespace.
 */
void aw_table_of(aw_table *table, uint64_t seed, const uint64_t *last, const int32_t *codes, int64_t ranges,
                 uint64_t modulo);
/* Keep those keys out whose hash under the namespace's seed is not in [from, to]. */
void aw_table_within(aw_table *table, uint64_t seed, uint64_t from, uint64_t to);

/* returns: the code of a key, -1 where it is not in the experiment. */
int32_t aw_code_of(const aw_table *table, const uint8_t *key, size_t n);
/* returns: the code of the key of eight bytes that is a whole number, the least byte first. */
int32_t aw_code_of_int64(const aw_table *table, int64_t key);

/* requires: n >= 0, width >= 0, and n * width items. writes: out (n). out does not overlap what is read. */
void aw_codes_int64(const aw_table *table, int64_t n, const int64_t *keys, int32_t *out);
/* Keys in cells of width bytes, without the zeros at their ends. */
void aw_codes_bytes(const aw_table *table, int64_t n, size_t width, const uint8_t *cells, int32_t *out);
/*
 * Keys in cells of width code points, without the zeros at their ends, hashed as UTF-8. scratch: 4 * width bytes.
 * returns: 0, or AW_E_TEXT, with out of no meaning, for a surrogate or what is no code point.
 */
int aw_codes_utf32(const aw_table *table, int64_t n, size_t width, const uint32_t *cells, uint8_t *scratch,
                   int32_t *out);
/*
 * Key i is data[offsets[i]] to data[offsets[i + 1] - 1]; offsets (n + 1), data (size).
 * Each offset is read once and checked before a byte of its key is read: what another thread writes meanwhile may
 * change codes, and leads to no read outside. returns: 0, or AW_E_OFFSETS, with out of no meaning, where an offset is
 * below the one before it or outside.
 */
int aw_codes_arrow32(const aw_table *table, int64_t n, const int32_t *offsets, int64_t size, const uint8_t *data,
                     int32_t *out);
int aw_codes_arrow64(const aw_table *table, int64_t n, const int64_t *offsets, int64_t size, const uint8_t *data,
                     int32_t *out);

#endif
