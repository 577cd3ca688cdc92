from __future__ import annotations

import os
import stat
import threading

import pytest

from armwise.stores._replace import locked, make_folders, replace, write_out


def test_folders_are_made_once(tmp_path):
    folder = tmp_path / "a" / "b" / "c"
    make_folders(folder)
    make_folders(folder)
    assert folder.is_dir()


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        make_folders(tmp_path / "a" / "b")


def test_a_file_that_cannot_be_replaced_stays(tmp_path):
    path = tmp_path / "state"
    replace(path, b"one")
    (tmp_path / "state.tmp").mkdir()
    with pytest.raises(OSError, match=r"state\.tmp"):
        replace(path, b"two")
    assert path.read_bytes() == b"one"


def test_a_lock_is_given_back_by_what_raises(tmp_path):
    def broken():
        with locked(tmp_path / "state"):
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            broken()


@pytest.mark.parametrize("put", [replace, write_out])
def test_what_a_link_leads_to_is_replaced(tmp_path, put):
    (tmp_path / "folder").mkdir()
    link, file = tmp_path / "link", tmp_path / "folder" / "file"
    link.symlink_to(file)
    for data in (b"made", b"replaced"):
        put(link, data)
        assert file.read_bytes() == data
        assert link.is_symlink()
        assert not file.is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder", "link"]


def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link", tmp_path):
        with pytest.raises(OSError, match="what stands there is no file"):
            replace(path, b"one")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_a_pipe_is_written_into(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    data = bytes(range(256)) * 1000
    writer = threading.Thread(target=write_out, args=(tmp_path / name, data))
    writer.start()
    assert (tmp_path / "pipe").read_bytes() == data
    writer.join()
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


def test_what_is_written_out_keeps_its_mode_and_leaves_nothing_beside_it(tmp_path):
    file = tmp_path / "file"
    write_out(file, b"one")
    file.chmod(0o640)
    write_out(file, b"two")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"two", 0o640)
    with pytest.raises(IsADirectoryError):
        write_out(tmp_path, b"three")
    with pytest.raises(FileNotFoundError):
        write_out(tmp_path / "none" / "file", b"three")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        write_out(tmp_path / "loop", b"three")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


def test_a_link_and_what_it_leads_to_have_one_lock(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    with locked(tmp_path / "link"):
        pass
    assert (tmp_path / "folder" / "file.lock").exists()
    assert not (tmp_path / "link.lock").exists()
