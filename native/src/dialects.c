/*
 * The hashes by which other systems assign variants: a team that comes from one of them keeps every assignment. What
 * each system hashes, and what it makes of the number, stands in armwise/experiments/allocation.
 *
 * FNV-1a (Fowler, Noll & Vo; RFC 9923) takes a byte at a time, so that keys that differ in their last byte keep most of
 * their hash: it is here for those who have used it, and for nobody else. MurmurHash3 x86_32 is A. Appleby's
 * (SMHasher, public domain). Twins: the functions of the same names in jit_xxh3.py.
 */
#include "../include/armwise.h"

uint32_t aw_fnv1a32(const uint8_t *data, size_t n) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ data[i]) * 16777619u;
    return h;
}

static inline uint32_t turned(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static inline uint32_t scrambled(uint32_t k) { return turned(k * 0xcc9e2d51u, 15) * 0x1b873593u; }

uint32_t aw_murmur3(uint32_t seed, const uint8_t *data, size_t n) {
    uint32_t h = seed, rest = 0;
    const size_t whole = n / 4 * 4;
    for (size_t i = 0; i < whole; i += 4) {
        const uint32_t k =
            (uint32_t)data[i] | (uint32_t)data[i + 1] << 8 | (uint32_t)data[i + 2] << 16 | (uint32_t)data[i + 3] << 24;
        h = turned(h ^ scrambled(k), 13) * 5u + 0xe6546b64u;
    }
    for (size_t i = n; i > whole; i--) rest = rest << 8 | data[i - 1];
    h ^= scrambled(rest); /* nothing, where no byte is left */
    h ^= (uint32_t)n;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    return h ^ h >> 16;
}
