"""The tests that move an experiment from phase to phase: when they look, and what follows from what they find."""

from __future__ import annotations

from typing import Final

from armwise.experiments._support import why_unknown
from armwise.experiments.events import Event
from armwise.experiments.experiment import Experiment
from armwise.experiments.ledger import Ledger
from armwise.experiments.sequential_test import Evidence, Finding, SequentialTest
from armwise.experiments.statistics import Statistics
from armwise.types import State

__all__ = ["PhaseTests"]

# A look costs as much as fifty rewards: one for each fiftieth more of them finds what looking at every one would
# find, within a fiftieth of the time.
_LOOKS: Final = 50


class PhaseTests:
    """Activates an experiment and stops it, where that is due.

    Parameters
    ----------
    experiment : Experiment
        Says which tests, and from how many pulls on.
    ledger : Ledger
        What is known of it.
    """

    __slots__ = ("_experiment", "_ledger", "_looked")

    def __init__(self, experiment: Experiment, ledger: Ledger) -> None:
        self._experiment = experiment
        self._ledger = ledger
        self._looked: dict[str, int] = {}

    def due(self, variant: str, time: int) -> Event | None:
        """What is due after a reward of a variant; None where nothing is.

        Parameters
        ----------
        variant : str
            Which one was recorded.
        time : int
            When, in nanoseconds since the epoch.
        """
        experiment, ledger = self._experiment, self._ledger
        if ledger.phase == "active":
            return None if experiment.stopping is None else self._stopping(experiment.stopping, time)
        after = experiment.auto_activate_after
        if ledger.phase == "stopped" or after is None or variant != experiment.control:
            return None
        pulls = ledger.rewards(experiment.control).n
        if pulls < after:
            return None
        reached = f"control has {pulls} pulls, {after} were asked for"
        if experiment.guard is None:
            return Event(time, "activated", f"{reached}; no guard is set", automatic=True, evidence={"pulls": pulls})
        return self._activation(experiment.guard, time, pulls, reached)

    def _activation(self, guard: SequentialTest, time: int, pulls: int, reached: str) -> Event | None:
        """Activate, unless the guard finds harm, or nothing can be known of a variant."""
        if not self._looks("guard", pulls):
            return None
        ledger, baseline = self._ledger, self._experiment.baseline
        seen = ledger.totals().variants
        if all(one.shadow_replay.n for name, one in seen.items() if name != baseline):
            why = {name: why_unknown(name, one.shadow_replay) for name, one in seen.items()}
            unknown = next((reason for reason in why.values() if reason is not None), None)
            # What is not known keeps its part of alpha: it may be known at the next look.
            finding = guard.compare_replay(
                {
                    name: Statistics() if why[name] or why[baseline] else one.shadow_replay.lift
                    for name, one in seen.items()
                    if name != baseline
                }
            )
        else:
            rewards = {name: Evidence(one.rewards, one.spread.value) for name, one in seen.items()}
            finding = guard.compare(baseline, rewards)
            alike = guard.unbounded(baseline, rewards)
            unknown = None if alike is None else _alike(alike, seen[alike].rewards)
        harm = finding is not None and finding.outcome == "worse"
        if unknown is not None and not harm:
            return self._withheld(time, pulls, f"{reached}, but {unknown}")
        if finding is None or finding.outcome == "better":
            shown = "nothing is shown to be worse" if finding is None else f"{finding.variant!r} is shown to be better"
            evidence: State = {"pulls": pulls} | ({} if finding is None else finding.evidence())
            return Event(time, "activated", f"{reached}; {shown}", automatic=True, evidence=evidence)
        return self._withheld(time, pulls, f"{reached}, but {_shown(finding, baseline)}", finding.evidence())

    def _withheld(self, time: int, pulls: int, reason: str, evidence: State | None = None) -> Event | None:
        """The event of an activation that is due and not done, the first time."""
        if "withheld" in self._ledger.events:
            return None
        return Event(time, "withheld", reason, automatic=True, evidence={"pulls": pulls} | (evidence or {}))

    def _stopping(self, test: SequentialTest, time: int) -> Event | None:
        """Stop, where the test finds a difference."""
        if self._ledger.resplit:
            if "resplit" in self._ledger.events:
                return None
            reason = (
                "the shares were changed in action: a trend over time looks like a difference between variants that "
                "had other shares then, so nothing stops the experiment by itself any more"
            )
            return Event(time, "withheld", reason, automatic=True)
        n = sum(one.active.n for one in self._ledger.own.variants.values())
        if not self._looks("stopping", n):
            return None
        baseline = self._experiment.baseline
        seen = self._ledger.totals().variants
        finding = test.compare(
            baseline, {name: Evidence(one.active, one.active_spread.value) for name, one in seen.items()}
        )
        if finding is None:
            return None
        return Event(time, "stopped", _shown(finding, baseline), automatic=True, evidence=finding.evidence())

    def _looks(self, test: str, n: int) -> bool:
        """Whether it is time for a test to look again."""
        if n < self._looked.get(test, 0):
            return False
        self._looked[test] = n + 1 + n // _LOOKS
        return True


def _alike(variant: str, rewards: Statistics) -> str:
    return (
        f"nothing is known of {variant!r} yet: its {rewards.n} rewards are all alike, {rewards.mean:.6g} each; see "
        'whether it works, or give the guard bounds: SequentialTest(kind="empirical_bernstein", bounds=...)'
    )


def _shown(finding: Finding, baseline: str) -> str:
    least = finding.lower if finding.outcome == "better" else -finding.upper
    return f"{finding.variant!r} is shown to be {finding.outcome} than {baseline!r}, by {least:.6g} at least"
