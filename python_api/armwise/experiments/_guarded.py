"""A lock that tells when a thread would wait for itself, and that no fork leaves held."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from armwise.errors import ReentrantCall

__all__ = ["Guarded"]


class Guarded(ABC):
    """What changes under one lock, in one call at a time, and lives on after a fork.

    Who inherits calls ``watch_forks(self)`` at the end of its own ``__init__``: the hooks ask for everything it holds.
    """

    _REENTERED: ClassVar[str]
    """What a call is told that a signal handler or a finalizer made within another one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._busy = False

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock.

        Raises
        ------
        ReentrantCall
            If this thread holds it already: waiting would be for ever, and going on would find a change half made.
        """
        with self._lock:
            if self._busy:
                raise ReentrantCall(self._REENTERED)
            self._busy = True
            try:
                yield
            finally:
                self._busy = False

    @abstractmethod
    def _renew(self) -> None:
        """In the child of a fork: become another than the parent, who goes on."""

    def _before_fork(self) -> None:
        self._lock.acquire()

    def _after_fork(self, *, child: bool) -> None:
        if not child:
            self._lock.release()
            return
        # The thread that forked is the only one left: a lock that another one held would never be released.
        self._lock = threading.RLock()
        self._busy = False
        self._renew()
