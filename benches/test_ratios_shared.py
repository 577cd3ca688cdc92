"""What sharing a posterior may cost, within one run of the fastest batches, as in test_ratios.py."""

from __future__ import annotations

from collections.abc import Iterator
from timeit import Timer

import bench_shared
import pytest
from cases import forced, variants
from measure import pinned
from states import thompson, warm
from test_ratios import times_as_long


@pytest.fixture(autouse=True)
def one_core() -> Iterator[None]:
    with pinned():
        yield


@pytest.fixture(params=[variants()[0], "jit"])
def variant(request: pytest.FixtureRequest) -> Iterator[str]:
    """The widest instruction set, and Numba."""
    with forced(request.param):
        yield request.param


def test_a_select_costs_little_more_than_of_a_posterior_of_its_own(variant: str) -> None:
    floor = 0.5 if variant == "jit" else 0.75
    own = Timer("policy.select()", globals={"policy": thompson(warm(10))})
    shared = Timer("policy.select()", globals={"policy": bench_shared.shared(10)})
    assert times_as_long(own, shared, floor) >= floor


def test_an_update_costs_no_more_than_of_a_posterior_of_its_own() -> None:
    floor = 0.9
    own = Timer("policy.update('arm3', 1.0)", globals={"policy": thompson(warm(10))})
    shared = Timer("policy.update('arm3', 1.0)", globals={"policy": bench_shared.shared(10)})
    assert times_as_long(own, shared, floor) >= floor


def test_an_update_beats_arrays_under_a_lock(variant: str) -> None:
    floor = 0.2 if variant == "jit" else 3.0
    names = bench_shared.locked(10)
    peer = Timer("with lock: a[3] += reward; b[3] += 1.0 - reward", globals=names)
    shared = Timer("policy.update('arm3', 1.0)", globals={"policy": bench_shared.shared(10)})
    assert times_as_long(peer, shared, floor) >= floor
