"""The experiments of a tenant's workspace: who gets which variant, what it earned, and when it acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, get_args, runtime_checkable

from armwise._labels import listed
from armwise._words import NAME, shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError
from armwise.experiments._registry import FLAG, ExperimentRegistry
from armwise.experiments._running import Running, outside
from armwise.experiments.allocation import Key
from armwise.experiments.experiment import Experiment
from armwise.experiments.identity import features
from armwise.experiments.statistics import check_number
from armwise.experiments.trial import (
    Choice,
    Core,
    Reason,
    Trial,
    ask_core,
    ask_variants,
    shadow_weights,
    share_weights,
    told,
)
from armwise.protocols import ContextLike, Policy
from armwise.types import Label, Moment

__all__ = ["ExperimentManager"]

_MOST_UNKNOWN: Final = 100
_OTHER: Final = "other"


class ExperimentManager(ExperimentRegistry):
    """Runs experiments: divides traffic, keeps what each variant earned, activates and stops.

    Nothing happens unless the flag ``ENABLE_EXPERIMENT_HARNESS`` is on: requests are served as if there were no
    experiment, and rewards are counted as ignored.

    Parameters
    ----------
    experiments : iterable of Experiment
        Their ids are all different.
    store : StateStore, optional
        Where the state is kept; what it holds is loaded. :meth:`save` writes to it.
    flags : Flags, optional
        Who says whether the harness is on; the environment without it, asked at each call.
    metrics : ExperimentMetrics, optional
        Is told of each allocation, reward and change of phase.
    tenant, workspace : str
        Whose traffic this is. The same user is divided independently for another tenant or workspace.

    Raises
    ------
    ConfigurationError
        If an argument is not as described.
    SnapshotError
        If the store holds the state of other variants, or of another tenant or workspace.

    Notes
    -----
    All methods may be called from many threads. A forked process goes on with what it knows and counts apart; merged
    again, nothing is counted twice.

    Examples
    --------
    >>> from armwise.flags import StaticFlags
    >>> manager = ExperimentManager(
    ...     [Experiment("ranking", control="control", variants={"control": "a", "bold": "b"}, auto_activate_after=5)],
    ...     flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}),
    ... )
    >>> manager.assign("ranking", "user-2")  # in the shadow, control serves
    'control'
    >>> for variant, reward in [("control", 1.0), ("control", 0.5), ("bold", 0.2), ("bold", 0.9)]:
    ...     manager.record("ranking", variant, reward)
    >>> round(manager.statistics("ranking")["bold"].regret_sum, 12)
    0.55
    >>> for _ in range(3):
    ...     manager.record("ranking", "control", 0.75)
    >>> manager.status()["ranking"]["phase"]
    'active'
    """

    def assign(self, experiment_id: str, key: Key | ContextLike | None) -> str | None:
        """The variant that serves a user.

        Parameters
        ----------
        experiment_id : str
            Which experiment.
        key : str, bytes, int, mapping or None
            Who asks; or the context of a request, whose user_id, session_id or request_id says it. With nobody named,
            control serves, and the request is counted as unkeyed.

        Returns
        -------
        str or None
            A variant. Control while the harness is off, the experiment is in the shadow (the variant of the key is
            counted in its `shadow_pulls`) or stopped. None where the key is not covered by the experiment, or there is
            no such experiment: serve what would be served without it.

        Raises
        ------
        ConfigurationError
            If the key is a float or something else that names nobody for sure.
        """
        running = self._found(experiment_id)
        if running is None:
            return None
        experiment = running.experiment
        if not self._flags.enabled(FLAG) or running.ledger.phase == "stopped":
            return experiment.control
        if isinstance(key, Mapping):
            key = running.key(key, None)
        if key is None:
            with self._locked():
                running.request("unkeyed")
            return experiment.control
        allocated = running.split.allocate(key)  # type: ignore[arg-type]  # the allocator says what is no key
        with self._locked():
            if allocated is None:
                running.request("outside")
                return None
            active = running.ledger.phase == "active"
            variant = allocated if active else experiment.control
            running.allocate(variant, None if active else allocated, None)
        self._tell_allocation(experiment_id, variant)
        return variant

    def choose(
        self,
        domain: str,
        context: ContextLike | None = None,
        candidates: Iterable[Label] | None = None,
        core: Core | None = None,
    ) -> Label:
        """The arm that serves a request of a domain; see :meth:`decide`, which says more."""
        return self.decide(domain, context, candidates, core).arm

    def decide(
        self,
        domain: str,
        context: ContextLike | None = None,
        candidates: Iterable[Label] | None = None,
        core: Core | None = None,
    ) -> Trial:
        """Serve a request of a domain through its experiment, ``policy::{domain}``.

        In the shadow the core decides, and every variant says what it would have served. In action the output of the
        key's variant is served. Without an experiment, or with the harness off, the core decides alone.

        A policy that raises where another serves does not fail the request. It is counted in the variant's `errors`,
        with what it raised in :meth:`status`, and takes no part in what is learnt from the request.

        Parameters
        ----------
        domain : str
            What is decided.
        context : mapping, array_like, optional
            Names who asks, and holds the features for policies: those get it without user_id, session_id and
            request_id.
        candidates : list or tuple of labels, optional
            Among which to choose. Where a variant's arm is not among them, the request takes no part.
        core : callable or Policy, optional
            Decides without the experiment; the first candidate without it. A function gives an arm, or a Decision
            with its propensity: without propensities, nothing is known of what others would have earned in the
            shadow.

        Returns
        -------
        Trial
            The arm, and what :meth:`record_trial` needs with its reward.

        Raises
        ------
        ConfigurationError
            If there are neither candidates nor a core, or an argument is not as described. What the core, or the
            policy that serves, raises passes through.
        """
        experiment_id = _of_domain(domain)
        labels = None if candidates is None else listed(candidates, "candidates")
        plain = features(context)
        running = self._running.get(experiment_id)
        reason = self._absence(running)
        if running is None or reason is not None:
            return outside(experiment_id, reason or "unknown", ask_core(core, labels, plain))
        if labels is not None and not running.arms.issubset(labels):
            return self._apart(running, "inapplicable", ask_core(core, labels, plain))
        key = running.key(context, labels)
        allocated = None if key is None else running.split.allocate(key)
        if key is not None and allocated is None:
            return self._apart(running, "outside", ask_core(core, labels, plain))
        experiment, phase = running.experiment, running.ledger.phase
        asked: list[Choice] = []

        def ask() -> Choice:
            """Ask the core, once."""
            if not asked:
                asked.append(ask_core(core, labels, plain))
            return asked[0]

        if phase != "active":
            served = ask()
            if allocated is None:
                return self._apart(running, "unkeyed", served)
            choices, failures = ask_variants(experiment, labels, plain, ask, None)
            propensity = served.propensity
            weights = shadow_weights(core, experiment.variants, choices, served)
            if experiment.baseline not in choices:  # there is nothing to compare with
                weights = {}
            variant = experiment.control
        else:
            variant = experiment.control if allocated is None else allocated
            choices, failures = ask_variants(experiment, labels, plain, ask, variant)
            served = choices[variant]
            if allocated is None:
                return self._apart(running, "unkeyed", served, failures)
            propensity, weights = share_weights(running.known_parts(), choices, served)
        with self._locked():
            running.fail(failures)
            running.allocate(variant, allocated if phase == "shadow" else None, served.arm)
        self._tell_allocation(experiment_id, variant)
        self._tell_failures(experiment_id, failures)
        return Trial(
            served.arm,
            experiment_id,
            "counted",
            variant,
            allocated,
            phase,
            served.decision,
            propensity,
            {name: choice.arm for name, choice in choices.items()},
            weights,
            plain,
        )

    def record(self, experiment_id: str, variant: str | None, reward: float, *, now: Moment | None = None) -> None:
        """Record what a variant earned.

        Parameters
        ----------
        experiment_id : str
            Which experiment. A reward for one that does not run is counted as ignored: under its id, or under
            ``other`` after the hundredth, and where no experiment could have it.
        variant : str or None
            What :meth:`assign` gave; None, outside the experiment, is counted as ignored.
        reward : float
            Finite, within 1e70, and within the bounds of the experiment's tests.
        now : int, float or datetime, optional
            When; the clock is read without it.

        Raises
        ------
        ConfigurationError
            If the experiment has no such variant, or an argument is not as described. Nothing is counted then.
        """
        value, time = check_number(reward), nanoseconds(now)
        running = self._found(experiment_id)
        reason: Reason | None = self._absence(running) or ("outside" if variant is None else None)
        self._record(experiment_id, running, reason, variant, value, time, None)

    def record_trial(self, trial: Trial, reward: float, *, now: Moment | None = None) -> None:
        """Record what a request earned: for the variant that served it, and for those that would have.

        Policies among the variants learn: in the shadow each of them from what the core served, in action the one
        that served. The core learns where it is at home, not here.

        The trial is checked first; then the reward is counted, and then policies learn, each of them whatever the
        others do. One that refuses is counted in the variant's `errors`.

        Parameters
        ----------
        trial : Trial
            What :meth:`decide` gave; its reward may come late.
        reward, now
            As for :meth:`record`.

        Raises
        ------
        ConfigurationError
            If an argument is not as described, or the trial is not of this experiment; nothing is counted then, and
            nobody learns. Or if a policy refuses: then the reward is counted and the other policies have learnt, as
            the message says; recorded again, it would be counted twice.
        """
        if not isinstance(trial, Trial) or trial.reason not in get_args(Reason):
            msg = f"trial is {shown(trial)}; expected what decide gave"
            raise ConfigurationError(msg)
        value, time = check_number(reward), nanoseconds(now)
        running = self._found(trial.experiment_id)
        reason = self._absence(running) or (None if trial.reason == "counted" else trial.reason)
        self._record(trial.experiment_id, running, reason, trial.variant, value, time, trial)
        if running is not None and reason is None:
            self._teach(running, trial, value, now)

    def _teach(self, running: Running, trial: Trial, reward: float, now: Moment | None) -> None:
        """Let policies learn from a reward that is counted."""
        failures: dict[str, str] = {}
        first: Exception | None = None
        for name, policy in _learners(running.experiment, trial).items():
            try:
                policy.update(trial.arm, reward, trial.context, now)
            except Exception as error:  # noqa: BLE001 - the others learn all the same, and it is raised below
                failures[name] = told(error)
                first = first or error
        if first is None:
            return
        with self._locked():
            running.fail(failures)
        self._tell_failures(trial.experiment_id, failures)
        refused = "; ".join(f"the policy of {name!r} refused it: {why}" for name, why in failures.items())
        msg = f"the reward is counted, and every other policy has learnt from it; {refused}; do not record it again"
        raise ConfigurationError(msg) from first

    def _absence(self, running: Running | None) -> Reason | None:
        """Why an experiment takes no requests and no rewards; None where it does."""
        if running is None:
            return "unknown"
        if not self._flags.enabled(FLAG):
            return "disabled"
        return "stopped" if running.ledger.phase == "stopped" else None

    def _apart(
        self, running: Running, reason: Reason, choice: Choice, failures: Mapping[str, str] | None = None
    ) -> Trial:
        with self._locked():
            running.request(reason)
            running.fail(failures or {})
        self._tell_failures(running.experiment.id, failures or ())
        control = running.experiment.control if reason == "unkeyed" else None
        return outside(running.experiment.id, reason, choice, control)

    def _record(  # what record and record_trial have in common
        self,
        experiment_id: str,
        running: Running | None,
        reason: Reason | None,
        variant: str | None,
        reward: float,
        time: int,
        trial: Trial | None,
    ) -> None:
        regret, event = 0.0, None
        with self._locked():
            if running is None:
                # What comes in here may be anybody's: it is counted, and neither kept nor exported without bounds.
                full = experiment_id not in self._unknown and len(self._unknown) >= _MOST_UNKNOWN
                if full or NAME.fullmatch(experiment_id) is None:
                    experiment_id = _OTHER
                self._unknown[experiment_id] = self._unknown.get(experiment_id, 0) + 1
            elif reason is not None:
                running.ignore(reason)
            else:
                name = running.require(variant)
                running.require_within(reward)
                if trial is not None:
                    running.require_own(trial)
                regret, event = running.record(name, reward, time, trial)
                if event is not None:
                    self._tell_phase(running)
        if self._metrics is None:
            return
        if reason is not None:
            self._metrics.ignored(self._tenant, self._workspace, experiment_id, reason)
        elif variant is not None:
            self._metrics.rewarded(self._tenant, self._workspace, experiment_id, variant, reward, regret)

    def _tell_failures(self, experiment_id: str, failures: Iterable[str]) -> None:
        if isinstance(self._metrics, _HearsFailures):
            for name in failures:
                self._metrics.failed(self._tenant, self._workspace, experiment_id, name)

    def _tell_allocation(self, experiment_id: str, variant: str) -> None:
        if self._metrics is not None:
            self._metrics.allocated(self._tenant, self._workspace, experiment_id, variant)


def _of_domain(domain: object) -> str:
    """The id of the experiment of a domain."""
    if not isinstance(domain, str):
        msg = f"domain is {shown(domain)}; expected text"
        raise ConfigurationError(msg)
    return f"policy::{domain}"


@runtime_checkable
class _HearsFailures(Protocol):
    """Metrics that are told of policies that raise, too."""

    def failed(self, tenant: str, workspace: str, experiment_id: str, variant: str) -> None: ...


def _learners(experiment: Experiment, trial: Trial) -> dict[str, Policy]:
    """The policies that learn from a trial, each once, by a variant that it stands for."""
    names = experiment.variants if trial.phase == "shadow" else (trial.variant,)
    learners: dict[int, tuple[str, Policy]] = {}
    for name in names:
        output = None if name is None else experiment.variants[name]
        if name is not None and isinstance(output, Policy):
            learners.setdefault(id(output), (name, output))
    return dict(learners.values())
