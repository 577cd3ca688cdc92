/*
 * Selection among many arms: leaders in full, all others by thinning.
 *
 * On the logit scale a Beta density is log-concave, so its tangent at a level t* bounds the tail above t*: with slope
 * s = -(log f)'(t*), f(t) <= f(t*) exp(-s (t - t*)), and an arm exceeds t* with probability at most B = f(t*) / s. Draw
 * a Poisson number of points at rate Lambda = sum of rates, rate_i >= -log(1 - B_i), and give each to an arm in
 * proportion to its rate: an arm is hit with probability B'_i = 1 - exp(-rate_i), independently of all others. A hit
 * arm proposes t* + Exp(s) and is accepted with probability f / hat * B_i / B'_i. What comes out for the arms above t*
 * is exactly their law; an arm below t* cannot win while a leader's own draw stands above t*. Where no leader's does,
 * every arm is drawn as on the plain path, at the same addresses. With most decisions at no point at all, a selection
 * costs the leaders' draws and one uniform.
 *
 * Rates are whole numbers of 2^-40, so their sum does not depend on the order of updates. The index (path, leaders,
 * level) is state: it changes with the arms and at updates alone, by the rule below, whose costs in nanoseconds are
 * constants of the rule and never measured at run time.
 */
#include "kernels.h"
#include "scalar.h"

#define COST_ARM 3.0       /* one arm drawn in full */
#define COST_FIXED 50.0    /* count and set-up */
#define COST_POINT 120.0   /* one thinning point */
#define RATE_LIMIT 2.0     /* points a decision, at most */
#define WORTHWHILE 0.8     /* the block path must cost less than this share of the plain one */
#define LEVELS 32          /* levels tried */
#define PERIOD 4           /* the index is considered anew after so many updates for each arm, on average, */
#define GROWTH 16          /* or later: after one in so many of all updates */
#define EDGE 40.0          /* of the levels, either way: beyond, nothing is left to thin */
#define MOST_EVIDENCE 1e12 /* of an arm: beyond, a tangent loses its digits, and every arm is drawn */
#define RATE_UNIT 0x1p-40

enum { GROUP = 32 }; /* arms whose rates are summed once more, to find an owner in two short scans */

/* The mean of a coin at the level: its share of n = a + b, less a, is the slope of -log f. */
static double share_at(double level) { return 1.0 / (1.0 + aw_exp1(aw_clamp(-level, -700.0, 700.0))); }

/* returns: hat mass B, or 1 where the tangent bounds nothing. */
static double tangent(double a, double b, double log_beta, double level) {
    const double s = (a + b) * share_at(level) - a;
    if (!(s > 0.0)) return 1.0;
    const double logf = (a * level - (a + b) * aw_softplus(level)) - log_beta;
    if (logf > 100.0) return 1.0;
    return aw_exp1(logf > -700.0 ? logf : -700.0) / s;
}

static uint64_t rate_of(double a, double b, double log_beta, double level) {
    const double mass = tangent(a, b, log_beta, level);
    if (!(mass <= 0.5)) return AW_RATE_CAP;
    return (uint64_t)((mass + mass * mass) * 0x1p40) + 1;
}

/* 1 - exp(-x) for x in [0, 4]. */
static double one_minus_exp(double x) {
    if (x < 0.0009765625) return x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0))));
    return 1.0 - aw_exp1(-x);
}

static const double *alphas(const aw_beta *state) { return state->table + AW_ROW_ALPHA * state->stride; }
static const double *betas(const aw_beta *state) { return state->table + AW_ROW_BETA * state->stride; }

static double slope_at(const aw_beta *state, int64_t i, double share) {
    return (alphas(state)[i] + betas(state)[i]) * share - alphas(state)[i];
}

static void pack_leader(aw_beta *state, int64_t which) {
    const int32_t i = state->leaders[which];
    for (int row = 0; row < AW_BETA_ROWS; row++) {
        state->packed[row * AW_MAX_LEADERS + which] = state->table[row * state->stride + i];
    }
    state->packed_slots[which] = state->slots[i];
}

