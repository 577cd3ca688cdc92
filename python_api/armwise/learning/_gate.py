"""The lock of a domain: it tells a call that would wait for itself, and no fork leaves it held."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from armwise._forks import Rank, watch_forks
from armwise.errors import ReentrantCall

__all__ = ["Gate"]

_REENTERED: Final = (
    "the engine was called from within one of its own calls, by a signal handler, a finalizer, a tracer or a flag's "
    "subscriber; let them set a flag or fill a queue, and call the engine from the main flow; nothing was changed"
)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Gate:
    """One thread at a time; a gate that is made first is entered before one that is made later.

    Examples
    --------
    >>> gate = Gate()
    >>> with gate.held():
    ...     print("inside")
    inside
    """

    __slots__ = ("__weakref__", "_busy", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._busy = False
        watch_forks(self, Rank.ENGINE)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait until nobody is inside, and be inside.

        A signal's handler may raise between any two calls of this thread. Nothing is left held by that: the lock is
        entered by ``with`` itself, and a generator that is forgotten is closed.

        Raises
        ------
        ReentrantCall
            If this thread is inside already: waiting would be for ever, and going on would find a change half made.
        """
        with self._lock:
            if self._busy:
                raise ReentrantCall(_REENTERED)
            self._busy = True
            try:
                yield
            finally:
                self._busy = False

    def run(self, step: Callable[Parameters, Result], *args: Parameters.args, **named: Parameters.kwargs) -> Result:
        """Call a function from inside: what :meth:`held` does, for a third of its cost.

        Raises
        ------
        ReentrantCall
            As :meth:`held`.
        """
        with self._lock:
            if self._busy:
                raise ReentrantCall(_REENTERED)
            self._busy = True
            try:
                return step(*args, **named)
            finally:
                self._busy = False

    def _before_fork(self) -> None:
        self._lock.acquire()

    def _after_fork(self, *, child: bool) -> None:
        if child:
            # The thread that forked is the only one left: a lock that another one held would never be released.
            self._lock = threading.RLock()
            self._busy = False
        else:
            self._lock.release()
