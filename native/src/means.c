/*
 * Epsilon-greedy and UCB1 (Auer, Cesa-Bianchi & Fischer, "Finite-time analysis of the multiarmed bandit problem",
 * Machine Learning 47, 2002) on running means. An arm without a reward stands at a mean of zero. Ties go to the lowest
 * position, which is the lowest slot. The mean moves by r / n - q / n rather than (r - q) / n: the difference of two
 * huge rewards could overflow, the difference of their shares cannot.
 */
#include "kernels.h"
#include "scalar.h"

int64_t aw_greedy(const double *means, int64_t count) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++) {
        if (means[i] > means[best]) best = i;
    }
    return best;
}

int64_t aw_epsilon_greedy_select(const double *means, int64_t count, double epsilon, uint64_t key, uint64_t decision) {
    uint64_t r1, r2;
    aw_words(0, decision, AW_PURPOSE_EPSILON, 0, key, &r1, &r2);
    if (aw_unit53(r1) < epsilon) return (int64_t)aw_below(r2, (uint64_t)count);
    return aw_greedy(means, count);
}

int64_t aw_ucb1_select(const double *means, const double *counts, int64_t count, int64_t total) {
    for (int64_t i = 0; i < count; i++) {
        if (counts[i] == 0.0) return i;
    }
    const double width = 2.0 * aw_log1((double)total);
    int64_t best = 0;
    double top = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double bound = means[i] + __builtin_sqrt(width / counts[i]);
        if (i == 0 || bound > top) {
            best = i;
            top = bound;
        }
    }
    return best;
}

void aw_mean_update(double *means, double *counts, int64_t position, double reward) {
    counts[position] += 1.0;
    means[position] += reward / counts[position] - means[position] / counts[position];
}