/* Leaders are a multiple of eight: no lane is idle. */
static void pack_leaders(aw_beta *state) {
    for (int64_t j = 0; j < state->head[AW_HEAD_LEADERS]; j++) pack_leader(state, j);
}

/* What an arm may reach: two standard deviations above its centre, on the logit scale. */
static double upper_of(double a, double b) { return aw_log1(a / b) + 2.0 * __builtin_sqrt(1.0 / a + 1.0 / b); }

static void set_total(aw_beta *state, uint64_t total) {
    state->head[AW_HEAD_TOTAL] = (int64_t)total;
    const double lambda = (double)total * RATE_UNIT;
    state->parameters[AW_LEVEL_NONE] = aw_exp1(lambda < 700.0 ? -lambda : -700.0);
}

static void take_plain_path(aw_beta *state) {
    state->head[AW_HEAD_PATH] = 0;
    state->head[AW_HEAD_LEADERS] = 0;
    set_total(state, 0);
}

/* writes: the positions of the greatest uppers, descending, ties to the lower position. returns: how many. */
static int64_t rank(const double *upper, int64_t count, int32_t *best) {
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        if (n == AW_MAX_LEADERS && !(upper[i] > upper[best[n - 1]])) continue;
        int64_t at = n < AW_MAX_LEADERS ? n++ : n - 1;
        for (; at > 0 && upper[i] > upper[best[at - 1]]; at--) best[at] = best[at - 1];
        best[at] = (int32_t)i;
    }
    return n;
}

/*
 * Take the block path with the leaders and the level that the state holds.
 * requires: log_beta current for every arm. writes: rates, their sum and the caches of the selection.
 */
static void take_block_path(aw_beta *state) {
    int64_t *head = state->head;
    const int64_t count = head[AW_HEAD_COUNT];
    state->parameters[AW_LEVEL_RATIO] = aw_exp1(state->parameters[AW_LEVEL]);
    state->ops->block_rates(alphas(state), betas(state), state->log_beta, count, state->parameters[AW_LEVEL],
                            state->rates);
    for (int64_t j = 0; j < head[AW_HEAD_LEADERS]; j++) state->rates[state->leaders[j]] = 0;
    memset(state->groups, 0, (size_t)(count / GROUP + 1) * sizeof *state->groups);
    uint64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        state->groups[i / GROUP] += state->rates[i];
        total += state->rates[i];
    }
    set_total(state, total);
    pack_leaders(state);
}

/* The cheapest of LEVELS levels and 8, 16, 32 or 64 leaders. returns: leaders, 0 where the plain path is cheaper. */
static int64_t cheapest(aw_beta *state, const double *centre, const int32_t *ranked, double lowest, double highest,
                        double *level) {
    const int64_t count = state->head[AW_HEAD_COUNT];
    const double plain = COST_ARM * (double)count;
    double least = WORTHWHILE * plain;
    int64_t best = 0;
    for (int k = 1; k <= LEVELS; k++) {
        const double at = lowest + (highest - lowest) * ((double)k / (double)LEVELS);
        uint64_t rest = state->ops->block_rates(alphas(state), betas(state), state->log_beta, count, at, state->rates);
        double none = 1.0; /* the chance that every leader falls below the level, by a logistic bell */
        int64_t n = 0;
        for (int64_t leaders = 8; leaders <= AW_MAX_LEADERS && leaders < count; leaders *= 2) {
            for (; n < leaders; n++) {
                const int32_t i = ranked[n];
                const double spread = __builtin_sqrt(1.0 / alphas(state)[i] + 1.0 / betas(state)[i]);
                none = none * (1.0 / (1.0 + aw_exp1(aw_clamp(-1.702 * (at - centre[i]) / spread, -700.0, 700.0))));
                rest -= state->rates[i];
            }
            const double lambda = (double)rest * RATE_UNIT;
            const double cost = COST_FIXED + COST_ARM * (double)n + lambda * COST_POINT + none * plain;
            if (lambda <= 0.5 * RATE_LIMIT && cost < least) {
                least = cost;
                best = n;
                *level = at;
            }
        }
    }
    return best;
}

