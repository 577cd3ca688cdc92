from __future__ import annotations

import math

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.rewards import CompositeReward

OUTCOME = {"cost_usd": 0.002, "latency_ms": 500}


def close(value, expected):
    return math.isclose(value, expected, rel_tol=0, abs_tol=1e-15)


def test_the_published_figures():
    reward = CompositeReward(quality_weight=0, max_cost=0.01)
    assert close(reward.compute("route", None, OUTCOME, {}).reward, 0.775)
    assert close(reward.reward(0.002, 500, 0.3), 0.775)
    assert reward.reward(0.01, 2000, 1.0) == 0.0
    assert reward.reward(0.5, 1e9, 1.0) == 0.0
    assert reward.reward(0, 0, 0) == 1.0


def test_no_weights_at_all_are_half_and_half():
    reward = CompositeReward(quality_weight=0, cost_weight=0, latency_weight=0, max_cost=0.01)
    assert dict(reward.weights) == {"quality": 0.0, "cost_usd": 0.5, "latency_ms": 0.5}
    assert close(reward.reward(0.002, 500, 0.0), 0.775)


def test_only_quality_weighs_where_nothing_else_does():
    reward = CompositeReward(cost_weight=0, latency_weight=0, max_cost=1)
    assert reward.reward(5, 5, 0.25) == 0.25


def test_quality_weighs_as_much_as_the_rest():
    reward = CompositeReward(max_cost=0.01)
    assert dict(reward.weights) == {"quality": 0.5, "cost_usd": 0.25, "latency_ms": 0.25}
    free_and_wrong, dear_and_right = reward.reward(0, 0, 0), reward.reward(1, 1e6, 1)
    assert free_and_wrong == dear_and_right == 0.5


def test_the_breakdown_adds_up():
    signals = {"quality": 0.9, "words": 12}
    result = CompositeReward(max_cost=0.01).compute("route", [1.0], OUTCOME, signals)
    assert list(result.breakdown) == ["quality", "cost_usd", "latency_ms"]
    assert close(sum(result.breakdown.values()), result.reward)
    assert (result.domain, result.context, result.arm) == ("route", [1.0], None)
    assert result.outcome is OUTCOME
    assert result.signals is signals
    assert result.reward == CompositeReward(max_cost=0.01).reward(0.002, 500, 0.9)


def test_weights_of_any_size_stay_in_range():
    for weights in [(1e308, 1e308, 1e308), (5e-324, 5e-324, 5e-324), (0.1, 0.2, 0.7), (1, 1e-300, 3)]:
        names = ("quality_weight", "cost_weight", "latency_weight")
        reward = CompositeReward(**dict(zip(names, weights, strict=True)), max_cost=5e-324, latency_ms_window=5e-324)
        assert close(sum(reward.weights.values()), 1.0)
        assert 1.0 - 1e-15 <= reward.reward(0, 0, 1) <= 1.0
        assert reward.reward(1e308, 1e308, 0) == 0.0


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, int])
def test_any_real_number_will_do(kind):
    result = CompositeReward(max_cost=2).compute(
        "route", None, {"cost_usd": kind(1), "latency_ms": kind(1000)}, {"quality": kind(1)}
    )
    assert result.reward == 0.75
    assert type(result.reward) is float


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, True, "1", None, pytest.param(10**5000, id="huge"), -0.1, np.bool_(0)]
)
def test_bad_entries_are_named(bad):
    reward = CompositeReward(max_cost=0.01)
    for outcome, quality, name in [
        ({**OUTCOME, "cost_usd": bad}, 1.0, "cost_usd"),
        ({**OUTCOME, "latency_ms": bad}, 1.0, "latency_ms"),
        (OUTCOME, bad, "quality"),
    ]:
        with pytest.raises(ConfigurationError, match=rf"^{name} is "):
            reward.compute("route", None, outcome, {"quality": quality})
        with pytest.raises(ConfigurationError, match=rf"^{name} is "):
            reward.reward(outcome["cost_usd"], outcome["latency_ms"], quality)


