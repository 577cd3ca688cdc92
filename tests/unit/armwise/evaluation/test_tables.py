from __future__ import annotations

import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.evaluation import RunningMeans, arm_frequencies, fit_means

SHAPE = (3, 4)


def log(n=200, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(1.0, 1.0, n), rng.integers(0, 4, n), rng.integers(0, 3, n)


def naive_mean(rewards, arms, cells, arm, cell, shrinkage):
    """The shrunken mean of one cell and arm, one number at a time."""
    rows = list(zip(rewards, arms, cells, strict=True))
    mean = sum(r for r, _, _ in rows) / len(rows)
    of_arm = [r for r, a, _ in rows if a == arm]
    middle = (sum(of_arm) + shrinkage * mean) / (len(of_arm) + shrinkage)
    here = [r for r, a, c in rows if a == arm and c == cell]
    return (sum(here) + shrinkage * middle) / (len(here) + shrinkage)


@pytest.mark.parametrize("folds", [1, 2, 5, 200])
def test_means_are_those_of_the_formula(folds):
    rewards, arms, cells = log()
    model = fit_means(rewards, arms, cells, shape=SHAPE, shrinkage=3.0, folds=folds)
    policy = np.random.default_rng(1).dirichlet(np.ones(4), size=3)
    expected = model.expected(policy)
    assert model.folds.shape == (folds, *SHAPE)
    for cell, arm in np.ndindex(SHAPE):
        assert model.table[cell, arm] == pytest.approx(naive_mean(rewards, arms, cells, arm, cell, 3.0), rel=1e-12)
    for i in (0, 7, 199):
        seen = np.arange(200) % folds != i % folds if folds > 1 else np.full(200, fill_value=True)
        past = rewards[seen], arms[seen], cells[seen]
        guesses = [naive_mean(*past, arm, cells[i], 3.0) for arm in range(4)]
        assert model.predicted[i] == pytest.approx(guesses[arms[i]], rel=1e-12)
        assert expected[i] == pytest.approx(policy[cells[i]] @ guesses, rel=1e-12)


def test_no_reward_predicts_itself():
    rewards, arms, cells = log()
    changed = rewards.copy()
    changed[17] += 100.0
    before, after = (fit_means(r, arms, cells, shape=SHAPE) for r in (rewards, changed))
    assert before.predicted[17] == pytest.approx(after.predicted[17], rel=1e-12)
    assert before.predicted[18] != pytest.approx(after.predicted[18], rel=1e-3)


def test_the_error_is_that_of_a_weighted_sum():
    """The weight of each reward is how much the estimate moves with it."""
    rewards, arms, cells = log(60)
    policy = np.random.default_rng(1).dirichlet(np.ones(4), size=3)

    def value(rewards):
        model = fit_means(rewards, arms, cells, shape=SHAPE, shrinkage=2.0, folds=1)
        return model.expected(policy).mean()

    weights = np.array([value(rewards + np.eye(60)[i]) - value(rewards) for i in range(60)])
    model = fit_means(rewards, arms, cells, shape=SHAPE, shrinkage=2.0)
    residuals = rewards - model.table[cells, arms]
    assert model.error(policy) == pytest.approx(math.sqrt((weights**2 * residuals**2).sum()), rel=1e-9)


def test_cells_default_to_one_and_arms_may_be_absent():
    model = fit_means([1.0, 0.0], [0, 0], shape=(1, 3), shrinkage=1.0, folds=1)
    assert model.table.tolist() == [[0.5, 0.5, 0.5]]


def test_frequencies_are_counts():
    arms, cells = [0, 1, 1, 3], [0, 0, 0, 2]
    assert arm_frequencies(arms, cells, shape=SHAPE, smoothing=0.0).tolist() == [
        [1 / 3, 2 / 3, 0.0, 0.0],
        [0.25] * 4,
        [0.0, 0.0, 0.0, 1.0],
    ]
    np.testing.assert_allclose(arm_frequencies(arms, cells, shape=SHAPE)[0], np.array([2, 3, 1, 1]) / 7, rtol=1e-15)


@pytest.mark.parametrize("call", [lambda *a, **k: fit_means([1.0, 0.0], *a, **k), arm_frequencies])
@pytest.mark.parametrize(
    ("arms", "cells", "shape", "named"),
    [
        ([0, 4], None, (1, 4), r"arms\[1\] is 4; expected a whole number in \[0, 4\)"),
        ([-1, 0], None, (1, 4), r"arms\[0\] is -1"),
        ([0, 0], [0, 3], SHAPE, r"cells\[1\] is 3"),
        ([0, 0], [0], SHAPE, "cells has 1 entries and the log 2 decisions"),
        ([0.0, 1.0], None, (1, 4), "arms is an array of float64"),
        ([True, False], None, (1, 4), "arms is an array of bool"),
        ([[0], [1]], None, (1, 4), "shape"),
        ([[0], [1, 2]], None, (1, 4), "arms cannot be read"),
        ([0, 0], None, (0, 4), "shape is"),
        ([0, 0], None, (4,), "shape is"),
        ([0, 0], None, (2**20, 2**20), "shape is"),
        ([0, 0], None, 5, "shape is 5"),
        ([0, 0], None, None, "shape is None"),
        ([0, 0], None, (1, [2]), "shape is"),
        ([0, 0], None, (1.0, 4), "shape is"),
        ([0, 0], None, (10**5000, 1), "shape is"),
    ],
)
def test_columns_that_do_not_fit_are_refused(call, arms, cells, shape, named):
    with pytest.raises(ConfigurationError, match=named):
        call(arms, cells, shape=shape)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"shrinkage": 0.0}, "shrinkage"),
        ({"shrinkage": math.nan}, "shrinkage"),
        ({"shrinkage": math.inf}, "shrinkage"),
        ({"folds": 0}, "folds"),
        ({"folds": 3}, "folds"),
        ({"folds": 1.0}, "folds"),
        ({"folds": True}, "folds"),
    ],
)
def test_options_outside_their_range_are_refused(options, named):
    with pytest.raises(ConfigurationError, match=f"{named} is"):
        fit_means([1.0, 0.0], [0, 1], shape=(1, 2), **({"folds": 2} | options))


