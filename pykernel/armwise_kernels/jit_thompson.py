"""Beta-Bernoulli Thompson sampling in Numba.

Twin of ``native/src/simd/thompson.h``, where the method is explained. As there, a draw has two phases: one
pass over all arms that accepts by the squeeze alone and that LLVM vectorises, then the few that it does not
accept, listed and settled together. Arms are taken in chunks that stay in the first cache.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import (
    SIGN,
    U0,
    U1,
    bits_of,
    box_muller,
    clamp,
    exp,
    float_of,
    kernel,
    kernel_inline,
    log,
    philox,
    unit24,
    unit53,
)

CHUNK: Final = 256
"""Arms, or decisions, that are drawn together."""
PENDING: Final = -1.0
"""Stands for a gamma that is not accepted yet."""
WORD_BOOST: Final = np.uint64(law.PURPOSE_BOOST << 24)
"""Purpose and attempt of the boost's address."""
(D1, C1, K1, D2, C2, K2, INV_A, INV_B, ALPHA, BETA) = range(law.BETA_ROWS)
BETA_CONSTANTS: Final = INV_B + 1
(X, Y, SCORE, LISTED) = range(4)
(NEW_X, NEW_Y, SLOT, WHEN, PLACE, WINNER, WORK_ROWS) = range(LISTED + 6, LISTED + 13)


@kernel
def beta_constants(table: NDArray[np.float64], from_: int, to: int) -> None:
    """Rows 0 .. 7 of the columns from_ .. to - 1 of a Beta table, from its rows alpha and beta."""
    for side in range(2):
        for i in range(from_, to):
            shape = table[ALPHA + side, i]
            small = shape < 1.0
            d = (shape + 1.0 if small else shape) - 1.0 / 3.0
            table[D1 + 3 * side, i] = d
            table[C1 + 3 * side, i] = 1.0 / math.sqrt(9.0 * d)
            table[K1 + 3 * side, i] = 0.02206 / d
            table[INV_A + side, i] = 1.0 / shape if small else 0.0


@kernel_inline
def squeeze(z: float, u: float, d: float, c: float, kappa: float) -> float:
    """The gamma d v that the squeeze accepts, or PENDING."""
    t = 1.0 + c * z
    q = z * z
    return d * (t * t * t) if (u < 1.0 - kappa * q * q) & (t > 0.0) else PENDING


@kernel_inline
def accept(z: float, u: float, d: float, c: float, kappa: float) -> float:
    """The gamma d v that the squeeze or the density accepts, or PENDING."""
    t = 1.0 + c * z
    q = z * z
    v = t * t * t if t > 0.0 else 1.0
    squeezed = u < 1.0 - kappa * q * q
    exact = log(u) < 0.5 * q + d - d * v + d * log(v)
    return d * v if (squeezed | exact) & (t > 0.0) else PENDING


@kernel_inline
def first_attempt(
    slot: np.uint64,
    decision: np.uint64,
    key: np.uint64,
    d1: float,
    c1: float,
    k1: float,
    d2: float,
    c2: float,
    k2: float,
) -> tuple[float, float]:
    """Both gammas of attempt 0, each PENDING where the squeeze does not accept it."""
    r1, r2 = philox(slot, decision, U0, key)
    z1, z2 = box_muller(r1, r2)
    return squeeze(z1, unit24(r1), d1, c1, k1), squeeze(z2, unit24(r2), d2, c2, k2)


@kernel
def settle(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    column: int,
    column_step: int,
    key: np.uint64,
    decision: np.uint64,
    decision_step: int,
    m: int,
    work: NDArray[np.float64],
) -> None:
    """Settle the pending gammas of a chunk, attempt by attempt.

    Entry j < m, whose gammas are in rows X and Y of ``work``, is column ``column + j * column_step`` at
    ``decision + j * decision_step``. What is pending is copied side by side, so that its loop vectorises too;
    whole numbers are kept there by their bits.
    """
    xs, ys, place = work[X], work[Y], work[PLACE]
    slot, when, new_x, new_y = work[SLOT], work[WHEN], work[NEW_X], work[NEW_Y]
    d1, c1, k1 = work[LISTED + D1], work[LISTED + C1], work[LISTED + K1]
    d2, c2, k2 = work[LISTED + D2], work[LISTED + C2], work[LISTED + K2]
    n = 0
    for j in range(m):
        if (xs[j] < 0.0) | (ys[j] < 0.0):
            i = column + j * column_step
            for row in range(6):
                work[LISTED + row, n] = table[row, i]
            slot[n] = float_of(np.uint64(slots[i]))
            when[n] = float_of(decision + np.uint64(j * decision_step))
            place[n] = float_of(np.uint64(j))
            n += 1
    attempt = U0
    while n > 0:
        for e in range(n):
            r1, r2 = philox(bits_of(slot[e]), bits_of(when[e]), attempt, key)
            z1, z2 = box_muller(r1, r2)
            new_x[e] = accept(z1, unit24(r1), d1[e], c1[e], k1[e])
            new_y[e] = accept(z2, unit24(r2), d2[e], c2[e], k2[e])
        for e in range(n - 1, -1, -1):
            at = bits_of(place[e])
            xs[at] = new_x[e] if xs[at] < 0.0 else xs[at]
            ys[at] = new_y[e] if ys[at] < 0.0 else ys[at]
            if (xs[at] > 0.0) & (ys[at] > 0.0):
                n -= 1
                for row in range(LISTED, WINNER):
                    work[row, e] = work[row, n]
        attempt += U1


