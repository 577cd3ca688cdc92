"""What a Python core asks of the arrays of a posterior, whatever its kind: to choose, to weigh, to learn.

A :class:`Columns` is what a choice is made among: all arms, which are the posterior's own arrays, or
a candidate set, which is a packed copy. Arguments are checked by the core before they come here.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law

if TYPE_CHECKING:
    from armwise_kernels.protocol import Arrays, Floats, Kernels

S = TypeVar("S", bound=np.generic)


@dataclass(slots=True)
class Columns:
    """The columns among which a choice is made, in the order of slots."""

    count: int
    slots: NDArray[np.uint32]
    constants: tuple[Floats, ...]
    positions: NDArray[np.int64] | None = None
    """Of each column in the posterior, pads too; None for the posterior's own columns."""
    boosted: int = 0
    """How many of a candidate set have a shape below one."""


def borrowed(name: str, array: object, dtype: type[S], shape: tuple[int, ...]) -> NDArray[S]:
    """An array that a kernel may write, or TypeError."""
    if isinstance(array, np.ndarray) and array.dtype == dtype and array.shape == shape and array.flags.carray:
        return array
    given = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
    message = f"{name}: expected a writable contiguous array of {dtype.__name__} {shape}, got {given}"
    raise TypeError(message)


class Posterior(ABC):
    """The arrays of one kind."""

    features: ClassVar[bool] = False
    """Whether decisions read a context."""
    lowest_reward: ClassVar[float] = -sys.float_info.max
    highest_reward: ClassVar[float] = sys.float_info.max
    own_arrays: ClassVar[int]
    """How many arrays the kind has after the four that every kind has."""
    fixed: ClassVar[bool] = False
    """Whether no arm can come in."""
    blocked: ClassVar[bool] = False
    """Whether a column is a lane in a block of eight, or an entry of the last axis."""

    constants: tuple[Floats, ...]
    """The arrays that a choice reads."""

    def __init__(self, arrays: Arrays) -> None:
        if len(arrays) != 4 + self.own_arrays:
            message = f"bind: expected {4 + self.own_arrays} arrays, got {len(arrays)}"
            raise ValueError(message)
        self.head = borrowed("head", arrays[0], np.int64, (law.HEAD_SIZE,))
        self.parameters = borrowed("parameters", arrays[1], np.float64, (law.PARAMETERS,))
        self.width = arrays[2].size
        self.slots = borrowed("slots", arrays[2], np.uint32, (self.width,))
        self.stamps = borrowed("stamps", arrays[3], np.int64, (self.width,))
        self.dim = int(self.head[law.HEAD_DIM])
        count = int(self.head[law.HEAD_COUNT])
        sizes_fit = self.width % law.LANES == 0 and 0 <= count < self.width and count <= law.MAX_ARMS
        if not sizes_fit or (self.features and not 1 <= self.dim <= law.MAX_ARMS):
            message = f"bind: {self.width} columns of dimension {self.dim} cannot hold {count} arms"
            raise ValueError(message)

    @property
    def key(self) -> int:
        """The key of the stream, as a signed number."""
        return int(self.head[law.HEAD_KEY])

    def everything(self) -> Columns:
        """All arms."""
        return Columns(int(self.head[law.HEAD_COUNT]), self.slots, self.constants)

    def append(self, slot: int) -> None:
        """Count one more arm, in the column behind the others, which is at the prior."""
        self.slots[self.head[law.HEAD_COUNT]] = slot
        self.head[law.HEAD_COUNT] += 1

    def packed(self, positions: NDArray[np.int32], slots: NDArray[np.uint32]) -> Columns:
        """Room for a candidate set, padded by the prior to a multiple of LANES; nothing is copied yet."""
        n = len(positions)
        width = -(-n // law.LANES) * law.LANES
        padded_slots = np.zeros(width, np.uint32)
        padded_slots[:n] = slots
        places = np.full(width, self.head[law.HEAD_COUNT], np.int64)
        places[:n] = positions
        constants = tuple(
            np.empty((width // law.LANES, *array.shape[1:]) if self.blocked else (*array.shape[:-1], width))
            for array in self.constants
        )
        return Columns(n, padded_slots, constants, places)

    def pack(self, columns: Columns, since: int) -> None:
        """Copy what has changed after version ``since`` into a candidate set."""
        positions = cast("NDArray[np.int64]", columns.positions)
        to = np.flatnonzero(self.stamps[positions] > since)
        at = positions[to]
        for target, source in zip(columns.constants, self.constants, strict=True):
            if self.blocked:
                target[to // law.LANES, ..., to % law.LANES] = source[at // law.LANES, ..., at % law.LANES]
            else:
                target[..., to] = source[..., at]

    def advance(self, now: int) -> None:  # noqa: B027 - most kinds have no clock
        """Move the clock of a state that decays."""

    def follow(self) -> None:  # noqa: B027 - most kinds have their evidence to themselves
        """Take in what other processes have learnt."""

    @abstractmethod
    def choose(self, columns: Columns, context: Floats | None, decision: int) -> int:
        """The winning column."""

    def choose_many(self, columns: Columns, contexts: Floats | None, decision: int, n: int) -> NDArray[np.int32]:
        """The winning columns of ``n`` decisions from ``decision`` on, int32 (n,)."""
        rows = [None] * n if contexts is None else contexts
        return np.array([self.choose(columns, row, decision + i) for i, row in enumerate(rows)], np.int32)

    @abstractmethod
    def chances(self, kernels: Kernels, columns: Columns, context: Floats | None) -> Floats:
        """P(chosen) of each column, float64 (count,)."""

    @abstractmethod
    def learn(self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int) -> None:
        """Apply rewards in order."""

    def refresh(self) -> None:
        """Recompute every derived constant."""
        self.stamps[:] = self.head[law.HEAD_VERSION]
