"""state_dict and load_state of ParetoThompsonSampling."""

from __future__ import annotations

import copy

import pytest

from armwise import SnapshotError, ThompsonSampling


def test_a_state_says_what_it_must(make, train, saved):
    state = saved(train(make(["a", 2, 2.5])))
    assert list(state) == [
        "policy", "version", "arms", "open", "objectives", "slots", "next_slot", "policy_version", "prior", "alpha",
        "beta", "rng",
    ]  # fmt: skip
    assert state["policy"] == "ParetoThompsonSampling"
    assert state["arms"] == ["a", 2, 2.5]
    assert state["objectives"] == {"quality": [0.0, 1.0], "cost": [0.05, 0.0], "latency": [10.0, 0.0]}
    assert state["policy_version"] == 40
    assert state["rng"] == {"seed": 5, "stream": 0, "counter": 40}
    assert len(state["alpha"]) == 3
    assert len(state["alpha"][0]) == 3


def test_a_state_loads_to_the_bit(make, train, saved):
    policy, twin = train(make(["a", "b", "c"])), make(["x"], seed=99)
    twin.propensities()
    policy.remove_arm("a")
    twin.load_state(saved(policy))
    assert saved(twin) == saved(policy)
    assert twin.propensities().tolist() == policy.propensities().tolist()
    assert train(twin).select_many(500).tolist() == train(policy).select_many(500).tolist()
    assert saved(twin) == saved(policy)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("version",), "1"),
        (("policy",), "ThompsonSampling"),
        (("policy",), 5),
        (("arms",), []),
        (("arms",), ["a", "a", "b"]),
        (("arms",), "abc"),
        (("arms",), ["a", "b"]),
        (("arms",), [None, "b", "c"]),
        (("open",), 0),
        (("objectives",), {"quality": [0.0, 1.0], "cost": [0.05, 0.0]}),
        (("objectives",), {"quality": [0.0, 1.0], "cost": [0.06, 0.0], "latency": [10.0, 0.0]}),
        (("objectives",), {"cost": [0.05, 0.0], "quality": [0.0, 1.0], "latency": [10.0, 0.0]}),
        (("objectives",), {"quality": [0.0, 0.0], "cost": [0.05, 0.0], "latency": [10.0, 0.0]}),
        (("objectives",), []),
        (("slots",), [0, 1]),
        (("slots",), [0, 2, 1]),
        (("slots",), [0, 1, 3]),
        (("slots",), [0, 1, True]),
        (("next_slot",), 2),
        (("next_slot",), 1 << 40),
        (("policy_version",), -1),
        (("prior",), [0.0, 1.0]),
        (("alpha",), [[1.0] * 3] * 2),
        (("alpha",), [[1.0] * 3, [1.0] * 3, [1.0, 1.0, -1.0]]),
        (("beta",), [[1.0] * 3, [1.0] * 3, [1.0, 1.0, float("nan")]]),
        (("beta",), [[1.0] * 3, [1.0] * 3, [1.0, 1.0, "1"]]),
        (("rng", "seed"), 1 << 64),
        (("rng", "stream"), 1 << 63),
        (("rng", "counter"), -1),
        (("rng",), None),
    ],
)
def test_states_that_are_refused(make, train, unchanged, saved, path, value):
    policy = train(make())
    state = saved(policy)
    part = state
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with unchanged(policy, SnapshotError):
        policy.load_state(state)


def test_truncated_states_are_refused(make, train, unchanged, saved):
    policy = train(make())
    state = saved(policy)
    for name in state:
        with unchanged(policy, SnapshotError):
            policy.load_state({key: copy.deepcopy(entry) for key, entry in state.items() if key != name})
    for other in (None, [], "state", ThompsonSampling(["a", "b", "c"]).state_dict()):
        with unchanged(policy, SnapshotError):
            policy.load_state(other)


def test_too_many_arms_are_refused(make, unchanged, saved):
    policy = make()
    state = saved(policy)
    many = list(range(300))
    state |= {"arms": many, "slots": many, "next_slot": 300, "alpha": [[1.0] * 300] * 3, "beta": [[1.0] * 300] * 3}
    with unchanged(policy, SnapshotError, "at most 256"):
        policy.load_state(state)


def test_open_sets_without_arms(make, saved):
    policy, twin = make(None), make(["a"])
    twin.load_state(saved(policy))
    assert twin.arms == ()
    twin.update("new", {"quality": 1.0})
    assert twin.arms == ("new",)


def test_labels_of_subclasses_are_saved_plain(make, saved):
    class Name(str):
        __slots__ = ()

    assert saved(make([Name("a"), "b"]))["arms"] == ["a", "b"]
