from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import clipped_ips, ips, snips

ESTIMATORS = pytest.mark.parametrize("estimate", [ips, snips, clipped_ips])
MEANS = np.array([0.2, 0.5, 0.8])


def logged(seed, n, behaviour, target):
    rng = np.random.default_rng(seed)
    arms = rng.choice(3, size=n, p=behaviour)
    rewards = (rng.random(n) < MEANS[arms]).astype(float)
    return rewards, np.asarray(behaviour)[arms], np.asarray(target)[arms]


@ESTIMATORS
def test_a_policy_evaluated_on_its_own_log_earns_the_mean(estimate):
    rewards, propensities, _ = logged(0, 500, [0.2, 0.3, 0.5], [0.2, 0.3, 0.5])
    result = estimate(rewards, propensities, propensities)
    assert result.value == pytest.approx(rewards.mean(), rel=1e-12)
    assert result.standard_error == pytest.approx(rewards.std(ddof=1) / math.sqrt(500), rel=1e-12)
    assert result.effective_sample_size == pytest.approx(500)
    assert result.n == 500


def test_a_case_worked_by_hand():
    # w = 2, 0, 4; w r = 2, 0, 2; sum w = 6, sum w^2 = 20.
    rewards, propensities, target = [1.0, 1.0, 0.5], [0.5, 0.5, 0.25], [1.0, 0.0, 1.0]
    assert ips(rewards, propensities, target).value == pytest.approx(4 / 3)
    assert ips(rewards, propensities, target).effective_sample_size == pytest.approx(36 / 20)
    result = snips(rewards, propensities, target)
    assert result.value == pytest.approx(4 / 6)
    # The square root of 3/2 times 2^2 (1/3)^2 + 4^2 (1/6)^2, over the sum of the weights.
    assert result.standard_error == pytest.approx(math.sqrt(1.5 * (4 / 9 + 16 / 36)) / 6)


@ESTIMATORS
def test_intervals_hold_what_they_promise(estimate):
    """400 logs of 400 decisions; coverage of a 95% interval has a standard deviation of 1.1 points there."""
    behaviour, target = [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]
    truth = float(np.dot(target, MEANS))
    results = [estimate(*logged(seed, 400, behaviour, target)) for seed in range(400)]
    covered = np.mean([result.lower <= truth <= result.upper for result in results])
    assert 0.91 <= covered <= 0.98
    error = np.mean([result.value for result in results]) - truth
    assert abs(error) < 4 * np.std([result.value for result in results]) / math.sqrt(400)


@ESTIMATORS
def test_a_wider_confidence_is_a_wider_interval(estimate):
    columns = logged(3, 100, [0.5, 0.3, 0.2], [0.1, 0.2, 0.7])
    narrow, wide = estimate(*columns, confidence=0.5), estimate(*columns, confidence=0.99)
    assert wide.lower < narrow.lower < narrow.value < narrow.upper < wide.upper


@given(
    arrays(float, 8, elements=st.floats(-1e3, 1e3)),
    arrays(float, 8, elements=st.floats(1e-3, 1.0)),
    arrays(float, 8, elements=st.floats(0.01, 1.0)),
)
def test_snips_stays_within_the_rewards(rewards, propensities, target):
    result = snips(rewards, propensities, target)
    assert rewards.min() - 1e-9 <= result.value <= rewards.max() + 1e-9
    assert 1.0 - 1e-9 <= result.effective_sample_size <= 8.0 + 1e-9


def test_a_policy_that_never_chooses_what_was_served():
    columns = [1.0, 0.0], [0.5, 0.5], [0.0, 0.0]
    assert ips(*columns).value == 0.0
    assert ips(*columns).effective_sample_size == 0.0
    with pytest.raises(PropensityError, match="probability zero"):
        snips(*columns)


def test_huge_weights_do_not_overflow_the_sample_size():
    result = ips([0.0, 0.0], [1e-300, 1e-300], [1.0, 1.0])
    assert result.effective_sample_size == pytest.approx(2.0)


@ESTIMATORS
@pytest.mark.parametrize("bad", [0.0, -0.1, 1.1, math.nan, math.inf, 5e-324])
def test_propensities_that_are_none_are_refused(estimate, bad):
    with pytest.raises(PropensityError, match=r"propensities\[1\]"):
        estimate([1.0, 0.0], [0.5, bad], [0.5, 0.5])


@ESTIMATORS
@pytest.mark.parametrize(
    ("rewards", "propensities", "target", "named"),
    [
        ([1.0, math.nan], [0.5, 0.5], [0.5, 0.5], r"rewards\[1\]"),
        ([math.inf, 1.0], [0.5, 0.5], [0.5, 0.5], r"rewards\[0\]"),
        ([1.0, 0.0], [0.5, 0.5], [0.5, -0.5], r"target\[1\]"),
        ([1.0, 0.0], [0.5, 0.5], [0.5, 1.5], r"target\[1\]"),
        ([1.0, 0.0], [0.5, 0.5], [0.5, math.nan], r"target\[1\]"),
        ([1.0], [0.5, 0.5], [0.5, 0.5], "entries"),
        ([1.0], [0.5], [0.5], "at least 2"),
        ([], [], [], "at least 2"),
        ([[1.0], [0.0]], [0.5, 0.5], [0.5, 0.5], "rewards has shape"),
        (["good", "bad"], [0.5, 0.5], [0.5, 0.5], "rewards cannot be read"),
        ([None, object()], [0.5, 0.5], [0.5, 0.5], "rewards cannot be read"),
        ([10**400, 1.0], [0.5, 0.5], [0.5, 0.5], "rewards cannot be read"),
        ([1.0, 0.0], [10**400, 0.5], [0.5, 0.5], "propensities cannot be read"),
    ],
)
def test_columns_that_do_not_fit_are_refused(estimate, rewards, propensities, target, named):
    with pytest.raises(ConfigurationError, match=named):
        estimate(rewards, propensities, target)


def test_clipping_bounds_the_weights():
    rewards, propensities, target = logged(5, 400, [0.5, 0.3, 0.2], [0.1, 0.2, 0.7])
    weights = target / propensities
    found = clipped_ips(rewards, propensities, target, clip=2.0)
    terms = np.minimum(weights, 2.0) * rewards
    assert found.value == pytest.approx(terms.mean(), rel=1e-12)
    assert found.standard_error == pytest.approx(terms.std(ddof=1) / 20, rel=1e-12)
    assert found.overlap.clipped_share == pytest.approx(np.maximum(weights - 2.0, 0.0).sum() / weights.sum())
    assert clipped_ips(rewards, propensities, target).value == ips(rewards, propensities, target).value


def test_weights_are_bounded_by_the_root_of_the_decisions():
    assert clipped_ips([1.0] * 4, [0.1] * 4, [1.0] * 4).value == 2.0
