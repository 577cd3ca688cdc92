"""One experiment in service: its ledger, its table, and what requests and rewards change of them.

Not safe to call from several threads: the manager holds its lock around each call.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from armwise._labels import check_label
from armwise._words import shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError
from armwise.experiments._phase_tests import PhaseTests
from armwise.experiments.allocation import Key, StickyAllocator
from armwise.experiments.events import Event, EventKind
from armwise.experiments.experiment import PHASES, Experiment, table_of
from armwise.experiments.identity import candidate_key, identify
from armwise.experiments.ledger import Ledger, mixture_of
from armwise.experiments.statistics import LARGEST
from armwise.experiments.trial import Choice, Ignored, Reason, Trial
from armwise.protocols import ContextLike
from armwise.types import Label, State

__all__ = ["Running", "outside"]


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

    __slots__ = ("_mixture", "_tests", "arms", "errors", "experiment", "ledger", "parts", "split")

    def __init__(self, experiment: Experiment, ledger: Ledger, salt: str) -> None:
        self.experiment = experiment
        self.ledger = ledger
        self.split = experiment.split(salt)
        table = table_of(self.split)
        self._mixture = mixture_of(table)
        ledger.divide(table)
        self._enter_phase()
        if ledger.phase == "active":
            ledger.act(self._mixture)
        shares = table.shares
        common = math.lcm(*(share.denominator for share in shares.values()))
        self.parts = {name: int(shares[name] * common) if name in shares else 0 for name in experiment.variants}
        outputs = experiment.variants.values()
        self.arms = frozenset(output for output in outputs if isinstance(output, (str, int, float)))
        self._tests = PhaseTests(experiment, ledger)
        self.errors: dict[str, str] = {}

    def key(self, context: ContextLike | None, candidates: Sequence[Label] | None) -> Key | None:
        """The key of a request; None where its context names nobody."""
        chosen = self.experiment.key_fn
        key = identify(context) if chosen is None else chosen(context)
        if key is None or candidates is None or not self.experiment.by_candidates:
            return key
        return candidate_key(key, candidates)

    def allocated(self, key: Key) -> str | None:
        """The variant of a key; None where it is outside."""
        variant = self.split.allocate(key)
        # Whoever is kept where the table would not have put them was put there by another one.
        if isinstance(self.split, StickyAllocator) and variant != self.split.allocator.allocate(key):
            self.ledger.reshared = True
        return variant

    def known_parts(self) -> dict[str, int]:
        """The shares by which users have their variants; none where a sticky store keeps some by an earlier table."""
        earlier = self.ledger.reshared or self.ledger.resplit or table_of(self.split).version > 1
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
        outputs, weights, of_core = trial.outputs, trial.weights, trial.of_core
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
        elif not isinstance(of_core, tuple) or not all(isinstance(name, str) and name in names for name in of_core):
            expected = "a tuple of variants that are the core"
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

    def ignore(self, reason: Ignored) -> None:
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
        if shadow is None:
            self._act()
        else:
            own.variants[shadow].shadow_pulls += 1
        if arm is not None:
            own.select(arm)
        own.changes += 1

    def record(self, variant: str, reward: float, time: int, trial: Trial | None) -> tuple[float, Event | None]:
        """Take a reward; return the regret that it adds, and what it led to."""
        ledger, own = self.ledger, self.ledger.own
        phase = ledger.phase if trial is None or trial.phase is None else trial.phase
        if phase == "active":
            self._act()
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
        event = self._tests.due(variant, time)
        if event is not None:
            ledger.happen(event)
        return regret, event

    def _act(self) -> None:
        """Note the shares by which users are served now, unless that is done."""
        ledger = self.ledger
        if ledger.mixture is not self._mixture and not ledger.resplit:
            ledger.act(self._mixture)

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


def outside(experiment_id: str, reason: Reason, choice: Choice, variant: str | None = None) -> Trial:
    """The trial of a request that takes no part."""
    return Trial(choice.arm, experiment_id, reason, variant, decision=choice.decision, propensity=choice.propensity)
