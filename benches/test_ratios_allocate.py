"""Ratios of allocation that must never be lost, as in test_ratios.py: within one run, of the fastest batches."""

from __future__ import annotations

from collections.abc import Iterator
from timeit import Timer
from typing import Final

import bench_allocate
import peers_allocate as peers
import pytest
from cases import forced, variants
from measure import pinned
from test_ratios import times_as_long

# How many times as long the peer takes, at least: on the native backend, whose hash is the same on every instruction
# set, and on Numba, which is called from Python.
ONE: Final = {
    "xxhash": (peers.xxhash, 2.0, 0.04),
    "mmh3": (peers.mmh3, 2.0, 0.04),
    "growthbook": (peers.growthbook, 50.0, 1.5),
}


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    with pinned():
        yield


@pytest.fixture(params=[variants()[0], "jit"])
def variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """The widest instruction set, and Numba."""
    with forced(request.param):
        yield request.param


@pytest.mark.parametrize("who", ONE)
def test_one_key_beats_a_wrapper_by_hand(variant: str, who: str) -> None:
    names, native, numba = ONE[who]
    floor = numba if variant == "jit" else native
    try:
        peer = Timer("allocate(key)", globals=names() | {"key": bench_allocate.KEY})
    except ImportError as missing:
        pytest.skip(f"{who} is not installed ({missing}): pip install 'armwise[bench]'")
    ours = Timer("allocator.allocate(key)", globals=bench_allocate.ours())
    assert times_as_long(peer, ours, floor) >= floor


def test_a_list_beats_a_comprehension(variant: str) -> None:
    floor = 0.2 if variant == "jit" else 4.0
    names = peers.mmh3() | bench_allocate.texts() | bench_allocate.ours()
    peer = Timer("[bisect(last, murmur(key, seed, False)) for key in keys]", globals=names)
    ours = Timer("allocator.allocate_many(keys)", globals=names)
    assert times_as_long(peer, ours, floor) >= floor


def test_buffers_beat_a_list(variant: str) -> None:
    """No str is touched: with keys that lie far apart in memory the difference is greater than here."""
    floor = 1.3
    names = bench_allocate.texts() | bench_allocate.ours()
    of_list = Timer("allocator.allocate_many(keys)", globals=names)
    for statement in ("allocator.allocate_many((offsets, data))", "allocator.allocate_many(array)"):
        assert times_as_long(of_list, Timer(statement, globals=names), floor) >= floor, (statement, variant)
