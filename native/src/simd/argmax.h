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

/*
 * The greatest score over lanes; ties to the lowest position. No branch hangs on a score, which no predictor knows: the
 * maximum by a tree, then the lanes that hold it, of which there is nearly always one.
 */
AW_INLINE int64_t winner(const leader *best, double *score) {
    double scores[AW_W], positions[AW_W];
    st(scores, best->score);
    st(positions, best->position);
#pragma GCC unroll 4
    for (int half = AW_W / 2; half > 0; half /= 2) {
#pragma GCC unroll 4
        for (int j = 0; j < half; j++) scores[j] = scores[j] > scores[j + half] ? scores[j] : scores[j + half];
    }
    int holders = MM((vi)(best->score == V(scores[0])));
    double position = positions[__builtin_ctz((unsigned)holders)];
    for (holders &= holders - 1; AW_RARE(holders); holders &= holders - 1) {
        const double other = positions[__builtin_ctz((unsigned)holders)];
        if (other < position) position = other;
    }
    *score = scores[0];
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
