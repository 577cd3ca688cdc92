"""Linear Thompson sampling in Numba. Twin of ``native/src/simd/linear.h`` and ``native/src/linear.c``.

The model, the layout of the blocks and the order of every sum are explained there. Arrays are those of
:mod:`armwise_kernels.layout`, contiguous; arguments are checked by the caller.

Lanes are arms, and the loops over the eight lanes of a block are what LLVM vectorises. Their length is read
from an array, never written as a constant: LLVM would unroll a loop of eight before it looks for vectors, and
then find none. Indices are ``uint64``: a signed one could be negative, and Numba would test that at each use.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import U0, U1, U24, U32, U40, box_muller, kernel, kernel_inline, philox

U2: Final = np.uint64(2)
U3: Final = np.uint64(3)
U4: Final = np.uint64(4)
U7: Final = np.uint64(7)
U8: Final = np.uint64(8)
U16: Final = np.uint64(16)
U48: Final = np.uint64(48)
U56: Final = np.uint64(56)
U64: Final = np.uint64(64)


@kernel
def context_check(x: NDArray[np.float64], dim: int) -> int:
    """0, or -1 where an entry of a context is not a number or beyond 1e100 in absolute value."""
    bad = 0
    for j in range(dim):
        bad |= not abs(x[j]) <= law.MAX_CONTEXT
    return -bad


# Diagonal covariance: blocks (P / 8, dim, 2, 8), precision and weighted (P, dim).


@kernel_inline
def diag_laws(
    flat: NDArray[np.float64],
    block: np.uint64,
    dim: np.uint64,
    x: NDArray[np.float64],
    sums: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> None:
    """Mean and variance of the scores of a block's arms, (8,) each; ``sums`` (64,) is scratch."""
    lanes = np.uint64(mean.size)
    at = block * dim * U16
    sums[:] = 0.0
    for j in range(U0, dim - (dim & U3), U4):
        x0, x1, x2, x3 = x[j], x[j + U1], x[j + U2], x[j + U3]
        q0, q1, q2, q3 = x0 * x0, x1 * x1, x2 * x2, x3 * x3
        for lane in range(lanes):
            i = at + lane
            sums[lane] += x0 * flat[i]
            sums[lane + U8] += q0 * flat[i + U8]
            sums[lane + U16] += x1 * flat[i + U16]
            sums[lane + U24] += q1 * flat[i + U24]
            sums[lane + U32] += x2 * flat[i + U32]
            sums[lane + U40] += q2 * flat[i + U40]
            sums[lane + U48] += x3 * flat[i + U48]
            sums[lane + U56] += q3 * flat[i + U56]
        at += U64
    for k in range(dim & U3):
        v = x[dim - (dim & U3) + k]
        q = v * v
        for lane in range(lanes):
            sums[lane + k * U16] += v * flat[at + lane]
            sums[lane + k * U16 + U8] += q * flat[at + lane + U8]
        at += U16
    for lane in range(lanes):
        mean[lane] = (sums[lane] + sums[lane + U16]) + (sums[lane + U32] + sums[lane + U48])
        variance[lane] = (sums[lane + U8] + sums[lane + U24]) + (sums[lane + U40] + sums[lane + U56])


