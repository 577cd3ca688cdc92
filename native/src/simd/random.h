/*
 * Randomness on lanes: Philox4x32-10 at an address, and the elementary functions that turn its words into normals.
 *
 * Philox: Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Each 32-bit word lives
 * in a 64-bit lane. log, exp, sine and cosine are polynomials in + - * / alone, evaluated in one fixed order without
 * contraction: their bits are a promise (docs/reproducibility), so none may come from the C library. Errors measured
 * against a 40-digit reference: log and exp 1 ulp, normals 3 ulp.
 */
#ifndef AW_RANDOM_H
#define AW_RANDOM_H

#include "lanes.h"

enum { AW_PURPOSE_DRAW, AW_PURPOSE_BOOST, AW_PURPOSE_COUNT, AW_PURPOSE_POINT, AW_PURPOSE_EPSILON };

#define AW_EXPONENT_ONE 0x3ff0000000000000ULL
#define AW_MANTISSA 0x000fffffffffffffULL
#define AW_SIGN 0x8000000000000000ULL

/*
 * writes:  the two 64-bit words of the address (slot, decision, last word) under key (word 0 low, word 1 high).
 * requires: lanes of slot and last < 2^32.
 */
AW_INLINE void philox_at(vu slot, vu decision, vu last, uint64_t key, vu *r1, vu *r2) {
    /* MUL32 reads the low half of a lane: what stands above it is left there until the end */
    vu c0 = slot, c1 = decision, c2 = decision >> 32, c3 = last;
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
        const vu p0 = MUL32(c0, U(0xD2511F53u)), p1 = MUL32(c2, U(0xCD9E8D57u));
        c0 = (p1 >> 32) ^ c1 ^ (uint64_t)k0;
        c1 = p1;
        c2 = (p0 >> 32) ^ c3 ^ (uint64_t)k1;
        c3 = p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    *r1 = c0 << 32 | (c1 & 0xffffffffULL);
    *r2 = c2 << 32 | (c3 & 0xffffffffULL);
}

/* The same for one purpose and attempt. requires: attempt < 2^24. */
AW_INLINE void philox(vu slot, vu decision, uint32_t purpose, uint32_t attempt, uint64_t key, vu *r1, vu *r2) {
    philox_at(slot, decision, U((uint64_t)purpose << 24 | attempt), key, r1, r2);
}

/* A uniform in (0, 1): the top 52 bits, at the middle of their cell. */
AW_INLINE vd unit53(vu r) { return (vd)(r >> 12 | AW_EXPONENT_ONE) - (1.0 - 0x1p-53); }
/* A uniform in (0, 1) from the low 24 bits, which the normals leave unused. */
AW_INLINE vd unit24(vu r) { return (vd)(r << 40 >> 12 | AW_EXPONENT_ONE) - (1.0 - 0x1p-25); }

/* Natural logarithm. requires: positive normal numbers. Coefficients: FreeBSD e_log.c. */
AW_INLINE vd vlog(vd x) {
    const vu ix = (vu)x + (AW_EXPONENT_ONE - 0x3fe6a09e667f3bcdULL);
    const vd k = (vd)(ix >> 52 | 0x4330000000000000ULL) - (4503599627370496.0 + 1023.0);
    const vd m = (vd)((ix & AW_MANTISSA) + 0x3fe6a09e667f3bcdULL);
    const vd f = m - 1.0, s = f / (2.0 + f), z = s * s, w = z * z;
    const vd t1 = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    const vd t2 = z * (6.666666666666735130e-01 +
                       w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    const vd r = t1 + t2, h = 0.5 * f * f;
    return k * 6.93147180369123816490e-01 - ((h - (s * (h + r) + k * 1.90821492927058770002e-10)) - f);
}

/*
 * x = n log(2) + r with |r| <= log(2)/2. writes: n, where an exponent stands. returns: exp(r) - 1, by the Taylor
 * polynomial of degree 13.
 */
AW_INLINE vd reduced_exp(vd x, vu *power) {
    const vd t = x * 1.44269504088896338700 + 6755399441055744.0;
    const vd k = t - 6755399441055744.0;
    vd r = x - k * 6.93147180369123816490e-01;
    r = r - k * 1.90821492927058770002e-10;
    vd p = V(1.0 / 6227020800);
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    *power = (vu)t << 52;
    return r + r * r * p;
}

/* Exponential. requires: -708 <= x <= 708. */
AW_INLINE vd vexp(vd x) {
    vu power;
    const vd rest = reduced_exp(x, &power);
    return (vd)((vu)(1.0 + rest) + power);
}

/* log(1 + x) for x in [0, 1], compensated. */
AW_INLINE vd vlog1p(vd x) {
    const vd q = 1.0 + x;
    return vlog(q) + (x - (q - 1.0)) / q;
}

/* log(1 + exp(t)), accurate in both tails. */
AW_INLINE vd vsoftplus(vd t) {
    const vi negative = (vi)(t < 0.0);
    const vd small = vlog1p(vexp(VMAX(SEL(negative, t, -t), V(-700.0))));
    return SEL(negative, small, t + small);
}

/*
 * Two independent normals from the top 40 bits of each word (Box & Muller 1958). The angle is a quadrant, by two bits
 * of r2, and an offset in (-pi/4, pi/4) on which sine and cosine are the kernels of FreeBSD k_sin.c and k_cos.c.
 */
AW_INLINE void box_muller(vu r1, vu r2, vd *z1, vd *z2) {
    const vd u = (vd)(r1 >> 24 << 12 | AW_EXPONENT_ONE) - (1.0 - 0x1p-41);
    const vd radius = VSQRT(-2.0 * vlog(u));
    const vd t = (vd)((r2 >> 24 << 14 & AW_MANTISSA) | AW_EXPONENT_ONE) - (1.5 - 0x1p-39);
    const vd r = t * 1.57079632679489661923, q = r * r;
    vd s = V(1.58962301576546568060e-10);
    s = s * q - 2.50507477628578072866e-8;
    s = s * q + 2.75573136213857245213e-6;
    s = s * q - 1.98412698295895385996e-4;
    s = s * q + 8.33333333332211858878e-3;
    s = s * q - 1.66666666666666307295e-1;
    s = r + r * (q * s);
    vd c = V(-1.13585365213876817300e-11);
    c = c * q + 2.08757008419747316778e-9;
    c = c * q - 2.75573141792967388112e-7;
    c = c * q + 2.48015872888517045348e-5;
    c = c * q - 1.38888888888730564116e-3;
    c = c * q + 4.16666666666665929218e-2;
    c = 1.0 - 0.5 * q + q * q * c;
    c = (vd)((vu)c ^ (r2 << 1 & AW_SIGN));
    const vi swapped = ((vi)s ^ (vi)c) & ((vi)r2 >> 63);
    *z1 = radius * (vd)((vi)c ^ swapped);
    *z2 = radius * (vd)((vi)s ^ swapped);
}

#endif
