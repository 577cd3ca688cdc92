/*
 * The laws of exact propensities, on lanes: where a Beta or a normal law begins, how wide a panel it allows, and its
 * density at the nodes of a panel. The march over the panels is in propensity.h, the essay in propensity.c.
 */
#ifndef AW_SIMD_PROPENSITY_LAWS_H
#define AW_SIMD_PROPENSITY_LAWS_H

#include "random.h"

/* Panels: what limits their width. propensity.c says why. */
#define BEST_BEND 4.0  /* in units of 1 / sqrt(-(log f)'') */
#define BEST_FALL 12.0 /* of log f */
#define BEST_NEAR 4.0  /* beside the poles of the logistic function at +-i pi */
#define BEST_FAR 14.0  /* where exp(-|t|) still counts */
#define BEST_FLAT 25.5 /* exp(-25.5) no longer counts */
/* A Beta law whose shapes both exceed this keeps its mean and gets this as its lesser shape: it is widened. */
#define BEST_MAX_SHAPE 2e9

/* Rows of scratch, stride doubles each. Where a normal law needs a row for itself it takes one that only Beta uses. */
enum {
    BEST_A,
    BEST_B,
    BEST_N, /* a + b */
    BEST_LOG_N,
    BEST_SHARE, /* min(a, b) / n */
    BEST_MODE,
    BEST_PEAK,       /* log density at the mode */
    BEST_START,      /* the law's mass beyond is negligible */
    BEST_HERE,       /* log of density times half width, at the middle of the panel */
    BEST_EDGE,       /* F at one edge of the panel, */
    BEST_OTHER_EDGE, /* and at the other */
    BEST_ROWS,
    BEST_SPREAD = BEST_A, /* standard deviation */
    BEST_RATE = BEST_B    /* and its inverse */
};
/* Doubles of scratch by arm: the rows, then partial sums of p (8), then f / F at the nodes (16). */
enum { BEST_SCRATCH = BEST_ROWS + 8 + 16 };
enum { BETA_LAW, NORMAL_LAW };

#define BEST_EACH(q) for (int q = 0; q < 8; q += AW_W)

/* The positive nodes of Gauss-Legendre of order 16 on [-1, 1]. */
static const double BEST_NODE[8] = {0.09501250983763744, 0.2816035507792589, 0.45801677765722737, 0.6178762444026438,
                                    0.755404408355003,   0.8656312023878318, 0.9445750230732326,  0.9894009349916499};

/* An interval with eight nodes above its middle, [0], and their mirror images below, [1]. */
typedef struct best_panel {
    double left, middle, half, log_half;
    int mirrored;      /* middle > 0: Beta laws are written in 1 - x, and t counts downwards */
    double step[2][8]; /* from the middle to the node */
    double bend[2][8]; /* softplus at the node less softplus at the middle */
} best_panel;

/* Drop the last eight bits: the middle of two such numbers that are close is exact, and panels join without a gap. */
AW_INLINE vd best_snap(vd t) { return (vd)((vu)t & ~0xffULL); }

/* exp(x) - 1 to full relative precision. requires: -700 <= x <= 700. */
AW_INLINE vd best_expm1(vd x) {
    vu exponent;
    const vd rest = reduced_exp(x, &exponent), power = (vd)(exponent + AW_EXPONENT_ONE);
    return (power - 1.0) + power * rest;
}

/* Binet's function, log Gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2). Below eight, x is lifted by eight. */
AW_INLINE vd best_binet(vd x) {
    const vi small = (vi)(x < 8.0);
    const vd y = SEL(small, x + 8.0, x), r = 1.0 / y, q = r * r;
    vd s = V(1.0 / 156.0);
    s = s * q + -691.0 / 360360.0;
    s = s * q + 1.0 / 1188.0;
    s = s * q + -1.0 / 1680.0;
    s = s * q + 1.0 / 1260.0;
    s = s * q + -1.0 / 360.0;
    s = s * q + 1.0 / 12.0;
    s = s * r;
    if (!MM(small)) return s;
    const vd z = SEL(small, x, V(1.0));
    const vd product =
        ((z * (z + 1.0)) * ((z + 2.0) * (z + 3.0))) * (((z + 4.0) * (z + 5.0)) * ((z + 6.0) * (z + 7.0)));
    const vd lifted = (((y - 0.5) * vlog(y) - 8.0) - vlog(product)) - (z - 0.5) * vlog(z);
    return SEL(small, s + lifted, s);
}

