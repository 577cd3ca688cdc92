from __future__ import annotations

import pytest

from armwise.stores._replace import locked, make_folders, replace


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
