"""Allocation: every backend gives the oracle's code, for every kind of key, table and batch."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from pathlib import Path

import naive_allocation as naive
import numpy as np
import pytest
from naive_xxh3 import xxh3

from armwise_kernels.allocation import AllocationSpec

HERE = Path(__file__).resolve().parent


DOCUMENT = json.loads((HERE / "vectors" / "xxh3_64_kat.json").read_text(encoding="utf-8"))
SEED, END = 0x1234_5678_9ABC_DEF0, 2**64 - 1
rng = random.Random(20240229)

TEXTS = [
    *("", "a", "b", "ab", "abc", "user-1", "7", "naïve", "日本語", "😀", "\ud7ff\ue000\U0010ffff", "a\0b", "\0"),
    *(str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(150)),
    *("ü" * n for n in range(1, 140, 9)),
    *("k" * n for n in (16, 17, 128, 129, 240, 241, 1024, 1025)),
]
BYTES = [text.encode() for text in TEXTS] + [b"\xff\xfe", bytes(range(256)), b"\x80" * 40, b"\0\0"]
WHOLES = [0, 1, -1, 7, 255, 256, 2**31, -(2**31), 2**32, 2**63 - 1, -(2**63), *range(1000, 1200)]


def refused(key: object) -> bytes:
    message = f"refused: {key!r}"
    raise LookupError(message)


def by_weights(weights, *, seed=SEED, modulo=0, namespace=None) -> AllocationSpec:
    """Ranges in the order of weights, over all hashes or over a total of whole weights."""
    total = modulo or sum(weights)
    cumulative = list(itertools.accumulate(weights))
    last = [c - 1 for c in cumulative] if modulo else [-(-c * 2**64 // total) - 1 for c in cumulative]
    bounds = np.array([*last[:-1], END], np.uint64)
    labels = tuple(f"variant{i}" for i in range(len(weights)))
    return AllocationSpec(seed, bounds, np.arange(len(weights), dtype=np.int32), labels, modulo, namespace)


def scattered(ranges: int, labels: int, seed: int) -> AllocationSpec:
    """Ranges at random places, of random variants or of nobody."""
    draw = random.Random(seed)
    bounds = [*sorted({draw.getrandbits(64) for _ in range(ranges - 1)}), END]
    codes = [draw.randrange(-1, labels) for _ in bounds]
    names = tuple(f"v{i}" for i in range(labels))
    return AllocationSpec(seed, np.array(bounds, np.uint64), np.array(codes, np.int32), names)


def around_the_keys() -> AllocationSpec:
    """Ranges that end at, before and after the hash of each key: the last hash of a range is in it."""
    hashes = {xxh3(naive.octets(key), SEED) for key in (*TEXTS[:60], *WHOLES[:40])}
    bounds = sorted({h + step for h in hashes for step in (-1, 0, 1)} | {END})
    codes = np.arange(len(bounds), dtype=np.int32)
    return AllocationSpec(SEED, np.array(bounds, np.uint64), codes, tuple(map(str, codes.tolist())))


def at_the_cells() -> AllocationSpec:
    """Ranges that end where the guide's cells begin and end, and many within one cell."""
    first = xxh3(b"a", SEED) >> 56 << 56
    bounds = {first + i * 2**50 + j for i in range(64) for j in (0, 1)}
    bounds |= {(c << 56) + j for c in (1, 2, 100, 255) for j in (-1, 0)} | {first, END}
    ordered = np.array(sorted(bounds), np.uint64)
    return AllocationSpec(SEED, ordered, (np.arange(ordered.size) % 5 - 1).astype(np.int32), ("a", "b", "c", "d"))


SPECS = {
    "one variant": by_weights([1]),
    "halves": by_weights([1, 1]),
    "thirds": by_weights([50, 30, 20]),
    "seven": by_weights(range(1, 8)),
    "sixteen": by_weights([3] * 16),
    "seventeen": by_weights([2, 1] * 8 + [5]),
    "a hundred": by_weights(range(1, 101)),
    "a thousand": by_weights([1 + i % 7 for i in range(1000)]),
    "nobody": AllocationSpec(SEED, np.array([END], np.uint64), np.array([-1], np.int32), ()),
    "scattered": scattered(40, 3, 1),
    "scattered widely": scattered(1000, 12, 2),
    "around the keys": around_the_keys(),
    "at the cells": at_the_cells(),
    "seed 0": by_weights([2, 1], seed=0),
    "greatest seed": by_weights([2, 1], seed=END),
    "modulo": by_weights([50, 50], modulo=100),
    "modulo of one": by_weights([1], modulo=1),
    "modulo of 255": by_weights([100, 155], modulo=255),
    "modulo of 257": by_weights([100, 157], modulo=257),
    "modulo of many": by_weights([7] * 1000, modulo=7000),
    "great modulo": by_weights([2**62, 2**63 - 2**62 + 5], modulo=2**63 + 5),
    "namespace": by_weights([1, 1], namespace=(77, 2**62, 3 * 2**62 - 1)),
    "namespace of one hash": by_weights([1, 1], namespace=(77, xxh3(b"a", 77), xxh3(b"a", 77))),
    "namespace of all": by_weights([1, 1], namespace=(END, 0, END)),
    "namespace and modulo": by_weights([60, 40], modulo=100, namespace=(1, 0, 2**63)),
}


