/*
 * What the kernels offer to the C type of native/fast/ beside the public header: the parts that hold state.
 */
#ifndef AW_KERNELS_H
#define AW_KERNELS_H

#include "../include/armwise.h"
#include "simd/ops.h"

/* The table of an instruction set; NULL where this CPU does not run it. */
const struct aw_ops *aw_ops_of(int isa);

/* Whether n pairs of shapes are all in [1e-100, 1e100]; a NaN is not. */
int aw_shapes_good(int64_t n, const double *a, const double *b);

/* Arms rounded up to whole vectors of eight. */
static inline int64_t aw_padded(int64_t arms) { return (arms + 7) / 8 * 8; }

/* log B(a, b). requires: shapes in [1e-100, 1e100]. */
double aw_log_beta1(double a, double b);

/* ---- thompson.c ---- */

/* The arrays of a Beta posterior, see armwise_kernels/layout.py. */
typedef struct aw_beta {
    int64_t *head;
    double *parameters;
    uint32_t *slots;
    int64_t *stamps;
    double *table, *evidence;
    uint64_t *rates;
    int32_t *leaders;
    int64_t stride;
    /* owned by the caller, caches: */
    double *packed;         /* AW_BETA_ROWS x AW_MAX_LEADERS: the leaders' columns */
    uint32_t *packed_slots; /* AW_MAX_LEADERS */
    double *log_beta;       /* stride */
    double *scratch;        /* 2 x stride */
    uint64_t *groups;       /* stride */
    const struct aw_ops *ops;
} aw_beta;

/* returns: 0, or AW_E_REWARD for a reward outside [0, 1]. */
int aw_beta_check(double reward);
/* Move the clock; refresh every constant where a tick has passed. requires: now >= 0 and a half life. */
void aw_beta_advance(aw_beta *state, int64_t now);
/* Apply one checked reward. now: nanoseconds, read only where the state has a half life. */
void aw_beta_update(aw_beta *state, int64_t position, double reward, int64_t now);
/* Recompute all that follows from the evidence: the constants, the count of small shapes. Leaves the index alone. */
void aw_beta_refresh(aw_beta *state);
/* Give one column other shapes, as one state change that so many rewards made. requires: no half life. */
void aw_beta_reshape(aw_beta *state, int64_t position, double alpha, double beta, int64_t rewards);

/* ---- shared.c ---- */

/*
 * Add one checked reward to a word, in one step, whoever else writes it.
 * returns: 0, or AW_E_WORD with nothing written.
 */
int aw_word_add(uint64_t *word, double reward);
/*
 * Bring a posterior up to words that others write: a column whose word is not the one in seen takes its shapes from it.
 * requires: words and seen (count); columns that agree with seen; no half life.
 * returns: 0, or AW_E_WORD at a word that cannot be; the columns before it are up to date, it and the rest as they
 * were.
 */
int aw_words_follow(aw_beta *state, const uint64_t *words, uint64_t *seen);

/* ---- clock.c ---- */

/* The tick of a time under a half life: 1024 ticks a half life. */
int64_t aw_tick(int64_t now, int64_t half_life);
/* A time no later than the first of the next tick. */
int64_t aw_tick_end(int64_t tick, int64_t half_life);
/* 2^(-ticks / 1024) for ticks >= 0; 0 from 2^-1000 on. */
double aw_decay(int64_t ticks);
/* 2^(ticks / 1024); 0 below 2^-1000. requires: ticks <= 1024 * 1000. */
double aw_growth(int64_t ticks);
/*
 * Move head's clock to now, if that is later.
 * writes:  NOW, and where a tick has passed TICK, NEXT, LANDMARK, VERSION; *scale, by which the caller multiplies its
 *          evidence (1 unless the landmark moved).
 * returns: 1 where a tick has passed: the caller refreshes every column at aw_decay(TICK - LANDMARK).
 */
int aw_clock_advance(int64_t *head, int64_t now, double *scale);

/* ---- block.c ---- */

/* Choose path, leaders and level from the posterior, by a pure rule. */
void aw_block_consider(aw_beta *state);
/* Recompute the rates and their sum at the saved level and for the saved leaders. */
void aw_block_restore(aw_beta *state);
/* Account for a change of one column; may consider anew. */
void aw_block_update(aw_beta *state, int64_t position);
/* Select by leaders and thinning. requires: head path 1. */
int64_t aw_block_select(const aw_beta *state, uint64_t key, uint64_t decision);

/* ---- means.c ---- */

/* returns: the winning position. requires: count >= 1. */
int64_t aw_epsilon_greedy_select(const double *means, int64_t count, double epsilon, uint64_t key, uint64_t decision);
int64_t aw_greedy(const double *means, int64_t count);
int64_t aw_ucb1_select(const double *means, const double *counts, int64_t count, int64_t total);
void aw_mean_update(double *means, double *counts, int64_t position, double reward);

#endif
