"""Arms that come in by an update: as a core that is bound anew to one arm more, in both backends."""

from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import BackendUnavailable, law, load

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]
DECAYING = ["thompson", "lints_diag"]
SECOND = 1_000_000_000


@pytest.fixture(scope="module", params=["native", "numba"])
def kernels(request):
    try:
        return load(request.param)
    except BackendUnavailable as problem:
        pytest.skip(str(problem))


def bound_anew(made, label, slot, reward, now=None):
    """Give the label the next column, bind the core to it, and reward it."""
    count = len(made.labels)
    made.arrays.slots[count] = slot
    made.head[law.HEAD_COUNT] = count + 1
    if made.kind == "thompson":
        shapes = made.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, count]
        made.head[law.HEAD_BOOSTED] += int((shapes < 1.0).any())
    made.labels = (*made.labels, label)
    made.index[label] = count
    made.core.bind(made.arrays, made.labels, made.index)
    made.core.update(label, reward, made.context(), now)


@pytest.mark.parametrize(
    ("kind", "half_life"), [*[(kind, 0) for kind in KINDS], *[(kind, 60 * SECOND) for kind in DECAYING]]
)
def test_equals_binding_anew(policy, rng, kind, half_life):
    one, other = policy(kind, 9, half_life=half_life), policy(kind, 9, half_life=half_life)
    for i, slot in enumerate((9, 12, 13, 1 << 31, (1 << 32) - 1)):
        reward, now = float(rng.random()), (i + 1) * SECOND if half_life else None
        label = ("new", 7, 2.5, "b", -1)[i]
        one.core.update(label, reward, one.context(), now, slot)
        bound_anew(other, label, slot, reward, now)
        assert one.snapshot() == other.snapshot()
        assert one.index == other.index
        for made in (one, other):
            made.core.update("a3", reward, made.context(), now)
        chosen = [[made.core.select(None, made.context(), now) for _ in range(40)] for made in (one, other)]
        assert chosen[0] == chosen[1]
        batches = [
            made.core.select_many(20, np.ones((20, 3)) if made.linear else None, now).tolist() for made in (one, other)
        ]
        assert batches[0] == batches[1]
        chances = [made.core.propensities(None, made.context(), now).tolist() for made in (one, other)]
        assert chances[0] == chances[1]
        assert len(chances[0]) == 10 + i
        assert one.snapshot() == other.snapshot()


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_equals_binding_anew_on_the_block_path(policy, rng, reward):
    one, other = policy("thompson", 100), policy("thompson", 100)
    pulls = rng.integers(500, 3000, 100)
    for made in (one, other):
        made.arrays.table[law.ROW_ALPHA, :100] = 1 + 0.05 * pulls
        made.arrays.table[law.ROW_BETA, :100] = 1 + 0.95 * pulls
        made.arrays.table[law.ROW_ALPHA, :4] *= 5
        made.arrays.table[law.ROW_ALPHA, 100:], made.arrays.table[law.ROW_BETA, 100:] = 2.0, 200.0
        made.core.refresh()
    assert one.head[law.HEAD_PATH] == 1
    stayed = 0
    for i in range(3):
        one.core.update(f"new{i}", reward, None, None, 100 + i)
        bound_anew(other, f"new{i}", 100 + i, reward)
        stayed += int(one.head[law.HEAD_PATH])
        assert one.head.tolist() == other.head.tolist()
        count = 101 + i if one.head[law.HEAD_PATH] else 0
        assert one.arrays.rates[:count].tolist() == other.arrays.rates[:count].tolist()
        assert [one.core.select(None, None, None) for _ in range(200)] == [
            other.core.select(None, None, None) for _ in range(200)
        ]
    assert stayed == 3


def test_small_shapes_of_the_prior_are_counted(kernels, beta_arrays):
    core, arrays, index = kernels.core("thompson"), beta_arrays([], [], prior=(0.5, 0.5)), {}
    core.bind(arrays, (), index)
    core.refresh()
    core.update("a", 1.0, None, None, 0)
    core.update("b", 0.25, None, None, 1)
    core.update("b", 0.5, None, None)
    assert arrays.head[law.HEAD_BOOSTED] == 1
    assert index == {"a": 0, "b": 1}


def test_views_are_dropped(any_policy):
    x = any_policy.context()
    view = any_policy.view(("a0", "new"))
    any_policy.core.select(("a0", "new"), x, None)
    any_policy.core.update("new", 0.5, x, None, 1000)
    for candidates in (view, ("a0", "new"), ["a0", "new"]):
        with pytest.raises(LookupError, match="candidates are not bound"):
            any_policy.core.select(candidates, x, None)


def test_the_column_of_the_prior_is_nobodys(any_policy):
    x = any_policy.context()
    any_policy.core.update("a6", 0.5, x, None, 6)
    before, index = any_policy.snapshot(), dict(any_policy.index)
    with pytest.raises(ValueError, match="no free column"):
        any_policy.core.update("a7", 0.5, x, None, 7)
    with pytest.raises(KeyError):
        any_policy.core.update("a7", 0.5, x, None)
    assert any_policy.snapshot() == before
    assert any_policy.index == index


@pytest.mark.parametrize(
    ("label", "reward", "now", "slot", "error"),
    [
        ("a2", 0.5, None, 6, KeyError),
        ("new", float("nan"), None, 6, ValueError),
        ("new", "1", None, 6, TypeError),
        ("new", 0.5, -1, 6, ValueError),
        ("new", 0.5, None, 5, ValueError),
        ("new", 0.5, None, -1, ValueError),
        ("new", 0.5, None, 1 << 32, ValueError),
        ("new", 0.5, None, "6", TypeError),
        ([], 0.5, None, 6, TypeError),
    ],
)
def test_bad_arguments_admit_nobody(any_policy, label, reward, now, slot, error):
    before, index = any_policy.snapshot(), dict(any_policy.index)
    with pytest.raises(error):
        any_policy.core.update(label, reward, any_policy.context(), now, slot)
    assert any_policy.snapshot() == before
    assert any_policy.index == index
    any_policy.core.update("new", 0.5, any_policy.context(), None, 6)
    assert any_policy.index["new"] == 6


@pytest.mark.parametrize("lookups", [0, 1])
def test_a_label_that_uses_the_core_meanwhile_is_refused(policy, lookups):
    made = policy("thompson", 5)

    class Meddler(str):
        __slots__ = ()
        hashes = -2

        def __hash__(self):
            Meddler.hashes += 1
            if Meddler.hashes == lookups:
                made.core.update("first", 1.0, None, None, 5)
            return hash("meddler")

    Meddler.hashes = -1
    before = made.snapshot()
    with pytest.raises(TypeError, match=r"not bound|of a bound core"):
        made.core.update(Meddler(), 1.0, None, None, 5)
    assert made.snapshot() == before
    assert len(made.index) == 5
    made.core.update(Meddler(), 1.0, None, None, 5)
    assert list(made.index.values()) == list(range(6))
    assert made.head[law.HEAD_COUNT] == 6
