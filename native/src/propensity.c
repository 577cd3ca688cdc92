/*
 * Exact propensities: the chance with which Thompson sampling chooses each arm.
 *
 * Arm i wins where its draw t exceeds all others:  P_i = integral of f_i(t) prod_{j != i} F_j(t) dt.  For Beta laws t
 * is the logit of the draw: a shape below one, which has a pole at 0 or 1, becomes an exponential tail, and log f = a t
 * - (a + b) log(1 + e^t) - log B(a, b) is concave. For normal laws t is the draw itself.
 *
 * The march. All integrals are taken together, from the right. Each panel carries Gauss-Legendre of order 16, shared by
 * all arms. An arm joins where its mass to the right would be exp(-26) / K; from then on its F at the nodes is what F
 * was at the right edge less the integral from the node to that edge, a constant matrix times f, split into even and
 * odd halves of 8 x 8. With T = prod F, the summand of arm i is w T f_i / F_i: no products that leave one out. The
 * march ends where T is below 1e-11, or where some law's mass to the left is negligible: T is zero from there on.
 *
 * The width of a panel is the least that any arm allows at its right edge:
 *   - bend:  4 / sqrt(-(log f)''), four deviations of a normal; right of zero, where that curvature grows on the way
 * left by up to e a unit, the harmonic mean with the next limit;
 *   - fall:  log f changes by at most 12, which binds in exponential tails;
 *   - poles: log(1 + e^t) is singular at +-i pi, so near zero a panel is at most 4 wide, more the farther away, and
 *            unlimited where (a + b) e^-|t| < exp(-25.5);
 *   - an arm that has yet to join ends the panel, unless the panel suits it as well.
 * These limits resolve one f. T may fall faster than any of its factors (K equal arms: the maximum of K draws), so each
 * panel is checked: the sum over arms must equal the fall of T from edge to edge to 1e-11, else the panel is halved.
 *
 * Cancellation. a t - (a + b) log(1 + e^t) - log B would lose digits as a grows. The density at the mode comes from
 * Binet's function, and from the mode to the middle of a panel, and on to its nodes, only differences are taken: with x
 * the logistic function of where one stands, log(1 + e^(t + d)) - log(1 + e^t) = log1p(x expm1(d)). The rest is sqrt(a)
 * 1e-15. For normal laws the origin lies at the mean of the arm that ends the march: means may be far from zero.
 *
 * Accuracy, absolute, against 34 digits (tests/conformance/vectors, 435 cases) and against itself at a third of the
 * widths (4000 random cases, K to 1000): 2e-11 for shapes in [.01, 1e9], and for normals with deviations from 1e-6 to
 * 1e6 in one set; so does the sum miss one before it is normalised. Beyond 1e10 an arm both of whose shapes are larger
 * counts as one of the same mean whose lesser shape is 1e10: close means are then told apart no better than to 1e-5 on
 * the logit scale. Below .01 nothing is lost. An arm whose chance is below 1e-12 may be given 0.
 *
 * Ten arms take 4 us (median of the grid; the worst 10) on AVX-512, 6 (14) on AVX2; 1000 warm arms 0.25 ms.
 */
#include "kernels.h"

#define SUM_TOLERANCE 1e-9
#define MAX_MEAN 1e300
#define MIN_DEVIATION 1e-200
#define MAX_DEVIATION 1e200

/* Doubles that an arm takes in the bodies of simd/propensity.h, and its place for a result that is not yet checked. */
#define SCRATCH_PER_ARM 36

static int64_t padded(int64_t arms) { return (arms + 7) / 8 * 8; }

/* returns: doubles, 0 where arms is out of range. */
size_t aw_best_scratch(int64_t arms) {
    return arms < 1 || arms > AW_MAX_ARMS ? 0 : (size_t)padded(arms) * SCRATCH_PER_ARM;
}

typedef double best_kernel(int64_t count, const double *x, const double *y, double *p, double *scratch);

/* requires: checked arguments. writes: p, normalised; scratch. returns: a status; on an error p is untouched. */
static int best(best_kernel *kernel, int64_t arms, const double *x, const double *y, double *p, double *scratch) {
    double *raw = scratch + (SCRATCH_PER_ARM - 1) * padded(arms);
    const double sum = kernel(arms, x, y, raw, scratch), miss = sum - 1.0;
    /* written so that a NaN fails */
    if (!(miss >= -SUM_TOLERANCE && miss <= SUM_TOLERANCE)) return AW_E_NUMERIC;
    for (int64_t i = 0; i < arms; i++) p[i] = raw[i] / sum;
    return AW_OK;
}

/*
 * requires: a, b, p (arms), scratch (aw_best_scratch(arms)); p and scratch overlap nothing.
 * returns:  AW_E_ISA, AW_E_COUNT, AW_E_SHAPE for a shape outside [1e-100, 1e100], AW_E_NUMERIC.
 * threads:  any number, each on its own p and scratch. determinism: the same bits on every instruction set.
 */
int aw_best_beta(int isa, int64_t arms, const double *a, const double *b, double *p, double *scratch) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (arms < 1 || arms > AW_MAX_ARMS) return AW_E_COUNT;
    for (int64_t i = 0; i < arms; i++) {
        const int ok = a[i] >= AW_MIN_SHAPE && a[i] <= AW_MAX_SHAPE && b[i] >= AW_MIN_SHAPE && b[i] <= AW_MAX_SHAPE;
        if (!ok) return AW_E_SHAPE;
    }
    return best(ops->best_beta, arms, a, b, p, scratch);
}

/* As aw_best_beta; AW_E_DOMAIN for a mean outside [-1e300, 1e300] or a deviation outside [1e-200, 1e200]. */
int aw_best_normal(int isa, int64_t arms, const double *mean, const double *deviation, double *p, double *scratch) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (arms < 1 || arms > AW_MAX_ARMS) return AW_E_COUNT;
    for (int64_t i = 0; i < arms; i++) {
        const int ok =
            __builtin_fabs(mean[i]) <= MAX_MEAN && deviation[i] >= MIN_DEVIATION && deviation[i] <= MAX_DEVIATION;
        if (!ok) return AW_E_DOMAIN;
    }
    return best(ops->best_normal, arms, mean, deviation, p, scratch);
}
