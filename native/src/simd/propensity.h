/*
 * Exact propensities on lanes: P(arm i has the greatest draw), for independent Beta or normal laws.
 *
 * The essay, with the accuracy that was measured, is in propensity.c; the twin is
 * pykernel/armwise_kernels/jit_propensity.py. What matters here is the order of operations. A panel has sixteen nodes,
 * eight above its middle and their mirror images below: two logical vectors of eight, whatever the instruction set. A
 * sum or product over eight numbers joins them as ((0+4)+(2+6)) + ((1+5)+(3+7)); over arms they run in the order of
 * arms. Every branch of the march hangs on numbers that have the same bits everywhere.
 */
#ifndef AW_SIMD_PROPENSITY_H
#define AW_SIMD_PROPENSITY_H

#include "propensity_laws.h"

#define BEST_TAIL 26.0   /* exp(-26) / arms is cut off each arm */
#define BEST_REST 1e-11  /* the march ends where prod F is below */
#define BEST_MISS 1e-11  /* by which a panel's sum may miss the fall of prod F */
#define BEST_HALVINGS 10 /* of a panel, at most */
#define BEST_TRIES 4096  /* panels, at most */
#define BEST_FLOOR 1e-30 /* of F, which divides */

enum { BEST_PARTS = 8 / AW_W }; /* vectors in eight lanes */

/*
 * The weights, and the integrals from a node x_k to 1: with e the even and o the odd part of f, that of e is
 * sum_m EVEN[m][k] (f(x_m) + f(-x_m)), that of o is sum_m ODD[m][k] (f(x_m) - f(-x_m)), and both are exact up to
 * degree 15. tests/conformance/test_propensity.py recomputes the tables.
 */
static const double BEST_WEIGHT[8] = {0.1894506104550685,   0.18260341504492358, 0.16915651939500254,
                                      0.14959598881657674,  0.12462897125553388, 0.09515851168249279,
                                      0.062253523938647894, 0.027152459411754096};
static const double BEST_EVEN[8][8] = {
    {0.03891461919272944, -0.0039026267360210165, 0.0014944288269537122, -0.0007876286561596893, 0.0004854964944874358,
     -0.0003248190729215057, 0.00022169415623183884, -0.0001354872195798254},
    {0.10382243889654975, 0.04271341724005166, -0.005964827494978455, 0.0026719507790392673, -0.0015460256449856206,
     0.0010035220656564741, -0.0006744150733899845, 0.0004092186178438651},
    {0.07781048626981983, 0.09412646584069077, 0.040719509161427976, -0.006267334419384747, 0.002988257352550925,
     -0.0017924789625154971, 0.001160287552591218, -0.0006922926570843246},
    {0.07895527935581083, 0.06984649758386995, 0.08256889460065635, 0.03648534636840575, -0.005888589133499892,
     0.0028879928830927008, -0.0017249002226864753, 0.0009952735229389982},
    {0.059731829439381504, 0.06519634406361771, 0.05860794791998842, 0.06847215965461667, 0.03063743401348211,
     -0.005078076617825974, 0.002488534645828364, -0.0013390708469313663},
    {0.04908296271192974, 0.045952460031127164, 0.04950946773255191, 0.044968018797747596, 0.0521037384726475,
     0.023524586985374688, -0.003935793534196892, 0.00177475642657811},
    {0.030396193892190414, 0.03190480897866578, 0.03023813652727802, 0.03223454212441738, 0.02955632647603139,
     0.03397051602968546, 0.015458913228399013, -0.0024814645085283636},
    {0.013779935322769755, 0.013360857608368519, 0.013818053897508384, 0.013284823149995895, 0.013961157791784633,
     0.012993155495537784, 0.014718167710606632, 0.006768599168937941},
};
static const double BEST_ODD[8][8] = {
    {0.05581068603480481, -0.01299022913444048, 0.0075797185463590145, -0.005264848191280676, 0.003925939422880817,
     -0.0029937225746759226, 0.0022232728275484587, -0.0014213133656962086},
    {0.09506328405120079, 0.048588290282410136, -0.010307229396390814, 0.006044013859432499, -0.004222430681734508,
     0.003121722537020266, -0.0022821847179498663, 0.0014484021470784665},
    {0.08324391520400068, 0.09010383794363615, 0.0438587505360733, -0.008786989808387585, 0.005030812750340383,
     -0.0034312004197534864, 0.0024145908104812653, -0.0015065352991250253},
    {0.07541993005344388, 0.0726090259338419, 0.08034060129725304, 0.038312648039882616, -0.007391245595440445,
     0.0041050514625539745, -0.0026620094286694852, 0.0016054992004077076},
    {0.06199510461067337, 0.0633696662530681, 0.060112835694159886, 0.06722029100169609, 0.03167705161428482,
     -0.005925708650178415, 0.0031439466807552307, -0.0017668083257775507},
    {0.04774240812389701, 0.04705629921316297, 0.04858760970727062, 0.045742193853964816, 0.0514565422241309,
     0.024054668855871705, -0.0043468608177383876, 0.002043441929695337},
    {0.03105391320716432, 0.03135668491411411, 0.03069974922876098, 0.03184456943297496, 0.029883711901706928,
     0.033701592246369774, 0.015667848740924934, -0.0026181666948044773},
    {0.013595648018764063, 0.0135153803953162, 0.013687354292382893, 0.013395582322554962, 0.013867968187343111,
     0.013069822018468064, 0.014658543767582646, 0.006807630536939107},
};

