"""What every posterior is: one column an arm, in the order of slots, and behind them columns of prior.

A slot is an arm's number for life. Slots only rise and are never reused, so that the random numbers of an
arm, which are addressed by its slot, do not move when others come or go. Arrays double when they are full;
coming, going and growing are one operation, :meth:`Columns._gather`, which takes columns in a new order.

Nothing here locks: the policies see to it that no core reads these arrays while they change.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from armwise._fields import INT64, Fields
from armwise.errors import ConfigurationError
from armwise.types import JSON, State
from armwise_kernels import law
from armwise_kernels.layout import padded

if TYPE_CHECKING:
    from armwise_kernels.protocol import Arrays

__all__ = ["Columns"]

_MOST_ARMS = law.MAX_ARMS
_MOST_SLOTS = 1 << 32
_WORD: Final = 1 << 64


class Columns(ABC):
    """The arrays of a posterior with `arms` arms at the prior."""

    def __init__(self, arms: int) -> None:
        self.head = np.zeros(law.HEAD_SIZE, np.int64)
        self.parameters = np.zeros(law.PARAMETERS, np.float64)
        self.slots = np.zeros(padded(arms), np.uint32)
        self.stamps = np.zeros(padded(arms), np.int64)
        self.head[law.HEAD_COUNT] = arms
        self.slots[:arms] = np.arange(arms)
        self._least_slot = 0

    @property
    def count(self) -> int:
        """Number of arms."""
        return int(self.head[law.HEAD_COUNT])

    @property
    def next_slot(self) -> int:
        """The slot of the next arm: above that of the last, and of any that went."""
        count = self.count
        return max(self._least_slot, int(self.slots[count - 1]) + 1 if count else 0)

    @property
    def full(self) -> bool:
        """Whether the last column is the one that must stay at the prior."""
        return self.count + 1 == len(self.slots)

    @property
    def version(self) -> int:
        """Number of state changes so far."""
        return int(self.head[law.HEAD_VERSION])

    @property
    def decays(self) -> bool:
        """Whether evidence counts less as time passes."""
        return bool(self.head[law.HEAD_HALF_LIFE])

    @property
    def stream(self) -> int:
        """The stream of random numbers that decisions draw from."""
        return int(self.head[law.HEAD_STREAM])

    @property
    def counter(self) -> int:
        """The number of the next decision."""
        return int(self.head[law.HEAD_COUNTER])

    @abstractmethod
    def arrays(self) -> Arrays:
        """The arrays as a core borrows them."""

    def move(self, stream: int, counter: int, key: int) -> None:
        """Go on at a counter of a stream, whose key is `key`."""
        self.head[:] = self.on_stream(stream, key)
        self.head[law.HEAD_COUNTER] = counter

    def on_stream(self, stream: int, key: int) -> NDArray[np.int64]:
        """A copy of the head with another stream in it."""
        head = self.head.copy()
        head[law.HEAD_STREAM] = stream
        # An unsigned number, in the bits of a signed one.
        head[law.HEAD_KEY] = key % _WORD - (_WORD if key % _WORD > INT64 else 0)
        return head

    def check_room(self, arms: int = 1) -> None:
        """Refuse so many arms more than the kernels can hold.

        Raises
        ------
        ConfigurationError
            If there would be more than 2**20 arms, or more than 2**32 over a lifetime.
        """
        if self.count + arms > _MOST_ARMS or self.next_slot + arms > _MOST_SLOTS:
            msg = (
                f"{arms} more arms beside {self.count}; a policy holds at most {_MOST_ARMS:,} at a time, "
                f"and {_MOST_SLOTS:,} over its lifetime; split the domain over several policies"
            )
            raise ConfigurationError(msg)

    def grow(self) -> None:
        """Double the columns."""
        self._gather(np.minimum(np.arange(2 * len(self.slots)), self.count))

    def append(self) -> None:
        """Give the next slot to one more arm, at the prior; there must be room. The version stays."""
        if self.full:
            self.grow()
        count = self.count
        self.slots[count] = self.next_slot
        self.head[law.HEAD_COUNT] = count + 1

    def remove(self, position: int) -> None:
        """Forget one arm; the others keep their slots. The version rises."""
        count = self.count
        self._least_slot = self.next_slot
        order = np.minimum(np.arange(padded(count - 1)), count - 1)
        order[position:] = np.minimum(order[position:] + 1, count)
        self._gather(order)
        self.head[law.HEAD_COUNT] = count - 1
        self.changed()

    def changed(self) -> None:
        """Count one state change that no core has counted."""
        self.head[law.HEAD_VERSION] += 1

    @abstractmethod
    def check_prior(self, prior: object) -> None:
        """Refuse what :meth:`set_prior` does not take.

        Raises
        ------
        ConfigurationError
            If it is no prior.
        """

    @abstractmethod
    def set_prior(self, position: int, prior: object) -> None:
        """Give one arm a checked prior of its own; :meth:`Core.refresh` is due."""

    def copy(self) -> Self:
        """The same columns in arrays of their own: to be read at leisure, not to be lent to a core."""
        twin = copy(self)
        vars(twin).update({name: value.copy() for name, value in vars(self).items() if isinstance(value, np.ndarray)})
        return twin

    def restore_index(self) -> bool:
        """Put a saved index in the place of a new one, after :meth:`Core.refresh`; whether there is one."""
        return False

    @abstractmethod
    def _gather(self, order: NDArray[np.intp]) -> None:
        """Replace every array by its columns in this order; an index that stands twice is copied."""
        self.slots = self.slots[order]
        self.stamps = self.stamps[order]

    def state(self) -> State:
        """Everything but the arms' labels and the seed, as plain JSON."""
        return {
            "slots": self.slots[: self.count].tolist(),
            "next_slot": self.next_slot,
            "policy_version": self.version,
            "updates": int(self.head[law.HEAD_UPDATES]),
        }

    def _restore(self, fields: Fields) -> None:
        """Take what :meth:`state` gave, into columns that nobody uses yet."""
        count = self.count
        self._least_slot = fields.whole("next_slot", count, _MOST_SLOTS, absent=count)
        if fields.says("slots") or not fields.legacy:
            self.slots[:count] = fields.wholes("slots", count, 0, self._least_slot - 1, rising=True)
        self.head[law.HEAD_VERSION] = fields.whole("policy_version", absent=0)
        self.head[law.HEAD_UPDATES] = fields.whole("updates", absent=0)


def rows(array: NDArray[np.float64]) -> JSON:
    """An array as nested lists of Python floats."""
    listed: JSON = array.tolist()
    return listed