@kernel_inline
def boosted_log_ratio(
    x: float,
    y: float,
    slot: np.uint64,
    decision: np.uint64,
    key: np.uint64,
    inverse_a: float,
    inverse_b: float,
) -> float:
    """log(x / y) with the boost of shapes below one; inverse shapes are 0 where none is due."""
    r1, r2 = philox(slot, decision, WORD_BOOST, key)
    return (log(x / y) + log(unit53(r1)) * inverse_a) - log(unit53(r2)) * inverse_b


@kernel
def column_gammas(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    column: int,
    m: int,
    key: np.uint64,
    decision: np.uint64,
    work: NDArray[np.float64],
) -> None:
    """The gammas of ``m`` columns at one decision, in rows X and Y of ``work``. Reads full vectors."""
    slot, xs, ys = slots[column:], work[X], work[Y]
    d1, c1, k1 = table[D1, column:], table[C1, column:], table[K1, column:]
    d2, c2, k2 = table[D2, column:], table[C2, column:], table[K2, column:]
    pending = 0
    for j in range((m + 7) & ~7):
        x, y = first_attempt(np.uint64(slot[j]), decision, key, d1[j], c1[j], k1[j], d2[j], c2[j], k2[j])
        xs[j], ys[j] = x, y
        pending += ((x < 0.0) | (y < 0.0)) & (j < m)
    if pending:
        settle(table, slots, column, 1, key, decision, 0, m, work)


@kernel_inline
def ordered(score: float) -> np.int64:
    """A whole number in the order of the scores: integer maxima vectorise, those of floats do not."""
    bits = bits_of(score + 0.0)  # -0 + 0 is 0: the two zeros tie
    return np.int64(bits) if bits < SIGN else np.int64(bits ^ ~SIGN)


@kernel
def best_of(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    count: int,
    boosted: int,
    key: np.uint64,
    decision: np.uint64,
) -> tuple[int, float]:
    """Position and score of the winner among the first ``count`` columns.

    The score is a ratio of gammas, or its logarithm where ``boosted``, the number of columns with a shape
    below one, is not 0. Ties go to the lowest position. Columns up to the next multiple of eight are read.
    """
    work = np.empty((WORK_ROWS, CHUNK))
    xs, ys, scores = work[X], work[Y], work[SCORE]
    best, top = 0, -math.inf
    for column in range(0, count, CHUNK):
        m = min(count - column, CHUNK)
        column_gammas(table, slots, column, m, key, decision, work)
        highest = ordered(-math.inf)
        if boosted:
            slot, inverse_a, inverse_b = slots[column:], table[INV_A, column:], table[INV_B, column:]
            for j in range((m + 7) & ~7):
                score = boosted_log_ratio(xs[j], ys[j], np.uint64(slot[j]), decision, key, inverse_a[j], inverse_b[j])
                scores[j] = score if j < m else -math.inf
                highest = max(highest, ordered(scores[j]))
        else:
            for j in range((m + 7) & ~7):
                scores[j] = xs[j] / ys[j] if j < m else -math.inf
                highest = max(highest, ordered(scores[j]))
        if highest > ordered(top):
            j = 0
            while ordered(scores[j]) != highest:
                j += 1
            best, top = column + j, scores[j]
    return best, top


@kernel
def decision_gammas(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    column: int,
    m: int,
    key: np.uint64,
    decision: np.uint64,
    work: NDArray[np.float64],
) -> None:
    """The gammas of one column at ``m`` decisions, in rows X and Y of ``work``."""
    slot, xs, ys = np.uint64(slots[column]), work[X], work[Y]
    d1, c1, k1 = table[D1, column], table[C1, column], table[K1, column]
    d2, c2, k2 = table[D2, column], table[C2, column], table[K2, column]
    pending = 0
    for j in range(m):
        x, y = first_attempt(slot, decision + np.uint64(j), key, d1, c1, k1, d2, c2, k2)
        xs[j], ys[j] = x, y
        pending += (x < 0.0) | (y < 0.0)
    if pending:
        settle(table, slots, column, 0, key, decision, 1, m, work)


