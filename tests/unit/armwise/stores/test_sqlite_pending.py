from __future__ import annotations

import gc
import sqlite3
import threading

import pytest

from armwise.errors import ConfigurationError, ReentrantCall, StoreError
from armwise.protocols import Pending, PendingLimits
from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

LIMITS = PendingLimits(10**9, 8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pending.db"


@pytest.fixture
def store(path):
    store = SQLitePending(path)
    yield store
    store.close()


def pending(name, time=0):
    return Pending("route", name, "small", None, time)


def test_another_opening_finds_what_the_first_kept(store, path):
    store.expect(pending("a"), LIMITS)
    store.expect(pending("b"), LIMITS)
    assert store.join("route", "a", 0.1, 7, LIMITS).sequence == 1
    store.close()
    other = SQLitePending(str(path))
    assert other.counts()["pending"] == 1
    assert other.unsaved("route", 0) == [(1, pending("a"), 0.1, 7)]
    assert other.join("route", "a", 0.1, 7, LIMITS).status == "duplicate"
    assert other.join("route", "b", 0.1, 7, LIMITS).sequence == 2
    other.close()
    assert store.join("route", "b", 0.1, 7, LIMITS).status == "duplicate", "a closed store opens itself again"
    assert repr(store) == f"SQLitePending({str(path)!r})"


def test_what_is_not_saved_outlives_its_window(store):
    for turn in range(4):
        store.expect(pending(str(turn)), LIMITS)
        store.join("route", str(turn), 1.0, 0, LIMITS)
    store.saved("route", 2)
    store.saved("route", 1)
    for turn in range(40):
        store.expect(pending(f"new{turn}", 10**10), PendingLimits(10**9, 1000))
    assert [one.sequence for one in store.unsaved("route", 0)] == [3, 4]


def test_rewards_that_must_go_unsaved_are_counted(store):
    for turn in range(100):
        store.expect(pending(str(turn)), LIMITS)
        store.join("route", str(turn), 1.0, 0, LIMITS)
    lost = store.counts()["unsaved_dropped"]
    assert lost == 100 - len(store.unsaved("route", 0))
    assert lost > 0


def test_what_was_counted_is_counted_still(store, path):
    for name in "abc":
        store.expect(pending(name), LIMITS)
    for name in ("a", "a", "x", "b", "a"):
        store.join("route", name, 1.0, 7, LIMITS)
    store.join("route", "c", 1.0, 10**10, LIMITS)
    for turn in range(20):
        store.expect(pending(str(turn)), LIMITS)
    expected = {
        "pending": 8,
        "applied": 2,
        "duplicate": 2,
        "late": 1,
        "unknown": 1,
        "dropped": 13,
        "unsaved_dropped": 0,
    }
    assert store.counts() == expected
    store.close()
    assert DelayedRewards(SQLitePending(path)).counts == expected


def test_what_is_not_applied_is_counted_once_or_not_at_all(store, path):
    other = sqlite3.connect(path)
    with other:
        other.execute("CREATE TRIGGER full BEFORE UPDATE ON head BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(StoreError, match="disk full"):
        store.join("route", "x", 1.0, 0, LIMITS)
    with other:
        other.execute("DROP TRIGGER full")
    other.close()
    assert store.counts()["unknown"] == 0


def test_numbers_are_never_given_twice(store):
    store.expect(pending("a"), LIMITS)
    store.join("route", "a", 1.0, 0, LIMITS)
    store.saved("route", 1)
    for turn in range(40):
        store.expect(pending(str(turn), 10**10), PendingLimits(10**9, 1000))
    assert store.unsaved("route", 0) == []
    assert store.join("route", "39", 1.0, 10**10, LIMITS).sequence == 2


@pytest.mark.parametrize("bad", [None, "", 3, "a\0b", "/", "\ud800", b"\0"])
def test_bad_paths(bad):
    with pytest.raises(ConfigurationError, match=r"path is .*expected the name of a file"):
        SQLitePending(bad)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(StoreError, match="cannot open the pending decisions"):
        SQLitePending(tmp_path / "none" / "pending.db")


def test_a_file_of_something_else(path):
    path.write_bytes(b"not a database, and long enough to be read as the head of one" * 20)
    with pytest.raises(StoreError, match=r"cannot open .*not a database"):
        SQLitePending(path)


def test_a_database_of_something_else(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(StoreError, match="holds no pending decisions"):
        SQLitePending(path)


def test_a_newer_version(store, path):
    store.close()
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 2")
    other.close()
    with pytest.raises(StoreError, match="has version 2, this armwise reads up to 1; upgrade"):
        SQLitePending(path)


@pytest.mark.parametrize("kept", ["not json", "{}", "[1, 2]", "3", "[" * 100_000])
def test_a_decision_that_somebody_changed(store, path, kept):
    store.expect(pending("a"), LIMITS)
    other = sqlite3.connect(path)
    with other:
        other.execute("UPDATE waiting SET kept = ?", (kept,))
    other.close()
    with pytest.raises(StoreError, match="was changed by somebody else"):
        store.join("route", "a", 1.0, 0, LIMITS)
    assert store.counts()["pending"] == 1
    assert store.unsaved("route", 0) == []


def test_what_cannot_be_written_changes_nothing(store, path):
    store.expect(pending("a"), LIMITS)
    other = sqlite3.connect(path)
    with other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON rewarded BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(StoreError, match=r"cannot write the pending decisions \(disk full\)"):
        store.join("route", "a", 1.0, 0, LIMITS)
    assert store.counts()["pending"] == 1
    with other:
        other.execute("DROP TRIGGER full")
    other.close()
    assert store.join("route", "a", 1.0, 0, LIMITS) == ("applied", pending("a"), 1)


def test_a_call_within_a_call_is_told(store):
    with store._changing(), pytest.raises(ReentrantCall, match="from within one of its own calls"):
        store.join("route", "a", 1.0, 0, LIMITS)
    assert store.join("route", "a", 1.0, 0, LIMITS).status == "unknown"


def test_a_store_may_be_dropped_in_any_thread(path):
    def work():
        DelayedRewards(SQLitePending(path)).expect("route", "a", "small")
        gc.collect()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    store = SQLitePending(path)
    assert store.counts()["pending"] == 1
    store.close()
    store.close()
