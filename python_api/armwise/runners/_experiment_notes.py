"""What a report says in words: what its figures do not tell, and what they must not be taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from armwise.experiments.ledger import Ledger
from armwise.runners._experiment_log import LogSummary
from armwise.runners._experiment_sources import Sources
from armwise.runners._experiment_variants import Known
from armwise.runners._experiment_verdict import COME_BACK, REWARDS
from armwise.telemetry.report import Check, moment

__all__ = ["note_of_gap", "notes_of", "when_stopped", "which_alike", "why_mixed", "why_unearned", "why_unlike"]

_MANY: Final = 1.05
_ONE_EACH: Final = "Record one reward for each request, 0 where nothing was earned."
_ENOUGH: Final = 100  # rewards, from which on an interval says something of a difference


def notes_of(ledger: Ledger | None, log: LogSummary | None, units: str) -> list[str]:
    """Return what to know of a state and a log.

    Parameters
    ----------
    ledger : Ledger or None
        What the states know.
    log : LogSummary or None
        What the logs know.
    units : str
        What the checks of the sample ratio count.
    """
    notes = [] if ledger is None else _of_state(ledger)
    if units.startswith("requests"):
        notes.append(
            "Requests are counted, not users. Where one user makes many, intervals are too narrow and the checks of"
            " the sample ratio alarm too often: log the user with each decision, and record one reward for each."
        )
    return notes if log is None else notes + _of_log(log)


def note_of_gap(rewards: int, log: LogSummary) -> list[str]:
    """Return what to know where the table rests on other rewards than the pictures."""
    logged = sum(log.rewarded.values())
    if rewards == logged:
        return []
    return [f"The saved state knows {rewards:,} rewards and the logs {logged:,}: the table is of the state alone."]


def when_stopped(ledger: Ledger | None) -> str | None:
    """Return when and why the experiment was stopped; None while it goes on."""
    if ledger is None or ledger.phase != "stopped":
        return None
    event = ledger.events.get("stopped")
    if event is None:
        return "The experiment is stopped, and control serves."
    itself = " by itself" if event.automatic else ""
    return f"The experiment was stopped{itself}, {moment(event.time)}: {event.reason}"


def which_alike(known: Known) -> list[str]:
    """Return which variants earned the same every time: they may be broken."""
    seen = {name: one.rewards for name, one in known.variants.items() if one.lift is None}
    return [
        f"{name} earned {rewards.mean:g} every time ({rewards.n:,} rewards): see whether it works at all."
        for name, rewards in seen.items()
        if rewards.n >= _ENOUGH and rewards.deviation == 0.0
    ]


def why_mixed(sources: Sources) -> str | None:
    """Return why units were divided by several shares; None where all were by the same, as far as is known."""
    if sources.ledger is not None:
        return "the shares were changed in action" if sources.ledger.resplit else None
    return "the table was changed" if sources.saved.versions.get(sources.experiment, 1) > 1 else None


def why_unearned(ledger: Ledger | None, known: Known, baseline: str) -> str | None:
    """Return why what is known compares nothing; None where it does.

    It does not where it was earned before the action, or under other shares, or is known of one side alone.
    """
    if ledger is not None and ledger.resplit:
        return (
            "The shares were changed in action: a trend over time looks like a difference between variants that"
            " had other shares then. Start an experiment under an id of its own, with the shares it is to keep."
        )
    if known.unknown and not any(one.lift and one.lift.n for name, one in known.variants.items() if name != baseline):
        return " ".join(known.unknown)
    if ledger is None or known.variants[baseline].lift is not None:
        return None
    acted = sum(one.rewards.n for one in known.variants.values())
    rewards = known.before or acted
    if ledger.phase == "shadow" and rewards:
        return f"The experiment is in the shadow: no variant has acted yet, and {rewards:,} rewards say nothing."
    if known.before and not acted:
        return f"No reward was earned in action yet: all {known.before:,} came before the experiment acted."
    return None


def why_unlike(known: Known, checks: Sequence[Check]) -> str | None:
    """Return why the rewards of the variants may be of different sorts of requests; None where they are not.

    Parameters
    ----------
    known : Known
        What is known of the variants.
    checks : sequence of Check
        Those of the sample ratio, and that of the rewards where it was made.
    """
    if known.replayed or not any(one.rewards.n for one in known.variants.values()):
        return None
    for check in checks:
        if check.name == COME_BACK and check.outcome == "failed":
            return (
                "Rewards do not come back for as many of each variant's requests: their means are of different sorts of"
                f" requests, and no difference follows from them. {_ONE_EACH}"
            )
        if check.outcome == "unknown" and (check.name == COME_BACK or known.units == REWARDS):
            return f"It is not known whether the rewards of all variants are of the same sort of requests. {_ONE_EACH}"
    return None


def _of_state(ledger: Ledger) -> list[str]:
    notes: list[str] = []
    ignored = ledger.totals().ignored
    if sum(ignored.values()):
        why = ", ".join(f"{count:,} {reason}" for reason, count in sorted(ignored.items()))
        notes.append(f"Rewards that were ignored: {why}.")
    if ledger.phase == "shadow":
        notes.append("In the shadow control serves every request; a variant's rewards are not of its own users.")
    return notes


def _of_log(log: LogSummary) -> list[str]:
    notes: list[str] = []
    users = sum(log.users.values()) if log.users else 0
    if users and log.decisions > _MANY * users:
        notes.append(
            f"A user makes {log.decisions / users:.1f} requests on average. Intervals take rewards to be independent;"
            " where those of one user are alike, they are too narrow."
        )
    if log.crossed:
        notes.append(f"{log.crossed:,} users were seen in more than one variant; each is counted where it was first.")
    if log.early:
        notes.append(f"{log.early:,} logged decisions from before the experiment acted are left out.")
    if log.strays:
        notes.append(
            f"{log.strays:,} logged rewards are of no decision of this experiment, or a decision's second, and are left"
            " out."
        )
    return notes
