from __future__ import annotations

import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from armwise.errors import ConfigurationError, StoreError
from armwise.protocols import EngineStore, WorkspaceStore
from armwise.stores import StateDirectory, WorkspaceFiles


@pytest.fixture
def files(tmp_path):
    return StateDirectory(tmp_path).workspace("acme", "main")


def names(files):
    return sorted(path.name for path in files.path.parent.iterdir())


def test_nothing_is_made_before_something_is_kept(tmp_path):
    files = StateDirectory(tmp_path / "state").workspace()
    assert files.read() is None
    assert files.previous() == []
    assert list(tmp_path.iterdir()) == []


def test_where_it_is():
    assert StateDirectory("x", environ={"ARMWISE_STATE_DIR": "/y"}).path == Path("x")
    assert StateDirectory(environ={"ARMWISE_STATE_DIR": "/y", "XDG_DATA_HOME": "/z"}).path == Path("/y")
    assert StateDirectory(environ={"XDG_DATA_HOME": "/z"}).path == Path("/z/armwise")
    assert StateDirectory(environ={}).path == Path("~/.local/share/armwise").expanduser()
    assert StateDirectory(environ={"ARMWISE_STATE_DIR": "~/y"}).path == Path("~/y").expanduser()


@pytest.mark.parametrize(
    "path", ["", "a\0b", "\ud800", 3, b"x", ["x"], "~nobody-of-this-name/x", pytest.param(10**5000, id="long")]
)
def test_a_path_that_is_none(path):
    with pytest.raises(ConfigurationError, match="ARMWISE_STATE_DIR"):
        StateDirectory(path)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "-a",
        "a/b",
        "a\\b",
        "a\0",
        "ä",
        "a b",
        "a" * 65,
        "a~1",
        "\ud800",
        None,
        1,
        True,
        ["a"],
    ],
)
def test_names_that_cannot_stand_in_a_path(tmp_path, name):
    with pytest.raises(ConfigurationError, match="workspace is"):
        StateDirectory(tmp_path).workspace("default", name)
    with pytest.raises(ConfigurationError, match="tenant is"):
        StateDirectory(tmp_path).workspace(name, "main")


def test_tenants_and_workspaces_are_apart(tmp_path):
    store = StateDirectory(tmp_path)
    for tenant in ("a", "b"):
        for workspace in ("x", "x.y", "x.json"):
            store.workspace(tenant, workspace).write(f"{tenant}/{workspace}".encode())
    for tenant in ("a", "b"):
        for workspace in ("x", "x.y", "x.json"):
            assert store.workspace(tenant, workspace).read() == f"{tenant}/{workspace}".encode()


def test_writing_keeps_what_stood_there(files):
    for n in range(6):
        files.write(b"%d" % n, keep=3)
    assert files.read() == b"5"
    assert [path.read_bytes() for path in files.previous()] == [b"4", b"3", b"2"]
    assert all(re.fullmatch(r"main~\d{8}T\d{6}\.\d{6}Z\.json", path.name) for path in files.previous())
    files.write(b"6", keep=1)
    assert [path.read_bytes() for path in files.previous()] == [b"5"]
    files.write(b"7", keep=0)
    assert (files.read(), files.previous()) == (b"7", [])
    assert names(files) == ["main.json", "main.json.lock"]


def test_what_others_put_beside_it_stays(files):
    files.write(b"0")
    beside = files.path.with_name("main~before the migration.json")
    beside.write_bytes(b"mine")
    other = files.path.with_name("main.2~20260101T000000.000000Z.json")
    other.write_bytes(b"of another workspace")
    for n in range(5):
        files.write(b"%d" % n, keep=1)
    assert beside.read_bytes() == b"mine"
    assert other.exists()
    assert len(files.previous()) == 1


def test_a_clock_that_went_back(files):
    files.write(b"0")
    future = files.path.with_name("main~29990101T000000.999999Z.json")
    future.write_bytes(b"future")
    files.write(b"1")
    assert [path.name for path in files.previous()] == ["main~29990101T000001.000000Z.json", future.name]
    assert files.previous()[0].read_bytes() == b"0"


def test_one_that_was_killed_between_two_names(files):
    files.write(b"0")
    files._set_aside()
    assert [path.read_bytes() for path in files.previous()] == [b"0"]
    files.write(b"1", keep=5)
    assert [path.read_bytes() for path in files.previous()] == [b"0"]


