"""A decision with what a log needs: id, version, and the probability with which it was taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import peers
import pytest
from cases import OURS, Case
from pytest_benchmark.fixture import BenchmarkFixture
from states import thompson, warm

SIMULATED: Final = 1000


def decisions() -> Iterator[Case]:
    """The propensity is computed once for each version of the posterior, and then kept."""
    counts, group = warm(10), "decide, 10 arms, warm, propensities kept"
    yield Case(
        group,
        OURS,
        "policy.decide()",
        lambda: {"policy": thompson(counts)},
        bars={"avx512": 450.0},
    )
    yield Case(group, "NumPy without it", "np.argmax(rng.beta(a, b))", lambda: peers.numpy(counts))
    group = "update and decide, 10 arms, warm: propensities anew"
    yield Case(
        group,
        OURS,
        "policy.update(arm, 0.25); policy.decide()",
        lambda: {"policy": thompson(counts), "arm": "arm3"},
    )
    yield Case(
        group,
        f"NumPy {SIMULATED} draws",
        "a[3] += 0.25; b[3] += 0.75; i = np.argmax(rng.beta(a, b)); "
        f"(rng.beta(a, b, size=({SIMULATED}, 10)).argmax(axis=1) == i).mean()",
        lambda: peers.numpy(counts),
    )


CASES: Final = tuple(decisions())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_decide(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)
