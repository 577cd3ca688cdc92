/*
 * The elementary functions for one number: the bodies of simd/random.h one lane wide, so that C that runs once for each
 * update has the bits of the lanes.
 */
#ifndef AW_SCALAR_H
#define AW_SCALAR_H

#define AW_W 1
#include "simd/random.h"

static inline double aw_log1(double x) { return vlog(V(x))[0]; }
static inline double aw_exp1(double x) { return vexp(V(x))[0]; }
static inline double aw_log1p1(double x) { return vlog1p(V(x))[0]; }
static inline double aw_softplus(double t) { return vsoftplus(V(t))[0]; }
static inline double aw_unit53(uint64_t r) { return unit53(U(r))[0]; }
static inline double aw_clamp(double x, double lo, double hi) { return VCLAMP(V(x), lo, hi)[0]; }

/* writes: the two words of an address, see simd/random.h. */
static inline void aw_words(uint32_t slot, uint64_t decision, uint32_t purpose, uint32_t attempt, uint64_t key,
                            uint64_t *r1, uint64_t *r2) {
    vu a, b;
    philox(U(slot), U(decision), purpose, attempt, key, &a, &b);
    *r1 = a[0];
    *r2 = b[0];
}

/* A whole number in [0, n): the high word of r * n. */
static inline uint64_t aw_below(uint64_t r, uint64_t n) {
    const uint64_t low = 0xffffffffULL, r0 = r & low, r1 = r >> 32, n0 = n & low, n1 = n >> 32;
    const uint64_t middle = r1 * n0 + (r0 * n0 >> 32), cross = r0 * n1 + (middle & low);
    return r1 * n1 + (middle >> 32) + (cross >> 32);
}

#endif
