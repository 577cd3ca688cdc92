"""The learning loop: what acts, what is learnt from it, and what is not."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from armwise import ConfigurationError, LinTSDiag, ShieldBlocked, ThompsonSampling, UnknownDomain
from armwise.errors import BudgetExhausted, StoreError
from armwise.learning import Activation, Flags, LearningEngine, PacedBudget, Shields, alearn, learn
from armwise.rewards import DelayedRewards, RewardEngine
from armwise.rewards._memory import MemoryPending

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True, "ENABLE_RL_LINTS": True}
ARMS = ["small", "large"]
OUTCOMES = {"small": ({"cost_usd": 2.0**-10, "latency_ms": 100.0}, {"quality": 0.2}),
            "large": ({"cost_usd": 0.005, "latency_ms": 900.0}, {"quality": 1.0})}  # fmt: skip


class Rising:
    """An estimate that others' requests have made dearer by the second look."""

    def __init__(self):
        self.cost = 0.0

    def __call__(self, *_):
        self.cost += 0.75
        return self.cost, 1.0


def engine_of(policy=None, values=ON, *, active=True):
    engine = LearningEngine(flags=Flags(values))
    engine.register_domain("route", policy)
    if active:
        engine.activate("route")
    return engine


def test_it_finds_the_better_arm():
    engine = engine_of(ThompsonSampling(seed=1))
    results = [learn("route", {}, ARMS, OUTCOMES.get, engine=engine) for _ in range(300)]
    assert [result.arm for result in results[-100:]].count("large") > 80
    reward = next(result.reward for result in results if result.arm == "large")
    assert reward == pytest.approx(0.5 * 1.0 + 0.25 * 0.5 + 0.25 * 0.55)
    assert engine.status()["route"]["arms"]["large"]["q"] == pytest.approx(reward)
    assert engine.features.estimate("route", "large") == pytest.approx((0.005, 900.0))
    assert sum(arm["n"] for arm in engine.status()["route"]["arms"].values()) == 300


def test_with_flags_off_the_first_candidate_acts_and_a_result_comes_back():
    policy = ThompsonSampling(seed=1)
    engine = engine_of(policy, {})
    result = learn("route", {"user": "u"}, ARMS, OUTCOMES.get, engine=engine)
    assert (result.arm, result.domain, result.context) == ("small", "route", {"user": "u"})
    assert policy.state_dict()["policy_version"] == 0
    assert engine.status()["route"]["arms"]["small"]["n"] == 1
    assert engine.features.estimate("route", "small") == (2.0**-10, 100.0)


def test_in_the_shadow_one_turn_in_eight_is_evidence_and_no_decision_waits():
    engine = LearningEngine(flags=Flags(ON))
    engine.register_domain("route", activation=Activation(margin=0.01))
    for _ in range(24):
        assert learn("route", {}, ARMS, OUTCOMES.get, engine=engine).arm == "small"
        assert learn("route", {}, ARMS[:1], OUTCOMES.get, engine=engine).arm == "small"
    assert engine.status()["route"]["evidence"]["served"]["n"] == 3
    assert set(engine.delayed.counts.values()) == {0}


def test_turns_alone_activate_a_policy_that_agrees_with_the_rule():
    engine = LearningEngine(flags=Flags(ON))
    engine.register_domain("route", ThompsonSampling(seed=1), activation=Activation(margin=0.2))
    engine.record("route", {}, "large", 0.0)
    for _ in range(3000):
        learn("route", {}, ARMS, OUTCOMES.get, engine=engine)
    assert engine.phase("route") == "active"


def test_what_is_learnt_with_is_what_a_bake_off_and_a_record_learn_with():
    context = {"user_id": "u", "hard": 1.0}
    learning, recording = LinTSDiag(dim=6, seed=1), LinTSDiag(dim=6, seed=1)
    engine, other = engine_of(learning), engine_of(recording)
    for _ in range(3):
        result = learn("route", context, ARMS, OUTCOMES.get, engine=engine)
        arm = other.recommend("route", context, ARMS)
        other.record("route", context, arm, result.reward)
        for each in (engine, other):
            each.shadow_bakeoff("route", ARMS, {"small": 0.1, "large": 0.9}.get, context)
    assert learning._encoder.columns.keys() == {"hard"}
    assert learning.state_dict() == recording.state_dict()
    learn("route", np.ones(6), ARMS, OUTCOMES.get, engine=engine)


def test_the_means_are_features_where_they_are_given():
    policy = LinTSDiag(dim=6, seed=1)
    engine = engine_of(policy)
    for _ in range(3):
        context = {**engine.features.featurize("route", {"input_tokens": 5}), "hard": 1.0}
        assert learn("route", context, ARMS, OUTCOMES.get, engine=engine).context == context
    expected = {"avg_cost_usd", "avg_latency_ms", "hard", "input_tokens", "output_tokens"}
    assert policy._encoder.columns.keys() == expected


