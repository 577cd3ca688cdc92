"""Snapshots: a domain's way to bytes and back, beside the standard library's JSON; the disk by itself.

Run by itself, it says what a snapshot each 100 ms costs the decisions beside it::

    python benches/bench_snapshot.py
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest
from cases import OURS, Case
from measure import latencies, pinned
from pytest_benchmark.fixture import BenchmarkFixture

from armwise import ThompsonSampling
from armwise.learning import Flags, LearningEngine, PeriodicSnapshots, TenantContext, open_snapshot, seal
from armwise.stores import StateDirectory

ARMS: Final = 1_000
EVERY: Final = 0.1
CALLS: Final = 5_000_000


def trained() -> ThompsonSampling:
    """A policy that learnt from fractions of one: numbers as long as they get."""
    policy = ThompsonSampling([f"arm{i}" for i in range(ARMS)], seed=1)
    rng = np.random.default_rng(1)
    policy.update_many([f"arm{i}" for i in rng.integers(0, ARMS, 20 * ARMS)], rng.random(20 * ARMS))
    return policy


def there_and_back() -> Iterator[Case]:
    group = f"snapshot of a domain, {ARMS:,} arms, there and back"
    yield Case(
        group,
        OURS,
        "fresh.load_state(open_snapshot(seal({'route': policy.state_dict()}, tenant)).policies['route'])",
        lambda: {
            "policy": trained(),
            "fresh": ThompsonSampling(),
            "seal": seal,
            "open_snapshot": open_snapshot,
            "tenant": TenantContext(),
        },
        bars={"avx512": 1e6},
    )
    yield Case(
        group,
        "stdlib json",
        "text = dumps(policy.state_dict()); sha(text.encode()).digest(); "
        "sha(text.encode()).digest(); fresh.load_state(loads(text))",
        lambda: {
            "policy": trained(),
            "fresh": ThompsonSampling(),
            "dumps": json.dumps,
            "loads": json.loads,
            "sha": hashlib.sha256,
        },
    )


def parts() -> Iterator[Case]:
    group = f"snapshot of a domain, {ARMS:,} arms, step by step"

    def names() -> dict[str, object]:
        policy, tenant = trained(), TenantContext()
        data = seal({"route": policy.state_dict()}, tenant)
        return {
            "policy": policy,
            "states": {"route": policy.state_dict()},
            "tenant": tenant,
            "data": data,
            "fresh": ThompsonSampling(),
            "seal": seal,
            "open_snapshot": open_snapshot,
            "files": StateDirectory(tempfile.mkdtemp()).workspace(),
        }

    yield Case(group, "state_dict", "policy.state_dict()", names)
    yield Case(group, "seal", "seal(states, tenant)", names)
    yield Case(group, "open_snapshot", "open_snapshot(data)", names)
    yield Case(group, "load_state", "fresh.load_state(states['route'])", names)
    yield Case(group, "write, with fsync", "files.write(data)", names)
    yield Case(group, "take_streams, with fsync", "files.take_streams()", names)


CASES: Final = (*there_and_back(), *parts())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_snapshot(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)


def beside() -> None:
    """Print percentiles of one decision: alone, and beside snapshots."""
    flags = Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True})
    engine = LearningEngine(flags=flags, store=StateDirectory(tempfile.mkdtemp()))
    policy = trained()
    engine.register_domain("route", policy)
    engine.activate("route")
    for what, snapshots in (("alone", False), ("beside a snapshot each 100 ms", True)):
        running = PeriodicSnapshots(engine, interval=EVERY) if snapshots else None
        found = latencies(policy.select, calls=CALLS)
        taken = "" if running is None else f", {running.saves} snapshots"
        if running is not None:
            running.stop()
        print(f"select, {ARMS:,} arms, {what}: " + ", ".join(f"{v / 1000:.2f} us" for v in found) + taken)
    print("(median, p99, p99.9)")


if __name__ == "__main__":
    with pinned():
        print("on one core")
        beside()
    print("on all cores")
    beside()
