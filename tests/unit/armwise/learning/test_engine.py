"""What an engine serves, and what it learns: flags, phases, ids, and what it refuses."""

from __future__ import annotations

import gc
import logging
import weakref

import numpy as np
import pytest

from armwise import UCB1, ConfigurationError, EpsilonGreedy, LinTSDiag, ThompsonSampling, UnknownArm, UnknownDomain
from armwise.errors import ReplayError
from armwise.learning import Activation, Flags, LearningEngine, PolicyRegistry, TenantContext, learn
from armwise.rewards import DelayedRewards

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True}
ARMS = ["small", "medium", "large"]


def engine_of(policy=None, *, values=ON, active=False, **options):
    engine = LearningEngine(flags=Flags(values))
    engine.register_domain("route", policy, **options)
    if active:
        engine.activate("route")
    return engine


def taught(best="large"):
    policy = ThompsonSampling(seed=3)
    for arm in ARMS:
        policy.update_many([arm] * 200, [float(arm == best)] * 200)
    return policy


class Told:
    """A tracer that remembers what it was told."""

    def __init__(self):
        self.decisions, self.rewards = [], []

    def decided(self, domain, decision, **what):
        self.decisions.append((domain, decision, what))

    def rewarded(self, domain, decision_id, arm, reward, status, *, time_ns):
        self.rewards.append((domain, decision_id, arm, reward, status, time_ns))


class TestServing:
    def test_flags_off_the_first_candidate_serves_and_the_policy_is_left_alone(self):
        policy = taught()
        engine = engine_of(policy, values={"ENABLE_RL_ROUTING": True}, active=True)
        before = policy.state_dict()
        assert engine.recommend("route", {}, ARMS) == "small"
        assert engine.decide("route", {}, ARMS).arm == "small"
        assert engine.record("route", {}, "small", 0.5) == "applied"
        assert policy.state_dict() == before
        assert engine.status()["route"]["arms"] == {"small": {"q": 0.5, "n": 1}}
        assert engine.status()["route"]["serving"] == "off"

    def test_in_the_shadow_the_rule_serves_and_the_policy_learns_from_what_was_served(self):
        policy = taught()
        engine = engine_of(policy)
        version, counter = policy.policy_version, policy.counter
        assert {engine.recommend("route", {}, ARMS) for _ in range(50)} == {"small"}
        assert {engine.decide("route", {}, ARMS).arm for _ in range(50)} == {"small"}
        assert (policy.policy_version, policy.counter) == (version, counter)
        engine.record("route", {}, "small", 0.25)
        assert policy.policy_version == version + 1
        assert policy.posterior()["small"] == (1.25, 201.75)

    def test_in_action_the_policys_own_select_serves(self):
        policy, twin = taught(), taught()
        engine = engine_of(policy, active=True)
        assert [engine.recommend("route", {}, ARMS) for _ in range(300)] == [twin.select(ARMS) for _ in range(300)]
        assert [engine.decide("route", {}, ARMS) for _ in range(50)] == [twin.decide(ARMS) for _ in range(50)]

    def test_a_flag_switches_at_once(self):
        engine = engine_of(taught(), active=True)
        assert engine.recommend("route", {}, ARMS) == "large"
        engine.flags.set("ENABLE_RL_ROUTING", on=False)
        assert engine.recommend("route", {}, ARMS) == "small"
        engine.flags.set("ENABLE_RL_ROUTING", on=True)
        assert engine.recommend("route", {}, ARMS) == "large"
        engine.deactivate("route")
        assert engine.recommend("route", {}, ARMS) == "small"
        assert engine.status()["route"]["since"]["why"] == "by hand"

    def test_a_phase_that_is_entered_is_logged(self, caplog):
        with caplog.at_level(logging.INFO, "armwise.learning"):
            engine_of().activate("route", why="a bake-off")
        assert "domain 'route' is active now: a bake-off" in caplog.text

    def test_a_default_serves_where_it_is_a_candidate(self):
        engine = engine_of(default="medium")
        assert engine.recommend("route", {}, ARMS) == "medium"
        assert engine.recommend("route", {}, ("large", "small")) == "large"
        assert engine.decide("route", {}, ARMS).index == 1

    @pytest.mark.parametrize("active", [False, True])
    @pytest.mark.parametrize("candidates", [[3, 1.5, "x"], (3, 1.5), np.array([3, 4])])
    def test_labels_come_back_as_they_were_given(self, active, candidates):
        engine = engine_of(UCB1(seed=1), active=active)
        served = engine.recommend("route", None, candidates)
        assert served == 3
        assert type(served) is int

    @pytest.mark.parametrize("active", [False, True])
    @pytest.mark.parametrize(
        "candidates",
        [
            None,
            [],
            (),
            "small",
            {"a", "b"},
            {},
            5,
            [None],
            [True],
            [float("nan")],
            [["a"]],
            pytest.param([10**5000], id="huge"),
        ],
    )
    def test_what_are_no_candidates_is_refused(self, active, candidates):
        engine = engine_of(active=active)
        for ask in (engine.recommend, engine.decide):
            with pytest.raises(ConfigurationError):
                ask("route", {}, candidates)

    @pytest.mark.parametrize("domain", ["nothing", "", None, 5, ["route"], float("nan"), b"route", "\ud800"])
    def test_unknown_domains_name_those_there_are(self, domain):
        engine = engine_of()
        calls = [
            lambda: engine.recommend(domain, {}, ARMS),
            lambda: engine.decide(domain, {}, ARMS),
            lambda: engine.record(domain, {}, "small", 0.5),
            lambda: engine.activate(domain),
            lambda: engine.deactivate(domain),
            lambda: engine.shadow_bakeoff(domain, ARMS, lambda _: 1.0),
        ]
        for call in calls:
            with pytest.raises(UnknownDomain, match="'route'"):
                call()

    def test_the_rule_serves_arms_that_a_closed_policy_does_not_take(self, caplog):
        engine = engine_of(ThompsonSampling(["a", "b"], seed=1), active=True)
        outcome = {"cost_usd": 0.0, "latency_ms": 1.0}, {"quality": 1.0}
        assert engine.recommend("route", {}, ["a", "c"]) == "a"
        assert engine.recommend("route", {}, ["c", "a"]) == "c"
        decision = engine.decide("route", {}, ["a", "c"])
        assert (decision.arm, decision.propensity, decision.decision_id[0]) == ("a", 1.0, "e")
        assert engine.record("route", {}, "a", 0.5, decision_id=decision.decision_id) == "applied"
        assert learn("route", {}, ["a", "c"], lambda _: outcome, engine=engine).arm == "a"
        status = engine.status()["route"]
        assert (status["refusals"], status["failures"]) == (4, {"the policy refused candidates": 4})
        assert caplog.text.count("the policy refused candidates") == 1
        for wrong in ([], ["a", "a"], [None], "c"):
            with pytest.raises(ConfigurationError):
                engine.recommend("route", {}, wrong)
            with pytest.raises(ConfigurationError):
                engine.decide("route", {}, wrong)
        assert engine.status()["route"]["refusals"] == 4

    def test_in_the_shadow_what_the_policy_refuses_does_not_fail_the_request(self):
        engine = engine_of(ThompsonSampling(["a", "b"], seed=1), activation=Activation(margin=0.01))
        assert engine.decide("route", {}, ["c", "a"]).arm == "c"
        status = engine.status()["route"]
        assert status["refusals"] == 1
        assert status["last_refusal"].startswith("UnknownArm: no arm 'c'")


