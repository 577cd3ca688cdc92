"""Time as armwise keeps it: integer nanoseconds since the epoch.

A decision is a pure function of its inputs, and with a half-life the time is one of them. Floating seconds
since 1970 resolve no better than 0.2 microseconds, and a sum of them depends on its order; integers are
exact, compare exactly and are written to a log exactly.
"""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from numbers import Integral, Real

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["nanoseconds", "span"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000_000
# The kernels keep time as int64; a span may be added to a moment, so each may use half of the range (until
# 2116).
_LIMIT = 1 << 62
_FAR = 2.0**53


def nanoseconds(now: float | datetime | None = None) -> int:
    """Return a moment as integer nanoseconds since 1970-01-01 UTC.

    Parameters
    ----------
    now : int, float, datetime or None
        An integer is nanoseconds, a float is seconds, a datetime must know its time zone; None reads the
        system clock.

    Returns
    -------
    int
        Nanoseconds in [0, 2**62).

    Raises
    ------
    ConfigurationError
        If `now` is not finite, has no time zone, is of another type, or lies outside the range.

    Examples
    --------
    >>> nanoseconds(1.5)
    1500000000
    >>> nanoseconds(1_500_000_000)
    1500000000
    >>> nanoseconds(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    60000000000
    """
    if now is None:
        return time.time_ns()
    if isinstance(now, datetime):
        if now.utcoffset() is None:
            # datetime.timestamp() would read it in the zone of this machine, and a replay elsewhere would
            # differ.
            msg = f"now is {shown(now)}, which has no time zone; give one, for example datetime.now(tz=UTC)"
            raise ConfigurationError(msg)
        moment = (now - _EPOCH) // _MICROSECOND * 1000
    else:
        number = _number("now", now, "an integer of nanoseconds, finite seconds as a float, or a datetime")
        moment = number if isinstance(number, int) else _scaled(number)
    if not 0 <= moment < _LIMIT:
        msg = (
            f"now is {shown(now)}; expected a moment between 1970 and 2116:"
            " integers are nanoseconds since the epoch, floats are seconds"
        )
        raise ConfigurationError(msg)
    return moment


def span(length: float | timedelta, *, name: str = "half_life") -> int:
    """Return a length of time as integer nanoseconds.

    Parameters
    ----------
    length : float or timedelta
        Seconds, whether an integer or a float, or a timedelta; more than zero.
    name : str
        What the length is called in an error.

    Returns
    -------
    int
        Nanoseconds in [1, 2**62).

    Raises
    ------
    ConfigurationError
        If `length` is not finite, not more than zero, too long, or of another type.

    Examples
    --------
    >>> span(3600)
    3600000000000
    >>> span(timedelta(days=7)) == span(7 * 24 * 3600.0)
    True
    """
    if isinstance(length, timedelta):
        result = length // _MICROSECOND * 1000
    else:
        number = _number(name, length, "finite seconds as a number, or a timedelta")
        result = number * _SECOND if isinstance(number, int) else _scaled(number)
    if not 0 < result < _LIMIT:
        msg = f"{name} is {shown(length)}; expected at least one nanosecond and less than 146 years"
        raise ConfigurationError(msg)
    return result


def _number(name: str, value: object, expected: str) -> int | float:
    """Return an integer or a finite float as Python's own; NumPy's scalars are welcome, booleans are not."""
    if not isinstance(value, bool):
        if isinstance(value, Integral):
            return int(value)
        if isinstance(value, Real) and math.isfinite(seconds := _float(value)):
            return seconds
    msg = f"{name} is {shown(value)}; expected {expected}"
    raise ConfigurationError(msg)


def _float(value: Real) -> float:
    """A real number as a float; a fraction too large for one is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _scaled(seconds: float) -> int:
    """Return seconds as nanoseconds; what is out of every range here stays so, and finite."""
    return round(min(max(seconds, -_FAR), _FAR) * _SECOND)
