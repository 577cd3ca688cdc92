"""One posterior for several processes: beside one of a process's own, and beside arrays under a lock."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from cases import OURS, Case, Names
from pytest_benchmark.fixture import BenchmarkFixture
from states import thompson, warm

from armwise.policies import SharedThompsonSampling

ARMS: Final = 10


def shared(arms: int) -> SharedThompsonSampling:
    """A policy over a table of its own, with the history of all; the table goes with the last who has it open."""
    counts = warm(arms)
    positions, rewards = counts.history()
    with tempfile.TemporaryDirectory() as folder:
        policy = SharedThompsonSampling(Path(folder) / "bench.table", counts.labels, seed=1)
    policy.update_many([counts.labels[i] for i in positions], rewards)
    return policy


def locked(arms: int) -> Names:
    """Alpha and beta in shared memory, under the lock that comes with it."""
    alpha, beta = warm(arms).shapes()
    room = multiprocessing.Array("d", 2 * arms)
    a, b = np.ctypeslib.as_array(room.get_obj()).reshape(2, arms)
    a[:], b[:] = alpha, beta
    return {"lock": room.get_lock(), "a": a, "b": b, "np": np, "rng": np.random.default_rng(1), "reward": 1.0}


def cases() -> Iterator[Case]:
    for arms in (ARMS, 1000):
        group = f"select, {arms:,} arms, a posterior that processes share"
        yield Case(group, OURS, "policy.select()", lambda arms=arms: {"policy": shared(arms)})
        yield Case(group, "of its own", "policy.select()", lambda arms=arms: {"policy": thompson(warm(arms))})
        yield Case(
            group,
            "multiprocessing.Array",
            "with lock: np.argmax(rng.beta(a, b))",
            lambda arms=arms: locked(arms),
        )
    group = f"update, {ARMS} arms, a posterior that processes share"
    yield Case(
        group, OURS, "policy.update(arm, 1.0)", lambda: {"policy": shared(ARMS), "arm": "arm3"}, bars={"avx512": 120.0}
    )
    yield Case(group, "of its own", "policy.update(arm, 1.0)", lambda: {"policy": thompson(warm(ARMS)), "arm": "arm3"})
    yield Case(
        group,
        "multiprocessing.Array",
        "with lock: a[3] += reward; b[3] += 1.0 - reward",
        lambda: locked(ARMS),
    )


CASES: Final = list(cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_shared(benchmark: BenchmarkFixture, case: Case) -> None:
    case.bench(benchmark)
