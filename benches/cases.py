"""A case: one statement that a user would write, with the objects that it needs.

The bench files list cases. pytest-benchmark runs them one by one, report.py and test_ratios.py run those of a
group in turn, against each other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from timeit import Timer
from typing import Final

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import armwise_kernels

__all__ = ["OURS", "Case", "forced", "grouped", "variants"]

OURS: Final = "armwise"

Names = dict[str, object]


@dataclass(frozen=True)
class Case:
    """One contestant of a group."""

    group: str
    """What is compared: contestants of a group do the same work."""
    who: str
    statement: str
    """Python, on one line."""
    build: Callable[[], Names]
    """Makes the objects that the statement names. Raises ImportError where a peer is not installed."""
    runs: int = 1
    """Decisions, rewards or draws of one run of the statement: figures are for one of them."""
    bars: Mapping[str, float] = field(default_factory=dict)
    """Nanoseconds of one, at most, by instruction set."""
    lead: float = 0.0
    """How many times faster than the group's line of NumPy it must be, on AVX-512."""

    def __str__(self) -> str:
        return f"{self.group}, {self.who}"

    def timer(self) -> Timer:
        """The statement under the names it needs, as timeit runs it."""
        return Timer(self.statement, globals=self.build())

    def call(self) -> Callable[[], None]:
        """The statement as a function without arguments."""
        names = self.build()
        exec(f"def run():\n    {self.statement}", names)  # noqa: S102  # statements of this folder
        run: Callable[[], None] = names["run"]  # type: ignore[assignment]
        return run

    def bench(self, benchmark: BenchmarkFixture) -> None:
        """Run it under pytest-benchmark; without its peer, skip."""
        try:
            run = self.call()
        except ImportError as missing:
            pytest.skip(f"{self.who} is not installed ({missing}): pip install 'armwise[bench]'")
        benchmark.group = self.group
        benchmark.extra_info.update(statement=self.statement, runs=self.runs, **armwise_kernels.describe())
        benchmark(run)


def grouped(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """Cases by their group, in their order."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    return groups


def variants() -> list[str]:
    """What can serve in this process: the instruction sets, widest first, then Numba as "jit"."""
    found = list(reversed(armwise_kernels.describe()["isas"]))
    return found if "jit" in found else [*found, "jit"]


@contextmanager
def forced(variant: str) -> Iterator[None]:
    """Have policies and kernels that are made meanwhile serve by one of :func:`variants`."""
    kept = {name: os.environ.pop(name, None) for name in ("ARMWISE_BACKEND", "ARMWISE_ISA")}
    os.environ["ARMWISE_BACKEND"] = "numba" if variant == "jit" else "native"
    os.environ["ARMWISE_ISA"] = variant
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
