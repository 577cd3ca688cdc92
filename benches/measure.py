"""Timing on a machine that others use too: many short batches, contestants in turn, medians and minima.

A batch is short so that an interruption spoils one of many. In each round every contestant runs one batch,
so that what slows the machine for a while slows them alike, and their ratio stands. The minimum is what the
code costs when nothing interrupts it, the median what it costs here.
"""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from timeit import Timer
from typing import Final, NamedTuple

from threadpoolctl import threadpool_limits

__all__ = ["Latency", "Timing", "busy_thread", "interleave", "latencies", "pinned"]

_BATCH: Final = 250e-6  # seconds: a thousand short calls, far less than a time slice of the scheduler
_FEWEST: Final = 7  # batches of a contestant, however slow it is
_MOST: Final = 1000


class Timing(NamedTuple):
    """Nanoseconds of one run of a statement, over all batches."""

    median: float
    minimum: float


class Latency(NamedTuple):
    """Percentiles of single calls, in nanoseconds."""

    p50: float
    p99: float
    p999: float


def interleave(timers: Sequence[Timer], *, seconds: float = 0.5) -> list[Timing]:
    """Time the statements in turn, batch by batch, and return a timing of each.

    `seconds` is about how long to spend on each; one that is slow sits out rounds, evenly spread. A timer's
    loop counts as part of its statement: some 5 ns.
    """
    loops = [_loops(timer) for timer in timers]
    once = [timer.timeit(n) for timer, n in zip(timers, loops, strict=True)]
    wanted = [min(_MOST, max(_FEWEST, int(seconds / spent))) for spent in once]
    rounds = max(wanted)
    batches: list[list[float]] = [[] for _ in timers]
    for turn in range(rounds):
        for i in range(len(timers)):
            which = (i + turn) % len(timers)  # nobody always runs after the same neighbour
            if turn * wanted[which] // rounds < (turn + 1) * wanted[which] // rounds:
                batches[which].append(timers[which].timeit(loops[which]) / loops[which] * 1e9)
    return [Timing(statistics.median(batch), min(batch)) for batch in batches]


def _loops(timer: Timer) -> int:
    """Runs that make a batch; at least one."""
    timer.timeit(1)  # a first run binds, compiles or allocates
    n = 1
    while (spent := timer.timeit(n)) < _BATCH / 2:
        n = max(2 * n, int(n * _BATCH / max(spent, 1e-9) / 2))
    return n


def latencies(call: Callable[[], object], *, calls: int = 200_000) -> Latency:
    """Time single calls, each between two readings of the clock, less what the readings themselves take."""
    _each(call, calls // 10)
    spent = _each(call, calls)
    clock = time.perf_counter_ns
    reading = statistics.median(-clock() + clock() for _ in range(10_000))
    spent.sort()
    return Latency(*(max(0.0, _percentile(spent, share) - reading) for share in (0.5, 0.99, 0.999)))


def _each(call: Callable[[], object], calls: int) -> list[int]:
    clock, spent = time.perf_counter_ns, [0] * calls
    for i in range(calls):
        before = clock()
        call()
        spent[i] = clock() - before
    return spent


def _percentile(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def pinned() -> Iterator[None]:
    """Stay on one core, the last one that may be used: the first is where interrupts land.

    Linear algebra gets one thread: on one core, more of them only wait for each other.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    with threadpool_limits(limits=1):
        if cores:
            os.sched_setaffinity(0, {max(cores)})
        try:
            yield
        finally:
            if cores:
                os.sched_setaffinity(0, cores)


@contextmanager
def busy_thread() -> Iterator[None]:
    """Have a second Python thread compute all the while, and so contend for the interpreter."""
    stop = threading.Event()

    def compute() -> None:
        total = 0
        while not stop.is_set():
            for i in range(1000):
                total += i

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
