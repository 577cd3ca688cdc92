/*
 * Draws over arrays, for Python and for tests: checks, a table on the caller's scratch, one kernel call a row.
 */
#include "kernels.h"

int aw_normal_draws(int isa, int64_t n, uint64_t key, uint64_t decision, double *out) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (n < 0 || n > UINT32_MAX) return AW_E_COUNT;
    ops->normal_draws(n, key, decision, out);
    return AW_OK;
}

int64_t aw_beta_scratch(int64_t arms) { return arms < 0 ? 0 : aw_padded(arms) * (AW_BETA_ROWS + 1); }

int aw_beta_draws(int isa, int64_t arms, const double *alpha, const double *beta, uint64_t key, uint64_t decision,
                  int64_t n, double *out, double *scratch) {
    const struct aw_ops *ops = aw_ops_of(isa);
    if (!ops) return AW_E_ISA;
    if (arms < 1 || arms > AW_MAX_ARMS || n < 0) return AW_E_COUNT;
    if (!aw_shapes_good(arms, alpha, beta)) return AW_E_SHAPE;
    const int64_t stride = aw_padded(arms);
    double *table = scratch;
    uint32_t *slots = (uint32_t *)(scratch + stride * AW_BETA_ROWS);
    for (int64_t i = 0; i < stride; i++) {
        table[AW_ROW_ALPHA * stride + i] = i < arms ? alpha[i] : 1.0;
        table[AW_ROW_BETA * stride + i] = i < arms ? beta[i] : 1.0;
        slots[i] = (uint32_t)i;
    }
    ops->beta_constants(table, stride, 0, stride);
    const aw_beta_set set = {table, slots, arms, stride, 0};
    for (int64_t i = 0; i < n; i++) ops->beta_draws(&set, key, decision + (uint64_t)i, out + i * arms);
    return AW_OK;
}