@pytest.mark.parametrize(
    "acted",
    [
        None,
        5,
        ({},),
        ({}, {}, {}),
        (None, {}),
        ({"latency_ms": 5.0}, {"quality": 1.0}),
        ({"cost_usd": 0.1}, {"quality": 1.0}),
        ({"cost_usd": -0.1, "latency_ms": 1.0}, {"quality": 1.0}),
        ({"cost_usd": 0.1, "latency_ms": float("nan")}, {"quality": 1.0}),
        ({"cost_usd": 0.1, "latency_ms": True}, {"quality": 1.0}),
        ({"cost_usd": 0.1, "latency_ms": 1.0}, {}),
        ({"cost_usd": 0.1, "latency_ms": 1.0}, {"quality": 1.5}),
    ],
)
def test_what_cannot_be_learnt_from_changes_nothing(acted):
    policy = ThompsonSampling(seed=1)
    engine = engine_of(policy)
    with pytest.raises(ConfigurationError):
        learn("route", {}, ARMS, lambda _: acted, engine=engine)
    assert (policy.policy_version, engine.status()["route"]["arms"]) == (0, {})
    assert engine.features.estimate("route", "small") is None


def test_a_reward_that_the_policy_refuses_changes_nothing():
    policy = ThompsonSampling(seed=1)
    engine = engine_of(policy)
    with pytest.raises(ConfigurationError, match="CompositeReward"):
        learn("route", {}, ["large"], OUTCOMES.get, engine=engine, reward=RewardEngine())
    assert (policy.policy_version, engine.status()["route"]["arms"]) == (0, {})
    assert engine.features.estimate("route", "large") == (0.005, 900.0), "what it cost is known all the same"


@pytest.mark.parametrize("active", [False, True])
def test_what_cost_too_much_is_known_to_the_shields_though_it_taught_nothing(active):
    engine = engine_of(active=active)
    shields = Shields(budget_usd=1.0)

    def act(_):
        return {"cost_usd": 5.0, "latency_ms": 1.0}, {}

    with pytest.raises(ConfigurationError, match="quality"):
        learn("route", {}, ["large"], act, engine=engine, shields=shields)
    with pytest.raises(ShieldBlocked, match="budget_exceeded"):
        learn("route", {}, ["large"], act, engine=engine, shields=shields)


@pytest.mark.parametrize("wrong", [{"engine": 5}, {"shields": 5}, {"reward": 5}, {"act": 5}, {"engine": None}])
def test_an_argument_of_another_kind_is_refused_before_anything_acts(wrong):
    engine, acted = engine_of(), []
    arguments = {"engine": engine, "act": acted.append} | wrong
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        learn("route", {}, ARMS, **arguments)
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        asyncio.run(alearn("route", {}, ARMS, **arguments))
    assert acted == []


@pytest.mark.parametrize("made", [None, 0.5, (0.5,)])
def test_a_reward_model_that_makes_no_result_is_told_after_the_act(made):
    class Model:
        def compute(self, *_):
            return made

    engine = engine_of()
    with pytest.raises(ConfigurationError, match=r"Model.compute returned .*expected a RewardResult; .* has acted"):
        learn("route", {}, ARMS, OUTCOMES.get, engine=engine, reward=Model())
    assert engine.status()["route"]["arms"] == {}


class Watching:
    """A tracer that remembers, or raises."""

    def __init__(self, *, raises=False):
        self.raises, self.told = raises, []

    def decided(self, *_, **__):
        self._tell("decided")

    def rewarded(self, *_, **__):
        self._tell("rewarded")

    def _tell(self, what):
        self.told.append(what)
        if self.raises:
            raise RuntimeError(what)


def test_a_tracer_that_raises_loses_neither_turn_nor_reward(caplog):
    tracer = Watching(raises=True)
    engine = LearningEngine(flags=Flags(ON), tracer=tracer)
    engine.register_domain("route", ThompsonSampling(seed=1))
    for _ in range(3):
        assert learn("route", {}, ARMS, OUTCOMES.get, engine=engine).arm == "small"
    decision = engine.decide("route", {}, ARMS)
    assert engine.record("route", {}, decision.arm, 0.5, decision_id=decision.decision_id) == "applied"
    status = engine.status()["route"]
    assert (status["arms"]["small"]["n"], status["failures"]) == (4, {"the tracer raised": 8})
    assert tracer.told == ["decided", "rewarded"] * 4
    assert engine.delayed.counts["pending"] == 0
    assert caplog.text.count("the tracer raised") == 1


class Full:
    """A store of pending decisions on a disk that is full."""

    def __init__(self):
        self.waiting = MemoryPending()

    def __getattr__(self, name):
        return getattr(self.waiting, name)

    def expect(self, *_):
        msg = "no space left on device"
        raise StoreError(msg)


