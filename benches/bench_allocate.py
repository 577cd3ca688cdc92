"""Which variant a key gets: one by one, and many at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import peers_allocate as peers
import pytest
from cases import OURS, Case, forced, variants
from pytest_benchmark.fixture import BenchmarkFixture

from armwise.experiments import Allocator

MANY: Final = 100_000
KEY: Final = "0f8fad5b-d9cb-469f-a165-70867728950e"

Names = dict[str, object]


def ours() -> Names:
    return {"allocator": Allocator("checkout", peers.VARIANTS), "key": KEY}


def one_by_one() -> Iterator[Case]:
    group = "allocate(str), 36 characters, 3 variants"
    yield Case(group, OURS, "allocator.allocate(key)", ours, bars={"avx512": 60.0, "avx2": 60.0})
    for who, names in (
        ("xxhash", peers.xxhash),
        ("mmh3", peers.mmh3),
        ("hashlib", peers.hashlib),
        ("GrowthBook", peers.growthbook),
    ):
        yield Case(group, who, "allocate(key)", lambda names=names: names() | {"key": KEY})
    group = "allocate(int), 3 variants"
    yield Case(group, OURS, "allocator.allocate(123_456)", ours)
    group = "allocate(str), 36 characters, 100 variants"
    hundred = [f"variant{i}" for i in range(100)]
    yield Case(group, OURS, "allocator.allocate(key)", lambda: ours() | {"allocator": Allocator("checkout", hundred)})


def texts() -> Names:
    keys = peers.identifiers(MANY)
    data = np.frombuffer("".join(keys).encode(), np.uint8)
    return {
        "keys": keys,
        "array": np.array(keys, "S"),
        "data": data,
        "offsets": np.arange(0, 36 * MANY + 1, 36, np.int32),
    }


def whole() -> Names:
    return {"keys": np.arange(MANY)}


def many() -> Iterator[Case]:
    bars = {"avx512": 20.0, "avx2": 20.0}
    group = f"allocate_many, a list of {MANY:,} str of 36 characters"
    yield Case(group, OURS, "allocator.allocate_many(keys)", lambda: ours() | texts(), MANY, bars)
    yield Case(
        group,
        "xxhash",
        "[bisect(last, intdigest(key.encode(), seed)) for key in keys]",
        lambda: peers.xxhash() | texts(),
        MANY,
    )
    yield Case(
        group, "mmh3", "[bisect(last, murmur(key, seed, False)) for key in keys]", lambda: peers.mmh3() | texts(), MANY
    )
    bars = {"avx512": 8.0, "avx2": 8.0}
    group = f"allocate_many, Arrow offsets and bytes, {MANY:,} of 36"
    yield Case(group, OURS, "allocator.allocate_many((offsets, data))", lambda: ours() | texts(), MANY, bars)
    yield Case(
        group,
        "xxhash",
        "[bisect(last, intdigest(data[i:j], seed)) for i, j in zip(offsets, offsets[1:])]",
        lambda: peers.xxhash() | sliced(),
        MANY,
    )
    group = f"allocate_many, a NumPy array of {MANY:,} S36"
    yield Case(group, OURS, "allocator.allocate_many(array)", lambda: ours() | texts(), MANY)
    yield Case(group, "pandas", "np.searchsorted(last, hash_array(array))", lambda: peers.pandas() | objects(), MANY)
    bars = {"avx512": 4.0, "avx2": 4.0}
    group = f"allocate_many, a NumPy array of {MANY:,} int64"
    yield Case(group, OURS, "allocator.allocate_many(keys)", lambda: ours() | whole(), MANY, bars)
    yield Case(group, "pandas", "np.searchsorted(last, hash_array(keys))", lambda: peers.pandas() | whole(), MANY)


def sliced() -> Names:
    """What slices fastest in Python: bytes, by ints."""
    names = texts()
    return {"data": "".join(peers.identifiers(MANY)).encode(), "offsets": names["offsets"].tolist()}  # type: ignore[attr-defined]


def objects() -> Names:
    """What pandas hashes: str as objects."""
    return {"array": np.array(peers.identifiers(MANY), object)}


CASES: Final = (*one_by_one(), *many())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_allocate(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)


@pytest.mark.parametrize("variant", ["jit", variants()[0]])
@pytest.mark.parametrize("case", [case for case in CASES if case.who == OURS], ids=str)
def test_allocate_on_each_backend(case: Case, variant: str, benchmark: BenchmarkFixture) -> None:
    with forced(variant):
        case.bench(benchmark)
