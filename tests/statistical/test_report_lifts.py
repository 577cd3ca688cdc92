"""What a report on the shadow makes of lifts where a Thompson core serves and no variant differs.

The world of test_guard_lifts.py, over more requests. A report looks every night, and stops an experiment by harm: it
must not, with more than alpha, however rare rewards are. Seeds are fixed.
"""

from __future__ import annotations

import numpy as np
import pytest

from armwise.evaluation import ConfidenceSequence
from armwise.evaluation._moments import Trail
from armwise.experiments.sequential_test import LIFTS_BURN_IN
from armwise.runners._experiment_figures import Moments, are_rare

pytestmark = pytest.mark.statistical

RUNS, EVERY, ALPHA = 1000, 100, 0.05
# Two standard errors above alpha, of as many runs.
BAR = ALPHA + 2.0 * (ALPHA * (1.0 - ALPHA) / RUNS) ** 0.5


def harmed(rate, requests, seed):
    """Shares of runs with a variant found to do harm: at any look from the burn-in on, and where lifts are judged.

    P(arm 1 beats arm 0) goes step by step, as in test_guard_lifts.py.
    """
    rng, rows = np.random.default_rng(seed), np.arange(RUNS)
    shapes, chance, g = np.ones((2, 2, RUNS)), np.full(RUNS, 0.5), np.full(RUNS, 1.0 / 6.0)
    counts, totals, sums = np.zeros((2, RUNS)), np.zeros((2, RUNS)), np.zeros((2, 4, RUNS))
    settings = ConfidenceSequence(ALPHA / 2, burn_in=LIFTS_BURN_IN)._settings
    found = np.zeros((2, RUNS), bool)
    for turn in range(1, requests + 1):
        odds = np.clip(chance, 1e-12, 1.0 - 1e-12)
        arm = (rng.random(RUNS) < odds).astype(int)
        reward = (rng.random(RUNS) < rate).astype(float)
        means = totals / np.maximum(counts, 1.0)
        correction = (reward - means[arm, rows]) / np.where(arm == 1, odds, 1.0 - odds)
        for which in (0, 1):
            lift = means[which] + (arm == which) * correction - reward
            square = lift * lift
            sums[which] += lift, square, square * lift, square * square
        side = np.where(reward > 0, 0, 1)
        own, both = shapes[arm, side, rows], shapes[:, side, rows].sum(axis=0)
        chance = chance + np.where((arm == 1) == (side == 0), 1.0, -1.0) * g / own
        g = g * both / shapes.sum(axis=(0, 1)) * shapes[arm, :, rows].sum(axis=-1) / own
        shapes[arm, side, rows] += 1
        counts[arm, rows] += 1
        totals[arm, rows] += reward
        if turn < LIFTS_BURN_IN or turn % EVERY:
            continue
        harm = np.zeros(RUNS, bool)
        for s1, s2, s3, s4 in sums:
            m = s1 / turn
            spread = s2 - s1 * m
            fourth = s4 - m * (4 * s3 - m * (6 * s2 - 3 * turn * m * m))
            upper = settings.mean_interval(Trail(np.full(RUNS, float(turn)), m, spread, spread**2 / fourth))[1]
            harm |= upper < 0.0
        successes = totals.sum(axis=0)
        found[0] |= harm
        found[1] |= harm & ~np.array([rare(turn, count) for count in successes])
    return found.mean(axis=1)


def rare(n, successes):
    """Whether that many rewards of 1 among n of 0 and 1 are too rare."""
    p = successes / n
    sums = (0.0, n * p * (1 - p), n * p * (1 - p) * (1 - 2 * p), n * p * (1 - p) * (1 - 3 * p * (1 - p)))
    return are_rare(Moments(n, p, sums, binary=True), n)


@pytest.mark.parametrize(("rate", "requests"), [(0.05, 30000), (0.1, 20000), (0.2, 20000), (0.5, 10000), (0.95, 10000)])
def test_a_report_errs_no_more_than_it_says(rate, requests):
    at_once, judged = harmed(rate, requests, seed=41)
    print(f"rate {rate}: harm falsely {at_once:.4f} from the burn-in on, {judged:.4f} where lifts are judged")
    assert judged <= BAR
    if rate == 0.05:
        # Five standard errors above it: the promise would not hold without the wait.
        assert at_once > BAR


def test_what_is_rare():
    """The figures of docs/experiment-reports.md."""
    for rate, least in ((0.2, 1950), (0.1, 4867), (0.05, 10832)):
        assert rare(least - 1, rate * (least - 1))
        assert not rare(least, rate * least)
    assert not rare(LIFTS_BURN_IN, 0.5 * LIFTS_BURN_IN)
    assert not rare(LIFTS_BURN_IN, 0.95 * LIFTS_BURN_IN)
