"""What a folder holds of one experiment: its ledger, where states know it, and its log, where decisions name it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from armwise.errors import ConfigurationError
from armwise.experiments.ledger import Ledger
from armwise.runners._experiment_log import LogSummary, find_logs, read_logs
from armwise.runners.experiment_states import Saved, read_states

__all__ = ["CONTROL", "Sources", "read_sources"]

CONTROL: Final = "control"
"""The variant that others are compared with, where nobody says."""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """What a folder holds of one experiment; a ledger, a log, or both.

    Attributes
    ----------
    experiment : str
        Its id.
    saved : Saved
        The states and tables of the folder.
    ledger : Ledger or None
        What the states know of it, all together.
    log : LogSummary or None
        What the logs know of it.
    """

    experiment: str
    saved: Saved
    ledger: Ledger | None
    log: LogSummary | None

    @property
    def phase(self) -> str:
        """Where the experiment stands; "not known" where only logs tell of it."""
        return "not known" if self.ledger is None else self.ledger.phase

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that were read."""
        return tuple(file.name for file in (*self.saved.files, *(() if self.log is None else self.log.files)))


def read_sources(
    folder: Path, experiment: str | None, control: str | None, progress: Callable[[int], None] | None
) -> Sources:
    """Read the states and the logs of a folder.

    Parameters
    ----------
    folder : Path
        Where.
    experiment : str or None
        Which experiment; None where the folder knows one alone.
    control : str or None
        The variant that regret is measured against in logs; the baseline of the state without it.
    progress : callable or None
        Called now and then with the number of records read since the last call.

    Raises
    ------
    ConfigurationError
        If the folder knows no experiment, or several and none is named.
    SnapshotError, LogError, StoreError
        If a file cannot be read.
    """
    saved, files = read_states(folder), find_logs(folder)
    ledger = _ledger(folder, saved, experiment, logs=bool(files))
    log = None
    if files:
        name = experiment if ledger is None else ledger.experiment_id
        against = control or (CONTROL if ledger is None else ledger.setup.baseline)
        log = read_logs(files, name, against, since=_began(ledger), progress=progress)
        log = log if log.decisions or log.early else None
    if ledger is not None:
        return Sources(ledger.experiment_id, saved, ledger, log)
    if log is not None:
        return Sources(str(log.experiment), saved, None, log)
    what = f"no experiment {experiment!r}" if experiment else "no experiment"
    msg = f"{folder} knows {what}; expected states of experiments (*.json) or decision logs that name one (*.jsonl)"
    raise ConfigurationError(msg)


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
