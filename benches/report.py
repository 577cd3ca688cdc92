"""Run every case in turn with its peers, print the tables, write docs/benchmarks.md and the README's excerpt.

    python benches/report.py [--seconds 0.5] [--output docs/benchmarks.md]

Absolute figures mean something on a quiet machine only; the page says how loaded this one was. Ratios are
within one run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from timeit import Timer
from typing import Final

import bench_allocate
import bench_decide
import bench_draws
import bench_engine
import bench_linear
import bench_many
import bench_off_policy
import bench_propensity
import bench_select
import bench_shared
import bench_update
from cases import OURS, Case, forced, grouped, variants
from machine import describe
from measure import Timing, busy_thread, interleave, latencies, pinned
from page import Bar, Group, Report, Row, Wait, beside, excerpt, markdown, serving, span, times, with_excerpt
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parents[1]
SECTIONS: Final = {
    "One decision": bench_select.CASES,
    "Decisions in bulk": bench_many.CASES,
    "Decisions for a log": bench_decide.CASES,
    "Learning": bench_update.CASES,
    "Linear policies": bench_linear.CASES,
    "Exact propensities": bench_propensity.CASES,
    "Draws": bench_draws.CASES,
    "Allocation": bench_allocate.CASES,
    "Off-policy estimates": bench_off_policy.CASES,
    "The engine": bench_engine.CASES,
    "One posterior for several processes": bench_shared.CASES,
}
SHOWN: Final = ("avx512", "avx2", "neon", "jit")
WAITED: Final = {
    "select, 10 arms, warm",
    "select, 1,000 arms, warm",
    "decide, 10 arms, warm, propensities kept",
    "LinTSDiag select, 10 arms, 16 features",
}
WAITING: Final = tuple(
    case for cases in SECTIONS.values() for case in cases if case.who == OURS and case.group in WAITED
)
README: Final = (
    "select, 2 arms, warm",
    "select, 10 arms, warm",
    "select, 100 arms, warm",
    "select, 1,000 arms, warm",
    "select_many(100,000), 10 arms, warm",
    "update, 10 arms",
    "LinTSDiag select, 10 arms, 16 features",
)
README_PEERS: Final = ("NumPy", "MABWiser", "river")


def shown() -> list[str]:
    """The variants of ours to measure: the widest instruction set first."""
    there = variants()
    return list(dict.fromkeys([there[0], *(variant for variant in SHOWN if variant in there)]))


def contestants(cases: Sequence[Case], ours: Sequence[str]) -> tuple[list[tuple[Case, str, Timer]], list[str]]:
    """Everything of a group that can run here, ours once for each variant; and who is absent."""
    found: list[tuple[Case, str, Timer]] = []
    absent = []
    for case in cases:
        for variant in ours if case.who.startswith(OURS) else [""]:
            try:
                if variant:
                    with forced(variant):
                        timer = case.timer()
                else:
                    timer = case.timer()
            except ImportError:
                absent.append(f"{case.who} {variant}".strip())
            else:
                found.append((case, variant, timer))
    return found, absent


def measured(section: str, name: str, cases: Sequence[Case], seconds: float) -> tuple[Group, list[Bar]]:
    """The figures of a group, and its bars."""
    found, absent = contestants(cases, variants() if section == "Draws" else shown())
    timings = [
        Timing(*(figure / case.runs for figure in timing))
        for (case, _, _), timing in zip(found, interleave([timer for *_, timer in found], seconds=seconds), strict=True)
    ]
    rows = [
        Row(case.who, variant, case.statement, timing)
        for (case, variant, _), timing in zip(found, timings, strict=True)
    ]
    group = Group(section, name, rows, absent)
    return group, [bar for (case, *_), row in zip(found, rows, strict=True) for bar in bars_of(case, row, group)]


def bars_of(case: Case, row: Row, group: Group) -> Iterator[Bar]:
    """What the case promises of this row."""
    if row.variant in case.bars:
        yield limit(group.name, row.variant, case.bars[row.variant], row.timing)
    numpy = next((other.timing for other in group.rows if other.who == "NumPy"), None)
    if case.lead and row.variant == "avx512" and numpy:
        medians, minima = numpy.median / row.timing.median, numpy.minimum / row.timing.minimum
        yield Bar(
            f"{group.name}: NumPy by hand takes",
            row.variant,
            f">= {times(case.lead)}",
            times(medians),
            times(minima),
            medians >= case.lead,
        )


def limit(what: str, variant: str, bar: float, timing: Timing) -> Bar:
    """A time that a median must not pass."""
    return Bar(what, variant, f"<= {span(bar)}", span(timing.median), span(timing.minimum), timing.median <= bar)


def grid(seconds: float) -> Iterator[Bar]:
    """Exact propensities of every set of ten arms among the conformance vectors: the median set and the worst."""
    for variant in shown():
        if variant == "jit":
            continue
        with forced(variant):
            timers = [case.timer() for case in bench_propensity.MIXED]
        timings = sorted(interleave(timers, seconds=seconds / 10.0))
        what = f"propensities, {len(timings)} mixed sets of 10 arms"
        yield limit(f"{what}, the median set", variant, 15_000.0, timings[len(timings) // 2])
        yield limit(f"{what}, the worst set", variant, 30_000.0, timings[-1])


def single_calls() -> tuple[list[Wait], list[Bar]]:
    """Percentiles of single calls, alone on a core and beside a busy Python thread on all of them."""
    waits = []
    calls = {case.group: case.call() for case in WAITING}
    for what, call in calls.items():
        with pinned():
            waits.append(Wait(what, "alone", latencies(call)))
        with busy_thread():
            waits.append(Wait(what, "beside a busy thread", latencies(call)))
    alone, beside_busy = waits[0].latency, waits[1].latency
    bars = [
        Bar(f"{waits[0].what}: p99.9 alone", "", "<= 2 us", span(alone.p999), "", alone.p999 <= 2000.0),
        Bar(
            f"{waits[0].what}: p99 beside a busy thread",
            "",
            "<= 2 us",
            span(beside_busy.p99),
            "",
            beside_busy.p99 <= 2000.0,
        ),
    ]
    return waits, bars


def measure_all(seconds: float) -> Report:
    """Everything, group after group."""
    machine = describe()
    groups: list[Group] = []
    bars: list[Bar] = []
    work = [(section, name, cases) for section, all_of in SECTIONS.items() for name, cases in grouped(all_of).items()]
    with pinned():
        for section, name, cases in track(work, "measuring", console=Console(stderr=True)):
            group, promised = measured(section, name, cases, seconds)
            groups.append(group)
            bars += promised
        bars += grid(seconds)
    waits, promised = single_calls()
    return Report(machine, bars + promised, groups, waits)


def show(report: Report) -> None:
    """The ratios, then the bars, on the console."""
    width = None if sys.stdout.isatty() else 150
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    ratios = Table("group", "armwise", "times as long", title="ours beside the peers", box=SIMPLE_HEAD)
    for group in report.groups:
        others = "; ".join(f"{name} {ratio}" for name, _, ratio in beside(group))
        ratios.add_row(group.name, span(group.rows[0].timing.median), others)
    console.print(ratios)
    bars = Table("bar", "on", "", "median", "minimum", "met", title="the bars", box=SIMPLE_HEAD)
    for bar in report.bars:
        bars.add_row(bar.what, serving(bar.on), *bar[2:-1], "yes" if bar.met else "no")
    console.print(bars)
    waits = Table("single calls", "", "p50", "p99", "p99.9", box=SIMPLE_HEAD)
    for wait in report.waits:
        waits.add_row(wait.what, wait.circumstance, *map(span, wait.latency))
    console.print(waits)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.5, help="to spend on each contestant")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md", help="the page")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", help="whose marked region to fill")
    options = parser.parse_args()
    report = measure_all(options.seconds)
    show(report)
    options.output.write_text(markdown(report), encoding="utf-8")
    if options.readme.exists():
        text = options.readme.read_text(encoding="utf-8")
        filled = with_excerpt(text, excerpt(report, README, README_PEERS))
        options.readme.write_text(filled, encoding="utf-8")


if __name__ == "__main__":
    main()
