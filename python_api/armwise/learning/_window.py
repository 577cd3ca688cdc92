"""The mean of the latest numbers of a stream, in constant time and without drift."""

from __future__ import annotations

from itertools import accumulate
from typing import Final

__all__ = ["Window"]

_ROUNDING: Final = 2.0**-52


class Window:
    """The sums of the latest pairs of numbers, each at least 0, at most `length` of them.

    A running sum from which the oldest number is subtracted drifts, and once a great number has passed through it
    the small ones are lost. Nothing is subtracted here: pairs fall into blocks of `length`, and the window is what
    remains of the block before, whose sums from each place to the end are known, and what there is of this one.
    Each number costs two additions, and one more when its block is full.

    The mean of equal numbers is that number, though their sum is rounded: a cost that is exactly what may be spent is
    not found to be more.

    Not safe to call from several threads.

    Parameters
    ----------
    length : int
        At least 1.

    Examples
    --------
    >>> window = Window(2)
    >>> for cost in (1e300, 0.25, 0.75):
    ...     window.push(cost, 10.0)
    >>> window.means()
    (0.5, 10.0)
    """

    __slots__ = ("_first", "_first_sum", "_firsts_left", "_length", "_second", "_second_sum", "_seconds_left")

    def __init__(self, length: int) -> None:
        self._length = length
        self._first: list[float] = []
        self._second: list[float] = []
        self._first_sum = 0.0
        self._second_sum = 0.0
        # Sums of the last k numbers of the block before; empty while there is none.
        self._firsts_left: list[float] = []
        self._seconds_left: list[float] = []

    def push(self, first: float, second: float) -> None:
        """Take a pair in; the oldest leaves where there are too many."""
        self._first.append(first)
        self._second.append(second)
        self._first_sum += first
        self._second_sum += second
        if len(self._first) == self._length:
            self._firsts_left = list(accumulate(reversed(self._first), initial=0.0))
            self._seconds_left = list(accumulate(reversed(self._second), initial=0.0))
            self._first, self._second = [], []
            self._first_sum = self._second_sum = 0.0

    def means(self) -> tuple[float, float]:
        """The means of the pairs in the window; of none, (0, 0)."""
        there = len(self._first)
        if self._firsts_left:
            kept, count = self._length - there, self._length
            firsts, seconds = self._firsts_left[kept] + self._first_sum, self._seconds_left[kept] + self._second_sum
            if there == 0:
                return _mean(firsts, count, self._firsts_left[1]), _mean(seconds, count, self._seconds_left[1])
        elif there:
            count, firsts, seconds = there, self._first_sum, self._second_sum
        else:
            return 0.0, 0.0
        return _mean(firsts, count, self._first[-1]), _mean(seconds, count, self._second[-1])


def _mean(total: float, count: int, last: float) -> float:
    """The mean of numbers of at least 0; the last of them, where rounding may have made all the difference."""
    mean = total / count
    return last if abs(mean - last) <= count * _ROUNDING * last else mean
