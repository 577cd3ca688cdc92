"""P(arm i has the greatest draw): ours beside what one would write by hand with SciPy and NumPy.

The hands: ``quad``, adaptive quadrature of each arm's density times the others' distribution functions; ``grid``,
all arms at once by Gauss-Legendre on one fixed grid of 2,000 points, which is right only while no posterior is
narrower than its mesh; ``draws``, the share of 100,000 draws that each arm wins, right to three digits. Ours is
right to 2e-10, whatever the posteriors (tests/conformance/test_propensity.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from cases import OURS, Case
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from scipy import integrate, special, stats
from states import cold, warm

from armwise_kernels import load

Floats = NDArray[np.float64]

DRAWS: Final = 100_000
VECTORS: Final = Path(__file__).resolve().parents[1] / "tests" / "conformance" / "vectors" / "propensity_beta.json"
NODES, WEIGHTS = np.polynomial.legendre.leggauss(2_000)


def quad(a: Floats, b: Floats) -> Floats:
    """Integrate each arm's win by adaptive quadrature, told where the arm's mean is."""
    laws = [stats.beta(*shapes) for shapes in zip(a, b, strict=True)]

    def win(arm: int) -> float:
        others = laws[:arm] + laws[arm + 1 :]

        def density(x: float) -> float:
            return float(laws[arm].pdf(x) * np.prod([law.cdf(x) for law in others]))

        return float(integrate.quad(density, 0, 1, points=[laws[arm].mean()], epsabs=1e-9)[0])

    return np.array([win(arm) for arm in range(len(laws))])


def grid(a: Floats, b: Floats) -> Floats:
    """Integrate all wins on one grid of the unit interval."""
    x, w, a, b = (NODES + 1) / 2, WEIGHTS / 2, a[:, None], b[:, None]
    density = np.exp((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - special.betaln(a, b))
    below = np.maximum(special.betainc(a, b, x), 1e-300)
    wins: Floats = (density / below * (w * np.exp(np.log(below).sum(axis=0)))).sum(axis=1)
    return wins


def draws(rng: np.random.Generator, a: Floats, b: Floats) -> Floats:
    """Count wins among draws."""
    winners = rng.beta(a, b, (DRAWS, len(a))).argmax(axis=1)
    return np.bincount(winners, minlength=len(a)) / DRAWS


def normal_quad(mean: Floats, deviation: Floats) -> Floats:
    """Integrate each arm's win by adaptive quadrature, eight deviations to each side."""

    def win(arm: int) -> float:
        m, s = mean[arm], deviation[arm]
        others, widths = np.delete(mean, arm), np.delete(deviation, arm)

        def density(x: float) -> float:
            return float(stats.norm.pdf(x, m, s) * np.prod(special.ndtr((x - others) / widths)))

        return float(integrate.quad(density, m - 8 * s, m + 8 * s, epsabs=1e-9)[0])

    return np.array([win(arm) for arm in range(len(mean))])


def betas(a: Floats, b: Floats) -> dict[str, object]:
    """The names of a statement on Beta posteriors."""
    functions = {"quad": quad, "grid": grid, "draws": partial(draws, np.random.default_rng(1))}
    return {"kernels": load(), "a": a, "b": b} | functions


def normals() -> dict[str, object]:
    """The names of a statement on ten normal posteriors."""
    rng = np.random.default_rng(10)
    names = {"mean": rng.normal(size=10), "deviation": rng.uniform(0.5, 2, 10)}
    return {"kernels": load(), "quad": normal_quad} | names


def beside_hands(group: str, build: Callable[[], dict[str, object]], hands: tuple[str, ...]) -> Iterator[Case]:
    """One group: ours, then what is written by hand."""
    names = {"quad": "SciPy, quad", "grid": "SciPy, one grid", "draws": "NumPy, 100,000 draws"}
    yield Case(group, OURS, "kernels.best_beta(a, b)", build)
    for hand in hands:
        yield Case(group, names[hand], f"{hand}(a, b)", build)


def mixed() -> Iterator[Case]:
    """Every set of ten Beta arms that the conformance vectors hold."""
    for i, case in enumerate(json.loads(VECTORS.read_text(encoding="utf-8"))["cases"]):
        a, b = np.array(case["alpha"]), np.array(case["beta"])
        if len(a) == 10:
            yield Case(f"case {i}, {case['family']}", OURS, "kernels.best_beta(a, b)", partial(betas, a, b))


TEN: Final = "propensities, 10 warm Beta arms"
THOUSAND: Final = "propensities, 1,000 warm Beta arms"
NORMAL: Final = "propensities, 10 normal arms"

CASES: Final = (
    *beside_hands(TEN, lambda: betas(*warm(10).shapes()), ("quad", "grid", "draws")),
    *beside_hands(THOUSAND, lambda: betas(*warm(1000).shapes()), ("grid",)),
    *beside_hands("propensities, 1,000 arms of Beta(1, 1)", lambda: betas(*cold(1000).shapes()), ()),
    Case(NORMAL, OURS, "kernels.best_normal(mean, deviation)", normals),
    Case(NORMAL, "SciPy, quad", "quad(mean, deviation)", normals),
)
GRID: Final = tuple(mixed())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_propensities(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)


def test_the_hands_agree() -> None:
    a, b = warm(10).shapes()
    p = load().best_beta(a, b)
    assert np.abs(quad(a, b) - p).max() < 1e-8
    assert np.abs(grid(a, b) - p).max() < 1e-8
    assert np.abs(draws(np.random.default_rng(1), a, b) - p).max() < 0.01
