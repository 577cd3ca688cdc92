"""EpsilonGreedy and UCB1."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from armwise import UCB1, ConfigurationError, EpsilonGreedy, SnapshotError


@pytest.fixture(params=[EpsilonGreedy, UCB1])
def cls(request):
    return request.param


def test_means_are_incremental(cls):
    policy = cls(["a", "b"])
    policy.update_many(["a"] * 4, [1.0, -2.0, 30.0, 3.0])
    assert policy.means() == {"a": (pytest.approx(8.0), 4), "b": (0.0, 0)}


def test_any_finite_reward_is_taken(cls):
    policy = cls(["a"])
    for reward in (sys.float_info.max, -sys.float_info.max, sys.float_info.max, 10**300):
        policy.update("a", reward)
    mean, count = policy.means()["a"]
    assert math.isfinite(mean)
    assert count == 4


def test_a_start_from_earlier_rewards(cls):
    policy = cls(["a"])
    policy.add_arm("b", (0.5, 10))
    policy.add_arm("c", (0.0, np.int64(0)))
    policy.update("b", 6.0)
    assert policy.means() == {"a": (0.0, 0), "b": (pytest.approx(1.0), 11), "c": (0.0, 0)}
    assert policy.state_dict()["updates"] == 11


@pytest.mark.parametrize("prior", [(0.5, -1), (0.5, 1.5), (0.5, 0), (math.nan, 2), (0.5, True), ("x", 2), (0.5,), "ab"])
def test_bad_starts(cls, unchanged, prior):
    policy = cls(["a"])
    with unchanged(policy, ConfigurationError, "mean, count"):
        policy.add_arm("b", prior)


@pytest.mark.parametrize("epsilon", [-0.1, 1.1, math.nan, "0.1", None, True])
def test_bad_epsilons(epsilon):
    with pytest.raises(ConfigurationError, match="epsilon"):
        EpsilonGreedy(["a"], epsilon=epsilon)


@pytest.mark.parametrize("epsilon", [0, 1, np.float32(0.5)])
def test_epsilons(epsilon):
    policy = EpsilonGreedy(["a", "b", "c"], epsilon=epsilon, seed=3)
    policy.update("b", 1.0)
    assert policy.epsilon == epsilon
    chances = policy.propensities()
    np.testing.assert_allclose(chances, [epsilon / 3, 1 - epsilon + epsilon / 3, epsilon / 3])
    counts = np.bincount(policy.select_many(30_000), minlength=3) / 30_000
    np.testing.assert_allclose(counts, chances, atol=0.02)


def test_ties_go_to_the_first():
    policy = EpsilonGreedy(["a", "b", "c"], epsilon=0.0)
    policy.update_many(["c", "b"], [1.0, 1.0])
    assert policy.select() == "b"
    assert policy.select(["c", "b"]) == "b"


def test_ucb1_tries_each_arm_and_then_the_best_bound():
    policy = UCB1(["a", "b", "c"])
    rewards = {"a": 0.1, "b": 0.9, "c": 0.5}
    chosen = []
    for _ in range(200):
        arm = policy.select()
        chosen.append(arm)
        policy.update(arm, rewards[arm])
        means = policy.means()
        if all(n for _, n in means.values()):
            total = sum(n for _, n in means.values())
            bounds = {arm: q + math.sqrt(2 * math.log(total) / n) for arm, (q, n) in means.items()}
            assert policy.select() == max(bounds, key=bounds.__getitem__)
    assert chosen[:3] == ["a", "b", "c"]
    assert policy.propensities().sum() == 1.0


def test_totals_and_counts_must_agree(cls):
    policy = cls(["a", "b"])
    policy.update_many(["a", "b", "a"], [1.0, 2.0, 3.0])
    state = policy.state_dict()
    with pytest.raises(SnapshotError, match="updates"):
        policy.load_state(state | {"updates": 2})
    for counts in ([-1, 2], [1.5, 1], [True, 1], [1 << 54, 1]):
        with pytest.raises(SnapshotError, match="counts"):
            policy.load_state(state | {"counts": counts})
    policy.load_state({"arms": ["a"], "means": [0.5], "counts": [7]})
    assert policy.state_dict()["updates"] == 7


def test_epsilon_of_an_old_state_is_the_policys_own():
    policy = EpsilonGreedy(["a"], epsilon=0.25)
    policy.load_state({"arms": ["b"], "means": [0.5], "counts": [7]})
    assert policy.epsilon == 0.25
    policy.load_state({"arms": ["b"], "means": [0.5], "counts": [7], "epsilon": 0.75})
    assert policy.epsilon == 0.75
