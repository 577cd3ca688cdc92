"""Sums over spans of time, in bounded memory, whatever the length of a log.

A span is 2**k nanoseconds, aligned to its own length. Where there come to be more than `SPANS`, each two neighbours
become one: k grows by 1. So the spans depend on the records alone and not on their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise.types import FloatArray

__all__ = ["SPANS", "Cell", "Columns", "Timeline"]

SPANS: Final = 512
"""At most so many spans; a log that fills its time evenly ends up with at least half as many."""

_FINEST: Final = 10  # 2**10 ns, a microsecond


@dataclass(slots=True)
class Cell:
    """What one variant did within one span."""

    served: int = 0
    rewards: int = 0
    powers: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0, 0.0])
    regret: float = 0.0

    def add(self, other: Cell) -> None:
        """Take what another cell holds."""
        self.served += other.served
        self.rewards += other.rewards
        self.powers = [mine + its for mine, its in zip(self.powers, other.powers, strict=True)]
        self.regret += other.regret


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A timeline as arrays; T spans that hold something, in order, and K variants.

    Attributes
    ----------
    time : ndarray of int64, shape (T,)
        The end of each span, nanoseconds since the epoch; of the last, its last record.
    served, rewards : ndarray of int64, shape (T, K)
        Decisions and rewards within the span.
    powers : ndarray of float64, shape (T, K, 4)
        Sums of the first four powers of (reward - origin) within the span.
    origin : float
        What rewards are measured from.
    regret : ndarray of float64, shape (T, K)
        Sums of what rewards fell short of the baseline's mean at the time.
    """

    time: NDArray[np.int64]
    served: NDArray[np.int64]
    rewards: NDArray[np.int64]
    powers: FloatArray
    origin: float
    regret: FloatArray


class Timeline:
    """Decisions and rewards of several variants, by span of time."""

    def __init__(self) -> None:
        self.origin: float | None = None
        self.first: int | None = None
        self.last = 0
        self._shift = _FINEST
        self._spans: dict[int, dict[str, Cell]] = {}

    def serve(self, time: int, variant: str) -> None:
        """Take one decision."""
        self._cell(time, variant).served += 1

    def reward(self, time: int, variant: str, reward: float, regret: float) -> None:
        """Take one reward, and what it fell short of the baseline's mean."""
        if self.origin is None:
            self.origin = reward
        cell = self._cell(time, variant)
        cell.rewards += 1
        cell.regret += regret
        deviation = reward - self.origin
        square = deviation * deviation
        powers = cell.powers
        powers[0] += deviation
        powers[1] += square
        powers[2] += square * deviation
        powers[3] += square * square

    def columns(self, variants: Sequence[str]) -> Columns:
        """Return the spans as arrays, with a column for each of `variants`."""
        spans = sorted(self._spans)
        empty = Cell()
        cells = [[self._spans[span].get(variant, empty) for variant in variants] for span in spans]
        shape = len(spans), len(variants)
        ends = [min(((span + 1) << self._shift) - 1, self.last) for span in spans]
        return Columns(
            time=np.array(ends, dtype=np.int64),
            served=_table([[cell.served for cell in row] for row in cells], shape),
            rewards=_table([[cell.rewards for cell in row] for row in cells], shape),
            powers=np.array([[cell.powers for cell in row] for row in cells], dtype=np.float64).reshape(*shape, 4),
            origin=self.origin or 0.0,
            regret=np.array([[cell.regret for cell in row] for row in cells], dtype=np.float64).reshape(shape),
        )

    def _cell(self, time: int, variant: str) -> Cell:
        if self.first is None or time < self.first:
            self.first = time
        self.last = max(self.last, time)
        span = time >> self._shift
        cells = self._spans.get(span)
        if cells is None:
            if len(self._spans) >= SPANS:
                self._coarsen()
                return self._cell(time, variant)
            cells = self._spans[span] = {}
        cell = cells.get(variant)
        if cell is None:
            cell = cells[variant] = Cell()
        return cell

    def _coarsen(self) -> None:
        """Join neighbours, in the order of time, so that rounding does not depend on the order of records."""
        self._shift += 1
        coarse: dict[int, dict[str, Cell]] = {}
        for span in sorted(self._spans):
            cells = coarse.setdefault(span >> 1, {})
            for variant, cell in self._spans[span].items():
                cells.setdefault(variant, Cell()).add(cell)
        self._spans = coarse


def _table(rows: Iterable[Iterable[int]], shape: tuple[int, int]) -> NDArray[np.int64]:
    return np.array([list(row) for row in rows], dtype=np.int64).reshape(shape)
