"""An experiment in front of a domain: its trials, and who learns from their rewards."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.experiments import Experiment, ExperimentManager, Trial
from armwise.experiments.identity import identify
from armwise.learning._identities import Identities
from armwise.protocols import ContextLike, Pending, Policy
from armwise.types import Decision, Label, PropensityKind

__all__ = ["decision_of", "expect_within", "handle_of", "in_experiment", "is_taught"]


def decision_of(trial: Trial, candidates: Sequence[Label], version: int, identities: Identities) -> Decision:
    """The decision of a trial.

    What the core decided keeps its id, by which its draw is found again. A variant's policy counts on a stream that the
    core may count on too, so that what it decided gets an id of its own. The propensity is the trial's: in action it
    is the share of the traffic that would have been served this arm.
    """
    decided, core_served = trial.decision, trial.phase != "active" or trial.variant in trial.of_core
    if decided is not None and core_served:
        if trial.phase != "active":
            return decided
        return decided._replace(propensity=trial.propensity, propensity_kind=_kind(trial))
    index = list(candidates).index(trial.arm)
    return Decision(trial.arm, index, identities.take(), version, trial.propensity, _kind(trial))


def handle_of(context: ContextLike | None, arm: Label) -> Hashable:
    """What the reward of a request without a decision id is recorded under: whom it is of, and what served."""
    try:
        return identify(context), arm
    except ConfigurationError:  # an experiment with a key of its own may do without these fields
        return None, arm


def expect_within(manager: ExperimentManager, trial: Trial, reward: float) -> None:
    """Refuse a reward that the experiment of a trial would refuse.

    Raises
    ------
    ConfigurationError
        If it is outside the bounds that the experiment's tests rest on.
    """
    experiment = _experiment(manager, trial)
    bounds = None if experiment is None else experiment.bounds
    if bounds is not None and not bounds[0] <= reward <= bounds[1]:
        msg = (
            f"reward is {shown(reward)}; the tests of experiment {trial.experiment_id!r} take rewards in "
            f"[{bounds[0]:g}, {bounds[1]:g}]; scale it, or give the tests other bounds; nothing was counted"
        )
        raise ConfigurationError(msg)


def is_taught(manager: ExperimentManager, trial: Trial, policy: Policy) -> bool:
    """Whether the manager teaches a policy the reward of a trial, as that of a variant: nobody else must then."""
    experiment = _experiment(manager, trial)
    return experiment is not None and any(
        output is policy and name not in trial.of_core and (trial.phase == "shadow" or name == trial.variant)
        for name, output in experiment.variants.items()
    )


def in_experiment(pending: Pending) -> tuple[str, str] | None:
    """The experiment and the variant of a decision whose trial a restart has forgotten; None outside of one."""
    if pending.experiment is None or pending.variant is None:
        return None
    return pending.experiment, pending.variant


def _experiment(manager: ExperimentManager, trial: Trial) -> Experiment | None:
    return next((one for one in manager.experiments if one.id == trial.experiment_id), None)


def _kind(trial: Trial) -> PropensityKind:
    return "none" if trial.propensity is None else "exact"