@kernel
def lints_diag_moments(
    blocks: NDArray[np.float64],
    count: int,
    dim: int,
    x: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> None:
    """Write the means and variances of the scores of arms 0 .. count - 1."""
    flat, sums = blocks.reshape(-1), np.empty(8 * law.LANES)
    m, v = np.empty(law.LANES), np.empty(law.LANES)
    for first in range(0, count, law.LANES):
        diag_laws(flat, np.uint64(first // law.LANES), np.uint64(dim), x, sums, m, v)
        for lane in range(min(law.LANES, count - first)):
            mean[first + lane] = m[lane]
            variance[first + lane] = v[lane]


@kernel
def choose_normal(
    slots: NDArray[np.uint32],
    count: int,
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    key: int,
    decision: int,
) -> int:
    """Draw every score, into ``mean``; the position of the greatest, ties to the lowest.

    A score that is not a number never wins.
    """
    stream, when = np.uint64(key), np.uint64(decision)
    for i in range(count):
        r1, r2 = philox(np.uint64(slots[i]), when, U0, stream)
        mean[i] += math.sqrt(variance[i]) * box_muller(r1, r2)[0]
    winner, top = 0, -math.inf
    for i in range(count):
        if mean[i] > top:
            winner, top = i, mean[i]
    return winner


@kernel
def lints_diag_select(
    blocks: NDArray[np.float64],
    slots: NDArray[np.uint32],
    count: int,
    dim: int,
    x: NDArray[np.float64],
    key: int,
    decision: int,
) -> int:
    """The position whose score is drawn greatest at context ``x``; needs at least one arm."""
    mean, variance = np.empty(count), np.empty(count)
    lints_diag_moments(blocks, count, dim, x, mean, variance)
    return choose_normal(slots, count, mean, variance, key, decision)


@kernel
def lints_diag_refresh(
    blocks: NDArray[np.float64],
    precision: NDArray[np.float64],
    weighted: NDArray[np.float64],
    position: int,
    dim: int,
    weight: float,
    prior: float,
    sigma2: float,
) -> None:
    """Recompute one arm's posterior means and variances from its evidence, at its present weight."""
    block, lane = position // law.LANES, position % law.LANES
    for j in range(dim):
        a = prior + precision[position, j] * weight
        blocks[block, j, 0, lane] = weighted[position, j] * weight / a
        blocks[block, j, 1, lane] = sigma2 / a


@kernel
def lints_diag_refresh_all(
    blocks: NDArray[np.float64],
    precision: NDArray[np.float64],
    weighted: NDArray[np.float64],
    columns: int,
    dim: int,
    weight: float,
    prior: float,
    sigma2: float,
) -> None:
    """As :func:`lints_diag_refresh`, for positions 0 .. columns - 1."""
    for position in range(columns):
        lints_diag_refresh(blocks, precision, weighted, position, dim, weight, prior, sigma2)


@kernel
def lints_diag_update(
    blocks: NDArray[np.float64],
    precision: NDArray[np.float64],
    weighted: NDArray[np.float64],
    position: int,
    dim: int,
    x: NDArray[np.float64],
    reward: float,
    gain: float,
    weight: float,
    prior: float,
    sigma2: float,
) -> None:
    """Apply one reward, which enters the evidence with ``gain``, and refresh the arm."""
    for j in range(dim):
        precision[position, j] += x[j] * x[j] * gain
        weighted[position, j] += reward * x[j] * gain
    lints_diag_refresh(blocks, precision, weighted, position, dim, weight, prior, sigma2)


# Full covariance: blocks (P / 8, dim (dim + 3) / 2, 8), the rows of L and then y = L^-1 b; weighted (P, dim).


@kernel_inline
def lane_dots(
    a: NDArray[np.float64],
    i: np.uint64,
    b: NDArray[np.float64],
    j: np.uint64,
    n: np.uint64,
    lanes: np.uint64,
    sums: NDArray[np.float64],
) -> None:
    """The dot products of eight lanes over n rows of a from i on, and of b from j on; into sums[:8]."""
    sums[:] = 0.0
    for _ in range(n >> U2):
        for lane in range(lanes):
            p, q = i + lane, j + lane
            sums[lane] += a[p] * b[q]
            sums[lane + U8] += a[p + U8] * b[q + U8]
            sums[lane + U16] += a[p + U16] * b[q + U16]
            sums[lane + U24] += a[p + U24] * b[q + U24]
        i += U32
        j += U32
    for k in range(n & U3):
        for lane in range(lanes):
            sums[lane + k * U8] += a[i + lane] * b[j + lane]
        i += U8
        j += U8
    for lane in range(lanes):
        sums[lane] = (sums[lane] + sums[lane + U8]) + (sums[lane + U16] + sums[lane + U24])


@kernel
def lints_full_moments(
    blocks: NDArray[np.float64],
    count: int,
    dim: int,
    x: NDArray[np.float64],
    sigma2: float,
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
    scratch: NDArray[np.float64],
) -> None:
    """Write the means and variances of the scores of arms 0 .. count - 1; ``scratch`` is (8 dim,)."""
    flat, sums, v = blocks.reshape(-1), np.empty(4 * law.LANES), np.empty(law.LANES)
    lanes, n, at = np.uint64(v.size), np.uint64(dim), U0
    for first in range(0, count, law.LANES):
        for i in range(n):
            lane_dots(flat, at, scratch, U0, np.uint64(i), lanes, sums)
            at += i * U8
            for lane in range(lanes):
                scratch[i * U8 + lane] = (x[i] - sums[lane]) / flat[at + lane]
            at += U8
        lane_dots(scratch, U0, scratch, U0, n, lanes, sums)
        v[:] = sums[: law.LANES]
        lane_dots(scratch, U0, flat, at, n, lanes, sums)
        at += n * U8
        for k in range(min(law.LANES, count - first)):
            mean[first + k] = sums[k]
            variance[first + k] = sigma2 * v[k]


@kernel
def lints_full_select(
    blocks: NDArray[np.float64],
    slots: NDArray[np.uint32],
    count: int,
    dim: int,
    x: NDArray[np.float64],
    sigma2: float,
    key: int,
    decision: int,
    scratch: NDArray[np.float64],
) -> int:
    """The position whose score is drawn greatest at context ``x``; needs at least one arm."""
    mean, variance = np.empty(count), np.empty(count)
    lints_full_moments(blocks, count, dim, x, sigma2, mean, variance, scratch)
    return choose_normal(slots, count, mean, variance, key, decision)


@kernel
def lints_full_refresh(blocks: NDArray[np.float64], weighted: NDArray[np.float64], position: int, dim: int) -> None:
    """Solve y = L^-1 b for one arm, by forward substitution."""
    block, lane = position // law.LANES, position % law.LANES
    row, y = 0, dim * (dim + 1) // 2
    for i in range(dim):
        a0 = a1 = a2 = a3 = 0.0
        for k in range(0, i - i % 4, 4):
            a0 += blocks[block, row + k, lane] * blocks[block, y + k, lane]
            a1 += blocks[block, row + k + 1, lane] * blocks[block, y + k + 1, lane]
            a2 += blocks[block, row + k + 2, lane] * blocks[block, y + k + 2, lane]
            a3 += blocks[block, row + k + 3, lane] * blocks[block, y + k + 3, lane]
        k = i - i % 4
        if k < i:
            a0 += blocks[block, row + k, lane] * blocks[block, y + k, lane]
        if k + 1 < i:
            a1 += blocks[block, row + k + 1, lane] * blocks[block, y + k + 1, lane]
        if k + 2 < i:
            a2 += blocks[block, row + k + 2, lane] * blocks[block, y + k + 2, lane]
        rest = weighted[position, i] - ((a0 + a1) + (a2 + a3))
        blocks[block, y + i, lane] = rest / blocks[block, row + i, lane]
        row += i + 1


@kernel
def lints_full_refresh_all(blocks: NDArray[np.float64], weighted: NDArray[np.float64], columns: int, dim: int) -> None:
    """As :func:`lints_full_refresh`, for positions 0 .. columns - 1."""
    for position in range(columns):
        lints_full_refresh(blocks, weighted, position, dim)


@kernel
def lints_full_prior(blocks: NDArray[np.float64], position: int, dim: int, prior: float) -> None:
    """Write an arm without evidence: L = sqrt(prior) I, y = 0."""
    block, lane = position // law.LANES, position % law.LANES
    blocks[block, :, lane] = 0.0
    for i in range(dim):
        blocks[block, i * (i + 3) // 2, lane] = math.sqrt(prior)


@kernel
def lints_full_update(
    blocks: NDArray[np.float64],
    weighted: NDArray[np.float64],
    position: int,
    dim: int,
    x: NDArray[np.float64],
    reward: float,
    scratch: NDArray[np.float64],
) -> None:
    """Apply one reward: A += x x' by a Givens rotation for each column of L, b += reward x, y anew."""
    block, lane = position // law.LANES, position % law.LANES
    for j in range(dim):
        weighted[position, j] += reward * x[j]
        scratch[j] = x[j]
    for k in range(dim):
        at = k * (k + 3) // 2
        diagonal, w = blocks[block, at, lane], scratch[k]
        r = math.sqrt(diagonal * diagonal + w * w)
        c, s = diagonal / r, w / r
        blocks[block, at, lane] = r
        for i in range(k + 1, dim):
            at += i
            t, w = blocks[block, at, lane], scratch[i]
            blocks[block, at, lane] = c * t + s * w
            scratch[i] = c * w - s * t
    lints_full_refresh(blocks, weighted, position, dim)
