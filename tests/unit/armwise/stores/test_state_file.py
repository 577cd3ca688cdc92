from __future__ import annotations

import fcntl
import json
import os
import stat
import threading

import pytest

from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.stores import StateFile


@pytest.fixture
def store(tmp_path):
    return StateFile(tmp_path / "state.json")


def test_what_was_written_is_read(store):
    assert store.read() is None
    state = {"a": [1, 2.5, None, "ü"], "b": {"c": True}}
    assert store.update(lambda before: state if before is None else {}) == state
    assert store.read() == state
    assert StateFile(str(store.path)).read() == state
    assert "StateFile(" in repr(store)


def test_an_update_sees_what_stands_there(store):
    for turn in range(5):
        store.update(lambda before: {"n": (0 if before is None else before["n"]) + 1})
        assert store.read() == {"n": turn + 1}
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["state.json", "state.json.lock"]


def test_a_change_that_raises_writes_nothing(store):
    store.update(lambda _: {"n": 1})

    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.update(broken)
    assert store.read() == {"n": 1}


@pytest.mark.parametrize("state", [{"n": float("nan")}, {"n": float("inf")}, {"n": object()}, {"n": {1, 2}}])
def test_what_is_not_plain_json_is_refused(store, state):
    store.update(lambda _: {"n": 1})
    with pytest.raises(SnapshotError, match="not plain JSON"):
        store.update(lambda _: state)
    assert store.read() == {"n": 1}


def deep(levels):
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"n": 1', '"n": 2'),
        lambda text: text.replace('"n": 1', '"n": NaN'),
        lambda text: text.replace("sha256:", "sha256:0"),
        lambda text: text.replace("armwise.state", "other.state"),
        lambda text: text.replace('"version": 1', '"version": 99'),
        lambda text: text.replace('"version": 1', '"version": "1"'),
        lambda text: text.replace('"state"', '"stat"'),
        lambda _: "",
        lambda _: "[]",
        lambda _: "null",
        lambda _: "\x00\x01",
        lambda _: deep(100_000),
        lambda text: text.replace('"n": 1', f'"n": {deep(900)}'),
        lambda text: text.replace('"n": 1', f'"n": {"9" * 5000}'),
        lambda text: text.replace('"n": 1', '"n": 1e999'),
    ],
)
def test_damage_is_found_and_nothing_is_overwritten(store, damage):
    store.update(lambda _: {"n": 1})
    text = damage(store.path.read_text())
    store.path.write_text(text)
    with pytest.raises(SnapshotError):
        store.read()
    with pytest.raises(SnapshotError):
        store.update(lambda _: {"n": 3})
    assert store.path.read_text() == text


def test_bytes_that_are_no_text(store):
    store.path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SnapshotError, match="not JSON"):
        store.read()


def test_a_state_stands_alone_in_its_envelope(store):
    store.update(lambda _: {"n": 1})
    envelope = json.loads(store.path.read_text())
    assert set(envelope) == {"format", "version", "checksum", "state"}
    # The checksum is of the state's meaning, not of its spelling.
    store.path.write_text(json.dumps(envelope, indent=3, sort_keys=True))
    assert store.read() == {"n": 1}


def test_a_folder_that_is_not_there(tmp_path):
    store = StateFile(tmp_path / "none" / "state.json")
    assert store.read() is None
    with pytest.raises(StoreError, match="cannot lock"):
        store.update(lambda _: {"n": 1})


def test_a_path_that_is_a_folder(tmp_path):
    store = StateFile(tmp_path)
    with pytest.raises(StoreError, match="cannot read"):
        store.read()


def test_a_full_disk_leaves_what_stood_there(store, monkeypatch):
    store.update(lambda _: {"n": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write the state .No space left"):
        store.update(lambda _: {"n": 2})
    monkeypatch.undo()
    assert store.read() == {"n": 1}
    assert store.update(lambda before: {"n": before["n"] + 1}) == {"n": 2}


def test_threads_take_turns(store):
    def add():
        for _ in range(20):
            store.update(lambda before: {"n": (0 if before is None else before["n"]) + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read() == {"n": 80}


@pytest.mark.parametrize("path", ["", ".", "/", "a\0b", "\ud800", None, 3, b"state.json", ["a"]])
def test_paths_that_name_no_file_are_refused(path):
    with pytest.raises(ConfigurationError, match="path is"):
        StateFile(path)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("bits", [0o600, 0o640, 0o664])
def test_a_state_keeps_the_mode_of_the_one_before(store, bits):
    store.update(lambda _: {"n": 1})
    store.path.chmod(bits)
    before = os.umask(0)
    try:
        store.update(lambda _: {"n": 2})
    finally:
        os.umask(before)
    assert mode(store.path) == bits
    assert store.read() == {"n": 2}


def test_a_new_state_has_the_mode_of_new_files(store):
    before = os.umask(0o027)
    try:
        store.update(lambda _: {"n": 1})
    finally:
        os.umask(before)
    assert mode(store.path) == 0o640


def test_what_a_killed_process_left_opens_nothing(store):
    """The file that becomes the state is never open to more than may read the state."""
    store.update(lambda _: {"n": 1})
    store.path.chmod(0o600)
    left = store.path.with_name("state.json.tmp")
    left.write_text("torn")
    left.chmod(0o666)
    with left.open() as reader:
        store.update(lambda _: {"n": 2})
        assert reader.read() == "torn"
    assert mode(store.path) == 0o600
    assert not left.exists()


@pytest.mark.parametrize("refused", [False, True])
def test_a_state_keeps_its_owner_where_it_may(store, monkeypatch, refused):
    store.update(lambda _: {"n": 1})
    given = []

    def give(_, *owner):
        given.append(owner)
        if refused:
            raise PermissionError

    whole = type(store.path).stat
    foreign = os.stat_result([0o100600, 0, 0, 1, 12345, 54321, *whole(store.path)[6:]])
    monkeypatch.setattr(os, "fchown", give)
    monkeypatch.setattr(
        type(store.path), "stat", lambda path, **how: foreign if path == store.path else whole(path, **how)
    )
    store.update(lambda _: {"n": 2})
    monkeypatch.undo()
    assert given == [(12345, 54321)]
    assert mode(store.path) == 0o600
    assert store.read() == {"n": 2}


def test_a_lock_that_fails_is_told(store, monkeypatch):
    def fail(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StoreError, match=r"cannot lock the state .No locks"):
        store.update(lambda _: {"n": 1})