class TestContexts:
    def test_names_of_people_are_no_features(self):
        policy = LinTSDiag(["a", "b"], dim=4, seed=1)
        engine = LearningEngine(flags=Flags({**ON, "ENABLE_RL_LINTS": True}))
        engine.register_domain("route", policy)
        engine.activate("route")
        context = {"user_id": "u-1", "session_id": "s", "tokens": 10.0}
        engine.recommend("route", context, ["a", "b"])
        decision = engine.decide("route", context, ["a", "b"])
        engine.record("route", context, decision.arm, 0.5, decision_id=decision.decision_id)
        engine.record("route", {"request_id": "r", "tokens": 20.0}, "a", 0.5)
        assert policy._encoder.columns == {"tokens": 1}
        engine.recommend("route", np.ones(4), ["a", "b"])

    def test_a_reward_without_a_context_learns_with_that_of_its_decision(self):
        policy, twin = (LinTSDiag(["a", "b"], dim=3, seed=1) for _ in range(2))
        engine = LearningEngine(flags=Flags({**ON, "ENABLE_RL_LINTS": True}))
        engine.register_domain("route", policy)
        context = np.array([1.0, 0.5, 2.0])
        decision = engine.decide("route", context, ["a", "b"])
        assert engine.record("route", None, "a", 0.5, decision_id=decision.decision_id) == "applied"
        twin.update("a", 0.5, context)
        assert policy.state_dict() == twin.state_dict()
        with pytest.raises(ConfigurationError, match="context is missing"):
            engine.record("route", None, "a", 0.5)

    def test_contexts_that_nobody_reads_may_hold_anything(self):
        engine = engine_of(EpsilonGreedy(seed=1), active=True)
        context = {"messages": [{"role": "user"}], "user_id": 1.5}
        decision = engine.decide("route", context, ARMS)
        assert engine.record("route", context, decision.arm, 7.5, decision_id=decision.decision_id) == "applied"