AW_INLINE double best_sum(const double *s) { return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])); }
AW_INLINE double best_product(const double *s) {
    return ((s[0] * s[4]) * (s[2] * s[6])) * ((s[1] * s[5]) * (s[3] * s[7]));
}

/* Over the arms of a panel, at its nodes: prod F, and sum f / F. */
typedef struct best_total {
    vd above[BEST_PARTS], below[BEST_PARTS], ratio_above[BEST_PARTS], ratio_below[BEST_PARTS];
} best_total;

/*
 * One arm on one panel: from f at the nodes and F at the right edge, F at the nodes and at the left edge.
 * writes:  ratio (16), f / F. returns: F at the left edge.
 */
AW_INLINE double best_arm(const double *above, const double *below, double edge, double *ratio, best_total *total) {
    double even[8], odd[8], mass[8];
    vd from_even[BEST_PARTS], from_odd[BEST_PARTS];
    BEST_EACH(q) {
        const vd sum = ld(above + q) + ld(below + q);
        st(even + q, sum);
        st(odd + q, ld(above + q) - ld(below + q));
        st(mass + q, sum * ld(BEST_WEIGHT + q));
    }
    BEST_EACH(q) {
        from_even[q / AW_W] = even[0] * ld(BEST_EVEN[0] + q);
        from_odd[q / AW_W] = odd[0] * ld(BEST_ODD[0] + q);
    }
    for (int m = 1; m < 8; m++) {
        BEST_EACH(q) {
            from_even[q / AW_W] += even[m] * ld(BEST_EVEN[m] + q);
            from_odd[q / AW_W] += odd[m] * ld(BEST_ODD[m] + q);
        }
    }
    const double rest = edge - best_sum(mass), left = rest > 0.0 ? rest : 0.0;
    BEST_EACH(q) {
        const int part = q / AW_W;
        /* the integral from -x to 1 is the whole less that of the even part from x, plus that of the odd part */
        const vd upper = VMAX(edge - (from_even[part] + from_odd[part]), V(BEST_FLOOR));
        const vd lower = VMAX(rest + (from_even[part] - from_odd[part]), V(BEST_FLOOR));
        const vd r = ld(above + q) / upper, s = ld(below + q) / lower;
        total->above[part] *= upper;
        total->below[part] *= lower;
        total->ratio_above[part] += r;
        total->ratio_below[part] += s;
        st(ratio + q, r);
        st(ratio + 8 + q, s);
    }
    return left;
}

/* The product of F over all columns, the padding being one. */
AW_INLINE double best_at_edge(const double *f, int64_t stride) {
    double lanes[8];
    BEST_EACH(q) {
        vd product = ld(f + q);
        for (int64_t i = 8; i < stride; i += 8) product *= ld(f + i + q);
        st(lanes + q, product);
    }
    return best_product(lanes);
}

/* writes: adds the panel's share of each arm that is alive to its partial sums. */
AW_INLINE void best_gain(int64_t count, const double *start, double left, const best_total *weighted,
                         const double *ratios, double *parts) {
    for (int64_t i = 0; i < count; i++) {
        if (!(start[i] > left)) continue;
        const double *ratio = ratios + 16 * i;
        BEST_EACH(q) {
            const vd above = weighted->above[q / AW_W] * ld(ratio + q);
            const vd below = weighted->below[q / AW_W] * ld(ratio + 8 + q);
            st(parts + 8 * i + q, ld(parts + 8 * i + q) + (above + below));
        }
    }
}

/*
 * requires: rows up to START; scratch BEST_SCRATCH * stride.
 * writes:   the partial sums of p, eight an arm, after the rows.
 */
