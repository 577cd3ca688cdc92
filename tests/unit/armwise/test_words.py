"""Texts and values that come from anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from armwise._words import NAME, check_path, check_words, has_utf8, one_line, shown, suspected
from armwise.errors import ConfigurationError, SnapshotError, StoreError


def nested(levels):
    held = []
    for _ in range(levels):
        held = [held]
    return held


def test_what_cannot_be_written_is_told():
    assert has_utf8("Größe 💡")
    assert not has_utf8("a\udc00")


@pytest.mark.parametrize(
    "text", ["", " ", "a\nb", "a\x1b[2J", "a\x85", "a\x9b", "a\u2028", "a\ud800", "\x7f", None, 3, b"a"]
)
def test_words_are_printable(text):
    with pytest.raises(ConfigurationError, match=r"reason is .* expected a few words"):
        check_words(text, "reason", "a few words")


@pytest.mark.parametrize("text", ["does harm", " geht nicht: ä → 💡 ", "👩‍🔬"])
def test_words(text):
    assert check_words(text, "reason", "a few words") == text


@pytest.mark.parametrize("name", ["e", "Größe 2", "👩‍🔬", "x" * 200])
def test_names(name):
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["a\ud800", "\udfff", "a\x9bb", "a\u2029b", "x" * 201, "e\u00a0"])
def test_names_that_are_none(name):
    assert not NAME.fullmatch(name)


def test_values_are_shown_whatever_they_are():
    assert shown("a") == "'a'"
    assert len(shown("a" * 1000)) == 80
    assert shown(list(range(99)), 20) == "[0, 1, 2, 3, 4, 5..."
    assert shown(10**5000) == "of type int, too large to be shown"
    assert shown(nested(100_000)) == "of type list, too large to be shown"
    assert shown({"a": nested(100_000)}) == "of type dict, too large to be shown"
    assert shown([-(10**5000)]) == "of type list, too large to be shown"
    assert len(shown(b"x" * 2**20)) == len(shown("\ud800" * 2**20)) == len(shown([0.5] * 2**20)) == 80


def test_what_others_wrote_stays_on_its_line():
    assert one_line("a\nb\x1b\ud800") == "a\\nb\\x1b\\ud800"
    assert one_line("a" * 300) == "a" * 200 + "..."


@pytest.mark.parametrize("error", [TypeError, ValueError, OverflowError, RecursionError])
def test_what_python_refuses_is_the_states_fault(error):
    words = "deep\ndown"
    with pytest.raises(SnapshotError, match=r"what no state does \(deep\\ndown\)"), suspected():
        raise error(words)


def test_errors_of_its_own_pass():
    with pytest.raises(StoreError), suspected():
        raise StoreError
    with pytest.raises(ConfigurationError), suspected():
        raise ConfigurationError


def test_paths_stay_the_same_where_the_folder_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in ("a.db", Path("a.db"), tmp_path / "a.db"):
        assert check_path(given, "path", "a file") == tmp_path / "a.db"


@pytest.mark.parametrize("bad", [None, "", ".", 3, "a\0b", "/", "\ud800", b"a", [10**5000]])
def test_paths_that_name_no_file(bad):
    with pytest.raises(ConfigurationError, match=r"path is .*; expected the name of a file"):
        check_path(bad, "path", "the name of a file")
