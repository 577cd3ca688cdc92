"""ParetoThompsonSampling: what it learns, chooses, re-makes and refuses."""

from __future__ import annotations

import copy
import math
import pickle
import random
import signal
import threading

import numpy as np
import pytest

from armwise import ConfigurationError, ReentrantCall, ReplayError, UnknownArm
from armwise.experiments.pareto import ParetoThompsonSampling
from armwise.protocols import Policy

FULL = {"quality": 0.8, "cost": 0.01, "latency": 2.0}


def test_it_is_a_policy(make):
    policy = make()
    assert isinstance(policy, Policy)
    assert policy.arms == ("a", "b", "c")
    assert policy.objectives == {"quality": (0.0, 1.0), "cost": (0.05, 0.0), "latency": (10.0, 0.0)}
    assert (policy.seed, policy.stream, policy.counter, policy.policy_version) == (5, 0, 0, 0)
    assert policy.prior == (1.0, 1.0)
    assert repr(policy) == "<ParetoThompsonSampling ['a', 'b', 'c'] over quality, cost, latency version=0>"


def test_values_add_to_both_shapes(make):
    policy = make(prior=(0.5, 2.0))
    policy.update("b", FULL)
    policy.update("b", {"quality": 1.0})
    posterior = policy.posterior()
    assert posterior["a"] == dict.fromkeys(FULL, (0.5, 2.0))
    assert posterior["b"]["quality"] == (0.5 + 0.8 + 1.0, pytest.approx(2.2))
    assert posterior["b"]["cost"] == (pytest.approx(1.3), pytest.approx(2.2))
    assert posterior["b"]["latency"] == (pytest.approx(1.3), pytest.approx(2.2))
    assert policy.policy_version == 2


def test_means_are_in_the_objectives_own_units(make):
    policy = make(prior=(1e-9, 1e-9))
    for latency in (1.0, 3.0):
        policy.update("a", {"quality": 0.25, "cost": 0.02, "latency": latency})
    assert policy.means()["a"] == pytest.approx({"quality": 0.25, "cost": 0.02, "latency": 2.0})


def test_the_front_of_the_means(make):
    policy = make()
    for _ in range(50):
        policy.update("a", {"quality": 0.9, "cost": 0.04, "latency": 5.0})
        policy.update("b", {"quality": 0.5, "cost": 0.01, "latency": 1.0})
        policy.update("c", {"quality": 0.4, "cost": 0.02, "latency": 2.0})
    assert policy.front() == ("a", "b")
    counts = np.bincount(policy.select_many(2000), minlength=3)
    assert counts[2] < 0.1 * 2000
    assert abs(counts[0] - counts[1]) < 200
    with pytest.raises(ConfigurationError, match="no arms"):
        make(None).front()


def test_a_batch_equals_as_many_selects(make, train, saved):
    one, many = train(make()), train(make())
    singles = [one.select() for _ in range(300)]
    assert [many.arms[i] for i in many.select_many(300)] == singles
    assert saved(one) == saved(many)
    assert many.select_many(0).tolist() == []
    assert many.select_many(np.int64(2)).dtype == np.int32


def test_large_batches_go_in_parts(make):
    policy, twin = make(range(60)), make(range(60))
    assert policy.select_many(3000).tolist() == np.concatenate([twin.select_many(n) for n in (1, 999, 2000)]).tolist()


def test_batches_of_updates_equal_as_many_updates(make, saved):
    rng = np.random.default_rng(4)
    arms = rng.choice(["a", "b", "c"], 100).tolist()
    quality, latency = rng.random(100), 10.0 * rng.random(100)
    one, many = make(), make()
    for arm, q, t in zip(arms, quality.tolist(), latency.tolist(), strict=True):
        one.update(arm, {"quality": q, "latency": t})
    many.update_many(arms, {"quality": quality, "latency": latency.tolist()})
    assert saved(one) == saved(many)


def test_decide_chooses_as_select(make, train):
    one, two = train(make()), train(make())
    for _ in range(50):
        decision = one.decide(["c", "a"])
        assert decision.arm == two.select(["c", "a"])
        assert ["c", "a"][decision.index] == decision.arm
        assert 0.0 < decision.propensity <= 1.0
        assert decision.propensity_kind == "monte_carlo"
        assert decision.decision_id == f"0-{one.counter - 1:x}-{one.policy_version:x}"
        assert decision.policy_version == one.policy_version


def test_the_order_of_candidates_does_not_enter(make, train):
    one, two = train(make()), train(make())
    assert [one.select(["a", "b", "c"]) for _ in range(50)] == [two.select(["c", "a", "b"]) for _ in range(50)]


def test_decisions_are_made_again(make, train):
    policy = train(make())
    decisions = [policy.decide() for _ in range(30)]
    assert [policy.replay(d.decision_id) for d in decisions] == [d.arm for d in decisions]
    subset = policy.decide(["b", "c"])
    assert policy.replay(subset.decision_id, ["b", "c"]) == subset.arm
    policy.update("a", FULL)
    with pytest.raises(ReplayError, match="version 40"):
        policy.replay(subset.decision_id)


