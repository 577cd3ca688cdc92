/*
 * What the C surface promises, asserted in C, so that it runs under ASan and UBSan without a Python in between: known
 * answers, refusals that write nothing, no write past the end, and the agreement of the ways to one decision.
 */
#include "../../native/src/scalar.h"
#include "fixtures.h"

#include <stdio.h>

static int failures;
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s (isa %d)\n", __FILE__, __LINE__, #condition, isa);                              \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

/* No kernel computes this number; an output that still holds it was not written. */
static const double UNTOUCHED = -12345.678;
static beta_fixture f;

static void fill(double *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = UNTOUCHED;
}
static int untouched(const double *out, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (out[i] != UNTOUCHED) return 0;
    }
    return 1;
}

/* Random123's kat_vectors, philox4x32 with 10 rounds (Salmon et al., SC 2011). */
static void philox_known_answers(int isa) {
    static const uint32_t counters[3][4] = {{0, 0, 0, 0},
                                            {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                                            {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
    static const uint32_t keys[3][2] = {{0, 0}, {0xffffffff, 0xffffffff}, {0xa4093822, 0x299f31d0}};
    static const uint32_t answers[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                           {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                           {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        aw_philox(1, counters[i], keys[i], out);
        CHECK(memcmp(out, answers[i], sizeof out) == 0);
    }
    uint32_t key[2] = {SEED, 0}, counter[4] = {STREAM, 0, 0, 0}, out[4];
    aw_philox(1, counter, key, out);
    CHECK(aw_stream_key(SEED, STREAM) == ((uint64_t)out[1] << 32 | out[0]));
}

static void names_and_messages(int isa) {
    CHECK(aw_isa_runs(AW_ISA_SCALAR) && aw_ops_of(AW_ISA_SCALAR) != NULL);
    for (int absent = -1; absent <= AW_ISA_COUNT; absent += AW_ISA_COUNT + 1) {
        CHECK(aw_isa_name(absent) == NULL && !aw_isa_runs(absent) && aw_ops_of(absent) == NULL);
    }
    for (int i = 0; i < AW_ISA_COUNT; i++) CHECK((aw_ops_of(i) != NULL) == (aw_isa_runs(i) != 0));
    for (int s = AW_E_WORD; s <= AW_OK; s++) {
        CHECK(strcmp(aw_strerror(s), aw_strerror(1)) != 0);
        for (int other = AW_E_WORD; other < s; other++) CHECK(strcmp(aw_strerror(s), aw_strerror(other)) != 0);
    }
    CHECK(aw_strerror(-1000) != NULL && strlen(aw_compiler()) > 0);
}

static void refusals_write_nothing(int isa) {
    static const double bad_log[] = {0.0, -0.0, -1.0, 0x1p-1074, __builtin_inf(), -__builtin_inf(), __builtin_nan("")};
    static const double bad_exp[] = {708.5, -708.5, __builtin_inf(), -__builtin_inf(), __builtin_nan("")};
    static const double bad_shape[] = {0.0, -1.0, 1e-101, 1e101, __builtin_inf(), __builtin_nan("")};
    enum { N = 17 };
    double x[N], y[N], out[N];
    double *scratch = malloc(sizeof *scratch * (size_t)(aw_beta_scratch(N) + (int64_t)aw_best_scratch(N)));
    const uint64_t key = 1;
    for (int i = 0; i < N; i++) x[i] = y[i] = 2.0;
    fill(out, N);
    for (size_t i = 0; i < sizeof bad_log / sizeof *bad_log; i++) {
        x[N - 1] = bad_log[i];
        CHECK(aw_log(isa, N, x, out) == AW_E_DOMAIN && untouched(out, N));
    }
    for (size_t i = 0; i < sizeof bad_exp / sizeof *bad_exp; i++) {
        x[N - 1] = bad_exp[i];
        CHECK(aw_exp(isa, N, x, out) == AW_E_DOMAIN && untouched(out, N));
    }
    for (size_t i = 0; i < sizeof bad_shape / sizeof *bad_shape; i++) {
        x[N - 1] = bad_shape[i];
        CHECK(aw_log_beta(N, x, y, out) == AW_E_SHAPE && aw_log_beta(N, y, x, out) == AW_E_SHAPE);
        CHECK(aw_beta_draws(isa, N, x, y, key, 0, 1, out, scratch) == AW_E_SHAPE);
        CHECK(aw_beta_draws(isa, N, y, x, key, 0, 1, out, scratch) == AW_E_SHAPE);
        CHECK(aw_best_beta(isa, N, x, y, out, scratch) == AW_E_SHAPE);
        CHECK(aw_best_beta(isa, N, y, x, out, scratch) == AW_E_SHAPE);
        CHECK(untouched(out, N));
    }
    static const double bad_deviation[] = {0x1p-1074, -1.0, __builtin_inf(), __builtin_nan("")};
    for (size_t i = 0; i < sizeof bad_deviation / sizeof *bad_deviation; i++) {
        x[N - 1] = bad_deviation[i];
        CHECK(aw_best_normal(isa, N, y, x, out, scratch) == AW_E_DOMAIN && untouched(out, N));
    }
    x[N - 1] = __builtin_nan("");
    CHECK(aw_best_normal(isa, N, x, y, out, scratch) == AW_E_DOMAIN && untouched(out, N));
    x[N - 1] = 2.0;
    CHECK(aw_log(isa, -1, x, out) == AW_E_COUNT && aw_exp(isa, -1, x, out) == AW_E_COUNT);
    CHECK(aw_log_beta(-1, x, y, out) == AW_E_COUNT && aw_normal_draws(isa, -1, key, 0, out) == AW_E_COUNT);
    CHECK(aw_beta_draws(isa, 0, x, y, key, 0, 1, out, scratch) == AW_E_COUNT);
    CHECK(aw_beta_draws(isa, AW_MAX_ARMS + 1, x, y, key, 0, 1, out, scratch) == AW_E_COUNT);
    CHECK(aw_beta_draws(isa, N, x, y, key, 0, -1, out, scratch) == AW_E_COUNT);
    CHECK(aw_best_beta(isa, 0, x, y, out, scratch) == AW_E_COUNT);
    CHECK(aw_best_normal(isa, 0, x, y, out, scratch) == AW_E_COUNT);
    for (int absent = -1; absent <= AW_ISA_COUNT; absent += AW_ISA_COUNT + 1) {
        CHECK(aw_log(absent, N, x, out) == AW_E_ISA && aw_exp(absent, N, x, out) == AW_E_ISA);
        CHECK(aw_normal_draws(absent, N, key, 0, out) == AW_E_ISA);
        CHECK(aw_beta_draws(absent, N, x, y, key, 0, 1, out, scratch) == AW_E_ISA);
        CHECK(aw_best_beta(absent, N, x, y, out, scratch) == AW_E_ISA);
        CHECK(aw_best_normal(absent, N, x, y, out, scratch) == AW_E_ISA);
    }
    CHECK(untouched(out, N));
    free(scratch);
}

/* Every length writes its own numbers, and none depends on the length: lanes and padding do not enter. */
static void lengths(int isa) {
    enum { N = 40 };
    double x[N], whole[N + 8], out[N + 8];
    for (int i = 0; i < N; i++) x[i] = 0.5 + (double)i;
    const uint64_t key = aw_stream_key(SEED, STREAM);
    for (int which = 0; which < 3; which++) {
        for (int64_t n = N; n >= 0; n--) {
            double *to = n == N ? whole : out;
            fill(to, N + 8);
            const int status = which == 0   ? aw_log(isa, n, x, to)
                               : which == 1 ? aw_exp(isa, n, x, to)
                                            : aw_normal_draws(isa, n, key, 5, to);
            CHECK(status == AW_OK && untouched(to + n, N + 8 - n));
            CHECK(memcmp(to, whole, sizeof(double) * (size_t)n) == 0);
        }
    }
}

static void beta_draws_are_addressed(int isa) {
    enum { K = 37, N = 5 };
    double a[K], b[K], out[N * K + 8], row[K + 8];
    double *scratch = malloc(sizeof *scratch * (size_t)aw_beta_scratch(K));
    const uint64_t key = aw_stream_key(SEED, STREAM), from = UINT32_MAX - 1;
    for (int regime = 0; regime < REGIMES; regime++) {
        for (int64_t i = 0; i < K; i++) {
            a[i] = shape_a((enum regime)regime, i, K), b[i] = shape_b((enum regime)regime, i, K);
        }
        fill(out, N * K + 8);
        CHECK(aw_beta_draws(isa, K, a, b, key, from, N, out, scratch) == AW_OK && untouched(out + N * K, 8));
        for (uint64_t t = 0; t < N; t++) {
            for (int64_t arms = 1; arms <= K; arms++) {
                fill(row, K + 8);
                CHECK(aw_beta_draws(isa, arms, a, b, key, from + t, 1, row, scratch) == AW_OK);
                CHECK(untouched(row + arms, K + 8 - arms));
                CHECK(memcmp(row, out + t * K, sizeof(double) * (size_t)arms) == 0);
            }
        }
    }
    CHECK(aw_beta_draws(isa, K, a, b, key, 0, 0, out, scratch) == AW_OK);
    free(scratch);
}

static void extreme_shapes_stay_in_range(int isa) {
    static const double extremes[] = {AW_MIN_SHAPE, 1e-10, 0.05, 1.0, 1e6, AW_MAX_SHAPE};
    enum { E = sizeof extremes / sizeof *extremes, K = E * E, N = 50 };
    double a[K], b[K], out[N * K];
    double *scratch = malloc(sizeof *scratch * (size_t)aw_beta_scratch(K));
    for (int i = 0; i < K; i++) a[i] = extremes[i / E], b[i] = extremes[i % E];
    CHECK(aw_beta_draws(isa, K, a, b, 1, 0, N, out, scratch) == AW_OK);
    for (int i = 0; i < N * K; i++) CHECK(out[i] >= 0.0 && out[i] <= 1.0);
    free(scratch);
}

static void ways_to_one_decision_agree(int isa) {
    static const int64_t sizes[] = {1, 2, 3, 7, 8, 9, 17, 64, 600};
    enum { N = 100 };
    const struct aw_ops *ops = aw_ops_of(isa);
    const uint64_t key = aw_stream_key(SEED, STREAM), from = UINT32_MAX - 30;
    for (int regime = 0; regime < REGIMES; regime++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            static aw_noise noise;
            double draws[STRIDE], score;
            int32_t many[N + 1];
            beta_setup(&f, isa, (enum regime)regime, sizes[s], 0);
            const aw_beta_set set = set_of(&f);
            many[N] = -7;
            ops->thompson_many(&set, key, from, N, many);
            CHECK(many[N] == -7);
            const int64_t held = AW_NOISE_SLOTS / sizes[s];
            for (uint64_t t = 0; t < N; t++) {
                const int64_t chosen = ops->thompson_select(&set, key, from + t, NULL, &score);
                CHECK(chosen == many[t] && chosen >= 0 && chosen < sizes[s]);
                ops->beta_draws(&set, key, from + t, draws);
                for (int64_t i = 0; i < sizes[s]; i++) CHECK(draws[i] <= draws[chosen]);
                if (!held) continue;
                if (t % (uint64_t)held == 0) {
                    noise.key = key, noise.first = from + t, noise.decisions = held;
                    for (int64_t e = 0; e < held * sizes[s]; e++) {
                        noise.slot[e] = f.slots[e % sizes[s]];
                        noise.offset[e] = (uint32_t)(e / sizes[s]);
                    }
                    ops->noise_fill(&noise, held * sizes[s]);
                }
                double prefilled;
                CHECK(ops->thompson_select(&set, key, from + t, &noise, &prefilled) == chosen);
                CHECK(memcmp(&prefilled, &score, sizeof score) == 0);
            }
        }
    }
}

/* The constants of one update are those of a refresh from scratch; a refused reward is refused by its range. */
static void updates_and_refresh_agree(int isa) {
    static beta_fixture anew;
    const int64_t half_lives[] = {0, 1000000000LL * 3600};
    for (int h = 0; h < 2; h++) {
        beta_setup(&f, isa, SMALL, 70, half_lives[h]);
        for (int64_t event = 0; event < 400; event++) {
            aw_beta_update(&f.state, event * 7 % 70, reward_at(event), (event + 1) * 60000000000LL);
        }
        memcpy(&anew, &f, sizeof f);
        anew.state.head = anew.head, anew.state.table = anew.table, anew.state.evidence = anew.evidence;
        anew.state.stamps = anew.stamps;
        aw_beta_refresh(&anew.state);
        for (int row = 0; row < AW_BETA_ROWS; row++) {
            CHECK(memcmp(f.table + row * STRIDE, anew.table + row * STRIDE, sizeof(double) * 70) == 0);
        }
        CHECK(f.head[AW_HEAD_BOOSTED] == anew.head[AW_HEAD_BOOSTED] && f.head[AW_HEAD_UPDATES] == 400);
    }
    static const double bad[] = {-0x1p-1074, 1.0000000000000002, 2.0, __builtin_inf(), -1.0, __builtin_nan("")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(aw_beta_check(bad[i]) == AW_E_REWARD);
    CHECK(aw_beta_check(0.0) == AW_OK && aw_beta_check(1.0) == AW_OK && aw_beta_check(0.5) == AW_OK);
}

static void chances_sum_to_one(int isa) {
    enum { K = 10 };
    double a[K], b[K], p[K + 8];
    double *scratch = malloc(sizeof *scratch * aw_best_scratch(K));
    for (int regime = 0; regime < REGIMES; regime++) {
        for (int64_t arms = 1; arms <= K; arms++) {
            for (int64_t i = 0; i < arms; i++) {
                a[i] = shape_a((enum regime)regime, i, arms), b[i] = shape_b((enum regime)regime, i, arms);
            }
            for (int normal = 0; normal < 2; normal++) {
                fill(p, K + 8);
                CHECK((normal ? aw_best_normal(isa, arms, a, b, p, scratch)
                              : aw_best_beta(isa, arms, a, b, p, scratch)) == AW_OK);
                CHECK(untouched(p + arms, K + 8 - arms));
                double sum = 0.0;
                for (int64_t i = 0; i < arms; i++) {
                    CHECK(p[i] >= 0.0 && p[i] <= 1.0);
                    sum += p[i];
                }
                CHECK(sum > 1.0 - 1e-9 && sum < 1.0 + 1e-9);
            }
        }
    }
    free(scratch);
}

static void whole_numbers(int isa) {
    for (uint64_t r = 0, i = 0; i < 1000; i++, r = r * 6364136223846793005ULL + 1442695040888963407ULL) {
        const uint64_t n = (r >> 7) | 1;
        CHECK(aw_below(r, n) == (uint64_t)((__extension__(unsigned __int128) r * n) >> 64));
        CHECK(aw_below(r, 10) < 10);
    }
    CHECK(aw_below(UINT64_MAX, 3) == 2 && aw_below(0, 3) == 0);
}

static void decay_halves(int isa) {
    const int64_t half_life = 1000000007;
    for (int64_t n = 0; n < 5 * AW_TICKS_PER_HALF_LIFE; n += 13) {
        CHECK(aw_decay(n + AW_TICKS_PER_HALF_LIFE) == 0.5 * aw_decay(n));
        CHECK(aw_growth(n + AW_TICKS_PER_HALF_LIFE) == 2.0 * aw_growth(n));
        const double product = aw_decay(n) * aw_growth(n);
        CHECK(product > 1.0 - 1e-15 && product < 1.0 + 1e-15);
    }
    CHECK(aw_decay(0) == 1.0 && aw_growth(0) == 1.0 && aw_decay(INT64_MAX) == 0.0);
    for (int64_t now = 0; now < 4 * half_life; now += 99991) {
        const int64_t tick = aw_tick(now, half_life);
        CHECK(tick >= 0 && aw_tick(now + 99991, half_life) >= tick);
        /* The next tick is found: no time of a later tick lies before the end that is announced. */
        CHECK(aw_tick(aw_tick_end(tick, half_life) - 1, half_life) <= tick);
    }
}

int main(void) {
    int ran = 0;
    for (int isa = 0; isa < AW_ISA_COUNT; isa++) {
        if (!aw_isa_runs(isa)) continue;
        philox_known_answers(isa);
        names_and_messages(isa);
        refusals_write_nothing(isa);
        lengths(isa);
        beta_draws_are_addressed(isa);
        extreme_shapes_stay_in_range(isa);
        ways_to_one_decision_agree(isa);
        updates_and_refresh_agree(isa);
        chances_sum_to_one(isa);
        whole_numbers(isa);
        decay_halves(isa);
        printf("%s\n", aw_isa_name(isa));
        ran++;
    }
    printf("%d instruction sets, %d failures\n", ran, failures);
    return failures != 0;
}
