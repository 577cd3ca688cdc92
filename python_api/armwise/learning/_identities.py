"""Ids of decisions that no policy drew: those of a deterministic rule, or of an experiment's variant."""

from __future__ import annotations

import itertools

from armwise._forks import watch_forks
from armwise.policies._seeds import fresh_stream

__all__ = ["Identities"]


class Identities:
    """Gives each decision an id, ``e{stream:x}-{number:x}``, that nothing else has.

    The letter tells them from a policy's ids, which say where its draw is found again: of a rule there is none.
    A forked process goes on with a stream of its own.

    Parameters
    ----------
    stream : int
        In [0, 2**63); one that nobody else counts on.

    Examples
    --------
    >>> identities = Identities(26)
    >>> identities.take(), identities.take()
    ('e1a-0', 'e1a-1')
    """

    __slots__ = ("__weakref__", "_numbers", "_prefix")

    def __init__(self, stream: int) -> None:
        self._start(stream)
        watch_forks(self)

    def _start(self, stream: int) -> None:
        self._prefix = f"e{stream:x}-"
        self._numbers = itertools.count()

    def take(self) -> str:
        """The next id."""
        return f"{self._prefix}{next(self._numbers):x}"

    def _before_fork(self) -> None:
        """Nothing is held between two ids."""

    def _after_fork(self, *, child: bool) -> None:
        if child:
            self._start(fresh_stream())