@pytest.fixture(params=SPECS)
def spec(request):
    return SPECS[request.param]


@pytest.fixture
def table(kernels, spec):
    return kernels.allocation(spec, refused)


def expected(spec, keys) -> list[int]:
    return [naive.code(spec, key) for key in keys]


def test_keys_of_each_kind(table, spec):
    for keys in (TEXTS, BYTES, WHOLES):
        codes = expected(spec, keys)
        assert [table.code(key) for key in keys] == codes
        assert [table.allocate(key) for key in keys] == [None if c < 0 else spec.labels[c] for c in codes]


def test_lists_and_tuples(table, spec):
    for keys in (TEXTS, BYTES, WHOLES, [x for three in zip(TEXTS, BYTES, WHOLES, strict=False) for x in three], []):
        for given in (keys, tuple(keys)):
            codes = table.codes(given)
            assert codes.dtype == np.int32
            assert codes.tolist() == expected(spec, keys)


def test_arrays_of_text_and_of_bytes(table, spec):
    texts, octets = np.array(TEXTS), np.array(BYTES)
    # NumPy knows nothing of zeros at the end
    assert table.codes(texts).tolist() == expected(spec, [text.rstrip("\0") for text in TEXTS])
    assert table.codes(octets).tolist() == expected(spec, [data.rstrip(b"\0") for data in BYTES])
    assert table.codes(texts[::-3]).tolist() == expected(spec, texts[::-3].tolist())
    assert table.codes(texts.astype(">U1100")).tolist() == table.codes(texts).tolist()
    assert table.codes(octets[1::2]).tolist() == expected(spec, octets[1::2].tolist())
    assert table.codes(texts[:0]).tolist() == table.codes(octets[:0]).tolist() == []
    assert table.codes(np.zeros(3, "S1")).tolist() == expected(spec, [b""] * 3)


def test_arrays_of_whole_numbers(table, spec):
    codes = expected(spec, WHOLES)
    whole = np.array(WHOLES, np.int64)
    assert table.codes(whole).tolist() == codes
    assert table.codes(whole[::-2]).tolist() == codes[::-2]
    assert table.codes(whole.astype(">i8")).tolist() == codes
    for dtype in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.uint64):
        small = np.arange(100).astype(dtype)
        assert table.codes(small).tolist() == expected(spec, range(100))


def test_arrow(table, spec):
    data = b"".join(BYTES)
    offsets = list(itertools.accumulate(map(len, BYTES), initial=0))
    codes = expected(spec, BYTES)
    for dtype in (np.int32, np.int64):
        places = np.array(offsets, dtype)
        for given in (data, np.frombuffer(data, np.uint8), bytearray(data)):
            assert table.codes_arrow(places, given).tolist() == codes
        # a slice of an Arrow array: offsets that do not begin at 0
        assert table.codes_arrow(places[10:31], data).tolist() == codes[10:30]
        assert table.codes_arrow(places[:1], b"").tolist() == []


def test_known_answers(kernels):
    """Every row of the vectors under each of its weightings, by the hash of its salt as the seed."""
    for salt in {row[0] for row in DOCUMENT["rows"]}:
        rows = [row for row in DOCUMENT["rows"] if row[0] == salt]
        for i, weights in enumerate(DOCUMENT["weights"]):
            table = kernels.allocation(by_weights(weights, seed=xxh3(salt.encode())), refused)
            assert table.codes([key for _, key, _, _ in rows]).tolist() == [picks[i] for *_, picks in rows]


def test_many_keys_at_once_are_the_same(kernels):
    """Above the number at which the native backend gives up the GIL."""
    spec = by_weights([50, 30, 20])
    table = kernels.allocation(spec, refused)
    whole = np.arange(-5000, 5000)
    codes = table.codes(whole)
    assert codes[::97].tolist() == expected(spec, whole[::97].tolist())
    texts = [f"user-{i}" for i in range(10_000)]
    of_list = table.codes(texts)
    assert of_list[::97].tolist() == expected(spec, texts[::97])
    for array in (np.array(texts), np.array(texts, "S")):
        assert (table.codes(array) == of_list).all()
    offsets = np.array(list(itertools.accumulate(map(len, texts), initial=0)))
    assert (table.codes_arrow(offsets, "".join(texts).encode()) == of_list).all()
