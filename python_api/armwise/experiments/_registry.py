"""The experiments that run here: how they come in, change their phase, are saved, loaded and merged."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Concatenate, Final, ParamSpec

from armwise._forks import Rank, watch_forks
from armwise._words import check_words, shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError, SnapshotError
from armwise.experiments._guarded import Guarded
from armwise.experiments._running import Running
from armwise.experiments._saved import read_ledgers, state_of
from armwise.experiments._setup import Setup
from armwise.experiments.events import Event
from armwise.experiments.experiment import Experiment
from armwise.experiments.identity import tenant_salt
from armwise.experiments.ledger import Ledger
from armwise.experiments.outcomes import VariantStatistics
from armwise.experiments.trial import told as what_raised
from armwise.flags import EnvironmentFlags
from armwise.protocols import ExperimentMetrics, Flags, StateStore
from armwise.types import State

__all__ = ["FLAG", "ExperimentRegistry"]

Told = ParamSpec("Told")

FLAG: Final = "ENABLE_EXPERIMENT_HARNESS"
"""The flag that switches every experiment on; off, everything is as if there were none."""


class ExperimentRegistry(Guarded):
    """Experiments under one lock, with what is known of each."""

    _REENTERED: ClassVar[str] = (
        "the manager was called from within one of its own calls, by a signal handler, a finalizer or its metrics; let "
        "them set a flag or fill a queue; nothing was changed"
    )

    def __init__(
        self,
        experiments: Iterable[Experiment] = (),
        *,
        store: StateStore | None = None,
        flags: Flags | None = None,
        metrics: ExperimentMetrics | None = None,
        tenant: str = "default",
        workspace: str = "main",
    ) -> None:
        super().__init__()
        self._salt = tenant_salt(tenant, workspace)
        _check_arguments(experiments, store, flags, metrics)
        self._tenant, self._workspace = tenant, workspace
        self._flags: Flags = EnvironmentFlags() if flags is None else flags
        self._metrics = metrics
        self._store = store
        self._part = _fresh_part()
        self._running: dict[str, Running] = {}
        self._aside: dict[str, Ledger] = {}
        self._unknown: dict[str, int] = {}
        for experiment in experiments:
            if isinstance(experiment, Experiment) and experiment.id in self._running:
                msg = f"two experiments have the id {experiment.id!r}; give each its own"
                raise ConfigurationError(msg)
            self.add(experiment)
        saved = None if store is None else store.read()
        if saved is not None:
            self.load_state(saved)
        watch_forks(self, Rank.EXPERIMENTS)

    @property
    def tenant(self) -> str:
        """Whose experiments these are."""
        return self._tenant

    @property
    def workspace(self) -> str:
        """Which of the tenant's workspaces this is."""
        return self._workspace

    @property
    def experiments(self) -> tuple[Experiment, ...]:
        """The experiments, in the order in which they came."""
        with self._locked():
            return tuple(running.experiment for running in self._running.values())

    def add(self, experiment: Experiment) -> None:
        """Run one more experiment, or give one that runs other weights, coverage, tests or words.

        What is known of it stays, and so does its phase, or goes on to that of `experiment`.

        Raises
        ------
        ConfigurationError
            If it is no experiment, or its id is of one with other variants, outputs, control or baseline: a variant
            that is taken out of an active experiment would leave its users without one, and statistics under the
            same id would be of two things.
        """
        if not isinstance(experiment, Experiment):
            msg = f"experiment is {shown(experiment)}; expected an Experiment"
            raise ConfigurationError(msg)
        setup = Setup.of(experiment)
        with self._locked():
            held = self._running.get(experiment.id)
            ledger = self._aside.get(experiment.id) if held is None else held.ledger
            if ledger is None:
                ledger = Ledger(experiment.id, setup, self._part)
            try:
                ledger.checked(Ledger(experiment.id, setup, self._part))
            except SnapshotError as error:
                raise ConfigurationError(str(error)) from None
            running = Running(experiment, ledger, self._salt)
            self._running[experiment.id] = running
            self._aside.pop(experiment.id, None)
            self._tell_phase(running)

    def activate(self, experiment_id: str, reason: str = "by hand") -> None:
        """Let the variants act from now on; saved, where there is a store.

        Raises
        ------
        ConfigurationError
            If there is no such experiment, it was stopped (stopped experiments stay so, start another), or the reason
            is blank or holds control characters or lone surrogates.
        StoreError
            If it cannot be saved; it is active all the same.
        """
        self._enter(experiment_id, Event(nanoseconds(), "activated", _reason(reason)))

    def stop(self, experiment_id: str, reason: str = "by hand") -> None:
        """Let control serve again, for good; saved, where there is a store.

        Raises
        ------
        ConfigurationError
            If there is no such experiment, or the reason is none, as for :meth:`activate`.
        StoreError
            If it cannot be saved; it is stopped all the same.
        """
        self._enter(experiment_id, Event(nanoseconds(), "stopped", _reason(reason)))

    def statistics(self, experiment_id: str) -> dict[str, VariantStatistics]:
        """What is known of each variant, by all processes that were merged; a copy.

        Raises
        ------
        ConfigurationError
            If there is no such experiment.
        """
        with self._locked():
            return self._required(experiment_id).ledger.totals().variants

    def verdict(self, experiment_id: str) -> Event | None:
        """Why and when an experiment was stopped; None while it goes on.

        Raises
        ------
        ConfigurationError
            If there is no such experiment.
        """
        with self._locked():
            return self._required(experiment_id).ledger.events.get("stopped")

    def status(self) -> dict[str, State]:
        """What stands where, as plain JSON: for each experiment its phase, variants, events and what was ignored.

        Ids that rewards were recorded for and that no experiment has are listed in the phase "unknown".
        """
        enabled = self._flags.enabled(FLAG)
        with self._locked():
            found: dict[str, State] = {
                name: running.summary(enabled=enabled) for name, running in self._running.items()
            }
            for name, count in self._unknown.items():
                found.setdefault(name, {"phase": "unknown", "enabled": enabled, "ignored": {"unknown": count}})
        return found

    def state_dict(self) -> State:
        """Everything that is known, as plain JSON, without loss.

        ``json.dumps(state, allow_nan=False)`` and back gives the same state. Policies among the variants have states
        of their own.
        """
        with self._locked():
            return self._state()

    def load_state(self, state: Mapping[str, object]) -> None:
        """Become what a state says, in the place of what is known of its experiments.

        Experiments that the state does not name stay as they are; what it names and does not run here is kept and
        saved again. This process counts apart from those that wrote the state.

        Raises
        ------
        SnapshotError
            If it is torn, of another kind, tenant or workspace or a newer version, or of an experiment with other
            variants. Nothing has changed then.
        """
        with self._locked():
            part = _fresh_part()
            loaded = read_ledgers(state, self._tenant, self._workspace, part)
            for name, ledger in loaded.items():
                if name in self._running:
                    Ledger(name, Setup.of(self._running[name].experiment), part).checked(ledger)
            kept = [running.ledger for name, running in self._running.items() if name not in loaded]
            kept += [ledger for name, ledger in self._aside.items() if name not in loaded]
            self._part = part
            for ledger in kept:
                ledger.renew(part)
            for name, ledger in loaded.items():
                if name in self._running:
                    self._running[name] = Running(self._running[name].experiment, ledger, self._salt)
                    self._tell_phase(self._running[name])
                else:
                    self._aside[name] = ledger

    def merge(self, other: ExperimentRegistry | Mapping[str, object]) -> None:
        """Add what another process has seen.

        States may come in any order, and again and again: what a process has seen is counted once, as it was at the
        latest of its states. The phase is the later one of the two.

        Parameters
        ----------
        other : ExperimentRegistry or mapping
            A manager of the same tenant and workspace, or its state.

        Raises
        ------
        SnapshotError
            As for :meth:`load_state`, or if the state is of a copy of this manager. Nothing has changed then.
        """
        state = other.state_dict() if isinstance(other, ExperimentRegistry) else other
        with self._locked():
            self._merge(state)

    def save(self) -> None:
        """Bring the store and this manager to the same state, which holds what both knew.

        Processes that share a store count apart and find each other's rewards, activations and stops here. Call it on
        a timer and before the process ends: what was recorded since is lost with a process that is killed.

        Raises
        ------
        ConfigurationError
            If there is no store.
        SnapshotError
            If the store holds what cannot be merged.
        StoreError
            If the store cannot be read or written.
        """
        if self._store is None:
            msg = "this manager has no store; give it one: ExperimentManager(..., store=...)"
            raise ConfigurationError(msg)

        def merged(state: State | None) -> State:
            with self._locked():
                if state is not None:
                    self._merge(state)
                return self._state()

        self._store.update(merged)

    def _enter(self, experiment_id: str, event: Event) -> None:
        with self._locked():
            running = self._required(experiment_id)
            phase = running.ledger.phase
            if phase == "stopped" and event.kind == "activated":
                msg = f"experiment {experiment_id!r} was stopped, and stays so; start another under an id of its own"
                raise ConfigurationError(msg)
            if phase != ("active" if event.kind == "activated" else "stopped"):
                running.ledger.happen(event)
                self._tell_phase(running)
        if self._store is not None:
            self.save()

    def _found(self, experiment_id: str) -> Running | None:
        """The experiment of an id, where there is one."""
        if not isinstance(experiment_id, str):
            msg = f"experiment id is {shown(experiment_id)}; expected text"
            raise ConfigurationError(msg)
        return self._running.get(experiment_id)

    def _required(self, experiment_id: str) -> Running:
        running = self._found(experiment_id)
        if running is None:
            there = ", ".join(map(repr, self._running)) or "none"
            msg = f"there is no experiment {shown(experiment_id)}; there are {there}"
            raise ConfigurationError(msg)
        return running

    def _ledgers(self) -> dict[str, Ledger]:
        """Those of the experiments that run here, and those that are kept for others."""
        return self._aside | {name: running.ledger for name, running in self._running.items()}

    def _state(self) -> State:
        return state_of(self._tenant, self._workspace, self._ledgers())

    def _merge(self, state: Mapping[str, object]) -> None:
        loaded = read_ledgers(state, self._tenant, self._workspace, self._part)
        ledgers = self._ledgers()
        for name, ledger in loaded.items():
            if name in ledgers:
                ledgers[name].checked(ledger)
        for name, ledger in loaded.items():
            if name not in ledgers:
                self._aside[name] = ledger
                continue
            ledgers[name].merge(ledger)
            if name in self._running:
                self._tell_phase(self._running[name])

    def _tell_phase(self, running: Running) -> None:
        """Under the lock: of two changes of phase, the later one must be told later."""
        if self._metrics is not None:
            self._tell(self._metrics.phase, running.experiment.id, running.ledger.phase, running.acting())

    def _tell(self, hear: Callable[Concatenate[str, str, Told], None], *told: Told.args, **more: Told.kwargs) -> None:
        """Let metrics hear what has happened.

        It has happened whatever they raise: a caller who got their error would do again what is counted already.
        """
        try:
            hear(self._tenant, self._workspace, *told, **more)
        except Exception as error:  # noqa: BLE001 - metrics may be anybody's, and raise anything
            msg = f"the metrics raised {what_raised(error)}; what they were told of is counted all the same"
            warnings.warn(msg, RuntimeWarning, stacklevel=3)

    def _renew(self) -> None:
        # What it had counted is the parent's to report.
        self._part = _fresh_part()
        for running in self._running.values():
            running.ledger.renew(self._part)
        for ledger in self._aside.values():
            ledger.renew(self._part)


def _check_arguments(experiments: object, store: object, flags: object, metrics: object) -> None:
    """Refuse what has not the methods that it is given for."""
    if not isinstance(experiments, Iterable) or isinstance(experiments, (str, bytes)):
        msg = f"experiments is {shown(experiments)}; expected a list of them"
        raise ConfigurationError(msg)
    asked = (
        ("store", store, ("read", "update")),
        ("flags", flags, ("enabled",)),
        ("metrics", metrics, ("allocated", "rewarded", "phase", "ignored")),
    )
    for name, given, methods in asked:
        if given is not None and not all(callable(getattr(given, method, None)) for method in methods):
            msg = f"{name} is {shown(given)}; expected None, or an object with {' and '.join(methods)}"
            raise ConfigurationError(msg)


def _fresh_part() -> str:
    """A name that no other process gives its part, but by a chance of 2^-64."""
    return secrets.token_hex(8)


def _reason(reason: object) -> str:
    return check_words(reason, "reason", "a few words, which are kept with the experiment")
