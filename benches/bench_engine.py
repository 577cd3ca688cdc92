"""One request of the learning engine: what it adds to a policy's own select, and the whole loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
from cases import OURS, Case
from pytest_benchmark.fixture import BenchmarkFixture

from armwise import ThompsonSampling
from armwise.learning import Flags, LearningEngine, learn

ARMS: Final = ["small", "medium", "large"]
ON: Final = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}


def served(*, acts: bool = True, on: bool = True) -> dict[str, object]:
    """An engine whose policy has learnt, its candidates in a list."""
    policy = ThompsonSampling(seed=1)
    for i, arm in enumerate(ARMS):
        policy.update_many([arm] * 100, [(i + 1) / 4] * 100)
    engine = LearningEngine(flags=Flags(ON if on else {}))
    engine.register_domain("route", policy)
    if acts:
        engine.domain("route").enter(acting=True, why="for the bench")
    outcome = {"cost_usd": 0.002, "latency_ms": 500.0}, {"quality": 0.9}
    return {
        "engine": engine,
        "policy": policy,
        "candidates": ARMS,
        "context": {},
        "learn": learn,
        "act": lambda _: outcome,
    }


def in_shadow() -> dict[str, object]:
    """One that stands by while the rule serves, and gathers evidence that never suffices: the rule is the worst arm."""
    return served(acts=False)


def recommended() -> Iterator[Case]:
    group = "recommend, 3 candidates in a list, warm"
    statement = "engine.recommend('route', context, candidates)"
    yield Case(group, OURS, statement, served, bars={"avx512": 400.0})
    yield Case(group, f"{OURS}, the bare policy", "policy.select(candidates)", served)
    yield Case(group, f"{OURS}, in the shadow", statement, in_shadow)
    yield Case(group, f"{OURS}, flags off", statement, lambda: served(on=False), bars={"avx512": 150.0})


def learnt() -> Iterator[Case]:
    group = "learn, the whole loop"
    statement = "learn('route', context, candidates, act, engine=engine)"
    yield Case(group, OURS, statement, served, bars={"avx512": 5000.0})
    yield Case(group, f"{OURS}, in the shadow", statement, in_shadow, bars={"avx512": 5000.0})
    yield Case(group, f"{OURS}, flags off", statement, lambda: served(on=False), bars={"avx512": 5000.0})
    group = "record, one reward"
    yield Case(group, OURS, "engine.record('route', context, 'small', 0.5)", served)
    yield Case(group, f"{OURS}, the bare policy", "policy.update('small', 0.5)", served)
    group = "decide, 3 candidates in a list, warm"
    yield Case(group, OURS, "engine.decide('route', context, candidates)", served)
    yield Case(group, f"{OURS}, in the shadow", "engine.decide('route', context, candidates)", in_shadow)
    yield Case(group, f"{OURS}, the bare policy", "policy.decide(candidates)", served)


CASES: Final = (*recommended(), *learnt())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_engine(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
