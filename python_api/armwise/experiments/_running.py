"""One experiment in service: its ledger, its table, and the tests that move it from phase to phase.

Not safe to call from several threads: the manager holds its lock around each call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from armwise._labels import check_label
from armwise._words import shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError
from armwise.experiments.allocation import Key, StickyAllocator
from armwise.experiments.events import Event, EventKind
from armwise.experiments.experiment import PHASES, Experiment, table_of
from armwise.experiments.identity import candidate_key, identify
from armwise.experiments.ledger import Ledger
from armwise.experiments.sequential_test import Evidence, Finding, SequentialTest
from armwise.experiments.statistics import LARGEST
from armwise.experiments.trial import Choice, Reason, Trial
from armwise.protocols import ContextLike
from armwise.types import Label, State

__all__ = ["Running", "outside"]

# A look costs as much as fifty rewards: one for each fiftieth more of them finds what looking at every one would
# find, within a fiftieth of the time.
_LOOKS: Final = 50


class Running:
    """An experiment and what is known of it.

    Parameters
    ----------
    experiment : Experiment
        What is served.
    ledger : Ledger
        What is known; of the same set-up.
    salt : str
        Of the tenant and the workspace.
    """

    __slots__ = ("_looked", "arms", "errors", "experiment", "ledger", "parts", "split")

    def __init__(self, experiment: Experiment, ledger: Ledger, salt: str) -> None:
        self.experiment = experiment
        self.ledger = ledger
        self._enter_phase()
        self.split = experiment.split(salt)
        table = table_of(self.split)
        ledger.divide(table)
        shares = table.shares
        common = math.lcm(*(share.denominator for share in shares.values()))
        self.parts = {name: int(shares[name] * common) if name in shares else 0 for name in experiment.variants}
        outputs = experiment.variants.values()
        self.arms = frozenset(output for output in outputs if isinstance(output, (str, int, float)))
        self._looked: dict[str, int] = {}
        self.errors: dict[str, str] = {}

    def key(self, context: ContextLike | None, candidates: Sequence[Label] | None) -> Key | None:
        """The key of a request; None where its context names nobody."""
        chosen = self.experiment.key_fn
        key = identify(context) if chosen is None else chosen(context)
        if key is None or candidates is None or not self.experiment.by_candidates:
            return key
        return candidate_key(key, candidates)

    def known_parts(self) -> dict[str, int]:
        """The shares by which users have their variants; none where a sticky store keeps some by an earlier table."""
        earlier = self.ledger.resplit or table_of(self.split).version > 1
        return dict.fromkeys(self.parts, 0) if earlier and isinstance(self.split, StickyAllocator) else self.parts

    def acting(self) -> dict[str, bool]:
        """Which variants' output is served now."""
        if self.ledger.phase == "active":
            return {name: part > 0 for name, part in self.parts.items()}
        return {name: name == self.experiment.control for name in self.parts}

    def require(self, variant: object) -> str:
        """Return the name of a variant, or refuse it.

        Raises
        ------
        ConfigurationError
            If the experiment has none of this name.
        """
        if isinstance(variant, str) and variant in self.parts:
            return variant
        names = ", ".join(map(repr, self.parts))
        msg = f"experiment {self.experiment.id!r} has no variant {shown(variant)}; it has {names}"
        raise ConfigurationError(msg)

    def require_within(self, reward: float) -> None:
        """Refuse a reward that is outside the bounds that a test rests on.

        Raises
        ------
        ConfigurationError
            If it is.
        """
        bounds = self.experiment.bounds
        if bounds is not None and not bounds[0] <= reward <= bounds[1]:
            msg = (
                f"reward is {reward!r}; the tests of experiment {self.experiment.id!r} take rewards in "
                f"[{bounds[0]:g}, {bounds[1]:g}]; scale it, or give the tests other bounds or another kind"
            )
            raise ConfigurationError(msg)

    def require_own(self, trial: Trial) -> None:
        """Refuse a trial that this experiment did not give, before anything of it is counted.

        Raises
        ------
        ConfigurationError
            If it is of other variants, or its figures are none.
        """
        names = self.parts.keys()
        self.require(trial.variant)
        outputs, weights = trial.outputs, trial.weights
        if not isinstance(outputs, Mapping) or not outputs.keys() <= names or trial.phase not in PHASES[:2]:
            expected = f"one of experiment {self.experiment.id!r}, which has {', '.join(map(repr, names))}"
        elif not isinstance(weights, Mapping) or (
            weights
            and (
                weights.keys() != outputs.keys()
                or self.experiment.baseline not in weights
                or not all(isinstance(weight, float) and 0.0 <= weight <= LARGEST for weight in weights.values())
            )
        ):
            expected = "a float of at least 0 for each of its outputs, the baseline's among them, or none"
        else:
            for arm in (trial.arm, *outputs.values()):
                check_label(arm, "an arm of the trial")
            return
        msg = f"the trial is {shown(trial, 200)}; expected {expected}; nothing was counted"
        raise ConfigurationError(msg)

    def fail(self, failures: Mapping[str, str]) -> None:
        """Count variants whose policies raised where something else served, and keep what each last raised."""
        own = self.ledger.own
        for name, why in failures.items():
            own.variants[name].errors += 1
            own.changes += 1
            self.errors[name] = why

    def ignore(self, reason: Reason) -> None:
        """Count a reward that is not recorded."""
        own = self.ledger.own
        own.ignored[reason] = own.ignored.get(reason, 0) + 1
        own.changes += 1

    def request(self, reason: str) -> None:
        """Count a request that takes no part."""
        own = self.ledger.own
        own.requests[reason] = own.requests.get(reason, 0) + 1
        own.changes += 1

    def allocate(self, variant: str, shadow: str | None, arm: Label | None) -> None:
        """Count a variant that is handed out, the one that would have been in the shadow, and the arm served."""
        own = self.ledger.own
        own.variants[variant].allocations += 1
        if shadow is not None:
            own.variants[shadow].shadow_pulls += 1
        if arm is not None:
            own.select(arm)
        own.changes += 1

    def record(self, variant: str, reward: float, time: int, trial: Trial | None) -> tuple[float, Event | None]:
        """Take a reward; return the regret that it adds, and what it led to."""
        ledger, own = self.ledger, self.ledger.own
        phase = ledger.phase if trial is None or trial.phase is None else trial.phase
        regret = 0.0
        if variant != self.experiment.baseline:
            mean = ledger.mean(self.experiment.baseline)
            regret = 0.0 if mean is None else max(0.0, mean - reward)
        own.variants[variant].record(
            reward, regret=regret, active=phase == "active", time=time, bounds=self.experiment.bounds
        )
        if trial is not None:
            self._replay(trial, reward, active=phase == "active")
        own.changes += 1
        event = self._progress(variant, time)
        if event is not None:
            ledger.happen(event)
        return regret, event

    def _replay(self, trial: Trial, reward: float, *, active: bool) -> None:
        """Let every variant learn what it would have earned, from arms' means as they were before."""
        own, expected = self.ledger.own, self.ledger.expected
        if trial.weights:
            served = expected(trial.arm)
            means = {arm: expected(arm) for arm in set(trial.outputs.values())}
            baseline = self.experiment.baseline
            replays = {
                name: seen.active_replay if active else seen.shadow_replay for name, seen in own.variants.items()
            }
            score = replays[baseline].score(trial.weights[baseline], reward, means[trial.outputs[baseline]], served)
            for name, weight in trial.weights.items():
                replays[name].add(
                    weight=weight,
                    reward=reward,
                    expected=means[trial.outputs[name]],
                    served=served,
                    baseline=score,
                )
        else:
            own.requests["unweighted"] = own.requests.get("unweighted", 0) + 1
        counted = own.arms.get(trial.arm)
        if counted is not None:
            counted.rewards.add(reward)

    def _enter_phase(self) -> None:
        """Go on to the phase that the experiment is given; never back."""
        ledger, phase = self.ledger, self.experiment.phase
        if PHASES.index(phase) <= PHASES.index(ledger.phase):
            return
        if ledger.parts():
            kind: EventKind = "activated" if phase == "active" else "stopped"
            ledger.happen(Event(nanoseconds(), kind, "by its configuration"))
        ledger.phase = phase

    def _progress(self, variant: str, time: int) -> Event | None:
        """Activate or stop, where it is due."""
        experiment, ledger = self.experiment, self.ledger
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
        if not self._looks("guard", pulls):
            return None
        ledger, baseline = self.ledger, self.experiment.baseline
        seen = ledger.totals().variants
        replays = {name: one.shadow_replay.lift for name, one in seen.items() if name != baseline}
        if all(lift.n for lift in replays.values()):
            finding = guard.compare_replay(replays)
        else:
            finding = guard.compare(
                baseline, {name: Evidence(one.rewards, one.spread.value) for name, one in seen.items()}
            )
        if finding is None or finding.outcome == "better":
            shown = "nothing is shown to be worse" if finding is None else f"{finding.variant!r} is shown to be better"
            evidence: State = {"pulls": pulls} | ({} if finding is None else finding.evidence())
            return Event(time, "activated", f"{reached}; {shown}", automatic=True, evidence=evidence)
        if "withheld" in ledger.events:
            return None
        reason = f"{reached}, but {_shown(finding, baseline)}"
        return Event(time, "withheld", reason, automatic=True, evidence={"pulls": pulls} | finding.evidence())

    def _stopping(self, test: SequentialTest, time: int) -> Event | None:
        if self.ledger.resplit:
            if "withheld" in self.ledger.events:
                return None
            reason = (
                "the shares were changed in action: a trend over time looks like a difference between variants that "
                "had other shares then, so nothing stops the experiment by itself any more"
            )
            return Event(time, "withheld", reason, automatic=True)
        n = sum(self.ledger.own.variants[name].active.n for name in self.parts)
        if not self._looks("stopping", n):
            return None
        baseline = self.experiment.baseline
        seen = self.ledger.totals().variants
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

    def summary(self, *, enabled: bool) -> State:
        """The figures, for people."""
        experiment, ledger = self.experiment, self.ledger
        seen = ledger.totals()
        table = table_of(self.split)
        stopped = ledger.events.get("stopped")
        return {
            "phase": ledger.phase,
            "enabled": enabled,
            "description": experiment.description,
            "control": experiment.control,
            "baseline": experiment.baseline,
            "coverage": float(table.coverage),
            "auto_activate_after": experiment.auto_activate_after,
            "variants": {
                name: {"share": float(table.shares.get(name, 0))}
                | one.summary()
                | ({"last_error": self.errors[name]} if name in self.errors else {})
                for name, one in seen.variants.items()
            },
            "selections": [
                {"arm": arm, "selected": one.selected, "mean_reward": one.rewards.mean}
                for arm, one in seen.arms.items()
            ],
            "other_selections": seen.other_arms,
            "requests": dict(seen.requests),
            "ignored": dict(seen.ignored),
            "events": [event.state_dict() for event in sorted(ledger.events.values(), key=lambda one: one.time)],
            "verdict": None if stopped is None else stopped.state_dict(),
        }


def _shown(finding: Finding, baseline: str) -> str:
    least = finding.lower if finding.outcome == "better" else -finding.upper
    return f"{finding.variant!r} is shown to be {finding.outcome} than {baseline!r}, by {least:.6g} at least"


def outside(experiment_id: str, reason: Reason, choice: Choice, variant: str | None = None) -> Trial:
    """The trial of a request that takes no part."""
    return Trial(choice.arm, experiment_id, reason, variant, decision=choice.decision, propensity=choice.propensity)
