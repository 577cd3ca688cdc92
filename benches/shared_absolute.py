"""What a shared table costs while others write into it: select and update of one process beside two that learn.

    python benches/shared_absolute.py

The process that is timed has one core, the writers have the rest: figures are for a quiet machine with two or more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from timeit import Timer
from typing import Final, NamedTuple

import machine
from measure import interleave
from states import warm

from armwise import ThompsonSampling
from armwise.policies import SharedThompsonSampling

ARMS: Final = 10
UPDATES: Final = 1_000_000

_WRITER: Final = """
import sys, time
from armwise.policies import SharedThompsonSampling

policy, n = SharedThompsonSampling(sys.argv[1]), int(sys.argv[2])
arms = policy.arms
print("ready", flush=True)
sys.stdin.readline()
start = time.perf_counter()
for _ in range(n // 10):
    for arm in arms:
        policy.update(arm, 1.0)
print((time.perf_counter() - start) / n * 1e9)
"""

_LEARNER: Final = """
import sys
from armwise.policies import SharedThompsonSampling

policy = SharedThompsonSampling(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while True:
    arm = policy.select()
    policy.update(arm, 0.25)
"""


class Row(NamedTuple):
    """Nanoseconds of a call, and changes of the posterior that a call met."""

    select: float
    least: float
    update: float
    changes: float


@contextmanager
def beside(program: str, table: Path, *arguments: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that run a program on the cores that this one leaves them."""
    cores = os.sched_getaffinity(0)
    others = cores - {min(cores)} or cores
    command = [sys.executable, "-c", program, str(table), *arguments]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]  # noqa: S603 - our own
    try:
        for process in processes:
            os.sched_setaffinity(process.pid, others)
            assert process.stdout is not None
            process.stdout.readline()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        os.sched_setaffinity(0, {min(cores)})
        yield processes
    finally:
        os.sched_setaffinity(0, cores)
        for process in processes:
            process.kill()
            process.communicate()


def timed(policy: ThompsonSampling) -> Row:
    """Select and update, in turn."""
    names = {"policy": policy, "arm": policy.arms[3]}
    calls, before = Timer("policy.select()", globals=names), (policy.counter, policy.policy_version)
    (select,) = interleave([calls])
    changes = (policy.policy_version - before[1]) / (policy.counter - before[0])
    (update,) = interleave([Timer("policy.update(arm, 0.25)", globals=names)])
    return Row(select.median, select.minimum, update.median, changes)


def evidence(policy: ThompsonSampling) -> float:
    """Rewards that the posterior holds, beside the priors."""
    return sum(a + b for a, b in policy.posterior().values())


def main() -> None:
    """Print a line for each figure."""
    for name, value in machine.describe().items():
        print(f"{name}: {value}")
    counts = warm(ARMS)
    positions, rewards = counts.history()
    arms = [counts.labels[i] for i in positions]
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "bench.table"
        shared, own = SharedThompsonSampling(table, counts.labels, seed=1), ThompsonSampling(counts.labels, seed=1)
        for policy in (shared, own):
            policy.update_many(arms, rewards)
        rows = {"ThompsonSampling": timed(own), "shared, alone": timed(shared)}
        with beside(_LEARNER, table):
            rows["shared, beside two that decide and learn"] = timed(shared)
        with beside(_WRITER, table, str(10**9)):
            rows["shared, beside two that only write"] = timed(shared)
        before = evidence(shared)
        with beside(_WRITER, table, str(UPDATES)) as writers:
            spent = [float(process.communicate()[0]) for process in writers]
        print(f"two writers, ns an update: {spent[0]:.0f}, {spent[1]:.0f}")
        print(f"rewards in the table: {evidence(shared) - before:,.0f} of {2 * UPDATES:,}")
    for title, row in rows.items():
        print(
            f"{title:42}select {row.select:4.0f} ns (least {row.least:.0f}), "
            f"{row.changes:.2f} arms changed between two; update {row.update:.0f} ns"
        )


if __name__ == "__main__":
    main()
