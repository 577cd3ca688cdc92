"""How far a mean of bounded numbers may be off at every time at once, for any law and any sample size.

For numbers x in [0, 1] of mean m, predictions p in [0, 1] that are known before x comes, and any lambda in [0, 1),

    exp(lambda sum(x - m) - psi(lambda) sum (x - p)^2),    psi(lambda) = -log(1 - lambda) - lambda,

is a non-negative supermartingale, and so is its mirror image (Howard, Ramdas, McAuliffe & Sekhon 2021, theorem 4;
Fan, Grama & Liu 2015). A mixture over lambda and over the two signs stays below 1 / alpha for ever with probability
1 - alpha (Ville). The mixture is discrete (Howard et al.): half of Student's law with three degrees,
which has its bulk where the interval is to be narrowest and a tail that keeps it from growing fast elsewhere.

For a difference of two means the product of the two supermartingales is one, whatever the order in which the arms
came and whoever chose them; the interval is the range of differences over the pairs of means that the product
has not refuted.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from armwise.types import FloatArray

__all__ = ["difference_radius", "mean_radius"]

_NODES: Final = 32
_LAMBDA: Final = np.geomspace(1e-4, 0.95, _NODES)
_PSI: Final = -np.log1p(-_LAMBDA) - _LAMBDA
_STEPS: Final = 60
_EXACT: Final = 1e-9  # of steps that shrink quadratically: the next one is below rounding


def mean_radius(count: FloatArray, spread: FloatArray, tuned_at: float, alpha: float) -> FloatArray:
    """Return the half-width of the mean of `count` numbers in [0, 1] with `spread` = sum (x - p)^2, shape (n,)."""
    weights = _log_weights(tuned_at)
    with np.errstate(divide="ignore"):
        radius: FloatArray = np.where(count > 0, _boundary(spread, -math.log(alpha), weights) / count, np.inf)
    return radius


def difference_radius(
    counts: tuple[FloatArray, FloatArray], spreads: tuple[FloatArray, FloatArray], tuned_at: float, alpha: float
) -> FloatArray:
    """Return the half-width of the difference of two means of numbers in [0, 1], shape (n,).

    The greatest s0 / n0 + s1 / n1 with f(s0; v0) + f(s1; v1) <= log(1 / alpha), where f is the log of a
    mixture at sum s and spread v: f is convex, so the two conditions of Lagrange have one solution, which
    Newton's method finds.
    """
    weights = _log_weights(tuned_at)
    n = np.stack(counts)
    v = np.stack(spreads)
    radius = np.full(n.shape[1], np.inf)
    some = (n > 0).all(axis=0)
    if some.any():
        radius[some] = _farthest(n[:, some], v[:, some], -math.log(alpha), weights)
    return radius


def _log_weights(tuned_at: float) -> FloatArray:
    """The log weights of half of Student's law with three degrees on the nodes.

    Its scale is the lambda of the normal mixture that is narrowest at alpha = 0.05 after `tuned_at` numbers of
    variance 1/10: of a rate of 0.11, or of numbers spread over the range.
    """
    scale2 = 7.94 / (0.1 * tuned_at)
    weights = _LAMBDA / (1.0 + _LAMBDA**2 / (3.0 * scale2)) ** 2
    logs: FloatArray = np.log(0.5 * weights / weights.sum())
    return logs


def _mixture(s: FloatArray, base: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return f, f' and f'' at sums s; `base` is log weight - psi(lambda) v, shape (*s.shape, nodes)."""
    push = _LAMBDA * s[..., None]
    top = (base + push).max(axis=-1, keepdims=True)
    up = np.exp(base + push - top)
    down = np.exp(base - push - top)
    total = (up + down).sum(axis=-1)
    slope = ((up - down) @ _LAMBDA) / total
    bend = ((up + down) @ (_LAMBDA * _LAMBDA)) / total - slope * slope
    return top[..., 0] + np.log(total), slope, bend


def _boundary(v: FloatArray, threshold: float | FloatArray, weights: FloatArray) -> FloatArray:
    """Return the s >= 0 at which f(s; v) is the threshold: Newton from above, where a convex f falls to its root."""
    base = weights - _PSI * v[..., None]
    s: FloatArray = ((np.asarray(threshold)[..., None] - base) / _LAMBDA).min(axis=-1)
    for _ in range(_STEPS):
        value, slope, _ = _mixture(s, base)
        step = (value - threshold) / slope
        s = s - step
        if (np.abs(step) <= _EXACT * s).all():
            break
    return s


def _farthest(n: FloatArray, v: FloatArray, threshold: float, weights: FloatArray) -> FloatArray:
    """Return max s0 / n0 + s1 / n1 under the constraint of :func:`difference_radius`; n and v have shape (2, m)."""
    base = weights - _PSI * v[..., None]
    # What one sum can be at most: the other's mixture is never below its value at zero.
    rest, _, _ = _mixture(np.zeros_like(v), base)
    most = _boundary(v, threshold - rest[::-1], weights)
    s = 0.7 * most
    done = np.zeros(v.shape[1], dtype=bool)
    for _ in range(_STEPS):
        f, slope, bend = _mixture(s, base)
        # Lagrange: n0 f0' = n1 f1' (in logs, which are nearer to straight lines) and f0 + f1 = threshold.
        tilt = np.log(n[0] * slope[0]) - np.log(n[1] * slope[1])
        excess = f.sum(axis=0) - threshold
        curl = bend / slope
        determinant = curl[0] * slope[1] + curl[1] * slope[0]
        step = np.stack(
            [
                (tilt * slope[1] + curl[1] * excess) / determinant,
                (curl[0] * excess - tilt * slope[0]) / determinant,
            ]
        )
        moved = np.clip(s - step, 0.25 * s, np.minimum(most, 2.0 * s))
        done = (np.abs(moved - s) <= _EXACT * s).all(axis=0)
        s = moved
        if done.all():
            break
    # Where the steps did not settle, the box around the set holds instead of the set.
    farthest: FloatArray = np.where(done, (s / n).sum(axis=0), (most / n).sum(axis=0))
    return farthest