/* Updates that pass at least before a signal has the index considered anew. */
static int64_t pause_of(int64_t count) { return count > 64 ? count : 64; }

void aw_block_consider(aw_beta *state) {
    int64_t *head = state->head;
    const int64_t count = head[AW_HEAD_COUNT];
    const int64_t grown = head[AW_HEAD_UPDATES] / GROWTH, many = PERIOD * pause_of(count);
    head[AW_HEAD_DUE] = head[AW_HEAD_UPDATES] + (grown > many ? grown : many);
    take_plain_path(state);
    if (head[AW_HEAD_HALF_LIFE] || count < AW_BLOCK_MIN_ARMS) return;
    double *upper = state->scratch, *centre = upper + state->stride;
    for (int64_t i = 0; i < count; i++) {
        const double a = alphas(state)[i], b = betas(state)[i];
        if (a + b > MOST_EVIDENCE) return;
        centre[i] = aw_log1(a / b);
        upper[i] = upper_of(a, b);
        state->log_beta[i] = aw_log_beta1(a, b);
    }
    int32_t ranked[AW_MAX_LEADERS];
    const int64_t n = rank(upper, count, ranked);
    double level = 0.0;
    const double lowest = aw_clamp(upper[ranked[n - 1]], -EDGE, EDGE),
                 highest = aw_clamp(upper[ranked[0]], -EDGE, EDGE);
    const int64_t best = cheapest(state, centre, ranked, lowest, highest, &level);
    if (!best) return;
    for (int64_t j = 0; j < best; j++) { /* ascending positions */
        int64_t at = j;
        for (; at > 0 && state->leaders[at - 1] > ranked[j]; at--) state->leaders[at] = state->leaders[at - 1];
        state->leaders[at] = ranked[j];
    }
    head[AW_HEAD_PATH] = 1;
    head[AW_HEAD_LEADERS] = best;
    state->parameters[AW_LEVEL] = level;
    take_block_path(state);
}

void aw_block_restore(aw_beta *state) {
    if (!state->head[AW_HEAD_PATH]) return;
    const int64_t count = state->head[AW_HEAD_COUNT];
    for (int64_t i = 0; i < count; i++) state->log_beta[i] = aw_log_beta1(alphas(state)[i], betas(state)[i]);
    take_block_path(state);
}

/* Bring the rate of an arm that is no leader up to date. returns: whether the block can go on as it is. */
static int renew_rate(aw_beta *state, int64_t i) {
    const double a = alphas(state)[i], b = betas(state)[i];
    state->log_beta[i] = aw_log_beta1(a, b);
    const uint64_t rate = rate_of(a, b, state->log_beta[i], state->parameters[AW_LEVEL]);
    const uint64_t change = rate - state->rates[i], total = (uint64_t)state->head[AW_HEAD_TOTAL] + change;
    state->rates[i] = rate;
    state->groups[i / GROUP] += change;
    set_total(state, total);
    return rate != AW_RATE_CAP && (double)total * RATE_UNIT <= RATE_LIMIT;
}

void aw_block_update(aw_beta *state, int64_t position) {
    int64_t *head = state->head;
    if (head[AW_HEAD_PATH]) {
        int64_t which = 0;
        while (which < head[AW_HEAD_LEADERS] && state->leaders[which] != position) which++;
        int stale;
        if (which < head[AW_HEAD_LEADERS]) {
            pack_leader(state, which);
            /* a leader has fallen: the level may be out of reach for all of them */
            stale = upper_of(alphas(state)[position], betas(state)[position]) < state->parameters[AW_LEVEL];
        } else {
            stale = !renew_rate(state, position);
            if (stale) take_plain_path(state);
        }
        const int64_t soon = head[AW_HEAD_UPDATES] + pause_of(head[AW_HEAD_COUNT]);
        if (stale && head[AW_HEAD_DUE] > soon) head[AW_HEAD_DUE] = soon;
    }
    if (head[AW_HEAD_UPDATES] >= head[AW_HEAD_DUE]) aw_block_consider(state);
}

