"""What a stream of numbers leaves behind: sums that grow by one number, by many, and by another's sums.

Both kinds give, for every number added, what held after it: a :class:`Trail`. Numbers added one by one or
all at once give the same sums to the bit, because `numpy.cumsum` adds from left to right.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from armwise._fields import COUNTS, Fields
from armwise.evaluation._numbers import LARGEST
from armwise.types import FloatArray, State

__all__ = ["Moments", "Predictions", "Trail"]

_SUM: Final = 1e300


class Trail(NamedTuple):
    """What held after each of n numbers; float64 arrays of one shape.

    Attributes
    ----------
    count : ndarray
        How many numbers there were.
    mean : ndarray
        Their mean; 0 where there were none.
    spread : ndarray
        Their sum of squares about the mean (:class:`Moments`) or about what was predicted
        (:class:`Predictions`).
    evidence : ndarray
        (sum d^2)^2 / sum d^4 over deviations d from the mean: over how many numbers the variance is spread.
        A third of the count for normal numbers, about the number of successes where those are rare; 0 without
        any spread.
    """

    count: FloatArray  # type: ignore[assignment]  # hides tuple.count, which a trail has no use for
    mean: FloatArray
    spread: FloatArray
    evidence: FloatArray


class Moments:
    """Sums of the first four powers about the first number, so that a large offset costs no digits."""

    __slots__ = ("count", "origin", "sums")

    def __init__(self) -> None:
        self.count = 0
        self.origin = 0.0
        self.sums: FloatArray = np.zeros(4)

    def add(self, values: FloatArray) -> Trail:
        """Add numbers, and return what held after each."""
        if self.count == 0 and values.size:
            self.origin = float(values[0])
        d = values - self.origin
        squares = d * d
        powers = np.stack([d, squares, squares * d, squares * squares])
        sums = np.cumsum(np.concatenate([self.sums[:, None], powers], axis=1), axis=1)[:, 1:]
        counts = self.count + np.arange(1.0, values.size + 1.0)
        self.count += int(values.size)
        if values.size:
            self.sums = np.ascontiguousarray(sums[:, -1])
        return self._trail(counts, sums)

    def now(self) -> Trail:
        """What holds now, shape (1,)."""
        return self._trail(np.array([float(self.count)]), self.sums[:, None])

    def merged(self, other: Moments) -> Moments:
        """The sums of both streams."""
        if self.count == 0 or other.count == 0:
            return (other if self.count == 0 else self).copy()
        # About one origin whichever side asks, so that both orders give the same bits.
        left, right = sorted((self, other), key=lambda moments: moments.origin)
        both = Moments()
        both.count = left.count + right.count
        both.origin = left.origin
        both.sums = left.sums + right._about(left.origin)  # noqa: SLF001  # of this class
        return both

    def copy(self) -> Moments:
        """The same sums, apart."""
        twin = Moments()
        twin.count, twin.origin, twin.sums = self.count, self.origin, self.sums.copy()
        return twin

    def state(self) -> State:
        """The sums as plain JSON."""
        return {"count": self.count, "origin": self.origin, "sums": self.sums.tolist()}

    @classmethod
    def restored(cls, fields: Fields) -> Moments:
        """The sums that a state holds."""
        moments = cls()
        moments.count = fields.whole("count", 0, COUNTS)
        moments.origin = fields.number("origin", -LARGEST, LARGEST)
        moments.sums = fields.numbers("sums", (4,), -_SUM, _SUM)
        if moments.sums[1] < 0.0 or moments.sums[3] < 0.0 or (moments.count == 0 and moments.sums.any()):
            fields.refuse("sums", "sums of the powers 1 to 4 of real numbers, none below zero for 2 and 4")
        return moments

    def _about(self, origin: float) -> FloatArray:
        """The sums of powers about another origin, by the binomial theorem."""
        d = self.origin - origin
        n, (s1, s2, s3, s4) = self.count, self.sums
        return np.array(
            [
                s1 + n * d,
                s2 + d * (2 * s1 + n * d),
                s3 + d * (3 * s2 + d * (3 * s1 + n * d)),
                s4 + d * (4 * s3 + d * (6 * s2 + d * (4 * s1 + n * d))),
            ]
        )

    def _trail(self, n: FloatArray, sums: FloatArray) -> Trail:
        s1, s2, s3, s4 = sums
        m = s1 / np.maximum(n, 1.0)
        spread = np.maximum(s2 - s1 * m, 0.0)
        fourth = s4 - m * (4 * s3 - m * (6 * s2 - 3 * n * m * m))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            evidence = np.where((spread > 0.0) & (fourth > 0.0), spread / fourth * spread, 0.0)
        return Trail(n, self.origin + m, spread, evidence)


class Predictions:
    """Sums of numbers in [0, 1] and of their squared distances from what the numbers before them predict.

    Number i is predicted by (1/2 + the sum of those before it) / i, which lies in [0, 1] and is known before
    it comes.
    """

    __slots__ = ("count", "spread", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.spread = 0.0

    def add(self, values: FloatArray) -> Trail:
        """Add numbers in [0, 1], and return what held after each."""
        counts = self.count + np.arange(1.0, values.size + 1.0)
        totals = np.cumsum(np.concatenate([[self.total], values]))
        predicted = (0.5 + totals[:-1]) / counts
        spreads = np.cumsum(np.concatenate([[self.spread], (values - predicted) ** 2]))
        self.count += int(values.size)
        self.total, self.spread = float(totals[-1]), float(spreads[-1])
        return self._trail(counts, totals[1:], spreads[1:])

    def now(self) -> Trail:
        """What holds now, shape (1,)."""
        return self._trail(np.array([float(self.count)]), np.array([self.total]), np.array([self.spread]))

    def merged(self, other: Predictions) -> Predictions:
        """The sums of both streams; each number stays predicted by those of its own stream."""
        both = Predictions()
        both.count = self.count + other.count
        both.total, both.spread = self.total + other.total, self.spread + other.spread
        return both

    def state(self) -> State:
        """The sums as plain JSON."""
        return {"count": self.count, "total": self.total, "spread": self.spread}

    @classmethod
    def restored(cls, fields: Fields) -> Predictions:
        """The sums that a state holds."""
        sums = cls()
        sums.count = fields.whole("count", 0, COUNTS)
        # Numbers and squares of at most one: rounding aside, neither sum is above the count.
        most = sums.count * (1.0 + 1e-9)
        sums.total = fields.number("total", 0.0, most)
        sums.spread = fields.number("spread", 0.0, most)
        return sums

    @staticmethod
    def _trail(n: FloatArray, totals: FloatArray, spreads: FloatArray) -> Trail:
        return Trail(n, totals / np.maximum(n, 1.0), spreads, n)
