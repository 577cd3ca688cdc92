"""Whatever is done to an engine in whatever order, it agrees with a model that does the same by hand."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from armwise import ConfigurationError, ThompsonSampling
from armwise.learning import Flags, LearningEngine

ARMS = ["a", "b", "c"]
REWARDS = st.sampled_from([0.0, 0.25, 1.0])


class Served(RuleBasedStateMachine):
    """One domain; the model knows its flag, phase, counts and which decisions wait."""

    def __init__(self):
        super().__init__()
        self.engine = LearningEngine(flags=Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}))
        self.policy = ThompsonSampling(seed=1)
        self.engine.register_domain("route", self.policy, activation=None)
        self.on, self.active = True, False
        self.counts, self.learnt = {}, {}
        self.waiting, self.done, self.ids = {}, [], set()
        self.saved = None

    def count(self, arm, reward):
        n, total = self.counts.get(arm, (0, 0.0))
        self.counts[arm] = n + 1, total + reward
        if self.on:
            alpha, beta = self.learnt.get(arm, (1.0, 1.0))
            self.learnt[arm] = alpha + reward, beta + 1.0 - reward

    def check_served(self, arm, candidates):
        assert arm in candidates
        assert (self.on and self.active) or arm == candidates[0]

    @rule(on=st.booleans(), name=st.sampled_from(["ENABLE_RL_GLOBAL"]))
    def switch(self, on, name):
        self.engine.flags.set(name, on=on)
        self.on = on

    @rule(active=st.booleans())
    def enter(self, active):
        (self.engine.activate if active else self.engine.deactivate)("route")
        self.active = active

    @rule(candidates=st.permutations(ARMS), k=st.integers(1, 3))
    def recommend(self, candidates, k):
        self.check_served(self.engine.recommend("route", {}, candidates[:k]), candidates[:k])

    @rule(candidates=st.permutations(ARMS))
    def decide(self, candidates):
        decision = self.engine.decide("route", {}, candidates)
        self.check_served(decision.arm, candidates)
        assert candidates[decision.index] == decision.arm
        assert decision.decision_id not in self.ids
        self.ids.add(decision.decision_id)
        self.waiting[decision.decision_id] = decision.arm

    @rule(arm=st.sampled_from(ARMS), reward=REWARDS)
    def record(self, arm, reward):
        assert self.engine.record("route", {}, arm, reward) == "applied"
        self.count(arm, reward)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), reward=REWARDS)
    def reward(self, data, reward):
        decision_id = data.draw(st.sampled_from(sorted(self.waiting)))
        arm = self.waiting.pop(decision_id)
        assert self.engine.record("route", {}, arm, reward, decision_id=decision_id) == "applied"
        self.count(arm, reward)
        self.done.append(decision_id)

    @precondition(lambda self: self.done)
    @rule(data=st.data(), reward=REWARDS)
    def reward_again(self, data, reward):
        decision_id = data.draw(st.sampled_from(self.done))
        assert self.engine.record("route", {}, "a", reward, decision_id=decision_id) == "duplicate"

    @rule(arm=st.sampled_from(ARMS), reward=st.sampled_from([float("nan"), "1", None, 1e71, float("-inf")]))
    def refuse(self, arm, reward):
        decision_id = next(iter(self.waiting), None)
        for options in ({}, {"decision_id": decision_id}):
            try:
                self.engine.record("route", {}, arm, reward, **options)
            except ConfigurationError:
                continue
            raise AssertionError(reward)

    @rule()
    def save(self):
        self.saved = self.engine.snapshot(), self.engine.status()["route"], dict(self.counts), dict(self.learnt)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore(self):
        snapshot, status, counts, learnt = self.saved
        self.engine.restore(snapshot)
        now = self.engine.status()["route"]
        assert now | {"serving": None} == status | {"serving": None}
        self.counts, self.learnt, self.active = dict(counts), dict(learnt), status["phase"] == "active"

    @invariant()
    def agrees(self):
        arms = self.engine.status()["route"]["arms"]
        assert arms == {arm: {"q": total / n, "n": n} for arm, (n, total) in self.counts.items()}
        assert self.policy.posterior() == self.learnt
        assert self.engine.delayed.counts["pending"] == len(self.waiting)


TestServed = Served.TestCase
TestServed.settings = settings(stateful_step_count=40)
