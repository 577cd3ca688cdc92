"""An experiment in front of a domain: who serves, and that every reward is learnt once by everybody it concerns."""

from __future__ import annotations

import pytest

from armwise import ConfigurationError, ThompsonSampling
from armwise.experiments import Experiment, ExperimentManager, SequentialTest
from armwise.learning import Flags, LearningEngine
from armwise.stores import SQLitePending

HARNESS = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True, "ENABLE_EXPERIMENT_HARNESS": True}
ARMS = ["a", "b"]


def made(variants, *, phase="active", values=HARNESS, policy=None, active=True, delayed=None, **options):
    flags = Flags(values)
    weights = options.pop("weights", None)
    manager = ExperimentManager(
        [Experiment("policy::route", control="control", variants=variants, phase=phase, weights=weights, **options)],
        flags=flags,
    )
    engine = LearningEngine(flags=flags, experiments=manager, delayed=delayed)
    engine.register_domain("route", ThompsonSampling(seed=1) if policy is None else policy)
    if active:
        engine.activate("route")
    return engine, manager


def pulls(manager):
    return {name: one.pulls for name, one in manager.statistics("policy::route").items()}


def user(i):
    return {"user_id": f"u-{i}"}


def test_in_action_a_users_variant_serves():
    engine, manager = made({"control": "a", "bold": "b"})
    served = {i: engine.recommend("route", user(i), ARMS) for i in range(50)}
    assert set(served.values()) == {"a", "b"}
    assert served == {i: engine.recommend("route", user(i), ARMS) for i in range(50)}
    for i, arm in served.items():
        engine.record("route", user(i), arm, 1.0)
    assert sum(pulls(manager).values()) == 50
    assert pulls(manager)["bold"] == sum(arm == "b" for arm in served.values())
    engine.record("route", user(0), served[0], 1.0)  # of its second request
    engine.record("route", user(0), served[0], 1.0)  # of none
    assert sum(pulls(manager).values()) == 51


def test_the_core_learns_from_what_was_served():
    policy = ThompsonSampling(seed=1)
    engine, _ = made({"control": "a", "bold": "b"}, policy=policy)
    for i in range(20):
        decision = engine.decide("route", user(i), ARMS)
        assert engine.record("route", user(i), decision.arm, 1.0, decision_id=decision.decision_id) == "applied"
        assert engine.record("route", user(i), decision.arm, 1.0, decision_id=decision.decision_id) == "duplicate"
    assert sum(alpha - 1.0 for alpha, _ in policy.posterior().values()) == 20.0


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("phase", ["shadow", "active"])
def test_a_policy_that_is_core_and_variant_learns_each_reward_once(phase, active):
    policy, other = ThompsonSampling(seed=1), ThompsonSampling(seed=2)
    engine, manager = made({"control": policy, "other": other}, policy=policy, phase=phase, active=active)
    for i in range(40):
        decision = engine.decide("route", user(i), ARMS)
        engine.record("route", user(i), decision.arm, 0.5, decision_id=decision.decision_id)
        arm = engine.recommend("route", user(i), ARMS)
        engine.record("route", user(i), arm, 0.5)
    # Whoever served: the core learns from all of them, and a variant from those in which it took part.
    assert policy.policy_version == sum(one["n"] for one in engine.status()["route"]["arms"].values()) == 80
    taught = 80 if phase == "shadow" else pulls(manager)["other"]
    assert other.policy_version == taught > 0


def test_decisions_of_variants_have_ids_of_their_own_and_the_share_for_a_propensity():
    engine, _ = made({"control": None, "other": ThompsonSampling(seed=2)}, policy=ThompsonSampling(seed=1))
    decisions = [engine.decide("route", user(i), ARMS) for i in range(200)]
    assert len({decision.decision_id for decision in decisions}) == 200
    drawn_by_core = [d for d in decisions if not d.decision_id.startswith("e")]
    assert 0 < len(drawn_by_core) < 200
    assert {decision.propensity for decision in decisions} == {0.5, 1.0}
    assert {decision.propensity_kind for decision in decisions} == {"exact"}


