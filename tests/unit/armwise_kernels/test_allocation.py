"""The table of allocation as both backends take it: what they refuse, and which kernel reads which array."""

from __future__ import annotations

import datetime as dt
import random
from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise_kernels import BackendUnavailable, load
from armwise_kernels.allocation import AllocationSpec, checked, codes_of, codes_of_arrow, octets_of

END = 2**64 - 1


class Odd(Exception):
    """What a caller raises for a key that is none."""


def careful(key: object) -> bytes:
    """Take numbers of NumPy and what says that it is a key; refuse the rest."""
    if isinstance(key, np.integer) and -(2**63) <= int(key) < 2**63:
        return int(key).to_bytes(8, "little", signed=True)
    if isinstance(key, str) and type(key) is not str:
        return str(key).encode()
    raise Odd(key)


def spec(**changes) -> AllocationSpec:
    halves = AllocationSpec(7, np.array([2**63 - 1, END], np.uint64), np.array([0, 1], np.int32), ("a", "b"))
    return halves._replace(**changes)


@pytest.fixture(params=["native", "numba"])
def kernels(request):
    try:
        return load(request.param)
    except BackendUnavailable as missing:
        pytest.skip(str(missing))


@pytest.fixture
def table(kernels):
    return kernels.allocation(spec(), careful)


# ---- the table ----


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 2**64}, ValueError, "seed"),
        ({"seed": True}, TypeError, "seed"),
        ({"seed": "7"}, TypeError, "integer"),
        ({"bounds": [1, END]}, TypeError, "bounds: expected a one-dimensional array of uint64"),
        ({"bounds": np.array([1, 2])}, TypeError, "bounds"),
        ({"bounds": np.array([[1, END]], np.uint64)}, TypeError, "bounds"),
        ({"bounds": np.array([5, 5], np.uint64)}, ValueError, "strictly ascending"),
        ({"bounds": np.array([6, 5], np.uint64)}, ValueError, "strictly ascending"),
        ({"bounds": np.array([6, END - 1], np.uint64)}, ValueError, "to 18446744073709551615"),
        ({"bounds": np.array([END], np.uint64)}, ValueError, "one length"),
        ({"bounds": np.empty(0, np.uint64), "codes": np.empty(0, np.int32)}, ValueError, "one and more"),
        ({"codes": np.array([0, 1])}, TypeError, "codes: expected a one-dimensional array of int32"),
        ({"codes": np.array([0, 2], np.int32)}, ValueError, "codes: expected -1 to 1, got 0 to 2"),
        ({"codes": np.array([-2, 0], np.int32)}, ValueError, "codes"),
        ({"labels": ["a", "b"]}, TypeError, "labels"),
        ({"labels": ("a", 1)}, TypeError, "labels"),
        ({"labels": ("a",)}, ValueError, "codes: expected -1 to 0"),
        ({"labels": ()}, ValueError, "codes"),
        ({"modulo": -1}, ValueError, "modulo"),
        ({"modulo": 2**64}, ValueError, "modulo"),
        ({"modulo": 12, "bounds": np.array([3, 10], np.uint64)}, ValueError, "to 11"),
        ({"namespace": (1, 5, 4)}, ValueError, "first <= last"),
        ({"namespace": (1, 5)}, ValueError, "shorter"),
        ({"namespace": (1, -5, 4)}, ValueError, "namespace's first hash"),
        ({"namespace": (1, 5, 2**64)}, ValueError, "namespace's last hash"),
        ({"namespace": (2**64, 5, 6)}, ValueError, "namespace's seed"),
    ],
)
def test_a_wrong_table_is_refused(kernels, changes, error, says):
    for make in (checked, lambda wrong: kernels.allocation(wrong, careful)):
        with pytest.raises(error, match=says):
            make(spec(**changes))


def test_what_is_no_function_is_refused(kernels):
    with pytest.raises(TypeError, match="careful"):
        kernels.allocation(spec(), None)


