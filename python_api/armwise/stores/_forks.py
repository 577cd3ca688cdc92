"""Stores that no fork may find in the midst of something: SQLite must not be carried into a child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol

__all__ = ["close_before_forks"]


class _Closing(Protocol):
    """What is told of forks."""

    def _before_fork(self) -> None: ...
    def _after_fork(self, *, child: bool) -> None: ...


class _Forks:
    """The stores alive, brought to rest while this process forks."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        # By identity: a subclass may define equality, and with it lose its hash.
        self._alive: weakref.WeakValueDictionary[int, _Closing] = weakref.WeakValueDictionary()
        self._held: list[_Closing] = []

    def watch(self, store: _Closing) -> None:
        with self._guard:
            self._alive[id(store)] = store

    def before(self) -> None:
        self._guard.acquire()
        self._held = list(self._alive.values())
        for store in self._held:
            store._before_fork()  # noqa: SLF001 - a hook of stores, not of their users

    def after(self, *, child: bool) -> None:
        for store in reversed(self._held):
            store._after_fork(child=child)  # noqa: SLF001
        self._held = []
        self._guard.release()


_forks = _Forks()
close_before_forks = _forks.watch

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=lambda: _forks.after(child=False),
        after_in_child=lambda: _forks.after(child=True),
    )
