/*
 * Linear Thompson sampling on lanes: select and moments, with diagonal and with full covariance.
 *
 * An arm's score at context x is x . theta with theta ~ N(mu, S): a normal of mean m = x . mu and variance v = x' S x.
 * Arms are independent, so the score is drawn from that law directly, by one normal an arm instead of dim of them:
 * m + sqrt(v) z, z the first normal of (slot, decision, purpose 0, attempt 0). This is exact, not an approximation.
 *
 * Lanes are arms. Arms stand in blocks of eight, and within a block each coefficient is eight numbers side by side:
 *     diagonal  [block][j][mu, s2][8]     s2 the posterior variance of coefficient j
 *     full      [block][row][8]           the rows of the lower Cholesky factor L of the precision, packed:
 *                                         L00, L10, L11, L20, ...; then the dim entries of y = L^-1 b
 * so no sum runs across lanes and the vector width cannot enter a result. A sum over j has four accumulators, j mod 4,
 * joined as (a0 + a1) + (a2 + a3): the order of the scalar code in linear.c and of jit_linear.py, its twin.
 *
 * With full covariance m = x' A^-1 b and v = sigma^2 x' A^-1 x, A = L L'. One forward substitution, u = L^-1 x, gives
 * both: m = u . y and v = sigma^2 u . u, a sum of squares, which cannot turn negative.
 */
#ifndef AW_SIMD_LINEAR_H
#define AW_SIMD_LINEAR_H

#include "argmax.h"
#include "random.h"

#include <stddef.h>

enum { BLOCK = 8, GROUP = 64 };

/* Four accumulators of a sum over j, by j mod 4. */
typedef struct sum4 {
    vd a0, a1, a2, a3;
} sum4;

AW_INLINE vd joined(sum4 s) { return (s.a0 + s.a1) + (s.a2 + s.a3); }

/* a . b over n entries that stand a_step and b_step apart. */
AW_INLINE vd dot(const double *a, int64_t a_step, const double *b, int64_t b_step, int64_t n) {
    sum4 s = {V(0.0), V(0.0), V(0.0), V(0.0)};
    int64_t j = 0;
    for (; j + 4 <= n; j += 4, a += 4 * a_step, b += 4 * b_step) {
        s.a0 += ld(a) * ld(b);
        s.a1 += ld(a + a_step) * ld(b + b_step);
        s.a2 += ld(a + 2 * a_step) * ld(b + 2 * b_step);
        s.a3 += ld(a + 3 * a_step) * ld(b + 3 * b_step);
    }
    if (j < n) s.a0 += ld(a) * ld(b);
    if (j + 1 < n) s.a1 += ld(a + a_step) * ld(b + b_step);
    if (j + 2 < n) s.a2 += ld(a + 2 * a_step) * ld(b + 2 * b_step);
    return joined(s);
}

/* One coefficient of the diagonal law: x mu, and x^2 s2. */
AW_INLINE void diag_term(const double *pair, double x, vd *mean, vd *variance) {
    vd lanes = V(x);
#if AW_W >= 4
    /* Where the compiler knows that all lanes are equal, it squares one and broadcasts it: two shuffles a term more. */
    __asm__("" : "+v"(lanes));
#endif
    *mean += lanes * ld(pair);
    *variance += lanes * lanes * ld(pair + BLOCK);
}

/* The score's mean and variance for AW_W arms, the first of which has its numbers at coefficients. */
AW_INLINE void diag_lanes(const double *coefficients, int64_t dim, const double *x, vd *mean, vd *variance) {
    sum4 m = {V(0.0), V(0.0), V(0.0), V(0.0)}, v = m;
    int64_t j = 0;
    const double *pair = coefficients;
    for (; j + 4 <= dim; j += 4, pair += 8 * BLOCK) {
        diag_term(pair, x[j], &m.a0, &v.a0);
        diag_term(pair + 2 * BLOCK, x[j + 1], &m.a1, &v.a1);
        diag_term(pair + 4 * BLOCK, x[j + 2], &m.a2, &v.a2);
        diag_term(pair + 6 * BLOCK, x[j + 3], &m.a3, &v.a3);
    }
    if (j < dim) diag_term(pair, x[j], &m.a0, &v.a0);
    if (j + 1 < dim) diag_term(pair + 2 * BLOCK, x[j + 1], &m.a1, &v.a1);
    if (j + 2 < dim) diag_term(pair + 4 * BLOCK, x[j + 2], &m.a2, &v.a2);
    *mean = joined(m);
    *variance = joined(v);
}

/* The same with full covariance. writes: scratch (dim * AW_W), which holds u. */
AW_INLINE void full_lanes(const double *factor, int64_t dim, const double *x, double sigma2, double *scratch, vd *mean,
                          vd *variance) {
    const double *row = factor;
    for (int64_t i = 0; i < dim; i++, row += i * BLOCK) {
        st(scratch + i * AW_W, (V(x[i]) - dot(row, BLOCK, scratch, AW_W, i)) / ld(row + i * BLOCK));
    }
    *mean = dot(scratch, AW_W, row, BLOCK, dim);
    *variance = sigma2 * dot(scratch, AW_W, scratch, AW_W, dim);
}

