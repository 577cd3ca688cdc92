"""Moving what is written ahead into a database, in a thread: no call waits for the disk meanwhile.

SQLite appends each transaction to a journal (WAL), and left to itself has the call that makes it a thousand pages long
write them all into the database and wait for the disk twice.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

__all__ = ["Checkpoints"]

_LOG: Final = logging.getLogger("armwise.stores")
_DUE: Final = True
_END: Final = False
_EVERY: Final = 1024
"""Transactions between two checkpoints; each appends about four pages."""
_LONG: Final = 16_384
"""Pages, 64 MiB. Only a journal of which every page is in the database begins anew, and where each moment brings others
a thread comes to no such end: beyond this one call waits for it."""


class Checkpoints:
    """The checkpoints of one opening of a database.

    Its thread begins with the first one that is due: who writes little has none, and SQLite makes one itself when the
    last opening is closed. What is not done when a process dies is done by whoever opens the database next.

    Parameters
    ----------
    path : Path
        Of the database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0
        self._long = False
        self._failing = False
        self._asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def count(self, connection: sqlite3.Connection) -> None:
        """Tell of a transaction that was committed on the opening; its lock is held."""
        self._written += 1
        if self._long:
            self._long = False
            with self._told():
                connection.execute("PRAGMA wal_checkpoint(RESTART)")
        elif self._written % _EVERY == 0:
            self._ask()

    def stop(self) -> None:
        """End the thread, and wait for it; it begins again when a checkpoint is due."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._asked.put(_END)
            thread.join()

    def abandon(self) -> None:
        """End the thread without waiting for it."""
        self._asked.put(_END)

    def _ask(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="armwise-checkpoints", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # there are too many, or the interpreter shuts down
                self._long = True
                return
            self._thread = thread
        self._asked.put(_DUE)

    def _run(self) -> None:
        file = f"{self._path.as_uri()}?mode=rw"
        while self._asked.get():
            # Opened each time: nothing of SQLite may be carried over a fork, and a file that is gone stays gone.
            with self._told(), closing(sqlite3.connect(file, uri=True, isolation_level=None)) as connection:
                _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._long = pages > _LONG

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Warn of what fails, once, and go on: what is written ahead is safe, and only grows."""
        try:
            yield
        except sqlite3.Error as error:
            if not self._failing:
                _LOG.warning(
                    "%s: what was written ahead cannot be moved into the database (%s), and grows; free space",
                    self._path,
                    error,
                )
            self._failing = True
        else:
            if self._failing:
                _LOG.warning("%s: what was written ahead is moved into the database again", self._path)
            self._failing = False
