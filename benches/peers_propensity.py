"""P(arm i has the greatest draw) as one would write it by hand with SciPy and NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["beta_by_draws", "beta_by_grid", "beta_by_quadrature", "normal_by_quadrature"]

Floats = NDArray[np.float64]
Best = Callable[[Floats, Floats], Floats]

_NODES: Final = 2_000
_DRAWS: Final = 10_000


def beta_by_quadrature() -> Best:
    """Adaptive quadrature of each arm's density times the others' distribution functions."""
    from scipy.integrate import quad
    from scipy.stats import beta

    def best(a: Floats, b: Floats) -> Floats:
        laws = [beta(*shapes) for shapes in zip(a, b, strict=True)]

        def win(i: int) -> float:
            others = [law for j, law in enumerate(laws) if j != i]

            def integrand(x: float) -> float:
                return laws[i].pdf(x) * np.prod([law.cdf(x) for law in others])

            return quad(integrand, 0.0, 1.0, points=[laws[i].mean()], epsabs=1e-9)[0]

        return np.array([win(i) for i in range(len(laws))])

    return best


def beta_by_grid() -> Best:
    """All arms at once by midpoints on one grid: right while no posterior is narrower than its mesh."""
    from scipy.special import betainc, betaln

    x = (np.arange(_NODES) + 0.5) / _NODES

    def best(a: Floats, b: Floats) -> Floats:
        a, b = a[:, None], b[:, None]
        density = np.exp((a - 1.0) * np.log(x) + (b - 1.0) * np.log1p(-x) - betaln(a, b))
        below = np.maximum(betainc(a, b, x), 1e-300)
        return (density / below * np.exp(np.log(below).sum(axis=0))).sum(axis=1) / _NODES

    return best


def beta_by_draws() -> Best:
    """The share of draws that each arm wins, right to two digits."""
    rng = np.random.default_rng(1)

    def best(a: Floats, b: Floats) -> Floats:
        winners = rng.beta(a, b, size=(_DRAWS, len(a))).argmax(axis=1)
        return np.bincount(winners, minlength=len(a)) / _DRAWS

    return best


def normal_by_quadrature() -> Best:
    """Adaptive quadrature of each arm's density times the others' laws, eight deviations to each side."""
    from scipy.integrate import quad
    from scipy.special import ndtr
    from scipy.stats import norm

    def best(mean: Floats, deviation: Floats) -> Floats:
        def win(i: int) -> float:
            m, s = mean[i], deviation[i]
            means, deviations = np.delete(mean, i), np.delete(deviation, i)

            def integrand(x: float) -> float:
                return norm.pdf(x, m, s) * np.prod(ndtr((x - means) / deviations))

            return quad(integrand, m - 8.0 * s, m + 8.0 * s, epsabs=1e-9)[0]

        return np.array([win(i) for i in range(len(mean))])

    return best
