"""Fronts against their definition, hypervolumes against counted cells, and the policy against the plain oracle."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

from armwise.experiments.pareto import ParetoThompsonSampling, hypervolume, pareto_front

ORACLE = Path(__file__).resolve().parents[1] / "conformance" / "naive.py"
SPEC = importlib.util.spec_from_file_location("armwise_tests_naive", ORACLE)
naive = sys.modules.setdefault(SPEC.name, importlib.util.module_from_spec(SPEC))
SPEC.loader.exec_module(naive)

SMALL = st.integers(0, 4)
TIES = st.integers(1, 4).flatmap(lambda m: st.lists(st.lists(SMALL, min_size=m, max_size=m), min_size=1, max_size=8))
REALS = st.integers(1, 4).flatmap(
    lambda m: st.lists(st.lists(st.floats(allow_nan=False), min_size=m, max_size=m), min_size=1, max_size=8)
)


def dominates(one, other):
    return all(a >= b for a, b in zip(one, other, strict=True)) and any(a > b for a, b in zip(one, other, strict=True))


@given(TIES | REALS)
def test_the_front_is_what_nothing_dominates(points):
    front = pareto_front([[float(x) for x in point] for point in points])
    expected = [i for i, point in enumerate(points) if not any(dominates(other, point) for other in points)]
    assert list(front) == expected
    assert front
    for i in set(range(len(points))) - set(front):
        assert any(dominates(points[j], points[i]) for j in front)


@given(TIES | REALS, st.randoms(use_true_random=False))
def test_the_order_of_points_does_not_enter(points, random):
    labelled = dict(enumerate(points))
    shuffled = list(labelled.items())
    random.shuffle(shuffled)
    assert set(pareto_front(dict(shuffled))) == set(pareto_front(labelled))


@given(TIES, st.data())
def test_turning_an_objective_turns_its_flag(points, data):
    flags = data.draw(st.lists(st.booleans(), min_size=len(points[0]), max_size=len(points[0])))
    turned = [[x if flag else -x for x, flag in zip(point, flags, strict=True)] for point in points]
    assert pareto_front(turned, maximise=flags) == pareto_front(points)


@given(st.sampled_from([2, 3]).flatmap(lambda m: st.lists(st.tuples(*[SMALL] * m), min_size=1, max_size=9)))
def test_hypervolumes_count_cells(points):
    m = len(points[0])
    cells = itertools.product(range(4), repeat=m)
    covered = sum(any(all(c < x for c, x in zip(cell, point, strict=True)) for point in points) for cell in cells)
    assert hypervolume(points, [0] * m) == covered
    front = [points[i] for i in pareto_front(points)]
    assert hypervolume(front, [0] * m) == covered


OBJECTIVES = {"gain": (0.0, 1.0), "loss": (4.0, 0.0)}
SEEDS = 1 << 63
STEPS = st.lists(st.tuples(st.sampled_from("abc"), SMALL, SMALL), max_size=8)


def expected_choice(posterior, slots, seed, stream, decision):
    """The law once more, one number at a time: draws by objective, their front, and one of it."""

    def key(number):
        low, high = naive.stream_key(seed, SEEDS + number)
        return naive.stream_key(low | high << 32, stream)

    keys = [key(1 + j) for j in range(len(OBJECTIVES))]
    draws = [
        [naive.beta_draw(slot, decision, *shapes[name], k) for name, k in zip(OBJECTIVES, keys, strict=True)]
        for slot, shapes in zip(slots, posterior, strict=True)
    ]
    front = [i for i, one in enumerate(draws) if not any(dominates(other, one) for other in draws)]
    word, _ = naive.words(0, decision, naive.EPSILON, 0, key(0))
    return front[naive.below(word, len(front))]


@settings(max_examples=30)
@given(STEPS, st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 63) - 1), st.integers(0, 1 << 40), st.booleans())
def test_the_policy_is_the_oracle(steps, seed, stream, counter, removed):
    policy = ParetoThompsonSampling(["a", "b", "c"], objectives=OBJECTIVES, prior=(0.5, 2.0), seed=seed)
    for arm, gain, loss in steps:
        policy.update(arm, {"gain": gain / 4, "loss": float(loss)})
    slots = [0, 1, 2]
    if removed:
        policy.remove_arm("b")
        slots = [0, 2]
    rng = {"seed": seed, "stream": stream, "counter": counter}
    policy.load_state(policy.state_dict() | {"rng": rng})
    posterior = list(policy.posterior().values())
    chosen = [expected_choice(posterior, slots, seed, stream, counter + i) for i in range(10)]
    decisions = [policy.decide() for _ in range(4)]
    assert [d.index for d in decisions] == chosen[:4]
    assert policy.select_many(6).tolist() == chosen[4:]
    assert [policy.replay(d.decision_id) for d in decisions] == [d.arm for d in decisions]


@given(st.permutations(["a", "b", "c", "d"]), st.integers(1, 4))
def test_a_choice_is_a_function_of_the_set(order, size):
    policy = ParetoThompsonSampling(["a", "b", "c", "d"], objectives=OBJECTIVES, seed=3)
    twin = ParetoThompsonSampling(["a", "b", "c", "d"], objectives=OBJECTIVES, seed=3)
    subset = order[:size]
    assert [policy.select(subset) for _ in range(5)] == [twin.select(sorted(subset)) for _ in range(5)]
    chances = dict(zip(subset, policy.propensities(subset).tolist(), strict=True))
    assert np.isclose(sum(chances.values()), 1.0)
