"""Checkpoints beside the calls; that kills lose nothing is shown in tests/integration/test_delayed_processes.py."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import threading
import weakref

import pytest

from armwise.protocols import Pending, PendingLimits
from armwise.stores import SQLitePending, _checkpoints
from armwise.stores._checkpoints import Checkpoints

LIMITS = PendingLimits(10**9, 10**6)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(_checkpoints, "_EVERY", 8)


@pytest.fixture
def store(tmp_path):
    store = SQLitePending(tmp_path / "pending.db")
    yield store
    store.close()


def keep(store, count, start=0):
    for turn in range(start, start + count):
        store.expect(Pending("route", str(turn), "small", None, 0), LIMITS)


def in_journal(store):
    """How many pages the journal holds, and how many of them are in the database; it makes a checkpoint."""
    other = sqlite3.connect(store.path)
    _, pages, moved = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    other.close()
    return pages, moved


def size(path):
    return path.stat().st_size


def test_a_thread_moves_what_was_written_ahead(store):
    empty = size(store.path)
    keep(store, 7)
    assert store._checkpoints._thread is None, "who writes little has no thread"
    assert size(store.path) == empty
    keep(store, 1, 7)
    thread = store._checkpoints._thread
    assert thread.name == "armwise-checkpoints"
    store._checkpoints.stop()
    assert not thread.is_alive()
    assert size(store.path) > empty
    pages, moved = in_journal(store)
    keep(store, 1, 8)
    assert pages == moved
    assert in_journal(store)[0] < pages, "the journal began anew"


def test_it_is_not_the_caller_who_waits(store):
    keep(store, 4)
    reader = sqlite3.connect(store.path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM head").fetchall()
    keep(store, 20, 4)
    store._checkpoints.stop()
    pages, moved = in_journal(store)
    assert moved < pages, "what somebody reads still stays in the journal"
    reader.close()
    assert store.counts()["pending"] == 24


def test_a_long_journal_begins_anew_whoever_writes(store, monkeypatch):
    monkeypatch.setattr(_checkpoints, "_LONG", 10)
    keep(store, 8)
    store._checkpoints.stop()
    assert store._checkpoints._long
    before, _ = in_journal(store)
    keep(store, 1, 8)
    assert not store._checkpoints._long
    keep(store, 1, 9)
    after, _ = in_journal(store)
    assert after < before


def test_the_last_to_close_leaves_no_journal(store):
    keep(store, 20)
    store.close()
    assert [path.name for path in store.path.parent.iterdir() if "-" in path.name] == []
    keep(store, 20, 20)
    assert store.counts()["pending"] == 40


def test_where_no_thread_can_begin_the_next_call_makes_it(store, monkeypatch):
    def refuse(_):
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        keep(store, 8)
    empty = size(store.path)
    keep(store, 1, 8)
    assert size(store.path) > empty
    keep(store, 8, 9)
    assert store._checkpoints._thread is not None


def test_what_fails_is_told_once_and_tried_again(tmp_path, caplog):
    caplog.set_level(logging.WARNING, "armwise.stores")
    path = tmp_path / "gone.db"
    checkpoints = Checkpoints(path)
    elsewhere = sqlite3.connect(":memory:")
    for _ in range(16):
        checkpoints.count(elsewhere)
    checkpoints.stop()
    (record,) = caplog.records
    assert "cannot be moved into the database (unable to open database file), and grows" in record.getMessage()
    assert not path.exists(), "a file that is gone is not made anew"
    sqlite3.connect(path).executescript("PRAGMA journal_mode = WAL; CREATE TABLE any (x)")
    for _ in range(16):
        checkpoints.count(elsewhere)
    checkpoints.stop()
    assert [record.getMessage().partition(": ")[2] for record in caplog.records[1:]] == [
        "what was written ahead is moved into the database again"
    ]
    elsewhere.close()
    checkpoints._long = True
    with pytest.raises(sqlite3.ProgrammingError):
        elsewhere.execute("SELECT 1")
    checkpoints.count(elsewhere)
    assert "closed database" in caplog.records[-1].getMessage()


def test_a_store_that_nobody_holds_is_not_kept_alive(tmp_path):
    store = SQLitePending(tmp_path / "pending.db")
    keep(store, 8)
    thread, gone = store._checkpoints._thread, weakref.ref(store)
    del store
    gc.collect()
    assert gone() is None
    thread.join(30)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_both_sides_of_a_fork_go_on(store):
    keep(store, 8)
    child = os.fork()
    if child == 0:
        keep(store, 20, 100)
        store._checkpoints.stop()
        os._exit(0 if store._checkpoints._written == 28 else 1)
    keep(store, 20, 200)
    assert os.waitpid(child, 0)[1] == 0
    assert store.counts()["pending"] == 48
