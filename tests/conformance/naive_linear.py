"""The oracle of linear Thompson sampling: every kernel once more, in plain Python, one number at a time.

A diagonal arm is its evidence, P = sum x^2 and B = sum r x by coefficient; a full arm is the rows of the
lower Cholesky factor L of its precision, and b = sum r x. It imports nothing of armwise.
"""

from __future__ import annotations

import math

import naive


def dot(a, b) -> float:
    """Four accumulators, by place modulo four."""
    sums = [0.0, 0.0, 0.0, 0.0]
    for j, (p, q) in enumerate(zip(a, b, strict=True)):
        sums[j % 4] += p * q
    return (sums[0] + sums[1]) + (sums[2] + sums[3])


# ---- Diagonal covariance ----


def diag_update(precision: list[float], weighted: list[float], x, reward: float, gain: float = 1.0) -> None:
    for j, v in enumerate(x):
        precision[j] = precision[j] + v * v * gain
        weighted[j] = weighted[j] + reward * v * gain


def diag_posterior(precision, weighted, weight: float, prior: float, sigma2: float):
    """Posterior mean and variance of each coefficient."""
    a = [prior + p * weight for p in precision]
    return [b * weight / v for b, v in zip(weighted, a, strict=True)], [sigma2 / v for v in a]


def diag_moments(mu, s2, x) -> tuple[float, float]:
    """Mean and variance of x . theta."""
    return dot(x, mu), dot([v * v for v in x], s2)


# ---- Full covariance ----


def full_prior(dim: int, prior: float) -> list[list[float]]:
    """L of prior * I."""
    return [[math.sqrt(prior) if i == j else 0.0 for j in range(i + 1)] for i in range(dim)]


def full_update(factor: list[list[float]], weighted: list[float], x, reward: float) -> None:
    """A += x x' by one Givens rotation for each column of L; b += r x."""
    dim = len(factor)
    w = list(x)
    for k in range(dim):
        r = math.sqrt(factor[k][k] * factor[k][k] + w[k] * w[k])
        c, s = factor[k][k] / r, w[k] / r
        factor[k][k] = r
        for i in range(k + 1, dim):
            factor[i][k], w[i] = c * factor[i][k] + s * w[i], c * w[i] - s * factor[i][k]
    for j in range(dim):
        weighted[j] = weighted[j] + reward * x[j]


def solve(factor: list[list[float]], b) -> list[float]:
    """L^-1 b by forward substitution."""
    y: list[float] = []
    for i, row in enumerate(factor):
        y.append((b[i] - dot(row[:i], y)) / row[i])
    return y


def full_moments(factor: list[list[float]], weighted, x, sigma2: float) -> tuple[float, float]:
    """Mean and variance of x . theta: u . y and sigma^2 u . u, u = L^-1 x."""
    u = solve(factor, x)
    return dot(u, solve(factor, weighted)), sigma2 * dot(u, u)


# ---- Selection ----


def score(mean: float, variance: float, slot: int, decision: int, key: tuple[int, int]) -> float:
    z = naive.box_muller(*naive.words(slot, decision, naive.DRAW, 0, key))[0]
    return mean + math.sqrt(variance) * z


def select(moments, slots, decision: int, key: tuple[int, int]) -> int:
    """The greatest score; ties to the lowest position, and a score that is not a number never wins."""
    scores = [score(m, v, slot, decision, key) for (m, v), slot in zip(moments, slots, strict=True)]
    return naive.argmax([-math.inf if math.isnan(s) else s for s in scores])
