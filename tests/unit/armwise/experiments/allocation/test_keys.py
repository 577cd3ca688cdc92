"""Keys: which are, which are not, and the shapes that many of them come in."""

from __future__ import annotations

import array
import uuid
from datetime import date

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.experiments.allocation._keys import Buffers, as_text, columns, key_bytes, plain


class Name(str):
    __slots__ = ()


class Octets(bytes):
    __slots__ = ()


class Number(int):
    pass


@pytest.mark.parametrize(
    ("key", "octets"),
    [
        ("naïve", b"na\xc3\xafve"),
        (Name("a"), b"a"),
        (np.str_("a"), b"a"),
        (b"\xff", b"\xff"),
        (Octets(b"ab"), b"ab"),
        (np.bytes_(b"ab"), b"ab"),
        (7, b"\7\0\0\0\0\0\0\0"),
        (Number(7), b"\7\0\0\0\0\0\0\0"),
        (np.uint8(7), b"\7\0\0\0\0\0\0\0"),
        (-1, b"\xff" * 8),
        (-(2**63), b"\0" * 7 + b"\x80"),
    ],
)
def test_bytes_of_keys(key, octets):
    assert key_bytes(key) == octets
    assert type(plain(key)) in {str, bytes, int}


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (None, "decide first what serves a user who is not known"),
        (True, "a bool would be taken for 0 or 1"),
        (np.False_, "a bool would be taken for 0 or 1"),
        (1.5, "floats do not identify"),
        (7.0, "floats do not identify"),
        (np.float32(7), "floats do not identify"),
        (float("nan"), "floats do not identify"),
        (2**63, r"pass str\(key\)"),
        (-(2**63) - 1, r"pass str\(key\)"),
        (np.uint64(2**63), r"pass str\(key\)"),
        ("a\ud800", "lone surrogate at 1"),
        (Name("\udfff"), "lone surrogate at 0"),
        (uuid.UUID(int=1), r"type UUID.*pass str\(key\)"),
        (bytearray(b"a"), "type bytearray"),
        (["a"], "type list"),
        (date(2024, 1, 1), "type date"),
    ],
)
def test_what_is_no_key_is_refused(key, says):
    for take in (key_bytes, as_text, plain):
        with pytest.raises(ConfigurationError, match=says):
            take(key)


def test_text_of_keys():
    assert [as_text(key) for key in ("ä", b"\xc3\xa4", 7, -7, np.int64(7))] == ["ä", "ä", "7", "-7", "7"]
    with pytest.raises(ConfigurationError, match="no UTF-8"):
        as_text(b"\xff")


def read(keys):
    (column,) = columns(keys)
    return column


def test_lists_and_other_iterables():
    assert read(["a", 1]) == ["a", 1]
    assert read(("a", 1)) == ("a", 1)
    assert read(("a", "b")) == ("a", "b")
    assert read(x for x in "ab") == ["a", "b"]
    assert read({"a": 1, "b": 2}.keys().__iter__()) == ["a", "b"]
    assert read(range(3)) == [0, 1, 2]


def test_arrays():
    assert read(np.array(["a", "b"])).dtype.kind == "U"
    assert read(np.array([b"a"])).dtype.kind == "S"
    assert read(np.array([1, 2], dtype=">u2")).dtype == np.int64
    assert read(np.array(["a", 1, None], dtype=object)) == ["a", 1, None]
    assert read(np.array([], dtype=np.uint64)).size == 0
    assert read(array.array("q", [1, 2])) == [1, 2]


class Series:
    """As much of a data frame's column as is asked."""

    def __array__(self, dtype=None, copy=None):
        return np.array([3, 4])

    def __iter__(self):
        raise AssertionError


