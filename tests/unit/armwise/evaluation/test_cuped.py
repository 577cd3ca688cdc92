from __future__ import annotations

import json
import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError, SnapshotError
from armwise.evaluation import Cuped, cuped_difference

RNG = np.random.default_rng(4)
PRE = 1e6 + RNG.normal(size=500)
POST = 0.8 * PRE + RNG.normal(scale=0.6, size=500)


def sums(pre=PRE, post=POST):
    made = Cuped()
    made.update_many(pre, post)
    return made


def test_theta_and_the_reduction_are_the_regressions():
    made, covariance = sums(), np.cov(PRE, POST)
    assert made.theta == pytest.approx(covariance[0, 1] / covariance[0, 0], rel=1e-9)
    assert made.variance_reduction == pytest.approx(np.corrcoef(PRE, POST)[0, 1] ** 2, rel=1e-9)
    assert (made.n, made.pre_mean, made.post_mean) == pytest.approx((500, PRE.mean(), POST.mean()), rel=1e-15)
    assert made.adjusted_mean(1e6) == pytest.approx(POST.mean() - made.theta * (PRE.mean() - 1e6), rel=1e-14)
    assert made.adjusted_mean(1e6, theta=0.0) == made.post_mean


def test_the_difference_is_that_of_adjusted_outcomes():
    control, treatment = sums(PRE[:200], POST[:200]), sums(PRE[200:], POST[200:] + 0.3)
    found = cuped_difference(control, treatment, confidence=0.9)
    post = np.concatenate([POST[:200], POST[200:] + 0.3])
    (v0, c0), (v1, c1) = (np.cov(PRE[part], post[part])[0] for part in (slice(200), slice(200, None)))
    theta = (c0 / 200 + c1 / 300) / (v0 / 200 + v1 / 300)
    adjusted = post - theta * (np.concatenate([PRE[:200], PRE[200:]]) - 1e6)
    error = math.sqrt(adjusted[:200].var(ddof=1) / 200 + adjusted[200:].var(ddof=1) / 300)
    assert found.theta == pytest.approx(theta, rel=1e-8)
    assert found.difference == pytest.approx(adjusted[200:].mean() - adjusted[:200].mean(), rel=1e-7)
    assert found.standard_error == pytest.approx(error, rel=1e-7)
    assert (found.upper - found.lower) / 2 == pytest.approx(1.6448536 * error, rel=1e-6)
    assert found.variance_reduction == pytest.approx(0.64, abs=0.05)


def sloped(n, slope):
    rng = np.random.default_rng(n)
    pre = rng.normal(size=n)
    return sums(pre, slope * pre + 0.1 * rng.normal(size=n))


@pytest.mark.parametrize(("slopes", "reduction"), [((0.5, 0.0), 0.07), ((1.0, -1.0), 0.61), ((0.0, 0.5), 0.85)])
def test_slopes_and_sizes_that_differ_never_cost(slopes, reduction):
    """With one slope pooled over all units, the first two would have 5.5 and 2.9 times the plain variance."""
    control, treatment = sloped(9000, slopes[0]), sloped(1000, slopes[1])
    found = cuped_difference(control, treatment)
    assert 0.0 <= found.variance_reduction == pytest.approx(reduction, abs=0.05)
    # Lin's regression: a slope for each variant, at the mean covariate of all.
    mean = 0.9 * control.pre_mean + 0.1 * treatment.pre_mean
    lin = treatment.adjusted_mean(mean) - control.adjusted_mean(mean)
    assert found.difference == pytest.approx(lin, abs=0.1 * found.standard_error)


def test_opposite_covariances_leave_the_plain_difference():
    pre = np.array([-1.0, 0.0, 1.0, 0.5])
    found = cuped_difference(sums(pre, pre), sums(pre, -pre))
    assert (found.theta, found.variance_reduction) == (0.0, 0.0)


def test_many_at_once_are_one_by_one_to_the_bit():
    one, many = Cuped(), Cuped()
    for pre, post in zip(PRE, POST, strict=True):
        one.update(float(pre), float(post))
    many.update_many(PRE[:99], POST[:99])
    many.update_many([], [])
    many.update_many(PRE[99:], POST[99:])
    assert one.state_dict() == many.state_dict()


def test_merged_sums_are_those_of_one_stream_in_any_order():
    parts = [sums(*chunk) for chunk in zip(np.split(PRE, 5), np.split(POST, 5), strict=True)]
    whole = sums()
    for order in ([0, 1, 2, 3, 4], [4, 2, 0, 1, 3]):
        merged = Cuped()
        for i in order:
            merged = merged.merge(parts[i])
        assert merged.n == 500
        for name in ("theta", "variance_reduction", "pre_mean", "post_mean"):
            assert getattr(merged, name) == pytest.approx(getattr(whole, name), rel=1e-9)
    assert parts[0].merge(parts[1]).state_dict() == parts[1].merge(parts[0]).state_dict()
    assert parts[0].n == 100


def test_nothing_varies_or_nothing_came():
    empty = Cuped()
    assert math.isnan(empty.pre_mean)
    assert math.isnan(empty.post_mean)
    assert (empty.n, empty.theta, empty.variance_reduction) == (0, 0.0, 0.0)
    flat = sums([3.0] * 4, [1.0, 2.0, 3.0, 4.0])
    assert (flat.theta, flat.variance_reduction) == (0.0, 0.0)
    found = cuped_difference(flat, flat)
    assert (found.difference, found.theta, found.variance_reduction) == (0.0, 0.0, 0.0)
    still = sums([3.0] * 4, [1.0] * 4)
    assert cuped_difference(still, still).standard_error == 0.0


@pytest.mark.parametrize(
    ("pre", "post"), [([1.0], [math.nan]), ([math.inf], [1.0]), ([1.0, 2.0], [1.0]), ([[1.0]], [1.0]), (["a"], [1.0])]
)
def test_bad_units_change_nothing(pre, post):
    made = sums()
    before = made.state_dict()
    with pytest.raises(ConfigurationError):
        made.update_many(pre, post)
    assert made.state_dict() == before


@pytest.mark.parametrize("other", [None, 5, "x", [1.0], {}])
def test_what_are_no_sums_is_refused(other):
    with pytest.raises(ConfigurationError, match=r"other is .*expected the Cuped of a variant"):
        sums().merge(other)
    with pytest.raises(ConfigurationError, match=r"control is .*expected the Cuped of a variant"):
        cuped_difference(other, sums())


def test_a_difference_needs_two_units_each_and_a_confidence():
    with pytest.raises(ConfigurationError, match="treatment has 1"):
        cuped_difference(sums(), sums([1.0], [1.0]))
    with pytest.raises(ConfigurationError, match="control has 0"):
        cuped_difference(Cuped(), sums())
    with pytest.raises(ConfigurationError, match="confidence"):
        cuped_difference(sums(), sums(), confidence=95)


def test_a_state_is_the_same_sums():
    made = sums()
    twin = Cuped.from_state(json.loads(json.dumps(made.state_dict())))
    assert twin.state_dict() == made.state_dict()


@pytest.mark.parametrize(
    "change",
    [
        {"sums": "x"},
        {"version": 2},
        {"n": -1},
        {"n": 0},
        {"origin": [0.0]},
        {"totals": [0.0] * 4},
        {"totals": [0.0, 0.0, -1.0, 0.0, 0.0]},
        {"totals": [0.0, 0.0, 0.0, math.nan, 0.0]},
    ],
)
def test_states_that_cannot_be_are_refused(change):
    with pytest.raises(SnapshotError):
        Cuped.from_state(sums().state_dict() | change)
