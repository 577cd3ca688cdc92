/*
 * What a word promises, asserted in C: exact sums whoever writes at once, refusals that write nothing, and a posterior
 * that follows. Under ThreadSanitizer, that nothing but atomic steps touches a word.
 */
#include "../../native/src/kernels.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int failures;
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

enum { ARMS = 5, THREADS = 4, EACH = 20000 };
static const uint64_t COUNT = ((uint64_t)1 << AW_WORD_BITS) - 1;

static uint64_t word_of(uint64_t sum, uint64_t count) { return sum << AW_WORD_BITS | count; }

static void rewards_are_rounded_to_units(void) {
    static const struct {
        double reward;
        uint64_t units;
    } cases[] = {{0.0, 0},         {-0.0, 0},      {1.0, 4096},           {0.5, 2048},           {0x1p-13, 1},
                 {0x1.fffp-14, 0}, {0x1p-1074, 0}, {1.0 - 0x1p-53, 4096}, {1.0 - 0x1p-13, 4096}, {1.0 - 0x1p-12, 4095}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t word = word_of(7, 3);
        CHECK(aw_word_add(&word, cases[i].reward) == AW_OK && word == word_of(7 + cases[i].units, 4));
    }
}

static void a_full_word_is_halved(void) {
    const uint64_t most = AW_WORD_MOST, full = most * AW_WORD_UNITS;
    uint64_t word = word_of(full, most);
    CHECK(aw_word_add(&word, 1.0) == AW_OK && word == word_of(full / 2 + AW_WORD_UNITS, most / 2 + 1));
    word = word_of(3, most);
    CHECK(aw_word_add(&word, 0.0) == AW_OK && word == word_of(1, most / 2 + 1));
    word = word_of((most - 1) * AW_WORD_UNITS, most - 1);
    CHECK(aw_word_add(&word, 1.0) == AW_OK && word == word_of(full, most));
}

static void what_cannot_be_is_refused(void) {
    const uint64_t bad[] = {word_of(1, 0), word_of(3 * AW_WORD_UNITS + 1, 3), word_of(0, COUNT), UINT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t word = bad[i], words[2] = {0, 9};
        const uint64_t values[2] = {word_of(1, 1), bad[i]};
        CHECK(aw_word_add(&word, 0.5) == AW_E_WORD && word == bad[i]);
        CHECK(aw_words_store(2, words, values) == AW_E_WORD && words[0] == 0 && words[1] == 9);
    }
}

static void a_posterior_follows(void) {
    enum { P = 8 };
    int64_t head[AW_HEAD_SIZE] = {0}, stamps[P] = {0};
    double parameters[AW_PARAMETERS] = {0}, table[AW_BETA_ROWS * P], evidence[4 * P] = {0};
    uint32_t slots[P] = {0, 1, 2, 3, 4};
    uint64_t words[P] = {0}, seen[P] = {0}, rates[P] = {0};
    int32_t leaders[AW_MAX_LEADERS] = {0};
    for (int i = 0; i < AW_BETA_ROWS * P; i++) table[i] = 0.5;
    for (int i = 0; i < 2 * P; i++) evidence[i] = 0.5;
    head[AW_HEAD_COUNT] = ARMS;
    aw_beta state = {.head = head,
                     .parameters = parameters,
                     .slots = slots,
                     .stamps = stamps,
                     .table = table,
                     .evidence = evidence,
                     .rates = rates,
                     .leaders = leaders,
                     .stride = P,
                     .ops = aw_ops_of(AW_ISA_SCALAR)};
    aw_beta_refresh(&state);
    CHECK(aw_words_follow(&state, words, seen) == AW_OK && head[AW_HEAD_VERSION] == 0 && head[AW_HEAD_BOOSTED] == ARMS);
    for (int i = 0; i < 3; i++) CHECK(aw_word_add(&words[2], 0.25) == AW_OK);
    CHECK(aw_word_add(&words[0], 1.0) == AW_OK);
    CHECK(aw_words_follow(&state, words, seen) == AW_OK);
    CHECK(head[AW_HEAD_VERSION] == 2 && head[AW_HEAD_UPDATES] == 4 && head[AW_HEAD_BOOSTED] == ARMS - 1);
    CHECK(table[AW_ROW_ALPHA * P + 2] == 1.25 && table[AW_ROW_BETA * P + 2] == 2.75);
    CHECK(table[AW_ROW_ALPHA * P] == 1.5 && table[AW_ROW_BETA * P] == 0.5 && table[AW_ROW_ALPHA * P + 1] == 0.5);
    CHECK(memcmp(words, seen, sizeof words) == 0);
    words[3] = word_of(1, 0);
    CHECK(aw_words_follow(&state, words, seen) == AW_E_WORD && head[AW_HEAD_VERSION] == 2 && seen[3] == 0);
    CHECK(aw_word_take(&words[5]) == 0 && aw_word_take(&words[5]) == 1);
    uint64_t copy[P];
    aw_words_load(P, words, copy);
    CHECK(memcmp(words, copy, sizeof words) == 0 && aw_words_store(ARMS - 2, words, seen) == AW_OK);
}

typedef struct shift {
    uint64_t *words, taken;
} shift;

static void *writing(void *given) {
    shift *s = given;
    for (int i = 0; i < EACH; i++) {
        if (aw_word_add(&s->words[i % ARMS], 0x1p-12 * (i % 4097))) return given;
        s->taken += aw_word_take(&s->words[ARMS]);
    }
    return NULL;
}

static void *reading(void *given) {
    uint64_t *words = given, last[ARMS] = {0}, now[ARMS];
    for (int i = 0; i < EACH; i++) {
        aw_words_load(ARMS, words, now);
        for (int a = 0; a < ARMS; a++) {
            /* counts and sums rise together, and a sum is never ahead of its count */
            if ((now[a] & COUNT) < (last[a] & COUNT) || now[a] >> AW_WORD_BITS < last[a] >> AW_WORD_BITS) return given;
            if (now[a] >> AW_WORD_BITS > (now[a] & COUNT) * AW_WORD_UNITS) return given;
        }
        memcpy(last, now, sizeof now);
    }
    return NULL;
}

static void threads_lose_nothing(void) {
    uint64_t words[ARMS + 1] = {0}, wanted[ARMS] = {0}, taken = 0;
    pthread_t thread[THREADS + 1];
    shift shifts[THREADS];
    for (int t = 0; t < THREADS; t++) {
        shifts[t] = (shift){words, 0};
        CHECK(!pthread_create(&thread[t], NULL, writing, &shifts[t]));
    }
    CHECK(!pthread_create(&thread[THREADS], NULL, reading, words));
    for (int t = 0; t <= THREADS; t++) {
        void *wrong;
        CHECK(!pthread_join(thread[t], &wrong) && wrong == NULL);
    }
    for (int i = 0; i < EACH; i++) wanted[i % ARMS] += THREADS * word_of((uint64_t)(i % 4097), 1);
    for (int t = 0; t < THREADS; t++) taken += shifts[t].taken;
    CHECK(memcmp(words, wanted, sizeof wanted) == 0);
    const uint64_t all = (uint64_t)THREADS * EACH;
    CHECK(words[ARMS] == all && taken == all * (all - 1) / 2);
}

int main(void) {
    rewards_are_rounded_to_units();
    a_full_word_is_halved();
    what_cannot_be_is_refused();
    a_posterior_follows();
    threads_lose_nothing();
    printf("words: %d failures\n", failures);
    return failures != 0;
}
