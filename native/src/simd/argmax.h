/* The arg-max over lanes, and the store of a vector whose last lanes may be idle. */
#ifndef AW_SIMD_ARGMAX_H
#define AW_SIMD_ARGMAX_H

#include "lanes.h"

/* A running maximum, lane by lane; positions are exact in a double. */
typedef struct leader {
    vd score, position;
} leader;

AW_INLINE leader no_leader(void) { return (leader){V(-__builtin_inf()), V(0.0)}; }

/* The lanes of the mask contend. requires: positions rise from call to call, so that ties stay with the lower. */
AW_INLINE void contend(leader *best, vd score, vd position, vi mask) {
    const vi better = (vi)(score > best->score) & mask;
    best->score = SEL(better, score, best->score);
    best->position = SEL(better, position, best->position);
}

/* The greatest score over lanes; ties to the lowest position. */
AW_INLINE int64_t winner(const leader *best, double *score) {
    double top = best->score[0], position = best->position[0];
#pragma GCC unroll 8
    for (int j = 1; j < AW_W; j++) {
        const double s = best->score[j], p = best->position[j];
        if (s > top || (s == top && p < position)) {
            top = s;
            position = p;
        }
    }
    *score = top;
    return (int64_t)position;
}

/* Write the lanes of entries i .. that are below count. */
AW_INLINE void store_live(double *out, vd x, int64_t i, int64_t count) {
    if (i + AW_W <= count) {
        st(out + i, x);
    } else {
        for (int64_t j = 0; i + j < count; j++) out[i + j] = x[j];
    }
}

#endif
