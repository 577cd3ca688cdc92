/*
 * Words that several processes share: the rewards of an arm in 64 bits of a mapped file.
 *
 * A word holds the sum of the rewards, in units of 1/4096, above their count in 26 bits. Alpha and beta follow from it:
 * alpha = a0 + sum, beta = b0 + count - sum. Both come in by one instruction, so that a process that is killed at any
 * instant leaves all of a reward or nothing of it; there is no lock to be left held, and no pair of words that a reader
 * could see half of. A reward is added by compare-and-swap: whoever fails has lost to one who succeeded.
 *
 * Readers take no lock either. Each keeps a posterior of its own, and beside it the words from which that was computed;
 * before a choice it compares, and recomputes the columns whose word has moved. Nothing is ordered between words, and
 * nothing needs to be: relaxed loads suffice, which on x86-64 and aarch64 cost what plain ones do.
 *
 * A word whose count is full is halved with its sum, in the swap that adds the next reward. That is evidence of 67
 * million rewards, with a standard deviation below 1e-4.
 */
#include "kernels.h"

/*
 * Words that are read in one go. Between two reads of a line another core may take it to write, and give it back after
 * some 100 ns: so all are read before the first column is computed.
 */
enum { AT_ONCE = 64 };

static const uint64_t COUNT = ((uint64_t)1 << AW_WORD_BITS) - 1;

static int word_good(uint64_t word) {
    const uint64_t count = word & COUNT;
    return count <= AW_WORD_MOST && word >> AW_WORD_BITS <= count * AW_WORD_UNITS;
}

int aw_word_add(uint64_t *word, double reward) {
    /* to the nearest unit, halves up; in [0, 1] the sum is exact, and the truncation the same everywhere */
    const uint64_t units = (uint64_t)(reward * AW_WORD_UNITS + 0.5);
    uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED), sum, count;
    do {
        if (!word_good(old)) return AW_E_WORD;
        sum = old >> AW_WORD_BITS;
        count = old & COUNT;
        if (count == AW_WORD_MOST) {
            sum >>= 1;
            count >>= 1;
        }
    } while (!__atomic_compare_exchange_n(word, &old, (sum + units) << AW_WORD_BITS | (count + 1), 1, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return AW_OK;
}

/* Take the shapes of one column from its word. */
static int take_in(aw_beta *state, int64_t i, uint64_t word, uint64_t before) {
    if (!word_good(word)) return AW_E_WORD;
    const double *prior_a = state->evidence + AW_EVIDENCE_PRIOR_A * state->stride;
    const double *prior_b = state->evidence + AW_EVIDENCE_PRIOR_B * state->stride;
    const uint64_t sum = word >> AW_WORD_BITS, count = word & COUNT, counted = before & COUNT;
    const double alpha = prior_a[i] + (double)sum / AW_WORD_UNITS;
    const double beta = prior_b[i] + (double)(count * AW_WORD_UNITS - sum) / AW_WORD_UNITS;
    /* where a word was halved or restored, how many rewards that took is not known */
    aw_beta_reshape(state, i, alpha, beta, count > counted ? (int64_t)(count - counted) : 1);
    return AW_OK;
}

int aw_words_follow(aw_beta *state, const uint64_t *words, uint64_t *seen) {
    const int64_t count = state->head[AW_HEAD_COUNT];
    uint64_t found[AT_ONCE];
    for (int64_t from = 0; from < count; from += AT_ONCE) {
        const int64_t n = count - from < AT_ONCE ? count - from : AT_ONCE;
        uint64_t moved = 0;
        for (int64_t i = 0; i < n; i++) {
            found[i] = __atomic_load_n(words + from + i, __ATOMIC_RELAXED);
            moved |= found[i] ^ seen[from + i];
        }
        for (int64_t i = 0; moved && i < n; i++) {
            if (found[i] == seen[from + i]) continue;
            if (take_in(state, from + i, found[i], seen[from + i])) return AW_E_WORD;
            seen[from + i] = found[i];
        }
    }
    return AW_OK;
}

void aw_words_load(int64_t n, const uint64_t *words, uint64_t *out) {
    for (int64_t i = 0; i < n; i++) out[i] = __atomic_load_n(words + i, __ATOMIC_RELAXED);
}

int aw_words_store(int64_t n, uint64_t *words, const uint64_t *values) {
    for (int64_t i = 0; i < n; i++) {
        if (!word_good(values[i])) return AW_E_WORD;
    }
    for (int64_t i = 0; i < n; i++) __atomic_store_n(words + i, values[i], __ATOMIC_RELAXED);
    return AW_OK;
}

uint64_t aw_word_take(uint64_t *word) { return __atomic_fetch_add(word, 1, __ATOMIC_RELAXED); }