class TestIds:
    def test_no_two_decisions_have_one_id(self):
        engine = engine_of(taught())
        ids = [engine.decide("route", {}, ARMS).decision_id for _ in range(500)]
        engine.activate("route")
        ids += [engine.decide("route", {}, ARMS).decision_id for _ in range(500)]
        engine.flags.set("ENABLE_RL_GLOBAL", on=False)
        ids += [engine.decide("route", {}, ARMS).decision_id for _ in range(500)]
        assert len(set(ids)) == 1500

    def test_an_id_of_the_rule_is_none_that_a_policy_could_replay(self):
        engine = engine_of()
        decision = engine.decide("route", {}, ARMS)
        assert (decision.propensity, decision.propensity_kind, decision.index) == (1.0, "exact", 0)
        with pytest.raises(ReplayError):
            engine.registry.get("route").replay(decision.decision_id, ARMS)

    def test_after_a_rollback_ids_that_are_taken_are_given_to_nobody_else(self):
        engine = engine_of(taught(), active=True)
        before = engine.snapshot()
        first = engine.decide("route", {}, ARMS)
        engine.restore(before)
        again = engine.decide("route", {}, ARMS)
        assert again.arm == first.arm
        assert again.decision_id != first.decision_id
        for decision in (first, again):
            assert engine.record("route", {}, decision.arm, 1.0, decision_id=decision.decision_id) == "applied"

    def test_given_pending_decisions_policies_start_on_streams_that_nobody_had(self):
        ids = []
        for _ in range(2):
            engine = LearningEngine(flags=Flags(ON), delayed=DelayedRewards())
            engine.register_domain("route", ThompsonSampling(seed=1))
            engine.activate("route")
            ids += [engine.decide("route", {}, ARMS).decision_id for _ in range(20)]
        assert len(set(ids)) == 40


class TestRecord:
    def test_a_decision_is_rewarded_once(self):
        policy = taught()
        engine = engine_of(policy)
        decision = engine.decide("route", {}, ARMS)
        version = policy.policy_version
        statuses = [engine.record("route", {}, "small", 0.5, decision_id=decision.decision_id) for _ in range(3)]
        assert statuses == ["applied", "duplicate", "duplicate"]
        assert engine.record("route", {}, "small", 0.5, decision_id="e0-0") == "unknown"
        assert policy.policy_version == version + 1
        assert engine.status()["route"]["arms"]["small"]["n"] == 1
        assert engine.delayed.counts["duplicate"] == 2

    def test_a_late_reward_teaches_nothing(self):
        engine = LearningEngine(flags=Flags(ON), delayed=DelayedRewards(window=1e-6))
        engine.register_domain("route")
        decision = engine.decide("route", {}, ARMS)
        assert engine.record("route", {}, "small", 0.5, decision_id=decision.decision_id) == "late"
        assert engine.status()["route"]["arms"] == {}

    @pytest.mark.parametrize("active", [False, True])
    @pytest.mark.parametrize(
        "reward",
        [200.0, -0.1, float("nan"), float("inf"), "0.5", None, [0.5, 0.5], 1j, pytest.param(10**5000, id="huge"), 1e71],
    )
    def test_a_refused_reward_leaves_the_decision_waiting(self, active, reward):
        policy = taught()
        engine = engine_of(policy, active=active)
        decision = engine.decide("route", {}, ARMS)
        before, counts, status = policy.state_dict(), engine.delayed.counts, engine.status()
        for options in ({"decision_id": decision.decision_id}, {}):
            with pytest.raises(ConfigurationError):
                engine.record("route", {}, decision.arm, reward, **options)
        assert (policy.state_dict(), engine.delayed.counts, engine.status()) == (before, counts, status)
        assert engine.record("route", {}, decision.arm, 1.0, decision_id=decision.decision_id) == "applied"

    def test_raw_milliseconds_are_refused_by_the_name_of_the_remedy(self):
        engine = engine_of()
        with pytest.raises(ConfigurationError, match=r"armwise\.rewards\.CompositeReward"):
            engine.record("route", {}, "small", 200.0)

    @pytest.mark.parametrize(
        "action", [None, True, float("nan"), ["a"], b"a", "\ud800", pytest.param(10**5000, id="huge")]
    )
    def test_what_is_no_arm_is_refused(self, action):
        engine = engine_of()
        decision = engine.decide("route", {}, ARMS)
        for options in ({"decision_id": decision.decision_id}, {}):
            with pytest.raises(ConfigurationError):
                engine.record("route", {}, action, 0.5, **options)
        assert engine.delayed.counts["pending"] == 1
        assert engine.status()["route"]["arms"] == {}

    def test_an_arm_that_a_closed_policy_does_not_know_leaves_the_decision_waiting(self):
        engine = engine_of(ThompsonSampling(["a", "b"], seed=1))
        decision = engine.decide("route", {}, ["a", "b"])
        with pytest.raises(UnknownArm):
            engine.record("route", {}, "c", 0.5, decision_id=decision.decision_id)
        assert engine.record("route", {}, "a", 0.5, decision_id=decision.decision_id) == "applied"

    @pytest.mark.parametrize("decision_id", [5, "", "x" * 201, "\ud800", b"e0-0"])
    def test_what_is_no_id_is_refused(self, decision_id):
        engine = engine_of()
        with pytest.raises(ConfigurationError):
            engine.record("route", {}, "small", 0.5, decision_id=decision_id)
        assert engine.status()["route"]["arms"] == {}

    def test_numbers_of_numpy_are_numbers(self):
        engine = engine_of()
        engine.record("route", {}, "small", np.float32(0.5))
        engine.record("route", {}, "small", np.array(1.0))
        assert engine.status()["route"]["arms"]["small"] == {"q": 0.75, "n": 2}

    def test_what_a_strange_policy_refuses_is_told_with_what_is_done_already(self):
        class Strange(ThompsonSampling):
            def update(self, arm, *_):
                raise RuntimeError(arm)

        engine = engine_of(Strange(seed=1))
        decision = engine.decide("route", {}, ARMS)
        with pytest.raises(RuntimeError, match="small") as caught:
            engine.record("route", {}, "small", 0.5, decision_id=decision.decision_id)
        assert "joined and counted" in caught.value.__notes__[0]
        with pytest.raises(RuntimeError):
            engine.record("route", {}, "small", 0.5)
        assert engine.status()["route"]["arms"]["small"]["n"] == 1


