"""log B(a, b) in Numba, and the elementary functions over arrays. Twin of ``native/src/special.c``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from armwise_kernels.jit import (
    LOW,
    U0,
    U32,
    box_muller,
    exp,
    kernel,
    kernel_inline,
    log,
    log1p,
    philox,
)


@kernel_inline
def stirling(x: float) -> float:
    """Log Gamma(x) less its leading terms: the series of Bernoulli numbers, for x of ten and above."""
    r = 1.0 / x
    q = r * r
    s = 1.0 / 156.0
    s = s * q + -691.0 / 360360.0
    s = s * q + 1.0 / 1188.0
    s = s * q + -1.0 / 1680.0
    s = s * q + 1.0 / 1260.0
    s = s * q + -1.0 / 360.0
    s = s * q + 1.0 / 12.0
    return s * r


@kernel
def log_beta(a: float, b: float) -> float:
    """Log B(a, b) for shapes in [1e-100, 1e100].

    Both shapes are lifted to ten and above by B(a, b) = B(a + 1, b) (a + b) / a, then Stirling's series is
    taken in differences.
    """
    product, total = 1.0, 0.0
    while a < 10.0:
        product = product * ((a + b) / a)
        a = a + 1.0
        if product > 1e200:
            total = total + log(product)
            product = 1.0
    while b < 10.0:
        product = product * ((a + b) / b)
        b = b + 1.0
        if product > 1e200:
            total = total + log(product)
            product = 1.0
    total = total + log(product)
    if a > b:
        a, b = b, a
    n = a + b
    return (
        total
        + (0.91893853320467274178 - 0.5 * log(b))
        + ((a - 0.5) * log(a / n) - b * log1p(a / b))
        + ((stirling(a) + stirling(b)) - stirling(n))
    )


@kernel
def philox_blocks(counters: NDArray[np.uint32], key: int, out: NDArray[np.uint32]) -> None:
    """Philox4x32-10 of counters (n, 4) into ``out`` (n, 4)."""
    for i in range(counters.shape[0]):
        decision = np.uint64(counters[i, 2]) << U32 | np.uint64(counters[i, 1])
        r1, r2 = philox(np.uint64(counters[i, 0]), decision, np.uint64(counters[i, 3]), np.uint64(key))
        out[i, 0], out[i, 1] = np.uint32(r1 >> U32), np.uint32(r1 & LOW)
        out[i, 2], out[i, 3] = np.uint32(r2 >> U32), np.uint32(r2 & LOW)


@kernel
def log_of(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """The kernels' logarithm of positive normal numbers."""
    for i in range(x.size):
        out[i] = log(x[i])


@kernel
def exp_of(x: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """The kernels' exponential of numbers in [-708, 708]."""
    for i in range(x.size):
        out[i] = exp(x[i])


@kernel
def log_beta_of(a: NDArray[np.float64], b: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Log B of pairs of shapes."""
    for i in range(a.size):
        out[i] = log_beta(a[i], b[i])


@kernel
def normal_draws(key: int, decision: int, out: NDArray[np.float64]) -> None:
    """The first normals of slots 0 .. out.size - 1."""
    for i in range(out.size):
        r1, r2 = philox(np.uint64(i), np.uint64(decision), U0, np.uint64(key))
        out[i] = box_muller(r1, r2)[0]
