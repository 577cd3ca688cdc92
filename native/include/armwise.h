/*
 * armwise kernels: the public C surface.
 *
 * What a decision is: a pure function of (seed, stream, counter, state). Randomness is Philox4x32-10 at an address: the
 * key is drawn from (seed, stream), the counter words are (slot, decision low, decision high, purpose << 24 | attempt).
 * Neither the position of an arm, nor the number of arms, nor the vector width enters an address, and arithmetic is
 * + - * / sqrt in a fixed order without contraction, so that every instruction set and the Numba backend give the same
 * bits.
 *
 * Conventions. Functions that can fail return 0 or a negative aw_status; on failure nothing is written. NumPy owns all
 * arrays, C borrows them for the length of a call; arrays that are written do not overlap others. There are no mutable
 * globals: every function may run on several threads at once, on different outputs. Nothing allocates.
 */
#ifndef ARMWISE_H
#define ARMWISE_H

#include <stddef.h>
#include <stdint.h>

#define AW_BETA_ROWS 10
enum {
    AW_ROW_D1,
    AW_ROW_C1,
    AW_ROW_K1,
    AW_ROW_D2,
    AW_ROW_C2,
    AW_ROW_K2,
    AW_ROW_INV_A,
    AW_ROW_INV_B,
    AW_ROW_ALPHA,
    AW_ROW_BETA
};

enum {
    AW_HEAD_COUNTER,
    AW_HEAD_VERSION,
    AW_HEAD_COUNT,
    AW_HEAD_STREAM,
    AW_HEAD_KEY,
    AW_HEAD_HALF_LIFE,
    AW_HEAD_NOW,
    AW_HEAD_TICK,
    AW_HEAD_LANDMARK,
    AW_HEAD_NEXT,
    AW_HEAD_PATH,
    AW_HEAD_LEADERS,
    AW_HEAD_DUE,
    AW_HEAD_TOTAL,
    AW_HEAD_BOOSTED,
    AW_HEAD_DIM,
    AW_HEAD_UPDATES,
    AW_HEAD_SIZE = 24
};

enum { AW_EVIDENCE_PRIOR_A, AW_EVIDENCE_PRIOR_B, AW_EVIDENCE_A, AW_EVIDENCE_B };

enum {
    AW_LEVEL,
    AW_LEVEL_RATIO,
    AW_LEVEL_NONE,
    AW_NOISE_VARIANCE,
    AW_PRIOR_PRECISION,
    AW_EPSILON_SHARE,
    AW_PARAMETERS = 8
};

#define AW_MAX_ARMS (1 << 20)
#define AW_MIN_SHAPE 1e-100
#define AW_MAX_SHAPE 1e100
#define AW_MAX_CONTEXT 1e100
#define AW_LEAST_CHANCE 1e-12 /* what a chosen arm's propensity is at least: below, quadrature may say zero */
#define AW_RATE_CAP (1ULL << 42)
#define AW_BLOCK_MIN_ARMS 64
#define AW_BLOCK_MAX_POINTS 64
#define AW_MAX_LEADERS 64
#define AW_TICKS_PER_HALF_LIFE 1024
#define AW_END_OF_TIME (1LL << 62)

/*
 * A word of a shared table: the sum of an arm's rewards, in units, above its count. A unit is a power of two, so that
 * shapes are exact; the greatest count is even, so that it is halved exactly.
 */
#define AW_WORD_BITS 26
#define AW_WORD_UNITS 4096
#define AW_WORD_MOST ((1 << AW_WORD_BITS) - 2)

