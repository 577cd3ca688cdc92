"""ThompsonSampling: its rewards, its decay, its index."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import numpy as np
import pytest

from armwise import ConfigurationError, PropensityError, ThompsonSampling

HOUR = 3600 * 10**9
START = 1_700_000_000 * 10**9


def saved(policy):
    return json.loads(json.dumps(policy.state_dict(), allow_nan=False))


def test_rewards_add_to_both_shapes():
    policy = ThompsonSampling(["a", "b"], prior=(0.5, 2))
    for reward in (1, 0, 0.25):
        policy.update("a", reward)
    assert policy.posterior() == {"a": (1.75, 3.75), "b": (0.5, 2.0)}
    assert policy.prior == (0.5, 2.0)
    assert policy.half_life is None


def test_a_decision_whose_propensity_rounding_hides_says_so():
    policy = ThompsonSampling(["a", "b", "c"], prior=(1e10, 1e10), seed=3)
    twin = ThompsonSampling(["a", "b", "c"], prior=(1e10, 1e10), seed=3)
    assert policy.propensities() == pytest.approx([1 / 3] * 3)
    for one in (policy, twin):
        one.update("a", 1.0)
    for _ in range(3):
        decision = policy.decide()
        assert (decision.propensity, decision.propensity_kind) == (None, "none")
        assert decision.arm == twin.select()
    with pytest.raises(PropensityError, match="half_life"):
        policy.propensities()
    policy.add_arm("best", prior=(9e10, 1e10))
    assert policy.decide()[4:] == (pytest.approx(1.0), "exact")
    assert policy.propensities().tolist() == pytest.approx([0, 0, 0, 1])
    assert policy.decide(candidates=["a", "b"]).propensity_kind == "none"


@pytest.mark.parametrize("reward", [-0.001, 1.001, 200, -1, np.float64(5.0)])
def test_rewards_outside_are_refused_with_the_remedy(unchanged, reward):
    policy = ThompsonSampling(["a", "b"])
    with unchanged(policy, ConfigurationError, "CompositeReward"):
        policy.update("a", reward)
    with unchanged(policy, ConfigurationError, "CompositeReward"):
        policy.update_many(["a", "b"], [0.5, reward])


@pytest.mark.parametrize(
    "prior", [None, 1.0, (1.0,), (0.0, 1.0), (1.0, -1.0), (float("nan"), 1), (1e101, 1), (1, 1e-101), ("1", "1"), "11",
              (True, True), (10**400, 1), {1.0, 2.0}]
)  # fmt: skip
def test_bad_priors(prior):
    with pytest.raises(ConfigurationError, match="prior"):
        ThompsonSampling(["a"], prior=prior)


@pytest.mark.parametrize(
    "half_life", [0, -1, 1e-7, float("nan"), float("inf"), "1h", True, timedelta(0), timedelta(microseconds=-1), 1e300]
)
def test_bad_half_lives(half_life):
    with pytest.raises(ConfigurationError, match="half_life"):
        ThompsonSampling(["a"], half_life=half_life)


def test_a_state_of_many_half_lives_is_loaded():
    policy, twin = ThompsonSampling(["a", "b"], half_life=1e-6), ThompsonSampling()
    policy.update("a", 1.0, now=(1 << 62) - 1)
    twin.load_state(saved(policy))
    assert saved(twin) == saved(policy)


def test_half_lives_in_every_form():
    for half_life in (60, 60.0, timedelta(minutes=1)):
        policy = ThompsonSampling(["a"], half_life=half_life)
        assert policy.half_life == timedelta(minutes=1)
        assert "half_life=0:01:00" in repr(policy)
    assert ThompsonSampling(["a"], half_life=1e-6).half_life == timedelta(microseconds=1)


def test_evidence_halves_in_a_half_life():
    policy = ThompsonSampling(["a", "b"], prior=(1.0, 2.0), half_life=3600)
    for _ in range(8):
        policy.update("a", 0.75, now=START)
    assert policy.posterior()["a"] == (7.0, 4.0)
    for lives, left in ((1, 0.5), (2, 0.25), (10, 2.0**-10), (70, 2.0**-70)):
        policy.select(now=START + lives * HOUR)
        alpha, beta = policy.posterior()["a"]
        assert alpha == pytest.approx(1.0 + 6.0 * left, rel=2e-3)
        assert beta == pytest.approx(2.0 + 2.0 * left, rel=2e-3)
    assert policy.posterior()["b"] == (1.0, 2.0)


def test_a_late_reward_weighs_as_of_its_time_and_time_never_goes_back():
    policy = ThompsonSampling(["a", "b"], half_life=3600)
    policy.update("a", 1.0, now=START)
    policy.update("b", 1.0, now=START - 3 * HOUR)
    assert policy.posterior()["a"] == (2.0, 1.0)
    assert policy.posterior()["b"][0] == pytest.approx(1.125, rel=1e-12)
    version = policy.policy_version
    policy.select(now=START - HOUR)
    policy.select(now=START + 10**9)
    assert policy.policy_version == version
    policy.select(now=START + 10 * 10**9)  # a tick is 3.5 s
    assert policy.policy_version == version + 1


def test_an_own_prior_does_not_decay():
    policy = ThompsonSampling(["a"], half_life=60)
    policy.update("a", 1.0, now=START)
    policy.add_arm("b", (30.0, 5.0))
    policy.update("b", 1.0, now=START)
    policy.select(now=START + 1000 * HOUR)
    assert policy.posterior() == {"a": (1.0, 1.0), "b": (30.0, 5.0)}


def test_decay_reads_the_clock_where_no_moment_is_given():
    policy = ThompsonSampling(["a", "b"], half_life=1e-3)
    policy.update("a", 1.0)
    version = policy.policy_version
    policy.update_many(["a", "b"], [1.0, 0.0])
    policy.propensities()
    assert policy.policy_version > version
    opened = ThompsonSampling(half_life=3600)
    opened.update_many(["a", "b", "a"], [1.0, 0.0, 1.0])
    assert opened.arms == ("a", "b")


def test_the_clock_of_a_state_is_checked():
    from armwise import SnapshotError

    policy = ThompsonSampling(["a"], half_life=3600)
    policy.update("a", 1.0, now=START)
    state = saved(policy)
    for part, value in (("tick", state["clock"]["tick"] + 1), ("landmark", 512), ("landmark", 0), ("now", START * 2)):
        with pytest.raises(SnapshotError, match="clock"):
            policy.load_state(state | {"clock": {**state["clock"], part: value}})
    with pytest.raises(SnapshotError, match="half_life_ns"):
        policy.load_state(state | {"half_life_ns": 10})
    assert saved(policy) == state


def zipf(policy, arms=400):
    """Rewards by which a few arms stand out."""
    for i in range(arms):
        policy.update_many([f"arm{i}"] * 40, [0.6 if i < 5 else 0.02] * 40)
    return policy


@pytest.fixture(scope="module")
def block_state():
    policy = ThompsonSampling([f"arm{i}" for i in range(400)], seed=2)
    zipf(policy)
    assert policy.path == "block"
    return saved(policy)


def test_large_sets_with_leaders_take_the_block_path(block_state):
    policy = ThompsonSampling()
    policy.load_state(block_state)
    assert policy.path == "block"
    assert block_state["index"]["leaders"] == sorted(block_state["index"]["leaders"])
    assert ThompsonSampling(["a", "b"]).path == "plain"
    assert ThompsonSampling(range(400)).path == "plain"


def test_the_index_is_state(block_state):
    """After a load the next 10,000 draws equal those of the uninterrupted policy, on the block path too."""
    policy, twin = ThompsonSampling(), ThompsonSampling()
    policy.load_state(block_state)
    for i in range(50):
        policy.update(f"arm{i * 7}", 0.1)
    assert policy.path == "block"
    assert policy.state_dict()["index"]["due"] > policy.state_dict()["updates"]
    twin.load_state(saved(policy))
    assert twin.path == "block"
    assert saved(twin) == saved(policy)
    assert twin.select_many(10_000).tolist() == policy.select_many(10_000).tolist()
    for i in range(1500):
        for each in (policy, twin):
            each.update(f"arm{i * 13 % 400}", i % 10 / 10)
        assert twin.select() == policy.select()
    assert saved(twin) == saved(policy)


def test_the_index_of_a_long_life_is_loaded(block_state):
    policy, twin = ThompsonSampling(), ThompsonSampling()
    policy.load_state(block_state | {"updates": 10**12})
    for i in range(5000):
        policy.update(f"arm{i % 400}", 0.1)
    twin.load_state(saved(policy))
    assert saved(twin) == saved(policy)
    assert policy.state_dict()["index"]["due"] > 10**12 + 5000


def test_two_arms_that_come_close_do_not_keep_the_plain_path(block_state):
    policy = ThompsonSampling()
    policy.load_state(block_state | {"updates": 10**9})
    for _ in range(2):
        policy.update("arm1", 0.0)
    assert policy.path == "block"
    outsiders = [arm for i, arm in enumerate(policy.arms) if i not in policy.state_dict()["index"]["leaders"]][:2]
    while policy.path == "block":
        policy.update_many(outsiders, [1.0, 1.0])
    for _ in range(len(policy.arms) + 1):
        policy.update("arm1", 0.0)
    assert policy.path == "block"


def test_an_index_that_does_not_fit_its_shapes_is_made_anew(block_state):
    policy, twin = ThompsonSampling(), ThompsonSampling()
    policy.load_state(block_state)
    alpha = list(block_state["alpha"])
    alpha[0] += 1.0
    twin.load_state(block_state | {"alpha": alpha})
    assert saved(twin)["alpha"] == alpha
    assert twin.state_dict()["index"] != block_state["index"]
    assert twin.path == "block"


def test_an_index_that_cannot_be_is_refused(block_state):
    from armwise import SnapshotError

    policy = ThompsonSampling(["a"])
    index = block_state["index"]
    for wrong in (
        index | {"leaders": index["leaders"][:-1]},
        index | {"leaders": index["leaders"][::-1]},
        index | {"leaders": [400 - len(index["leaders"]) + 1 + i for i in range(len(index["leaders"]))]},
        index | {"path": 2},
        index | {"path": 0},
        index | {"level": 41.0},
        index | {"level": math.nan},
        index | {"due": -1},
        index | {"fingerprint": 5},
    ):
        with pytest.raises(SnapshotError, match="index"):
            policy.load_state(block_state | {"index": wrong})
    small = ThompsonSampling(["a", "b"]).state_dict()
    with pytest.raises(SnapshotError, match="leaders"):
        policy.load_state(small | {"index": small["index"] | {"path": 1, "leaders": list(range(8))}})


def test_arms_come_and_go_on_the_block_path(block_state):
    policy, twin = ThompsonSampling(), ThompsonSampling()
    policy.load_state(block_state | {"open": True})
    policy.update("newcomer", 0.5)
    assert policy.arms[-1] == "newcomer"
    policy.remove_arm("arm3")
    policy.add_arm("prior", (3.0, 4.0))
    assert policy.path == "block"
    twin.load_state(saved(policy))
    assert twin.select_many(2000).tolist() == policy.select_many(2000).tolist()
    assert policy.posterior()["prior"] == (3.0, 4.0)
    assert policy.posterior()["newcomer"] == (1.5, 1.5)


def test_replay_on_the_block_path(block_state):
    policy = ThompsonSampling()
    policy.load_state(block_state)
    taken = [policy.decide() for _ in range(20)]
    assert [policy.replay(d.decision_id) for d in taken] == [d.arm for d in taken]
    state = policy.state_dict()
    policy.load_state(state | {"rng": state["rng"] | {"stream": 3}})
    assert [policy.replay(d.decision_id) for d in taken] == [d.arm for d in taken]


def test_small_shapes_are_counted_as_arms_come():
    """Scores are compared as logarithms where any shape is below one: an open set must notice as a closed one does."""
    opened, closed = (
        ThompsonSampling(prior=(0.3, 0.3), seed=1),
        ThompsonSampling(["a", "b", "c"], prior=(0.3, 0.3), seed=1),
    )
    for policy in (opened, closed):
        policy.update_many(["a", "b", "c", "a"], [1.0, 0.0, 1.0, 0.5])
    assert opened.select_many(500).tolist() == closed.select_many(500).tolist()
    opened.remove_arm("b")
    closed.remove_arm("b")
    assert opened.select_many(500).tolist() == closed.select_many(500).tolist()
