"""state_dict and load_state: what every policy promises of its state."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from armwise import SnapshotError, ThompsonSampling
from armwise.policies.encoder import ContextEncoder


def saved(policy):
    return json.loads(json.dumps(policy.state_dict(), allow_nan=False))


def busy(make):
    """A policy with some of everything: labels of every type, an arm removed, one added."""
    policy = make(["a", 2, 2.5, "d"], seed=(1 << 64) - 3)
    rng = np.random.default_rng(3)
    for i in range(60):
        context = rng.normal(size=3) if make.linear else None
        arm = policy.select(context=context, now=make.now(i))
        policy.update(arm, float(rng.random()), context, make.now(i))
    policy.remove_arm(2)
    policy.add_arm("late")
    return policy


def test_a_state_says_what_it_must(make):
    state = saved(busy(make))
    assert state["policy"] == make.cls.__name__
    assert state["version"] == 1
    assert state["arms"] == ["a", 2.5, "d", "late"]
    assert state["slots"] == [0, 2, 3, 4]
    assert state["next_slot"] == 5
    assert state["open"] is False
    assert state["rng"] == {"seed": (1 << 64) - 3, "stream": 0, "counter": 60}


def test_a_state_loads_to_the_bit(make):
    policy = busy(make)
    state = saved(policy)
    twin = make(None, seed=1)
    twin.load_state(state)
    assert saved(twin) == state
    assert (twin.arms, twin.seed, twin.stream, twin.counter) == (policy.arms, policy.seed, 0, 60)
    assert twin.policy_version == policy.policy_version


def test_the_next_draws_are_those_of_the_uninterrupted_policy(make):
    policy = busy(make)
    twin = make(None)
    twin.load_state(saved(policy))
    rng = np.random.default_rng(4)
    for i in range(1000):
        context = rng.normal(size=3) if make.linear else None
        now = make.now(61 + i // 10)
        arm = policy.select(context=context, now=now)
        assert twin.select(context=context, now=now) == arm
        reward = float(rng.random())
        for each in (policy, twin):
            each.update(arm, reward, context, now)
        assert twin.decide(["late", "a"], context, now) == policy.decide(["late", "a"], context, now)
    assert saved(twin) == saved(policy)


def test_loading_drops_what_was_bound(make):
    """The same version and another posterior: nothing that a core cached may be served."""
    one, other = make(), make(seed=6)
    for policy, arm in ((one, "a"), (other, "c")):
        for _ in range(20):
            policy.update(arm, 1.0, make.context, make.now(0))
    for candidates in (None, ["a", "c"]):
        one.decide(candidates, make.context, make.now(0))
    one.load_state(saved(other))
    for candidates in (None, ["a", "c"]):
        now = make.now(0)
        assert one.decide(candidates, make.context, now) == other.decide(candidates, make.context, now)
        mine, its = one.propensities(candidates, make.context), other.propensities(candidates, make.context)
        if not make.decays:
            assert mine.tolist() == its.tolist()


def test_an_open_set_stays_open(make):
    policy = make(None)
    policy.update("a", 0.5, make.context, make.now(0))
    twin = make(["x"])
    twin.load_state(saved(policy))
    assert twin.select(["new"], make.context, make.now(0)) == "new"
    empty = make(["x"])
    empty.load_state(saved(make(None)))
    assert empty.arms == ()


def test_labels_fall_to_plain_json():
    class Model(str):
        __slots__ = ()

        def __repr__(self):
            return "not this"

    policy = ThompsonSampling([Model("m"), np.float64(2.5)])
    assert [type(label) for label in policy.state_dict()["arms"]] == [str, float]


def broken(state):
    """Every way to take a field away, or to put something there that it cannot be."""
    for name in state:
        without = copy.deepcopy(state)
        del without[name]
        if name not in {"version", "encoder"}:
            yield name, without
        wrong = [None, [None], "x", float("nan"), {"x": 1}, -7, [[]], True]
        for value in wrong:
            if name == "open" and value is True:
                continue
            changed = copy.deepcopy(state)
            changed[name] = value
            yield f"{name}={value!r}", changed
    for name in ("rng", "clock", "index"):
        for part in state.get(name, ()):
            for value in (None, -7, "x", [3], 1.5, 1 << 64):
                if (part, value) in [("level", 1.5), ("level", -7), ("fingerprint", "x")]:
                    continue  # could be, and does not fit the fingerprint: the index is made anew
                changed = copy.deepcopy(state)
                changed[name][part] = value
                yield f"{name}.{part}={value!r}", changed
            changed = copy.deepcopy(state)
            del changed[name][part]
            yield f"{name} without {part}", changed


def test_nothing_loads_half(make):
    state = saved(busy(make))
    policy = make.train(make())
    before = saved(policy)
    for what, changed in broken(state):
        with pytest.raises(SnapshotError) as caught:
            policy.load_state(changed)
        assert "nothing was changed" in str(caught.value), what
        assert saved(policy) == before, what
    policy.load_state(state)
    assert saved(policy) == state


def test_numbers_are_checked_one_by_one(make):
    state = saved(busy(make))
    policy = make()
    before = saved(policy)
    tried = 0
    for name, value in state.items():
        if not (isinstance(value, list) and value and isinstance(value[0], (float, list))):
            continue
        for wrong in (float("nan"), float("inf"), -float("inf"), "1", None, True, 10**400, [1.0]):
            changed = copy.deepcopy(state)
            if isinstance(value[0], list):
                changed[name][-1][-1] = wrong
            else:
                changed[name][-1] = wrong
            with pytest.raises(SnapshotError, match=name):
                policy.load_state(changed)
            tried += 1
        for changed_value in (value[:-1], [*value, value[-1]]):
            with pytest.raises(SnapshotError, match="state"):
                policy.load_state(copy.deepcopy(state) | {name: changed_value})
    assert tried >= 8
    assert saved(policy) == before


@pytest.mark.parametrize("state", [None, [], "x", 3, {}, {"version": 1}])
def test_what_is_no_state(make, unchanged, state):
    policy = make()
    with unchanged(policy, SnapshotError):
        policy.load_state(state)


def test_a_state_of_another_policy(make, unchanged):
    policy = make()
    with unchanged(policy, SnapshotError, "of its own class"):
        policy.load_state(saved(policy) | {"policy": "SoftmaxPolicy"})


def test_a_newer_version_is_refused_by_both_names(make, unchanged):
    policy = make()
    with unchanged(policy, SnapshotError, r"version 2, this armwise reads up to 1"):
        policy.load_state(saved(policy) | {"version": 2})


@pytest.mark.parametrize("arms", [["a", "a"], ["a", True, "c"], [1, 1.0], [], [[]], ["a", None]])
def test_arms_that_cannot_be(make, unchanged, arms):
    policy = make()
    with unchanged(policy, SnapshotError):
        policy.load_state(saved(policy) | {"arms": arms})


@pytest.mark.parametrize("slots", [[0, 1, 1], [2, 1, 0], [0, 1, 3], [0, 1], [0, 1, 2.0], [-1, 0, 1], [0, 1, True]])
def test_slots_that_cannot_be(make, unchanged, slots):
    policy = make()
    with unchanged(policy, SnapshotError, "slots"):
        policy.load_state(saved(policy) | {"slots": slots})


def test_a_state_without_version_is_taken_as_it_was_written_then(make):
    """Before there were versions: labels and numbers, no slots, no randomness."""
    policy = busy(make)
    state = saved(policy)
    old = {
        name: value
        for name, value in state.items()
        if name in {"arms", "alpha", "beta", "means", "counts", "dim", "sigma", "prior_precision", "weighted"}
        or name in {"precision", "factor"}
        or (make.decays and name.startswith(("half", "prior_", "evidence_", "clock")))
    }
    twin = make(["x"], seed=9)
    twin.load_state(old)
    after = saved(twin)
    assert after["slots"] == [0, 1, 2, 3]
    assert after["next_slot"] == 4
    assert after["policy_version"] == 0
    assert after["rng"] == {"seed": 9, "stream": 0, "counter": 0}
    assert {name: after[name] for name in old} == old
    twin.load_state(old | {"policy": make.cls.__name__})
    with pytest.raises(SnapshotError, match="policy"):
        twin.load_state(old | {"policy": "Other"})


def test_an_encoder_is_part_of_the_state():
    from armwise import LinTS

    policy = LinTS(["a", "b"], dim=4, seed=1)
    assert "encoder" not in policy.state_dict()
    for i in range(30):
        policy.update("a", i % 2, {"tokens": 100.0 * i, "language": "de"})
    state = saved(policy)
    assert state["encoder"]["keys"] == ["tokens"]
    twin = LinTS(["a"], dim=4)
    twin.load_state(state)
    assert saved(twin) == state
    features = {"tokens": 900.0, "language": "fr", "urgent": True}
    assert [twin.decide(context=features) for _ in range(20)] == [policy.decide(context=features) for _ in range(20)]
    with pytest.raises(SnapshotError, match="encoder"):
        twin.load_state(state | {"encoder": {**state["encoder"], "keys": ["a", "b", "c", "d"]}})
    with pytest.raises(SnapshotError, match="encoder"):
        twin.load_state(state | {"encoder": 3})
    twin.load_state({name: value for name, value in state.items() if name != "encoder"})
    assert twin.state_dict().get("encoder") is None
    assert isinstance(twin._encoder, ContextEncoder)


def test_dimensions_must_agree():
    from armwise import LinTS, LinTSDiag

    for cls in (LinTS, LinTSDiag):
        with pytest.raises(SnapshotError, match="dim"):
            cls(["a"], dim=4).load_state(cls(["a"], dim=3).state_dict())
