"""How often sample-ratio checks raise a false alarm, once and at every look. Seeds fixed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

from armwise.evaluation import SequentialSampleRatio, sample_ratio_test

pytestmark = pytest.mark.statistical

SHARES = np.array([0.5, 0.3, 0.2])


def test_p_values_of_right_shares_are_uniform():
    rng = np.random.default_rng(1)
    counts = rng.multinomial(2000, SHARES, size=4000)
    p = np.array([sample_ratio_test(row.tolist(), SHARES.tolist()).p_value for row in counts])
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.01)
    assert (p < 0.5).mean() == pytest.approx(0.5, abs=0.025)


def looked_at(shares, runs, looks, concentration, seed):
    """The greatest log evidence over a look at every unit."""
    rng = np.random.default_rng(seed)
    counts, greatest, rows = np.zeros((runs, 3)), np.zeros(runs), np.arange(runs)
    prior = concentration * SHARES
    level = gammaln(concentration) - gammaln(prior).sum()
    for unit in range(1, looks + 1):
        counts[rows, rng.choice(3, size=runs, p=shares)] += 1
        log = level - gammaln(concentration + unit) + (gammaln(prior + counts) - counts * np.log(SHARES)).sum(axis=1)
        greatest = np.maximum(greatest, log)
    return greatest, counts, log


@pytest.mark.parametrize("concentration", [10.0, 1000.0])
def test_a_look_at_every_unit_keeps_the_level(concentration):
    greatest, counts, last = looked_at(SHARES, 2000, 3000, concentration, seed=2)
    alarms = (greatest >= np.log(1 / 0.05)).mean()
    print(f"concentration {concentration}: false alarms {alarms:.4f}")
    assert alarms <= 0.05
    for row in range(5):
        check = SequentialSampleRatio(SHARES.tolist(), concentration=concentration)
        check.update(counts[row].astype(int).tolist())
        assert check.log_evidence == pytest.approx(last[row], abs=1e-8)


def test_a_mismatch_is_found():
    greatest, _, _ = looked_at(np.array([0.47, 0.32, 0.21]), 500, 10_000, 1000.0, seed=3)
    assert (greatest >= np.log(1 / 0.001)).mean() > 0.9
