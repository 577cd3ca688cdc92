from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from scipy.special import gammaln

from armwise.errors import ConfigurationError, SnapshotError
from armwise.evaluation import SequentialSampleRatio, sample_ratio_test

SHARES = {"control": Fraction(1, 2), "b": Fraction(3, 10), "c": Fraction(1, 5)}
COUNTS = {"control": 5100, "b": 2950, "c": 1950}


def test_it_is_pearsons_test():
    found = sample_ratio_test(COUNTS, SHARES)
    expected = stats.chisquare([5100, 2950, 1950], [5000, 3000, 2000])
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-12)
    assert (found.degrees, found.expected) == (2, (5000.0, 3000.0, 2000.0))


def test_shares_in_any_unit_and_counts_of_numpy_are_taken():
    found = sample_ratio_test(np.array([5100, 2950, 1950]), [50, 30.0, np.float32(20)])
    assert found == sample_ratio_test(COUNTS, SHARES)


def test_variants_without_a_share():
    assert sample_ratio_test([50, 50, 0], [1, 1, 0]).degrees == 1
    gone = sample_ratio_test([50, 50, 1], [1, 1, 0])
    assert (gone.p_value, gone.statistic) == (0.0, math.inf)
    assert sample_ratio_test({"a": 5}, {"a": 1, "b": 1}).statistic == 5.0  # none came to b


@pytest.mark.parametrize(
    ("counts", "shares"),
    [
        ([0, 0], [1, 1]),
        ([1, 2, 3], [1, 1]),
        ([1, -2], [1, 1]),
        ([1.0, 2.0], [1, 1]),
        ([True, 2], [1, 1]),
        ([1, 2], [1, -1]),
        ([1, 2], [1, math.nan]),
        ([1, 2], [1, math.inf]),
        ([1], [1]),
        ([1, 2], [1, 0]),
        ({"a": 1, "z": 2}, {"a": 1, "b": 1}),
        ({"a": 1, "z": 2}, [1, 1]),
        (None, [1, 1]),
        (5, [1, 1]),
        ([1, 2], None),
        ([1, 2], 5),
        ([1, 2], "11"),
        ([1, 2], {1, 2}),
        ([10**5000, "a"], [1, 1]),
        ([1, 2], [10**5000, 1]),
        ([1, 2], [Fraction(10**5000, 3), 1]),
    ],
)
def test_what_cannot_be_tested_is_refused(counts, shares):
    with pytest.raises(ConfigurationError):
        sample_ratio_test(counts, shares)


def test_evidence_is_the_dirichlet_multinomial_factor():
    check = SequentialSampleRatio(SHARES, concentration=50.0)
    check.update(COUNTS)
    prior, counts = 50.0 * np.array([0.5, 0.3, 0.2]), np.array([5100, 2950, 1950])
    log = gammaln(50.0) - gammaln(10_050.0) + (gammaln(prior + counts) - gammaln(prior)).sum()
    assert check.log_evidence == pytest.approx(log - (counts * np.log([0.5, 0.3, 0.2])).sum(), abs=1e-7)
    assert check.p_value == min(1.0, math.exp(-check.log_evidence))


def test_no_evidence_before_the_first_unit_and_all_of_it_after_an_impossible_one():
    check = SequentialSampleRatio([1, 1, 0])
    assert check.log_evidence == pytest.approx(0.0, abs=1e-9)
    assert check.p_value == pytest.approx(1.0)
    assert check.update([5, 5, 0]) == 1.0
    assert check.update([0, 0, 1]) == 0.0


def test_counts_add_up_and_merge_in_any_order():
    whole, parts = SequentialSampleRatio(SHARES), [SequentialSampleRatio(SHARES) for _ in range(3)]
    for i, part in enumerate(parts):
        p = part.update({"control": 100 + i, "c": 7})
        assert p == part.p_value
        whole.update({"control": 100 + i, "c": 7})
    a, b, c = parts
    for merged in (a.merge(b).merge(c), c.merge(a.merge(b))):
        assert merged.counts == whole.counts == (303, 0, 21)
        assert merged.log_evidence == whole.log_evidence
    assert a.counts == (100, 0, 7)


def test_bad_counts_change_nothing():
    check = SequentialSampleRatio(SHARES)
    check.update(COUNTS)
    for bad in ({"control": -1}, {"z": 1}, [1, 2], [1, 2, 0.5]):
        with pytest.raises(ConfigurationError):
            check.update(bad)
    assert check.counts == (5100, 2950, 1950)


@pytest.mark.parametrize("concentration", [0.0, -1.0, math.nan, math.inf])
def test_a_concentration_that_cannot_be_is_refused(concentration):
    with pytest.raises(ConfigurationError):
        SequentialSampleRatio(SHARES, concentration=concentration)


def test_checks_of_other_shares_are_not_merged():
    for other in (SequentialSampleRatio([1, 1]), SequentialSampleRatio(SHARES, concentration=5.0), "check"):
        with pytest.raises(ConfigurationError):
            SequentialSampleRatio(SHARES).merge(other)  # type: ignore[arg-type]


@pytest.mark.parametrize("shares", [SHARES, [5, 3, 2]])
def test_a_state_is_the_same_check(shares):
    check = SequentialSampleRatio(shares, concentration=7.0)
    check.update([5, 6, 7])
    twin = SequentialSampleRatio.from_state(json.loads(json.dumps(check.state_dict())))
    assert twin.state_dict() == check.state_dict()
    assert twin.log_evidence == check.log_evidence
    assert twin.merge(check).counts == (10, 12, 14)


@pytest.mark.parametrize(
    "change",
    [
        {"check": "other"},
        {"version": 9},
        {"shares": [1.0]},
        {"shares": [0.0, 0.0, 0.0]},
        {"shares": [0.5, 0.5, -0.1]},
        {"names": ["control", "b"]},
        {"names": ["control", "b", "b"]},
        {"names": ["control", "b", 3]},
        {"counts": [1, 2]},
        {"counts": [1, 2, -3]},
        {"concentration": 0.0},
        {"concentration": "1"},
    ],
)
def test_states_that_cannot_be_are_refused(change):
    with pytest.raises(SnapshotError):
        SequentialSampleRatio.from_state(SequentialSampleRatio(SHARES).state_dict() | change)
