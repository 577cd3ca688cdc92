"""P(arm i has the greatest draw): ours beside what one would write by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from cases import OURS, Case
from peers_propensity import beta_by_draws, beta_by_grid, beta_by_quadrature, normal_by_quadrature
from pytest_benchmark.fixture import BenchmarkFixture
from states import warm

from armwise_kernels import load

VECTORS: Final = Path(__file__).resolve().parents[1] / "tests/conformance/vectors/propensity_beta.json"

HANDS: Final = {
    "SciPy fixed grid": beta_by_grid,
    "SciPy quad": beta_by_quadrature,
    "NumPy 10000 draws": beta_by_draws,
}


def beta_arms(arms: int) -> dict[str, object]:
    a, b = warm(arms).shapes()
    return {"a": a, "b": b}


def normal_arms() -> dict[str, object]:
    rng = np.random.default_rng(7)
    return {"mean": rng.normal(size=10), "deviation": rng.uniform(0.5, 2.0, 10)}


def beside_hands() -> Iterator[Case]:
    for arms, hands in ((10, list(HANDS)), (1000, ["SciPy fixed grid"])):
        group, names = f"propensities, {arms:,} arms, warm", beta_arms(arms)
        yield Case(group, OURS, "kernels.best_beta(a, b)", lambda names=names: names | {"kernels": load()})
        for hand in hands:
            make = HANDS[hand]
            yield Case(group, hand, "best(a, b)", lambda names=names, make=make: names | {"best": make()})
    group = "propensities, 10 normal arms"
    yield Case(
        group,
        OURS,
        "kernels.best_normal(mean, deviation)",
        lambda: normal_arms() | {"kernels": load()},
    )
    yield Case(group, "SciPy quad", "best(mean, deviation)", lambda: normal_arms() | {"best": normal_by_quadrature()})


def mixed_sets() -> Iterator[Case]:
    """Each set of ten arms among the conformance vectors: shapes from .05 to 1e6, in all mixtures."""
    vectors = json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]
    for i, case in enumerate(case for case in vectors if len(case["alpha"]) == 10):
        names = {"a": np.array(case["alpha"]), "b": np.array(case["beta"])}
        yield Case(
            "propensities, mixed sets of 10 arms",
            f"{OURS}, {case['family']} {i}",
            "kernels.best_beta(a, b)",
            lambda names=names: names | {"kernels": load()},
        )


CASES: Final = tuple(beside_hands())
MIXED: Final = tuple(mixed_sets())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_propensities(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)


@pytest.mark.parametrize(("hand", "tolerance"), [*zip(HANDS, (1e-7, 1e-7, 0.03), strict=True)])
def test_hands_compute_the_same(hand: str, tolerance: float) -> None:
    a, b = warm(10).shapes()
    np.testing.assert_allclose(HANDS[hand]()(a, b), load().best_beta(a, b), rtol=0.0, atol=tolerance)
