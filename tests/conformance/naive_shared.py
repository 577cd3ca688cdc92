"""The words of a shared table, one number at a time; imports nothing of armwise."""

from __future__ import annotations

from fractions import Fraction
from math import floor

BITS, UNITS = 26, 4096
MOST = 2**BITS - 2


def parts(word: int) -> tuple[int, int]:
    """The sum of the rewards, in units, and their count."""
    return word // 2**BITS, word % 2**BITS


def word(total: int, count: int) -> int:
    return total * 2**BITS + count


def can_be(given: int) -> bool:
    total, count = parts(given)
    return count <= MOST and total <= count * UNITS


def units(reward: float) -> int:
    """The nearest number of units, halves up."""
    return floor(Fraction(reward * UNITS + 0.5))


def added(given: int, reward: float) -> int:
    total, count = parts(given)
    if count == MOST:
        total, count = total // 2, count // 2
    return word(total + units(reward), count + 1)


def shapes(given: int, prior: tuple[float, float]) -> tuple[float, float]:
    total, count = parts(given)
    return prior[0] + total / UNITS, prior[1] + (count * UNITS - total) / UNITS
