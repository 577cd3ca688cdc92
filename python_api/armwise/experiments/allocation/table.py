"""The range table: which hashes a variant holds, and how few keys a change of weights moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from armwise.errors import ConfigurationError
from armwise.experiments.allocation._law import SPACE, thresholds
from armwise.experiments.allocation._moves import moved_ranges
from armwise.types import IntArray

__all__ = ["MAX_RANGES", "OUTSIDE", "Range", "Table"]

MAX_RANGES: Final = 1 << 18
"""A table of more ranges is refused; each change of weights may add a few."""

OUTSIDE: Final = -1
"""The code of hashes that are not in the experiment."""


class Range(NamedTuple):
    """The hashes from the end of the range before up to `end`, which is not among them.

    Attributes
    ----------
    end : int
        In [1, 2**64].
    code : int
        The position of the variant; -1 outside the experiment.
    """

    end: int
    code: int


class Table:
    """A partition of the hashes [0, 2**64) into ranges, each of one variant or outside the experiment.

    A table does not change; :meth:`moved_to` gives another.

    Parameters
    ----------
    ranges : iterable of (end, code)
        With rising ends, the last of them 2**64. Neighbours of one code are joined.

    Attributes
    ----------
    ranges : tuple of Range
        In the order of their ends.

    Raises
    ------
    ConfigurationError
        If there are more than 262,144 ranges.

    Examples
    --------
    >>> table = Table.fresh([50, 30, 20], Fraction(1))
    >>> [(round(end / 2**64, 3), code) for end, code in table.ranges]
    [(0.5, 0), (0.8, 1), (1.0, 2)]
    >>> float(table.moved(table.moved_to([20, 30, 50], Fraction(1))))
    0.3
    """

    __slots__ = ("ranges",)
    ranges: tuple[Range, ...]

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        joined: list[Range] = []
        for end, code in ranges:
            if joined and joined[-1].code == code:
                joined.pop()
            joined.append(Range(end, code))
        if len(joined) > MAX_RANGES:
            msg = (
                f"the table would have {len(joined):,} ranges; it takes at most {MAX_RANGES:,}, and each change of"
                " weights may add a few: start a new Allocator with these weights under another seed_salt"
            )
            raise ConfigurationError(msg)
        self.ranges = tuple(joined)

    def __eq__(self, other: object) -> bool:
        """Whether every hash has the same code."""
        return self.ranges == other.ranges if isinstance(other, Table) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __repr__(self) -> str:
        return f"<Table of {len(self.ranges)} ranges>"

    @classmethod
    def fresh(cls, weights: Sequence[int], coverage: Fraction) -> Table:
        """Return the table that an experiment starts with: a range for each variant, in their order.

        Parameters
        ----------
        weights : sequence of int
            At least 0 each, not all 0.
        coverage : Fraction
            The leading share of each range that is in the experiment, in [0, 1].
        """
        ranges: list[tuple[int, int]] = []
        reached = 0
        for code, (first, end) in enumerate(thresholds(weights, coverage)):
            if first > reached:
                ranges.append((first, OUTSIDE))
            if end > first:
                ranges.append((end, code))
            reached = end
        if reached < SPACE:
            ranges.append((SPACE, OUTSIDE))
        return cls(ranges)

    def moved_to(self, weights: Sequence[int], coverage: Fraction) -> Table:
        """Return the table of other weights and another coverage that moves the fewest keys.

        Each variant comes to hold as many hashes as in a fresh table, and as many hashes change their code as the
        total variation distance between the old shares and the new, the outside among them: none can do with
        fewer. The result depends on this table, the weights and the coverage alone. A table from which everybody
        is outside moves nobody, and gives the fresh one.
        """
        goal = Table.fresh(weights, coverage)
        held = self.masses()
        if set(held) == {OUTSIDE}:
            return goal
        change = goal.masses()
        for code, mass in held.items():
            change[code] = change.get(code, 0) - mass
        before = 0
        lengths: list[tuple[int, int]] = []
        for end, code in self.ranges:
            lengths.append((code, end - before))
            before = end
        reached = 0
        ranges: list[tuple[int, int]] = []
        for code, length in moved_ranges(lengths, change):
            reached += length
            ranges.append((reached, code))
        return Table(ranges)

    def masses(self) -> dict[int, int]:
        """Return how many of the 2**64 hashes each code has; a code that has none is not there."""
        held: dict[int, int] = {}
        before = 0
        for end, code in self.ranges:
            held[code] = held.get(code, 0) + end - before
            before = end
        return held

    def moved(self, other: Table) -> Fraction:
        """Return the share of all hashes whose code differs in another table, exactly."""
        differ = before = 0
        mine, theirs = iter(self.ranges), iter(other.ranges)
        left, right = next(mine), next(theirs)
        while before < SPACE:
            end = min(left.end, right.end)
            if left.code != right.code:
                differ += end - before
            before = end
            if end < SPACE:
                left = next(mine) if left.end == end else left
                right = next(theirs) if right.end == end else right
        return Fraction(differ, SPACE)

    def bounds(self) -> NDArray[np.uint64]:
        """Return the last hash of each range, uint64 (R,), as the kernels take it."""
        return np.array([end - 1 for end, _ in self.ranges], dtype=np.uint64)

    def codes(self) -> IntArray:
        """Return the code of each range, int32 (R,)."""
        return np.array([code for _, code in self.ranges], dtype=np.int32)
