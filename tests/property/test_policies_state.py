"""Fuzzed snapshots: a state loads as a whole, or not at all."""

from __future__ import annotations

import copy
import json

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, SnapshotError, ThompsonSampling

X = np.array([1.0, 0.5])


def thompson():
    policy = ThompsonSampling(["a", 2, 2.5], seed=3)
    policy.update_many(["a", 2, "a"], [1.0, 0.5, 0.0])
    return policy


def decaying():
    policy = ThompsonSampling(["a", "b"], seed=3, half_life=100)
    policy.update("a", 1.0, now=1.7e9)
    return policy


def many():
    policy = ThompsonSampling(range(80), seed=3)
    for i in range(80):
        policy.update_many([i] * 30, [0.7 if i < 3 else 0.01] * 30)
    assert policy.path == "block"
    return policy


def linear():
    policy = LinTS(["a", "b"], dim=2, seed=3)
    policy.update("b", 0.5, {"tokens": 3.0})
    return policy


def diagonal():
    policy = LinTSDiag(["a", "b"], dim=2, seed=3, half_life=100)
    policy.update("b", 0.5, X, now=1.7e9)
    return policy


def greedy():
    policy = EpsilonGreedy(seed=3)
    policy.update("b", 0.5)
    return policy


def bounds():
    policy = UCB1(["a", "b"], seed=3)
    policy.update("b", 0.5)
    return policy


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2, 3, 1 << 31, 1 << 62, 1 << 63, 1 << 64, 10**400])
    | st.floats()
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(tree, path=()):
    """Every place within a tree of dicts and lists."""
    if path:
        yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def mutate(state, data):
    """Put something else in some place, take a place away, or repeat it."""
    path = data.draw(st.sampled_from(list(places(state))))
    parent = state
    for key in path[:-1]:
        parent = parent[key]
    how = data.draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
    if how == "replace":
        parent[path[-1]] = data.draw(JSON)
    elif how == "repeat" and isinstance(parent, list):
        parent.append(parent[path[-1]])
    else:
        del parent[path[-1]]


@pytest.mark.parametrize("make", [thompson, decaying, many, linear, diagonal, greedy, bounds])
@given(data=st.data())
def test_a_state_loads_as_a_whole_or_not_at_all(make, data):
    state = copy.deepcopy(make.__dict__.setdefault("state", json.loads(json.dumps(make().state_dict()))))
    policy = make()
    before = policy.state_dict()
    for _ in range(data.draw(st.integers(1, 2))):
        mutate(state, data)
    try:
        policy.load_state(state)
    except SnapshotError as error:
        refusal = str(error)
    else:
        refusal = None
    if refusal is not None:
        assert "nothing was changed" in refusal
        assert policy.state_dict() == before
        return
    after = json.loads(json.dumps(policy.state_dict(), allow_nan=False))
    twin = make()
    twin.load_state(after)
    assert json.loads(json.dumps(twin.state_dict())) == after
    context = X if hasattr(policy, "dim") else None
    if policy.arms:
        assert policy.select(context=context, now=1.7e9) == twin.select(context=context, now=1.7e9)
        policy.update(policy.arms[0], 0.5, context, now=1.7e9)
