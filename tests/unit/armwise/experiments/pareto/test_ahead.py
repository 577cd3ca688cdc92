"""Choices that are drawn ahead: nothing but the time they take tells them from others."""

from __future__ import annotations

import numpy as np
import pytest

from armwise.experiments.pareto._ahead import DrawnAhead

FULL = {"quality": 0.8, "cost": 0.01, "latency": 2.0}


class Counted:
    """The draws of a policy, and how many decisions each call asked for."""

    def __init__(self, draws):
        self.draws, self.asked = draws, []

    def choice(self, *place):
        self.asked.append(1)
        return self.draws.choice(*place)

    def choices(self, *place):
        self.asked.append(place[-1])
        return self.draws.choices(*place)


@pytest.fixture
def scene(make):
    """A policy of some arms that got some rewards: its shapes and slots, and its draws, counted."""

    def made(arms):
        policy, rng = make(range(arms)), np.random.default_rng(arms)
        policy.update_many(rng.integers(0, arms, 300), {"quality": rng.random(300), "latency": 10.0 * rng.random(300)})
        return policy._evidence.shapes, policy._evidence.slots, Counted(policy._draws)

    return made


def test_a_run_draws_twice_as_far_each_time(scene):
    shapes, slots, counted = scene(3)
    ahead = DrawnAhead(counted)
    found = [ahead.choice(shapes, slots, 0, decision, "v") for decision in range(200)]
    assert found == [counted.draws.choice(shapes, slots, 0, decision) for decision in range(200)]
    assert counted.asked == [1, 2, 4, 8, 16, 32, 32, 32, 32, 32, 32]


@pytest.mark.parametrize(("arms", "most"), [(40, 32), (100, 6), (256, 1)])
def test_many_arms_are_not_drawn_far_ahead(scene, arms, most):
    shapes, slots, counted = scene(arms)
    ahead = DrawnAhead(counted)
    found = [ahead.choice(shapes, slots, 0, decision, "v") for decision in range(70)]
    assert max(counted.asked) == most
    assert found == [counted.draws.choice(shapes, slots, 0, decision) for decision in range(70)]


def test_another_version_stream_or_place_is_drawn_anew(scene):
    shapes, slots, counted = scene(3)
    ahead = DrawnAhead(counted)
    for stream, decision, version in [(0, 5, 1), (0, 6, 1), (0, 6, 2), (7, 7, 2), (0, 7, 2), (0, 900, 2), (0, 3, 2)]:
        expected = counted.draws.choice(shapes, slots, stream, decision)
        assert ahead.choice(shapes, slots, stream, decision, version) == expected
    assert counted.asked == [1, 2, 1, 1, 1, 2, 4]


def test_whatever_comes_between_selects_gives_the_choices_of_a_batch(make, train):
    policy, twin = train(make()), train(make())
    expected = [policy.arms[i] for i in twin.select_many(120)]
    found = []
    while len(found) < 120:
        found += [policy.select() for _ in range(len(found) % 7 + 1)]
        policy.propensities(["a", "c"])
        decision = policy.decide()
        assert policy.replay(decision.decision_id) == decision.arm
        found += [decision.arm, *(policy.arms[i] for i in policy.select_many(3))]
        with pytest.raises(ValueError, match="candidates"):
            policy.select([])
    assert found[:120] == expected


def test_runs_over_subsets_and_rewards_are_those_of_single_decisions(make):
    policy, twin = make(range(5)), make(range(5))
    rng = np.random.default_rng(3)
    for _ in range(60):
        among = rng.permutation(5)[: rng.integers(1, 6)].tolist()
        chosen = [policy.select(among) for _ in range(rng.integers(1, 12))]
        assert chosen == [twin.decide(among[::-1]).arm for _ in chosen]
        policy.update(chosen[0], FULL)
        twin.update(chosen[0], FULL)


def test_a_loaded_state_is_not_answered_from_before(make, saved):
    policy, other = make(), make()
    policy.update("a", FULL)
    other.update("c", {"quality": 1.0, "cost": 0.0, "latency": 0.0})
    state = saved(other)
    expected = [other.select() for _ in range(64)]
    before = [policy.select() for _ in range(64)]
    state["rng"]["counter"] = 0
    policy.load_state(state)
    assert policy.policy_version == 1
    assert [policy.select() for _ in range(64)] == expected
    assert expected != before