/* The arm that owns a place on the line of all rates. requires: place < total. */
static int64_t owner(const aw_beta *state, uint64_t place) {
    int64_t group = 0;
    while (place >= state->groups[group]) place -= state->groups[group++];
    int64_t i = group * GROUP;
    while (place >= state->rates[i]) place -= state->rates[i++];
    return i;
}

/* Whether the j-th point's proposal t for arm i is accepted: f(t) / hat(t), times B / B' for the rate rounded up. */
static int accepted(const aw_beta *state, int64_t i, double level, double t, double jump, uint64_t key,
                    uint64_t decision, uint32_t j) {
    const double a = alphas(state)[i], b = betas(state)[i];
    const double mass = tangent(a, b, state->log_beta[i], level);
    const double drop = (a * (t - level) - (a + b) * (aw_softplus(t) - aw_softplus(level))) + jump;
    const double correction = aw_log1(mass) - aw_log1(one_minus_exp((double)state->rates[i] * RATE_UNIT));
    uint64_t r1, r2;
    aw_words(j, decision, AW_PURPOSE_POINT, 1, key, &r1, &r2);
    return aw_log1(aw_unit53(r1)) < drop + correction;
}

int64_t aw_block_select(const aw_beta *state, uint64_t key, uint64_t decision) {
    const int64_t *head = state->head;
    const aw_beta_set leaders = {state->packed, state->packed_slots, head[AW_HEAD_LEADERS], AW_MAX_LEADERS,
                                 head[AW_HEAD_BOOSTED] > 0};
    double top;
    int64_t best = state->leaders[state->ops->thompson_select(&leaders, key, decision, NULL, &top)];
    const double level = state->parameters[AW_LEVEL];
    if (top < (leaders.boosted ? level : state->parameters[AW_LEVEL_RATIO])) {
        const aw_beta_set all = {state->table, state->slots, head[AW_HEAD_COUNT], state->stride, leaders.boosted};
        return state->ops->thompson_select(&all, key, decision, NULL, &top);
    }
    uint64_t r1, r2;
    aw_words(0, decision, AW_PURPOSE_COUNT, 0, key, &r1, &r2);
    const double u = aw_unit53(r1);
    double cumulative = state->parameters[AW_LEVEL_NONE];
    if (u < cumulative) return best;
    top = leaders.boosted ? top : aw_log1(top);
    const uint64_t line = (uint64_t)head[AW_HEAD_TOTAL];
    const double lambda = (double)line * RATE_UNIT, share = share_at(level);
    int64_t seen[AW_BLOCK_MAX_POINTS], hits = 0;
    double p = cumulative;
    for (int j = 0; u >= cumulative && j < AW_BLOCK_MAX_POINTS; j++) {
        p = p * (lambda / (double)(j + 1));
        cumulative = cumulative + p;
        aw_words((uint32_t)j, decision, AW_PURPOSE_POINT, 0, key, &r1, &r2);
        const int64_t i = owner(state, aw_below(r1, line));
        int again = 0;
        for (int64_t k = 0; k < hits; k++) again |= seen[k] == i;
        if (again) continue;
        seen[hits++] = i;
        const double jump = -aw_log1(aw_unit53(r2)), t = level + jump / slope_at(state, i, share);
        /* most proposals lose to a leader: whether the others are accepted is all that need be known */
        if (t > top && accepted(state, i, level, t, jump, key, decision, (uint32_t)j)) {
            best = i;
            top = t;
        }
    }
    return best;
}