def test_a_table_may_end_where_the_modulo_does(kernels):
    modular = spec(modulo=10, bounds=np.array([4, 9], np.uint64))
    table = kernels.allocation(modular, careful)
    for key in range(50):
        h = kernels.xxh3(key.to_bytes(8, "little"), seed=7) % 10
        assert table.code(key) == (h > 4)


def test_a_table_keeps_copies(kernels):
    mine = spec()
    table = kernels.allocation(mine, careful)
    before = table.codes(np.arange(100))
    mine.bounds[0], mine.codes[0] = 0, 1
    assert (table.codes(np.arange(100)) == before).all()


def test_arrays_need_not_be_contiguous_or_writable(kernels):
    bounds = np.array([2**63 - 1, 0, END, 0], np.uint64)[::2]
    bounds.flags.writeable = False
    table = kernels.allocation(spec(bounds=bounds), careful)
    assert table.codes(["a", "b"]).tolist() == kernels.allocation(spec(), careful).codes(["a", "b"]).tolist()


@given(
    bounds=st.sets(
        st.integers(0, END)
        | st.integers(0, 2**8)
        | st.builds(lambda i, j: (i << 56) + j, st.integers(1, 255), st.integers(-2, 2)),
        max_size=40,
    ),
    keys=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20),
    modulo=st.just(0) | st.integers(1, 2**9) | st.integers(1, END),
)
def test_a_hash_is_in_the_first_range_that_reaches_it(bounds, keys, modulo):
    ordered = sorted({*bounds, END})
    codes = np.arange(len(ordered), dtype=np.int32)
    whole = spec(bounds=np.array(ordered, np.uint64), codes=codes, labels=tuple(map(str, codes)), modulo=modulo)
    for kernels in (load(), load("numba")):
        table = kernels.allocation(whole, careful)
        hashes = [kernels.xxh3(key.to_bytes(8, "little", signed=True), seed=7) % (modulo or 2**64) for key in keys]
        assert table.codes(keys).tolist() == [bisect_left(ordered, h) for h in hashes]


# ---- keys ----


def test_what_is_not_exactly_a_key_is_left_to_the_caller(table):
    class Name(str):
        __slots__ = ()

    assert table.code(Name("ann")) == table.code("ann")
    assert table.code(np.int64(7)) == table.code(7)
    assert table.allocate(np.str_("ann")) == table.allocate("ann")
    for odd in (None, True, 1.5, "\ud800", "a\udfff", 2**63, -(2**63) - 1, ("a",), bytearray(b"a"), np.bytes_(b"a")):
        for call in (table.code, table.allocate, lambda key: table.codes(["a", key]), lambda key: table.codes((key,))):
            with pytest.raises(Odd) as raised:
                call(odd)
            assert raised.value.args[0] is odd


def test_what_the_caller_gives_for_a_key_must_be_bytes(kernels):
    table = kernels.allocation(spec(), lambda _: "text")
    for call in (table.code, table.allocate):
        with pytest.raises(TypeError, match="key: expected its bytes"):
            call(None)
    with pytest.raises(TypeError, match="key: expected its bytes"):
        table.codes([None])


def test_one_key_takes_one_argument(table):
    for call in (table.allocate, table.code):
        with pytest.raises(TypeError):
            call()
        with pytest.raises(TypeError):
            call("a", "b")
        with pytest.raises(TypeError):
            call(key="a")


# ---- many keys ----


def test_members_of_other_arrays_are_keys_one_by_one(table):
    mixed = np.array(["a", b"b", 3, np.int8(4)], object)
    assert table.codes(mixed).tolist() == [table.code(key) for key in ("a", b"b", 3, 4)]
    large = np.array([0, 5], np.uint64)
    assert table.codes(large).tolist() == [table.code(0), table.code(5)]
    for odd in (
        np.array([True]),
        np.array([1.5]),
        np.array([2**63], np.uint64),
        np.array([2**63], ">u8"),
        np.array(["2024-01-01"], "datetime64[s]"),
        np.ma.masked_array([1, 2], [False, True]),
        np.array([None]),
        np.array([dt.date(2024, 1, 1)]),
    ):
        with pytest.raises(Odd):
            table.codes(odd)
    assert table.codes(np.empty(0)).tolist() == []