@kernel
def thompson_select(
    table: NDArray[np.float64], slots: NDArray[np.uint32], count: int, boosted: int, key: int, decision: int
) -> int:
    """The winning position among the first ``count`` columns; see :func:`best_of`."""
    return best_of(table, slots, count, boosted, np.uint64(key), np.uint64(decision))[0]


@kernel
def thompson_many(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    count: int,
    boosted: int,
    key: int,
    decision: int,
    out: NDArray[np.int32],
) -> None:
    """The winning positions of ``out.size`` decisions; lanes are decisions. Equal to as many selects."""
    bits = np.uint64(key)
    work = np.empty((WORK_ROWS, CHUNK))
    xs, ys, tops, winners = work[X], work[Y], work[SCORE], work[WINNER]
    for row in range(0, out.size, CHUNK):
        m = min(out.size - row, CHUNK)
        first = np.uint64(decision) + np.uint64(row)
        for j in range(m):
            tops[j], winners[j] = -math.inf, 0.0
        for i in range(count):
            decision_gammas(table, slots, i, m, bits, first, work)
            place = float(i)
            if boosted:
                slot, inverse_a, inverse_b = np.uint64(slots[i]), table[INV_A, i], table[INV_B, i]
                for j in range(m):
                    score = boosted_log_ratio(xs[j], ys[j], slot, first + np.uint64(j), bits, inverse_a, inverse_b)
                    winners[j] = place if score > tops[j] else winners[j]
                    tops[j] = max(tops[j], score)
            else:
                for j in range(m):
                    score = xs[j] / ys[j]
                    winners[j] = place if score > tops[j] else winners[j]
                    tops[j] = max(tops[j], score)
        for j in range(m):
            out[row + j] = np.int32(winners[j])


@kernel_inline
def beta_of(
    x: float,
    y: float,
    slot: np.uint64,
    decision: np.uint64,
    key: np.uint64,
    inverse_a: float,
    inverse_b: float,
) -> float:
    """The Beta draw of two gammas."""
    t = boosted_log_ratio(x, y, slot, decision, key, inverse_a, inverse_b)
    lifted = 1.0 / (1.0 + exp(clamp(-t, -700.0, 700.0)))
    return lifted if (inverse_a > 0.0) | (inverse_b > 0.0) else x / (x + y)


@kernel
def beta_draws(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    boosted: int,
    key: int,
    decision: int,
    out: NDArray[np.float64],
) -> None:
    """Row i of ``out`` (n, K): the draws of the first K columns at ``decision + i``."""
    bits = np.uint64(key)
    work = np.empty((WORK_ROWS, CHUNK))
    xs, ys = work[X], work[Y]
    n, count = out.shape
    for row in range(n):
        when = np.uint64(decision) + np.uint64(row)
        for column in range(0, count, CHUNK):
            m = min(count - column, CHUNK)
            column_gammas(table, slots, column, m, bits, when, work)
            drawn = out[row, column:]
            if boosted:
                slot, inverse_a, inverse_b = slots[column:], table[INV_A, column:], table[INV_B, column:]
                for j in range(m):
                    drawn[j] = beta_of(xs[j], ys[j], np.uint64(slot[j]), when, bits, inverse_a[j], inverse_b[j])
            else:
                for j in range(m):
                    drawn[j] = xs[j] / (xs[j] + ys[j])


@kernel
def beta_draws_many(
    table: NDArray[np.float64],
    slots: NDArray[np.uint32],
    boosted: int,
    key: int,
    decision: int,
    out: NDArray[np.float64],
) -> None:
    """As :func:`beta_draws`, faster where there are more decisions than arms: lanes are decisions."""
    bits = np.uint64(key)
    work = np.empty((WORK_ROWS, CHUNK))
    xs, ys, drawn = work[X], work[Y], work[SCORE]
    n, count = out.shape
    for row in range(0, n, CHUNK):
        m = min(n - row, CHUNK)
        first = np.uint64(decision) + np.uint64(row)
        for i in range(count):
            decision_gammas(table, slots, i, m, bits, first, work)
            if boosted:
                slot, inverse_a, inverse_b = np.uint64(slots[i]), table[INV_A, i], table[INV_B, i]
                for j in range(m):
                    when = first + np.uint64(j)
                    drawn[j] = beta_of(xs[j], ys[j], slot, when, bits, inverse_a, inverse_b)
            else:
                for j in range(m):
                    drawn[j] = xs[j] / (xs[j] + ys[j])
            for j in range(m):  # apart, since a loop that also strides through the rows does not vectorise
                out[row + j, i] = drawn[j]