AW_INLINE void best_march(const int law, int64_t count, int64_t stride, double *rows, double end, double tail) {
    double *parts = rows + BEST_ROWS * stride, *ratios = parts + 8 * stride;
    double *edge = rows + BEST_EDGE * stride, *next = rows + BEST_OTHER_EDGE * stride;
    double *start = rows + BEST_START * stride;
    double right = -1e306, product = 1.0, widest = 1e306;
    for (int64_t i = 0; i < stride; i++) {
        edge[i] = next[i] = 1.0;
        if (i >= count) start[i] = -1e306; /* the padding never joins */
        right = start[i] > right ? start[i] : right;
    }
    memset(parts, 0, (size_t)stride * 8 * sizeof *parts);
    /* each F is rounded once, and equal arms are rounded alike */
    const double allowed = BEST_MISS + (double)count * 0x1p-53;
    int halvings = 0;
    for (int tries = BEST_TRIES; right > end && tries > 0; tries--) {
        double left = best_reach(law, rows, stride, right);
        left = left > right - widest ? left : right - widest;
        left = best_snap(V(left > end ? left : end))[0];
        if (!(left < right)) return;
        const best_panel panel = best_panel_of(law, left, right);
        const int ended = law == BETA_LAW ? best_beta_here(rows, stride, &panel, tail) : 0;
        best_total total;
        for (int part = 0; part < BEST_PARTS; part++) {
            total.above[part] = total.below[part] = V(1.0);
            total.ratio_above[part] = total.ratio_below[part] = V(0.0);
        }
        for (int64_t i = 0; i < count; i++) {
            if (!(start[i] > left)) {
                next[i] = 1.0;
                continue;
            }
            double above[8], below[8];
            best_density(law, rows, stride, i, &panel, above, below);
            next[i] = best_arm(above, below, edge[i], ratios + 16 * i, &total);
        }
        double gained[8], lowest[8];
        BEST_EACH(q) {
            const int part = q / AW_W;
            st(lowest + q, total.below[part]);
            total.above[part] *= ld(BEST_WEIGHT + q);
            total.below[part] *= ld(BEST_WEIGHT + q);
            st(gained + q, total.above[part] * total.ratio_above[part] + total.below[part] * total.ratio_below[part]);
        }
        const double after = best_at_edge(next, stride), miss = (product - after) - best_sum(gained);
        if ((miss < 0.0 ? -miss : miss) > allowed && halvings < BEST_HALVINGS) {
            /* prod F falls faster than any of its factors: the panel is tried again at half its width */
            widest = panel.half;
            halvings++;
            continue;
        }
        best_gain(count, start, left, &total, ratios, parts);
        if (ended || lowest[7] < BEST_REST) return;
        double *const swap = edge;
        edge = next;
        next = swap;
        product = after;
        right = left;
        halvings = 0;
        if (widest < 1e306) widest = 3.0 * panel.half;
    }
}

/* writes: p (count). returns: their sum. */
AW_INLINE double best_collect(int64_t count, const double *parts, double *p) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        p[i] = best_sum(parts + 8 * i);
        sum += p[i];
    }
    return sum;
}

AW_INLINE double best_tail(int64_t count) { return BEST_TAIL + vlog(V((double)count))[0]; }

/*
 * requires: count >= 1; shapes (count) in [1e-100, 1e100]; scratch BEST_SCRATCH * (count rounded up to 8).
 * writes:   p (count), not normalised; scratch. Nothing overlaps. returns: the sum of p.
 */
static double best_beta(int64_t count, const double *a, const double *b, double *p, double *scratch) {
    const int64_t stride = (count + 7) / 8 * 8;
    for (int64_t i = 0; i < stride; i++) {
        scratch[BEST_A * stride + i] = i < count ? a[i] : 1.0;
        scratch[BEST_B * stride + i] = i < count ? b[i] : 1.0;
    }
    const double tail = best_tail(count);
    best_beta_prepare(scratch, stride, tail);
    best_march(BETA_LAW, count, stride, scratch, -1e305, tail);
    return best_collect(count, scratch + BEST_ROWS * stride, p);
}

/*
 * requires: count >= 1; |mean| <= 1e300, deviation in [1e-200, 1e200] (count); scratch as best_beta.
 * writes:   p (count), not normalised; scratch. Nothing overlaps. returns: the sum of p.
 */
static double best_normal(int64_t count, const double *mean, const double *deviation, double *p, double *scratch) {
    const int64_t stride = (count + 7) / 8 * 8;
    for (int64_t i = 0; i < stride; i++) {
        scratch[BEST_MODE * stride + i] = i < count ? mean[i] : 0.0;
        scratch[BEST_SPREAD * stride + i] = i < count ? deviation[i] : 1.0;
    }
    const double tail = best_tail(count);
    const double end = best_normal_prepare(scratch, count, stride, tail);
    best_march(NORMAL_LAW, count, stride, scratch, end, tail);
    return best_collect(count, scratch + BEST_ROWS * stride, p);
}

#endif