/* [cffi:begin] */
enum aw_status {
    AW_OK = 0,
    AW_E_COUNT = -1,    /* a number of arms, draws or dimensions is out of range */
    AW_E_SHAPE = -2,    /* a Beta shape is outside [1e-100, 1e100] */
    AW_E_DOMAIN = -3,   /* an argument of log or exp, a mean or a deviation is out of range */
    AW_E_ISA = -4,      /* this CPU does not run that instruction set */
    AW_E_NUMERIC = -5,  /* a sum of probabilities missed one by more than 1e-9 */
    AW_E_CONTEXT = -6,  /* a context holds a number that is not finite or beyond 1e100 */
    AW_E_REWARD = -7,   /* a reward is outside the policy's range */
    AW_E_TIME = -8,     /* a time is negative, or 2^62 ns and later */
    AW_E_SHARP = -9,    /* a Beta law with both shapes beyond 2e9, and another, may be the best */
    AW_E_TEXT = -10,    /* a key holds a surrogate, or what is no code point */
    AW_E_OFFSETS = -11, /* an offset is below the one before it, or outside the data */
    AW_E_WORD = -12     /* a shared word holds more rewards than it counts, or counts too many */
};
enum aw_isa { AW_ISA_SCALAR, AW_ISA_V128, AW_ISA_AVX2, AW_ISA_AVX512, AW_ISA_COUNT };

/* One sentence for a status; never NULL. */
const char *aw_strerror(int status);
/* The name of an instruction set as this build has it; NULL where the build lacks it. */
const char *aw_isa_name(int isa);
/* 1 where this CPU runs it, else 0. */
int aw_isa_runs(int isa);
/* The compiler that built this, by name and version. */
const char *aw_compiler(void);

/* writes: out (n, 4), the Philox4x32-10 blocks of counters (n, 4) under key (2). */
void aw_philox(int64_t n, const uint32_t *counters, const uint32_t *key, uint32_t *out);
/* returns: the key of a stream under a seed, word 0 low. */
uint64_t aw_stream_key(uint64_t seed, uint64_t stream);

/* returns: the hash of n bytes: XXH3-64, FNV-1a of 32 bits, MurmurHash3 x86_32. */
uint64_t aw_xxh3(uint64_t seed, const uint8_t *data, size_t n);
uint32_t aw_fnv1a32(const uint8_t *data, size_t n);
uint32_t aw_murmur3(uint32_t seed, const uint8_t *data, size_t n);

/* requires: x positive, normal. writes: out (n). */
int aw_log(int isa, int64_t n, const double *x, double *out);
/* requires: -708 <= x <= 708. writes: out (n). */
int aw_exp(int isa, int64_t n, const double *x, double *out);
/* writes: out (n), log B(a, b). */
int aw_log_beta(int64_t n, const double *a, const double *b, double *out);

/* writes: out (n), the first normals of slots 0 .. n-1. */
int aw_normal_draws(int isa, int64_t n, uint64_t key, uint64_t decision, double *out);
/* returns: doubles that aw_beta_draws needs as scratch. */
int64_t aw_beta_scratch(int64_t arms);
/* writes: out (n, arms), row i the draws of slots 0 .. arms-1 at decision + i; scratch. */
int aw_beta_draws(int isa, int64_t arms, const double *alpha, const double *beta, uint64_t key, uint64_t decision,
                  int64_t n, double *out, double *scratch);

/* returns: doubles that aw_best_beta and aw_best_normal need as scratch. */
size_t aw_best_scratch(int64_t arms);
/* writes: p (arms), P(arm i has the greatest draw); scratch. */
int aw_best_beta(int isa, int64_t arms, const double *a, const double *b, double *p, double *scratch);
int aw_best_normal(int isa, int64_t arms, const double *mean, const double *deviation, double *p, double *scratch);

/* writes: out (n), each word as it stood at one instant; the words as a set have no such instant. */
void aw_words_load(int64_t n, const uint64_t *words, uint64_t *out);
/* Put values (n) in the place of the words, each in one step. returns: 0, or AW_E_WORD with nothing written. */
int aw_words_store(int64_t n, uint64_t *words, const uint64_t *values);
/* returns: what the word held before one was added to it, which no other caller in any process is given. */
uint64_t aw_word_take(uint64_t *word);
/* [cffi:end] */

#endif
