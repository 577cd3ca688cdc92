"""What the requests of experiments earned: counted for variants, and taught to the policies among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol, get_args, runtime_checkable

from armwise._words import NAME, shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError
from armwise.experiments._registry import FLAG, ExperimentRegistry
from armwise.experiments._running import Running
from armwise.experiments.experiment import Experiment
from armwise.experiments.statistics import check_number
from armwise.experiments.trial import Ignored, Reason, Trial, told
from armwise.protocols import Policy
from armwise.types import Moment

__all__ = ["ExperimentRecorder"]

_MOST_UNKNOWN: Final = 100
_OTHER: Final = "other"


class ExperimentRecorder(ExperimentRegistry):
    """Experiments that take rewards, each of them once."""

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
        that served. The core learns where it is at home, not here, and so does a variant that is the core (`of_core`).

        The trial is checked first; then the reward is counted, and then policies learn, each of them whatever the
        others do. One that refuses is counted in the variant's `errors`.

        A trial counts once. Recorded again, by whichever thread or manager of this process, its reward is ignored and
        counted as ``repeated``, and nobody learns from it.

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
            the message says.

        Notes
        -----
        The trial itself knows that it is recorded. A copy that was pickled before, or that a fork has taken along, is
        another one: record each request in one process.
        """
        if not isinstance(trial, Trial) or trial.reason not in get_args(Reason):
            msg = f"trial is {shown(trial)}; expected what decide gave"
            raise ConfigurationError(msg)
        value, time = check_number(reward), nanoseconds(now)
        running = self._found(trial.experiment_id)
        reason = self._absence(running) or (None if trial.reason == "counted" else trial.reason)
        counted = self._record(trial.experiment_id, running, reason, trial.variant, value, time, trial)
        if running is not None and counted:
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
        msg = (
            f"the reward is counted, and every other policy has learnt from it; {refused}; recorded again, it would be "
            "ignored"
        )
        raise ConfigurationError(msg) from first

    def _absence(self, running: Running | None) -> Reason | None:
        """Why an experiment takes no requests and no rewards; None where it does."""
        if running is None:
            return "unknown"
        if not self._flags.enabled(FLAG):
            return "disabled"
        return "stopped" if running.ledger.phase == "stopped" else None

    def _record(
        self,
        experiment_id: str,
        running: Running | None,
        reason: Ignored | None,
        variant: str | None,
        reward: float,
        time: int,
        trial: Trial | None,
    ) -> bool:
        """Count a reward or ignore it; return whether it was counted."""
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
                if trial is None or trial.claim():
                    regret, event = running.record(name, reward, time, trial)
                else:
                    reason = "repeated"
                    running.ignore(reason)
                if event is not None:
                    self._tell_phase(running)
        if self._metrics is None:
            return reason is None
        if reason is not None:
            self._tell(self._metrics.ignored, experiment_id, reason)
        elif variant is not None:
            self._tell(self._metrics.rewarded, experiment_id, variant, reward, regret)
        return reason is None

    def _tell_failures(self, experiment_id: str, failures: Iterable[str]) -> None:
        if isinstance(self._metrics, _HearsFailures):
            for name in failures:
                self._tell(self._metrics.failed, experiment_id, name)


@runtime_checkable
class _HearsFailures(Protocol):
    """Metrics that are told of policies that raise, too."""

    def failed(self, tenant: str, workspace: str, experiment_id: str, variant: str) -> None: ...


def _learners(experiment: Experiment, trial: Trial) -> dict[str, Policy]:
    """The policies that learn from a trial, each once, by a variant that it stands for; not the core."""
    learners: dict[int, tuple[str, Policy]] = {}
    for name, output in experiment.variants.items():
        took_part = trial.phase == "shadow" or name == trial.variant
        if took_part and name not in trial.of_core and isinstance(output, Policy):
            learners.setdefault(id(output), (name, output))
    return dict(learners.values())
