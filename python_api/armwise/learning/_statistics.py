"""What each arm of a domain was rewarded with, as people read it: how often, and the mean."""

from __future__ import annotations

from typing import Final

from armwise._fields import INT64, Fields
from armwise._labels import check_label, check_labels, clash, plain
from armwise._words import has_utf8, shown
from armwise.errors import ConfigurationError, SnapshotError
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

    __slots__ = ("_arms",)

    def __init__(self) -> None:
        self._arms: dict[Label, tuple[int, float]] = {}

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
        count, total = self._arms.get(arm, (0, 0.0))
        self._arms[arm] = (count + 1, total + reward)

    def summary(self) -> dict[Label, State]:
        """The mean `q` and the number `n` of each arm's rewards, in the order in which arms came."""
        return {arm: {"q": total / count, "n": count} for arm, (count, total) in self._arms.items()}

    def state_dict(self) -> State:
        """The counts as plain JSON, without loss."""
        return {
            "arms": [plain(arm) for arm in self._arms],
            "n": [count for count, _ in self._arms.values()],
            "total": [total for _, total in self._arms.values()],
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
        try:
            arms = check_labels(items, "statistics['arms']") if items else ()
        except ConfigurationError as error:
            msg = f"{error}; nothing was changed"
            raise SnapshotError(msg) from None
        counts = fields.wholes("n", len(arms), 1, INT64)
        totals = fields.numbers("total", (len(arms),), -_SUM, _SUM).tolist()
        statistics = cls()
        statistics._arms = {arm: (n, total) for arm, n, total in zip(arms, counts, totals, strict=True)}
        return statistics
