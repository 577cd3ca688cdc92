"""What each arm of a domain was rewarded with, as people read it: how often, and the mean."""

from __future__ import annotations

from typing import Final

from armwise._fields import INT64, Fields
from armwise._labels import check_label, clash, plain_labels, require_utf8, restored_labels
from armwise._words import has_utf8, shown
from armwise.errors import ConfigurationError
from armwise.types import Label, State
from armwise_kernels import law

__all__ = ["LARGEST", "ArmStatistics"]

LARGEST: Final = 1e70
"""The bound of rewards: as many of them as can be counted have a finite sum."""

_SUM: Final = LARGEST * INT64


class ArmStatistics:
    """Number and sum of the rewards of each arm. Not safe to call from several threads.

    Examples
    --------
    >>> statistics = ArmStatistics()
    >>> for reward in (0.5, 1.0):
    ...     statistics.add(statistics.admit("a"), reward)
    >>> statistics.summary()
    {'a': {'q': 0.75, 'n': 2}}
    """

    __slots__ = ("_arms", "_counts", "_totals")

    def __init__(self) -> None:
        self._arms: dict[Label, int] = {}
        self._counts: list[int] = []
        self._totals: list[float] = []

    def admit(self, arm: object) -> Label:
        """Return a label that rewards can be counted for, changing nothing.

        Raises
        ------
        ConfigurationError
            If it is no label, has no UTF-8, is 1 where the arm is 1.0 or the other way round, or is one too many.
        """
        if type(arm) is str and arm in self._arms:
            return arm
        label = check_label(arm, "action")
        if isinstance(label, str) and not has_utf8(label):
            msg = f"action is {shown(label)}, which holds a lone surrogate; expected text that can be written"
            raise ConfigurationError(msg)
        if label not in self._arms:
            if len(self._arms) >= law.MAX_ARMS:
                msg = f"{shown(label)} would be arm {len(self._arms) + 1:,}; a domain takes {law.MAX_ARMS:,}; split it"
                raise ConfigurationError(msg)
        elif not isinstance(label, str):
            held = next(held for held in self._arms if held == label)
            if clash(label, held):
                msg = f"action {label!r} equals the arm {held!r}; write it as the arm is written"
                raise ConfigurationError(msg)
        return label

    def add(self, arm: Label, reward: float) -> None:
        """Count a reward within 1e70 of an arm that was admitted."""
        position = self._arms.get(arm)
        if position is None:
            self._arms[arm] = len(self._arms)
            self._counts.append(1)
            self._totals.append(reward)
        else:
            self._counts[position] += 1
            self._totals[position] += reward

    def summary(self) -> dict[Label, State]:
        """The mean `q` and the number `n` of each arm's rewards, in the order in which arms came."""
        figures = zip(self._arms, self._counts, self._totals, strict=True)
        return {arm: {"q": total / count, "n": count} for arm, count, total in figures}

    def state_dict(self) -> State:
        """The counts as plain JSON, without loss."""
        return {
            "arms": plain_labels(tuple(self._arms)),
            "n": self._counts.copy(),
            "total": self._totals.copy(),
        }

    @classmethod
    def restored(cls, fields: Fields) -> ArmStatistics:
        """The statistics that a state holds.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be.
        """
        items = fields.items("arms")
        arms = restored_labels(items, "statistics['arms']") if items else ()
        require_utf8(arms, "statistics['arms']")
        counts = fields.wholes("n", len(arms), 1, INT64)
        totals = fields.numbers("total", (len(arms),), -_SUM, _SUM).tolist()
        statistics = cls()
        statistics._arms = dict(zip(arms, range(len(arms)), strict=True))
        statistics._counts, statistics._totals = counts, totals
        return statistics