/* x = 1 / (1 + exp(-t)) and y = 1 - x, each to full relative precision. */
AW_INLINE void best_logistic(vd t, vd *x, vd *y) {
    const vd e = vexp(VMAX(-VABS(t), V(-700.0))), greater = 1.0 / (1.0 + e), lesser = e * greater;
    const vi negative = (vi)(t < 0.0);
    *x = SEL(negative, lesser, greater);
    *y = SEL(negative, greater, lesser);
}

/* Log density of logit(x) at mode + delta less that at the mode, written from the side of the lesser shape. */
AW_INLINE vd best_drop(vd a, vd b, vd n, vd share, vd delta) {
    const vi left = (vi)(a <= b);
    const vd c = SEL(left, a, b), e = SEL(left, delta, -delta);
    const vd bend = vlog1p(share * best_expm1(VCLAMP(e, -700.0, 700.0))) + VMAX(e - 700.0, V(0.0));
    return c * e - n * bend;
}

/*
 * requires: rows A and B, stride columns. writes: rows A to START.
 * START begins at Chernoff's bounds of the two gammas whose ratio is the law and is refined by Newton's method on
 * f(t) / slope(t) = exp(-tail), the left side a bound of the mass beyond t. log f is concave, so no step goes too far.
 */
AW_INLINE void best_beta_prepare(double *rows, int64_t stride, double tail) {
    for (int64_t i = 0; i < stride; i += AW_W) {
        double *row = rows + i;
        const vd a0 = ld(row + BEST_A * stride), b0 = ld(row + BEST_B * stride), least = VMIN(a0, b0);
        const vd scale = SEL((vi)(least > BEST_MAX_SHAPE), BEST_MAX_SHAPE / least, V(1.0));
        const vd a = a0 * scale, b = b0 * scale, n = a + b, lesser = VMIN(a, b), share = lesser / n;
        const vd mode = vlog(a / b);
        const vd peak = 0.5 * vlog(lesser * (VMAX(a, b) / n) * 0.15915494309189533577) -
                        ((best_binet(a) + best_binet(b)) - best_binet(n));
        const vd u = tail / a, v = tail / b;
        vd start = (mode + vlog(1.0 + (VSQRT(2.0 * u) + u))) + 0.5 * (v + VSQRT(v * (v + 8.0)));
        for (int round = 0; round < 3; round++) {
            vd x, y;
            best_logistic(start, &x, &y);
            const vd slope = VMAX(b * x - a * y, lesser * 1e-9);
            const vd excess = ((peak + best_drop(a, b, n, share, start - mode)) - vlog(slope)) + tail;
            start = VMAX(VMIN(start + excess / slope, start), mode);
        }
        st(row + BEST_A * stride, a);
        st(row + BEST_B * stride, b);
        st(row + BEST_N * stride, n);
        st(row + BEST_LOG_N * stride, vlog(n));
        st(row + BEST_SHARE * stride, share);
        st(row + BEST_MODE * stride, mode);
        st(row + BEST_PEAK * stride, peak);
        st(row + BEST_START * stride, best_snap(start));
    }
}

/*
 * requires: row MODE the means, row SPREAD the deviations, stride columns.
 * writes:   rows MODE, RATE, PEAK, START.
 * returns:  the greatest lower end of all laws, where the march ends.
 * The origin moves to the mean of the law with that end. Laws that matter there have means a few deviations from zero,
 * however far from zero they were, and the march does not lose them in the rounding of t.
 */
