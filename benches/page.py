"""Figures as tables: for the page in docs/, for the README, and for the console."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from measure import Latency, Timing

__all__ = [
    "Bar",
    "Group",
    "Report",
    "Row",
    "Wait",
    "beside",
    "excerpt",
    "markdown",
    "serving",
    "span",
    "times",
    "with_excerpt",
]

_NAMES: Final = {"avx512": "AVX-512", "avx2": "AVX2", "neon": "NEON", "sse2": "SSE2", "jit": "Numba"}
_BEGIN: Final = "<!-- benchmarks:begin -->"
_END: Final = "<!-- benchmarks:end -->"

_INTRO: Final = """\
# Benchmarks

Written by `make bench`; do not edit. Every statement is timed as a user would write it, from Python, labels out. In
each group all contestants ran in turn, in batches of a quarter of a millisecond, on one core: `median` is over all
batches, `minimum` is the fastest batch, both for one decision (or reward, or draw). Ratios are of medians. The loop
around a statement, some 5 ns, is counted to it.
"""
_CALLS: Final = """\
## Single calls

Each call between two readings of the clock, less what the readings take. Beside a busy Python thread the interpreter
changes hands every 5 ms: a call that this meets waits until the other thread's turn ends.
"""
_GROUPS: Final = """\
## Beside the peers

Every contestant had learnt the same history. *warm* is 20 to 500 pulls an arm at means of .05 to .5; `Beta(a, b)` is no
history and that prior. Narrower instruction sets ran on the same processor, by force. What NumPy by hand leaves out
(labels, a reproducible address for each draw, thread safety, checks of the arguments) is in the figures of armwise.

- *obp-like* is Bernoulli Thompson sampling by the steps that Open Bandit Pipeline documents: the package itself brings
  torch and CUDA along.
- *VW (parsed)* is Vowpal Wabbit on examples that were parsed beforehand; parsing comes on top.
- *river* has no linear Thompson sampling: its LinUCB stands in. ParetoBandit is a LinUCB as well; its authors publish a
  p50 of 22.5 us for a route and 20.4 us for an update at 3 arms and 26 features.
- *NumPy* draws the score of each arm from its exact normal law, as armwise does; *NumPy coefficients* draws every
  coefficient, as textbooks do. `LinTS` and *NumPy full* keep full covariance, as MABWiser, river and ParetoBandit do.
"""


class Row(NamedTuple):
    """One contestant's figures."""

    who: str
    variant: str
    """The instruction set or backend of ours; nothing for a peer."""
    statement: str
    timing: Timing

    @property
    def name(self) -> str:
        """Who, and on what."""
        return f"{self.who} ({serving(self.variant)})" if self.variant else self.who


class Group(NamedTuple):
    """Contestants that did the same work; the first row is ours on the widest instruction set."""

    section: str
    name: str
    rows: Sequence[Row]
    absent: Sequence[str]


class Bar(NamedTuple):
    """What was promised, and what came out."""

    what: str
    on: str
    bar: str
    measured: str
    minimum: str
    met: bool


class Wait(NamedTuple):
    """Percentiles of single calls, in one circumstance."""

    what: str
    circumstance: str
    latency: Latency


class Report(NamedTuple):
    """All that a page holds."""

    machine: Mapping[str, str]
    bars: Sequence[Bar]
    groups: Sequence[Group]
    waits: Sequence[Wait]


def span(nanoseconds: float) -> str:
    """A time with three digits and the unit that suits it.

    >>> span(73.21), span(7321.0), span(732_100_000.0)
    ('73.2 ns', '7.32 us', '732 ms')
    """
    unit = "ns"
    for larger in ("us", "ms"):
        if nanoseconds >= 999.5:
            nanoseconds, unit = nanoseconds / 1000.0, larger
    digits = 0 if nanoseconds >= 99.95 else 1 if nanoseconds >= 9.995 else 2
    return f"{nanoseconds:.{digits}f} {unit}"


def times(ratio: float) -> str:
    """A ratio with two or three digits.

    >>> times(0.834), times(8.34), times(834.0)
    ('0.83x', '8.3x', '834x')
    """
    return f"{ratio:.{0 if ratio >= 9.95 else 1 if ratio >= 0.995 else 2}f}x"


def serving(variant: str) -> str:
    """What an instruction set or backend is called in prose."""
    return _NAMES.get(variant, variant)


def beside(group: Group) -> list[tuple[str, str, str]]:
    """Name, median and ratio to ours of each row but the first."""
    ours = group.rows[0].timing.median
    return [(row.name, span(row.timing.median), times(row.timing.median / ours)) for row in group.rows[1:]]


def markdown(report: Report) -> str:
    """The page."""
    parts = [
        _INTRO,
        _table(("", ""), report.machine.items(), words=2),
        "## The bars",
        _table(
            ("", "on", "bar", "median", "minimum", "met"),
            ((bar.what, serving(bar.on), *bar[2:-1], "yes" if bar.met else "**no**") for bar in report.bars),
            words=2,
        ),
        _CALLS,
        _table(
            ("", "", "p50", "p99", "p99.9"),
            ((wait.what, wait.circumstance, *map(span, wait.latency)) for wait in report.waits),
            words=2,
        ),
        _GROUPS,
    ]
    section = ""
    for group in report.groups:
        if group.section != section:
            section = group.section
            parts.append(f"### {section}")
        parts.append(f"**{group.name}**")
        parts.append(
            _table(
                ("", "statement", "median", "minimum", "ratio"),
                (
                    (
                        row.name,
                        f"`{row.statement}`" if not i or row.statement != group.rows[i - 1].statement else "as above",
                        *map(span, row.timing),
                        times(row.timing.median / group.rows[0].timing.median),
                    )
                    for i, row in enumerate(group.rows)
                ),
                words=2,
            )
        )
        if group.absent:
            parts.append(f"Not installed, so not measured: {', '.join(group.absent)}.")
    return "\n\n".join(part.strip() for part in parts) + "\n"


def excerpt(report: Report, names: Iterable[str], peers: Sequence[str]) -> str:
    """A table of some groups and some peers, and where it was measured."""
    groups = {group.name: group for group in report.groups}
    rows = []
    for name in names:
        group = groups[name]
        cells = {row.who: row for row in group.rows if row.variant in {"", group.rows[0].variant}}
        ours = group.rows[0].timing.median
        rows.append(
            (
                name,
                span(ours),
                *(
                    f"{span(cells[peer].timing.median)} ({times(cells[peer].timing.median / ours)})"
                    if peer in cells
                    else ""
                    for peer in peers
                ),
            )
        )
    machine = report.machine
    note = f"Medians on {machine['processor']}, {machine['Python']}, {machine['date']}; in brackets, times armwise."
    return f"{_table(('', 'armwise', *peers), rows)}\n\n{note}"


def with_excerpt(text: str, table: str) -> str:
    """A text with the table between its two marks; as it was, where it has none."""
    pattern = f"{re.escape(_BEGIN)}.*?{re.escape(_END)}"
    return re.sub(pattern, lambda _: f"{_BEGIN}\n{table}\n{_END}", text, flags=re.DOTALL)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A table whose first columns are words, and the others figures."""
    lines = [head, ["---"] * words + ["---:"] * (len(head) - words), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