@pytest.mark.parametrize(("rewards", "named"), [([1.0], "at least 2"), ([1.0, math.nan], r"rewards\[1\]")])
def test_rewards_that_do_not_fit_are_refused(rewards, named):
    with pytest.raises(ConfigurationError, match=named):
        fit_means(rewards, [0, 1], shape=(1, 2))


def test_rewards_whose_squares_overflow_are_refused():
    for rewards in ([1e200, -1e200], [1e308, 1e308]):
        with pytest.raises(ConfigurationError, match="squares"):
            fit_means(rewards, [0, 0], shape=(1, 1), folds=1)


def test_arms_and_rewards_of_different_lengths_are_refused():
    with pytest.raises(ConfigurationError, match="arms has 1 entries and the log 2"):
        fit_means([1.0, 0.0], [0], shape=(1, 2))


@pytest.mark.parametrize("smoothing", [-1.0, math.nan, math.inf])
def test_a_smoothing_outside_its_range_is_refused(smoothing):
    with pytest.raises(ConfigurationError, match="smoothing"):
        arm_frequencies([0], shape=(1, 2), smoothing=smoothing)


@pytest.mark.parametrize("policy", [[[1.0, 0.0]], np.full(SHAPE, 0.3), np.full((3, 5), 0.2)])
def test_a_policy_of_another_shape_is_refused(policy):
    model = fit_means(*log(), shape=SHAPE)
    for call in (model.expected, model.error):
        with pytest.raises(ConfigurationError, match="policy"):
            call(policy)


def test_running_means_are_those_of_the_past():
    rewards, arms, _ = log(50)
    means = RunningMeans(shrinkage=2.0)
    for i in range(50):
        if i:
            overall = rewards[:i].mean()
            past = rewards[:i][arms[:i] == arms[i]]
            expected = (past.sum() + 2.0 * overall) / (past.size + 2.0)
            assert means.predict(int(arms[i])) == pytest.approx(expected, rel=1e-9)
        means.learn(int(arms[i]), float(rewards[i]))


@pytest.mark.parametrize("shrinkage", [0.0, -1.0, math.nan, math.inf])
def test_running_means_need_a_prior(shrinkage):
    with pytest.raises(ConfigurationError, match="shrinkage"):
        RunningMeans(shrinkage=shrinkage)


def test_running_means_refuse_what_is_no_number():
    means = RunningMeans()
    with pytest.raises(ConfigurationError, match="reward"):
        means.learn("a", math.nan)
    assert means.predict("a") == 0.0
