"""The lock of a domain: it tells a call that would wait for itself, and no fork leaves it held."""

from __future__ import annotations

import os
import threading
from typing import Final

from armwise.errors import ReentrantCall
from armwise.policies._seeds import _Forks

__all__ = ["Gate", "take_before", "watch_forks"]

_REENTERED: Final = (
    "the engine was called from within one of its own calls, by a signal handler, a finalizer, a tracer or a flag's "
    "subscriber; let them set a flag or fill a queue, and call the engine from the main flow; nothing was changed"
)


class Gate:
    """One thread at a time; entered by ``with``, a gate that is made first before one that is made later.

    Raises
    ------
    ReentrantCall
        On entering, if this thread is inside already: waiting would be for ever, and going on would find a change
        half made.

    Examples
    --------
    >>> gate = Gate()
    >>> with gate:
    ...     print("inside")
    inside
    """

    __slots__ = ("__weakref__", "_busy", "_lock")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._busy = False
        watch_forks(self)

    def __enter__(self) -> None:
        """Wait until nobody is inside."""
        self._lock.acquire()
        if self._busy:
            self._lock.release()
            raise ReentrantCall(_REENTERED)
        self._busy = True

    def __exit__(self, *_: object) -> None:
        """Let the next one in."""
        self._busy = False
        self._lock.release()

    def _before_fork(self) -> None:
        self._lock.acquire()

    def _after_fork(self, *, child: bool) -> None:
        if child:
            # The thread that forked is the only one left: a lock that another one held would never be released.
            self._lock = threading.RLock()
            self._busy = False
        else:
            self._lock.release()


class _OutermostForks(_Forks):
    """Forks, told of by several hooks: the first of them holds what is held, and the last one lets it go."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def before(self) -> None:
        if self._depth == 0:
            super().before()
        self._depth += 1

    def after(self, *, child: bool) -> None:
        self._depth -= 1
        if self._depth == 0:
            super().after(child=child)


_forks = _OutermostForks()
watch_forks = _forks.watch
_inner: Final[set[type]] = set()


def take_before(kind: type) -> None:
    """At forks, take gates before the locks that are used inside them: those of this kind of thing.

    What is registered last is asked first, and a store may be imported after the engine. So the hooks are registered
    once more for each kind.
    """
    if hasattr(os, "register_at_fork") and kind not in _inner:
        _inner.add(kind)
        os.register_at_fork(
            before=_forks.before,
            after_in_parent=lambda: _forks.after(child=False),
            after_in_child=lambda: _forks.after(child=True),
        )


take_before(_Forks)  # the policies'
