"""The state of a Beta posterior in Numba: rewards in, constants out. Twin of ``native/src/thompson.c``."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import kernel, kernel_inline
from armwise_kernels.jit_block import block_update
from armwise_kernels.jit_clock import clock_advance, decay, growth, tick_of
from armwise_kernels.jit_thompson import ALPHA, BETA, beta_constants


@kernel_inline
def is_boosted(table: NDArray[np.float64], i: int) -> bool:
    """Whether a shape of a column is below one."""
    return bool((table[ALPHA, i] < 1.0) | (table[BETA, i] < 1.0))


@kernel
def beta_refresh(
    head: NDArray[np.int64],
    stamps: NDArray[np.int64],
    table: NDArray[np.float64],
    evidence: NDArray[np.float64],
) -> None:
    """Recompute all that follows from the evidence: shapes that decay, constants, the small shapes."""
    columns = table.shape[1]
    if head[law.HEAD_HALF_LIFE]:
        weight = decay(head[law.HEAD_TICK] - head[law.HEAD_LANDMARK])
        for side in range(2):
            for i in range(columns):
                added = evidence[law.EVIDENCE_A + side, i]
                table[ALPHA + side, i] = evidence[law.EVIDENCE_PRIOR_A + side, i] + added * weight
    beta_constants(table, 0, columns)
    boosted = 0
    for i in range(head[law.HEAD_COUNT]):
        boosted += is_boosted(table, i)
    head[law.HEAD_BOOSTED] = boosted
    stamps[:] = head[law.HEAD_VERSION]


@kernel
def beta_advance(
    head: NDArray[np.int64],
    stamps: NDArray[np.int64],
    table: NDArray[np.float64],
    evidence: NDArray[np.float64],
    now: int,
) -> None:
    """Move the clock of a decaying state; refresh every column where a tick has passed."""
    scale = clock_advance(head, now)
    if math.isnan(scale):
        return
    for side in range(law.EVIDENCE_A, law.EVIDENCE_B + 1):
        for i in range(evidence.shape[1]):
            evidence[side, i] *= scale
    beta_refresh(head, stamps, table, evidence)


@kernel_inline
def _reshaped(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stamps: NDArray[np.int64],
    table: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    i: int,
    before: bool,  # noqa: FBT001 - Numba compiles no keyword-only parameters
    rewards: int | np.int64,
) -> None:
    """Account for new shapes of one column, as one state change; `before`: whether a shape was below one."""
    beta_constants(table, i, i + 1)
    head[law.HEAD_BOOSTED] += np.int64(is_boosted(table, i)) - np.int64(before)
    head[law.HEAD_UPDATES] += rewards
    head[law.HEAD_VERSION] += 1
    stamps[i] = head[law.HEAD_VERSION]
    if not head[law.HEAD_HALF_LIFE] and head[law.HEAD_COUNT] >= law.BLOCK_MIN_ARMS:
        block_update(head, parameters, table, rates, leaders, i)


@kernel
def beta_reshape(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stamps: NDArray[np.int64],
    table: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    i: int,
    alpha: float,
    beta: float,
    rewards: int | np.int64,
) -> None:
    """Give one column other shapes, as one state change that so many rewards made."""
    before = is_boosted(table, i)
    table[ALPHA, i], table[BETA, i] = alpha, beta
    _reshaped(head, parameters, stamps, table, rates, leaders, i, before, rewards)


@kernel
def beta_update(
    head: NDArray[np.int64],
    parameters: NDArray[np.float64],
    stamps: NDArray[np.int64],
    table: NDArray[np.float64],
    evidence: NDArray[np.float64],
    rates: NDArray[np.uint64],
    leaders: NDArray[np.int32],
    positions: NDArray[np.int32],
    rewards: NDArray[np.float64],
    now: int,
) -> None:
    """Apply checked rewards in order, all at ``now``, which is read only where the state decays."""
    half_life = head[law.HEAD_HALF_LIFE]
    for k in range(positions.size):
        i, reward = positions[k], rewards[k]
        if half_life:
            beta_advance(head, stamps, table, evidence, now)
        before = is_boosted(table, i)
        if half_life:
            gain = growth(tick_of(now, half_life) - head[law.HEAD_LANDMARK])
            weight = decay(head[law.HEAD_TICK] - head[law.HEAD_LANDMARK])
            evidence[law.EVIDENCE_A, i] += reward * gain
            evidence[law.EVIDENCE_B, i] += (1.0 - reward) * gain
            for side in range(2):
                added = evidence[law.EVIDENCE_A + side, i]
                table[ALPHA + side, i] = evidence[law.EVIDENCE_PRIOR_A + side, i] + added * weight
        else:
            table[ALPHA, i] += reward
            table[BETA, i] += 1.0 - reward
        _reshaped(head, parameters, stamps, table, rates, leaders, i, before, 1)
