/*
 * Beta-Bernoulli Thompson sampling on lanes.
 *
 * A Beta(a, b) draw is X / (X + Y) of two gammas by Marsaglia & Tsang, "A simple method for generating gamma
 * variables", ACM TOMS 26(3), 2000. What depends on a shape alone (d, 1 / sqrt(9 d), the squeeze) stands in the table.
 * One Box-Muller pair feeds both gammas of an arm; the low bits of the same words decide acceptance.
 *
 * Every body runs in stages over a chunk of arms: Philox for all, then Box-Muller for all, then the gammas. One long
 * chain for each vector would leave a core waiting: its window holds hardly two such chains (30 ns a vector, 20 in
 * stages). The gammas are accepted by the squeeze alone, without a logarithm. Lanes that it does not accept (1 in 5 at
 * Beta(1, 1), 1 in 100 on warm posteriors) are listed and settled together, from attempt 0 on, several attempts of one
 * arm side by side where the list is short. A selection compares X / Y: it has the order of X / (X + Y) and
 * does not saturate at one. Where a shape of the set is below one, log(X / Y) is compared instead and the boost
 * U^(1/a) is added in the log, so that nothing underflows.
 */
#ifndef AW_SIMD_THOMPSON_H
#define AW_SIMD_THOMPSON_H

#include "../../include/armwise.h"
#include "argmax.h"
#include "ops.h"
#include "random.h"

enum { LISTED = 512, BATCH = 32, CHUNK = 64 };

typedef struct shapes {
    vd d1, c1, k1, d2, c2, k2;
} shapes;

AW_INLINE shapes shapes_at(const aw_beta_set *set, int64_t i) {
    const double *t = set->table + i;
    const int64_t p = set->stride;
    return (shapes){ld(t), ld(t + p), ld(t + 2 * p), ld(t + 3 * p), ld(t + 4 * p), ld(t + 5 * p)};
}

AW_INLINE shapes shapes_of(const aw_beta_set *set, int64_t i) {
    const double *t = set->table + i;
    const int64_t p = set->stride;
    return (shapes){V(t[0]), V(t[p]), V(t[2 * p]), V(t[3 * p]), V(t[4 * p]), V(t[5 * p])};
}

/* Lanes whose gamma the squeeze accepts. writes: d * v. */
AW_INLINE vi squeeze(vd z, vd u, vd d, vd c, vd kappa, vd *gamma) {
    const vd t = 1.0 + c * z, v = t * t * t, q = z * z;
    *gamma = d * v;
    return (vi)(u < 1.0 - kappa * q * q) & (vi)(t > 0.0);
}

/* Lanes whose gamma is accepted, by the squeeze or by the density. writes: d * v. */
AW_INLINE vi accept(vd z, vd u, vd d, vd c, vd kappa, vd *gamma) {
    const vd t = 1.0 + c * z, q = z * z;
    const vi positive = (vi)(t > 0.0);
    const vd v = SEL(positive, t * t * t, V(1.0));
    *gamma = d * v;
    const vi squeezed = (vi)(u < 1.0 - kappa * q * q);
    const vi exact = (vi)(vlog(u) < 0.5 * q + d - d * v + d * vlog(v));
    return (squeezed | exact) & positive;
}

/* Draws of a chunk. slots: of entry e, its slot. */
typedef struct chunk {
    double z1[CHUNK], z2[CHUNK], u1[CHUNK], u2[CHUNK];
} chunk;

/* requires: words of n entries in z1 and z2. writes: the normals over them, and the uniforms. */
AW_INLINE void normals_of(int64_t n, double *z1, double *z2, double *u1, double *u2) {
    for (int64_t e = 0; e < n; e += AW_W) {
        const vu r1 = ldw(z1 + e), r2 = ldw(z2 + e);
        vd a, b;
        box_muller(r1, r2, &a, &b);
        st(z1 + e, a);
        st(z2 + e, b);
        st(u1 + e, unit24(r1));
        st(u2 + e, unit24(r2));
    }
}

/* The draws of n slots at one decision, attempt 0. */
AW_INLINE void chunk_of_slots(chunk *c, const uint32_t *slots, int64_t n, uint64_t key, uint64_t decision) {
    for (int64_t e = 0; e < n; e += AW_W) {
        vu r1, r2;
        philox(ldh(slots + e), U(decision), AW_PURPOSE_DRAW, 0, key, &r1, &r2);
        stw(c->z1 + e, r1);
        stw(c->z2 + e, r2);
    }
    normals_of(n, c->z1, c->z2, c->u1, c->u2);
}