@pytest.mark.parametrize("decision_id", ["", "0-0", "x-0-0", "0-0-0-0", "F-0-0", "8" + "0" * 15 + "-0-0", None, 7])
def test_ids_that_are_none(make, decision_id):
    with pytest.raises(ReplayError, match="decision_id"):
        make().replay(decision_id)


def test_decisions_of_another_stream_are_made_again(make, train, saved):
    policy, worker = train(make()), make()
    state = saved(policy)
    worker.load_state(state | {"rng": {"seed": 5, "stream": 77, "counter": 0}})
    decisions = [worker.decide() for _ in range(20)]
    assert [policy.replay(d.decision_id) for d in decisions] == [d.arm for d in decisions]
    assert [d.arm for d in decisions] != [policy.select() for _ in range(20)]


def test_propensities_are_the_law_of_decisions(make, train):
    policy = train(make())
    chances = policy.propensities()
    assert chances.sum() == pytest.approx(1.0)
    assert policy.propensities(["c", "a", "b"]).tolist() == chances[[2, 0, 1]].tolist()
    shares = np.bincount(policy.select_many(20_000), minlength=3) / 20_000
    assert np.abs(shares - chances).max() < 0.03
    counter = policy.counter
    assert policy.propensities().tolist() == chances.tolist()
    assert policy.counter == counter
    policy.update("a", FULL)
    assert policy.propensities().tolist() != chances.tolist()
    assert policy.propensities(["b"]).tolist() == [1.0]
    assert policy.decide(["b"]).propensity == 1.0


def test_a_rare_arm_has_a_propensity_that_is_not_zero(make):
    policy = make(["good", "bad"], objectives={"x": (0.0, 1.0), "y": (0.0, 1.0)})
    policy.update_many(["good"] * 3000, {"x": np.ones(3000), "y": np.ones(3000)})
    policy.update_many(["bad"] * 3000, {"x": np.zeros(3000), "y": np.zeros(3000)})
    assert policy.propensities().tolist() == [1.0, 0.0]
    assert policy.decide(["bad"]).propensity == 1.0
    assert policy.decide().propensity == 1.0


def test_open_sets(make, saved):
    policy, twin = make(None), make(None)
    assert policy.arms == ()
    with pytest.raises(ConfigurationError, match="no arms yet"):
        policy.select()
    chosen = [policy.select(["x", "y"]) for _ in range(20)]
    assert set(chosen) == {"x", "y"}
    assert policy.arms == ()
    policy.update("y", FULL)
    policy.update_many(["y", "z", "z"], {"quality": [1.0, 0.0, 0.5]})
    assert policy.arms == ("y", "z")
    assert policy.posterior()["z"]["quality"] == (1.5, 2.5)
    assert policy.select(["w", "z", "y"]) in {"w", "z", "y"}
    twin.load_state(saved(policy))
    assert [twin.select(["w", "z", "y"]) for _ in range(50)] == [policy.select(["w", "z", "y"]) for _ in range(50)]
    policy.remove_arm("y")
    policy.remove_arm("z")
    assert policy.arms == ()


def test_strangers_to_a_closed_set(make, unchanged):
    policy = make()
    for call in (
        lambda: policy.select(["a", "x"]),
        lambda: policy.decide(["x"]),
        lambda: policy.propensities(["x"]),
        lambda: policy.update("x", FULL),
        lambda: policy.update_many(["a", "x"], {"quality": [1.0, 1.0]}),
        lambda: policy.remove_arm("x"),
    ):
        with unchanged(policy, UnknownArm, "'x'"):
            call()
    with unchanged(make(None), UnknownArm):
        make(None).remove_arm("x")


def test_arms_come_and_go_and_slots_stay(make, train, saved):
    policy = train(make())
    policy.remove_arm("b")
    policy.add_arm("d", {"quality": (9.0, 1.0)})
    assert policy.arms == ("a", "c", "d")
    assert saved(policy)["slots"] == [0, 2, 3]
    assert policy.posterior()["d"] == {"quality": (9.0, 1.0), "cost": (1.0, 1.0), "latency": (1.0, 1.0)}
    policy.add_arm("b")
    assert policy.posterior()["b"] == dict.fromkeys(FULL, (1.0, 1.0))
    twin = make(["x"])
    twin.load_state(saved(policy))
    assert twin.select_many(500).tolist() == policy.select_many(500).tolist()


def test_draws_of_an_arm_do_not_move_when_others_go(make, train):
    policy, twin = train(make()), train(make())
    twin.remove_arm("b")
    assert [policy.select(["a", "c"]) for _ in range(100)] == [twin.select() for _ in range(100)]


