/* The thinning rates of a large set at one level, on lanes; the essay is in block.c. */
#ifndef AW_SIMD_BLOCK_H
#define AW_SIMD_BLOCK_H

#include "../../include/armwise.h"
#include "random.h"

/*
 * requires: alpha, beta, log_beta valid up to the next multiple of 8 of count.
 * writes:   rates (count): an upper bound of -log(1 - B) in units of 2^-40, rounded up, AW_RATE_CAP where B > 1/2.
 * returns:  their sum.
 */
static uint64_t block_rates(const double *alpha, const double *beta, const double *log_beta, int64_t count,
                            double level, uint64_t *rates) {
    const vd share = 1.0 / (1.0 + vexp(VCLAMP(V(-level), -700.0, 700.0))), soft = vsoftplus(V(level));
    uint64_t total = 0;
    for (int64_t i = 0; i < count; i += AW_W) {
        const vd a = ld(alpha + i), b = ld(beta + i), n = a + b;
        const vd s = n * share - a;
        const vd logf = (a * level - n * soft) - ld(log_beta + i);
        const vi usable = (vi)(s > 0.0) & (vi)(logf <= 100.0);
        const vd mass = SEL(usable, vexp(VCLAMP(logf, -700.0, 100.0)) / SEL(usable, s, V(1.0)), V(1.0));
        const vi small = (vi)(mass <= 0.5);
        const vd scaled = SEL(small, (mass + mass * mass) * 0x1p40, V(0.0));
        const vi rate = __builtin_convertvector(scaled, vi) + 1;
        for (int j = 0; j < AW_W && i + j < count; j++) {
            const uint64_t r = small[j] ? (uint64_t)rate[j] : AW_RATE_CAP;
            rates[i + j] = r;
            total += r;
        }
    }
    return total;
}

#endif