def test_what_offers_an_array_is_taken_as_one():
    assert read(Series()).tolist() == [3, 4]


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("user-1", "one key; put it in a list"),
        (b"user-1", "one key"),
        (bytearray(b"u"), "one key"),
        (3, "type int; expected a list"),
        (None, "type NoneType"),
        ({"a", "b"}, "type set"),
        ({"a": 1}, "type dict"),
        (np.array([[1]]), r"shape \(1, 1\)"),
        (np.array(3), r"shape \(\)"),
        (np.array([1.0]), "dtype float64"),
        (np.array([True]), "dtype bool"),
        (np.array(["2024"], dtype="datetime64[Y]"), "dtype datetime64"),
        (np.array([2**63], dtype=np.uint64), "9223372036854775808"),
        ((np.array([0, 1]), 3), "type int"),
        ((np.array([0, 1]), "text"), "type str"),
        ((np.array([0, 1]), np.arange(8)[::2]), "contiguous"),
        ((np.array([0.0, 1.0]), b"a"), "expected n"),
        ((np.array([[0, 1]]), b"a"), "expected n"),
        ((np.array([], dtype=np.int32), b"a"), "expected n"),
        ((np.array([0, 1], dtype=np.uint64), b"a"), "expected n"),
    ],
)
def test_what_holds_no_keys_is_refused(keys, says):
    with pytest.raises(ConfigurationError, match=says):
        list(columns(keys))


def test_pairs_become_buffers():
    for offsets, width in (
        (np.array([0, 1], dtype=np.int32), np.int32),
        (np.array([0, 1], dtype=">i4"), np.int32),
        (np.array([0, 1]), np.int64),
        (np.array([0, 1], dtype=np.uint32), np.int64),
        ([0, 1], np.int64),
    ):
        pair = read((offsets, b"a"))
        assert isinstance(pair, Buffers)
        assert pair.offsets.dtype == width
        assert pair.offsets.tolist() == [0, 1]
        assert pair.data.tolist() == [97]
    assert read((np.array([0]), b"")).data.size == 0


@pytest.mark.parametrize(
    "data", [np.array([97], dtype=np.int32), np.array([97.0]), np.array([1j]), np.array([True]), np.array(["a"])]
)
def test_buffers_of_something_else_than_bytes_are_refused(data):
    """Its memory would be read for keys."""
    with pytest.raises(ConfigurationError, match="expected bytes, or an array of uint8"):
        read((np.array([0, 1]), data))


@pytest.mark.parametrize("data", [b"a", bytearray(b"a"), memoryview(b"a"), np.array([97], dtype=np.uint8)])
def test_buffers_of_bytes_are_taken(data):
    assert read((np.array([0, 1]), data)).data.tolist() == [97]


class Arrow:
    """The face of a pyarrow array."""

    def __init__(self, kind, buffers, length, offset=0, null_count=0):
        self.type, self.offset, self.null_count, self._buffers, self._length = kind, offset, null_count, buffers, length

    def buffers(self):
        return self._buffers

    def __len__(self):
        return self._length


def strings(words, kind="string", offset=0):
    width = np.int64 if kind.startswith("large") else np.int32
    ends = np.cumsum([0, *map(len, words)]).astype(width).tobytes()
    return Arrow(kind, [None, ends, "".join(words).encode()], len(words) - offset, offset)


def test_arrow_is_read_where_it_lies():
    for kind in ("string", "large_string", "binary", "large_binary"):
        offsets, data = read(strings(["a", "bc", "def"], kind, offset=1))
        assert offsets.tolist() == [1, 3, 6]
        assert data.tobytes() == b"abcdef"
    numbers = Arrow("uint16", [None, np.array([5, 6, 7], dtype=np.uint16).tobytes()], 2, offset=1)
    assert read(numbers).tolist() == [6, 7]
    assert read(Arrow("string", [None, None, None], 0)) == []
    assert read(Arrow("int64", [None, None], 0)) == []
    no_text = Arrow("string", [None, np.zeros(3, dtype=np.int32).tobytes(), None], 2)
    assert read(no_text).offsets.tolist() == [0, 0, 0]


class Chunked:
    def __init__(self, chunks):
        self._chunks = chunks

    def iterchunks(self):
        return iter(self._chunks)


def test_chunks_follow_each_other():
    chunks = list(columns(Chunked([strings(["a"]), strings(["b", "c"])])))
    assert [chunk.offsets.tolist() for chunk in chunks] == [[0, 1], [0, 1, 2]]
    assert list(columns(Chunked([]))) == []


def test_arrow_of_other_kinds_and_nulls_are_refused():
    with pytest.raises(ConfigurationError, match="an Arrow array of dictionary"):
        read(Arrow("dictionary<values=string>", [], 1))
    with pytest.raises(ConfigurationError, match="1 nulls"):
        read(Arrow("string", [], 1, null_count=1))
    large = Arrow("uint64", [None, np.array([2**63], dtype=np.uint64).tobytes()], 1)
    with pytest.raises(ConfigurationError, match="9223372036854775808"):
        read(large)