@pytest.mark.parametrize("active", [False, True])
def test_a_store_that_is_full_fails_no_turn(active):
    tracer = Watching()
    engine = LearningEngine(flags=Flags(ON), tracer=tracer, delayed=DelayedRewards(Full()))
    engine.register_domain("route", ThompsonSampling(seed=1))
    if active:
        engine.activate("route")
    for _ in range(3):
        learn("route", {}, ["small"], OUTCOMES.get, engine=engine)
    with pytest.raises(StoreError):
        engine.decide("route", {}, ARMS)
    status = engine.status()["route"]
    assert status["arms"]["small"]["n"] == 3
    assert status["failures"] == {"the store takes no pending decision": 3}
    assert tracer.told == ["decided", "rewarded"] * 3


def test_what_act_raises_passes_through_and_nothing_is_learnt():
    engine = engine_of()

    def act(arm):
        raise TimeoutError(arm)

    with pytest.raises(TimeoutError):
        learn("route", {}, ARMS, act, engine=engine)
    with pytest.raises(UnknownDomain):
        learn("nothing", {}, ARMS, act, engine=engine)
    assert engine.status()["route"]["arms"] == {}


class TestShields:
    def test_a_turn_that_cannot_be_paid_for_leaves_nothing_that_waits(self):
        tracer = Watching()
        engine = LearningEngine(flags=Flags(ON), tracer=tracer)
        engine.register_domain("route", ThompsonSampling(seed=1))
        shields = Shields(budget=PacedBudget(1.0, 3600, burst=1.0), estimate=Rising())
        with pytest.raises(ShieldBlocked, match=r"1.5 USD"):
            learn("route", {}, ["small"], OUTCOMES.get, engine=engine, shields=shields)
        assert (engine.delayed.counts["pending"], tracer.told) == (0, [])

    def test_a_turn_that_cannot_begin_gives_back_what_it_reserved(self):
        engine = LearningEngine(flags=Flags(ON), tracer=Watching())
        engine.register_domain("route", LinTSDiag(ARMS, dim=2, seed=1))
        shields = Shields(budget=PacedBudget(1.0, 3600, burst=1.0), estimate=lambda *_: (0.75, 1.0))
        with pytest.raises(ConfigurationError):
            learn("route", {"x": float("nan")}, ["small"], OUTCOMES.get, engine=engine, shields=shields)
        assert shields.budget.left() == pytest.approx(1.0, abs=1e-3)

    def test_a_blocked_arm_never_acts(self):
        engine = engine_of(ThompsonSampling(seed=1))
        acted = []

        def act(arm):
            acted.append(arm)
            return OUTCOMES[arm]

        for arm in ARMS:
            learn("route", {}, [arm], act, engine=engine)
        acted.clear()
        for _ in range(50):  # exactly at the limit is allowed
            learn("route", {}, ARMS, act, engine=engine, shields=Shields(budget_usd=2.0**-10, latency_ms=100.0))
        assert set(acted) == {"small"}
        with pytest.raises(ShieldBlocked, match="budget_exceeded"):
            learn("route", {}, ["large"], act, engine=engine, shields=Shields(budget_usd=0.0049))
        assert set(acted) == {"small"}

    def test_a_budget_pays_what_acts_cost(self):
        engine = engine_of(ThompsonSampling(seed=1))
        shields = Shields(budget=PacedBudget(0.011, 3600, burst=0.011))
        for _ in range(2):
            learn("route", {}, ["large"], OUTCOMES.get, engine=engine, shields=shields)
        assert shields.budget.left() == pytest.approx(0.001, abs=1e-4)
        with pytest.raises(BudgetExhausted):
            learn("route", {}, ["large"], OUTCOMES.get, engine=engine, shields=shields)
        learn("route", {}, ["small"], OUTCOMES.get, engine=engine, shields=shields)

    def test_what_is_spent_is_spent_though_nothing_can_be_learnt(self):
        engine = engine_of()
        shields = Shields(budget=PacedBudget(1.0, 3600, burst=1.0))
        with pytest.raises(ConfigurationError, match="quality"):
            learn(
                "route", {}, ARMS, lambda _: ({"cost_usd": 0.5, "latency_ms": 1.0}, {}), engine=engine, shields=shields
            )
        assert shields.budget.left() == pytest.approx(0.5)


class TestAsynchronous:
    def test_turns_at_the_same_time_are_all_learnt(self):
        engine = engine_of(ThompsonSampling(seed=1))

        async def act(arm):
            await asyncio.sleep(0)
            return OUTCOMES[arm]

        async def serve():
            return await asyncio.gather(*(alearn("route", {}, ARMS, act, engine=engine) for _ in range(100)))

        results = asyncio.run(serve())
        assert {result.arm for result in results} <= set(ARMS)
        assert sum(arm["n"] for arm in engine.status()["route"]["arms"].values()) == 100

    def test_each_loop_names_the_other(self):
        engine = engine_of()

        async def act(arm):
            return OUTCOMES[arm]

        with pytest.raises(ConfigurationError, match="alearn takes an act that is async"):
            learn("route", {}, ARMS, act, engine=engine)
        with pytest.raises(ConfigurationError, match="learn takes an act that is not async"):
            asyncio.run(alearn("route", {}, ARMS, OUTCOMES.get, engine=engine))
