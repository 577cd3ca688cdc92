"""Linear Thompson sampling, context in and label out: diagonal and full covariance, beside the peers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import peers_linear as peers
import pytest
from cases import OURS, Case
from pytest_benchmark.fixture import BenchmarkFixture

from armwise import LinTS, LinTSDiag

SELECT_BARS: Final = {(3, 26): 300.0, (10, 16): 300.0, (10, 128): 500.0, (100, 64): 1200.0, (1000, 32): 5000.0}
UPDATE_BARS: Final = {(3, 26): None, (10, 16): 250.0, (10, 128): None}
MOST_PEER_ARMS: Final = 10  # past this the peers' decisions take milliseconds, and teach nothing more


def at(bar: float | None) -> dict[str, float]:
    return {} if bar is None else {"avx512": bar}


def selects(arms: int, dim: int) -> Iterator[Case]:
    group = f"LinTSDiag select, {arms:,} arms, {dim} features"
    bars = at(SELECT_BARS[arms, dim])
    line, hand = "policy.select(context=x)", "posterior.select(x)"
    yield Case(group, OURS, line, lambda: peers.ours(LinTSDiag, arms, dim), bars=bars)
    yield Case(group, "NumPy", hand, lambda: peers.by_hand(peers.Diagonal, arms, dim))
    yield Case(group, "NumPy coefficients", hand, lambda: peers.by_hand(peers.Coefficients, arms, dim))
    yield Case(group, f"{OURS} LinTS", line, lambda: peers.ours(LinTS, arms, dim))
    yield Case(group, "NumPy full", hand, lambda: peers.by_hand(peers.Full, arms, dim))
    if (arms, dim) == (3, 26):
        yield Case(group, "ParetoBandit", "bandit.select_arm(x)", lambda: peers.paretobandit(arms, dim))
        yield Case(group, "ParetoBandit router", "router.route(x)", lambda: peers.paretobandit(arms, dim))
    if arms <= MOST_PEER_ARMS:
        yield Case(group, "VW (parsed)", "workspace.predict(request)", lambda: peers.vowpal(arms, dim))
        yield Case(group, "MABWiser", "bandit.predict(x)", lambda: peers.mabwiser(arms, dim))
        yield Case(group, "river", "bandit.pull(arms, context=x)", lambda: peers.river(arms, dim))


def updates(arms: int, dim: int) -> Iterator[Case]:
    group = f"LinTSDiag update, {arms} arms, {dim} features"
    bars = at(UPDATE_BARS[arms, dim])
    line, hand = "policy.update(arm, 0.5, x)", "posterior.update(1, 0.5, x)"
    yield Case(group, OURS, line, lambda: peers.ours(LinTSDiag, arms, dim), bars=bars)
    yield Case(group, "NumPy", hand, lambda: peers.by_hand(peers.Diagonal, arms, dim))
    yield Case(group, f"{OURS} LinTS", line, lambda: peers.ours(LinTS, arms, dim))
    yield Case(group, "NumPy full", hand, lambda: peers.by_hand(peers.Full, arms, dim))
    if (arms, dim) == (3, 26):
        yield Case(group, "ParetoBandit", "bandit.update(arm, x, 0.5)", lambda: peers.paretobandit(arms, dim))
    yield Case(group, "VW (parsed)", "workspace.learn(event)", lambda: peers.vowpal(arms, dim))
    yield Case(group, "MABWiser", "bandit.partial_fit([arm], [0.5], x)", lambda: peers.mabwiser(arms, dim))
    yield Case(group, "river", "bandit.update(arm, x, 0.5)", lambda: peers.river(arms, dim))


CASES: Final = (
    *(case for shape in SELECT_BARS for case in selects(*shape)),
    *(case for shape in UPDATE_BARS for case in updates(*shape)),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_linear(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
