"""Decay by ticks in Numba. Twin of ``native/src/clock.c``, where the scheme is told."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.jit import U52, exp, float_of, kernel

SPAN: Final = 64
"""Half lives between landmark and present, at most."""
LOG2_A_TICK: Final = 0.69314718055994530942 / law.TICKS_PER_HALF_LIFE


@kernel
def power_of_two(exponent: int) -> float:
    """2^exponent by its bits, for exponents up to 1000; 0 below -1000."""
    return 0.0 if exponent < -1000 else float_of(np.uint64(exponent + 1023) << U52)


@kernel
def tick_of(now: int, half_life: int) -> int:
    """The tick of a time under a half life, in nanoseconds both: 1024 ticks a half life."""
    part = int(float(now % half_life) * 1024.0 / float(half_life))
    return now // half_life * law.TICKS_PER_HALF_LIFE + min(part, law.TICKS_PER_HALF_LIFE - 1)


@kernel
def tick_end(tick: int, half_life: int) -> int:
    """A time no later than the first of the next tick."""
    part = int(float((tick & 1023) + 1) * float(half_life) / 1024.0)
    # the product is rounded: by half an ulp of a half life past 2^53 ns, and the quotient again
    return (tick >> 10) * half_life + part - 1 - (half_life >> 52)


@kernel
def decay(ticks: int) -> float:
    """2^(-ticks / 1024) for ticks >= 0; 0 below 2^-1000."""
    return power_of_two(-(ticks >> 10)) * exp(-float(ticks & 1023) * LOG2_A_TICK)


@kernel
def growth(ticks: int) -> float:
    """2^(ticks / 1024) for ticks up to 1024 * 1000; 0 below 2^-1000."""
    return power_of_two(ticks >> 10) * exp(float(ticks & 1023) * LOG2_A_TICK)


@kernel
def clock_advance(head: NDArray[np.int64], now: int) -> float:
    """Move the clock of a decaying state to ``now``, if that is later.

    Returns
    -------
    float
        NaN where no tick has passed. Else the version was raised: the caller multiplies its evidence by the
        number (1 unless the landmark moved) and refreshes every column at ``decay(TICK - LANDMARK)``.
    """
    if now <= head[law.HEAD_NOW]:
        return math.nan
    head[law.HEAD_NOW] = now
    if now < head[law.HEAD_NEXT]:
        return math.nan
    half_life = head[law.HEAD_HALF_LIFE]
    tick = tick_of(now, half_life)
    head[law.HEAD_NEXT] = tick_end(tick, half_life)
    if tick <= head[law.HEAD_TICK]:
        return math.nan
    head[law.HEAD_TICK] = tick
    head[law.HEAD_VERSION] += 1
    lives = (tick - head[law.HEAD_LANDMARK]) >> 10
    if lives < SPAN:
        return 1.0
    head[law.HEAD_LANDMARK] += lives * law.TICKS_PER_HALF_LIFE
    return power_of_two(-lives)
