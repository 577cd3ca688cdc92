"""The saved state of experiments, as a folder of files holds it: read together, and changed in place.

Each process keeps its state in a file of its own, or all of them share one; either way what the files know adds up,
and nothing is counted twice. What a command changes here, a running process finds at its next ``manager.save()``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, cast

from armwise._fields import Fields
from armwise._words import check_words
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.experiments.allocation import Allocator
from armwise.experiments.events import Event, EventKind
from armwise.experiments.experiment import Phase
from armwise.experiments.ledger import Ledger
from armwise.experiments.manager import ExperimentManager
from armwise.stores import StateFile
from armwise.types import State

__all__ = ["PhaseChange", "Saved", "change_phase", "read_states"]

_STATE: Final = "armwise.state"
_EXPERIMENTS: Final = "armwise.experiments"
_TABLE: Final = "armwise.allocator"
_NOBODY: Final = "0" * 16


@dataclass(frozen=True, slots=True, eq=False)
class Saved:
    """What a folder's files know.

    Attributes
    ----------
    files : tuple of Path
        Those that hold states of experiments or tables of allocators, by name.
    ledgers : dict of str to Ledger
        What is known of each experiment, by all files together.
    shares : dict of str to (dict of str to Fraction)
        For the experiments whose table is known, the shares of its variants; of several tables the latest.
    versions : dict of str to int
        The versions of these tables: 1 where nothing was changed.
    """

    files: tuple[Path, ...]
    ledgers: Mapping[str, Ledger]
    shares: Mapping[str, Mapping[str, Fraction]]
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """What became of one file.

    Attributes
    ----------
    path : Path
        The file.
    before, after : {"shadow", "active", "stopped"}
        The phase of the experiment in it.
    """

    path: Path
    before: Phase
    after: Phase


def read_states(folder: Path) -> Saved:
    """Read every ``*.json`` of a folder that holds a state of experiments, or the table of an allocator.

    Parameters
    ----------
    folder : Path
        Where. A state stands as :class:`armwise.stores.StateFile` writes it, or as the plain JSON of a manager's
        ``state_dict()``; a table as the plain JSON of an allocator's. Other JSON is left aside.

    Raises
    ------
    StoreError
        If the folder or a file cannot be read.
    SnapshotError
        If a file is no JSON or torn, or two states are not of one tenant, workspace and set-up.
    """
    manager: ExperimentManager | None = None
    files: list[Path] = []
    tables: dict[str, tuple[int, Mapping[str, Fraction]]] = {}
    for path in _json_files(folder):
        kind, state = _opened(path)
        if kind == _EXPERIMENTS:
            if manager is None:
                manager = _manager_of(path, state)
            _merge(manager, path, state)
        elif kind == _TABLE:
            table = _allocator(path, state)
            held = tables.get(table.experiment_id)
            if held is None or held[0] < table.version:
                tables[table.experiment_id] = table.version, table.shares
        else:
            continue
        files.append(path)
    ledgers = {} if manager is None else _ledgers(manager.state_dict())
    for name, ledger in ledgers.items():
        if ledger.table is not None and (name not in tables or tables[name][0] < ledger.table.version):
            tables[name] = ledger.table.version, ledger.table.shares
    shares = {name: table[1] for name, table in tables.items()}
    return Saved(tuple(files), ledgers, shares, {name: table[0] for name, table in tables.items()})


def change_phase(folder: Path, experiment_id: str, kind: EventKind, reason: str) -> tuple[PhaseChange, ...]:
    """Activate or stop an experiment in every file of a folder that knows it.

    Parameters
    ----------
    folder : Path
        Where; each file is changed under its lock and replaced in one step.
    experiment_id : str
        Which experiment.
    kind : {"activated", "stopped"}
        What happens to it.
    reason : str
        Why; it is kept with the experiment.

    Returns
    -------
    tuple of PhaseChange
        One a file; before and after are the same where it was so already.

    Raises
    ------
    ConfigurationError
        If no file knows it, it was stopped and is to be activated, or the reason is blank or cannot be kept.
    SnapshotError, StoreError
        As for :func:`read_states`, or if a file cannot be written.
    """
    check_words(reason, "the reason", "a few words, which are kept with the experiment")
    saved = read_states(folder)
    ledger = saved.ledgers.get(experiment_id)
    if ledger is None:
        there = ", ".join(map(repr, saved.ledgers)) or "none"
        msg = f"{folder} has no experiment {experiment_id!r}; it has {there}"
        raise ConfigurationError(msg)
    if kind == "activated" and ledger.phase == "stopped":
        msg = f"experiment {experiment_id!r} was stopped, and stays so; start another under an id of its own"
        raise ConfigurationError(msg)
    event = Event(nanoseconds(), kind, reason)
    changes = [_changed(path, experiment_id, event) for path in saved.files]
    return tuple(change for change in changes if change is not None)


def _changed(path: Path, experiment_id: str, event: Event) -> PhaseChange | None:
    """Let an event happen in one file; None where the file does not know the experiment."""
    kind, state = _opened(path)
    if kind != _EXPERIMENTS or experiment_id not in _ledgers(state):
        return None
    phases: list[Phase] = []

    def happen(now: State | None) -> State:
        """The state with the event in it."""
        current = now or {}
        ledger = _ledgers(current)[experiment_id]
        phases.append(ledger.phase)
        if ledger.phase != ("active" if event.kind == "activated" else "stopped"):
            ledger.happen(event)
        phases.append(ledger.phase)
        experiments = cast("Mapping[str, State]", current["experiments"])
        return {**current, "experiments": {**experiments, experiment_id: ledger.state_dict()}}

    if not _is_sealed(path):
        msg = f"{path} is a plain state without a checksum; only what a StateFile wrote is changed in place"
        raise SnapshotError(msg)
    StateFile(path).update(happen)
    return PhaseChange(path, phases[0], phases[1])


def _json_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json" and path.is_file())
    except OSError as error:
        msg = f"{folder}: cannot read the folder ({error.strerror or error}); expected where states and logs are kept"
        raise StoreError(msg) from error


def _opened(path: Path) -> tuple[str, State]:
    """What sort of thing a file holds, and the thing."""
    value = _json(path)
    if value.get("format") == _STATE:
        value = StateFile(path).read() or {}
    kind = _EXPERIMENTS if value.get("format") == _EXPERIMENTS else str(value.get("kind"))
    return kind, value


def _is_sealed(path: Path) -> bool:
    return _json(path).get("format") == _STATE


def _json(path: Path) -> State:
    try:
        value: object = json.loads(path.read_bytes())
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
        raise StoreError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not JSON ({error}); restore a copy of this process's state, or move it away"
        raise SnapshotError(msg) from error
    return value if isinstance(value, dict) else {}


def _manager_of(path: Path, state: State) -> ExperimentManager:
    """A manager of the tenant and the workspace that a state is of."""
    fields = Fields(state, str(path))
    try:
        return ExperimentManager(tenant=fields.text("tenant"), workspace=fields.text("workspace"))
    except ConfigurationError as error:
        msg = f"{path}: {error}"
        raise SnapshotError(msg) from None


def _merge(manager: ExperimentManager, path: Path, state: State) -> None:
    try:
        manager.merge(state)
    except SnapshotError as error:
        msg = f"{path}: {error}"
        raise SnapshotError(msg) from None


def _allocator(path: Path, state: State) -> Allocator:
    try:
        return Allocator.from_state(state)
    except SnapshotError as error:
        msg = f"{path}: {error}"
        raise SnapshotError(msg) from None


def _ledgers(state: State) -> dict[str, Ledger]:
    entries = Fields(state).fields("experiments")
    return {
        str(name): Ledger.from_state(str(name), entries.fields(str(name)), _NOBODY)
        for name in Fields(state).mapping("experiments")
    }
