/*
 * Print what the kernels compute, bit by bit, on the instruction set named: `conform scalar`. One line a case, its name
 * and then 64-bit words in hexadecimal. Two builds agree where their outputs are the same text: test_conformance.py
 * compares every instruction set of this CPU, an aarch64 build under an emulator, and the oracle in plain Python.
 */
#include "../../native/src/allocate.h"
#include "fixtures.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const int64_t SIZES[] = {1, 2, 3, 7, 8, 9, 17, 100, 1000};
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };
/* Decisions run over the edge of the low counter word. */
#define FROM ((1ULL << 32) - 3)

static beta_fixture f;
static int isa;
static const struct aw_ops *ops;
static uint64_t key;

static void begin(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}
static void word(uint64_t x) { printf(" %016" PRIx64, x); }
static void number(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    word(bits);
}
static void numbers(int64_t n, const double *x) {
    for (int64_t i = 0; i < n; i++) number(x[i]);
}
static void end(void) { putchar('\n'); }
static void require(int status, const char *what) {
    if (status == AW_OK) return;
    fprintf(stderr, "%s: %s\n", what, aw_strerror(status));
    exit(1);
}

static void elementary(void) {
    enum { N = 600 };
    double x[N], y[N], out[N];
    for (int i = 0; i < N; i++) x[i] = (double)(i + 1) / 64.0;
    x[0] = 0x1p-1022, x[1] = 0x1.fffffffffffffp1023, x[2] = 0x1.fffffffffffffp-1, x[3] = 0x1.0000000000001p0;
    require(aw_log(isa, N, x, out), "log");
    begin("log"), numbers(N, out), end();
    for (int i = 0; i < N; i++) x[i] = (double)(i - N / 2) * 2.359375;
    require(aw_exp(isa, N, x, out), "exp");
    begin("exp"), numbers(N, out), end();
    for (int i = 0; i < N; i++) x[i] = (double)(1 + i * 37 % 997) / 16.0, y[i] = (double)(1 + i * 91 % 499) / 8.0;
    x[0] = 1e6, y[0] = 0.05, x[1] = 0.05, y[1] = 1e6, x[2] = y[2] = 1e6, x[3] = y[3] = 0.05;
    require(aw_log_beta(N, x, y, out), "log_beta");
    begin("log_beta"), numbers(N, out), end();
}

static void draws(void) {
    double out[3 * MAX_ARMS];
    double *scratch = malloc(sizeof *scratch * (size_t)aw_beta_scratch(MAX_ARMS));
    begin("stream_key"), word(key), word(aw_stream_key(UINT64_MAX, UINT64_MAX)), end();
    for (int64_t n = 1; n <= 19; n++) {
        require(aw_normal_draws(isa, n, key, FROM, out), "normal_draws");
        begin("normal_draws/%d", (int)n), numbers(n, out), end();
    }
    for (int regime = 0; regime < REGIMES; regime++) {
        for (int s = 0; s < N_SIZES; s++) {
            const int64_t arms = SIZES[s];
            double a[MAX_ARMS], b[MAX_ARMS];
            for (int64_t i = 0; i < arms; i++) {
                a[i] = shape_a((enum regime)regime, i, arms), b[i] = shape_b((enum regime)regime, i, arms);
            }
            require(aw_beta_draws(isa, arms, a, b, key, FROM, 3, out, scratch), "beta_draws");
            begin("beta_draws/%s/%d", REGIME_NAMES[regime], (int)arms), numbers(3 * arms, out), end();
        }
    }
    free(scratch);
}

static void selections(void) {
    enum { N = 70 };
    for (int regime = 0; regime < REGIMES; regime++) {
        for (int s = 0; s < N_SIZES; s++) {
            beta_setup(&f, isa, (enum regime)regime, SIZES[s], 0);
            const aw_beta_set set = set_of(&f);
            begin("select/%s/%d", REGIME_NAMES[regime], (int)SIZES[s]);
            for (uint64_t t = 0; t < N; t++) {
                double score;
                word((uint64_t)ops->thompson_select(&set, key, FROM + t, NULL, &score));
                number(score);
            }
            end();
            int32_t many[N];
            ops->thompson_many(&set, key, FROM, N, many);
            begin("select_many/%s/%d", REGIME_NAMES[regime], (int)SIZES[s]);
            for (int t = 0; t < N; t++) word((uint64_t)many[t]);
            end();
        }
    }
}

