/*
 * The posteriors of linear Thompson sampling: what changes them. Selection is in simd/linear.h, the essay in linear.c.
 */
#ifndef AW_LINEAR_H
#define AW_LINEAR_H

#include <stdint.h>

/* returns: 0, or -1 where an entry of x (dim) is not a number or is beyond 1e100 in absolute value. */
int aw_context_check(const double *x, int64_t dim);

/* ---- diagonal covariance: blocks (P / 8, dim, 2, 8), precision and weighted (P, dim) ---- */

/*
 * Apply one reward: precision += x^2 gain, weighted += reward x gain, then refresh the arm.
 * requires: 0 <= position < P; x (dim) checked, |reward| <= 1e100, gain > 0; the rest as aw_lints_diag_refresh.
 */
void aw_lints_diag_update(double *blocks, double *precision, double *weighted, int64_t position, int64_t dim,
                          const double *x, double reward, double gain, double weight, double prior, double sigma2);
/*
 * requires: 0 <= weight, the present worth of a unit of evidence; prior > 0; sigma2 > 0.
 * writes:   the lane of one arm in blocks: mean b / A and variance sigma2 / A, A = prior + precision weight, b =
 *           weighted weight.
 */
void aw_lints_diag_refresh(double *blocks, const double *precision, const double *weighted, int64_t position,
                           int64_t dim, double weight, double prior, double sigma2);
/* As aw_lints_diag_refresh, for positions 0 .. columns - 1. */
void aw_lints_diag_refresh_all(double *blocks, const double *precision, const double *weighted, int64_t columns,
                               int64_t dim, double weight, double prior, double sigma2);

/* ---- full covariance: blocks (P / 8, dim (dim + 3) / 2, 8), weighted (P, dim) ---- */

/*
 * Apply one reward: A += x x', b += reward x.
 * requires: 0 <= position < P; x (dim) checked, |reward| <= 1e100; a factor with a positive diagonal in blocks.
 * writes:   the arm's lane of blocks, its row of weighted, scratch (dim). Nothing overlaps.
 */
void aw_lints_full_update(double *blocks, double *weighted, int64_t position, int64_t dim, const double *x,
                          double reward, double *scratch);
/* writes: y = L^-1 b in the arm's lane of blocks, from the factor there and its row of weighted. */
void aw_lints_full_refresh(double *blocks, const double *weighted, int64_t position, int64_t dim);
/* As aw_lints_full_refresh, for positions 0 .. columns - 1. */
void aw_lints_full_refresh_all(double *blocks, const double *weighted, int64_t columns, int64_t dim);
/* writes: an arm without evidence in the lane at position: L = sqrt(prior) I, y = 0. requires: prior > 0. */
void aw_lints_full_prior(double *blocks, int64_t position, int64_t dim, double prior);

#endif
