"""Decisions that wait for rewards, in one SQLite file that the processes of a machine share.

A decision stands in ``waiting`` until a reward takes it away, and is then in ``rewarded``, in the order of rewards.
Each call is one transaction that takes the write lock at its start, so that of two processes that reward one decision
the second finds it gone. The journal is written ahead and not pushed to the disk at each commit (WAL,
synchronous=NORMAL): a process that is killed loses nothing, a power cut may lose the last moments, and neither leaves a
file that cannot be read. A thread moves the journal into the database, so that no call waits for the disk: see
:mod:`armwise.stores._checkpoints`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from armwise._forks import Rank, watch_forks
from armwise._words import check_path
from armwise.errors import ConfigurationError, ReentrantCall, StoreError
from armwise.protocols import Joined, JoinedReward, Pending, PendingLimits
from armwise.stores._checkpoints import Checkpoints
from armwise.stores._replace import locked

__all__ = ["SQLitePending"]

_APPLICATION: Final = int.from_bytes(b"armw")
_VERSION: Final = 1
_PATIENCE: Final = 60.0
"""Seconds to wait for other writers."""
_EACH: Final = 16
"""Every so many decisions, twice as many that are too old may go."""

_COUNTED: Final = ("pending", "applied", "duplicate", "late", "unknown", "dropped", "unsaved_dropped")
"""What the columns of ``head`` count."""

_SCHEMA: Final = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS waiting (
    arrival INTEGER PRIMARY KEY, domain TEXT NOT NULL, decision_id TEXT NOT NULL, time INTEGER NOT NULL,
    kept TEXT NOT NULL, UNIQUE (domain, decision_id));
CREATE TABLE IF NOT EXISTS rewarded (
    sequence INTEGER PRIMARY KEY, domain TEXT NOT NULL, decision_id TEXT NOT NULL, time INTEGER NOT NULL,
    kept TEXT NOT NULL, reward REAL NOT NULL, joined INTEGER NOT NULL, UNIQUE (domain, decision_id));
CREATE TABLE IF NOT EXISTS saved (domain TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (
    one INTEGER PRIMARY KEY CHECK (one = 1), waiting INTEGER NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT 0,
    applied INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0, unsaved_dropped INTEGER NOT NULL DEFAULT 0);
INSERT OR IGNORE INTO head (one) VALUES (1);
COMMIT;
"""