AW_INLINE double best_normal_prepare(double *rows, int64_t count, int64_t stride, double tail) {
    double *mode = rows + BEST_MODE * stride, *spread = rows + BEST_SPREAD * stride;
    /* the mass beyond z deviations is below exp(-z^2 / 2) / (z sqrt(2 pi)), and z sqrt(2 pi) is above exp(2.5) */
    const double far = VSQRT(V(2.0 * (tail - 2.5)))[0];
    double greatest = -1e306, origin = 0.0, end = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double lower = mode[i] - far * spread[i];
        if (lower > greatest) {
            greatest = lower;
            origin = mode[i];
            end = -(far * spread[i]);
        }
    }
    for (int64_t i = 0; i < stride; i += AW_W) {
        const vd m = ld(mode + i) - origin, s = ld(spread + i), rate = 1.0 / s;
        st(mode + i, m);
        st(rows + BEST_RATE * stride + i, rate);
        st(rows + BEST_PEAK * stride + i, vlog(rate * 0.39894228040143267794));
        st(rows + BEST_START * stride + i, best_snap(m + far * s));
    }
    return end;
}

/*
 * How far to the left log f goes before it has changed by BEST_FALL, by its slope, negative on the right of the mode,
 * and curvature. On the right the slope eases; on the left the curvature may be gone before it has helped.
 */
AW_INLINE vd best_fallen(vd slope, vd curvature) {
    const vd eased = slope * slope - (2.0 * BEST_FALL) * SEL((vi)(slope < 0.0), curvature, V(0.0));
    return (2.0 * BEST_FALL) / VMAX(VABS(slope) + VSQRT(VMAX(eased, V(0.0))), V(1e-140));
}

AW_INLINE vd best_beta_width(const double *row, int64_t stride, double t, vd x, vd y) {
    const double distance = t < 0.0 ? -t : t;
    const vd a = ld(row + BEST_A * stride), b = ld(row + BEST_B * stride), log_n = ld(row + BEST_LOG_N * stride);
    const vd curvature = ld(row + BEST_N * stride) * (x * y);
    const vd fallen = best_fallen(a * y - b * x, curvature);
    const vd bent = BEST_BEND / VSQRT(VMAX(curvature, V(1e-280)));
    const vd flat = distance - (log_n + BEST_FLAT);
    if (t < 0.0) {
        /* the poles fall behind, and the curvature only shrinks */
        const double behind = BEST_NEAR + distance < BEST_FAR ? BEST_NEAR + distance : BEST_FAR;
        return VMIN(VMIN(fallen, bent), SEL((vi)(flat > 0.0), V(1e300), V(behind)));
    }
    /* the curvature grows towards zero, by e on each unit at most: hence the harmonic mean */
    const double ahead = 0.75 * distance < BEST_FAR ? 0.75 * distance : BEST_FAR;
    const vd poles = VMAX(VMAX(VMIN(V(ahead), distance - (log_n + 2.0)), V(BEST_NEAR)), flat);
    return VMIN(fallen, bent / (1.0 + bent / poles));
}

AW_INLINE vd best_normal_width(const double *row, int64_t stride, double t) {
    const vd z = (ld(row + BEST_MODE * stride) - t) * ld(row + BEST_RATE * stride);
    return ld(row + BEST_SPREAD * stride) * VMIN(best_fallen(z, V(1.0)), V(BEST_BEND));
}

/* The left edge, as far as any law lets it go, of a panel with the right edge t. A law yet to start stops it there. */
AW_INLINE double best_reach(const int law, const double *rows, int64_t stride, double t) {
    vd x, y, reach = V(-1e306);
    best_logistic(V(t), &x, &y);
    for (int64_t i = 0; i < stride; i += AW_W) {
        const double *row = rows + i;
        const vd width = law == BETA_LAW ? best_beta_width(row, stride, t, x, y) : best_normal_width(row, stride, t);
        reach = VMAX(VMIN(t - width, ld(row + BEST_START * stride)), reach);
    }
    double lanes[AW_W], greatest = -1e306;
    st(lanes, reach);
    for (int j = 0; j < AW_W; j++) greatest = lanes[j] > greatest ? lanes[j] : greatest;
    return greatest;
}