@pytest.mark.parametrize("keep", [-1, True, 1.0, None, "3", pytest.param(-(10**5000), id="long")])
def test_what_cannot_be_kept(files, keep):
    with pytest.raises(ConfigurationError, match="keep is"):
        files.write(b"x", keep=keep)
    assert files.read() is None


def test_only_bytes_are_written(files):
    with pytest.raises(ConfigurationError, match="of type str"):
        files.write("text")
    assert not files.path.parent.exists()


def test_streams_follow_each_other_and_never_come_again(files):
    seen = set()
    for count in (1, 3, 1, 1000):
        first = files.take_streams(count)
        assert 0 <= first < 1 << 63
        assert first + count <= 1 << 63
        block = set(range(first, first + count))
        assert not block & seen
        seen |= block
    assert {stream & 0xFFFFFFFF for stream in seen} == set(range(1005))
    assert names(files) == ["main.json.lock", "main.streams"]


def test_streams_differ_after_the_folder_was_deleted(files):
    before = files.take_streams()
    files.path.with_suffix(".streams").unlink()
    after = files.take_streams()
    assert before & 0xFFFFFFFF == after & 0xFFFFFFFF == 0
    assert before != after  # by a chance of 1 - 2**-31


def test_streams_for_many_threads(files):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: files.take_streams(2), range(64)))
    assert len({stream & 0xFFFFFFFF for stream in taken}) == 64


@pytest.mark.parametrize("count", [0, -1, True, 1.0, None, "1", 1 << 32, pytest.param(10**5000, id="long")])
def test_how_many_streams(files, count):
    with pytest.raises(ConfigurationError, match="count is"):
        files.take_streams(count)
    assert not files.path.parent.exists()


def test_streams_that_are_used_up(files):
    files.take_streams((1 << 32) - 1)
    with pytest.raises(StoreError, match="4,294,967,295 streams were handed out, and no 2 are left"):
        files.take_streams(2)
    assert files.take_streams(1) & 0xFFFFFFFF == (1 << 32) - 1
    with pytest.raises(StoreError, match="are left"):
        files.take_streams(1)


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"x", b"-1", b"1.5", b"\xff", b"1" * 5000, "\N{SUPERSCRIPT TWO}".encode()]
)
def test_a_number_of_streams_that_is_none(files, text):
    files.take_streams()
    path = files.path.with_suffix(".streams")
    path.write_bytes(text)
    with pytest.raises(StoreError, match="expected how many streams"):
        files.take_streams()
    assert path.read_bytes() == text


def test_what_the_system_refuses_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    files = StateDirectory(tmp_path / "file").workspace()
    for call in (files.read, files.take_streams, lambda: files.write(b"x"), lambda: files.pending):
        with pytest.raises(StoreError, match=r"main\.json: cannot .*; free space, or choose another"):
            call()
    files = StateDirectory(tmp_path).workspace()
    files.path.mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot read the snapshot"):
        files.read()
    with pytest.raises(StoreError, match="cannot write the snapshot"):
        files.write(b"x")


def test_pending_decisions_stand_beside_it(files):
    assert files.pending is files.pending
    assert files.pending.counts()["pending"] == 0
    assert files.path.with_name("main.db").exists()


def test_a_lock_does_not_outlive_its_holder_in_a_forked_child(files):
    """A child that is forked while the lock is held shares the opening, and must not keep it locked."""
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with files._locked("test"):
            inside.set()
            leave.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(30)
    until, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.read(until, 1)
        os._exit(0)
    leave.set()
    holder.join()
    taken = []
    asks = threading.Thread(target=lambda: taken.append(files.take_streams()), daemon=True)
    asks.start()
    asks.join(30)
    os.close(go)
    os.close(until)
    assert os.waitpid(child, 0)[1] == 0
    assert len(taken) == 1


def test_they_are_what_an_engine_asks_for(tmp_path):
    store: EngineStore = StateDirectory(tmp_path)
    workspace: WorkspaceStore = store.workspace()
    assert isinstance(workspace, WorkspaceFiles)
    assert repr(store) == f"StateDirectory({str(tmp_path)!r})"
    assert repr(workspace) == f"WorkspaceFiles({str(tmp_path / 'default' / 'main.json')!r})"