class TestDomains:
    def test_policies_of_the_registry_are_domains_whenever_they_come(self):
        registry = PolicyRegistry()
        registry.register("route", taught())
        engine = LearningEngine(registry, flags=Flags(ON))
        assert engine.recommend("route", {}, ARMS) == "small"
        registry.register("routing", ThompsonSampling())
        assert engine.recommend("routing", {}, ARMS) == "small"
        assert engine.record("routing", {}, "small", 0.5) == "applied"
        assert set(engine.status()) == {"route", "routing"}

    def test_a_task_is_a_domain_when_it_is_first_named(self):
        engine = LearningEngine(flags=Flags(ON))
        assert engine.select_model("analysis", ARMS) == "small"
        assert engine.record_outcome("analysis", "small", reward=0.72) == "applied"
        assert engine.record_outcome("summary", "large", reward=0.5) == "applied"
        assert list(engine.registry) == ["route.model.select::analysis", "route.model.select::summary"]
        assert engine.status()["route.model.select::analysis"]["arms"] == {"small": {"q": 0.72, "n": 1}}

    @pytest.mark.parametrize("task", ["", None, 5, "x" * 200, "a\n", "\ud800", " "])
    def test_what_is_no_task_is_refused(self, task):
        engine = LearningEngine()
        with pytest.raises(ConfigurationError, match="task is"):
            engine.select_model(task, ARMS)
        assert len(engine.registry) == 0

    @pytest.mark.parametrize(
        "options",
        [
            {"policy": "thompson"},
            {"policy": ThompsonSampling},
            {"default": None, "activation": 0.05},
            {"default": True},
            {"activation": Activation(margin=-0.01)},
            {"activation": Activation(margin=float("nan"))},
            {"activation": Activation(alpha=1.0)},
            {"activation": Activation(alpha=True)},
            {"activation": Activation(minimum=0)},
            {"activation": Activation(minimum=1.5)},
            {"priors": [("a", (1.0, 1.0))]},
            {"priors": {True: (1.0, 1.0)}},
            {"priors": {"a": (1.0, -1.0)}},
            {"priors": {"a": (2.0, 1.0), "b": "much"}},
        ],
    )
    def test_what_cannot_be_meant_registers_nothing(self, options):
        policy = ThompsonSampling(seed=1)
        engine = LearningEngine(flags=Flags(ON))
        before = policy.state_dict()
        with pytest.raises(ConfigurationError):
            engine.register_domain("route", **{"policy": policy, **options})
        assert engine.status() == {}
        assert "route" not in engine.registry
        assert policy.state_dict() == before

    @pytest.mark.parametrize("name", ["", None, 5, " a", "a\n", "x" * 201])
    def test_what_is_no_name_is_refused(self, name):
        with pytest.raises(ConfigurationError):
            LearningEngine().register_domain(name)

    def test_a_domain_is_registered_once(self):
        engine = engine_of()
        with pytest.raises(ConfigurationError, match="there is a domain 'route' already"):
            engine.register_domain("route")

    def test_priors_are_those_of_new_arms(self):
        policy = ThompsonSampling(["a"], seed=1)
        with pytest.raises(ConfigurationError, match="which the policy holds"):
            LearningEngine().register_domain("route", policy, {"a": (2.0, 1.0)})
        engine = engine_of(policy, priors={"b": (3.0, 1.0)})
        assert policy.posterior() == {"a": (1.0, 1.0), "b": (3.0, 1.0)}
        assert engine.status()["route"]["arms"] == {}

    @pytest.mark.parametrize(
        "options",
        [
            {"registry": {}},
            {"flags": {"ENABLE_RL_GLOBAL": True}},
            {"tenant": "acme"},
            {"delayed": {}},
            {"experiments": []},
            {"tracer": print},
            {"store": "folder"},
        ],
    )
    def test_what_an_engine_cannot_work_with_is_refused(self, options):
        with pytest.raises(ConfigurationError, match=f"{next(iter(options))} is "):
            LearningEngine(**options)

    def test_an_engine_that_nobody_holds_goes_though_its_flags_stay(self):
        flags = Flags(ON)
        engine = LearningEngine(flags=flags, tenant=TenantContext("acme"))
        engine.register_domain("route")
        watched = weakref.ref(engine)
        del engine
        gc.collect()
        assert watched() is None
        flags.set("ENABLE_RL_GLOBAL", on=False)


