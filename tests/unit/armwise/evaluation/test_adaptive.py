from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import aipw, batched_ols

RNG = np.random.default_rng(11)
T, K = 400, 3
ODDS = RNG.dirichlet([5.0, 3.0, 2.0], size=T)
chosen_arms = np.array([RNG.choice(K, p=row) for row in ODDS])
REWARDS = RNG.normal(size=T) + chosen_arms
groups = np.arange(T) // 50


def test_aipw_is_the_papers_formula_step_by_step():
    found = aipw(REWARDS, chosen_arms, ODDS)
    scores, total, count = np.zeros((T, K)), np.zeros(K), np.zeros(K)
    for t in range(T):
        for w in range(K):
            model = total[w] / count[w] if count[w] else 0.0
            scores[t, w] = model + (chosen_arms[t] == w) * (REWARDS[t] - model) / ODDS[t, w]
        total[chosen_arms[t]] += REWARDS[t]
        count[chosen_arms[t]] += 1
    h = np.sqrt(ODDS)
    mean = (h * scores).sum(axis=0) / h.sum(axis=0)
    error = np.sqrt((h**2 * (scores - mean) ** 2).sum(axis=0)) / h.sum(axis=0)
    np.testing.assert_allclose(found.means, mean, rtol=1e-12)
    np.testing.assert_allclose(found.standard_errors, error, rtol=1e-12)
    part = h * (scores - mean) / h.sum(axis=0)
    gap = part[:, 1] - part[:, 0]
    value, low, high = found.difference(1, 0)
    degrees = math.floor((gap**2).sum() ** 2 / (gap**4).sum() - 1)
    assert value == pytest.approx(mean[1] - mean[0])
    half = stats.t.ppf(0.975, degrees) * math.sqrt((gap**2).sum())
    assert (low, high) == pytest.approx((value - half, value + half))
    quantile = stats.t.ppf(0.975, np.floor((part**2).sum(axis=0) ** 2 / (part**4).sum(axis=0) - 1))
    np.testing.assert_allclose(found.upper - found.means, quantile * error, rtol=1e-10)
    np.testing.assert_allclose(found.means - found.lower, quantile * error, rtol=1e-10)


def test_batched_ols_is_the_papers_formula():
    found = batched_ols(REWARDS, chosen_arms, groups, n_arms=K, confidence=0.9)
    means = np.array([REWARDS[chosen_arms == w].mean() for w in range(K)])
    s = math.sqrt(((REWARDS - means[chosen_arms]) ** 2).sum() / (T - K))
    for w in range(K):
        n = np.array([((chosen_arms == w) & (groups == b)).sum() for b in range(8)])
        mean = np.array([REWARDS[(chosen_arms == w) & (groups == b)].mean() for b in range(8)])
        assert found.means[w] == pytest.approx((np.sqrt(n) * mean).sum() / np.sqrt(n).sum())
        assert found.standard_errors[w] == pytest.approx(s * math.sqrt(8) / np.sqrt(n).sum())
        assert found.degrees[w] == pytest.approx(64 / (1 / n).sum() - 1)
    n = np.array([[((chosen_arms == w) & (groups == b)).sum() for b in range(8)] for w in (0, 1)])
    mean = np.array([[REWARDS[(chosen_arms == w) & (groups == b)].mean() for b in range(8)] for w in (0, 1)])
    weight = np.sqrt(n[0] * n[1] / (n[0] + n[1]))
    value, low, high = found.difference(1, 0)
    assert value == pytest.approx((weight * (mean[1] - mean[0])).sum() / weight.sum())
    degrees = math.floor(64 / (weight**4 * (1 / n[0] ** 3 + 1 / n[1] ** 3)).sum() - 1)
    half = stats.t.ppf(0.95, degrees) * s * math.sqrt(8) / weight.sum()
    assert (low, high) == pytest.approx((value - half, value + half))


def test_one_batch_is_ordinary_least_squares():
    found = batched_ols(REWARDS, chosen_arms, np.zeros(T, int), n_arms=K)
    for w in range(K):
        mine = REWARDS[chosen_arms == w]
        assert found.means[w] == pytest.approx(mine.mean())
        assert found.degrees[w] == pytest.approx(mine.size - 1)


