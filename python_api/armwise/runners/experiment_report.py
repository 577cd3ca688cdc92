"""A report on one experiment, from a folder of saved states and decision logs.

States say what each variant earned, of all processes and without rounding; they decide where they are. Logs say when,
and decide where there is no state.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from armwise._words import shown
from armwise.errors import ConfigurationError, StoreError
from armwise.runners._experiment_design import Design, design_of
from armwise.runners._experiment_figures import bayes_of, curves_of, difference_span, lift_span, mean_span
from armwise.runners._experiment_notes import (
    note_of_gap,
    notes_of,
    when_stopped,
    which_alike,
    why_mixed,
    why_unearned,
    why_unlike,
)
from armwise.runners._experiment_sources import Sources, read_sources
from armwise.runners._experiment_variants import Known, known_of
from armwise.runners._experiment_verdict import check_rewards, check_split, decide
from armwise.runners._timeline import Columns
from armwise.telemetry.log import TornLine
from armwise.telemetry.report import Check, Curves, ExperimentReport, Span, VariantRow

__all__ = ["ReportedExperiment", "report_on"]

_UNKNOWN: Final = Span(float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class ReportedExperiment:
    """A report, and what to warn of beside it.

    Attributes
    ----------
    report : ExperimentReport
        What it tells.
    torn : tuple of TornLine
        Half lines that killed processes left in logs.
    """

    report: ExperimentReport
    torn: tuple[TornLine, ...]


def report_on(
    folder: str | os.PathLike[str],
    *,
    experiment: str | None = None,
    alpha: float = 0.05,
    shares: Mapping[str, float] | None = None,
    control: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> ReportedExperiment:
    """Report on an experiment.

    Parameters
    ----------
    folder : str or path-like
        Holds states (``*.json``, see :func:`armwise.runners.experiment_states.read_states`), decision logs
        (``*.jsonl``, ``*.jsonl.gz``), or both.
    experiment : str, optional
        Which one; needed where the folder knows several.
    alpha : float
        In (0, 1): the chance that the difference of any variant is ever outside its interval, and that the mean of
        each is.
    shares : mapping of str to float, optional
        Shares or weights that the variants were to have, in any unit, one for each variant. Without it those of the
        allocator's table, where that lies in the folder, or else equal ones, if the counts fit them.
    control : str, optional
        The variant that the others are compared with: by default the baseline that the state names, or else the one
        called "control".
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Raises
    ------
    ConfigurationError
        If the folder knows no experiment, or several and none is named, or an argument is not as described.
    SnapshotError
        If a state cannot be read or merged.
    LogError
        If a log cannot be read.
    StoreError
        If a file cannot be read.
    """
    path = Path(folder)
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0.0 < alpha < 1.0:
        msg = f"alpha is {shown(alpha)}; expected a probability between 0 and 1, such as 0.05"
        raise ConfigurationError(msg)
    if not path.is_dir():
        msg = f"{path}: there is no such folder; expected where states and decision logs are kept"
        raise StoreError(msg)
    sources = read_sources(path, experiment, control, progress)
    design = design_of(sources, shares, control)
    log = sources.log
    columns = None if log is None else log.timeline.columns(design.names)
    known = known_of(design.names, sources.ledger, log, columns)
    return ReportedExperiment(_report(sources, design, known, columns, alpha), () if log is None else log.torn)


def _report(sources: Sources, design: Design, known: Known, columns: Columns | None, alpha: float) -> ExperimentReport:
    ledger, log = sources.ledger, sources.log
    rows = [_row(name, design, known, alpha) for name in design.names]
    counts = {name: one.units for name, one in known.variants.items()}
    split = check_split(counts, design.shares, known.units, design.names, changed=why_mixed(sources))
    checks: list[Check] = [*split.checks]
    if known.acted is not None:
        checks.append(check_rewards(known.acted, {name: one.rewards.n for name, one in known.variants.items()}))
    elif log is not None and log.decisions:
        checks.append(check_rewards({name: log.served.get(name, 0) for name in design.names}, log.rewarded))
    unearned = why_unearned(ledger, known, design.baseline) or why_unlike(known, checks)
    decided = decide(
        sources.phase,
        rows,
        checks,
        mismatch=split.mismatch,
        stopped=when_stopped(ledger),
        unearned=unearned,
        replayed=known.replayed,
    )
    notes = [*known.notes, *known.unknown, *notes_of(ledger, log, known.units)]
    if log is not None and known.variants[design.baseline].lift is None:
        notes += note_of_gap(sum(one.rewards.n for one in known.variants.values()), log)
    began, ended = _dates(sources)
    return ExperimentReport(
        experiment=sources.experiment,
        phase=sources.phase,
        began=began,
        ended=ended,
        alpha=alpha,
        verdict=decided.verdict,
        best=decided.best,
        reasons=(*decided.reasons, *which_alike(known)),
        checks=tuple(checks),
        variants=tuple(rows),
        events=tuple(
            (event.time, f"{event.kind}{' by itself' if event.automatic else ''}: {event.reason}")
            for event in sorted(() if ledger is None else ledger.events.values(), key=lambda event: event.time)
        ),
        notes=tuple(notes),
        sources=sources.files,
        curves=_curves(columns, design, alpha),
    )


def _row(name: str, design: Design, known: Known, alpha: float) -> VariantRow:
    """The figures of one variant; each difference takes its part of alpha."""
    one, against = known.variants[name], known.variants[design.baseline].rewards
    part = alpha / (len(design.names) - 1)
    difference, interval, chance, loss = None, _UNKNOWN, None, None
    if name != design.baseline and one.lift is not None:
        difference, interval = one.lift.mean, _UNKNOWN if known.rare else lift_span(one.lift, part)
    elif name != design.baseline and one.rewards.mean is not None and against.mean is not None:
        difference = one.rewards.mean - against.mean
        interval = difference_span(against, one.rewards, part)
        chance, loss = bayes_of(against, one.rewards)
    return VariantRow(
        name=name,
        control=name == design.baseline,
        share=None if design.shares is None else float(design.shares[name]),
        served=one.units,
        pulls=one.rewards.n,
        mean=one.rewards.mean,
        interval=mean_span(one.rewards, alpha) if one.rewards.n else _UNKNOWN,
        difference=difference,
        difference_interval=interval,
        chance_to_beat=chance,
        expected_loss=loss,
        regret=one.regret,
    )


def _curves(columns: Columns | None, design: Design, alpha: float) -> Curves | None:
    if columns is None or not len(columns.time):
        return None
    return curves_of(columns, design.names.index(design.baseline), (alpha, alpha / (len(design.names) - 1)))


def _dates(sources: Sources) -> tuple[int | None, int | None]:
    """First and last thing known of; a state alone may not know the first."""
    starts: list[int] = []
    ends: list[int] = []
    if sources.ledger is not None:
        starts += [event.time for event in sources.ledger.events.values()]
        ends += [*starts, *(one.last_time for one in sources.ledger.totals().variants.values() if one.last_time)]
    if sources.log is not None and sources.log.timeline.first is not None:
        starts.append(sources.log.timeline.first)
        ends.append(sources.log.timeline.last)
    return min(starts, default=None), max(ends, default=None)
