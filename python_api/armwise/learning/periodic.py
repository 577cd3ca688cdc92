"""Snapshots at intervals, in the background."""

from __future__ import annotations

import logging
import os
import threading
from datetime import timedelta
from types import TracebackType
from typing import Final, Protocol, Self

from armwise._words import shown
from armwise.clock import span
from armwise.errors import ArmwiseError, ConfigurationError
from armwise.learning._saved_engine import SavedEngine

__all__ = ["PeriodicSnapshots"]

_LOG: Final = logging.getLogger("armwise.learning")
_SECOND: Final = 1_000_000_000


class _Saving(Protocol):
    """What can be saved: a :class:`~armwise.learning.LearningEngine` that has a store."""

    def save(self, *, keep: int) -> None: ...


class PeriodicSnapshots:
    """Saves an engine at intervals, from a thread of its own, until it is stopped.

    A decision waits for a snapshot no longer than the arrays of its own domain take to be copied. A save that fails is
    told once in the log ``armwise.learning``, and in :attr:`last_error` until one succeeds; the next interval tries
    again. A forked child does not save: its parent does, and two that learn apart would overwrite each other.

    Parameters
    ----------
    engine : LearningEngine
        What is saved; it was made with a store.
    interval : float or timedelta
        Seconds from the end of one snapshot to the next.
    keep : int
        How many earlier snapshots stay beside the last one.

    Raises
    ------
    ConfigurationError
        If `engine` is none or has no store, `interval` is no length of time, or `keep` no whole number of at least 0.

    Examples
    --------
    >>> class Engine:
    ...     def save(self, *, keep):
    ...         print("saved, and", keep, "before it")
    >>> with PeriodicSnapshots(Engine(), interval=3600, keep=24):
    ...     pass  # serve
    saved, and 24 before it
    """

    def __init__(self, engine: _Saving, *, interval: float | timedelta, keep: int = 3) -> None:
        if isinstance(engine, type) or not callable(getattr(engine, "save", None)):
            msg = f"engine is {shown(engine)}; expected what can be saved, a LearningEngine that has a store"
            raise ConfigurationError(msg)
        if isinstance(engine, SavedEngine) and not engine._keeping.kept:  # noqa: SLF001 - told now, not after an interval
            msg = "the engine has nowhere to save to: give it a store, such as armwise.stores.StateDirectory()"
            raise ConfigurationError(msg)
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
            msg = f"keep is {shown(keep)}; expected how many earlier snapshots stay, a whole number of at least 0"
            raise ConfigurationError(msg)
        self._engine = engine
        self._seconds = min(span(interval, name="interval") / _SECOND, threading.TIMEOUT_MAX)
        self._keep = keep
        self._process = os.getpid()
        self._stopped = threading.Event()
        self._saves = 0
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="armwise snapshots", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether snapshots are taken; never in a forked child."""
        return self._process == os.getpid() and self._thread.is_alive()

    @property
    def saves(self) -> int:
        """How many snapshots were taken."""
        return self._saves

    @property
    def last_error(self) -> Exception | None:
        """Why the last snapshot failed; None where it did not."""
        return self._error

    def stop(self) -> None:
        """Take no more snapshots but a last one, now; nothing where it was stopped before, or in a forked child.

        Raises
        ------
        StoreError
            If the last one cannot be written; what was written before stands.
        """
        if not self.running:
            return
        self._stopped.set()
        self._thread.join()
        self._engine.save(keep=self._keep)
        self._saves += 1

    def __enter__(self) -> Self:
        """Return itself; the thread runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self._engine.save(keep=self._keep)
            except Exception as error:  # noqa: BLE001 - a thread that ended would end all snapshots to come
                if self._error is None:
                    _LOG.error("no snapshot was taken: %s", error, exc_info=not isinstance(error, ArmwiseError))
                self._error = error
            else:
                self._error = None
                self._saves += 1