def test_quality_beyond_one_is_refused():
    with pytest.raises(ConfigurationError, match=r"quality is 1.5; expected a number in \[0, 1\]"):
        CompositeReward(max_cost=0.01).reward(0, 0, 1.5)
    with pytest.raises(ConfigurationError, match=r"quality is 1\.5"):
        CompositeReward(quality_weight=0, max_cost=0.01).compute("route", None, OUTCOME, {"quality": 1.5})


def test_missing_entries_are_named():
    reward = CompositeReward(max_cost=0.01)
    with pytest.raises(ConfigurationError, match="outcome holds no 'cost_usd'"):
        reward.compute("route", None, {"latency_ms": 1}, {"quality": 1})
    with pytest.raises(ConfigurationError, match="outcome holds no 'latency_ms'"):
        reward.compute("route", None, {"cost_usd": 1}, {"quality": 1})
    with pytest.raises(ConfigurationError, match=r"signals holds no 'quality'.*quality_weight=0"):
        reward.compute("route", None, OUTCOME, {"groundedness": 1})


@pytest.mark.parametrize("bad", [None, [], "cost_usd", 3, object()])
def test_what_is_no_mapping_is_named(bad):
    reward = CompositeReward(max_cost=0.01)
    with pytest.raises(ConfigurationError, match=r"outcome is .*expected a mapping"):
        reward.compute("route", None, bad, {"quality": 1})
    with pytest.raises(ConfigurationError, match=r"signals is .*expected a mapping"):
        reward.compute("route", None, OUTCOME, bad)
    with pytest.raises(ConfigurationError, match=r"settings is .*expected a mapping"):
        CompositeReward.from_settings(bad)


@pytest.mark.parametrize("name", ["quality_weight", "cost_weight", "latency_weight", "latency_ms_window", "max_cost"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, True, "1", None, pytest.param(10**5000, id="huge")])
def test_bad_options_are_named(name, bad):
    with pytest.raises(ConfigurationError, match=rf"^{name} is "):
        CompositeReward(**{"max_cost": 0.01, name: bad})


@pytest.mark.parametrize("name", ["latency_ms_window", "max_cost"])
def test_scales_are_more_than_nothing(name):
    with pytest.raises(ConfigurationError, match=f"{name} is 0; expected a finite number, more than 0"):
        CompositeReward(**{"max_cost": 0.01, name: 0})


def test_settings():
    settings = {
        "reward_quality_weight": 2,
        "reward_cost_weight": 1,
        "reward_latency_weight": 1,
        "reward_latency_ms_window": 1000,
        "reward_max_cost": 0.5,
        "log_level": "debug",
        7: "not ours",
    }
    reward = CompositeReward.from_settings(settings)
    assert repr(reward) == (
        "CompositeReward(quality_weight=0.5, cost_weight=0.25, latency_weight=0.25, latency_ms_window=1000.0, "
        "max_cost=0.5)"
    )
    assert repr(CompositeReward.from_settings({"reward_max_cost": 1})) == repr(CompositeReward(max_cost=1))


def test_bad_settings_are_named():
    with pytest.raises(ConfigurationError, match="settings holds no 'reward_max_cost'"):
        CompositeReward.from_settings({"reward_cost_weight": 1})
    with pytest.raises(
        ConfigurationError, match="settings holds 'reward_cost'; expected some of reward_quality_weight"
    ):
        CompositeReward.from_settings({"reward_cost": 1, "reward_max_cost": 1})
    with pytest.raises(ConfigurationError, match="reward_max_cost is 'much'"):
        CompositeReward.from_settings({"reward_max_cost": "much"})


def test_the_remedy_that_a_beta_policy_names_is_there_and_helps():
    policy = ThompsonSampling(["a"], seed=1)
    with pytest.raises(ConfigurationError, match=f"{CompositeReward.__module__.rpartition('.')[0]}.CompositeReward"):
        policy.update("a", 200.0)
    policy.update("a", CompositeReward(max_cost=0.01).reward(0.002, 200.0, 1.0))
    assert policy.policy_version == 1
