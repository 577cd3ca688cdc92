"""Numbers that a caller gave, checked before anything is done with them."""

from __future__ import annotations

from numpy.typing import ArrayLike

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.evaluation._columns import numbers, refuse
from armwise.posteriors._numbers import real, whole
from armwise.types import FloatArray

__all__ = ["LARGEST", "column", "finite_number", "level", "number_in", "number_of"]

LARGEST = 1e70
"""What is observed lies within plus or minus this: its fourth power can still be added up."""


def column(name: str, values: ArrayLike, low: float = -LARGEST, high: float = LARGEST) -> FloatArray:
    """Return one column of numbers in [low, high] as float64, shape (n,), or refuse it."""
    array = numbers(name, values)
    refuse(~((array >= low) & (array <= high)), array, name, f"a finite number in [{low:g}, {high:g}]")
    return array


def finite_number(name: str, value: object, low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a number in [low, high], or refuse it."""
    number = real(value)
    if not low <= number <= high:
        msg = f"{name} is {shown(value)}; expected a finite number in [{low:g}, {high:g}]"
        raise ConfigurationError(msg)
    return number


def number_in(name: str, value: object, low: float, high: float) -> float:
    """Return a number strictly between low and high, or refuse it."""
    number = real(value)
    if not low < number < high:
        msg = f"{name} is {shown(value)}; expected a number above {low:g} and below {high:g}"
        raise ConfigurationError(msg)
    return number


def level(value: object) -> float:
    """Return a probability of error in (0, 1), or refuse it."""
    return number_in("alpha", value, 0.0, 1.0)


def number_of(name: str, value: object, low: int, high: int = 1 << 53) -> int:
    """Return a whole number in [low, high], or refuse it."""
    count = whole(value, low - 1)
    if not low <= count <= high:
        msg = f"{name} is {shown(value)}; expected a whole number from {low} to {high}"
        raise ConfigurationError(msg)
    return count
