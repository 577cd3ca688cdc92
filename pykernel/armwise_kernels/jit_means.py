"""Epsilon-greedy and UCB1 in Numba. Twin of ``native/src/means.c``."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import U0, below, kernel, log, philox, unit53

WORD_EPSILON: Final = np.uint64(law.PURPOSE_EPSILON << 24)


@kernel
def greedy(means: NDArray[np.float64], count: int) -> int:
    """The position of the greatest mean; ties to the lowest."""
    best = 0
    for i in range(1, count):
        if means[i] > means[best]:
            best = i
    return best


@kernel
def epsilon_greedy_select(means: NDArray[np.float64], count: int, epsilon: float, key: int, decision: int) -> int:
    """Explore with probability epsilon, else the greedy position."""
    r1, r2 = philox(U0, np.uint64(decision), WORD_EPSILON, np.uint64(key))
    if unit53(r1) < epsilon:
        return int(np.int64(below(r2, np.uint64(count))))
    return greedy(means, count)


@kernel
def ucb1_select(means: NDArray[np.float64], counts: NDArray[np.float64], count: int, total: int) -> int:
    """The first position without a reward, else the greatest upper bound."""
    for i in range(count):
        if counts[i] == 0.0:
            return i
    width = 2.0 * log(float(total))
    best, top = 0, -math.inf
    for i in range(count):
        bound = means[i] + math.sqrt(width / counts[i])
        if bound > top:
            best, top = i, bound
    return best


@kernel
def mean_update(
    head: NDArray[np.int64],
    stamps: NDArray[np.int64],
    means: NDArray[np.float64],
    counts: NDArray[np.float64],
    positions: NDArray[np.int32],
    rewards: NDArray[np.float64],
) -> None:
    """Apply checked rewards in order."""
    for k in range(positions.size):
        i = positions[k]
        counts[i] += 1.0
        # by shares: the difference of two huge rewards could overflow
        means[i] += rewards[k] / counts[i] - means[i] / counts[i]
        head[law.HEAD_UPDATES] += 1
        head[law.HEAD_VERSION] += 1
        stamps[i] = head[law.HEAD_VERSION]
