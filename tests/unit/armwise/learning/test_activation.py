"""What ends the shadow: a hand's word holds, evidence is its earner's own, and a refusal is none."""

from __future__ import annotations

import json

import pytest

from armwise import LinTSDiag, ThompsonSampling
from armwise.learning import Activation, Flags, LearningEngine, learn
from armwise.learning._shadow import Evidence
from armwise.stores import StateDirectory

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
ARMS = ["a", "b"]
REWARDS = {"a": 0.2, "b": 0.8}
EAGER = Activation(margin=0.05)


def engine_of(policy=None, *, activation=EAGER, values=ON, **options):
    engine = LearningEngine(flags=Flags(values), **options)
    engine.register_domain("route", policy, activation=activation)
    return engine


def bake(engine, times=300):
    for _ in range(times):
        engine.shadow_bakeoff("route", ARMS, REWARDS.get)
    return engine


def turns(engine, times, reward=1.0):
    for _ in range(times):
        decision = engine.decide("route", {}, ARMS)
        engine.record("route", {}, decision.arm, reward, decision_id=decision.decision_id)


class TestByHand:
    def test_what_was_deactivated_by_hand_stays_so_whatever_the_evidence(self):
        engine = bake(engine_of())
        assert engine.phase("route") == "active"
        engine.deactivate("route")
        turns(bake(engine), 500)
        status = engine.status()["route"]
        assert (status["phase"], status["evidence"]) == ("shadow", None)
        assert status["activates"] == "by hand, since it was activated or deactivated"
        engine.activate("route")
        assert engine.phase("route") == "active"

    def test_a_domain_that_never_acted_is_held_as_well(self):
        engine = engine_of()
        engine.deactivate("route")
        assert bake(engine).phase("route") == "shadow"

    def test_a_restore_and_a_restart_hold_it_so(self, tmp_path):
        engine = bake(engine_of(store=StateDirectory(tmp_path)))
        engine.deactivate("route")
        engine.save()
        snapshot = json.loads(json.dumps(engine.snapshot()))
        waiting = [engine.decide("route", {}, ARMS) for _ in range(100)]
        other = engine_of()
        other.restore(snapshot)
        assert other.status() == engine.status()
        assert bake(other).phase("route") == "shadow"
        again = engine_of(store=StateDirectory(tmp_path))
        for decision in waiting:
            again.record("route", {}, decision.arm, 1.0, decision_id=decision.decision_id)
        assert bake(again).phase("route") == "shadow"

    def test_a_state_of_before_with_evidence_is_held_too(self):
        engine = bake(engine_of(), 200)
        evidence = engine.snapshot()["route"]["engine"]["evidence"]
        engine.deactivate("route")
        snapshot = engine.snapshot()
        snapshot["route"]["engine"]["evidence"] = evidence
        del snapshot["route"]["engine"]["earner"]
        other = engine_of()
        other.restore(snapshot)
        assert bake(other).phase("route") == "shadow"

    def test_a_rollback_to_before_it_gathers_evidence_again(self):
        engine = engine_of()
        snapshot = engine.snapshot()
        engine.deactivate("route")
        engine.restore(snapshot)
        assert engine.status()["route"]["activates"] == "by evidence"
        assert bake(engine).phase("route") == "active"

    def test_status_says_what_may_end_the_shadow(self):
        assert engine_of(activation=None).status()["route"]["activates"] == "by hand"
        engine = engine_of(LinTSDiag(dim=1, seed=1), values=ON | {"ENABLE_RL_LINTS": True})
        assert engine.status()["route"]["activates"] == "by evidence"
        engine.shadow_bakeoff("route", ARMS, {"a": 0.0, "b": 5.0}.get, [1.0])
        assert engine.status()["route"]["activates"] == "by hand, since a reward was outside [0, 1]"


