from __future__ import annotations

import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.rewards import RewardEngine

OUTCOME = {"cost_usd": 0.2, "latency_ms": 100}
SIGNALS = {"quality": 1.0, "groundedness": 0.5}


def test_the_published_figure():
    result = RewardEngine().compute("route", {"x": 1}, OUTCOME, SIGNALS)
    assert math.isclose(result.reward, -98.7, rel_tol=0, abs_tol=1e-12)
    assert result.domain == "route"
    assert result.context == {"x": 1}
    assert result.outcome is OUTCOME
    assert result.signals is SIGNALS
    assert result.arm is None


def test_the_breakdown_adds_up_and_names_every_component():
    signals = {**SIGNALS, "safety_penalty": 0.25, "privacy_penalty": 0.5}
    result = RewardEngine({"safety_penalty": 2.0}).compute("route", None, OUTCOME, signals)
    assert result.breakdown == {
        "quality": 1.0,
        "groundedness": 0.5,
        "cost_usd": -0.2,
        "latency_ms": -100.0,
        "safety_penalty": -0.5,
        "privacy_penalty": -0.5,
    }
    assert sum(result.breakdown.values()) == result.reward


def test_signals_that_are_not_there_are_nothing():
    result = RewardEngine().compute("route", None, {"cost_usd": 0, "latency_ms": 0}, {})
    assert result.reward == 0.0
    assert all(str(value) == "0.0" for value in result.breakdown.values())


def test_weights_of_one_act_stand_in_for_the_engines():
    engine = RewardEngine({"quality": 2.0, "latency_ms": 0.0})
    assert engine.compute("route", None, OUTCOME, SIGNALS, weights={"cost_usd": 0}).reward == 2.5
    assert engine.weights["quality"] == 2.0
    assert engine.weights["cost_usd"] == 1.0
    assert repr(engine).startswith("RewardEngine({'quality': 2.0, ")


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64, int, float])
def test_any_real_number_will_do(kind):
    outcome = {"cost_usd": kind(1), "latency_ms": kind(2)}
    result = RewardEngine().compute("route", None, outcome, {"quality": kind(1)})
    assert result.reward == -2.0
    assert type(result.reward) is float


@pytest.mark.parametrize(
    "bad", [math.nan, math.inf, -math.inf, True, "1", None, pytest.param(10**5000, id="huge"), 1j, [1.0], np.bool_(1)]
)
@pytest.mark.parametrize(
    "name", ["cost_usd", "latency_ms", "quality", "groundedness", "safety_penalty", "privacy_penalty"]
)
def test_what_is_no_number_is_named(name, bad):
    outcome, signals = dict(OUTCOME), dict(SIGNALS)
    (outcome if name in OUTCOME else signals)[name] = bad
    with pytest.raises(ConfigurationError, match=rf"\['{name}'\] is .*expected a finite number"):
        RewardEngine().compute("route", None, outcome, signals)


@pytest.mark.parametrize("name", ["cost_usd", "latency_ms", "safety_penalty", "privacy_penalty"])
def test_what_is_taken_off_is_at_least_nothing(name):
    outcome, signals = dict(OUTCOME), dict(SIGNALS)
    (outcome if name in OUTCOME else signals)[name] = -0.5
    with pytest.raises(ConfigurationError, match=rf"\['{name}'\] is -0.5; expected a finite number, at least 0"):
        RewardEngine().compute("route", None, outcome, signals)


@pytest.mark.parametrize("name", ["cost_usd", "latency_ms"])
def test_a_missing_entry_is_named(name):
    outcome = {key: value for key, value in OUTCOME.items() if key != name}
    with pytest.raises(ConfigurationError, match=f"outcome holds no '{name}'"):
        RewardEngine().compute("route", None, outcome, SIGNALS)


@pytest.mark.parametrize("bad", [None, [], "cost_usd", 3, object()])
def test_what_is_no_mapping_is_named(bad):
    with pytest.raises(ConfigurationError, match=r"outcome is .*expected a mapping"):
        RewardEngine().compute("route", None, bad, SIGNALS)
    with pytest.raises(ConfigurationError, match=r"signals is .*expected a mapping"):
        RewardEngine().compute("route", None, OUTCOME, bad)
    if bad is not None:
        with pytest.raises(ConfigurationError, match=r"weights is .*expected a mapping"):
            RewardEngine(bad)


def test_unknown_weights_are_refused():
    with pytest.raises(ConfigurationError, match="weights holds 'cost'; expected some of 'quality'"):
        RewardEngine({"cost": 1.0})
    with pytest.raises(ConfigurationError, match="weights holds 'cost'"):
        RewardEngine().compute("route", None, OUTCOME, SIGNALS, weights={"cost": 1.0})


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf, True, "1", None])
def test_weights_are_numbers(bad):
    with pytest.raises(ConfigurationError, match=r"weights\['quality'\] is "):
        RewardEngine({"quality": bad})


def test_a_sum_beyond_every_float_is_refused():
    with pytest.raises(ConfigurationError, match="add up beyond every float"):
        RewardEngine().compute("route", None, OUTCOME, {"quality": 1.7e308, "groundedness": 1.7e308})


def test_a_mapping_that_raises_is_heard():
    class Odd(dict):
        def __getitem__(self, key):
            raise IndexError(key)

        def __contains__(self, key):
            return False

    with pytest.raises(ConfigurationError, match="outcome holds no 'cost_usd'"):
        RewardEngine().compute("route", None, Odd(OUTCOME), SIGNALS)