class SQLitePending:
    """Keeps the decisions that wait for rewards in a file, for every thread and process of a machine.

    Parameters
    ----------
    path : str or path-like
        Where; its folder is there, on a file system of this machine. ``{path}-wal`` and ``{path}-shm`` stand beside it.

    Raises
    ------
    ConfigurationError
        If the path names no file.
    StoreError
        If it cannot be opened, or is a file of something else.

    Notes
    -----
    After a fork the child opens the file anew; the parent's opening is closed before, for SQLite must not be carried
    over. What is rewarded and not yet saved stays until `capacity` others have come, however old it is.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from armwise.rewards import DelayedRewards
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pending.db"
    >>> DelayedRewards(SQLitePending(path)).expect("route", "0-2a-7", "small", [1.0, 0.5])
    >>> delayed = DelayedRewards(SQLitePending(path))  # the process was restarted
    >>> delayed.join("route", "0-2a-7", 0.9).status
    'applied'
    >>> [(one.sequence, one.pending.arm, one.reward) for one in delayed.unsaved("route")]
    [(1, 'small', 0.9)]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = check_path(path, "path", "the name of a file, such as 'pending.db'")
        # Reentrant, so that a signal handler's call is told and does not wait for what it has interrupted.
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._checkpoints = Checkpoints(self.path)
        with self._told("open"), self._lock:
            self._open()
        watch_forks(self, Rank.STORE)

    def __repr__(self) -> str:
        return f"SQLitePending({str(self.path)!r})"

    def __del__(self) -> None:
        if hasattr(self, "_checkpoints"):  # it came so far
            self._checkpoints.abandon()
            if self._connection is not None:
                self._connection.close()

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        with self._told("close"), self._lock:
            self._shut()

    def expect(self, pending: Pending, limits: PendingLimits) -> None:
        """Keep a decision; see :class:`~armwise.protocols.PendingStore`."""
        key = pending.domain, pending.decision_id
        kept = _written(pending)
        with self._changing() as run:
            arrived = run(
                "INSERT OR IGNORE INTO waiting (domain, decision_id, time, kept) SELECT ?1, ?2, ?3, ?4"
                " WHERE NOT EXISTS (SELECT 1 FROM rewarded WHERE domain = ?1 AND decision_id = ?2)",
                (*key, pending.time, kept),
            )
            if not arrived.rowcount:
                msg = (
                    f"decision {pending.decision_id!r} of domain {pending.domain!r} is expected already;"
                    " give each decision an id of its own"
                )
                raise ConfigurationError(msg)
            counted = run("UPDATE head SET waiting = waiting + 1 RETURNING waiting, sequence")
            waiting, sequence = counted.fetchone()
            # A reward moves one from the waiting to the rewarded: only decisions that come, or go, change the sum.
            if waiting > limits.capacity or not (waiting + sequence) % _EACH:
                _forget_waiting(run, waiting, pending.time, limits)
                _forget_rewarded(run, sequence, pending.time, limits)

    def join(self, domain: str, decision_id: str, reward: float, time: int, limits: PendingLimits) -> Joined:
        """Reward a decision; see :class:`~armwise.protocols.PendingStore`."""
        key = domain, decision_id
        with self._changing() as run:
            row = run("SELECT arrival, time, kept FROM waiting WHERE domain = ? AND decision_id = ?", key).fetchone()
            if row is None:
                row = run("SELECT time, kept FROM rewarded WHERE domain = ? AND decision_id = ?", key).fetchone()
                if row is None:
                    run("UPDATE head SET unknown = unknown + 1")
                    return Joined("unknown", None, None)
                run("UPDATE head SET duplicate = duplicate + 1")
                return Joined("duplicate", _read(*key, *row), None)
            arrival, decided, kept = row
            pending = _read(domain, decision_id, decided, kept)
            if time - decided > limits.window:
                run("UPDATE head SET late = late + 1")
                return Joined("late", pending, None)
            run("DELETE FROM waiting WHERE arrival = ?", (arrival,))
            numbered = run(
                "UPDATE head SET waiting = waiting - 1, applied = applied + 1, sequence = sequence + 1"
                " RETURNING sequence"
            )
            (sequence,) = numbered.fetchone()
            run("INSERT INTO rewarded VALUES (?, ?, ?, ?, ?, ?, ?)", (sequence, *key, decided, kept, reward, time))
            return Joined("applied", pending, sequence)

    def unsaved(self, domain: str, sequence: int) -> list[JoinedReward]:
        """The rewards after the one of this number; see :class:`~armwise.protocols.PendingStore`."""
        with self._told("read"), self._lock:
            rows = self._opened().execute(
                "SELECT sequence, decision_id, time, kept, reward, joined FROM rewarded"
                " WHERE domain = ? AND sequence > ? ORDER BY sequence",
                (domain, sequence),
            )
            return [
                JoinedReward(number, _read(domain, decision_id, decided, kept), reward, joined)
                for number, decision_id, decided, kept, reward, joined in rows
            ]

    def saved(self, domain: str, sequence: int) -> None:
        """Rewards up to this number are kept elsewhere; see :class:`~armwise.protocols.PendingStore`."""
        with self._changing() as run:
            run(
                "INSERT INTO saved VALUES (?, ?)"
                " ON CONFLICT (domain) DO UPDATE SET sequence = max(sequence, excluded.sequence)",
                (domain, sequence),
            )
            run("UPDATE head SET sequence = ?1 WHERE sequence < ?1", (sequence,))

    def counts(self) -> dict[str, int]:
        """What became of decisions and rewards; see :class:`~armwise.protocols.PendingStore`."""
        with self._told("read"), self._lock:
            row = self._opened().execute(
                "SELECT waiting, applied, duplicate, late, unknown, dropped, unsaved_dropped FROM head"
            )
            return dict(zip(_COUNTED, row.fetchone(), strict=True))

    @contextmanager
    def _changing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """One transaction; what raises within it leaves nothing behind."""
        with self._told("write"), self._lock:
            connection = self._opened()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection.execute
                connection.execute("COMMIT")
                self._checkpoints.count(connection)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection:
        connection = self._connection or self._open()
        if connection.in_transaction:
            msg = (
                f"{self.path} was called from within one of its own calls, by a signal handler or a finalizer;"
                " set a flag there, and call it afterwards"
            )
            raise ReentrantCall(msg)
        return connection

    def _open(self) -> sqlite3.Connection:
        # One at a time: to put a new file into WAL mode takes it whole, and who comes in between is not told to wait.
        with locked(self.path):
            connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            try:
                _prepare(connection, self.path)
            except BaseException:
                connection.close()
                raise
        self._connection = connection
        return connection

    def _shut(self) -> None:
        self._checkpoints.stop()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        """Say of which file the system, or SQLite, complains."""
        try:
            yield
        except StoreError:
            raise
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            msg = f"{self.path}: cannot {verb} the pending decisions ({reason}); free space, or choose another path"
            raise StoreError(msg) from error

    def _before_fork(self) -> None:
        self._lock.acquire()
        self._shut()

    def _after_fork(self, *, child: bool) -> None:
        if child:
            # The thread that forked is the only one left: a lock that another one held would never be released.
            self._lock = threading.RLock()
        else:
            self._lock.release()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables where there are none, and refuse the file of somebody else.

    Raises
    ------
    StoreError
        If it is one.
    """
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if tables and application != _APPLICATION:
        msg = f"{path} holds no pending decisions; choose another path, or move it away"
        raise StoreError(msg)
    if version > _VERSION:
        msg = f"{path} has version {version}, this armwise reads up to {_VERSION}; upgrade armwise"
        raise StoreError(msg)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # Checkpoints are made beside it
    if not tables:
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.executescript(_SCHEMA)