class TestLinear:
    def test_while_linear_policies_are_off_a_plain_one_stands_in_and_says_so_once(self, caplog):
        policy = LinTSDiag(["a", "b"], dim=2, seed=1)
        with caplog.at_level(logging.WARNING, "armwise.learning"):
            engine = engine_of(policy, active=True)
            engine.recommend("route", np.ones(2), ["a", "b"])
            engine.record("route", np.ones(2), "a", 0.5)
            for on in (True, False):
                engine.flags.set("ENABLE_RL_LINTS", on=on)
        assert caplog.text.count("stands in") == 1
        assert policy.policy_version == 0
        assert engine.status()["route"]["policy"] == "ThompsonSampling"
        engine.flags.set("ENABLE_RL_LINTS", on=True)
        assert engine.status()["route"]["policy"] == "LinTSDiag"
        engine.record("route", np.ones(2), "a", 0.5)
        assert policy.policy_version == 1

    def test_who_stands_in_is_saved_beside_the_linear_policy(self):
        engine = engine_of(LinTSDiag(dim=2, seed=1), active=True)
        for _ in range(20):
            engine.record("route", np.ones(2), "b", 1.0)
            engine.record("route", np.ones(2), "a", 0.0)
        other = engine_of(LinTSDiag(dim=2, seed=2))
        other.restore(engine.snapshot())
        assert [engine.recommend("route", None, ["a", "b"]) for _ in range(100)] == [
            other.recommend("route", None, ["a", "b"]) for _ in range(100)
        ]


class TestTracer:
    def test_it_is_told_of_decisions_and_rewards(self):
        told = Told()
        engine = LearningEngine(flags=Flags(ON), tracer=told)
        engine.register_domain("route")
        context = {"user_id": "u", "tokens": 5.0}
        decision = engine.decide("route", context, ARMS)
        engine.record("route", context, "small", 0.5, decision_id=decision.decision_id)
        engine.record("route", context, "small", 0.5, decision_id=decision.decision_id)
        engine.record("route", context, "large", 0.25)
        ((domain, seen, what),) = told.decisions
        assert (domain, seen, what["phase"], what["candidates"]) == ("route", decision, "shadow", ARMS)
        assert [reward[1:5] for reward in told.rewards] == [
            (decision.decision_id, "small", 0.5, "applied"),
            (decision.decision_id, "small", 0.5, "duplicate"),
            (None, "large", 0.25, "applied"),
        ]


def test_from_config():
    engine = LearningEngine.from_config({"schema_version": 1, "domains": {"route": {"default": "large"}}})
    assert engine.recommend("route", {}, ARMS) == "large"
