"""The clock of a posterior whose evidence decays, as it stands in the head of its arrays and in its state.

Forward decay (Cormode, Shkapenyuk, Srivastava & Xu, ICDE 2009): evidence is kept in the units of a landmark,
and one factor for all arms turns it into what it is worth now. Time enters only through whole ticks, 1,024 to
a half-life, so that every weight is a function of an integer. The arithmetic runs in the kernels; here the
clock is set, saved and checked.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise._fields import INT64, Fields
from armwise._words import shown
from armwise.clock import span
from armwise.errors import ConfigurationError
from armwise.types import State
from armwise_kernels import law

__all__ = ["clock_state", "growth", "half_life_of", "half_life_span", "restore_clock", "restored_half_life"]

_SHORTEST: Final = 1_000
_LATEST: Final = (1 << 62) - 1
_LIVES: Final = 64  # half-lives between landmark and present, at most


def half_life_span(half_life: float | timedelta | None) -> int:
    """A half-life in integer nanoseconds, 0 for None.

    Raises
    ------
    ConfigurationError
        If it is no length of time, or shorter than a microsecond.
    """
    if half_life is None:
        return 0
    length = span(half_life)
    if length < _SHORTEST:
        msg = f"half_life is {shown(half_life)}; expected at least a microsecond, or None for no decay"
        raise ConfigurationError(msg)
    return length


def growth(head: NDArray[np.int64]) -> float:
    """What a unit of present evidence is in the units of the landmark, 2^((tick - landmark) / 1024).

    By square roots, which round alike on every machine, as ``2.0 ** x`` need not.
    """
    ticks = int(head[law.HEAD_TICK] - head[law.HEAD_LANDMARK])
    factor, root = math.ldexp(1.0, ticks >> 10), 2.0
    for bit in range(9, -1, -1):
        root = math.sqrt(root)
        if ticks >> bit & 1:
            factor *= root
    return factor


def half_life_of(head: NDArray[np.int64]) -> timedelta | None:
    """The half-life, to the microsecond; None where nothing decays."""
    length = int(head[law.HEAD_HALF_LIFE])
    return timedelta(microseconds=length / 1000) if length else None


def restored_half_life(fields: Fields) -> int:
    """The half-life of a state, in nanoseconds; 0 where nothing decays."""
    if fields.legacy and not fields.says("half_life_ns"):
        return 0
    half_life = fields.whole("half_life_ns", 0, _LATEST)
    if 0 < half_life < _SHORTEST:
        fields.refuse("half_life_ns", f"0, or at least {_SHORTEST} nanoseconds")
    return half_life


def clock_state(head: NDArray[np.int64]) -> State:
    """The half-life and, where there is one, the clock."""
    state: State = {"half_life_ns": int(head[law.HEAD_HALF_LIFE])}
    if state["half_life_ns"]:
        state["clock"] = {
            "now": int(head[law.HEAD_NOW]),
            "tick": int(head[law.HEAD_TICK]),
            "landmark": int(head[law.HEAD_LANDMARK]),
        }
    return state


def restore_clock(head: NDArray[np.int64], fields: Fields) -> None:
    """Set the clock of a head whose half-life is set.

    The end of the tick is left at 0: the next call finds it again, and a tick that has not passed changes
    nothing.

    Raises
    ------
    SnapshotError
        If tick and landmark do not follow from the time and the half-life.
    """
    half_life = int(head[law.HEAD_HALF_LIFE])
    if not half_life or (fields.legacy and not fields.says("clock")):
        return
    clock = fields.fields("clock")
    now = clock.whole("now", 0, _LATEST)
    tick = clock.whole("tick", 0, INT64)
    if tick != _tick(now, half_life):
        clock.refuse("tick", f"{_tick(now, half_life)}, which is the tick of 'now' under this half-life")
    landmark = clock.whole("landmark", 0, tick)
    if landmark % law.TICKS_PER_HALF_LIFE or (tick - landmark) // law.TICKS_PER_HALF_LIFE >= _LIVES:
        clock.refuse("landmark", f"a multiple of {law.TICKS_PER_HALF_LIFE}, within {_LIVES} half-lives of the tick")
    head[law.HEAD_NOW] = now
    head[law.HEAD_TICK] = tick
    head[law.HEAD_LANDMARK] = landmark


def _tick(now: int, half_life: int) -> int:
    """The tick of a time; the law of native/src/clock.c."""
    ticks = law.TICKS_PER_HALF_LIFE
    return now // half_life * ticks + min(ticks - 1, int(float(now % half_life) * float(ticks) / float(half_life)))
