/*
 * Exact propensities: the chance with which Thompson sampling chooses each arm.
 *
 * Arm i wins where its draw t exceeds all others: P_i = integral of f_i(t) prod_{j != i} F_j(t) dt. For Beta laws t is
 * the logit of the draw. A shape below one, which has a pole at 0 or 1, becomes an exponential tail, and log f =
 * a t - (a + b) log(1 + e^t) - log B(a, b) is concave. For normal laws t is the draw itself.
 *
 * The march. All integrals are taken together, from the right, panel by panel. A panel carries Gauss-Legendre of order
 * 16, shared by all arms. An arm joins where the mass to its right would be exp(-26) / K. From then on its F at the
 * nodes is F at the right edge less the integral from the node to that edge: a constant matrix times f, in an even and
 * an odd half of 8 x 8. With T = prod F, a node of weight w adds w T f_i / F_i to P_i: no product has to leave one out.
 * The march ends where T is below 1e-11, or where the mass left of the panel is negligible for some arm, whose F, and
 * so T, is zero from there on.
 *
 * A panel is as wide as every arm allows at its right edge:
 *   - bend: 4 / sqrt(-(log f)''), four deviations of a normal. Right of zero that curvature grows on the way left, by e
 *     a unit at most: there, the harmonic mean with the next limit;
 *   - poles: log(1 + e^t) is singular at +-i pi. Near zero a panel is 4 wide at most, farther away more, and unlimited
 *     where (a + b) e^-|t| < exp(-25.5);
 *   - fall: log f changes by 12 at most, which binds in exponential tails;
 *   - an arm that has yet to join ends the panel, unless the panel suits that arm as well.
 * These limits resolve one f. T may fall faster than any of its factors (the greatest draw of K equal arms), so every
 * panel is checked: what all arms gain must equal the fall of T from edge to edge to 1e-11, else the panel is halved.
 *
 * Cancellation. Written as above, log f loses digits as the shapes grow. So the density at the mode comes from Binet's
 * function; and from the mode to the middle of a panel, and from there to its nodes, only differences are taken:
 * log(1 + e^(t + d)) - log(1 + e^t) = log1p(x (e^d - 1)), x = 1 / (1 + e^-t). What remains is sqrt(a) 1e-15. For normal
 * laws the origin is the mean of the arm that ends the march, so means may lie far from zero.
 *
 * Accuracy, absolute, and of the sum before it is normalised: 4e-11 for shapes in [.01, 1e9] and for normals whose
 * deviations range over 1e-6 .. 1e6 in one set, against 34 digits (tests/conformance/vectors) and, over 24,000 random
 * sets of up to 1000 arms, against panels a third as wide. Below .01 nothing is lost. An arm whose chance is below
 * 1e-11 may be given zero. A law with both shapes beyond 2e9 is widened to one of the same mean whose lesser shape is
 * 2e9. Then the answer holds where one arm alone has a chance above 1e-10, since the others have still less unwidened,
 * or where all such arms are equal. Elsewhere it is refused.
 *
 * Ten arms of the vectors take 4 us, the worst set 10, on AVX-512; 6 and 14 on AVX2. 1000 warm arms take 0.23 ms.
 */
#include "kernels.h"
#include "scalar.h"
#include "simd/propensity_laws.h"

#define SUM_TOLERANCE 1e-9
#define NO_CHANCE 1e-10
#define MAX_MEAN 1e300
#define MIN_DEVIATION 1e-200
#define MAX_DEVIATION 1e200

/* What the bodies take, a place for a result that is not yet checked, and one for laws without point masses. */
enum { SCRATCH_PER_ARM = BEST_SCRATCH + 3 };

/* returns: doubles, 0 where arms is out of range. */
size_t aw_best_scratch(int64_t arms) {
    return arms < 1 || arms > AW_MAX_ARMS ? 0 : (size_t)aw_padded(arms) * SCRATCH_PER_ARM;
}

typedef double best_kernel(int64_t count, const double *x, const double *y, double *p, double *scratch);