def test_while_the_harness_or_the_flags_are_off_there_is_no_experiment():
    engine, manager = made({"control": "b", "bold": "b"}, active=False)
    assert engine.recommend("route", user(1), ARMS) == "b"
    engine.record("route", user(1), "b", 1.0)
    for name in ("ENABLE_EXPERIMENT_HARNESS", "ENABLE_RL_GLOBAL"):
        decision = engine.decide("route", user(1), ARMS)
        assert decision.arm == "b"
        engine.flags.set(name, on=False)
        assert engine.recommend("route", user(1), ARMS) == "a"
        assert engine.decide("route", user(1), ARMS).arm == "a"
        assert engine.record("route", user(1), "b", 1.0, decision_id=decision.decision_id) == "applied"
        engine.flags.set(name, on=True)
    assert sum(pulls(manager).values()) == 1
    assert engine.status()["route"]["arms"]["b"]["n"] == 3


def test_a_reward_that_the_experiment_refuses_leaves_the_decision_waiting():
    test = SequentialTest(kind="empirical_bernstein", bounds=(0.0, 0.5))
    engine, manager = made({"control": "a", "bold": "b"}, guard=test)
    decision = engine.decide("route", user(1), ARMS)
    for options in ({}, {"decision_id": decision.decision_id}):
        if not options:
            engine.recommend("route", user(1), ARMS)
        with pytest.raises(ConfigurationError, match=r"in \[0, 0.5\]"):
            engine.record("route", user(1), decision.arm, 0.75, **options)
    assert sum(pulls(manager).values()) == 0
    assert engine.registry.get("route").policy_version == 0
    assert engine.record("route", user(1), decision.arm, 0.5, decision_id=decision.decision_id) == "applied"
    assert sum(pulls(manager).values()) == 1


def test_an_arm_that_was_not_decided_teaches_the_policy_and_no_experiment():
    engine, manager = made({"control": "a", "bold": "a"})
    decision = engine.decide("route", user(1), ARMS)
    assert engine.record("route", user(1), "b", 1.0, decision_id=decision.decision_id) == "applied"
    assert sum(pulls(manager).values()) == 0
    assert engine.registry.get("route").posterior() == {"b": (2.0, 1.0)}


def test_after_a_restart_the_reward_is_that_of_the_variant(tmp_path):
    from armwise.rewards import DelayedRewards

    engine, _ = made({"control": "a", "bold": "b"}, delayed=DelayedRewards(SQLitePending(tmp_path / "p.db")))
    decisions = [engine.decide("route", user(i), ARMS) for i in range(20)]
    again, manager = made({"control": "a", "bold": "b"}, delayed=DelayedRewards(SQLitePending(tmp_path / "p.db")))
    for i, decision in enumerate(decisions):
        again.record("route", user(i), decision.arm, 1.0, decision_id=decision.decision_id)
    assert pulls(manager)["bold"] == sum(decision.arm == "b" for decision in decisions)
    assert sum(pulls(manager).values()) == 20


def test_requests_that_name_nobody_take_no_part():
    engine, manager = made({"control": "a", "bold": "b"})
    for _ in range(10):
        arm = engine.recommend("route", {}, ARMS)
        engine.record("route", {}, arm, 1.0)
        decision = engine.decide("route", None, ARMS)
        engine.record("route", None, decision.arm, 1.0, decision_id=decision.decision_id)
    assert sum(pulls(manager).values()) == 0
    assert engine.status()["route"]["arms"]["a"]["n"] == 20


def test_a_key_of_the_experiments_own_needs_none_of_the_usual_fields():
    engine, manager = made({"control": "a", "bold": "b"}, key_fn=lambda context: str(context["user_id"]))
    context = {"user_id": 1.5}
    arm = engine.recommend("route", context, ARMS)
    engine.record("route", context, arm, 1.0)
    assert sum(pulls(manager).values()) == 1


def test_trials_that_nobody_rewards_are_let_go():
    from armwise.experiments import Trial
    from armwise.learning._trials import OpenTrials

    trials = OpenTrials()
    for i in range(10_001):
        trials.keep(i, Trial("a", "policy::route", "counted"))
    assert trials.peek(0) is None
    assert trials.take(1) is not None
    assert trials.take(1) is None


@pytest.mark.parametrize("active", [False, True])
def test_a_request_that_had_looked_up_who_serves_is_served_without_the_harness(active):
    engine, manager = made({"control": "b", "bold": "b"}, active=active)
    serve = engine._serving["route"]
    engine.flags.set("ENABLE_EXPERIMENT_HARNESS", on=False)
    assert serve(["a"], user(1)) == "a"
    assert manager.status()["policy::route"]["requests"] == {}
