"""The file of a shared table: made whole, opened with suspicion, changed by atomic steps alone."""

from __future__ import annotations

import json
import os
import random
import struct
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest

from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.posteriors import _shared_file
from armwise.posteriors._shared_file import FIRST_STREAM, Header
from armwise.posteriors.shared import SharedTable, packed, unpacked
from armwise_kernels import load

ARMS = ("a", 2, 3.5)
FRESH = Header(ARMS, (1.0, 2.0), 7)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "models.table"


def opened(path, arms=None, prior=None, seed=None, fresh=FRESH):
    return SharedTable.open(path, arms, prior, seed, fresh, load())


@pytest.fixture
def table(path):
    return opened(path, ARMS)


def descriptors():
    """How many files this process has open; 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    return len([*folder.iterdir()]) if folder.exists() else 0


def file_of(text, *, arms=3, version=1, magic=b"armwise\0", words_at=4096, size=None, stream=FIRST_STREAM):
    """A file with a good checksum, whatever it says."""
    fixed = struct.pack("<8sIIQQ", magic, version, arms, words_at, len(text))
    size = words_at + 64 if size is None else size
    data = bytearray(max(size, 128 + len(text)))
    data[:32], data[32:64] = fixed, blake2b(fixed + text, digest_size=32).digest()
    data[64:72], data[128 : 128 + len(text)] = stream.to_bytes(8, "little"), text
    return bytes(data[:size])


def text_of(**changes):
    return json.dumps({"arms": list(ARMS), "prior": [1.0, 2.0], "seed": 7} | changes).encode()


class TestMaking:
    def test_a_table_is_what_it_was_made_of(self, path, table):
        for found in (table, opened(path), opened(str(path), ARMS, (1.0, 2.0), 7)):
            assert (found.arms, found.prior, found.seed, found.path) == (ARMS, (1.0, 2.0), 7, path)
            assert list(map(type, found.arms)) == [str, int, float]
            assert found.load().tolist() == [0, 0, 0]
        assert [*path.parent.iterdir()] == [path]
        assert path.read_bytes() == file_of(text_of())

    def test_labels_of_any_kind_come_back(self, path):
        arms = ("", "\ud800", "ü" * 5000, -(1 << 63), 1e-300, "a")
        opened(path, arms, fresh=Header(arms, (1e-100, 1e100), (1 << 64) - 1))
        found = opened(path)
        assert (found.arms, found.prior, found.seed) == (arms, (1e-100, 1e100), (1 << 64) - 1)
        assert found.words.ctypes.data % 64 == 0

    def test_without_a_file_arms_are_asked_for(self, path):
        with pytest.raises(ConfigurationError, match="give arms"):
            opened(path)
        assert not path.exists()

    @pytest.mark.parametrize(
        ("given", "what"),
        [
            ({"arms": ("a", 2)}, "arms"),
            ({"arms": (2, "a", 3.5)}, "arms"),
            ({"arms": ("a", 2.0, 3.5)}, "arms"),
            ({"prior": (1.0, 1.0)}, "prior"),
            ({"seed": 8}, "seed"),
        ],
    )
    @pytest.mark.usefixtures("table")
    def test_it_is_not_opened_as_another(self, path, given, what):
        before = path.read_bytes()
        with pytest.raises(ConfigurationError, match=f"other {what}"):
            opened(path, **given)
        assert path.read_bytes() == before

    @pytest.mark.parametrize("bad", [None, 3, b"x", "", "a\0b", "/", True, ["x"]])
    def test_a_path_names_a_file(self, bad):
        with pytest.raises(ConfigurationError, match="path"):
            opened(bad, ARMS)

    def test_it_needs_its_folder(self, path):
        with pytest.raises(StoreError, match="cannot be made"):
            opened(path / "deeper", ARMS)

    def test_a_file_in_the_way_of_a_folder(self, path):
        path.write_text("")
        with pytest.raises(StoreError, match="cannot be opened"):
            opened(path / "deeper", ARMS)

    def test_what_fails_leaves_nothing_behind(self, path, monkeypatch):
        def refused(*_: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(os, "link", refused)  # as on a disk without hard links
        with pytest.raises(StoreError, match="Operation not permitted"):
            opened(path, ARMS)
        assert [*path.parent.iterdir()] == []

    @pytest.mark.usefixtures("table")
    def test_who_comes_second_takes_what_is_there(self, path):
        _shared_file.created(path, Header(("x",), (1.0, 1.0), 1))
        assert opened(path).arms == ARMS
        assert [*path.parent.iterdir()] == [path]

    def test_a_table_that_goes_while_it_is_opened(self, path, monkeypatch):
        monkeypatch.setattr("armwise.posteriors.shared.created", lambda *_: None)
        with pytest.raises(StoreError, match="went away"):
            opened(path, ARMS)

    def test_names_take_up_to_a_limit(self, path, monkeypatch):
        monkeypatch.setattr(_shared_file, "_MOST_TEXT", 20)
        with pytest.raises(ConfigurationError, match="shorter names"):
            opened(path, ARMS)
        assert not path.exists()


class TestHostile:
    @pytest.mark.parametrize(
        "data",
        {
            "empty": b"",
            "short": b"armwise\0",
            "other": b"x" * 5000,
            "magic": file_of(text_of(), magic=b"armwise\1"),
            "version 0": file_of(text_of(), version=0),
            "no arms": file_of(text_of(arms=[]), arms=0),
            "too many arms": file_of(text_of(), arms=(1 << 20) + 1),
            "fewer labels": file_of(text_of(arms=["a"])),
            "labels twice": file_of(text_of(arms=["a", "a", "b"])),
            "labels of no kind": file_of(text_of(arms=[None, [], {}])),
            "arms no list": file_of(text_of(arms="abc")),
            "prior": file_of(text_of(prior=[1.0, -1.0])),
            "prior of three": file_of(text_of(prior=[1.0, 1.0, 1.0])),
            "prior not finite": file_of(text_of(prior=[1.0, float("nan")])),
            "seed": file_of(text_of(seed=-1)),
            "seed too large": file_of(text_of(seed=1 << 64)),
            "nothing said": file_of(b"{}"),
            "no object": file_of(b"[]"),
            "no JSON": file_of(b"\xff"),
            "deep": file_of(b"[" * 100_000, words_at=4096 * 26),
            "long number": file_of(b"9" * 5000, words_at=8192),
            "one byte more": file_of(text_of()) + b"\0",
            "one byte less": file_of(text_of())[:-1],
            "words within the text": file_of(text_of(), words_at=0, size=64 + 128),
            "words off the page": file_of(text_of(), words_at=4104),
            "words within a long text": file_of(b" " * 5000, words_at=4096, size=4096 + 64),
        }.items(),
        ids=lambda case: case[0],
    )
    def test_what_is_no_table_is_refused_and_left(self, path, data):
        path.write_bytes(data[1])
        with pytest.raises(SnapshotError, match=r"models\.table"):
            opened(path, ARMS)
        assert path.read_bytes() == data[1]

    def test_a_newer_table_is_named_as_such(self, path):
        path.write_bytes(file_of(text_of(), version=9))
        with pytest.raises(SnapshotError, match="version 9"):
            opened(path)

    @pytest.mark.usefixtures("table")
    def test_a_flipped_bit_anywhere_in_the_header_is_refused_or_is_the_stream(self, path):
        data, rng = path.read_bytes(), random.Random(1)
        length = len(text_of())
        for _ in range(300):
            at, torn = rng.randrange(128 + length), bytearray(data)
            torn[at] ^= 1 << rng.randrange(8)
            path.write_bytes(torn)
            if 64 <= at < 128:
                opened(path)
            else:
                with pytest.raises(SnapshotError):
                    opened(path)

    @pytest.mark.usefixtures("table")
    def test_no_bytes_that_are_read_break_it(self, path):
        data, rng = path.read_bytes(), random.Random(2)
        for _ in range(200):
            torn = bytearray(data[: rng.randrange(len(data) + 1)])
            for _ in range(rng.randrange(8)):
                if torn:
                    torn[rng.randrange(len(torn))] = rng.randrange(256)
            path.write_bytes(torn)
            try:
                opened(path).load()
            except SnapshotError:
                continue

    @pytest.mark.parametrize("bad", [1 << 26, (3 * 4096 + 1) << 26 | 3, (1 << 26) - 1, (1 << 64) - 1])
    def test_a_word_that_cannot_be_is_refused_when_it_is_opened_and_later(self, path, table, bad):
        other = opened(path)
        other.words[1] = bad
        for call in (table.load, table.shapes, lambda: opened(path)):
            with pytest.raises(SnapshotError, match="the word of 2 in"):
                call()
        with pytest.raises(ValueError, match="more rewards"):
            table.store(np.array([0, 0, bad], np.uint64))

    @pytest.mark.parametrize("stream", [0, FIRST_STREAM - 1, (1 << 63) - (1 << 32), (1 << 64) - 1])
    def test_a_stream_that_nobody_counted_up_to_is_not_handed_out(self, path, stream):
        path.write_bytes(file_of(text_of(), stream=stream))
        with pytest.raises(SnapshotError, match="nobody counted"):
            opened(path).take_stream()

    def test_what_is_no_file(self, path):
        path.mkdir()
        with pytest.raises(StoreError, match="cannot be opened"):
            opened(path, ARMS)
        os.mkfifo(path.parent / "pipe")
        with pytest.raises(SnapshotError, match="no regular file"):
            opened(path.parent / "pipe", ARMS)

    @pytest.mark.usefixtures("table")
    def test_what_cannot_be_read_or_mapped(self, path, monkeypatch):
        def failing(*_: object) -> None:
            raise OSError(5, "Input/output error")

        before = descriptors()
        with monkeypatch.context() as patch:
            patch.setattr(os, "pread", failing)
            with pytest.raises(StoreError, match="cannot be read: Input/output error"):
                opened(path)
        with monkeypatch.context() as patch:
            patch.setattr("mmap.mmap", failing)
            with pytest.raises(StoreError, match="cannot be mapped"):
                opened(path)
        with pytest.raises(ConfigurationError):
            opened(path, ("z",))
        assert descriptors() == before


def test_streams_are_given_once_to_all_that_open_it(path, table):
    other = opened(path)
    taken = [one.take_stream() for one in (table, other, table, opened(path), other)]
    assert taken == list(range(FIRST_STREAM, FIRST_STREAM + 5))
    assert path.read_bytes()[64:72] == (FIRST_STREAM + 5).to_bytes(8, "little")


def test_words_and_shapes(path, table):
    table.store(packed(np.array([2048, 0, 4096], np.uint64), np.array([3, 0, 1], np.uint64)))
    assert [array.tolist() for array in unpacked(opened(path).load())] == [[2048, 0, 4096], [3, 0, 1]]
    alpha, beta = opened(path).shapes()
    assert (alpha.tolist(), beta.tolist()) == ([1.5, 1.0, 2.0], [4.5, 2.0, 2.0])