def _forget_waiting(run: Callable[..., sqlite3.Cursor], waiting: int, now: int, limits: PendingLimits) -> None:
    """Let go of the oldest decisions that are too old or too many; count those that were still within their window."""
    over, gone, dropped, last = now - 2 * limits.window, 0, 0, 0
    with closing(run("SELECT arrival, time FROM waiting ORDER BY arrival LIMIT ?", (2 * _EACH,))) as rows:
        for arrival, time in rows:
            if time >= over and waiting - gone <= limits.capacity:
                break
            gone, last = gone + 1, arrival
            dropped += now - time <= limits.window
    if gone:
        run("DELETE FROM waiting WHERE arrival <= ?", (last,))
        run("UPDATE head SET waiting = waiting - ?, dropped = dropped + ?", (gone, dropped))


def _forget_rewarded(run: Callable[..., sqlite3.Cursor], newest: int, now: int, limits: PendingLimits) -> None:
    """Let go of the oldest rewards that are too old and saved, or too many; count those that were not saved.

    Rewards only go from the old end: between the first number and the newest none is missing, but for those that a
    snapshot brought from an earlier file.
    """
    over, unsaved, last = now - 2 * limits.window, 0, 0
    rows = run(
        "SELECT sequence, time,"
        " EXISTS (SELECT 1 FROM saved AS s WHERE s.domain = r.domain AND s.sequence >= r.sequence)"
        " FROM rewarded AS r ORDER BY sequence LIMIT ?",
        (2 * _EACH,),
    )
    with closing(rows):
        for sequence, time, saved in rows:
            if not (saved and time < over) and newest - sequence < limits.capacity:
                break
            last = sequence
            unsaved += not saved
    if last:
        run("DELETE FROM rewarded WHERE sequence <= ?", (last,))
        run("UPDATE head SET unsaved_dropped = unsaved_dropped + ?", (unsaved,))


def _written(pending: Pending) -> str:
    """What is kept of a decision beside its ids and its time."""
    kept = (pending.arm, pending.context, pending.experiment, pending.variant, pending.propensity, pending.extra)
    return json.dumps(kept, allow_nan=False, separators=(",", ":"))


def _read(domain: str, decision_id: str, time: int, kept: str) -> Pending:
    """The decision that was written so.

    Raises
    ------
    StoreError
        If somebody else wrote it.
    """
    try:
        arm, context, experiment, variant, propensity, extra = json.loads(kept)
    except (RecursionError, TypeError, ValueError) as error:
        msg = (
            f"decision {decision_id!r} of domain {domain!r} was changed by somebody else; move the file away ({error})"
        )
        raise StoreError(msg) from error
    return Pending(domain, decision_id, arm, context, time, experiment, variant, propensity, extra)