def test_arms_that_cannot_come_or_go(make, unchanged):
    policy = make()
    for arm, prior, match in (
        ("a", None, "an arm 'a' already"),
        (True, None, "arm is True"),
        ("d", {"speed": (1.0, 1.0)}, "prior"),
        ("d", {"quality": (0.0, 1.0)}, "prior"),
        ("d", (1.0, 1.0), "prior"),
    ):
        with unchanged(policy, ConfigurationError, match):
            policy.add_arm(arm, prior)
    with unchanged(policy, ConfigurationError, "arm is None"):
        policy.remove_arm(None)
    policy.remove_arm("a")
    policy.remove_arm("b")
    with unchanged(policy, ConfigurationError, "last arm"):
        policy.remove_arm("c")


def test_there_is_room_for_256_arms(make, unchanged):
    with pytest.raises(ConfigurationError, match="at most 256"):
        make(range(257))
    policy = make(range(256))
    assert 0 <= policy.select() < 256
    assert policy.propensities().sum() == pytest.approx(1.0)
    with unchanged(policy, ConfigurationError, "at most 256"):
        policy.add_arm("one more")
    opened = make(None)
    with unchanged(opened, ConfigurationError, "at most 256"):
        opened.select(range(257))
    with unchanged(opened, ConfigurationError, "at most 256"):
        opened.update_many(range(257), {"quality": np.ones(257)})


@pytest.mark.parametrize(
    ("rewards", "match"),
    [
        (0.5, "rewards is 0.5"),
        (None, "rewards"),
        ({}, "at least one"),
        ({"speed": 1.0}, "rewards is .*'quality', 'cost', 'latency'"),
        ({"quality": 0.5, "speed": 1.0}, "rewards"),
        ({"quality": 1.5}, "objective 'quality': reward is 1.5"),
        ({"quality": 0.5, "cost": -0.01}, "objective 'cost': reward is -0.01"),
        ({"quality": math.nan}, "reward is nan"),
        ({"quality": None}, "reward is None"),
        ({"quality": [0.5, 0.5]}, "reward is"),
    ],
)
def test_rewards_that_are_refused(make, unchanged, rewards, match):
    policy = make()
    with unchanged(policy, ConfigurationError, match):
        policy.update("a", rewards)
    opened = make(None)
    with unchanged(opened, ConfigurationError, match):
        opened.update("new", rewards)


def test_batches_that_are_refused(make, unchanged):
    policy = make()
    for arms, rewards, match in (
        (["a", "b"], {"quality": [0.5]}, "shape"),
        (["a", "b"], {"quality": [0.5, 2.0]}, "bounds"),
        (["a", "b"], [0.5, 0.5], "rewards"),
        ("ab", {"quality": [0.5, 0.5]}, "letter by letter"),
        ([None], {"quality": [0.5]}, "entry of arms"),
    ):
        with unchanged(policy, ConfigurationError, match):
            policy.update_many(arms, rewards)
    with unchanged(policy, ConfigurationError, "arm is None"):
        policy.update(None, FULL)
    for n in (-1, 2**31, 1.5, True, None, "3", [1]):
        with unchanged(policy, ConfigurationError, "n is"):
            policy.select_many(n)
    for candidates in ([], "abc", ["a", "a"], {"a"}, [None], 3):
        with unchanged(policy, ConfigurationError, "candidates"):
            policy.select(candidates)


@pytest.mark.parametrize("prior", [None, (0.0, 1.0), (1.0,), "11", (math.nan, 1.0)])
def test_priors_that_are_none(make, prior):
    with pytest.raises(ConfigurationError, match="prior"):
        make(prior=prior)


def test_seeds(make):
    assert make(seed=None).seed != make(seed=None).seed
    assert make(seed=None, rng=random.Random(1)).seed == random.Random(1).getrandbits(64)
    for seed in (-1, 2**64, 1.5, True):
        with pytest.raises(ConfigurationError, match="seed"):
            make(seed=seed)
    assert make(seed=1).select_many(50).tolist() != make(seed=2).select_many(50).tolist()


def test_it_is_not_copied(make):
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(ConfigurationError, match="state_dict"):
            duplicate(make())


def test_threads_share_a_policy(make):
    policy = make()
    taken: list[str] = []

    def work():
        for _ in range(100):
            decision = policy.decide()
            policy.update(decision.arm, FULL)
            taken.append(decision.decision_id.split("-")[1])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert policy.counter == policy.policy_version == 400
    assert len(set(taken)) == 400
    assert sum(a + b for a, b in (shapes["quality"] for shapes in policy.posterior().values())) == pytest.approx(406)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_a_signal_handler_that_calls_is_refused(make):
    policy = make()
    caught: list[Exception] = []

    def handler(*_):
        try:
            policy.select()
        except ReentrantCall as error:
            caught.append(error)

    previous = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
        for _ in range(20):
            policy.select_many(20_000)
            if caught:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)
    assert caught
    assert "signal handler" in str(caught[0])
    assert policy.select() in policy.arms


def test_objectives_keep_their_order():
    other = ParetoThompsonSampling(["a", "b", "c"], objectives={"cost": (0.05, 0.0), "quality": (0.0, 1.0)}, seed=5)
    assert other.objectives == {"cost": (0.05, 0.0), "quality": (0.0, 1.0)}
    assert set(other.select_many(50).tolist()) == {0, 1, 2}
