"""Evidence of the shadow: what counts, when it suffices, and what voids it."""

from __future__ import annotations

import pytest

from armwise import ConfigurationError, LinTSDiag, SnapshotError, ThompsonSampling
from armwise._fields import Fields
from armwise.evaluation import ConfidenceSequence
from armwise.learning import Activation, Flags, LearningEngine
from armwise.learning._shadow import Evidence

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
ARMS = ["a", "b"]
REWARDS = {"a": 0.2, "b": 0.8}


def engine_of(policy=None, activation=Activation(margin=0.01), **options):  # noqa: B008 - a tuple, which nobody changes
    engine = LearningEngine(flags=Flags(ON))
    engine.register_domain("route", policy, activation=activation, **options)
    return engine


def phase(engine):
    return engine.status()["route"]["phase"]


def test_a_policy_that_is_better_activates_itself_after_bake_offs(caplog):
    engine = engine_of(activation=Activation(margin=0.05))
    turns = 0
    while phase(engine) == "shadow" and turns < 1000:
        assert engine.recommend("route", {}, ARMS) == "a"
        assert engine.shadow_bakeoff("route", ARMS, REWARDS.get) == REWARDS
        turns += 1
    status = engine.status()["route"]
    assert turns == status["evidence"]["exact"]["n"] >= 100
    assert status["evidence"]["exact"]["lower"] > -0.05
    assert status["evidence"]["served"] == {"n": 0, "mean": None, "lower": -1.0, "upper": 1.0}
    assert status["since"]["why"].startswith("its evidence says")
    assert engine.recommend("route", {}, ARMS) == "b"
    assert "domain 'route' is active now: its evidence says" in caplog.text


def test_a_policy_that_agrees_with_the_rule_activates_itself_by_serving():
    engine = engine_of(activation=Activation(margin=0.05, minimum=1))
    for _ in range(3000):
        decision = engine.decide("route", {}, ARMS)
        engine.record("route", {}, decision.arm, 0.9, decision_id=decision.decision_id)
        engine.record("route", {}, "b", 0.1)
        if phase(engine) == "active":
            break
    assert phase(engine) == "active"


def test_a_policy_that_is_worse_is_never_activated():
    policy = ThompsonSampling(seed=1)
    policy.update_many(["b"] * 1000, [1.0] * 1000)  # what it was told is wrong
    policy.update_many(["a"] * 1000, [0.0] * 1000)
    engine = engine_of(policy, activation=Activation(margin=0.05))
    for _ in range(300):
        engine.shadow_bakeoff("route", ARMS, {"a": 0.9, "b": 0.1}.get)
    assert phase(engine) == "shadow"
    assert engine.status()["route"]["evidence"]["exact"]["mean"] < -0.5


def test_by_hand_only_where_there_is_no_activation():
    engine = engine_of(activation=None)
    for _ in range(300):
        engine.shadow_bakeoff("route", ARMS, REWARDS.get)
    assert phase(engine) == "shadow"
    assert engine.status()["route"]["evidence"] is None


def test_what_is_served_is_weighed_before_it_is_learnt():
    policy, twin = ThompsonSampling(seed=1), ThompsonSampling(seed=1)
    engine = engine_of(policy)
    sequence = ConfidenceSequence(0.025, "empirical_bernstein", bounds=(-1.0, 1.0), tuned_at=500)
    for turn in range(8 * 200):
        share = float(twin.propensities(ARMS)[0])
        decision = engine.decide("route", {}, ARMS)
        engine.record("route", {}, "a", 0.5, decision_id=decision.decision_id)
        twin.update("a", 0.5)
        if turn % 8 == 0:
            sequence.update(share * 0.5 - 0.5)
    evidence = engine.status()["route"]["evidence"]["served"]
    assert evidence["lower"] > -1.0
    assert (evidence["n"], evidence["mean"], evidence["lower"]) == (200, sequence.mean, sequence.interval.lower)


def test_without_a_margin_what_was_served_is_not_weighed():
    engine = engine_of(ThompsonSampling(seed=1), Activation())
    for _ in range(80):
        decision = engine.decide("route", {}, ARMS)
        engine.record("route", {}, "a", 1.0, decision_id=decision.decision_id)
    assert engine.status()["route"]["evidence"]["served"]["n"] == 0
    for _ in range(200):
        engine.shadow_bakeoff("route", ARMS, {"a": 0.5, "b": 0.5}.get)
    assert phase(engine) == "shadow", "no less is not more"
    for _ in range(400):
        engine.shadow_bakeoff("route", ARMS, {"a": 0.2, "b": 0.9}.get)
    assert phase(engine) == "active"


def test_a_reward_of_another_arm_than_decided_is_no_evidence():
    engine = engine_of()
    decision = engine.decide("route", {}, ARMS)
    engine.record("route", {}, "b", 0.5, decision_id=decision.decision_id)
    assert engine.status()["route"]["evidence"]["served"]["n"] == 0