/* The draws of one slot at n decisions from `decision` on, attempt 0. */
AW_INLINE void chunk_of_decisions(chunk *c, uint64_t slot, int64_t n, uint64_t key, uint64_t decision) {
    vu when = U(decision);
    for (int j = 0; j < AW_W; j++) when[j] += (uint64_t)j;
    for (int64_t e = 0; e < n; e += AW_W) {
        vu r1, r2;
        philox(U(slot), when + (uint64_t)e, AW_PURPOSE_DRAW, 0, key, &r1, &r2);
        stw(c->z1 + e, r1);
        stw(c->z2 + e, r2);
    }
    normals_of(n, c->z1, c->z2, c->u1, c->u2);
}

/*
 * Both gammas of each entry, from attempt 0 until all are accepted. An entry takes `width` neighbouring lanes, a power
 * of two: they try that many attempts at once, and the first that accepts is taken, as one after the other would.
 * requires: lanes of one entry hold the same slot, decision and shapes. writes: x, y in the first lane of each entry.
 */
AW_INLINE void settle(vu slot, vu decision, uint64_t key, shapes s, int width, double *x, double *y) {
    int done1 = 0, done2 = 0;
    vu attempt = U(0);
    for (int j = 0; j < AW_W; j++) attempt[j] = (uint64_t)(j & (width - 1));
    int firsts = 0;
    for (int j = 0; j < AW_W; j += width) firsts |= 1 << j;
    while ((done1 & done2 & firsts) != firsts) {
        vu r1, r2;
        vd z1, z2, xn, yn;
        philox_at(slot, decision, attempt, key, &r1, &r2);
        box_muller(r1, r2, &z1, &z2);
        const int ok1 = MM(accept(z1, unit24(r1), s.d1, s.c1, s.k1, &xn));
        const int ok2 = MM(accept(z2, unit24(r2), s.d2, s.c2, s.k2, &yn));
        double xs[AW_W], ys[AW_W];
        st(xs, xn);
        st(ys, yn);
        for (int j = 0; j < AW_W; j += width) {
            const int own = (1 << width) - 1, mine1 = ok1 >> j & own, mine2 = ok2 >> j & own;
            if (mine1 && !(done1 >> j & 1)) {
                x[j] = xs[j + __builtin_ctz((unsigned)mine1)];
                done1 |= 1 << j;
            }
            if (mine2 && !(done2 >> j & 1)) {
                y[j] = ys[j + __builtin_ctz((unsigned)mine2)];
                done2 |= 1 << j;
            }
        }
        attempt += (uint64_t)width;
    }
}

/* log(x / y) with the boost of shapes below one; inverse shapes are 0 where none is due. */
AW_INLINE vd boosted_log_ratio(vd x, vd y, vu slot, vu decision, uint64_t key, vd inverse_a, vd inverse_b) {
    vu r1, r2;
    philox(slot, decision, AW_PURPOSE_BOOST, 0, key, &r1, &r2);
    return (vlog(x / y) + vlog(unit53(r1)) * inverse_a) - vlog(unit53(r2)) * inverse_b;
}

AW_INLINE vd logistic(vd t) { return 1.0 / (1.0 + vexp(VCLAMP(-t, -700.0, 700.0))); }

/* One entry that the squeeze did not accept: the arm's position, and the decision as an offset. */
typedef struct pending {
    int32_t position, row;
} pending;

/* What settling reads of listed entries, `width` neighbouring lanes each. */
typedef struct gathered {
    shapes s;
    vd inverse_a, inverse_b;
    vu slot, row;
} gathered;

/* One entry in the lower half of the lanes, another in the upper: the usual list, and no trip through memory. */
AW_INLINE gathered gather_pair(const aw_beta_set *set, const pending *low, const pending *high) {
    const double *a = set->table + low->position, *b = set->table + high->position;
    const int64_t p = set->stride;
    const vi lower = (vi)(iota() < 0.5 * AW_W);
    const vu row = (vu)SEL(lower, (vd)U((uint64_t)low->row), (vd)U((uint64_t)high->row));
    const vu slot = (vu)SEL(lower, (vd)U(set->slots[low->position]), (vd)U(set->slots[high->position]));
#define BOTH(which) SEL(lower, V(a[(which) * p]), V(b[(which) * p]))
    return (gathered){{BOTH(0), BOTH(1), BOTH(2), BOTH(3), BOTH(4), BOTH(5)}, BOTH(6), BOTH(7), slot, row};
#undef BOTH
}

