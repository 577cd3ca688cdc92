/*
 * XXH3-64, written from its specification (Y. Collet, "xxHash fast digest algorithm", doc/xxhash_spec.md, version
 * 0.7.3 and later), for every length and seed. The oracle is tests/conformance/naive_xxh3.py, the twin jit_xxh3.py.
 *
 * A hash mixes a key with a secret of 192 bytes. The specification derives another secret from the seed for keys above
 * 240 bytes, and adds the seed to (and subtracts it from) words of the default secret for keys of 17 to 240: both come
 * to the same words, as long as they are read at multiples of eight bytes. They are, but for the second half of keys of
 * 129 to 240 bytes. So the secret of a seed is derived once, and a key of a usual length costs loads, one wide product
 * for each 16 bytes, and the final mixing.
 *
 * Keys may begin at any address, and are read in little-endian order on every machine. The secret is held as words, so
 * that its bytes never matter; where it is read across two words, the parts are shifted together.
 *
 * There is no vector body for long keys: identifiers are short, and a key of a kilobyte takes 0.1 us as it is.
 */
#include "xxh3.h"

#include <string.h>

#define PRIME32_1 0x9e3779b1ULL
#define PRIME32_2 0x85ebca77ULL
#define PRIME32_3 0xc2b2ae3dULL
#define PRIME64_1 0x9e3779b185ebca87ULL
#define PRIME64_2 0xc2b2ae3d27d4eb4fULL
#define PRIME64_3 0x165667b19e3779f9ULL
#define PRIME64_4 0x85ebca77c2b2ae63ULL
#define PRIME64_5 0x27d4eb2f165667c5ULL
#define PRIME_MX1 0x165667919e3779f9ULL

/* Apart, so that a short key does not save the registers that a long one needs. */
#define LONG_KEYS static __attribute__((noinline))

enum { STRIPE = 64, STRIPES = 16, BLOCK = STRIPE * STRIPES };

/* The default secret, as little-endian words. */
static const uint64_t DEFAULT[AW_SECRET_WORDS] = {
    0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de, 0x1f67b3b7a4a44072, 0x78e5c0cc4ee679cb,
    0x2172ffcc7dd05a82, 0x8e2443f7744608b8, 0x4c263a81e69035e0, 0xcb00c391bb52283c, 0xa32e531b8b65d088,
    0x4ef90da297486471, 0xd8acdea946ef1938, 0x3f349ce33f76faa8, 0x1d4f0bc7c7bbdcf9, 0x3159b4cd4be0518a,
    0x647378d9c97e9fc8, 0xc3ebd33483acc5ea, 0xeb6313faffa081c5, 0x49daf0b751dd0d17, 0x9e68d429265516d3,
    0xfca1477d58be162b, 0xce31d07ad1b8f88f, 0x280416958f3acb45, 0x7e404bbbcafbd7af,
};

#define SWAPPED (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)

static inline uint64_t read32(const uint8_t *p) {
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return SWAPPED ? __builtin_bswap32(x) : x;
}

static inline uint64_t read64(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return SWAPPED ? __builtin_bswap64(x) : x;
}

/* The eight bytes of a secret at an offset that is no multiple of eight. */
static inline uint64_t across(const uint64_t *word, size_t offset) {
    const size_t i = offset / 8, bits = offset % 8 * 8;
    return word[i] >> bits | word[i + 1] << (64 - bits);
}

/* The two halves of a product of 128 bits, joined by exclusive or. */
static inline uint64_t folded(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    const wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    const uint64_t low = 0xffffffffULL, a0 = a & low, a1 = a >> 32, b0 = b & low, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), cross = a0 * b1 + (middle & low);
    return a * b ^ (a1 * b1 + (middle >> 32) + (cross >> 32));
#endif
}

/* The last step; the other one is that of XXH64. */
static inline uint64_t avalanche(uint64_t x) {
    x ^= x >> 37;
    x *= PRIME_MX1;
    return x ^ x >> 32;
}

static inline uint64_t avalanche_xxh64(uint64_t x) {
    x ^= x >> 33;
    x *= PRIME64_2;
    x ^= x >> 29;
    x *= PRIME64_3;
    return x ^ x >> 32;
}

void aw_secret_of(aw_secret *secret, uint64_t seed) {
    for (int i = 0; i < AW_SECRET_WORDS; i += 2) {
        secret->word[i] = DEFAULT[i] + seed;
        secret->word[i + 1] = DEFAULT[i + 1] - seed;
    }
    secret->seed = seed;
    secret->empty = seed ^ DEFAULT[7] ^ DEFAULT[8];
    secret->few = ((DEFAULT[0] ^ DEFAULT[0] >> 32) & 0xffffffffULL) + seed;
    secret->eight = (DEFAULT[1] ^ DEFAULT[2]) - (seed ^ (uint64_t)__builtin_bswap32((uint32_t)seed) << 32);
    secret->low = (DEFAULT[3] ^ DEFAULT[4]) + seed;
    secret->high = (DEFAULT[5] ^ DEFAULT[6]) - seed;
}

