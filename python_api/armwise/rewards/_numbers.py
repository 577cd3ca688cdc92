"""Numbers as callers hand them over: real, finite, in their range, and never a truth value."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from numbers import Real
from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError

__all__ = ["LARGEST", "PLAIN", "check_mapping", "entry", "number"]

LARGEST: Final = sys.float_info.max
"""The bound of what is only to be finite."""

PLAIN: Final = frozenset({float, int})
"""The types of numbers that need no conversion; a bool is neither."""


def number(value: object, name: str, low: float = -LARGEST, high: float = LARGEST, *, above: bool = False) -> float:
    """Return a real number in [low, high], or in (low, high] where it must be `above`, as a float.

    Raises
    ------
    ConfigurationError
        If it is none: a bool, a text, NaN, infinite, or outside.
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            result = float(value)
        except OverflowError:
            result = math.inf
        if low <= result <= high and not (above and result == low):
            return result
    msg = f"{name} is {shown(value)}; expected {_range(low, high, above=above)}"
    raise ConfigurationError(msg)


def check_mapping(values: object, name: str) -> Mapping[str, object]:
    """Return a mapping as it was given.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if isinstance(values, Mapping):
        return values
    msg = f"{name} is {shown(values)}; expected a mapping of names to numbers"
    raise ConfigurationError(msg)


def entry(
    values: Mapping[str, object], name: str, key: str, low: float, high: float, absent: float | None = None
) -> float:
    """Return the number that a mapping holds under a key.

    Parameters
    ----------
    values : mapping
        What holds it.
    name : str
        How the mapping is called in an error.
    key : str
        Which entry.
    low, high : float
        Its range.
    absent : float, optional
        What stands for an entry that is not there; without it there must be one.

    Raises
    ------
    ConfigurationError
        If it is missing or no such number.
    """
    if key in values:
        return number(values[key], f"{name}[{key!r}]", low, high)
    if absent is None:
        msg = f"{name} holds no {key!r}; expected {_range(low, high)}"
        raise ConfigurationError(msg)
    return absent


def _range(low: float, high: float, *, above: bool = False) -> str:
    if high < LARGEST:
        return f"a number in {'(' if above else '['}{low:g}, {high:g}]"
    if low > -LARGEST:
        return f"a finite number, {'more than' if above else 'at least'} {low:g}"
    return "a finite number"
