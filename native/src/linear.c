/*
 * The posteriors of linear Thompson sampling.
 *
 * Model: reward ~ N(x . theta, sigma^2) with theta ~ N(0, (sigma^2 / prior) I) for each arm by itself, so that after
 * events (x, r) the precision is A / sigma^2 with A = prior I + sum x x', and the mean A^-1 b with b = sum r x (Agrawal
 * & Goyal, "Thompson sampling for contextual bandits with linear payoffs", ICML 2013).
 *
 * Diagonal: off-diagonal entries of A are dropped. An arm keeps P = sum x^2 and B = sum r x by coefficient, apart from
 * the prior; where evidence decays, P and B stand in the units of a landmark, an event enters with its gain, and both
 * are read at their present weight: A = prior + P weight, b = B weight. Without decay gain and weight are one, and
 * products with one are exact.
 *
 * Full: A itself is never formed. Its lower Cholesky factor L takes a rank-one update by dim Givens rotations of the
 * pair (column k of L, x): with r = sqrt(L_kk^2 + x_k^2), c = L_kk / r, s = x_k / r, each row below becomes
 * L_ik' = c L_ik + s x_i, x_i' = c x_i - s L_ik (Gill, Golub, Murray & Saunders, "Methods for modifying matrix
 * factorizations", Math. Comp. 28, 1974; LINPACK's dchud). Rotations do not amplify errors, and a diagonal entry r is
 * never below L_kk: it stays at least sqrt(prior), so that the posterior stays positive definite however many events
 * come and however correlated they are. y = L^-1 b is solved anew each time, O(dim^2) like the rotations, so that it
 * has no rounding error of its own to carry on.
 *
 * Everything here runs once for each reward and is plain scalar C: + - * / sqrt in one order, so that its bits do not
 * depend on the instruction set. Twin: pykernel/armwise_kernels/jit_linear.py. No function fails, and arguments do not
 * overlap. Calls for different arms write different numbers: they may run at once, each on its own scratch.
 */
#include "linear.h"

#include "../include/armwise.h"

enum { BLOCK = 8 };

int aw_context_check(const double *x, int64_t dim) {
    /* No early exit, so that the loop runs on vectors; a NaN fails every comparison. */
    int64_t bad = 0;
    for (int64_t j = 0; j < dim; j++) bad |= !(__builtin_fabs(x[j]) <= AW_MAX_CONTEXT);
    return bad ? -1 : 0;
}

static double *arm_at(double *blocks, int64_t position, int64_t rows) {
    return blocks + position / BLOCK * (rows * BLOCK) + position % BLOCK;
}

void aw_lints_diag_refresh(double *blocks, const double *precision, const double *weighted, int64_t position,
                           int64_t dim, double weight, double prior, double sigma2) {
    double *out = arm_at(blocks, position, 2 * dim);
    const double *p = precision + position * dim, *b = weighted + position * dim;
    for (int64_t j = 0; j < dim; j++) {
        const double a = prior + p[j] * weight;
        out[2 * j * BLOCK] = b[j] * weight / a;
        out[(2 * j + 1) * BLOCK] = sigma2 / a;
    }
}

void aw_lints_diag_refresh_all(double *blocks, const double *precision, const double *weighted, int64_t columns,
                               int64_t dim, double weight, double prior, double sigma2) {
    for (int64_t i = 0; i < columns; i++) {
        aw_lints_diag_refresh(blocks, precision, weighted, i, dim, weight, prior, sigma2);
    }
}

void aw_lints_diag_update(double *blocks, double *precision, double *weighted, int64_t position, int64_t dim,
                          const double *x, double reward, double gain, double weight, double prior, double sigma2) {
    double *p = precision + position * dim, *b = weighted + position * dim;
    for (int64_t j = 0; j < dim; j++) {
        p[j] = p[j] + x[j] * x[j] * gain;
        b[j] = b[j] + reward * x[j] * gain;
    }
    aw_lints_diag_refresh(blocks, precision, weighted, position, dim, weight, prior, sigma2);
}

void aw_lints_full_prior(double *blocks, int64_t position, int64_t dim, double prior) {
    double *lane = arm_at(blocks, position, dim * (dim + 3) / 2);
    const double root = __builtin_sqrt(prior);
    for (int64_t i = 0; i < dim; i++) {
        for (int64_t k = 0; k < i; k++, lane += BLOCK) *lane = 0.0;
        *lane = root;
        lane += BLOCK;
    }
    for (int64_t i = 0; i < dim; i++, lane += BLOCK) *lane = 0.0;
}

/* The dot product of simd/linear.h, one lane wide. */
static double dot(const double *a, const double *b, int64_t n) {
    double a0 = 0.0, a1 = 0.0, a2 = 0.0, a3 = 0.0;
    int64_t j = 0;
    for (; j + 4 <= n; j += 4, a += 4 * BLOCK, b += 4 * BLOCK) {
        a0 += a[0] * b[0];
        a1 += a[BLOCK] * b[BLOCK];
        a2 += a[2 * BLOCK] * b[2 * BLOCK];
        a3 += a[3 * BLOCK] * b[3 * BLOCK];
    }
    if (j < n) a0 += a[0] * b[0];
    if (j + 1 < n) a1 += a[BLOCK] * b[BLOCK];
    if (j + 2 < n) a2 += a[2 * BLOCK] * b[2 * BLOCK];
    return (a0 + a1) + (a2 + a3);
}

void aw_lints_full_refresh(double *blocks, const double *weighted, int64_t position, int64_t dim) {
    double *row = arm_at(blocks, position, dim * (dim + 3) / 2), *y = row + dim * (dim + 1) / 2 * BLOCK;
    const double *b = weighted + position * dim;
    for (int64_t i = 0; i < dim; i++) {
        y[i * BLOCK] = (b[i] - dot(row, y, i)) / row[i * BLOCK];
        row += (i + 1) * BLOCK;
    }
}

void aw_lints_full_refresh_all(double *blocks, const double *weighted, int64_t columns, int64_t dim) {
    for (int64_t i = 0; i < columns; i++) aw_lints_full_refresh(blocks, weighted, i, dim);
}

void aw_lints_full_update(double *blocks, double *weighted, int64_t position, int64_t dim, const double *x,
                          double reward, double *scratch) {
    double *lane = arm_at(blocks, position, dim * (dim + 3) / 2), *b = weighted + position * dim;
    for (int64_t j = 0; j < dim; j++) {
        b[j] = b[j] + reward * x[j];
        scratch[j] = x[j];
    }
    double *diagonal = lane;
    for (int64_t k = 0; k < dim; k++) {
        const double l = *diagonal, r = __builtin_sqrt(l * l + scratch[k] * scratch[k]);
        const double c = l / r, s = scratch[k] / r;
        *diagonal = r;
        double *entry = diagonal;
        for (int64_t i = k + 1; i < dim; i++) {
            entry += i * BLOCK;
            const double t = *entry, w = scratch[i];
            *entry = c * t + s * w;
            scratch[i] = c * w - s * t;
        }
        diagonal += (k + 2) * BLOCK;
    }
    aw_lints_full_refresh(blocks, weighted, position, dim);
}