/* returns: 1 if a law was widened, and it and a law that differs from it may both be the best. */
static int blurred(int64_t arms, const double *a, const double *b, const double *p) {
    int64_t best = -1;
    int widened = 0, differ = 0;
    for (int64_t i = 0; i < arms; i++) {
        if (!(p[i] > NO_CHANCE)) continue;
        if (best < 0) best = i;
        widened |= a[i] > BEST_MAX_SHAPE && b[i] > BEST_MAX_SHAPE;
        differ |= a[i] != a[best] || b[i] != b[best];
    }
    return widened && differ;
}

/* requires: checked arguments. writes: p, normalised; scratch. returns: a status; on an error p is untouched. */
static int best(int law, best_kernel *kernel, int64_t arms, const double *x, const double *y, double *p,
                double *scratch) {
    double *raw = scratch + BEST_SCRATCH * aw_padded(arms);
    const double sum = kernel(arms, x, y, raw, scratch), miss = sum - 1.0;
    /* written so that a NaN fails */
    if (!(miss >= -SUM_TOLERANCE && miss <= SUM_TOLERANCE)) return AW_E_NUMERIC;
    if (law == BETA_LAW && blurred(arms, x, y, raw)) return AW_E_SHARP;
    for (int64_t i = 0; i < arms; i++) p[i] = raw[i] / sum;
    return AW_OK;
}

/*
 * requires: a, b, p (arms), scratch (aw_best_scratch(arms)); p and scratch overlap nothing.
 * returns:  AW_E_ISA, AW_E_COUNT, AW_E_SHAPE for a shape outside [1e-100, 1e100], AW_E_NUMERIC, AW_E_SHARP.
 * threads:  any number, each on its own p and scratch. determinism: the same bits on every instruction set.
 */
int aw_best_beta(int isa, int64_t arms, const double *a, const double *b, double *p, double *scratch) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (arms < 1 || arms > AW_MAX_ARMS) return AW_E_COUNT;
    if (!aw_shapes_good(arms, a, b)) return AW_E_SHAPE;
    return best(BETA_LAW, ops->best_beta, arms, a, b, p, scratch);
}

/*
 * writes: the laws, with deviation 0 replaced. Of point masses the greatest can win, the first where some are equal; it
 * becomes a law of deviation e = 1e-200, and the others are moved to the mean -1e300, out of the way. Against another
 * deviation s that costs a chance 0.13 (e / s)^2 at most: below 4e-11 from s = 1e-195 on, and 0.09 where s is e itself.
 * A greatest point mass, or a law, whose mean is -1e300 itself stands where the others are moved to, and shares its
 * chance with them as equals; a mean above that by a single ulp does not.
 */
static void without_point_masses(int64_t arms, const double *mean, const double *deviation, double *m, double *s) {
    int64_t best = -1;
    for (int64_t i = 0; i < arms; i++) {
        const int point = deviation[i] == 0.0;
        if (point && (best < 0 || mean[i] > mean[best])) best = i;
        m[i] = point ? -MAX_MEAN : mean[i];
        s[i] = point ? MIN_DEVIATION : deviation[i];
    }
    if (best >= 0) m[best] = mean[best];
}

/*
 * As aw_best_beta; a deviation may be 0, and then the score is its mean. AW_E_DOMAIN for a mean outside [-1e300, 1e300]
 * or a deviation that is neither 0 nor in [1e-200, 1e200].
 */
int aw_best_normal(int isa, int64_t arms, const double *mean, const double *deviation, double *p, double *scratch) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (arms < 1 || arms > AW_MAX_ARMS) return AW_E_COUNT;
    for (int64_t i = 0; i < arms; i++) {
        const double s = deviation[i];
        if (!(__builtin_fabs(mean[i]) <= MAX_MEAN && (s == 0.0 || (s >= MIN_DEVIATION && s <= MAX_DEVIATION)))) {
            return AW_E_DOMAIN;
        }
    }
    double *m = scratch + (BEST_SCRATCH + 1) * aw_padded(arms), *s = m + aw_padded(arms);
    without_point_masses(arms, mean, deviation, m, s);
    return best(NORMAL_LAW, ops->best_normal, arms, m, s, p, scratch);
}
