/*
 * XXH3-64 under one seed for many keys: what depends on the seed alone is computed once.
 */
#ifndef AW_XXH3_H
#define AW_XXH3_H

#include "../include/armwise.h"

enum { AW_SECRET_WORDS = 24 };

typedef struct aw_secret {
    uint64_t word[AW_SECRET_WORDS]; /* the default secret, its even words plus the seed, its odd words minus the seed */
    uint64_t seed;
    uint64_t empty, few, eight, low, high; /* what keys of 0, 1-3, 4-8 and 9-16 bytes (both ends) are mixed with */
} aw_secret;

/* writes: what hashing under a seed takes. */
void aw_secret_of(aw_secret *secret, uint64_t seed);

/* returns: XXH3-64 of n bytes. requires: a secret by aw_secret_of. aliasing: none matters, nothing is written. */
uint64_t aw_xxh3_64(const aw_secret *secret, const uint8_t *key, size_t n);

#define AW_PRIME_MX2 0x9fb21c651e98df25ULL

static inline uint64_t aw_turned(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

/* Keys of 4 to 8 bytes; both: the last four bytes, and the first four above them. */
static inline uint64_t aw_xxh3_eight(const aw_secret *secret, uint64_t both, uint64_t n) {
    uint64_t x = secret->eight ^ both;
    x ^= aw_turned(x, 49) ^ aw_turned(x, 24);
    x *= AW_PRIME_MX2;
    x ^= (x >> 35) + n;
    x *= AW_PRIME_MX2;
    return x ^ x >> 28;
}

/* returns: XXH3-64 of the eight bytes of a whole number, the least first. */
static inline uint64_t aw_xxh3_word(const aw_secret *secret, uint64_t x) {
    return aw_xxh3_eight(secret, aw_turned(x, 32), 8);
}

#endif
