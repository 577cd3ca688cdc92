"""What a report's figures do not say, and their reader should know."""

from __future__ import annotations

from typing import Final

from armwise.experiments.ledger import Ledger
from armwise.runners._experiment_log import LogSummary

__all__ = ["note_of_gap", "notes_of"]

_MANY: Final = 1.05


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
