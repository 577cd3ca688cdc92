from __future__ import annotations

import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import THRESHOLDS, clipped_ips, dr, ips, overlap, snips


def codes(found):
    return {warning.code for warning in found.warnings}


def clicks(k, n=1000):
    """A uniform log of two arms with k clicks, evaluated for the uniform policy."""
    return (np.arange(n) < k).astype(float), np.full(n, 0.5), np.full(n, 0.5)


def test_an_overlap_worked_by_hand():
    # w = 2, 0, 4; sum 6, sum of squares 20.
    found = overlap([1.0, 1.0, 0.5], [0.5, 0.5, 0.25], [1.0, 0.0, 1.0])
    assert found.n == 3
    assert found.mean_weight == pytest.approx(2.0)
    assert found.max_weight == 4.0
    assert found.max_share == pytest.approx(4 / 6)
    assert found.effective_sample_size == pytest.approx(36 / 20)
    assert found.effective_share == pytest.approx(12 / 20)
    assert found.clipped_share == 0.0
    assert (found.rewarded, found.common_reward) == (1, 0.5)


def test_what_a_bound_takes_is_told():
    found = overlap([1.0, 1.0, 0.5], [0.5, 0.5, 0.25], [1.0, 0.0, 1.0], clip=2.0)
    assert found.clipped_share == pytest.approx(2 / 6)
    assert found.effective_sample_size == pytest.approx(2.0)
    assert (found.mean_weight, found.max_weight, found.max_share) == (2.0, 4.0, 0.5)


def test_a_log_that_is_fine_warns_of_nothing():
    assert overlap(*clicks(500)).warnings == ()
    assert ips(*clicks(500)).warnings == ()


@pytest.mark.parametrize("estimate", [ips, snips])
def test_few_clicks_are_counted(estimate):
    assert codes(estimate(*clicks(100))) == set()
    (warning,) = estimate(*clicks(38)).warnings
    assert warning.message == "38 rewarded decisions: the normal interval is not to be trusted"
    assert (warning.code, warning.value, warning.threshold) == ("few_rewards", 38, THRESHOLDS["few_rewards"])


def test_few_failures_are_as_bad_as_few_successes():
    (warning,) = ips(*clicks(990)).warnings
    assert warning.message == "10 decisions with another reward than 1: the normal interval is not to be trusted"


def test_clicks_that_weigh_nothing_are_not_counted():
    rewards, propensities, target = clicks(200)
    target[:150] = 0.0
    assert overlap(rewards, propensities, target).rewarded == 50


def test_rewards_that_all_differ_count_all():
    assert overlap(np.linspace(0, 1, 500), np.full(500, 0.5), np.full(500, 0.5)).rewarded == 499


def test_weights_are_warned_of():
    rewards, propensities, target = clicks(500)
    few = target.copy()
    few[60:] = 0.0
    assert codes(overlap(rewards, propensities, few)) == {"few_rewards", "small_sample", "low_overlap", "mean_weight"}
    propensities[0] = 0.001
    assert codes(overlap(rewards, propensities, target)) == {
        "small_sample",
        "low_overlap",
        "dominant_weight",
        "mean_weight",
    }
    assert codes(clipped_ips(rewards, propensities, target)) == {"mean_weight", "clipped"}


def test_a_log_without_any_overlap():
    found = overlap([1.0, 0.0], [0.5, 0.5], [0.0, 0.0], clip=1.0)
    assert (found.effective_sample_size, found.mean_weight, found.max_share, found.clipped_share) == (0, 0, 0, 0)
    assert (found.rewarded, found.common_reward) == (0, 0.0)


def test_huge_weights_do_not_overflow():
    found = overlap([0.0, 1.0], [1e-300, 1e-300], [1.0, 1.0], clip=1e300)
    assert found.effective_sample_size == pytest.approx(2.0)
    assert found.mean_weight == pytest.approx(1e300)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_a_bound_that_is_none_is_refused(bad):
    for call in (overlap, clipped_ips):
        with pytest.raises(ConfigurationError, match="clip is"):
            call(*clicks(1), clip=bad)


@pytest.mark.parametrize("rewards", [[1e308, 1e308], [1e308, -1e308]])
def test_an_estimate_beyond_floats_is_refused(rewards):
    columns = rewards, [1e-10, 1e-10], [1.0, 1.0]
    for call in (ips, lambda *c: dr(*c, [0.0, 0.0], [0.0, 0.0]), lambda *c: clipped_ips(*c, clip=1e10)):
        with pytest.raises(PropensityError, match="beyond the range of floats"):
            call(*columns)


def test_a_self_normalised_estimate_beyond_floats_is_refused():
    with pytest.raises(PropensityError, match="beyond the range of floats"):
        snips([1e308, -1e308], [0.5, 0.5], [0.5, 0.5])