def test_text_without_utf8_in_an_array_is_left_to_the_caller(table):
    with pytest.raises(Odd) as raised:
        table.codes(np.array(["a", "b\ud800"]))
    assert raised.value.args == ("b\ud800",)


def test_an_array_with_odd_code_points_is_read_by_its_members(kernels):
    table = kernels.allocation(spec(), lambda key: key.encode("utf-8", "replace"))
    found = table.codes(np.array(["a", "b\ud800"]))
    assert found.tolist() == [table.code("a"), table.code("b?")]


def test_arrays_of_files_are_read_where_they_are(table, tmp_path):
    whole = np.memmap(tmp_path / "keys", np.int64, "w+", shape=(5,))
    whole[:] = range(5)
    assert table.codes(whole).tolist() == table.codes(list(range(5))).tolist()


def test_cells_of_no_width_are_empty_keys(table):
    empty = np.zeros(3, [("name", "S0"), ("id", "i4")])["name"]
    assert table.codes(empty).tolist() == [table.code(b"")] * 3


def test_unaligned_arrays_are_read(table):
    packed = np.zeros(9, [("flag", "i1"), ("id", "i8"), ("name", "U3")])
    packed["id"], packed["name"] = range(9), "ann"
    assert table.codes(packed["id"]).tolist() == table.codes(list(range(9))).tolist()
    assert table.codes(packed["name"]).tolist() == [table.code("ann")] * 9


def test_what_is_no_array_of_keys_is_refused(table):
    for wrong in ("text", b"octets", 7, None, {"a"}, {"a": 1}, iter(["a"]), range(3)):
        with pytest.raises(TypeError, match="keys: expected a list, a tuple or a NumPy array"):
            table.codes(wrong)
    for shape in ((2, 2), ()):
        with pytest.raises(ValueError, match="one dimension"):
            table.codes(np.zeros(shape, np.int64))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    "offsets", [[0, 2, 1], [0, 4], [-1, 2], [2, 1], [4, 4], [0, 1, 2, 3, 4], [1, 0], [0, 2**31 - 1]]
)
def test_offsets_that_fall_or_lead_outside_are_refused(table, dtype, offsets):
    with pytest.raises(ValueError, match="offsets must not fall, and must lie within the data"):
        table.codes_arrow(np.array(offsets, dtype), b"abc")


def test_other_offsets_and_data_are_refused(table):
    for wrong in ([0, 1.0], np.array([0, 1], np.uint32), np.array([0, 1], ">i4"), np.zeros((1, 2), np.int32), ["a"]):
        with pytest.raises(TypeError, match="offsets"):
            table.codes_arrow(wrong, b"a")
    with pytest.raises(ValueError, match="offsets: expected one more than there are keys"):
        table.codes_arrow(np.empty(0, np.int32), b"")
    for wrong in ("a", None, [97]):
        with pytest.raises(TypeError, match="data: expected bytes"):
            table.codes_arrow(np.array([0, 1]), wrong)


def test_offsets_need_not_be_contiguous(table):
    places = np.array([0, 9, 1, 9, 3])[::2]
    assert table.codes_arrow(places, b"abc").tolist() == [table.code(b"a"), table.code(b"bc")]


def test_the_chooser_is_the_same_for_any_table(kernels):
    table = kernels.allocation(spec(), careful)
    assert codes_of(table, ["a"]).tolist() == table.codes(["a"]).tolist()
    assert codes_of_arrow(table, np.array([0, 1]), b"a").tolist() == [table.code(b"a")]
    assert octets_of("data", memoryview(b"ab")).tolist() == [97, 98]


def test_the_backends_agree():
    native, numba = load(), load("numba")
    rng = random.Random(5)
    keys = [rng.randbytes(rng.randrange(60)) for _ in range(500)]
    namespaced = spec(namespace=(3, 2**61, 2**63))
    assert (
        native.allocation(namespaced, careful).codes(keys) == numba.allocation(namespaced, careful).codes(keys)
    ).all()
