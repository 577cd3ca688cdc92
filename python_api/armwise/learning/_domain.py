"""One domain of an engine: how a request is decided, and what its reward changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast

from armwise._labels import check_labels
from armwise.clock import nanoseconds
from armwise.errors import ArmwiseError, ConfigurationError
from armwise.experiments.identity import features
from armwise.experiments.statistics import check_number
from armwise.experiments.trial import Trial
from armwise.learning._acceptance import expect_acceptable
from armwise.learning._experiment import decision_of, expect_within, handle_of, in_experiment, is_taught
from armwise.learning._services import Way
from armwise.learning._standing import BY_EVIDENCE, LOG, Standing
from armwise.learning._statistics import LARGEST
from armwise.protocols import ContextLike, JoinedReward, Pending
from armwise.types import Decision, Label

__all__ = ["Domain", "RewardStatus"]

RewardStatus: TypeAlias = Literal["applied", "duplicate", "late", "unknown"]
"""What became of a reward: learnt from, or told apart as a second one, one too late, or one of no known decision."""

_PI: Final = "policy_propensity"
_STANDING: Final = 0
"""A moment long past: asked as of it, a policy that decays leaves its clock where it stands."""


class Domain(Standing):
    """A domain that decides and learns."""

    def ask(self, candidates: Sequence[Label], context: ContextLike | None) -> tuple[Label, str | None]:
        """Serve one turn of the learning loop: the arm, and a decision's id where somebody has a use for it.

        An experiment, a tracer and the evidence of the shadow have; by itself a policy learns without.
        """
        way = self._way
        if way.manager is None and self._services.tracer is None and not self._collects(way):
            return self._services.serving[self.name](candidates, context), None
        decision = self.decide(candidates, context)
        return decision.arm, decision.decision_id

    def decide(self, candidates: Sequence[Label], context: ContextLike | None) -> Decision:
        """Serve a request, and expect its reward."""
        way, services, now = self._way, self._services, nanoseconds()
        trial = propensity = None
        if way.manager is not None:
            trial = way.manager.decide(self.name, context, candidates, self._core(way, candidates, context))
            decision = decision_of(trial, candidates, way.learner.policy_version, services.identities)
        elif way.acts:
            decision = way.learner.decide(candidates, features(context) if way.contextual else None)
        else:
            decision = self._ruled(way, candidates, context)
            propensity = self._shadowed(way, candidates, context, decision.index)
        # Whose request it was is nothing to keep, and neither is what nobody will learn with.
        kept = features(context) if way.contextual else None
        decision = self._expected(decision, kept, trial, propensity, now)
        if trial is not None and trial.reason == "counted":
            with self._gate:
                self._open.keep(decision.decision_id, trial)
        if services.tracer is not None:
            services.tracer.decided(
                self.name, decision, candidates=candidates, context=context, phase=way.phase, time_ns=now
            )
        return decision

    def record(
        self, context: ContextLike | None, action: object, reward: object, decision_id: str | None
    ) -> RewardStatus:
        """Take a reward: everything is checked, then joined, counted and learnt, as one step."""
        value = reward if type(reward) is float and -LARGEST <= reward <= LARGEST else check_number(reward)
        status: RewardStatus = "applied"
        told: Trial | tuple[str, str] | None = None
        with self._gate:
            way = self._way
            arm = self._statistics.admit(action)
            if decision_id is None and way.manager is None:
                if way.learns:
                    way.learner.update(arm, value, features(context) if way.contextual else None)
                self._statistics.add(arm, value)
            else:
                status, told = self._join(way, context, arm, value, decision_id)
        if way.manager is not None:
            if isinstance(told, Trial):
                way.manager.record_trial(told, value)
            elif told is not None:
                way.manager.record(*told, value)
        tracer = self._services.tracer
        if tracer is not None:
            tracer.rewarded(self.name, decision_id, arm, value, status, time_ns=nanoseconds())
        return status

    def bakeoff(
        self, candidates: Sequence[Label], trial: Callable[[Label], float], context: ContextLike | None
    ) -> dict[Label, float]:
        """Try every candidate, learn from all of them, and weigh what the policy would have earned."""
        labels = check_labels(candidates, "candidates")
        way = self._way
        seen = features(context) if way.contextual else None
        default = labels.index(way.rule(labels, context))
        shares = way.learner.propensities(labels, seen, _STANDING).tolist() if self._collects(way) else None
        rewards = [check_number(trial(label), f"the reward of {label!r}") for label in labels]
        with self._gate:
            arms = [self._statistics.admit(label) for label in labels]
            if way.learns:
                contexts = None if seen is None else [seen] * len(arms)
                way.learner.update_many(arms, rewards, contexts)
            for arm, value in zip(arms, rewards, strict=True):
                self._statistics.add(arm, value)
            if shares is not None and self._evidence is not None and self._evidence.tried(rewards, shares, default):
                self._enter(acting=True, why=BY_EVIDENCE)
        return dict(zip(labels, rewards, strict=True))

    def catch_up(self, rewards: Iterable[JoinedReward]) -> None:
        """Learn from rewards that were joined and not saved, as of their time."""
        for joined in rewards:
            arm, extra = joined.pending.arm, joined.pending.extra
            with self._gate:
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

    def _shadowed(self, way: Way, candidates: Sequence[Label], context: ContextLike | None, index: int) -> float | None:
        """The probability with which the policy in the shadow would have served what was served."""
        if not self._collects(way):
            return None
        try:
            return float(
                way.learner.propensities(candidates, features(context) if way.contextual else None, _STANDING)[index]
            )
        except ArmwiseError as error:  # what stands by must not fail what is served; status tells of it
            with self._gate:
                self._refuse(error)
            return None

    def _expected(
        self, decision: Decision, context: ContextLike | None, trial: Trial | None, propensity: float | None, now: int
    ) -> Decision:
        """Expect the reward of a decision; one whose id is taken, after a rollback, gets another."""
        services = self._services
        known = {} if trial is None else trial.metadata

        def expect(decision_id: str) -> None:
            services.delayed.expect(
                self.name,
                decision_id,
                decision.arm,
                context,
                now=now,
                experiment=known.get("experiment"),
                variant=known.get("variant"),
                propensity=decision.propensity,
                extra=None if propensity is None else {_PI: propensity},
            )

        try:
            expect(decision.decision_id)
        except ConfigurationError:
            decision = decision._replace(decision_id=services.identities.take())
            expect(decision.decision_id)
        return decision

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
        propensity = None if extra is None else extra.get(_PI)
        evidence = self._evidence if self._collects(way) else None
        if evidence is not None and isinstance(propensity, float) and evidence.served(reward, propensity):
            self._enter(acting=True, why=BY_EVIDENCE)


def _remembered(pending: Pending) -> ContextLike | None:
    """The context of a decision, as it was given: numbers in a list, or features by name."""
    return cast("ContextLike | None", pending.context)