/* requires: n >= 1. Lanes past the last entry repeat it. */
AW_INLINE gathered gather(const aw_beta_set *set, const pending *listed, int64_t n, int width) {
    double column[8][AW_W];
    uint64_t slot[AW_W], row[AW_W];
    for (int j = 0; j < AW_W; j++) {
        const pending *entry = listed + (j / width < n ? j / width : n - 1);
        for (int k = 0; k < 8; k++) column[k][j] = set->table[k * set->stride + entry->position];
        slot[j] = set->slots[entry->position];
        row[j] = (uint64_t)entry->row;
    }
    return (gathered){{ld(column[0]), ld(column[1]), ld(column[2]), ld(column[3]), ld(column[4]), ld(column[5])},
                      ld(column[6]),
                      ld(column[7]),
                      ldu(slot),
                      ldu(row)};
}

/* Settled entries: x / y, or its log where the set is boosted, or the Beta draw. */
typedef enum { SCORES, BETAS } outcome;

/*
 * Settle up to AW_W entries of a list.
 * returns: how many. writes: their outcomes, (AW_W).
 */
static __attribute__((noinline)) int settle_some(const aw_beta_set *set, uint64_t key, uint64_t decision,
                                                 const pending *listed, int64_t n, outcome kind, double *out) {
    int width = 1;
    while (2 * width * n <= AW_W) width *= 2;
    const int entries = AW_W / width;
    const gathered g = n <= 2 ? gather_pair(set, listed, listed + n - 1) : gather(set, listed, n, width);
    const vu when = g.row + decision;
    double x[AW_W], y[AW_W];
    st(x, V(1.0));
    st(y, V(1.0));
    settle(g.slot, when, key, g.s, width, x, y);
    vd r = kind == SCORES ? ld(x) / ld(y) : ld(x) / (ld(x) + ld(y));
    const vi lifted = (vi)(g.inverse_a > 0.0) | (vi)(g.inverse_b > 0.0);
    if (AW_RARE(kind == SCORES ? set->boosted : MM(lifted))) {
        const vd t = boosted_log_ratio(ld(x), ld(y), g.slot, when, key, g.inverse_a, g.inverse_b);
        r = kind == SCORES ? t : SEL(lifted, logistic(t), r);
    }
    double lanes[AW_W];
    st(lanes, r);
    const int taken = n < entries ? (int)n : entries;
    for (int j = 0; j < taken; j++) out[j] = lanes[j * width];
    return taken;
}

/*
 * Let the lanes of a mask wait on the list. returns: its new length. requires: room for AW_W entries more.
 * Which lanes they are is a coin toss: they are written without a branch.
 */
AW_INLINE int64_t put_off(pending *listed, int64_t n, int lanes, int32_t position, int32_t row, int by_row) {
    if (!lanes) return n;
#pragma GCC unroll 8
    for (int j = 0; j < AW_W; j++) {
        listed[n] = by_row ? (pending){position, row + j} : (pending){position + j, row};
        n += lanes >> j & 1;
    }
    return n;
}

/* Settle a list of one decision and let its entries contend. */
static void settle_contenders(const aw_beta_set *set, uint64_t key, uint64_t decision, const pending *listed, int64_t n,
                              double *score, int64_t *position) {
    for (int64_t q = 0; q < n;) {
        double settled[AW_W];
        const int taken = settle_some(set, key, decision, listed + q, n - q, SCORES, settled);
        for (int j = 0; j < taken; j++) {
            const int64_t i = listed[q + j].position;
            if (settled[j] > *score || (settled[j] == *score && i < *position)) {
                *score = settled[j];
                *position = i;
            }
        }
        q += taken;
    }
}

/*
 * requires: count >= 1; noise, if given, holds this decision under this key for this set.
 * writes:   the winning score (a ratio, or its log where boosted).
 * returns:  the winning position.
 */
