from __future__ import annotations

import fcntl
import os
import threading

import pytest

from armwise.errors import StoreError
from armwise.telemetry.trace.rotating_file import RotatingFile


def test_lines_go_to_the_file_until_it_is_full(tmp_path):
    path = tmp_path / "traces.jsonl"
    file = RotatingFile(path, max_bytes=10, keep=2)
    for number in range(7):
        file.append(b"line%d\n" % number if number != 3 else b"a line that is longer than a file\n")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["traces.1.jsonl", "traces.2.jsonl", "traces.jsonl"]
    assert path.read_bytes() == b"line6\n"
    assert (tmp_path / "traces.1.jsonl").read_bytes() == b"line5\n"


def test_none_is_kept_where_none_is_wanted(tmp_path):
    file = RotatingFile(tmp_path / "traces.jsonl", max_bytes=1, keep=0)
    file.append(b"one\n")
    file.append(b"two\n")
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == [b"two\n"]


def test_half_a_line_that_a_kill_left_is_ended_and_nothing_else_is_touched(tmp_path):
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b'{"whole":1}\n{"ha')
    RotatingFile(path, max_bytes=100, keep=1).append(b"next\n")
    assert path.read_bytes() == b'{"whole":1}\n{"ha\nnext\n'


def test_nothing_is_written_to_see_whether_something_could_be(tmp_path):
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"half")
    RotatingFile(path, max_bytes=1, keep=1).append(b"")
    assert path.read_bytes() == b""
    assert (tmp_path / "traces.1.jsonl").read_bytes() == b"half"


def test_a_full_disk_is_told_and_what_was_written_is_taken_back(tmp_path):
    import resource

    path = tmp_path / "traces.jsonl"
    file = RotatingFile(path, max_bytes=1 << 20, keep=1)
    file.append(b"one\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # Python ignores the signal, and gets the error
    try:
        with pytest.raises(StoreError, match=r"traces\.jsonl: cannot write traces .*; free space"):
            file.append(b"x" * 200 + b"\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"one\n"
    file.append(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_device_that_cannot_be_made_shorter_is_a_full_disk_too(tmp_path):
    path = tmp_path / "traces.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(StoreError, match="No space left"):
        RotatingFile(path, max_bytes=100, keep=1).append(b"one\n")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        RotatingFile(tmp_path / "none" / "traces.jsonl", max_bytes=100, keep=1).append(b"")


@pytest.mark.parametrize("instead", [None, b"another\n"])
def test_a_file_that_was_moved_away_while_one_waited_for_it_is_opened_anew(tmp_path, instead):
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b"")
    waits = threading.Event()

    class Waiting(RotatingFile):
        """Says when it has the file open; it waits for the lock then."""

        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if name == "_descriptor" and value is not None:
                waits.set()

    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    writer = threading.Thread(target=Waiting(path, max_bytes=100, keep=1).append, args=(b"one\n",))
    writer.start()
    assert waits.wait(10)
    path.rename(tmp_path / "elsewhere")
    if instead is not None:
        path.write_bytes(instead)
    os.close(descriptor)
    writer.join(10)
    assert path.read_bytes() == (instead or b"") + b"one\n"
    assert (tmp_path / "elsewhere").read_bytes() == b""


def test_a_child_lets_go_of_what_its_parent_had_open(tmp_path):
    file = RotatingFile(tmp_path / "traces.jsonl", max_bytes=100, keep=1)
    with file._held(0) as (descriptor, _):
        copy = os.dup(descriptor)
        file._descriptor = copy
        file.leave_to_parent()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(copy)
    file.leave_to_parent()
