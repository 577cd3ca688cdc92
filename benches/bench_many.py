"""Decisions in bulk: ``select_many``, which equals that many selects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import peers
import pytest
from cases import OURS, Case
from pytest_benchmark.fixture import BenchmarkFixture
from states import Counts, cold, thompson, warm

N: Final = 100_000
PREDRAWN: Final = f"rng.beta(a, b, size=({N}, {{arms}})).argmax(axis=1)"


def against_numpy(regime: str, counts: Counts, prior: float, bars: dict[str, float]) -> Iterator[Case]:
    arms = len(counts.successes)
    group = f"select_many({N:,}), {arms} arms, {regime}"
    yield Case(group, OURS, f"policy.select_many({N})", lambda: {"policy": thompson(counts, prior=prior)}, N, bars)
    yield Case(group, "NumPy", PREDRAWN.format(arms=arms), lambda: peers.numpy(counts, prior), N)


CASES: Final = (
    *against_numpy("warm", warm(10), 1.0, {"avx512": 60.0, "avx2": 100.0}),
    *against_numpy("Beta(5, 5)", cold(10), 5.0, {"avx512": 80.0}),
    *against_numpy("Beta(1, 1)", cold(10), 1.0, {"avx512": 150.0}),
    *against_numpy("warm", warm(100), 1.0, {}),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_select_many(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
