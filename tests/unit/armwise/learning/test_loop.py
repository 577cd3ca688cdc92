"""The learning loop: what acts, what is learnt from it, and what is not."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from armwise import ConfigurationError, LinTSDiag, ShieldBlocked, ThompsonSampling, UnknownDomain
from armwise.errors import BudgetExhausted
from armwise.learning import Flags, LearningEngine, PacedBudget, Shields, alearn, learn
from armwise.rewards import RewardEngine

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True, "ENABLE_RL_LINTS": True}
ARMS = ["small", "large"]
OUTCOMES = {"small": ({"cost_usd": 2.0**-10, "latency_ms": 100.0}, {"quality": 0.2}),
            "large": ({"cost_usd": 0.005, "latency_ms": 900.0}, {"quality": 1.0})}  # fmt: skip


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


def test_in_the_shadow_each_turn_is_evidence():
    engine = engine_of(active=False)
    for _ in range(5):
        assert learn("route", {}, ARMS, OUTCOMES.get, engine=engine).arm == "small"
    assert engine.status()["route"]["evidence"]["n"] == 5


def test_contextual_policies_are_told_the_means():
    policy = LinTSDiag(dim=6, seed=1)
    engine = engine_of(policy)
    for _ in range(3):
        learn("route", {"user_id": "u", "hard": 1.0}, ARMS, OUTCOMES.get, engine=engine)
    expected = {"avg_cost_usd", "avg_latency_ms", "hard", "input_tokens", "output_tokens"}
    assert policy._encoder.columns.keys() == expected
    learn("route", np.ones(6), ARMS, OUTCOMES.get, engine=engine)


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
    assert engine.features.estimate("route", "large") is None


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
