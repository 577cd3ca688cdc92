from __future__ import annotations

import os

import pytest

from armwise.errors import ConfigurationError
from armwise.learning._flags_file import FlagsFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "flags"


def test_lines_are_read(path):
    path.write_bytes(
        b"\xef\xbb\xbf# what is off since Monday\r\n\n  ENABLE_RL_GLOBAL = Yes  \r\n\tENABLE_RL_ROUTING=0\nENABLE_X="
    )
    assert FlagsFile(path).read() == {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": False, "ENABLE_X": False}


BROKEN = [
    (b"ENABLE_RL_GLOBAL\n", r"flags:1: the line is 'ENABLE_RL_GLOBAL'; expected a flag such as"),
    (b"\nENABEL_RL_GLOBAL=0\n", r"flags:2: the line is 'ENABEL_RL_GLOBAL=0'"),
    (b"enable_rl_global=0\n", "expected a flag such as"),
    (b"=1", "expected a flag such as"),
    (b"export ENABLE_RL_GLOBAL=1", "expected a flag such as"),
    (b"ENABLE_RL_GLOBAL=ture", r"flags:1: ENABLE_RL_GLOBAL is 'ture'; expected 1, true"),
    (b"ENABLE_RL_GLOBAL=1\nENABLE_RL_GLOBAL=0", r"flags:2: ENABLE_RL_GLOBAL stands there twice"),
    (b"\xff", "is not UTF-8 text"),
    (b"ENABLE_RL_GLOBAL=\0", "expected 1, true"),
    (b"\x1b[2J", r"the line is '\\\\x1b\[2J'"),
    (b"#" * (1 << 16) + b"#", "longer than 65,536 bytes"),
]


@pytest.mark.parametrize(("data", "words"), BROKEN)
def test_what_cannot_be_meant_is_refused(path, data, words):
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=words):
        FlagsFile(path).read()


def test_a_full_file_is_read(path):
    path.write_bytes(b"#" * ((1 << 16) - 19) + b"\nENABLE_RL_GLOBAL=1")
    assert FlagsFile(path).read() == {"ENABLE_RL_GLOBAL": True}


def test_what_is_no_file_is_refused(path, tmp_path):
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match="it is no regular file"):
        FlagsFile(path).read()
    with pytest.raises(ConfigurationError, match=r"cannot be read \(it is no regular file\)"):
        FlagsFile(tmp_path).read()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(ConfigurationError, match="Too many levels"):
        FlagsFile(loop).read()


def test_a_folder_that_is_none_is_no_file(path):
    path.write_text("")
    assert FlagsFile(path / "flags").read() == {}


@pytest.mark.parametrize("given", [None, "", ".", "/", 3, True, "a\0b", "\ud800", ["flags"], b"\0"])
def test_what_names_no_file_is_refused(given):
    with pytest.raises(ConfigurationError, match="expected the name of a file"):
        FlagsFile(given)


def test_the_path_stays_where_the_process_goes(path, monkeypatch, tmp_path_factory):
    path.write_text("ENABLE_RL_GLOBAL=1")
    monkeypatch.chdir(path.parent)
    file = FlagsFile("flags")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert file.read() == {"ENABLE_RL_GLOBAL": True}


def test_a_change_counts_once_it_stands_still(path):
    file = FlagsFile(path)
    assert file.read() == {}
    assert file.changed() is None
    path.write_text("")
    assert file.changed() is None
    path.write_text("ENABLE_RL_GLOBAL=")
    assert file.changed() is None
    path.write_text("ENABLE_RL_GLOBAL=1")
    assert file.changed() is None
    assert file.changed() == {"ENABLE_RL_GLOBAL": True}
    assert file.changed() is None
    path.unlink()
    assert file.changed() is None
    assert file.changed() == {}
    assert file.changed() is None


def test_a_file_that_comes_back_as_it_was_has_not_changed(path):
    path.write_text("ENABLE_RL_GLOBAL=1")
    file = FlagsFile(path)
    file.read()
    path.write_text("")
    assert file.changed() is None
    path.write_text("ENABLE_RL_GLOBAL=1")
    assert file.changed() is None
    assert file.changed() is None


def test_a_broken_file_is_warned_of_once(path, caplog):
    path.write_text("ENABLE_RL_GLOBAL=1")
    file = FlagsFile(path)
    file.read()
    for word in ("ture", "maybe"):
        path.write_text(f"ENABLE_RL_GLOBAL={word}")
        assert [file.changed() for _ in range(4)] == [None] * 4
    path.unlink()
    path.mkdir()
    assert [file.changed() for _ in range(4)] == [None] * 4
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 3
    assert "'ture'" in words[0]
    assert words[1].endswith("flags stay as they are")
    assert "cannot be read" in words[2]
