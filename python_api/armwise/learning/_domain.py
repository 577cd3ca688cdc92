"""One domain of an engine: how a request is decided, and what its reward changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from armwise._labels import check_labels
from armwise.clock import nanoseconds
from armwise.errors import ArmwiseError, ConfigurationError, StoreError, UnknownArm
from armwise.experiments.identity import features
from armwise.experiments.statistics import check_number
from armwise.experiments.trial import Trial
from armwise.learning._acceptance import expect_acceptable
from armwise.learning._experiment import decision_of, expect_within, handle_of, in_experiment, is_taught
from armwise.learning._services import Way
from armwise.learning._standing import BY_EVIDENCE, LOG, Standing
from armwise.learning._statistics import LARGEST
from armwise.protocols import ContextLike, JoinedReward, Pending
from armwise.types import JSON, Decision, Label

__all__ = ["Domain", "RewardStatus"]

RewardStatus: TypeAlias = Literal["applied", "duplicate", "late", "unknown"]
"""What became of a reward: learnt from, or told apart as a second one, one too late, or one of no known decision."""

_PI: Final = "policy_propensity"
_OF: Final = "policy"
"""Whose propensity it is: evidence is that of the policy that earned it."""
_LONG_PAST: Final = 0
"""Asked as of then, a policy that decays leaves its clock where it stands."""
_EVERY: Final = 8
"""Of so many requests that the rule serves, one is evidence."""
_CHOICE: Final = 2
_CERTAIN: Final = 1.0 + 1e-9
_TRACER: Final = "the tracer raised"
_UNTRACED: Final = "what it was to be told goes on without it"


class Chosen(NamedTuple):
    """A decision whose reward is not expected yet."""

    decision: Decision
    trial: Trial | None
    foreseen: Mapping[str, JSON] | None
    way: Way
    candidates: Sequence[Label]
    context: ContextLike | None
    time: int


class Asked(NamedTuple):
    """What serves one turn of the learning loop; `chosen` where somebody else is to know of it."""

    arm: Label
    foreseen: Mapping[str, JSON] | None
    chosen: Chosen | None


class Domain(Standing):
    """A domain that decides and learns."""

    def ask(self, candidates: Sequence[Label], context: ContextLike | None) -> Asked:
        """Serve one turn of the learning loop, which :meth:`expect` goes on with.

        Its reward comes in the same turn: only where an experiment or a tracer is to know of it does it need an id.
        """
        way = self._way
        if way.manager is not None or self._services.tracer is not None:
            chosen = self._choose(candidates, context)
            return Asked(chosen.decision.arm, chosen.foreseen, chosen)
        if not self._heeds_served(way):
            try:
                return Asked(self._services.serving[self.name](candidates, context), None, None)
            except UnknownArm as error:
                return Asked(self.fall_back(candidates, context, error), None, None)
        arm = way.rule(candidates, context)
        return Asked(arm, self._foreseen(way, candidates, context, arm), None)

    def expect(self, asked: Asked) -> str | None:
        """Expect the reward of a turn, and return the decision's id; None where nobody has a use for one.

        There is none either where the store does not take it. The turn goes on: its reward is at hand when it comes.
        """
        chosen = asked.chosen
        if chosen is None:
            return None
        try:
            return self._expected(chosen).decision_id
        except StoreError as error:
            self._fail("the store takes no pending decision", error, "turns of the learning loop go on without")
            self._keep_trial(chosen.trial, handle_of(chosen.context, asked.arm))
            self._tell_decided(chosen, chosen.decision)
            return None

    def decide(self, candidates: Sequence[Label], context: ContextLike | None) -> Decision:
        """Serve a request, and expect its reward."""
        return self._expected(self._choose(candidates, context))

    def fall_back(self, candidates: Sequence[Label], context: ContextLike | None, error: UnknownArm) -> Label:
        """Serve by the rule a request with arms that the policy does not take."""
        arm = self._way.rule(check_labels(candidates, "candidates"), context)
        with self._gate.held():
            self._refuse(error)
        self._fail("the policy refused candidates", error, "the rule served them")
        return arm

    def _choose(self, candidates: Sequence[Label], context: ContextLike | None) -> Chosen:
        way, now = self._way, nanoseconds()
        trial = foreseen = None
        try:
            if way.manager is not None:
                trial = way.manager.decide(self.name, context, candidates, self._core(way, candidates, context))
                decision = decision_of(trial, candidates, way.learner.policy_version, self._services.identities)
            elif way.acts:
                decision = way.learner.decide(candidates, features(context) if way.contextual else None)
            else:
                decision = self._ruled(way, candidates, context)
                foreseen = self._foreseen(way, candidates, context, decision.arm)
        except UnknownArm as error:
            self.fall_back(candidates, context, error)
            decision = self._ruled(way, candidates, context)
        return Chosen(decision, trial, foreseen, way, candidates, context, now)

    def record(
        self,
        context: ContextLike | None,
        action: object,
        reward: object,
        decision_id: str | None,
        foreseen: Mapping[str, JSON] | None = None,
    ) -> RewardStatus:
        """Take a reward: everything is checked, then joined, counted and learnt, as one step.

        `foreseen` is what is known of a turn that has no id, as :meth:`ask` gave it.
        """
        value = reward if type(reward) is float and -LARGEST <= reward <= LARGEST else check_number(reward)
        way, arm, status, told = self._gate.run(self._take, context, action, value, decision_id, foreseen)
        if way.manager is not None:
            if isinstance(told, Trial):
                way.manager.record_trial(told, value)
            elif told is not None:
                way.manager.record(*told, value)
        tracer = self._services.tracer
        if tracer is not None:
            try:
                tracer.rewarded(self.name, decision_id, arm, value, status, time_ns=nanoseconds())
            except Exception as error:  # noqa: BLE001 - the reward is applied; it is counted
                self._fail(_TRACER, error, _UNTRACED)
        return status

    def _take(
        self,
        context: ContextLike | None,
        action: object,
        reward: float,
        decision_id: str | None,
        foreseen: Mapping[str, JSON] | None,
    ) -> tuple[Way, Label, RewardStatus, Trial | tuple[str, str] | None]:
        """Join, count and learn a reward, inside the gate; what an experiment is to be told comes back."""
        way = self._way
        arm = self._statistics.admit(action)
        if decision_id is not None or way.manager is not None:
            return way, arm, *self._join(way, context, arm, reward, decision_id)
        if way.learns:
            way.learner.update(arm, reward, features(context) if way.contextual else None)
        if foreseen is not None:
            self._weigh(way, foreseen, reward)
        self._statistics.add(arm, reward)
        return way, arm, "applied", None

    def bakeoff(
        self, candidates: Sequence[Label], trial: Callable[[Label], float], context: ContextLike | None
    ) -> dict[Label, float]:
        """Try every candidate, learn from all of them, and weigh what the policy would have earned."""
        labels = check_labels(candidates, "candidates")
        way = self._way
        seen = features(context) if way.contextual else None
        default = labels.index(way.rule(labels, context))
        weighed = len(labels) >= _CHOICE and self._collects(way)
        shares = way.learner.propensities(labels, seen, _LONG_PAST).tolist() if weighed else None
        rewards = [check_number(trial(label), f"the reward of {label!r}") for label in labels]
        with self._gate.held():
            arms = [self._statistics.admit(label) for label in labels]
            if way.learns:
                contexts = None if seen is None else [seen] * len(arms)
                way.learner.update_many(arms, rewards, contexts)
            for arm, value in zip(arms, rewards, strict=True):
                self._statistics.add(arm, value)
            # While the arms were tried, another policy may have come, or a hand.
            evidence = self._evidence if self._collects(self._way) and self._way.learner is way.learner else None
            if shares is not None and evidence is not None and evidence.tried(rewards, shares, default):
                self._enter(acting=True, why=BY_EVIDENCE)
        return dict(zip(labels, rewards, strict=True))

    def catch_up(self, rewards: Iterable[JoinedReward]) -> None:
        """Learn from rewards that were joined and not saved, as of their time."""
        for joined in rewards:
            arm, extra = joined.pending.arm, joined.pending.extra
            with self._gate.held():
                way = self._way
                try:
                    label = self._statistics.admit(arm)
                    if way.learns and not self.keeps_itself:
                        way.learner.update(
                            label, joined.reward, _remembered(joined.pending) if way.contextual else None, joined.time
                        )
                except ArmwiseError as error:  # the arms may be others now: a start must not fail of that
                    self._refuse(error)
                    LOG.warning("domain %r cannot take a reward of before its start: %s", self.name, error)
                else:
                    self._weigh(way, extra, joined.reward)
                    self._statistics.add(label, joined.reward)
                self.applied = joined.sequence

    def _collects(self, way: Way) -> bool:
        return way.learns and not way.acts and self._evidence is not None

    def _heeds_served(self, way: Way) -> bool:
        evidence = self._evidence
        return evidence is not None and evidence.heeds_served and self._collects(way)

    def _foreseen(
        self, way: Way, candidates: Sequence[Label], context: ContextLike | None, arm: Label
    ) -> Mapping[str, JSON] | None:
        """What the policy in the shadow would have done with a request: kept until its reward comes, as evidence.

        One candidate leaves no choice. Of other requests a counter picks one in eight, whatever came of those before:
        the mean is then one of these, and the others need not ask the policy, which costs more than to serve them.
        """
        if not self._heeds_served(way) or len(candidates) < _CHOICE or next(self._requests) % _EVERY:
            return None
        try:
            seen = features(context) if way.contextual else None
            shares = way.learner.propensities(candidates, seen, _LONG_PAST)
            share = _propensity(shares[list(candidates).index(arm)])
        except Exception as error:  # noqa: BLE001 - what stands by must not fail what is served; it is counted
            with self._gate.held():
                self._refuse(error)
                if self._evidence is not None:
                    self._evidence.refused()
            self._fail("the policy in the shadow refused a request", error, "the rule served it")
            return None
        return {_PI: share, _OF: type(way.learner).__name__}

    def _expected(self, chosen: Chosen) -> Decision:
        """Expect the reward of a decision; one whose id is taken, after a rollback, gets another."""
        services, decision = self._services, chosen.decision
        known = {} if chosen.trial is None else chosen.trial.metadata
        # Whose request it was is nothing to keep, and neither is what nobody will learn with.
        kept = features(chosen.context) if chosen.way.contextual else None

        def expect(decision_id: str) -> None:
            services.delayed.expect(
                self.name,
                decision_id,
                decision.arm,
                kept,
                now=chosen.time,
                experiment=known.get("experiment"),
                variant=known.get("variant"),
                propensity=decision.propensity,
                extra=chosen.foreseen,
            )

        try:
            expect(decision.decision_id)
        except ConfigurationError:
            decision = decision._replace(decision_id=services.identities.take())
            expect(decision.decision_id)
        self._keep_trial(chosen.trial, decision.decision_id)
        self._tell_decided(chosen, decision)
        return decision

    def _keep_trial(self, trial: Trial | None, handle: Hashable) -> None:
        if trial is not None and trial.reason == "counted":
            with self._gate.held():
                self._open.keep(handle, trial)

    def _tell_decided(self, chosen: Chosen, decision: Decision) -> None:
        tracer = self._services.tracer
        if tracer is None:
            return
        try:
            tracer.decided(
                self.name,
                decision,
                candidates=chosen.candidates,
                context=chosen.context,
                phase=chosen.way.phase,
                time_ns=chosen.time,
            )
        except Exception as error:  # noqa: BLE001 - who looks on must not fail what is served; it is counted
            self._fail(_TRACER, error, _UNTRACED)

    def _join(
        self, way: Way, context: ContextLike | None, arm: Label, reward: float, decision_id: str | None
    ) -> tuple[RewardStatus, Trial | tuple[str, str] | None]:
        """Take a reward of a decision or of an experiment; what the experiment is told is returned with the status."""
        handle: Hashable = handle_of(context, arm) if decision_id is None else decision_id
        trial = self._open.peek(handle)
        if trial is not None and trial.arm != arm:  # something else was served: the experiment learns nothing from it
            trial = None
        told: Trial | tuple[str, str] | None = trial
        seen = features(context) if way.contextual else None
        remembered = way.contextual and context is None and decision_id is not None
        self._expect_acceptable(way, trial, arm, reward, seen, featured=not remembered)
        if decision_id is not None:
            joined = self._services.delayed.join(self.name, decision_id, reward)
            pending = joined.pending
            if joined.status != "applied" or pending is None:
                return joined.status, None
            self.applied = joined.sequence
            seen = _remembered(pending) if remembered else seen
            if pending.arm == arm:
                self._weigh(way, pending.extra, reward)
                told = trial or in_experiment(pending)
        self._open.take(handle)
        self._statistics.add(arm, reward)
        if way.learns and not self._is_taught(way, trial):
            try:
                way.learner.update(arm, reward, seen)
            except Exception as error:  # of a policy whose checks nobody here can ask beforehand
                error.add_note("the reward is joined and counted in the statistics; the policy has not learnt from it")
                raise
        return "applied", told

    def _expect_acceptable(
        self,
        way: Way,
        trial: Trial | None,
        arm: Label,
        reward: float,
        context: ContextLike | None,
        *,
        featured: bool,
    ) -> None:
        """Refuse a reward that the experiment or the policy would refuse, before it is joined."""
        if trial is not None and way.manager is not None:
            expect_within(way.manager, trial, reward)
        if way.learns:
            expect_acceptable(way.learner, arm, reward, context, featured=featured)

    def _is_taught(self, way: Way, trial: Trial | None) -> bool:
        return trial is not None and way.manager is not None and is_taught(way.manager, trial, way.learner)

    def _weigh(self, way: Way, extra: Mapping[str, object] | None, reward: float) -> None:
        evidence = self._evidence if self._collects(way) else None
        if extra is None or evidence is None or extra.get(_OF) != type(way.learner).__name__:
            return
        propensity = extra.get(_PI)
        if isinstance(propensity, float) and evidence.served(reward, propensity):
            self._enter(acting=True, why=BY_EVIDENCE)


def _propensity(share: float) -> float:
    """A probability as a float.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if not 0.0 <= share <= _CERTAIN:
        msg = f"the policy's propensity is {share!r}; expected a number in [0, 1]"
        raise ConfigurationError(msg)
    return float(share)


def _remembered(pending: Pending) -> ContextLike | None:
    """The context of a decision, as it was given: numbers in a list, or features by name."""
    return cast("ContextLike | None", pending.context)
