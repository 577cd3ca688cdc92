/*
 * Posteriors for the C tests. Shapes, contexts and rewards are small dyadic numbers by formulas in whole numbers, so
 * that any language can repeat them without a rounding: tests/native/test_conformance.py does.
 */
#ifndef AW_FIXTURES_H
#define AW_FIXTURES_H

#include "../../native/src/kernels.h"
#include "../../native/src/linear.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARMS = 1000, STRIDE = 1008, MAX_DIM = 33 };
#define SEED 20240229u
#define STREAM 7u

enum regime { WARM, COLD, SMALL, SKEWED, REGIMES };
static const char *const REGIME_NAMES[REGIMES] = {"warm", "cold", "small", "skewed"};

static inline double shape_a(enum regime regime, int64_t i, int64_t arms) {
    switch (regime) {
    case WARM:
        return 5.0 + (double)(i * 7 % 31);
    case COLD:
        return 1.0;
    case SMALL:
        return 0.25 + 0.125 * (double)(i % 7);
    default:
        return i == arms / 2 ? 400.0 : 2.0 + (double)(i % 3);
    }
}

static inline double shape_b(enum regime regime, int64_t i, int64_t arms) {
    switch (regime) {
    case WARM:
        return 20.0 + (double)(i * 13 % 101);
    case COLD:
        return 1.0;
    case SMALL:
        return 0.5 + 0.5 * (double)(i % 3);
    default:
        return i == arms / 2 ? 100.0 : 200.0 + (double)(i % 50);
    }
}

/* Slots are ascending and sparse, as they are after arms were removed. */
static inline uint32_t slot_of(int64_t i) { return (uint32_t)(3 * i + 1); }
static inline double context_at(int64_t event, int64_t j) { return (double)((event * 5 + j * 3) % 17 - 8) / 8.0; }
static inline double reward_at(int64_t event) { return (double)(event * 7 % 9) / 8.0; }

/* An aw_beta and every array that it borrows. */
typedef struct beta_fixture {
    aw_beta state;
    int64_t head[AW_HEAD_SIZE];
    double parameters[AW_PARAMETERS];
    uint32_t slots[STRIDE];
    int64_t stamps[STRIDE];
    double table[AW_BETA_ROWS * STRIDE], evidence[4 * STRIDE];
    uint64_t rates[STRIDE];
    int32_t leaders[AW_MAX_LEADERS];
    double packed[AW_BETA_ROWS * AW_MAX_LEADERS];
    uint32_t packed_slots[AW_MAX_LEADERS];
    double log_beta[STRIDE], scratch[2 * STRIDE];
    uint64_t groups[STRIDE];
} beta_fixture;

/* A posterior of so many arms; the columns past them hold Beta(1, 1). half_life in nanoseconds, 0 for none. */
static inline void beta_setup(beta_fixture *f, int isa, enum regime regime, int64_t arms, int64_t half_life) {
    memset(f, 0, sizeof *f);
    f->state = (aw_beta){.head = f->head,
                         .parameters = f->parameters,
                         .slots = f->slots,
                         .stamps = f->stamps,
                         .table = f->table,
                         .evidence = f->evidence,
                         .rates = f->rates,
                         .leaders = f->leaders,
                         .stride = STRIDE,
                         .packed = f->packed,
                         .packed_slots = f->packed_slots,
                         .log_beta = f->log_beta,
                         .scratch = f->scratch,
                         .groups = f->groups,
                         .ops = aw_ops_of(isa)};
    f->head[AW_HEAD_COUNT] = arms;
    f->head[AW_HEAD_HALF_LIFE] = half_life;
    for (int64_t i = 0; i < STRIDE; i++) {
        const double a = i < arms ? shape_a(regime, i, arms) : 1.0, b = i < arms ? shape_b(regime, i, arms) : 1.0;
        f->slots[i] = slot_of(i);
        f->table[AW_ROW_ALPHA * STRIDE + i] = a;
        f->table[AW_ROW_BETA * STRIDE + i] = b;
        f->evidence[AW_EVIDENCE_PRIOR_A * STRIDE + i] = 1.0;
        f->evidence[AW_EVIDENCE_PRIOR_B * STRIDE + i] = 1.0;
        f->evidence[AW_EVIDENCE_A * STRIDE + i] = a - 1.0;
        f->evidence[AW_EVIDENCE_B * STRIDE + i] = b - 1.0;
    }
    aw_beta_refresh(&f->state);
}

static inline aw_beta_set set_of(const beta_fixture *f) {
    return (aw_beta_set){f->table, f->slots, f->head[AW_HEAD_COUNT], STRIDE, f->head[AW_HEAD_BOOSTED] > 0};
}

#endif