static void index_state(const char *when, int64_t arms) {
    const int64_t *head = f.head;
    begin("index/%s/%d", when, (int)arms);
    word((uint64_t)head[AW_HEAD_PATH]), word((uint64_t)head[AW_HEAD_LEADERS]), word((uint64_t)head[AW_HEAD_TOTAL]);
    numbers(3, f.parameters);
    for (int64_t j = 0; j < head[AW_HEAD_LEADERS]; j++) word((uint64_t)f.leaders[j]);
    if (head[AW_HEAD_PATH]) {
        for (int64_t i = 0; i < arms; i++) word(f.rates[i]);
    }
    end();
    begin("block/%s/%d", when, (int)arms);
    for (uint64_t t = 0; head[AW_HEAD_PATH] && t < 400; t++) word((uint64_t)aw_block_select(&f.state, key, FROM + t));
    end();
}

static void blocks(void) {
    for (int s = 7; s < N_SIZES; s++) {
        const int64_t arms = SIZES[s];
        beta_setup(&f, isa, SKEWED, arms, 0);
        aw_block_consider(&f.state);
        index_state("fresh", arms);
        for (int64_t event = 0; event < 500; event++) {
            aw_beta_update(&f.state, event * 31 % arms, reward_at(event) / 4.0, 0);
        }
        index_state("updated", arms);
    }
}

static void decay(void) {
    const int64_t half_life = 3600LL * 1000000000;
    begin("decay");
    for (int64_t n = 0; n < 3000; n += 7) number(aw_decay(n)), number(aw_growth(n));
    for (int64_t n = 0; n < 50; n++) {
        const int64_t now = n * 123456789012345LL;
        word((uint64_t)aw_tick(now, half_life)), word((uint64_t)aw_tick_end(aw_tick(now, half_life), half_life));
    }
    end();
    beta_setup(&f, isa, WARM, 9, half_life);
    for (int64_t event = 0; event < 300; event++) {
        aw_beta_update(&f.state, event % 9, reward_at(event), (event + 1) * 1234567890123LL);
    }
    begin("decayed_table");
    for (int row = 0; row < AW_BETA_ROWS; row++) numbers(9, f.table + row * STRIDE);
    for (int i = 0; i < AW_HEAD_SIZE; i++) word((uint64_t)f.head[i]);
    end();
}

static void linear(void) {
    static double blocks[STRIDE * (2 * MAX_DIM + MAX_DIM * (MAX_DIM + 3) / 2)];
    static double precision[STRIDE * MAX_DIM], weighted[STRIDE * MAX_DIM], scratch[8 * MAX_DIM];
    static uint32_t slots[STRIDE];
    static const int64_t dims[] = {1, 3, 4, 16, MAX_DIM}, arms_of[] = {1, 3, 8, 17};
    double x[MAX_DIM], mean[STRIDE], variance[STRIDE];
    for (int64_t i = 0; i < STRIDE; i++) slots[i] = slot_of(i);
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++) {
        for (size_t k = 0; k < sizeof arms_of / sizeof *arms_of; k++) {
            const int64_t dim = dims[d], arms = arms_of[k], columns = (arms / 8 + 1) * 8;
            for (int full = 0; full < 2; full++) {
                memset(precision, 0, sizeof precision);
                memset(weighted, 0, sizeof weighted);
                if (full) {
                    for (int64_t i = 0; i < columns; i++) aw_lints_full_prior(blocks, i, dim, 1.0);
                } else {
                    aw_lints_diag_refresh_all(blocks, precision, weighted, columns, dim, 1.0, 1.0, 0.25);
                }
                for (int64_t event = 0; event < 60; event++) {
                    for (int64_t j = 0; j < dim; j++) x[j] = context_at(event, j);
                    if (full) {
                        aw_lints_full_update(blocks, weighted, event % arms, dim, x, reward_at(event), scratch);
                    } else {
                        aw_lints_diag_update(blocks, precision, weighted, event % arms, dim, x, reward_at(event), 1.0,
                                             1.0, 1.0, 0.25);
                    }
                }
                const char *name = full ? "lints" : "lints_diag";
                begin("%s/%d/%d", name, (int)arms, (int)dim);
                for (int64_t event = 0; event < 40; event++) {
                    const uint64_t t = FROM + (uint64_t)event;
                    for (int64_t j = 0; j < dim; j++) x[j] = context_at(1000 + event, j);
                    word((uint64_t)(full ? ops->lints_full_select(blocks, slots, arms, dim, x, 0.25, key, t, scratch)
                                         : ops->lints_diag_select(blocks, slots, arms, dim, x, key, t)));
                }
                if (full) {
                    ops->lints_full_moments(blocks, arms, dim, x, 0.25, mean, variance, scratch);
                } else {
                    ops->lints_diag_moments(blocks, arms, dim, x, mean, variance);
                }
                numbers(arms, mean), numbers(arms, variance);
                end();
            }
        }
    }
}

