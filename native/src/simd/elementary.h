/* The elementary functions over arrays, for tests and for Python. requires: as vlog and vexp. */
#ifndef AW_SIMD_ELEMENTARY_H
#define AW_SIMD_ELEMENTARY_H

#include "random.h"

AW_INLINE void map_lanes(int64_t n, const double *x, double *out, int which) {
    for (int64_t i = 0; i < n; i += AW_W) {
        double in[AW_W], result[AW_W];
        for (int j = 0; j < AW_W; j++) in[j] = x[i + j < n ? i + j : n - 1];
        st(result, which ? vexp(ld(in)) : vlog(ld(in)));
        for (int j = 0; j < AW_W && i + j < n; j++) out[i + j] = result[j];
    }
}

static void elementary_log(int64_t n, const double *x, double *out) { map_lanes(n, x, out, 0); }
static void elementary_exp(int64_t n, const double *x, double *out) { map_lanes(n, x, out, 1); }

#endif