class TestEarner:
    def test_a_stand_ins_evidence_activates_no_linear_policy(self, caplog):
        engine = bake(engine_of(LinTSDiag(ARMS, dim=1, seed=1)))
        assert (engine.phase("route"), engine.recommend("route", [1.0], ARMS)) == ("active", "b")
        engine.flags.set("ENABLE_RL_LINTS", on=True)
        status = engine.status()["route"]
        assert (status["policy"], status["phase"], status["evidence"]["exact"]["n"]) == ("LinTSDiag", "shadow", 0)
        assert engine.recommend("route", [1.0], ARMS) == "a"
        assert "its evidence is not that of the LinTSDiag" in caplog.text
        for _ in range(300):
            engine.shadow_bakeoff("route", ARMS, REWARDS.get, [1.0])
        assert engine.phase("route") == "active"
        engine.flags.set("ENABLE_RL_LINTS", on=False)
        assert engine.phase("route") == "shadow"

    def test_a_hands_word_is_for_whoever_serves(self):
        engine = engine_of(LinTSDiag(ARMS, dim=1, seed=1))
        engine.activate("route")
        engine.flags.set("ENABLE_RL_LINTS", on=True)
        assert engine.phase("route") == "active"

    @pytest.mark.parametrize("legacy", [False, True])
    @pytest.mark.parametrize("linear", [False, True])
    def test_a_state_is_evidence_for_its_earner_alone(self, linear, legacy):
        engine = bake(engine_of(LinTSDiag(ARMS, dim=1, seed=1)), 60)
        snapshot = engine.snapshot()
        if legacy:
            del snapshot["route"]["engine"]["earner"]
        other = engine_of(LinTSDiag(ARMS, dim=1, seed=1), values=ON | {"ENABLE_RL_LINTS": linear})
        other.restore(snapshot)
        assert other.status()["route"]["evidence"]["exact"]["n"] == (0 if linear else 60)

    def test_what_waited_for_its_reward_counts_for_whoever_was_asked(self):
        engine = engine_of(LinTSDiag(ARMS, dim=1, seed=1))
        waiting = [engine.decide("route", [1.0], ARMS) for _ in range(16)]
        engine.flags.set("ENABLE_RL_LINTS", on=True)
        for decision in waiting:
            engine.record("route", [1.0], decision.arm, 1.0, decision_id=decision.decision_id)
        assert engine.status()["route"]["evidence"]["served"]["n"] == 0

    def test_a_policys_own_state_brings_no_evidence(self):
        engine = bake(engine_of(), 60)
        engine.restore({"route": ThompsonSampling(seed=2).state_dict()})
        assert engine.status()["route"]["evidence"]["exact"]["n"] == 0


class Raising(ThompsonSampling):
    """A policy whose propensities are not to be had, or none."""

    def __init__(self, found):
        super().__init__(seed=1)
        self.found = found

    def propensities(self, *_):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class TestRefusals:
    def test_a_policy_that_is_refused_in_the_shadow_is_not_activated_by_bake_offs(self):
        engine = engine_of(ThompsonSampling(ARMS, seed=1))
        for _ in range(300):
            assert engine.decide("route", {}, [*ARMS, "new"]).arm == "a"
            engine.shadow_bakeoff("route", ARMS, REWARDS.get)
        status = engine.status()["route"]
        assert (status["phase"], status["refusals"]) == ("shadow", 38)
        assert (status["evidence"]["served"]["n"], status["evidence"]["served"]["mean"]) == (38, -1.0)
        assert status["evidence"]["exact"]["n"] == 338
        assert bake(engine, 128).phase("route") == "active", "once nothing is refused any more"

    @pytest.mark.parametrize(
        "found", [RuntimeError("no"), KeyError(5), [float("nan")] * 2, [1.5, -0.5], [], None, ["a", "b"]]
    )
    def test_a_policy_in_the_shadow_fails_no_request(self, found, caplog):
        engine = engine_of(Raising(found))
        outcome = {"cost_usd": 0.0, "latency_ms": 1.0}, {"quality": 1.0}
        turns(engine, 8)
        learn("route", {}, ARMS, lambda _: outcome, engine=engine)
        status = engine.status()["route"]
        assert (status["refusals"], status["arms"]["a"]["n"]) == (2, 9)
        assert caplog.text.count("the policy in the shadow refused a request") == 1

    def test_one_refusal_is_the_worst_piece_and_bars_the_next_look(self):
        evidence = Evidence(Activation(margin=0.5, minimum=1))
        looks = [evidence.tried([0.2, 0.9], [0.0, 1.0], default=0) for _ in range(63)]
        assert looks.count(True) == 1
        evidence.refused()
        assert evidence.summary()["exact"]["n"] == 64
        looks = [evidence.tried([0.2, 0.9], [0.0, 1.0], default=0) for _ in range(64)]
        assert [i for i, look in enumerate(looks) if look] == [63]
        assert evidence.summary()["served"]["mean"] == -1.0

    def test_a_request_of_one_candidate_is_no_evidence(self):
        engine = engine_of()
        for _ in range(100):
            engine.shadow_bakeoff("route", ["a"], REWARDS.get)
            engine.decide("route", {}, ["a"])
        evidence = engine.status()["route"]["evidence"]
        assert (evidence["exact"]["n"], evidence["served"]["n"]) == (0, 0)
