"""The laws of exact propensities in Numba: where they begin, how wide a panel they allow, their densities.

Twin of ``native/src/simd/propensity_laws.h``, one number at a time; the essay is in
``native/src/propensity.c``. Where C selects by a mask, :func:`greater` and :func:`lesser` give the same bits,
for zeros and for what is not a number as well.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.jit import (
    EXPONENT_ONE,
    bits_of,
    exp,
    float_of,
    kernel,
    kernel_inline,
    log,
    log1p,
    reduced_exp,
    softplus,
)

Floats: TypeAlias = NDArray[np.float64]

BETA_LAW: Final = 0
NORMAL_LAW: Final = 1

# Panels: what limits their width.
BEND: Final = 4.0
FALL: Final = 12.0
NEAR: Final = 4.0
FAR: Final = 14.0
FLAT: Final = 25.5
MAX_SHAPE: Final = 2e9

# Rows of scratch, one column an arm. Normal laws have deviations and inverses where Beta laws have shapes.
A: Final = 0
B: Final = 1
N: Final = 2
LOG_N: Final = 3
SHARE: Final = 4
MODE: Final = 5
PEAK: Final = 6
START: Final = 7
HERE: Final = 8
EDGE: Final = 9
OTHER_EDGE: Final = 10
ROWS: Final = 11
SPREAD: Final = A
RATE: Final = B

# Places in the work of a panel: eight numbers above its middle, then eight below.
STEP: Final = 0
SOFT: Final = 16
ABOVE: Final = 32
BELOW: Final = 40
LAW_WORK: Final = 48

LOW_BITS: Final = np.uint64(0xFFFFFFFFFFFFFF00)

# The positive nodes of Gauss-Legendre of order 16 on [-1, 1].
# fmt: off
NODE: Final = np.array([
    0.09501250983763744, 0.2816035507792589, 0.45801677765722737, 0.6178762444026438, 0.755404408355003,
    0.8656312023878318, 0.9445750230732326, 0.9894009349916499,
])
# fmt: on


@kernel_inline
def greater(a: float, b: float) -> float:
    """The greater; where they are equal or unordered, b."""
    if a > b:
        return a
    return b


@kernel_inline
def lesser(a: float, b: float) -> float:
    """The lesser; where they are equal or unordered, b."""
    if a < b:
        return a
    return b


@kernel_inline
def snap(t: float) -> float:
    """Drop the last eight bits: the middle of two such numbers, if they are close, is exact."""
    return float_of(bits_of(t) & LOW_BITS)


@kernel_inline
def _expm1(x: float) -> float:
    """exp(x) - 1 to full relative precision, for x in [-700, 700]."""
    rest, exponent = reduced_exp(x)
    power = float_of(exponent + EXPONENT_ONE)
    return (power - 1.0) + power * rest


@kernel_inline
def _binet(x: float) -> float:
    """Log Gamma(x) less Stirling's formula. Below eight, x is lifted by eight."""
    y = x + 8.0 if x < 8.0 else x
    r = 1.0 / y
    q = r * r
    s = 1.0 / 156.0
    s = s * q + -691.0 / 360360.0
    s = s * q + 1.0 / 1188.0
    s = s * q + -1.0 / 1680.0
    s = s * q + 1.0 / 1260.0
    s = s * q + -1.0 / 360.0
    s = s * q + 1.0 / 12.0
    s = s * r
    if not x < 8.0:
        return s
    product = ((x * (x + 1.0)) * ((x + 2.0) * (x + 3.0))) * (((x + 4.0) * (x + 5.0)) * ((x + 6.0) * (x + 7.0)))
    return s + ((((y - 0.5) * log(y) - 8.0) - log(product)) - (x - 0.5) * log(x))


@kernel_inline
def _logistic(t: float) -> tuple[float, float]:
    """1 / (1 + exp(-t)) and its complement, each to full relative precision."""
    e = exp(greater(-abs(t), -700.0))
    much = 1.0 / (1.0 + e)
    little = e * much
    return (little, much) if t < 0.0 else (much, little)


@kernel_inline
def _drop(a: float, b: float, n: float, share: float, delta: float) -> float:
    """Log density of the logit at mode + delta less that at the mode, from the side of the lesser shape."""
    c, e = (a, delta) if a <= b else (b, -delta)
    within = lesser(greater(e, -700.0), 700.0)
    bend = log1p(share * _expm1(within)) + greater(e - 700.0, 0.0)
    return c * e - n * bend


@kernel
def beta_prepare(rows: Floats, tail: float) -> None:
    """From the shapes, the rows A to START."""
    for i in range(rows.shape[1]):
        least = lesser(rows[A, i], rows[B, i])
        scale = MAX_SHAPE / least if least > MAX_SHAPE else 1.0
        a, b = rows[A, i] * scale, rows[B, i] * scale
        n, less = a + b, lesser(a, b)
        share, mode = less / n, log(a / b)
        peak = 0.5 * log(less * (greater(a, b) / n) * 0.15915494309189533577) - ((_binet(a) + _binet(b)) - _binet(n))
        u, v = tail / a, tail / b
        start = (mode + log(1.0 + (math.sqrt(2.0 * u) + u))) + 0.5 * (v + math.sqrt(v * (v + 8.0)))
        for _ in range(3):
            x, y = _logistic(start)
            slope = greater(b * x - a * y, less * 1e-9)
            excess = ((peak + _drop(a, b, n, share, start - mode)) - log(slope)) + tail
            start = greater(lesser(start + excess / slope, start), mode)
        rows[A, i], rows[B, i], rows[N, i], rows[LOG_N, i] = a, b, n, log(n)
        rows[SHARE, i], rows[MODE, i], rows[PEAK, i], rows[START, i] = share, mode, peak, snap(start)


