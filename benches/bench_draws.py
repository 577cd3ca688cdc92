"""Beta draws that can be reproduced, by the thousand: the part of a decision that NumPy spends its time on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import peers
import pytest
from cases import OURS, Case, forced, variants
from pytest_benchmark.fixture import BenchmarkFixture
from states import Counts, cold, warm

from armwise_kernels import load

ROWS: Final = 1000


def draws(regime: str, counts: Counts, prior: float, bars: dict[str, float]) -> Iterator[Case]:
    arms = len(counts.successes)
    group = f"Beta draws, {regime}"
    yield Case(
        group,
        OURS,
        f"kernels.beta_draws(a, b, seed=1, n={ROWS})",
        lambda: peers.numpy(counts, prior) | {"kernels": load()},
        ROWS * arms,
        bars,
    )
    yield Case(
        group, "NumPy", f"rng.beta(a, b, size=({ROWS}, {arms}))", lambda: peers.numpy(counts, prior), ROWS * arms
    )


CASES: Final = (
    *draws("warm", warm(100), 1.0, {"avx512": 6.0, "avx2": 10.0}),
    *draws("Beta(1, 1)", cold(100), 1.0, {}),
    *draws("Beta(.5, .5)", cold(100), 0.5, {}),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_draws(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)


@pytest.mark.parametrize("variant", variants())
@pytest.mark.parametrize("case", [case for case in CASES if case.who == OURS], ids=str)
def test_draws_on_each_instruction_set(case: Case, variant: str, benchmark: BenchmarkFixture) -> None:
    with forced(variant):
        case.bench(benchmark)
