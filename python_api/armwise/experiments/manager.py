"""The experiments of a tenant's workspace: who gets which variant, what it earned, and when it acts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from armwise._labels import listed
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.experiments._recorder import ExperimentRecorder
from armwise.experiments._registry import FLAG
from armwise.experiments._running import Running, outside
from armwise.experiments.allocation import Key
from armwise.experiments.identity import features
from armwise.experiments.trial import (
    Choice,
    Core,
    Reason,
    Trial,
    ask_core,
    ask_variants,
    outputs_beside,
    shadow_weights,
    share_weights,
)
from armwise.protocols import ContextLike
from armwise.types import Label

__all__ = ["ExperimentManager"]


class ExperimentManager(ExperimentRecorder):
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
        Is told of each allocation, reward and change of phase, once that is counted. What it raises fails no request
        and no reward: it is a RuntimeWarning.
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
    >>> from armwise.experiments import Experiment
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
            Who asks; or the context of a request, whose user_id, session_id or request_id says it.

        Returns
        -------
        str or None
            A variant. Control while the experiment is in the shadow (the variant of the key is counted in its
            `shadow_pulls`) or stopped. None where the request is not in the experiment: serve what would be served
            without it, and record nothing, or None, for it. So it is while the harness is off, where nobody is named
            (counted as unkeyed), where the key is not covered, and where there is no such experiment. Rewards of such
            requests must not count for control: they are of other people, or of another time, than those of the
            other variants.

        Raises
        ------
        ConfigurationError
            If the key is a float or something else that names nobody for sure.
        """
        running = self._found(experiment_id)
        if running is None:
            return None
        experiment = running.experiment
        if not self._flags.enabled(FLAG):
            return None
        if isinstance(key, Mapping):
            key = running.key(key, None)
        if running.ledger.phase == "stopped":
            return None if key is None else experiment.control
        if key is None:
            with self._locked():
                running.request("unkeyed")
            return None
        allocated = running.allocated(key)  # type: ignore[arg-type]  # the allocator says what is no key
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
            shadow. A variant that is this very policy is served as one without an output of its own.

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
        allocated = None if key is None else running.allocated(key)
        if key is not None and allocated is None:
            return self._apart(running, "outside", ask_core(core, labels, plain))
        experiment, phase = running.experiment, running.ledger.phase
        outputs = outputs_beside(core, experiment.variants)
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
            choices, failures = ask_variants(outputs, labels, plain, ask, None)
            propensity = served.propensity
            weights = shadow_weights(core, outputs, choices, served)
            if experiment.baseline not in choices:  # there is nothing to compare with
                weights = {}
            variant = experiment.control
        else:
            variant = experiment.control if allocated is None else allocated
            choices, failures = ask_variants(outputs, labels, plain, ask, variant)
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
            tuple(name for name, output in outputs.items() if output is None),
        )

    def _apart(
        self, running: Running, reason: Reason, choice: Choice, failures: Mapping[str, str] | None = None
    ) -> Trial:
        with self._locked():
            running.request(reason)
            running.fail(failures or {})
        self._tell_failures(running.experiment.id, failures or ())
        control = running.experiment.control if reason == "unkeyed" else None
        return outside(running.experiment.id, reason, choice, control)

    def _tell_allocation(self, experiment_id: str, variant: str) -> None:
        if self._metrics is not None:
            self._tell(self._metrics.allocated, experiment_id, variant)


def _of_domain(domain: object) -> str:
    """The id of the experiment of a domain."""
    if not isinstance(domain, str):
        msg = f"domain is {shown(domain)}; expected text"
        raise ConfigurationError(msg)
    return f"policy::{domain}"
