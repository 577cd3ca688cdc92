"""Which label stands in which column."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from armwise._labels import are_strings, check_labels, clash, listing
from armwise._words import shown
from armwise.errors import ConfigurationError, UnknownArm
from armwise.posteriors._columns import Columns
from armwise.types import IntArray, Label

__all__ = ["ArmSet", "CandidateSet"]


class CandidateSet(NamedTuple):
    """A candidate set as a core binds it; see :meth:`armwise_kernels.protocol.Core.view`."""

    key: tuple[Label, ...]
    labels: tuple[Label, ...]
    order: IntArray
    positions: IntArray
    slots: NDArray[np.uint32]


class ArmSet:
    """The labels of a policy's arms, in the order of columns and of slots.

    Parameters
    ----------
    labels : tuple of labels
        Checked, no two of them equal.
    closed : bool
        Whether other labels are strangers. The arms of an open set are those that got a reward, or were
        added.
    """

    def __init__(self, labels: tuple[Label, ...], *, closed: bool) -> None:
        self.index = dict(zip(labels, range(len(labels)), strict=True))
        """The column of each label, in order. A core adds to it the arms that come in by an update."""
        self.closed = closed
        self._labels = labels
        self._held = list(labels)

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels; made anew only where there are more of them."""
        labels = self._labels
        if len(labels) != len(self.index):
            labels = self._labels = tuple(self.index)
        return labels

    @classmethod
    def given(cls, arms: Iterable[Label] | None) -> ArmSet:
        """The set of a policy that is made with these arms; an open one without.

        Raises
        ------
        ConfigurationError
            If there are none in the list, or it is no list of distinct labels.
        """
        return cls(() if arms is None else check_labels(arms, "arms"), closed=arms is not None)

    def position(self, label: Label) -> int | None:
        """The column of an arm; None for a label that an open set may come to hold.

        Raises
        ------
        UnknownArm
            If the set is closed and does not hold it.
        ConfigurationError
            If it is 1 where the arm is 1.0, or the other way round.
        """
        position = self.index.get(label)
        if position is None:
            if self.closed:
                raise self.unknown(label)
        elif not isinstance(label, str) and clash(label, held := self.label_at(position)):
            msg = f"{shown(label)} equals the arm {shown(held)}; write it as the arm is written"
            raise ConfigurationError(msg)
        return position

    def positions(self, labels: tuple[Label, ...]) -> list[int | None]:
        """The column of each label, as :meth:`position`; labels that would come in must not clash either."""
        if are_strings(labels):  # which equal no number
            columns = list(map(self.index.get, labels))
            if self.closed and None in columns:
                raise self.unknown(labels[columns.index(None)])
            return columns
        positions = [self.position(label) for label in labels]
        incoming: dict[Label, Label] = {}
        for label, position in zip(labels, positions, strict=True):
            if position is None and clash(label, incoming.setdefault(label, label)):
                msg = f"{shown(label)} equals {shown(incoming[label])}; write an arm in one way"
                raise ConfigurationError(msg)
        return positions

    def unknown(self, label: Label) -> UnknownArm:
        """The error for a label that no arm has."""
        return UnknownArm(f"no arm {shown(label)}; this policy has {listing(self.labels) or 'none'}; add_arm adds one")

    def require_new(self, label: Label) -> None:
        """Refuse to take in an arm twice.

        Raises
        ------
        ConfigurationError
            If there is one of this label, or of an equal one.
        """
        if label in self.index:
            held = self.label_at(self.index[label])
            msg = f"there is an arm {shown(held)} already; give the new one another label"
            raise ConfigurationError(msg)

    def leaving(self, label: Label) -> int:
        """The column of an arm that is to go.

        Raises
        ------
        UnknownArm
            If there is no such arm.
        ConfigurationError
            If it is the last one of a closed set.
        """
        position = self.position(label)
        if position is None:
            raise self.unknown(label)
        if self.closed and len(self.index) == 1:
            msg = f"{shown(label)} is the last arm, and this policy was made with arms; add another first"
            raise ConfigurationError(msg)
        return position

    def require_some(self) -> None:
        """Refuse to choose among no arms.

        Raises
        ------
        ConfigurationError
            If there are none.
        """
        if not self.index:
            msg = "there are no arms yet; pass candidates, or give the policy arms by add_arm or update"
            raise ConfigurationError(msg)

    def label_at(self, position: int) -> Label:
        """The label of a column; under the policy's lock."""
        held = len(self._held)
        if held < len(self.index):
            self._held[held:] = list(islice(reversed(self.index), len(self.index) - held))[::-1]
        return self._held[position]

    def append(self, label: Label) -> None:
        """Hold one more arm, in the next column."""
        self.index[label] = len(self.index)

    def without(self, position: int) -> ArmSet:
        """The set without one arm; columns behind it move up."""
        labels = self.labels
        return ArmSet(labels[:position] + labels[position + 1 :], closed=self.closed)

    def candidates(self, given: object, posterior: Columns) -> CandidateSet:
        """A candidate set, in the order of slots.

        What an open set does not hold follows its arms, in the caller's order, on the slots that would be
        given next: so the choice is a function of the state and the list, and nothing is stored.

        Raises
        ------
        ConfigurationError
            If it is no list of distinct labels, or there are too many.
        UnknownArm
            As :meth:`position`.
        """
        key = check_labels(given, "candidates")
        held = self.positions(key)
        count, unseen = len(self.index), held.count(None)
        posterior.check_room(unseen)
        following = iter(range(count, count + unseen))
        ranks = np.array([next(following) if position is None else position for position in held], np.int64)
        order = np.argsort(ranks)
        ranks = ranks[order]
        positions = np.minimum(ranks, count)
        slots = np.where(ranks < count, posterior.slots[positions], posterior.next_slot + (ranks - count))
        labels = tuple([key[i] for i in order])
        return CandidateSet(key, labels, order.astype(np.int32), positions.astype(np.int32), slots.astype(np.uint32))