static int64_t thompson_select(const aw_beta_set *set, uint64_t key, uint64_t decision, const aw_noise *noise,
                               double *score) {
    leader best = no_leader();
    pending listed[LISTED];
    _Alignas(64) chunk drawn;
    int64_t n = 0, settled_place = 0;
    double settled = -__builtin_inf();
    const int64_t count = set->count, p = set->stride;
    for (int64_t from = 0; from < count; from += CHUNK) {
        const int64_t size = count - from < CHUNK ? count - from : CHUNK;
        const double *z1 = drawn.z1, *z2 = drawn.z2, *u1 = drawn.u1, *u2 = drawn.u2;
        if (noise) {
            const int64_t e = (int64_t)(decision - noise->first) * count + from;
            z1 = noise->z1 + e, z2 = noise->z2 + e, u1 = noise->u1 + e, u2 = noise->u2 + e;
        } else {
            chunk_of_slots(&drawn, set->slots + from, size, key, decision);
        }
        for (int64_t e = 0; e < size; e += AW_W) {
            const int64_t i = from + e;
            const shapes s = shapes_at(set, i);
            vd x, y;
            const vi ok = squeeze(ld(z1 + e), ld(u1 + e), s.d1, s.c1, s.k1, &x) &
                          squeeze(ld(z2 + e), ld(u2 + e), s.d2, s.c2, s.k2, &y);
            const vd position = iota() + (double)i;
            const vi live = (vi)(position < (double)count);
            vd r = x / y;
            if (AW_RARE(set->boosted)) {
                const vi valid = ok & live;
                const double *t = set->table + i;
                r = boosted_log_ratio(SEL(valid, x, V(1.0)), SEL(valid, y, V(1.0)), ldh(set->slots + i), U(decision),
                                      key, ld(t + AW_ROW_INV_A * p), ld(t + AW_ROW_INV_B * p));
            }
            contend(&best, r, position, ok & live);
            n = put_off(listed, n, MM(~ok & live), (int32_t)i, 0, 0);
        }
        if (AW_RARE(n > LISTED - CHUNK)) {
            settle_contenders(set, key, decision, listed, n, &settled, &settled_place);
            n = 0;
        }
    }
    double top;
    int64_t first = winner(&best, &top);
    if (n) settle_contenders(set, key, decision, listed, n, &settled, &settled_place);
    if (settled > top || (settled == top && settled_place < first)) {
        top = settled;
        first = settled_place;
    }
    *score = top;
    return first;
}

/*
 * Decisions decision .. decision + n - 1, lanes are decisions; equal to n calls of thompson_select.
 * writes: the winning position of each.
 */
static void thompson_many(const aw_beta_set *set, uint64_t key, uint64_t decision, int64_t n, int32_t *out) {
    const int64_t p = set->stride;
    for (int64_t from = 0; from < n; from += BATCH) {
        const uint64_t first = decision + (uint64_t)from;
        double score[BATCH], position[BATCH];
        pending listed[LISTED];
        _Alignas(64) chunk drawn;
        int64_t waiting = 0;
        for (int j = 0; j < BATCH; j++) score[j] = -__builtin_inf(), position[j] = 0.0;
        for (int64_t i = 0; i < set->count; i++) {
            const shapes s = shapes_of(set, i);
            chunk_of_decisions(&drawn, set->slots[i], BATCH, key, first);
            for (int row = 0; row < BATCH; row += AW_W) {
                vd x, y;
                const vi ok = squeeze(ld(drawn.z1 + row), ld(drawn.u1 + row), s.d1, s.c1, s.k1, &x) &
                              squeeze(ld(drawn.z2 + row), ld(drawn.u2 + row), s.d2, s.c2, s.k2, &y);
                vd r = x / y;
                if (AW_RARE(set->boosted)) {
                    const double *t = set->table + i;
                    vu when = U(first + (uint64_t)row);
                    for (int j = 0; j < AW_W; j++) when[j] += (uint64_t)j;
                    r = boosted_log_ratio(SEL(ok, x, V(1.0)), SEL(ok, y, V(1.0)), U(set->slots[i]), when, key,
                                          V(t[AW_ROW_INV_A * p]), V(t[AW_ROW_INV_B * p]));
                }
                const vd top = ld(score + row);
                const vi better = (vi)(r > top) & ok;
                st(score + row, SEL(better, r, top));
                st(position + row, SEL(better, V((double)i), ld(position + row)));
                waiting = put_off(listed, waiting, ~MM(ok) & AW_ALL_LANES, (int32_t)i, row, 1);
            }
            if (AW_RARE(waiting > LISTED - BATCH) || i == set->count - 1) {
                for (int64_t q = 0; q < waiting;) {
                    double settled[AW_W];
                    const int taken = settle_some(set, key, first, listed + q, waiting - q, SCORES, settled);
                    for (int j = 0; j < taken; j++) {
                        const pending *entry = listed + q + j;
                        double *top = score + entry->row, *place = position + entry->row;
                        if (settled[j] > *top || (settled[j] == *top && entry->position < *place)) {
                            *top = settled[j];
                            *place = entry->position;
                        }
                    }
                    q += taken;
                }
                waiting = 0;
            }
        }
        for (int j = 0; j < BATCH && from + j < n; j++) out[from + j] = (int32_t)position[j];
    }
}

