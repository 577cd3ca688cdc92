"""What an engine adds to a policy, as ratios that must never be lost; see test_ratios.py."""

from __future__ import annotations

from collections.abc import Iterator
from timeit import Timer

import pytest
from bench_engine import served
from measure import interleave, pinned

RECOMMEND = "engine.recommend('route', context, candidates)"


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    with pinned():
        yield


def times_as_long(slow: Timer, fast: Timer, ceiling: float) -> float:
    """The ratio of the two minima. One above the ceiling is measured once more, for longer."""
    found = float("inf")
    for seconds in (0.3, 1.5):
        if found > ceiling:
            one, other = interleave([slow, fast], seconds=seconds)
            found = one.minimum / other.minimum
    return found


def test_a_recommendation_costs_little_more_than_a_select() -> None:
    names = served()
    engine, bare = Timer(RECOMMEND, globals=names), Timer("policy.select(candidates)", globals=names)
    assert times_as_long(engine, bare, 4.0) <= 4.0


@pytest.mark.parametrize("options", [{"on": False}, {"acts": False}], ids=["off", "shadow"])
def test_where_no_policy_acts_a_recommendation_costs_less_than_a_select(options: dict[str, bool]) -> None:
    names = served(**options)
    engine, bare = Timer(RECOMMEND, globals=names), Timer("policy.select(candidates)", globals=names)
    assert times_as_long(engine, bare, 1.0) <= 1.0


def test_the_loop_costs_little_more_than_its_parts() -> None:
    names = served()
    loop = Timer("learn('route', context, candidates, act, engine=engine)", globals=names)
    parts = Timer("policy.select(candidates); policy.update('small', 0.5)", globals=names)
    assert times_as_long(loop, parts, 30.0) <= 30.0
