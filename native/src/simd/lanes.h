/*
 * Lanes: the vector vocabulary of every kernel body, included once per instruction set.
 *
 * A translation unit native/src/isa_*.c defines AW_W, the number of double lanes (1, 2, 4 or 8), selects its
 * instruction set by a target pragma, and includes this header through simd/all.h. The types are GCC and clang vector
 * extensions; only what the extensions lack (mask to bits, 32 x 32 -> 64 bit products, square roots) is written per
 * instruction set. Every operation is a correctly rounded IEEE operation on each lane by itself, so that the lane count
 * never enters a result.
 */
#ifndef AW_LANES_H
#define AW_LANES_H

#include <stdint.h>
#include <string.h>

#ifndef AW_W
#error "define AW_W before including simd/lanes.h"
#endif

#define AW_INLINE static inline __attribute__((always_inline))
#define AW_RARE(condition) __builtin_expect(!!(condition), 0)
#define AW_ALL_LANES ((1 << AW_W) - 1)

typedef double vd __attribute__((vector_size(8 * AW_W)));
typedef int64_t vi __attribute__((vector_size(8 * AW_W)));
typedef uint64_t vu __attribute__((vector_size(8 * AW_W)));
typedef uint32_t vh __attribute__((vector_size(4 * AW_W)));

/* Every lane the same. */
AW_INLINE vd V(double x) { return x - (vd){0}; }
AW_INLINE vu U(uint64_t x) { return x - (vu){0}; }

AW_INLINE vd ld(const double *p) {
    vd r;
    memcpy(&r, p, sizeof r);
    return r;
}
AW_INLINE void st(double *p, vd x) { memcpy(p, &x, sizeof x); }
AW_INLINE vu ldu(const uint64_t *p) {
    vu r;
    memcpy(&r, p, sizeof r);
    return r;
}
/* Words kept for a while where doubles will stand. */
AW_INLINE vu ldw(const double *p) { return (vu)ld(p); }
AW_INLINE void stw(double *p, vu x) { st(p, (vd)x); }
/* W unsigned 32-bit numbers, widened. */
AW_INLINE vu ldh(const uint32_t *p) {
    vh r;
    memcpy(&r, p, sizeof r);
    return __builtin_convertvector(r, vu);
}

static const double AW_IOTA[8] = {0, 1, 2, 3, 4, 5, 6, 7};
AW_INLINE vd iota(void) { return ld(AW_IOTA); }

/* a where the mask is set, b elsewhere. */
AW_INLINE vd SEL(vi mask, vd a, vd b) { return (vd)(((vi)a & mask) | ((vi)b & ~mask)); }
AW_INLINE vd VABS(vd a) { return (vd)((vu)a & 0x7fffffffffffffffULL); }

#if AW_W == 8 && defined(__AVX512F__)
AW_INLINE int MM(vi m) { return _mm512_movepi64_mask((__m512i)m); }
AW_INLINE vu MUL32(vu a, vu b) { return (vu)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
AW_INLINE vd VSQRT(vd a) { return (vd)_mm512_sqrt_pd((__m512d)a); }
#elif AW_W == 4 && defined(__AVX2__)
AW_INLINE int MM(vi m) { return _mm256_movemask_pd((__m256d)m); }
AW_INLINE vu MUL32(vu a, vu b) { return (vu)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
AW_INLINE vd VSQRT(vd a) { return (vd)_mm256_sqrt_pd((__m256d)a); }
#elif AW_W == 2 && defined(__SSE2__)
AW_INLINE int MM(vi m) { return _mm_movemask_pd((__m128d)m); }
AW_INLINE vu MUL32(vu a, vu b) { return (vu)_mm_mul_epu32((__m128i)a, (__m128i)b); }
AW_INLINE vd VSQRT(vd a) { return (vd)_mm_sqrt_pd((__m128d)a); }
#elif AW_W == 2 && defined(__aarch64__)
AW_INLINE int MM(vi m) { return (int)(m[0] & 1) | (int)(m[1] & 2); }
AW_INLINE vu MUL32(vu a, vu b) { return (vu)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b)); }
AW_INLINE vd VSQRT(vd a) { return (vd)vsqrtq_f64((float64x2_t)a); }
#else
AW_INLINE int MM(vi m) {
    int bits = 0;
    for (int j = 0; j < AW_W; j++) bits |= (m[j] != 0) << j;
    return bits;
}
AW_INLINE vu MUL32(vu a, vu b) { return (a & 0xffffffffULL) * (b & 0xffffffffULL); }
AW_INLINE vd VSQRT(vd a) {
    for (int j = 0; j < AW_W; j++) a[j] = __builtin_sqrt(a[j]);
    return a;
}
#endif

/* The greater and the lesser; where they are equal or unordered, b. */
AW_INLINE vd VMAX(vd a, vd b) { return SEL((vi)(a > b), a, b); }
AW_INLINE vd VMIN(vd a, vd b) { return SEL((vi)(a < b), a, b); }
AW_INLINE vd VCLAMP(vd x, double lo, double hi) { return VMIN(VMAX(x, V(lo)), V(hi)); }

#endif