/* What the laws of the scores follow from. */
typedef struct linear_model {
    const double *blocks, *x;
    int64_t dim;
    int full;                /* a constant wherever this is inlined */
    double sigma2, *scratch; /* full only; scratch (8 dim) */
} linear_model;

/* The laws of arms i .. i + AW_W - 1. requires: i a multiple of AW_W. */
AW_INLINE void laws_at(const linear_model *model, int64_t i, vd *mean, vd *variance) {
    const int64_t dim = model->dim, rows = model->full ? dim * (dim + 3) / 2 : 2 * dim;
    const double *lanes = model->blocks + i / BLOCK * (rows * BLOCK) + i % BLOCK;
    if (model->full) {
        full_lanes(lanes, dim, model->x, model->sigma2, model->scratch, mean, variance);
    } else {
        diag_lanes(lanes, dim, model->x, mean, variance);
    }
}

/*
 * Draw the scores of count arms. returns: the position of the greatest, see lints_diag_select.
 * Random words are a chain of eighty dependent operations, a normal is another of a hundred, and the sums of a law wait
 * for memory. In two loops the processor runs several words beside each other, and then the normals beside the sums.
 */
AW_INLINE int64_t select_by_law(const linear_model *model, const uint32_t *slots, int64_t count, uint64_t key,
                                uint64_t decision) {
    leader best = no_leader();
    for (int64_t from = 0; from < count; from += GROUP) {
        _Alignas(64) double first[GROUP], second[GROUP]; /* across two cache lines a vector would be slow to load */
        const int64_t n = count - from < GROUP ? count - from : GROUP;
        for (int64_t i = 0; i < n; i += AW_W) {
            vu r1, r2;
            philox(ldh(slots + from + i), U(decision), AW_PURPOSE_DRAW, 0, key, &r1, &r2);
            stw(first + i, r1);
            stw(second + i, r2);
        }
        for (int64_t i = 0; i < n; i += AW_W) {
            vd normal, unused, mean, variance;
            box_muller(ldw(first + i), ldw(second + i), &normal, &unused);
            laws_at(model, from + i, &mean, &variance);
            const vd position = iota() + (double)(from + i);
            contend(&best, mean + VSQRT(variance) * normal, position, (vi)(position < (double)count));
        }
    }
    double score;
    return winner(&best, &score);
}

AW_INLINE void store_laws(const linear_model *model, int64_t count, double *mean, double *variance) {
    for (int64_t i = 0; i < count; i += AW_W) {
        vd m, v;
        laws_at(model, i, &m, &v);
        store_live(mean, m, i, count);
        store_live(variance, v, i, count);
    }
}

/*
 * requires: count >= 1; blocks valid up to the next multiple of 8 of count, and slots; x (dim), checked by
 *           aw_context_check; slots ascending. Blocks at a multiple of 64 bytes are read fastest.
 * returns:  the position of the greatest score; ties to the lowest, and a score that is not a number never wins.
 * writes:   nothing. threads: any number at once. determinism: the same position on every instruction set.
 */
static int64_t lints_diag_select(const double *blocks, const uint32_t *slots, int64_t count, int64_t dim,
                                 const double *x, uint64_t key, uint64_t decision) {
    const linear_model model = {blocks, x, dim, 0, 0.0, NULL};
    return select_by_law(&model, slots, count, key, decision);
}

/*
 * requires: blocks valid up to the next multiple of 8 of count; x (dim), checked.
 * writes:   mean and variance (count): the laws of the scores. Neither overlaps another argument.
 * threads:  any number at once. determinism: the same bits on every instruction set.
 */
static void lints_diag_moments(const double *blocks, int64_t count, int64_t dim, const double *x, double *mean,
                               double *variance) {
    const linear_model model = {blocks, x, dim, 0, 0.0, NULL};
    store_laws(&model, count, mean, variance);
}

/* As lints_diag_select. writes: scratch (8 dim), which overlaps nothing; a thread has its own. */
static int64_t lints_full_select(const double *blocks, const uint32_t *slots, int64_t count, int64_t dim,
                                 const double *x, double sigma2, uint64_t key, uint64_t decision, double *scratch) {
    const linear_model model = {blocks, x, dim, 1, sigma2, scratch};
    return select_by_law(&model, slots, count, key, decision);
}

/* As lints_diag_moments. writes: scratch (8 dim), which overlaps nothing; a thread has its own. */
static void lints_full_moments(const double *blocks, int64_t count, int64_t dim, const double *x, double sigma2,
                               double *mean, double *variance, double *scratch) {
    const linear_model model = {blocks, x, dim, 1, sigma2, scratch};
    store_laws(&model, count, mean, variance);
}

#endif
