"""Assignments that stay: a store remembers who was given what."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import Protocol, runtime_checkable

from armwise._words import one_line, shown
from armwise.errors import ConfigurationError, StoreError
from armwise.experiments.allocation._keys import Key, plain
from armwise.experiments.allocation.allocator import Allocator

__all__ = ["AssignmentStore", "MemoryAssignments", "StickyAllocator"]


@runtime_checkable
class AssignmentStore(Protocol):
    """Where assignments are remembered. An OSError of a store becomes a StoreError, others pass through unchanged.

    A key comes as exactly a str, an int, or, where it is no UTF-8, bytes.
    """

    def get(self, experiment_id: str, key: Key) -> str | None:
        """Return the variant that the key was given, or None."""
        ...

    def put_if_absent(self, experiment_id: str, key: Key, variant: str) -> str:
        """Remember the variant unless one is remembered already, as one atomic step; return the one that holds."""
        ...


class MemoryAssignments:
    """Assignments of this process; they go when it does.

    Threads may share one.

    Examples
    --------
    >>> assignments = MemoryAssignments()
    >>> assignments.put_if_absent("ranking", "user-1", "b"), assignments.put_if_absent("ranking", "user-1", "c")
    ('b', 'b')
    >>> assignments.get("ranking", "user-2") is None
    True
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[tuple[str, Key], str] = {}

    def get(self, experiment_id: str, key: Key) -> str | None:
        """Return the variant that the key was given, or None."""
        with self._guard:
            return self._held.get((experiment_id, key))

    def put_if_absent(self, experiment_id: str, key: Key, variant: str) -> str:
        """Remember the variant unless one is remembered already; return the one that holds."""
        with self._guard:
            return self._held.setdefault((experiment_id, key), variant)

    def __len__(self) -> int:
        """Return how many assignments are remembered."""
        return len(self._held)


class StickyAllocator:
    """An allocator that keeps to what it once said, though weights, coverage or namespace have changed since.

    A key that is outside is not remembered, and may come in later. A variant that has lost its share keeps those who
    were given it. The store costs what it costs: where nobody may move at all it is needed, and where few may,
    :meth:`Allocator.reallocate` does without.

    Parameters
    ----------
    allocator : Allocator
        Decides for keys that the store does not know.
    store : AssignmentStore
        Remembers, under the experiment id and the key: "a" and b"a" are one, as they are to the hash, and the store
        sees "a". A user who is known by an integer here and by its text, or its eight bytes, there is two.

    Raises
    ------
    ConfigurationError
        If either is of another kind.

    Examples
    --------
    >>> assignments = MemoryAssignments()
    >>> first = Allocator("ranking", {"control": 1, "b": 1})
    >>> second = first.reallocate({"control": 0, "b": 1})
    >>> StickyAllocator(first, assignments).allocate("user-1"), second.allocate("user-1")
    ('control', 'b')
    >>> StickyAllocator(second, assignments).allocate("user-1")
    'control'
    """

    def __init__(self, allocator: Allocator, store: AssignmentStore) -> None:
        if not isinstance(allocator, Allocator):
            msg = f"allocator is {shown(allocator)}; expected an Allocator"
            raise ConfigurationError(msg)
        if not isinstance(store, AssignmentStore):
            msg = f"store is {shown(store)}; expected an object with get and put_if_absent, such as MemoryAssignments()"
            raise ConfigurationError(msg)
        self.allocator = allocator
        self.store = store

    def __repr__(self) -> str:
        return f"<StickyAllocator of {self.allocator!r}>"

    @property
    def experiment_id(self) -> str:
        """The id of the experiment."""
        return self.allocator.experiment_id

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants, those that have lost their share among them."""
        return self.allocator.variants

    @property
    def shares(self) -> dict[str, Fraction]:
        """The share of all keys that each variant has, among those that the store does not know."""
        return self.allocator.shares

    def allocate(self, key: Key) -> str | None:
        """Return the variant that the key was given, now or before; None where it is outside.

        Raises
        ------
        ConfigurationError
            If the key is no string, bytes or 64-bit integer.
        StoreError
            If the store cannot be read or written, or holds a variant that the allocator does not know.
        """
        known, identity = _remembered(key), self.allocator.experiment_id
        try:
            variant = self._recalled(known)
        except OSError as error:
            msg = f"the store of the assignments of {identity!r} does not answer ({one_line(str(error))})"
            raise StoreError(msg) from error
        if variant is None:
            return None
        if variant not in self.allocator.variants:
            msg = (
                f"the store holds {variant!r} for experiment {identity!r}; the allocator has"
                f" {', '.join(map(repr, self.allocator.variants))}; was the id reused with other variants?"
            )
            raise StoreError(msg)
        return variant

    def _recalled(self, known: Key) -> str | None:
        """What the store holds for a key, or holds from now on; None where it is outside."""
        identity = self.allocator.experiment_id
        variant = self.store.get(identity, known)
        if variant is not None:
            return variant
        allocated = self.allocator.allocate(known)
        return None if allocated is None else self.store.put_if_absent(identity, known, allocated)


def _remembered(key: Key) -> Key:
    """The key that a store sees: one for a text and for its UTF-8, which hash alike."""
    known = plain(key)
    if not isinstance(known, bytes):
        return known
    try:
        return known.decode()
    except UnicodeDecodeError:
        return known
