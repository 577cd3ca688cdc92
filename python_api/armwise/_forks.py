"""What must not survive a fork unchanged, brought to rest while a process forks: outer locks before inner ones."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import ExitStack
from enum import IntEnum
from typing import Final, Protocol

__all__ = ["Rank", "watch_forks"]


class Rank(IntEnum):
    """Whose locks are taken inside whose: those of a lower rank first, and let go last."""

    ENGINE = 0
    """Gates, which are held while everything below is called."""
    EXPERIMENTS = 1
    """Managers, which save themselves and tell metrics while they are locked."""
    STORE = 2
    LEAF = 3
    """Policies, budgets, flags: what asks nobody else while it is locked."""


class _Forked(Protocol):
    """What is told of forks."""

    def _before_fork(self) -> None: ...
    def _after_fork(self, *, child: bool) -> None: ...


class _Peers:
    """What is alive of one rank."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        # By identity: a subclass may define equality, and with it lose its hash.
        self._alive: weakref.WeakValueDictionary[int, _Forked] = weakref.WeakValueDictionary()
        self._held: dict[int, _Forked] = {}
        self._shut = False

    def watch(self, forked: _Forked) -> None:
        with self._guard:
            self._alive[id(forked)] = forked

    def hold(self) -> None:
        """Bring each to rest, and let nobody come in afterwards."""
        while True:
            self._guard.acquire()
            new = [one for key, one in list(self._alive.items()) if key not in self._held]
            if not new:
                self._shut = True
                return
            # Not while waiting for a lock: whoever holds it may be about to make another one of this rank.
            self._guard.release()
            for one in new:
                one._before_fork()  # noqa: SLF001 - a hook of what is watched, not of its users
                self._held[id(one)] = one

    def let_go(self, *, child: bool) -> None:
        # Hooks that raise do not keep a process from forking: Ctrl-C may have come before all was held, and one that
        # fails must not leave the others held.
        with ExitStack() as last_in_first_out:
            if self._shut:
                self._shut = False
                last_in_first_out.callback(self._guard.release)
            for one in self._held.values():
                last_in_first_out.callback(one._after_fork, child=child)  # noqa: SLF001
            self._held = {}


class _Forks:
    """The ranks, held from the outermost in and let go from the innermost out."""

    def __init__(self) -> None:
        self._ranks = [_Peers() for _ in Rank]

    def watch(self, forked: _Forked, rank: Rank = Rank.LEAF) -> None:
        """Tell an object of forks for as long as it lives, by its `_before_fork` and `_after_fork`."""
        self._ranks[rank].watch(forked)

    def before(self) -> None:
        for peers in self._ranks:
            peers.hold()

    def after(self, *, child: bool) -> None:
        with ExitStack() as last_in_first_out:
            for peers in self._ranks:
                last_in_first_out.callback(peers.let_go, child=child)


_forks: Final = _Forks()
watch_forks: Final = _forks.watch

# One set of hooks for all: of several the last one registered would be asked first, whatever its rank.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_forks.before,
        after_in_parent=lambda: _forks.after(child=False),
        after_in_child=lambda: _forks.after(child=True),
    )