def test_batches_without_an_arm_count_from_its_first():
    """A batch that the policy kept an arm out of widens its interval; one before the arm came does not."""
    reward, arm = [1.0, 0.0, 1.0, 0.0, 1.0], [0, 1, 1, 0, 0]
    s = math.sqrt((2 / 3 + 1 / 2) / 3)
    late = batched_ols(reward, arm, [0, 1, 1, 1, 1], n_arms=2)
    assert late.standard_errors[1] == pytest.approx(s / math.sqrt(2))
    gone = batched_ols(reward, arm, [1, 0, 0, 1, 1], n_arms=2)
    assert gone.standard_errors[1] == pytest.approx(s * math.sqrt(2) / math.sqrt(2))


@pytest.mark.parametrize("which", ["aipw", "batched_ols"])
def test_an_arm_that_was_never_chosen_is_not_known(which):
    arms = np.minimum(chosen_arms, 1)
    found = aipw(REWARDS, arms, ODDS) if which == "aipw" else batched_ols(REWARDS, arms, groups, n_arms=K)
    assert np.isnan(found.means).tolist() == [False, False, True]
    assert (found.lower[2], found.upper[2]) == (-math.inf, math.inf)
    assert found.standard_errors[2] == math.inf
    value, low, high = found.difference(2, 0)
    assert math.isnan(value)
    assert (low, high) == (-math.inf, math.inf)
    assert found.difference(0, 0) == (0.0, 0.0, 0.0)
    assert math.isfinite(found.difference(1, 0)[1])


def test_a_pair_that_was_never_in_one_batch_has_no_difference():
    found = batched_ols([1.0, 0.0, 1.0, 0.5], [0, 0, 1, 1], [0, 0, 1, 1], n_arms=2)
    assert math.isnan(found.difference(1, 0)[0])
    assert math.isfinite(found.means.sum())


def test_zero_propensities_are_refused_with_the_way_out():
    odds = ODDS.copy()
    odds[7] = [0.0, 0.5, 0.5]
    with pytest.raises(PropensityError, match=r"propensities\[7, 0\].*clip"):
        aipw(REWARDS, chosen_arms, odds)


@pytest.mark.parametrize(
    "change",
    [
        {"rewards": [1.0]},
        {"rewards": [math.nan, 1.0]},
        {"arms": [0, 2]},
        {"arms": [0]},
        {"arms": [0.0, 1.0]},
        {"propensities": [[0.5, 0.5]]},
        {"propensities": [[0.5, 0.6], [0.5, 0.5]]},
        {"propensities": [0.5, 0.5]},
        {"confidence": 1.0},
    ],
)
def test_aipw_refuses_what_does_not_fit(change):
    given = {"rewards": [1.0, 0.0], "arms": [0, 1], "propensities": [[0.5, 0.5], [0.5, 0.5]]} | change
    with pytest.raises(ConfigurationError):
        aipw(**given)


def test_aipw_needs_two_decisions():
    with pytest.raises(ConfigurationError, match="1 decisions"):
        aipw([1.0], [0], [[0.5, 0.5]])


@pytest.mark.parametrize(
    "change",
    [
        {"rewards": [1.0, 0.0, math.inf]},
        {"arms": [0, 1, 2]},
        {"arms": [0, 1]},
        {"batches": [0, 0, 3]},
        {"batches": [0, -1, 0]},
        {"n_arms": 0},
        {"arms": [0, 1, 2], "n_arms": 3},
        {"rewards": [], "arms": np.zeros(0, int), "batches": np.zeros(0, int)},
        {"confidence": 0.0},
    ],
)
def test_batched_ols_refuses_what_does_not_fit(change):
    given = {"rewards": [1.0, 0.0, 1.0], "arms": [0, 1, 1], "batches": [0, 0, 0], "n_arms": 2} | change
    with pytest.raises(ConfigurationError):
        batched_ols(**given)
