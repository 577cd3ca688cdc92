"""A report on one experiment, from a folder of saved states and decision logs.

States say what each variant earned, of all processes and without rounding; they decide where they are. Logs say when,
and decide where there is no state.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from armwise.errors import ConfigurationError, StoreError
from armwise.experiments.ledger import Ledger
from armwise.experiments.outcomes import VariantStatistics
from armwise.runners._experiment_figures import Moments, bayes_of, curves_of, difference_span, mean_span
from armwise.runners._experiment_log import LogSummary, find_logs, read_logs
from armwise.runners._experiment_notes import note_of_gap, notes_of
from armwise.runners._experiment_verdict import check_rewards, check_split, decide
from armwise.runners._timeline import Columns
from armwise.runners.experiment_states import Saved, read_states
from armwise.telemetry.log import TornLine
from armwise.telemetry.report import Check, Curves, ExperimentReport, Span, VariantRow, moment

__all__ = ["ReportedExperiment", "report_on"]

_CONTROL: Final = "control"
_ENOUGH: Final = 100  # rewards, from which on an interval says something of a difference
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


@dataclass(frozen=True, slots=True)
class _Variant:
    """What is known of one variant, wherever from; `lift` where differences are of the same requests."""

    rewards: Moments
    units: int
    regret: float
    lift: Moments | None = None


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
    if not 0.0 < alpha < 1.0:
        msg = f"alpha is {alpha!r}; expected a probability between 0 and 1, such as 0.05"
        raise ConfigurationError(msg)
    if not path.is_dir():
        msg = f"{path}: there is no such folder; expected where states and decision logs are kept"
        raise StoreError(msg)
    saved, files = read_states(path), find_logs(path)
    ledger = _ledger(path, saved, experiment, logs=bool(files))
    log = None
    if files:
        name = experiment if ledger is None else ledger.experiment_id
        against = control or (_CONTROL if ledger is None else ledger.setup.baseline)
        log = read_logs(files, name, against, since=_began(ledger), progress=progress)
        log = log if log.decisions or log.early else None
    if ledger is None and log is None:
        what = f"no experiment {experiment!r}" if experiment else "no experiment"
        msg = f"{path} knows {what}; expected states of experiments (*.json) or decision logs that name one (*.jsonl)"
        raise ConfigurationError(msg)
    page = _Report(path, saved, ledger, log, alpha, shares, control)
    return ReportedExperiment(page.report(), () if log is None else log.torn)


class _Report:
    """What a report is put together from."""

    def __init__(
        self,
        folder: Path,
        saved: Saved,
        ledger: Ledger | None,
        log: LogSummary | None,
        alpha: float,
        shares: Mapping[str, float] | None,
        control: str | None,
    ) -> None:
        self._folder = folder
        self._saved = saved
        self._ledger = ledger
        self._log = log
        self._alpha = alpha
        self.experiment = str(log.experiment if ledger is None and log is not None else ledger and ledger.experiment_id)
        self._notes: list[str] = []
        self._units = "requests"
        self._before = 0
        names = self._names(shares)
        self._baseline = self._compared_with(names, control)
        self._names_in_order = [self._baseline, *(name for name in names if name != self._baseline)]
        self._shares = self._meant(shares)
        self._columns = None if log is None else log.timeline.columns(self._names_in_order)
        self._variants = self._known()

    def report(self) -> ExperimentReport:
        """Put everything together."""
        rows = self._rows()
        phase = "not known" if self._ledger is None else self._ledger.phase
        counts = {name: one.units for name, one in self._variants.items()}
        split = check_split(counts, self._shares, self._units, self._names_in_order)
        checks: list[Check] = [*split.checks]
        if self._log is not None and self._log.decisions:
            served = {name: self._log.served.get(name, 0) for name in self._names_in_order}
            checks.append(check_rewards(served, self._log.rewarded))
        decided = decide(
            phase, rows, checks, mismatch=split.mismatch, stopped=self._stopped(), unearned=self._unearned()
        )
        self._notes += notes_of(self._ledger, self._log, self._units)
        if self._log is not None and self._variants[self._baseline].lift is None:
            self._notes += note_of_gap(sum(one.rewards.n for one in self._variants.values()), self._log)
        events = () if self._ledger is None else tuple(self._ledger.events.values())
        began, ended = self._dates()
        return ExperimentReport(
            experiment=self.experiment,
            phase=phase,
            began=began,
            ended=ended,
            alpha=self._alpha,
            verdict=decided.verdict,
            best=decided.best,
            reasons=(*decided.reasons, *self._alike()),
            checks=tuple(checks),
            variants=tuple(rows),
            events=tuple(
                (event.time, f"{event.kind}{' by itself' if event.automatic else ''}: {event.reason}")
                for event in sorted(events, key=lambda event: event.time)
            ),
            notes=tuple(self._notes),
            sources=tuple(file.name for file in (*self._saved.files, *(() if self._log is None else self._log.files))),
            curves=self._curves(),
        )

    def _stopped(self) -> str | None:
        """When and why the experiment was stopped; None while it goes on."""
        if self._ledger is None or self._ledger.phase != "stopped":
            return None
        event = self._ledger.events.get("stopped")
        if event is None:
            return "The experiment is stopped, and control serves."
        itself = " by itself" if event.automatic else ""
        return f"The experiment was stopped{itself}, {moment(event.time)}: {event.reason}"

    def _alike(self) -> list[str]:
        """Which variants earned the same every time: they may be broken."""
        seen = {name: one.rewards for name, one in self._variants.items() if one.lift is None}
        return [
            f"{name} earned {rewards.mean:g} every time ({rewards.n:,} rewards): see whether it works at all."
            for name, rewards in seen.items()
            if rewards.n >= _ENOUGH and rewards.deviation == 0.0
        ]

    def _unearned(self) -> str | None:
        """Why what is known compares nothing: earned before the action, or under other shares; None where it does."""
        if self._ledger is not None and self._ledger.resplit:
            return (
                "The shares were changed in action: a trend over time looks like a difference between variants that"
                " had other shares then. Start an experiment under an id of its own, with the shares it is to keep."
            )
        if self._ledger is None or self._variants[self._baseline].lift is not None:
            return None
        rewards = self._before or sum(one.rewards.n for one in self._variants.values())
        if self._ledger.phase == "shadow" and rewards:
            return f"The experiment is in the shadow: no variant has acted yet, and {rewards:,} rewards say nothing."
        if self._before and not any(one.rewards.n for one in self._variants.values()):
            return f"No reward was earned in action yet: all {self._before:,} came before the experiment acted."
        return None

    def _names(self, shares: Mapping[str, float] | None) -> list[str]:
        """Every variant: in the order of the set-up, of the table, of the option, or of their names."""
        if self._ledger is not None:
            known: Sequence[str] = list(self._ledger.setup.outputs)
        else:
            seen = sorted(self._log.served) if self._log is not None else []
            known = [*(shares or self._saved.shares.get(self.experiment, {})), *seen]
        names = list(dict.fromkeys(known))
        if len(names) < 2:
            there = ", ".join(map(repr, names)) or "none"
            msg = f"experiment {self.experiment!r} has the variants {there}; a comparison needs two at least"
            raise ConfigurationError(msg)
        return names

    def _compared_with(self, names: Sequence[str], control: str | None) -> str:
        baseline = control or (_CONTROL if self._ledger is None else self._ledger.setup.baseline)
        if baseline not in names:
            what = "--control is" if control else "no variant is called"
            msg = f"{what} {baseline!r}; say which of {', '.join(map(repr, names))} the others are compared with"
            raise ConfigurationError(msg + ": --control NAME")
        return baseline

    def _meant(self, shares: Mapping[str, float] | None) -> dict[str, float | Fraction] | None:
        """The share of the experiment's traffic that each variant was to have."""
        if shares is not None and (missing := [name for name in self._names_in_order if name not in shares]):
            msg = f"the shares say nothing of {', '.join(map(repr, missing))}; give every variant one, if it is 0"
            raise ConfigurationError(msg)
        given = self._saved.shares.get(self.experiment) if shares is None else shares
        if given is None:
            return None
        strange = [name for name, share in given.items() if name not in self._names_in_order and share]
        if strange:
            there = ", ".join(map(repr, self._names_in_order))
            msg = f"a share is of {strange[0]!r}, which is no variant of {self.experiment!r}; it has {there}"
            raise ConfigurationError(msg)
        total = sum(given.values())
        if not all(0 <= share < math.inf for share in given.values()) or not 0 < total < math.inf:
            msg = f"shares are {dict(given)!r}; expected numbers of zero or more, such as 50 and 50, that sum to more"
            raise ConfigurationError(msg)
        return {name: given.get(name, 0) / total for name in self._names_in_order}

    def _known(self) -> dict[str, _Variant]:
        """What the state says of each variant, or else the log."""
        seen = None if self._ledger is None else self._ledger.totals().variants
        if seen is not None and any(one.pulls or one.allocations for one in seen.values()):
            return self._from_state(seen)
        if self._log is None or self._columns is None:
            return dict.fromkeys(
                self._names_in_order, _Variant(Moments(0, 0.0, (0.0, 0.0, 0.0, 0.0), binary=False), 0, 0.0)
            )
        return self._from_log(self._log, self._columns)

    def _from_state(self, seen: Mapping[str, VariantStatistics]) -> dict[str, _Variant]:
        before = sum(one.pulls - one.active.n for one in seen.values())
        units = self._units_of(seen)
        if self._is_shadow(seen) and self._replayed(seen):
            self._notes.append(
                "Means and differences are of what each variant would have earned on the requests that control served"
                " (doubly robust, by the logged propensities)."
            )
            return {
                name: _Variant(
                    Moments.of(seen[name].shadow_replay.doubly_robust),
                    units[name],
                    seen[name].regret_sum,
                    Moments.of(seen[name].shadow_replay.lift),
                )
                for name in self._names_in_order
            }
        if before:
            self._notes.append(
                f"{before:,} rewards from before the experiment acted are left out: chance did not decide who served"
                " them."
            )
        self._before = before
        return {
            name: _Variant(Moments.of(seen[name].active), units[name], seen[name].regret_sum)
            for name in self._names_in_order
        }

    def _is_shadow(self, seen: Mapping[str, VariantStatistics]) -> bool:
        """Whether the experiment never left the shadow, be it that it was stopped there."""
        phase = "" if self._ledger is None else self._ledger.phase
        return phase == "shadow" or (phase == "stopped" and not any(one.active.n for one in seen.values()))

    def _replayed(self, seen: Mapping[str, VariantStatistics]) -> bool:
        """Whether it is known what every variant would have earned."""
        return all(seen[name].shadow_replay.n for name in self._names_in_order)

    def _units_of(self, seen: Mapping[str, VariantStatistics]) -> dict[str, int]:
        """How many were allocated to each variant, as near to users as is known."""
        log = self._log
        # In the shadow control serves everybody, and the allocated variant is counted beside it.
        shadow = sum(one.shadow_pulls for one in seen.values())
        control = "" if self._ledger is None else self._ledger.setup.control
        acted = {name: one.allocations - shadow * (name == control) for name, one in seen.items()}
        if log is not None and log.users is not None and log.decisions >= sum(acted.values()):
            self._units = "users"
            return {name: log.users.get(name, 0) for name in seen}
        if sum(acted.values()):
            return acted
        if shadow:
            self._units = "requests in the shadow"
            return {name: one.shadow_pulls for name, one in seen.items()}
        self._units = "rewards, as no request was counted"
        return {name: one.pulls for name, one in seen.items()}

    def _from_log(self, log: LogSummary, columns: Columns) -> dict[str, _Variant]:
        counts, powers, regret = (table.sum(axis=0) for table in (columns.rewards, columns.powers, columns.regret))
        self._units = "requests" if log.users is None else "users"
        units = log.served if log.users is None else log.users
        known: dict[str, _Variant] = {}
        for place, name in enumerate(self._names_in_order):
            first, second, third, fourth = powers[place].tolist()
            rewards = Moments(int(counts[place]), columns.origin, (first, second, third, fourth), binary=log.binary)
            known[name] = _Variant(rewards, units.get(name, 0), float(regret[place]))
        return known

    def _rows(self) -> list[VariantRow]:
        return [self._row(name, one) for name, one in self._variants.items()]

    def _row(self, name: str, one: _Variant) -> VariantRow:
        against = self._variants[self._baseline].rewards
        alpha = self._alpha / (len(self._variants) - 1)
        difference, interval, chance, loss = None, _UNKNOWN, None, None
        if name != self._baseline and one.lift is not None:
            difference, interval = one.lift.mean, mean_span(one.lift, alpha)
        elif name != self._baseline and one.rewards.mean is not None and against.mean is not None:
            difference = one.rewards.mean - against.mean
            interval = difference_span(against, one.rewards, alpha)
            chance, loss = bayes_of(against, one.rewards)
        return VariantRow(
            name=name,
            control=name == self._baseline,
            share=None if self._shares is None else float(self._shares[name]),
            served=one.units,
            pulls=one.rewards.n,
            mean=one.rewards.mean,
            interval=mean_span(one.rewards, self._alpha) if one.rewards.n else _UNKNOWN,
            difference=difference,
            difference_interval=interval,
            chance_to_beat=chance,
            expected_loss=loss,
            regret=one.regret,
        )

    def _curves(self) -> Curves | None:
        columns = self._columns
        if columns is None or not len(columns.time):
            return None
        place = self._names_in_order.index(self._baseline)
        return curves_of(columns, place, (self._alpha, self._alpha / (len(self._names_in_order) - 1)))

    def _dates(self) -> tuple[int | None, int | None]:
        """First and last thing known of; a state alone may not know the first."""
        starts: list[int] = []
        ends: list[int] = []
        if self._ledger is not None:
            starts += [event.time for event in self._ledger.events.values()]
            ends += [*starts, *(one.last_time for one in self._ledger.totals().variants.values() if one.last_time)]
        if self._log is not None and self._log.timeline.first is not None:
            starts.append(self._log.timeline.first)
            ends.append(self._log.timeline.last)
        return min(starts, default=None), max(ends, default=None)


def _ledger(folder: Path, saved: Saved, experiment: str | None, *, logs: bool) -> Ledger | None:
    """The ledger of the experiment that is meant; None where only logs may know it."""
    if experiment is not None:
        found = saved.ledgers.get(experiment)
        if found is None and saved.ledgers and not logs:
            msg = f"{folder} has no experiment {experiment!r}; it has {', '.join(map(repr, saved.ledgers))}"
            raise ConfigurationError(msg)
        return found
    if len(saved.ledgers) > 1:
        msg = f"{folder} knows the experiments {', '.join(map(repr, saved.ledgers))}; say which one with --experiment"
        raise ConfigurationError(msg)
    return next(iter(saved.ledgers.values()), None)


def _began(ledger: Ledger | None) -> int:
    """When the experiment began to act; 0 where nobody says."""
    event = None if ledger is None else ledger.events.get("activated")
    return 0 if event is None else event.time
