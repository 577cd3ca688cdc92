"""The C type of allocation: what it holds on to, what it lets go, and what it refuses by itself."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

from armwise_kernels import BackendUnavailable, load
from armwise_kernels.allocation import AllocationSpec

END = 2**64 - 1
BOUNDS = np.array([2**62, 2**63, END], np.uint64)
CODES = np.array([0, -1, 1], np.int32)
LABELS = ("first variant", "second variant")

try:
    KERNELS = load("native")
except BackendUnavailable as missing:
    pytest.skip(str(missing), allow_module_level=True)

from armwise_kernels import _fast  # noqa: E402 - after the skip


def refused(key):
    raise LookupError(key)


def make(*, seed=7, bounds=BOUNDS, codes=CODES, labels=LABELS, modulo=0, namespace=None, careful=refused):
    return _fast.Allocation(seed, bounds, codes, labels, modulo, namespace, careful)


@pytest.fixture
def table():
    return KERNELS.allocation(AllocationSpec(7, BOUNDS, CODES, LABELS), refused)


def test_answers_are_the_callers_own_labels(table):
    assert {id(table.allocate(i)) for i in range(100)} == {id(None), *map(id, LABELS)}


def test_references_are_given_back(table):
    keys = [*map(str, range(50)), *range(50), b"octets", "naïve"]
    objects = [None, *LABELS, *keys]
    before = [sys.getrefcount(x) for x in objects]
    for _ in range(100):
        for key in keys:
            table.allocate(key)
            table.code(key)
        table.codes(keys)
        for odd in (1.5, "\ud800", 2**70):
            with pytest.raises(LookupError):
                table.allocate(odd)
            with pytest.raises(LookupError):
                table.codes([odd])
    assert [abs(sys.getrefcount(x) - count) < 20 for x, count in zip(objects, before, strict=True)] == [True] * len(
        objects
    )


def test_memory_is_given_back():
    def rounds(n):
        for _ in range(n):
            make(namespace=(1, 2, 3))
            for wrong in ({"labels": ("a", 1)}, {"codes": CODES + 5}, {"namespace": (1, 2)}, {"bounds": BOUNDS[:2]}):
                with pytest.raises((TypeError, ValueError)):
                    make(**wrong)
            table = make()
            out = np.empty(2, np.int32)
            table.of_utf32(np.array([97, 98], np.uint32), 1, out)
            table.of_utf32(np.array([97, 0xD800], np.uint32), 1, out)
            with pytest.raises(LookupError):
                table.of_list([1.5, 2], out)

    rounds(20)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    rounds(200)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000  # a table alone has 3,000 bytes


def test_a_cycle_through_the_function_is_collected():
    class Owner:
        def __init__(self):
            self.table = make(careful=self.careful)
            self.allocate = self.table.allocate

        def careful(self, key):
            return str(key).encode()

    owner = Owner()
    assert owner.allocate(1.5) in {None, *LABELS}
    gone = weakref.ref(owner)
    del owner
    gc.collect()
    assert gone() is None


def test_a_bound_method_keeps_its_table(table):
    allocate = table.allocate
    del table
    gc.collect()
    assert allocate("a") in {None, *LABELS}


def test_a_subclass_and_its_instances_are_collected():
    class Mine(_fast.Allocation):
        pass

    mine = Mine(7, BOUNDS, CODES, LABELS, 0, None, refused)
    mine.itself = mine
    gone = weakref.ref(mine)
    assert mine.code("a") == make().code("a")
    del mine
    gc.collect()
    assert gone() is None


def test_seeds_and_hashes_go_to_the_end_of_64_bits():
    key = "a"
    for seed in (END, np.uint64(END), 2**63):
        h = KERNELS.xxh3(key.encode(), seed=int(seed))
        assert make(seed=seed).code(key) == CODES[np.searchsorted(BOUNDS, np.uint64(h))]
        assert make(bounds=np.array([h - 1, END], np.uint64), codes=CODES[:2], seed=seed).code(key) == -1
        within = make(bounds=BOUNDS[2:], codes=CODES[:1], namespace=(seed, h, END))
        assert (within.code(key), make(namespace=(seed, h + 1, END)).code(key)) == (0, -1)


def test_a_key_may_use_the_table_and_change_the_list(table):
    keys = [1.5, "b", "c"]

    def again(_):
        keys.clear()
        return table.allocate("a").encode() if table.allocate("a") else b""

    other = make(careful=again)
    out = np.empty(3, np.int32)
    other.of_list(keys, out)
    assert out[1:].tolist() == [other.code("b"), other.code("c")]
    assert keys == []


def test_what_the_type_refuses_by_itself():
    for wrong, error in (
        ({"labels": list(LABELS)}, TypeError),
        ({"labels": ("a", b"b")}, TypeError),
        ({"careful": None}, TypeError),
        ({"bounds": BOUNDS.astype(np.float64)}, TypeError),
        ({"bounds": None}, TypeError),
        ({"codes": CODES.astype(np.int64)}, TypeError),
        ({"codes": CODES[:2]}, ValueError),
        ({"codes": CODES + 1}, ValueError),
        ({"codes": CODES - 1}, ValueError),
        ({"bounds": BOUNDS[::-1].copy()}, ValueError),
        ({"bounds": BOUNDS - np.uint64(1)}, ValueError),
        ({"bounds": BOUNDS[:0], "codes": CODES[:0]}, ValueError),
        ({"namespace": [1, 2, 3]}, TypeError),
        ({"namespace": (1, 2)}, TypeError),
        ({"namespace": ("a", 2, 3)}, TypeError),
        ({"seed": "7"}, TypeError),
    ):
        with pytest.raises(error):
            make(**wrong)
    for named, numbers in {
        "seed": lambda n: {"seed": n},
        "modulo": lambda n: {"modulo": n},
        "namespace's seed": lambda n: {"namespace": (n, 1, 2)},
        "namespace's first hash": lambda n: {"namespace": (0, n, END)},
        "namespace's last hash": lambda n: {"namespace": (0, 0, n)},
    }.items():
        for number in (-1, 2**64, -(2**64), 10**400):
            with pytest.raises(ValueError, match=rf"^{named}: expected a whole number in \[0, 2\*\*64\)"):
                make(**numbers(number))
        for number in (True, 1.0, None):
            with pytest.raises(TypeError):
                make(**numbers(number))
    with pytest.raises(TypeError, match="no keywords"):
        _fast.Allocation(7, BOUNDS, CODES, LABELS, 0, None, careful=refused)
    with pytest.raises(TypeError):
        _fast.Allocation(7)


def test_batches_refuse_arrays_that_do_not_fit():
    table, out = make(), np.empty(3, np.int32)
    octets, points = np.zeros(6, np.uint8), np.zeros(6, np.uint32)
    whole, places = np.zeros(3, np.int64), np.zeros(4, np.int32)
    for call, *arguments in (
        (table.of_list, [1, 2], out),
        (table.of_list, [1, 2, 3], out.astype(np.int64)),
        (table.of_list, 7, out),
        (table.of_list, [1, 2, 3]),
        (table.of_int64, whole[:2], out),
        (table.of_int64, whole.astype(np.int32), out),
        (table.of_int64, whole),
        (table.of_bytes, octets, 3, out),
        (table.of_bytes, points, 2, out),
        (table.of_bytes, octets, "2", out),
        (table.of_bytes, octets, 2),
        (table.of_utf32, octets, 2, out),
        (table.of_utf32, points, 2, out[:2]),
        (table.of_arrow, places, octets, out[:2]),
        (table.of_arrow, places, points, out),
        (table.of_arrow, octets, octets, out),
        (table.of_arrow, places, octets),
    ):
        with pytest.raises(TypeError):
            call(*arguments)
    for width in (0, -2, 4):
        with pytest.raises(ValueError, match="width"):
            table.of_bytes(octets, width, out)
    with pytest.raises(ValueError, match="offsets"):
        table.of_arrow(places[:0], octets, out)
    read_only = np.empty(3, np.int32)
    read_only.flags.writeable = False
    with pytest.raises(TypeError, match="out"):
        table.of_int64(whole, read_only)


def test_threads_share_a_table(table):
    whole = np.arange(200_000)
    texts = list(map(str, range(20_000)))
    expected = table.codes(whole), table.codes(texts)
    right = []

    def work():
        found = [(table.codes(whole), table.codes(texts)) for _ in range(5)]
        right.append(all((a == expected[0]).all() and (b == expected[1]).all() for a, b in found))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for i in range(2000):
        assert table.code(i) == expected[0][i]
    for thread in threads:
        thread.join()
    assert right == [True] * 4