/* Sixteen bytes of a key with two words of the secret. */
static inline uint64_t mixed(const uint8_t *p, uint64_t first, uint64_t second) {
    return folded(read64(p) ^ first, read64(p + 8) ^ second);
}

static inline uint64_t up_to_16(const aw_secret *secret, const uint8_t *key, size_t n) {
    if (n > 8) {
        const uint64_t low = secret->low ^ read64(key), high = secret->high ^ read64(key + n - 8);
        return avalanche(n + __builtin_bswap64(low) + high + folded(low, high));
    }
    if (n > 3) return aw_xxh3_eight(secret, read32(key + n - 4) | read32(key) << 32, n);
    if (!n) return avalanche_xxh64(secret->empty);
    const uint64_t first = key[0], middle = key[n / 2], last = key[n - 1];
    return avalanche_xxh64(secret->few ^ (last | (uint64_t)n << 8 | first << 16 | middle << 24));
}

/* Sixteen bytes from the front and sixteen from the back, from the middle outwards. */
static inline uint64_t up_to_128(const uint64_t *word, const uint8_t *key, size_t n) {
    const uint8_t *end = key + n - 16;
    uint64_t sum = n * PRIME64_1;
    if (n > 32) {
        if (n > 64) {
            if (n > 96) sum += mixed(key + 48, word[12], word[13]) + mixed(end - 48, word[14], word[15]);
            sum += mixed(key + 32, word[8], word[9]) + mixed(end - 32, word[10], word[11]);
        }
        sum += mixed(key + 16, word[4], word[5]) + mixed(end - 16, word[6], word[7]);
    }
    sum += mixed(key, word[0], word[1]) + mixed(end, word[2], word[3]);
    return avalanche(sum);
}

LONG_KEYS uint64_t up_to_240(const aw_secret *secret, const uint8_t *key, size_t n) {
    uint64_t sum = n * PRIME64_1;
    for (size_t i = 0; i < 8; i++) sum += mixed(key + 16 * i, secret->word[2 * i], secret->word[2 * i + 1]);
    sum = avalanche(sum);
    for (size_t i = 8; i < n / 16; i++) {
        const size_t offset = 16 * (i - 8) + 3;
        sum += mixed(key + 16 * i, across(DEFAULT, offset) + secret->seed, across(DEFAULT, offset + 8) - secret->seed);
    }
    sum += mixed(key + n - 16, across(DEFAULT, 119) + secret->seed, across(DEFAULT, 127) - secret->seed);
    return avalanche(sum);
}

/* One stripe, by the eight words of the secret that are given. */
static inline void accumulate(uint64_t *sums, const uint8_t *stripe, const uint64_t *word) {
    for (int i = 0; i < 8; i++) {
        const uint64_t data = read64(stripe + 8 * i), keyed = data ^ word[i];
        sums[i ^ 1] += data;
        sums[i] += (keyed & 0xffffffffULL) * (keyed >> 32);
    }
}

LONG_KEYS uint64_t beyond_240(const uint64_t *word, const uint8_t *key, size_t n) {
    uint64_t sums[8] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
    const size_t blocks = (n - 1) / BLOCK;
    for (size_t b = 0; b < blocks; b++) {
        for (size_t s = 0; s < STRIPES; s++) accumulate(sums, key + BLOCK * b + STRIPE * s, word + s);
        for (int i = 0; i < 8; i++) sums[i] = (sums[i] ^ sums[i] >> 47 ^ word[AW_SECRET_WORDS - 8 + i]) * PRIME32_1;
    }
    const uint8_t *rest = key + BLOCK * blocks;
    const size_t stripes = (n - 1 - BLOCK * blocks) / STRIPE;
    for (size_t s = 0; s < stripes; s++) accumulate(sums, rest + STRIPE * s, word + s);
    uint64_t last[8], merge[8];
    for (size_t i = 0; i < 8; i++) {
        last[i] = across(word, 121 + 8 * i);
        merge[i] = across(word, 11 + 8 * i);
    }
    accumulate(sums, key + n - STRIPE, last);
    uint64_t sum = n * PRIME64_1;
    for (int i = 0; i < 8; i += 2) sum += folded(sums[i] ^ merge[i], sums[i + 1] ^ merge[i + 1]);
    return avalanche(sum);
}

uint64_t aw_xxh3_64(const aw_secret *secret, const uint8_t *key, size_t n) {
    if (n <= 16) return up_to_16(secret, key, n);
    if (n <= 128) return up_to_128(secret->word, key, n);
    if (n <= 240) return up_to_240(secret, key, n);
    return beyond_240(secret->word, key, n);
}

uint64_t aw_xxh3(uint64_t seed, const uint8_t *data, size_t n) {
    aw_secret secret;
    aw_secret_of(&secret, seed);
    return aw_xxh3_64(&secret, data, n);
}
