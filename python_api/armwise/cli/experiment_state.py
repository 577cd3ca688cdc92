"""``armwise experiment status``, ``activate`` and ``stop``: saved experiments, shown and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from armwise.cli._console import new_table, output, print_json, shown
from armwise.errors import ConfigurationError
from armwise.experiments.events import Event, EventKind
from armwise.experiments.ledger import Ledger
from armwise.experiments.outcomes import VariantStatistics
from armwise.runners.experiment_states import change_phase, read_states
from armwise.telemetry.report import moment
from armwise.types import JSON

__all__ = ["activate", "status", "stop"]

Folder = Annotated[Path, typer.Argument(help="The folder that states are saved in.")]


def status(
    folder: Folder,
    *,
    experiment: Annotated[str | None, typer.Option(help="Show this one alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show where the experiments of a folder stand, all processes together."""
    ledgers = read_states(folder).ledgers
    if experiment is not None and experiment not in ledgers:
        msg = f"{folder} has no experiment {experiment!r}; it has {', '.join(map(repr, ledgers)) or 'none'}"
        raise ConfigurationError(msg)
    chosen = ledgers if experiment is None else {experiment: ledgers[experiment]}
    if as_json:
        print_json({name: _as_json(ledger) for name, ledger in chosen.items()})
        return
    console = output()
    if not chosen:
        console.print(shown(f"{folder}: no saved experiments"), soft_wrap=True)
    for ledger in chosen.values():
        _show(ledger, console)


def activate(
    folder: Folder,
    experiment: Annotated[str, typer.Argument(help="Which experiment.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the experiment.")] = "by hand",
) -> None:
    """Let an experiment's variants act; running processes find it when they save next."""
    _change(folder, experiment, "activated", reason)


def stop(
    folder: Folder,
    experiment: Annotated[str, typer.Argument(help="Which experiment.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept with the experiment.")],
) -> None:
    """Let control serve again, for good; running processes find it when they save next."""
    _change(folder, experiment, "stopped", reason)


def _change(folder: Path, experiment: str, kind: EventKind, reason: str) -> None:
    console = output()
    for change in change_phase(folder, experiment, kind, reason):
        what = f"{change.before} -> {change.after}" if change.before != change.after else f"was {change.after} already"
        console.print(shown(f"{change.path}: {experiment}: {what}"), soft_wrap=True)


def _show(ledger: Ledger, console: Console) -> None:
    totals = ledger.totals()
    columns = ("handed out", "shadow pulls", "rewards", "mean reward", "± SE", "would have earned", "regret")
    table = new_table(shown(f"{ledger.experiment_id}: {ledger.phase}"), "variant", *columns)
    for name, seen in totals.variants.items():
        roles = [role for role in ("control", "baseline") if getattr(ledger.setup, role) == name]
        error = seen.rewards.standard_error
        table.add_row(
            shown(name if not roles or name == "control" else f"{name} ({roles[0]})"),
            f"{seen.allocations:,}",
            f"{seen.shadow_pulls:,}",
            f"{seen.pulls:,}",
            _figure(seen.mean_reward),
            _figure(error),
            _figure(_counterfactual(seen)),
            _figure(seen.regret_sum),
        )
    console.print(table)
    for what, counts in (("requests that took no part", totals.requests), ("rewards ignored", totals.ignored)):
        if counts:
            console.print(shown(f"{what}: {', '.join(f'{count:,} {reason}' for reason, count in counts.items())}"))
    for event in _events(ledger):
        itself = " by itself" if event.automatic else ""
        console.print(shown(f"{moment(event.time)} {event.kind}{itself}: {event.reason}"), soft_wrap=True)


def _events(ledger: Ledger) -> list[Event]:
    return sorted(ledger.events.values(), key=lambda event: event.time)


def _counterfactual(seen: VariantStatistics) -> float | None:
    """What the variant would have earned, doubly robust: in action where that is known, else in the shadow."""
    return seen.shadow_replay.dr if seen.active_replay.dr is None else seen.active_replay.dr


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _as_json(ledger: Ledger) -> JSON:
    totals = ledger.totals()
    return {
        "phase": ledger.phase,
        "control": ledger.setup.control,
        "baseline": ledger.setup.baseline,
        "variants": {name: seen.summary() for name, seen in totals.variants.items()},
        "requests": totals.requests,
        "ignored": totals.ignored,
        "events": [event.state_dict() for event in _events(ledger)],
    }