/*
 * What a panel has in common for all arms: the nodes, and softplus there less softplus at the middle. Where the panel
 * is narrow that difference comes from log1p(exp(middle) / (1 + exp(middle)) expm1(step)), which does not cancel.
 */
AW_INLINE best_panel best_panel_of(const int law, double left, double right) {
    best_panel panel = {.left = left, .middle = 0.5 * (left + right), .half = 0.5 * (right - left)};
    panel.log_half = vlog(V(panel.half))[0];
    if (law == NORMAL_LAW) return panel;
    panel.mirrored = panel.middle > 0.0;
    const vd middle = V(panel.mirrored ? -panel.middle : panel.middle), e = vexp(VMAX(middle, V(-700.0)));
    const vd share = e / (1.0 + e), soft = vsoftplus(middle);
    BEST_EACH(q) {
        const vd rise = panel.half * ld(BEST_NODE + q);
        vd above, below;
        if (panel.half <= 4.0) {
            above = vlog1p(share * best_expm1(rise));
            below = vlog1p(share * best_expm1(-rise));
        } else {
            above = vsoftplus(middle + rise) - soft;
            below = vsoftplus(middle - rise) - soft;
        }
        st(panel.step[panel.mirrored] + q, rise);
        st(panel.step[!panel.mirrored] + q, -rise);
        st(panel.bend[panel.mirrored] + q, above);
        st(panel.bend[!panel.mirrored] + q, below);
    }
    return panel;
}

/*
 * writes:  row HERE of a Beta panel.
 * returns: 1 if some law has ended: f / slope at the middle, a bound of the mass to its left, is below exp(-tail).
 */
AW_INLINE int best_beta_here(double *rows, int64_t stride, const best_panel *panel, double tail) {
    vi ended = (vi){0};
    vd x, y;
    best_logistic(V(panel->middle), &x, &y);
    for (int64_t i = 0; i < stride; i += AW_W) {
        double *row = rows + i;
        const vd a = ld(row + BEST_A * stride), b = ld(row + BEST_B * stride);
        const vd delta = panel->middle - ld(row + BEST_MODE * stride);
        const vd here = ld(row + BEST_PEAK * stride) +
                        best_drop(a, b, ld(row + BEST_N * stride), ld(row + BEST_SHARE * stride), delta);
        const vd slope = a * y - b * x;
        const vi falling = (vi)(ld(row + BEST_START * stride) > panel->left) & (vi)(slope > 0.0);
        ended |= falling & (vi)(here - vlog(VMAX(slope, V(1e-300))) < -tail);
        st(row + BEST_HERE * stride, here + panel->log_half);
    }
    return MM(ended) != 0;
}

/* writes: density times half width of arm i at the nodes above and below the middle. */
AW_INLINE void best_density(const int law, const double *rows, int64_t stride, int64_t i, const best_panel *panel,
                            double *above, double *below) {
    const double *row = rows + i;
    if (law == BETA_LAW) {
        const double here = row[BEST_HERE * stride], n = row[BEST_N * stride];
        const double c = row[(panel->mirrored ? BEST_B : BEST_A) * stride];
        BEST_EACH(q) {
            const vd u = (here + c * ld(panel->step[0] + q)) - n * ld(panel->bend[0] + q);
            const vd v = (here + c * ld(panel->step[1] + q)) - n * ld(panel->bend[1] + q);
            st(above + q, vexp(VMAX(u, V(-700.0))));
            st(below + q, vexp(VMAX(v, V(-700.0))));
        }
        return;
    }
    const double rate = row[BEST_RATE * stride], z = (panel->middle - row[BEST_MODE * stride]) * rate;
    const double half = panel->half * rate, peak = row[BEST_PEAK * stride] + panel->log_half;
    BEST_EACH(q) {
        const vd u = z + half * ld(BEST_NODE + q), v = z - half * ld(BEST_NODE + q);
        st(above + q, vexp(VMAX(peak - 0.5 * (u * u), V(-700.0))));
        st(below + q, vexp(VMAX(peak - 0.5 * (v * v), V(-700.0))));
    }
}

#endif