/* writes: the first entries draws of the addresses noise->slot, noise->first + noise->offset under noise->key. */
static void noise_fill(aw_noise *noise, int64_t entries) {
    for (int64_t e = 0; e < entries; e += AW_W) {
        vu r1, r2;
        philox(ldh(noise->slot + e), ldh(noise->offset + e) + noise->first, AW_PURPOSE_DRAW, 0, noise->key, &r1, &r2);
        stw(noise->z1 + e, r1);
        stw(noise->z2 + e, r2);
    }
    normals_of(entries, noise->z1, noise->z2, noise->u1, noise->u2);
}

/* writes: one Beta draw for each arm of the set, (count). */
static void beta_draws(const aw_beta_set *set, uint64_t key, uint64_t decision, double *out) {
    const int64_t count = set->count, p = set->stride;
    for (int64_t from = 0; from < count; from += CHUNK) {
        const int64_t size = count - from < CHUNK ? count - from : CHUNK;
        pending listed[CHUNK];
        _Alignas(64) chunk drawn;
        int64_t n = 0;
        chunk_of_slots(&drawn, set->slots + from, size, key, decision);
        for (int64_t e = 0; e < size; e += AW_W) {
            const int64_t i = from + e;
            const shapes s = shapes_at(set, i);
            const double *t = set->table + i;
            vd x, y;
            const vi ok = squeeze(ld(drawn.z1 + e), ld(drawn.u1 + e), s.d1, s.c1, s.k1, &x) &
                          squeeze(ld(drawn.z2 + e), ld(drawn.u2 + e), s.d2, s.c2, s.k2, &y);
            const vi live = (vi)(iota() + (double)i < (double)count);
            const vd inverse_a = ld(t + AW_ROW_INV_A * p), inverse_b = ld(t + AW_ROW_INV_B * p);
            const vi lifted = ((vi)(inverse_a > 0.0) | (vi)(inverse_b > 0.0)) & ok;
            vd r = x / (x + y);
            if (AW_RARE(MM(lifted))) {
                const vd ratio = boosted_log_ratio(SEL(ok, x, V(1.0)), SEL(ok, y, V(1.0)), ldh(set->slots + i),
                                                   U(decision), key, inverse_a, inverse_b);
                r = SEL(lifted, logistic(ratio), r);
            }
            store_live(out, r, i, count);
            n = put_off(listed, n, MM(~ok & live), (int32_t)i, 0, 0);
        }
        for (int64_t q = 0; q < n;) {
            double settled[AW_W];
            const int taken = settle_some(set, key, decision, listed + q, n - q, BETAS, settled);
            for (int j = 0; j < taken; j++) out[listed[q + j].position] = settled[j];
            q += taken;
        }
    }
}

/*
 * writes: rows 0 .. 7 of columns [from, to) from rows alpha and beta.
 * requires: from a multiple of 8; stride >= to rounded up to a multiple of 8.
 */
static void beta_constants(double *table, int64_t stride, int64_t from, int64_t to) {
    for (int side = 0; side < 2; side++) {
        const double *shape = table + (AW_ROW_ALPHA + side) * stride;
        double *d_row = table + (side ? AW_ROW_D2 : AW_ROW_D1) * stride;
        double *inverse_row = table + (side ? AW_ROW_INV_B : AW_ROW_INV_A) * stride;
        for (int64_t i = from; i < to; i += AW_W) {
            const vd a = ld(shape + i);
            const vi small = (vi)(a < 1.0);
            const vd d = SEL(small, a + 1.0, a) - 1.0 / 3.0;
            st(d_row + i, d);
            st(d_row + stride + i, 1.0 / VSQRT(9.0 * d));
            st(d_row + 2 * stride + i, 0.02206 / d);
            st(inverse_row + i, SEL(small, 1.0 / a, V(0.0)));
        }
    }
}

static void normal_draws(int64_t n, uint64_t key, uint64_t decision, double *out) {
    for (int64_t i = 0; i < n; i += AW_W) {
        vu slot = U((uint64_t)i), r1, r2;
        for (int j = 0; j < AW_W; j++) slot[j] += (uint64_t)j;
        vd z1, z2;
        philox(slot, U(decision), AW_PURPOSE_DRAW, 0, key, &r1, &r2);
        box_muller(r1, r2, &z1, &z2);
        store_live(out, z1, i, n);
    }
}

#endif