def test_a_decaying_policy_stands_still_while_it_is_asked():
    policy = ThompsonSampling(seed=1, half_life=1e-6)
    engine = engine_of(policy)
    engine.record("route", {}, "a", 0.5)
    before = policy.state_dict()
    for _ in range(20):
        engine.decide("route", {}, ARMS)
        engine.recommend("route", {}, ARMS)
    assert policy.state_dict() == before


def test_rewards_outside_zero_and_one_void_the_evidence():
    engine = LearningEngine(flags=Flags({**ON, "ENABLE_RL_LINTS": True}))
    engine.register_domain("route", LinTSDiag(dim=2, seed=1), activation=Activation(margin=1.0, minimum=1))
    engine.shadow_bakeoff("route", ARMS, {"a": 0.0, "b": 5.0}.get, [1.0, 1.0])
    for _ in range(100):
        engine.shadow_bakeoff("route", ARMS, {"a": 0.0, "b": 1.0}.get, [1.0, 1.0])
    assert phase(engine) == "shadow"
    assert engine.status()["route"]["evidence"]["void"] is True


@pytest.mark.parametrize("reward", [2.0, float("nan"), None, "1"])
def test_a_bake_off_that_the_policy_refuses_changes_nothing(reward):
    policy = ThompsonSampling(seed=1)
    engine = engine_of(policy)
    with pytest.raises(ConfigurationError):
        engine.shadow_bakeoff("route", ARMS, {"a": 0.5, "b": reward}.get)
    assert policy.policy_version == 0
    assert engine.status()["route"]["arms"] == {}


def test_with_flags_off_a_bake_off_is_counted_and_not_learnt():
    policy = ThompsonSampling(seed=1)
    engine = engine_of(policy)
    engine.flags.set("ENABLE_RL_GLOBAL", on=False)
    engine.shadow_bakeoff("route", ARMS, REWARDS.get)
    status = engine.status()["route"]
    assert status["arms"] == {"a": {"q": 0.2, "n": 1}, "b": {"q": 0.8, "n": 1}}
    assert (policy.policy_version, status["evidence"]["exact"]["n"]) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_bake_offs_are_not_drowned_by_what_was_served(seed):
    engine = engine_of(ThompsonSampling(seed=seed))
    rewards = {"a": 0.2, "b": 0.7}
    for request in range(600):
        if phase(engine) == "active":
            break
        if request % 3 == 0:
            engine.shadow_bakeoff("route", ARMS, rewards.get)
            continue
        decision = engine.decide("route", {}, ARMS)
        engine.record("route", {}, decision.arm, rewards[decision.arm], decision_id=decision.decision_id)
    assert phase(engine) == "active"
    assert engine.status()["route"]["evidence"]["served"]["mean"] < 0.0


def test_each_kind_is_wrong_with_half_of_alpha():
    asked = Activation(margin=0.3, alpha=0.1, minimum=1)
    evidence = Evidence(asked)
    sequence = ConfidenceSequence(0.05, "empirical_bernstein", bounds=(-1.0, 1.0), tuned_at=500)
    for _ in range(64):
        evidence.tried([0.5, 0.75], [0.5, 0.5], default=0)
        evidence.served(0.5, 0.5)
        sequence.update(0.125)
    summary = evidence.summary()
    assert (summary["exact"]["lower"], summary["exact"]["mean"]) == (sequence.interval.lower, 0.125)
    assert summary["served"]["mean"] == -0.25
    assert (summary["served"]["n"], summary["exact"]["n"], summary["alpha"]) == (64, 64, 0.1)


def test_evidence_is_saved_and_goes_on():
    activation = Activation(margin=0.5, minimum=60)
    evidence = Evidence(activation)
    for _ in range(40):
        evidence.tried([0.5, 0.6], [0.1, 0.9], default=0)
        evidence.served(0.5, 0.25)
    other = Evidence(activation).restored(Fields(evidence.state_dict()))
    assert other.summary() == evidence.summary()
    one = evidence.state_dict()["exact"]
    for exact, served in (([{"count": -1}], one), ([5], one), ([], one), (one, []), (one, 5), (one, None)):
        with pytest.raises(SnapshotError):
            evidence.restored(Fields({"exact": exact, "served": served, "void": False}))


def test_evidence_of_before_the_kinds_were_told_apart_is_a_bound():
    evidence = Evidence(Activation())
    for _ in range(40):
        evidence.served(0.5, 0.25)
    saved = evidence.state_dict()
    other = Evidence(Activation()).restored(Fields({"sums": saved["served"], "void": True}))
    assert other.state_dict() == {**saved, "void": True}
    for sums in ([{"count": -1}], [5], [], None):
        with pytest.raises(SnapshotError):
            evidence.restored(Fields({"sums": sums, "void": False}))
