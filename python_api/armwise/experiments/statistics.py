"""Sums that do not round, and what is known of a mean from them.

Experiments are counted in several processes and put together later, in whatever order the processes report.
Floating sums depend on that order. A float is a whole number of units of 2^-1074 (IEEE 754 binary64), and its k-th
power one of 2^-1074k, so sums of powers are kept as integers: adding is exact, merging is exact in any order, and a
figure is rounded once, when it is read.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from numbers import Integral
from typing import Final

import numpy as np

from armwise._fields import COUNTS, Fields
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.types import State
from armwise_kernels.cores_arguments import real_number

__all__ = ["LARGEST", "ExactSum", "Statistics", "check_number"]

LARGEST: Final = 1e70
"""The largest magnitude of a reward: sums of its fourth power stay among the floats."""

_BITS: Final = 1074
_ONE: Final = 1 << _BITS
_MOST_BITS: Final = 1100
_TEXT: Final = re.compile(r"(-?[0-9a-f]{1,1400})p(-?[0-9]{1,4})")
_SLACK: Final = 1e-9


def check_number(value: object, name: str = "reward", low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a real number in [low, high] as a float.

    Raises
    ------
    ConfigurationError
        If it is no real number, a truth value among them, or outside.
    """
    truth = isinstance(value, (bool, np.bool_)) or (isinstance(value, np.ndarray) and value.dtype.kind == "b")
    try:
        number = math.nan if truth else real_number(name, value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        number = math.nan
    if not low <= number <= high:
        msg = f"{name} is {shown(value)}; expected a finite number in [{low:g}, {high:g}]"
        raise ConfigurationError(msg)
    return number


class ExactSum:
    """A sum of floats, exact until it is read.

    Parameters
    ----------
    value : float
        What it begins with; finite, within 1e70.

    Raises
    ------
    ConfigurationError
        If `value` is no such number.

    Examples
    --------
    >>> total = ExactSum()
    >>> for term in (0.1, 1e17, -1e17):
    ...     total.add(term)
    >>> total.value, sum((0.1, 1e17, -1e17))
    (0.1, 0.0)
    """

    __slots__ = ("_units",)

    def __init__(self, value: float = 0.0) -> None:
        self._units = _units(check_number(value, "value"))

    @property
    def value(self) -> float:
        """The sum, rounded once."""
        return self._units / _ONE

    def add(self, term: float) -> None:
        """Add a finite float."""
        self._units += _units(term)

    def merged(self, other: ExactSum) -> ExactSum:
        """The sum of both; neither is changed."""
        both = ExactSum()
        both._units = self._units + other._units
        return both

    def __eq__(self, other: object) -> bool:
        return self._units == other._units if isinstance(other, ExactSum) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"ExactSum({self.value!r})"

    def to_text(self) -> str:
        """Write the sum without loss: hexadecimal digits, ``p``, and a power of two."""
        return _written(self._units, _BITS)

    @classmethod
    def from_field(cls, fields: Fields, name: str) -> ExactSum:
        """Read what :meth:`to_text` wrote, from a field of a state.

        Raises
        ------
        SnapshotError
            If the field holds no such text.
        """
        read = cls()
        read._units = _read(fields, name, fields.text(name), _BITS)
        return read


class Statistics:
    """How many values there were, and the sums of their first four powers: what merges, and what intervals need.

    Parameters
    ----------
    n : int
        How many values, at least 0.
    total : float
        Their sum.
    squares : float
        The sum of their squares, at least total^2 / n.
    cubes, fourths : float
        The sums of their third and fourth powers; a sequence of confidence reads from them how the spread is spread.

    Raises
    ------
    ConfigurationError
        If there are no such values.

    Notes
    -----
    The sample variance is (n Q - S^2) / (n (n - 1)) of exact sums S and Q, and does not cancel. Not safe to change
    from several threads: :class:`~armwise.experiments.ExperimentManager` holds a lock.

    Examples
    --------
    >>> here, there = Statistics(), Statistics()
    >>> for value in (1.0, 2.0):
    ...     here.add(value)
    >>> there.add(6.0)
    >>> both = here.merged(there)
    >>> both.n, both.total, both.mean, both.variance
    (3, 9.0, 3.0, 7.0)
    """

    __slots__ = ("_powers", "n")

    n: int
    """How many values there are."""

    def __init__(
        self, n: int = 0, total: float = 0.0, squares: float = 0.0, cubes: float = 0.0, fourths: float = 0.0
    ) -> None:
        if not isinstance(n, Integral) or isinstance(n, bool) or not 0 <= n <= COUNTS:
            msg = f"n is {shown(n)}; expected a whole number of values, at least 0"
            raise ConfigurationError(msg)
        sums = [
            check_number(total, "total"),
            check_number(squares, "squares", 0.0, LARGEST**2),
            check_number(cubes, "cubes", -(LARGEST**3), LARGEST**3),
            check_number(fourths, "fourths", 0.0, LARGEST**4),
        ]
        least = sums[0] * sums[0] / n if n else 0.0
        if sums[1] < least * (1.0 - _SLACK) or (not n and any(sums)):
            msg = (
                f"{n} values have no sum {total!r} and sum of squares {squares!r}; expected at least {least!r} of these"
            )
            raise ConfigurationError(msg)
        self.n = int(n)
        self._powers: list[int] = [_units(value) << _BITS * k for k, value in enumerate(sums)]

    @property
    def total(self) -> float:
        """Sum of the values."""
        return _ratio(self._powers[0], _ONE)

    @property
    def squares(self) -> float:
        """Sum of the squares of the values."""
        return _ratio(self._powers[1], 1 << 2 * _BITS)

    @property
    def mean(self) -> float | None:
        """Mean of the values; None where there are none."""
        return _ratio(self._powers[0], self.n << _BITS) if self.n else None

    @property
    def variance(self) -> float | None:
        """Sample variance (divided by n - 1), at least 0; None below two values."""
        if self.n < 2:
            return None
        spread = self.n * self._powers[1] - self._powers[0] * self._powers[0]
        return _ratio(max(spread, 0), self.n * (self.n - 1) << 2 * _BITS)

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean of independent values; None below two."""
        variance = self.variance
        return None if variance is None else math.sqrt(variance / self.n)

    def about(self, origin: float) -> tuple[float, float, float, float]:
        """The sums of the powers 1 to 4 of (value - origin), each rounded once.

        Examples
        --------
        >>> Statistics(2, 3.0, 5.0, 9.0, 17.0).about(1.5)  # of 1 and 2
        (0.0, 0.5, 0.0, 0.125)
        """
        o = Fraction(origin)
        s1, s2, s3, s4 = (Fraction(units, 1 << _BITS * k) for k, units in enumerate(self._powers, start=1))
        n = self.n
        return (
            float(s1 - n * o),
            float(s2 - o * (2 * s1 - n * o)),
            float(s3 - o * (3 * s2 - o * (3 * s1 - n * o))),
            float(s4 - o * (4 * s3 - o * (6 * s2 - o * (4 * s1 - n * o)))),
        )

    def add(self, value: float) -> None:
        """Take one more value; finite and within 1e70, which is not checked here."""
        numerator, denominator = value.as_integer_ratio()
        shift = _BITS + 1 - denominator.bit_length()
        powers = self._powers
        power = numerator
        powers[0] += power << shift
        power *= numerator
        powers[1] += power << 2 * shift
        power *= numerator
        powers[2] += power << 3 * shift
        power *= numerator
        powers[3] += power << 4 * shift
        self.n += 1

    def merged(self, other: Statistics) -> Statistics:
        """The statistics of all values of both; neither is changed."""
        both = Statistics()
        both.n = self.n + other.n
        both._powers = [mine + its for mine, its in zip(self._powers, other._powers, strict=True)]
        return both

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Statistics):
            return NotImplemented
        return (self.n, self._powers) == (other.n, other._powers)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"Statistics(n={self.n}, total={self.total!r}, squares={self.squares!r})"

    def state_dict(self) -> State:
        """The statistics as plain JSON, without loss."""
        return {"n": self.n, "powers": [_written(units, _BITS * k) for k, units in enumerate(self._powers, start=1)]}

    @classmethod
    def from_state(cls, fields: Fields) -> Statistics:
        """Read what :meth:`state_dict` wrote.

        Raises
        ------
        SnapshotError
            If the fields are missing, malformed, or no values have such sums.
        """
        read = cls()
        read.n = n = fields.whole("n", 0, COUNTS)
        texts = fields.items("powers")
        if len(texts) != 4:
            fields.refuse("powers", "the sums of four powers")
        read._powers = [_read(fields, "powers", text, _BITS * k) for k, text in enumerate(texts, start=1)]
        s1, s2, s3, s4 = read._powers
        # Cauchy and Schwarz, (sum x y)^2 <= sum x^2 sum y^2, and a bound on each value; exact, so without slack.
        most = _units(LARGEST) ** 2 * n
        if s1 * s1 > n * s2 or s2 * s2 > n * s4 or s3 * s3 > s2 * s4 or not 0 <= s2 <= most or s4 > most * most:
            fields.refuse("powers", f"sums of the powers 1 to 4 of {n} numbers within {LARGEST:g}")
        return read


def _units(value: float) -> int:
    """A float in units of 2^-1074."""
    numerator, denominator = value.as_integer_ratio()
    return numerator << (_BITS + 1 - denominator.bit_length())


def _ratio(numerator: int, denominator: int) -> float:
    """A ratio of integers, rounded once: Python's own division of integers of any size."""
    return numerator / denominator


def _written(units: int, bits: int) -> str:
    zeros = (units & -units).bit_length() - 1 if units else bits
    return f"{units >> zeros:x}p{zeros - bits}"


def _read(fields: Fields, name: str, text: object, bits: int) -> int:
    match = _TEXT.fullmatch(text) if isinstance(text, str) else None
    exponent = int(match[2]) if match else 1
    if match is None or not -bits <= exponent <= _MOST_BITS:
        fields.refuse(name, f"hexadecimal digits, p, and a power of two in [-{bits}, {_MOST_BITS}]")
    return int(match[1], 16) << (exponent + bits)
