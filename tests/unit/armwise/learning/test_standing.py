"""Where a domain stands: its phase, who stands in for a linear policy, and what is kept with a decision."""

from __future__ import annotations

import pytest

from armwise import UCB1, ConfigurationError, EpsilonGreedy, LinTSDiag, ThompsonSampling, UnknownDomain
from armwise.learning import Flags, LearningEngine
from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
ARMS = ["small", "medium", "large"]


def engine_of(policy=None, *, active=False):
    engine = LearningEngine(flags=Flags(ON))
    engine.register_domain("route", policy)
    if active:
        engine.activate("route")
    return engine


class TestPhase:
    def test_it_is_the_phase_of_the_status(self):
        engine = engine_of()
        assert engine.phase("route") == engine.status()["route"]["phase"] == "shadow"
        engine.activate("route")
        assert engine.phase("route") == engine.status()["route"]["phase"] == "active"
        engine.flags.set("ENABLE_RL_GLOBAL", on=False)
        assert engine.phase("route") == "active", "flags are not phases"
        for name in ("unknown", None, []):
            with pytest.raises((UnknownDomain, ConfigurationError)):
                engine.phase(name)

    def test_asking_is_no_more_than_a_look(self):
        engine = engine_of(active=True)
        before = engine.snapshot()
        assert {engine.phase("route") for _ in range(100)} == {"active"}
        assert engine.snapshot() == before


class TestStandIn:
    def served(self, seed, stream=None):
        policy = LinTSDiag(ARMS, dim=2, seed=seed)
        if stream is not None:
            policy.take_stream(stream)
        engine = engine_of(policy, active=True)
        return engine, [engine.decide("route", [1.0, 0.5], ARMS) for _ in range(50)]

    def test_it_draws_again_what_it_drew(self):
        _, decisions = self.served(1)
        assert self.served(1)[1] == decisions
        for others in (self.served(2)[1], self.served(1, stream=7)[1]):
            assert [decision.arm for decision in others] != [decision.arm for decision in decisions]

    def test_no_id_is_the_linear_policys(self):
        engine, decisions = self.served(1)
        engine.flags.set("ENABLE_RL_LINTS", on=True)
        linear = [engine.decide("route", [1.0, 0.5], ARMS) for _ in range(50)]
        assert len({decision.decision_id for decision in decisions + linear}) == 100


class TestPending:
    @pytest.mark.parametrize("policy", [ThompsonSampling, EpsilonGreedy, UCB1])
    @pytest.mark.parametrize("active", [True, False])
    def test_a_context_that_nobody_reads_may_be_anything(self, tmp_path, policy, active):
        delayed = DelayedRewards(SQLitePending(tmp_path / "pending.db"))
        engine = LearningEngine(flags=Flags(ON), delayed=delayed)
        engine.register_domain("route", policy(seed=1))
        if active:
            engine.activate("route")
        for context in ({"messages": [{"role": "user"}], "when": object()}, object(), {5: float("nan")}):
            decision = engine.decide("route", context, ARMS)
            assert engine.record("route", context, decision.arm, 0.5, decision_id=decision.decision_id) == "applied"
            assert [one.pending.context for one in delayed.unsaved("route")][-1] is None
