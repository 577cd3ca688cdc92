/*
 * The state of a Beta posterior: rewards in, constants out.
 *
 * A reward r in [0, 1] adds r to alpha and 1 - r to beta (Agrawal & Goyal 2012 for binary rewards; the fractional form
 * is the usual generalisation). All that a draw needs and that depends on the shapes alone is computed here, once a
 * reward, not once a draw. With a half life the evidence decays toward the prior, see clock.c: the constants are then
 * those of the present tick, and a tick that passes is a state change of its own.
 */
#include "kernels.h"

static double *row(const aw_beta *state, int64_t which) { return state->table + which * state->stride; }
static double *evidence(const aw_beta *state, int64_t which) { return state->evidence + which * state->stride; }

static int is_boosted(const aw_beta *state, int64_t i) {
    return row(state, AW_ROW_ALPHA)[i] < 1.0 || row(state, AW_ROW_BETA)[i] < 1.0;
}

/* writes: d, c, squeeze and inverse of one shape; the rows of c and squeeze follow that of d. */
static void shape_constants(double shape, double *d_row, double *inverse, int64_t stride) {
    const int small = shape < 1.0;
    const double d = (small ? shape + 1.0 : shape) - 1.0 / 3.0;
    d_row[0] = d;
    d_row[stride] = 1.0 / __builtin_sqrt(9.0 * d);
    d_row[2 * stride] = 0.02206 / d;
    *inverse = small ? 1.0 / shape : 0.0;
}

static void column_constants(aw_beta *state, int64_t i) {
    const int64_t p = state->stride;
    double *t = state->table + i;
    shape_constants(t[AW_ROW_ALPHA * p], t + AW_ROW_D1 * p, t + AW_ROW_INV_A * p, p);
    shape_constants(t[AW_ROW_BETA * p], t + AW_ROW_D2 * p, t + AW_ROW_INV_B * p, p);
}

void aw_beta_refresh(aw_beta *state) {
    const int64_t p = state->stride, count = state->head[AW_HEAD_COUNT];
    if (state->head[AW_HEAD_HALF_LIFE]) {
        const double weight = aw_decay(state->head[AW_HEAD_TICK] - state->head[AW_HEAD_LANDMARK]);
        for (int side = 0; side < 2; side++) {
            const double *prior = evidence(state, AW_EVIDENCE_PRIOR_A + side);
            const double *added = evidence(state, AW_EVIDENCE_A + side);
            double *shape = row(state, AW_ROW_ALPHA + side);
            for (int64_t i = 0; i < p; i++) shape[i] = prior[i] + added[i] * weight;
        }
    }
    state->ops->beta_constants(state->table, p, 0, p);
    int64_t boosted = 0;
    for (int64_t i = 0; i < count; i++) boosted += is_boosted(state, i);
    state->head[AW_HEAD_BOOSTED] = boosted;
    for (int64_t i = 0; i < p; i++) state->stamps[i] = state->head[AW_HEAD_VERSION];
}

void aw_beta_advance(aw_beta *state, int64_t now) {
    double scale;
    if (!aw_clock_advance(state->head, now, &scale)) return;
    if (scale != 1.0) {
        double *added = evidence(state, AW_EVIDENCE_A);
        for (int64_t i = 0; i < 2 * state->stride; i++) added[i] *= scale;
    }
    aw_beta_refresh(state);
}

int aw_beta_check(double reward) { return reward >= 0.0 && reward <= 1.0 ? AW_OK : AW_E_REWARD; }

/* Account for new shapes of one column, as one state change. before: whether a shape was below one. */
static void reshaped(aw_beta *state, int64_t i, int before, int64_t rewards) {
    int64_t *head = state->head;
    column_constants(state, i);
    head[AW_HEAD_BOOSTED] += is_boosted(state, i) - before;
    head[AW_HEAD_UPDATES] += rewards;
    state->stamps[i] = head[AW_HEAD_VERSION] += 1;
    if (!head[AW_HEAD_HALF_LIFE] && head[AW_HEAD_COUNT] >= AW_BLOCK_MIN_ARMS) aw_block_update(state, i);
}

void aw_beta_update(aw_beta *state, int64_t i, double reward, int64_t now) {
    int64_t *head = state->head;
    double *a = row(state, AW_ROW_ALPHA) + i, *b = row(state, AW_ROW_BETA) + i;
    if (head[AW_HEAD_HALF_LIFE]) aw_beta_advance(state, now);
    const int before = is_boosted(state, i);
    if (head[AW_HEAD_HALF_LIFE]) {
        const double gain = aw_growth(aw_tick(now, head[AW_HEAD_HALF_LIFE]) - head[AW_HEAD_LANDMARK]);
        const double weight = aw_decay(head[AW_HEAD_TICK] - head[AW_HEAD_LANDMARK]);
        double *added_a = evidence(state, AW_EVIDENCE_A) + i, *added_b = evidence(state, AW_EVIDENCE_B) + i;
        *added_a += reward * gain;
        *added_b += (1.0 - reward) * gain;
        *a = evidence(state, AW_EVIDENCE_PRIOR_A)[i] + *added_a * weight;
        *b = evidence(state, AW_EVIDENCE_PRIOR_B)[i] + *added_b * weight;
    } else {
        *a += reward;
        *b += 1.0 - reward;
    }
    reshaped(state, i, before, 1);
}

void aw_beta_reshape(aw_beta *state, int64_t i, double alpha, double beta, int64_t rewards) {
    const int before = is_boosted(state, i);
    row(state, AW_ROW_ALPHA)[i] = alpha;
    row(state, AW_ROW_BETA)[i] = beta;
    reshaped(state, i, before, rewards);
}