static void chances(void) {
    double a[17], b[17], p[17];
    double *scratch = malloc(sizeof *scratch * aw_best_scratch(17));
    for (int regime = 0; regime < REGIMES; regime++) {
        for (int64_t arms = 1; arms <= 17; arms++) {
            for (int64_t i = 0; i < arms; i++) {
                a[i] = shape_a((enum regime)regime, i, arms), b[i] = shape_b((enum regime)regime, i, arms);
            }
            require(aw_best_beta(isa, arms, a, b, p, scratch), "best_beta");
            begin("best_beta/%s/%d", REGIME_NAMES[regime], (int)arms), numbers(arms, p), end();
        }
    }
    for (int64_t arms = 1; arms <= 17; arms++) {
        for (int64_t i = 0; i < arms; i++) a[i] = context_at(i, 1), b[i] = (double)(1 + i * 5 % 7) / 4.0;
        require(aw_best_normal(isa, arms, a, b, p, scratch), "best_normal");
        begin("best_normal/%d", (int)arms), numbers(arms, p), end();
    }
    free(scratch);
}

static void means(void) {
    double q[17] = {0}, n[17] = {0};
    begin("ucb1");
    for (int64_t t = 0; t < 200; t++) {
        const int64_t i = aw_ucb1_select(q, n, 17, t);
        word((uint64_t)i);
        aw_mean_update(q, n, i, reward_at(t + i));
    }
    numbers(17, q), end();
    begin("epsilon_greedy");
    for (uint64_t t = 0; t < 200; t++) word((uint64_t)aw_epsilon_greedy_select(q, 17, 0.25, key, FROM + t));
    end();
}

/* Twin of octets in test_conformance.py. */
static void fill_octets(uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(i * 131 + (i >> 3) * 17 + n);
}

/* Keys of every way and edge of the hash, at odd addresses. */
static void hashes(void) {
    static const size_t lengths[] = {0,   1,   2,   3,   4,   5,    8,    9,    16,   17,   32,   33,   36,
                                     64,  65,  96,  97,  128, 129,  143,  144,  159,  160,  239,  240,  241,
                                     256, 257, 511, 512, 513, 1023, 1024, 1025, 1088, 1089, 2048, 2049, 3001};
    static uint8_t room[3008];
    static const uint64_t seeds[] = {0, 1, 1ULL << 32, UINT64_MAX, 0x9e3779b185ebca87ULL};
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const size_t n = lengths[l];
        uint8_t *data = room + l % 7;
        fill_octets(data, n);
        begin("hashes/%d", (int)n);
        for (int s = 0; s < 5; s++) word(aw_xxh3(seeds[s], data, n));
        word(aw_fnv1a32(data, n)), word(aw_murmur3((uint32_t)n, data, n)), end();
    }
}

/* A table of nine ranges, in a namespace of three quarters; one law looks up hashes, the other what is left modulo. */
static void allocations(void) {
    static const uint64_t bounds[9] = {1ULL << 50, 3ULL << 56,  1ULL << 60,  (1ULL << 60) + 1, 1ULL << 62,
                                       5ULL << 61, 13ULL << 60, 15ULL << 60, UINT64_MAX};
    static const uint64_t modular[9] = {1, 5, 77, 78, 500, 1000, 1001, 4000, UINT64_MAX};
    static const int32_t codes[9] = {0, 1, -1, 2, 0, 3, -1, 1, 4};
    for (int modulo = 0; modulo < 2; modulo++) {
        aw_table table;
        aw_table_of(&table, SEED, modulo ? modular : bounds, codes, 9, modulo ? 5000 : 0);
        aw_table_within(&table, STREAM, 1ULL << 61, 7ULL << 61);
        begin("allocations/%d", modulo);
        for (int64_t i = -300; i < 300; i++) word((uint64_t)(int64_t)aw_code_of_int64(&table, i * 0x10001));
        uint8_t key[300];
        for (size_t n = 0; n < 300; n++) {
            fill_octets(key, n);
            word((uint64_t)(int64_t)aw_code_of(&table, key, n));
        }
        end();
    }
}

int main(int argc, char **argv) {
    isa = -1;
    for (int i = 0; i < AW_ISA_COUNT; i++) {
        const char *name = aw_isa_name(i);
        if (argc == 1 && name && aw_isa_runs(i)) puts(name);
        if (argc == 2 && name && strcmp(name, argv[1]) == 0) isa = i;
    }
    if (argc == 1) return 0;
    ops = aw_ops_of(isa);
    if (!ops) {
        fprintf(stderr, "usage: conform [instruction set]; without one it lists those that run here\n");
        return 2;
    }
    key = aw_stream_key(SEED, STREAM);
    elementary();
    draws();
    selections();
    blocks();
    decay();
    linear();
    chances();
    means();
    hashes();
    allocations();
    return 0;
}
