/*
 * The table of kernel bodies: one const instance for each instruction set, filled in simd/all.h.
 */
#ifndef AW_OPS_H
#define AW_OPS_H

#include <stddef.h>
#include <stdint.h>

/* What a Thompson select reads: columns 0 .. count-1 of a Beta table, in the order of slots. */
typedef struct aw_beta_set {
    const double *table;   /* AW_BETA_ROWS rows of stride doubles; the columns up to the next multiple of 8 are valid */
    const uint32_t *slots; /* stride */
    int64_t count, stride;
    int boosted; /* some shape is below one: scores are compared as logarithms */
} aw_beta_set;

/* Prefilled draws of the next decisions: a cache of purpose 0, attempt 0, and nothing else. */
#define AW_NOISE_SLOTS 256
typedef struct aw_noise {
    double z1[AW_NOISE_SLOTS + 8], z2[AW_NOISE_SLOTS + 8], u1[AW_NOISE_SLOTS + 8], u2[AW_NOISE_SLOTS + 8];
    uint32_t slot[AW_NOISE_SLOTS + 8], offset[AW_NOISE_SLOTS + 8]; /* of entry e: its slot, its decision - first */
    uint64_t key, first;
    int64_t decisions; /* how many decisions are held, 0 while empty */
} aw_noise;

struct aw_ops {
    void (*log)(int64_t n, const double *x, double *out);
    void (*exp)(int64_t n, const double *x, double *out);
    void (*normal_draws)(int64_t n, uint64_t key, uint64_t decision, double *out);
    void (*beta_constants)(double *table, int64_t stride, int64_t from, int64_t to);
    void (*beta_draws)(const aw_beta_set *set, uint64_t key, uint64_t decision, double *out);
    int64_t (*thompson_select)(const aw_beta_set *set, uint64_t key, uint64_t decision, const aw_noise *noise,
                               double *score);
    void (*thompson_many)(const aw_beta_set *set, uint64_t key, uint64_t decision, int64_t n, int32_t *out);
    void (*noise_fill)(aw_noise *noise, int64_t entries);
    uint64_t (*block_rates)(const double *alpha, const double *beta, const double *log_beta, int64_t count,
                            double level, uint64_t *rates);
    int64_t (*lints_diag_select)(const double *blocks, const uint32_t *slots, int64_t count, int64_t dim,
                                 const double *x, uint64_t key, uint64_t decision);
    void (*lints_diag_moments)(const double *blocks, int64_t count, int64_t dim, const double *x, double *mean,
                               double *variance);
    int64_t (*lints_full_select)(const double *blocks, const uint32_t *slots, int64_t count, int64_t dim,
                                 const double *x, double sigma2, uint64_t key, uint64_t decision, double *scratch);
    void (*lints_full_moments)(const double *blocks, int64_t count, int64_t dim, const double *x, double sigma2,
                               double *mean, double *variance, double *scratch);
    double (*best_beta)(int64_t count, const double *a, const double *b, double *p, double *scratch);
    double (*best_normal)(int64_t count, const double *mean, const double *deviation, double *p, double *scratch);
};

#endif