@kernel
def normal_prepare(rows: Floats, tail: float) -> float:
    """From means and deviations, the rows of a normal law; the end of the march, from an origin near it."""
    far = math.sqrt(2.0 * (tail - 2.5))
    greatest, origin, end = -1e306, 0.0, 0.0
    for i in range(rows.shape[1]):
        lower = rows[MODE, i] - far * rows[SPREAD, i]
        if lower > greatest:
            greatest, origin, end = lower, rows[MODE, i], -(far * rows[SPREAD, i])
    for i in range(rows.shape[1]):
        m, rate = rows[MODE, i] - origin, 1.0 / rows[SPREAD, i]
        rows[MODE, i], rows[RATE, i] = m, rate
        rows[PEAK, i] = log(rate * 0.39894228040143267794)
        rows[START, i] = snap(m + far * rows[SPREAD, i])
    return end


@kernel_inline
def _fallen(slope: float, curvature: float) -> float:
    """How far to the left log f goes before it has changed by FALL."""
    eased = slope * slope - (2.0 * FALL) * (curvature if slope < 0.0 else 0.0)
    return (2.0 * FALL) / greater(abs(slope) + math.sqrt(greater(eased, 0.0)), 1e-140)


@kernel_inline
def _beta_width(a: float, b: float, n: float, log_n: float, t: float, x: float, y: float) -> float:
    distance = -t if t < 0.0 else t
    curvature = n * (x * y)
    fallen = _fallen(a * y - b * x, curvature)
    bent = BEND / math.sqrt(greater(curvature, 1e-280))
    flat = distance - (log_n + FLAT)
    if t < 0.0:
        behind = lesser(NEAR + distance, FAR)
        return lesser(lesser(fallen, bent), 1e300 if flat > 0.0 else behind)
    ahead = lesser(0.75 * distance, FAR)
    poles = greater(greater(lesser(ahead, distance - (log_n + 2.0)), NEAR), flat)
    return lesser(fallen, bent / (1.0 + bent / poles))


@kernel
def reach_of(which: int, rows: Floats, t: float) -> float:
    """The left edge, as far as any law lets it go, of a panel with the right edge t."""
    x, y = _logistic(t)
    reach = -1e306
    for i in range(rows.shape[1]):
        if which == BETA_LAW:
            width = _beta_width(rows[A, i], rows[B, i], rows[N, i], rows[LOG_N, i], t, x, y)
        else:
            z = (rows[MODE, i] - t) * rows[RATE, i]
            width = rows[SPREAD, i] * lesser(_fallen(z, 1.0), BEND)
        reach = greater(lesser(t - width, rows[START, i]), reach)
    return reach


@kernel
def lay_out(middle: float, half: float, work: Floats) -> None:
    """Write the nodes of a Beta panel, and softplus there less softplus at the middle."""
    mirrored = middle > 0.0
    towards = -middle if mirrored else middle
    e = exp(greater(towards, -700.0))
    share, soft = e / (1.0 + e), softplus(towards)
    upper, lower = (8, 0) if mirrored else (0, 8)
    for k in range(8):
        rise = half * NODE[k]
        if half <= 4.0:
            above = log1p(share * _expm1(rise))
            below = log1p(share * _expm1(-rise))
        else:
            above = softplus(towards + rise) - soft
            below = softplus(towards - rise) - soft
        work[STEP + upper + k], work[STEP + lower + k] = rise, -rise
        work[SOFT + upper + k], work[SOFT + lower + k] = above, below


@kernel
def beta_here(rows: Floats, left: float, middle: float, log_half: float, tail: float) -> bool:
    """Write the row HERE of a Beta panel; whether some law has no mass left of it."""
    ended = False
    x, y = _logistic(middle)
    for i in range(rows.shape[1]):
        a, b = rows[A, i], rows[B, i]
        here = rows[PEAK, i] + _drop(a, b, rows[N, i], rows[SHARE, i], middle - rows[MODE, i])
        slope = a * y - b * x
        over = here - log(greater(slope, 1e-300)) < -tail
        ended |= (rows[START, i] > left) & (slope > 0.0) & over
        rows[HERE, i] = here + log_half
    return ended


@kernel_inline
def density(which: int, rows: Floats, i: int, middle: float, half: float, log_half: float, work: Floats) -> None:
    """Write density times half width of arm i at the nodes."""
    if which == BETA_LAW:
        here, n = rows[HERE, i], rows[N, i]
        c = rows[B, i] if middle > 0.0 else rows[A, i]
        for k in range(16):
            u = (here + c * work[STEP + k]) - n * work[SOFT + k]
            work[ABOVE + k] = exp(greater(u, -700.0))
        return
    rate = rows[RATE, i]
    z, reach, peak = (middle - rows[MODE, i]) * rate, half * rate, rows[PEAK, i] + log_half
    for k in range(8):
        u, v = z + reach * NODE[k], z - reach * NODE[k]
        work[ABOVE + k] = exp(greater(peak - 0.5 * (u * u), -700.0))
        work[BELOW + k] = exp(greater(peak - 0.5 * (v * v), -700.0))
