"""Requests that an experiment served and whose rewards are yet to come."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Final

from armwise.experiments.trial import Trial

__all__ = ["OpenTrials"]

_CAPACITY: Final = 10_000


class OpenTrials:
    """Trials by what their rewards will be recorded under; the oldest goes where there are too many.

    Not safe to call from several threads.

    Examples
    --------
    >>> trials = OpenTrials()
    >>> trials.keep(("u-1", "a"), Trial("a", "policy::route", "counted"))
    >>> trials.take(("u-1", "a")).experiment_id, trials.take(("u-1", "a"))
    ('policy::route', None)
    """

    __slots__ = ("_count", "_open")

    def __init__(self) -> None:
        self._open: OrderedDict[Hashable, deque[Trial]] = OrderedDict()
        self._count = 0

    def keep(self, handle: Hashable, trial: Trial) -> None:
        """Keep a trial that takes part in its experiment."""
        self._open.setdefault(handle, deque()).append(trial)
        self._count += 1
        if self._count > _CAPACITY:
            self.take(next(iter(self._open)))

    def peek(self, handle: Hashable) -> Trial | None:
        """What :meth:`take` would give, and still keep it."""
        found = self._open.get(handle)
        return None if found is None else found[0]

    def take(self, handle: Hashable) -> Trial | None:
        """The oldest trial that is kept under a handle, kept no longer; None where there is none."""
        found = self._open.get(handle)
        if found is None:
            return None
        self._count -= 1
        trial = found.popleft()
        if not found:
            del self._open[handle]
        return trial
