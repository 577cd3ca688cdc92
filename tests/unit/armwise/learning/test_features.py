from __future__ import annotations

import math
import signal
import threading

import numpy as np
import pytest

from armwise.errors import ConfigurationError, ReentrantCall
from armwise.learning import FeatureStore, Shields
from armwise.learning import features as module


def averages(features, domain="route"):
    found = features.featurize(domain)
    return found["avg_cost_usd"], found["avg_latency_ms"]


def test_means_slide():
    features = FeatureStore(window=2)
    assert averages(features) == (0.0, 0.0)
    for cost, latency in [(1.0, 10.0), (2.0, 20.0), (4.0, 40.0)]:
        features.observe("route", "a", cost, latency)
    assert averages(features) == (3.0, 30.0)
    assert features.estimate("route", "a") == (3.0, 30.0)


def test_the_window_is_a_hundred():
    features = FeatureStore()
    features.observe("route", "a", 100.0, 100.0)
    for _ in range(99):
        features.observe("route", "a", 0, 0)
    assert averages(features) == (1.0, 1.0)
    features.observe("route", "a", 0, 0)
    assert averages(features) == (0.0, 0.0)


def test_arms_and_domains_stand_apart():
    features = FeatureStore()
    features.observe("route", "a", 1, 10)
    features.observe("route", 3, 3, 30)
    features.observe("prompt", "a", 5, 50)
    assert averages(features) == (2.0, 20.0)
    assert features.estimate("route", 3.0) == (3.0, 30.0)
    assert features.estimate("prompt", "a") == (5.0, 50.0)
    assert features.estimate("prompt", 3) is None
    assert features.estimate("tools", "a") is None
    features.reset()
    assert features.estimate("route", "a") is None
    assert averages(features) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("context", "tokens"),
    [
        (None, (0.0, 0.0)),
        ({}, (0.0, 0.0)),
        ({"input_tokens": 12, "output_tokens": 3.5, "user_id": "u"}, (12.0, 3.5)),
        ({"output_tokens": np.float32(2)}, (0.0, 2.0)),
        ([1.0, 2.0], (0.0, 0.0)),
        (np.ones(3), (0.0, 0.0)),
    ],
)
def test_tokens_are_those_of_the_context(context, tokens):
    found = FeatureStore().featurize("route", context)
    assert found == {
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "avg_cost_usd": 0.0,
        "avg_latency_ms": 0.0,
    }
    assert {type(value) for value in found.values()} == {float}


BAD = [
    math.nan,
    math.inf,
    -math.inf,
    -1,
    -1e-300,
    1e16,
    True,
    np.True_,
    None,
    "1",
    [1],
    1j,
    pytest.param(10**5000, id="huge"),
]


@pytest.mark.parametrize("value", BAD)
def test_what_is_no_amount_is_refused(value):
    features = FeatureStore()
    features.observe("route", "a", 1, 10)
    with pytest.raises(ConfigurationError, match=r"cost_usd is .*expected a number in \[0, 1e\+15\]"):
        features.observe("route", "a", value, 1.0)
    with pytest.raises(ConfigurationError, match=r"latency_ms is .*expected a number"):
        features.observe("route", "a", 1.0, value)
    for name in ("input_tokens", "output_tokens"):
        with pytest.raises(ConfigurationError, match=f"{name} is .*expected a number"):
            features.featurize("route", {name: value})
    assert averages(features) == (1.0, 10.0)
    assert features.estimate("route", "a") == (1.0, 10.0)


@pytest.mark.parametrize("arm", [None, math.nan, True, ["a"], {}, (1,), 10**30])
def test_what_is_no_arm_is_refused(arm):
    features = FeatureStore()
    features.observe("route", 1, 1, 10)
    with pytest.raises(ConfigurationError, match="arm is"):
        features.observe("route", arm, 1.0, 1.0)
    with pytest.raises(ConfigurationError, match="arm is"):
        features.estimate("route", arm)
    assert averages(features) == (1.0, 10.0)


@pytest.mark.parametrize("domain", [None, "", "a\n", ["route"], 3])
def test_what_is_no_domain_is_refused(domain):
    features = FeatureStore()
    for ask in (lambda: features.observe(domain, "a", 1.0, 1.0), lambda: features.featurize(domain)):
        with pytest.raises(ConfigurationError, match="domain is"):
            ask()
    with pytest.raises(ConfigurationError, match="domain is"):
        features.estimate(domain, "a")


@pytest.mark.parametrize("window", [0, -1, 1.0, True, None, "100", 100_001, pytest.param(10**5000, id="huge")])
def test_what_is_no_window_is_refused(window):
    with pytest.raises(ConfigurationError, match=r"window is .*whole number of requests"):
        FeatureStore(window)


def test_the_first_arm_goes_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(module, "_ARMS", 3)
    features = FeatureStore()
    for arm in "abcd":
        features.observe("route", arm, 1, 10)
    assert features.estimate("route", "a") is None
    assert features.estimate("route", "d") == (1.0, 10.0)
    assert averages(features) == (1.0, 10.0)


def test_threads_lose_none():
    features = FeatureStore(window=80_000)

    def observe(arm):
        for _ in range(10_000):
            features.observe("route", arm, 1.0 + (arm == "0"), 1.0)

    threads = [threading.Thread(target=observe, args=(str(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The window is exactly full: one lost observation would show in the mean.
    assert averages(features) == (9 / 8, 1.0)


def test_a_signal_handler_that_calls_back_is_told():
    features = FeatureStore()
    features.observe("route", "a", 1, 10)
    told = []

    def interrupt(*_):
        for ask in (
            lambda: features.observe("route", "a", 1.0, 1.0),
            lambda: features.featurize("route"),
            lambda: features.estimate("route", "a"),
            features.reset,
        ):
            try:
                ask()
            except ReentrantCall as error:
                told.append(str(error))

    former = signal.signal(signal.SIGALRM, interrupt)
    try:
        with features._locked():
            signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, former)
    assert len(told) == 4
    assert "signal handler" in told[0]
    assert features.estimate("route", "a") == (1.0, 10.0)


@pytest.mark.parametrize("cost", [0.02, 0.1, 0.07, 1 / 3])
def test_what_costs_exactly_the_budget_is_not_blocked(cost):
    features = FeatureStore(window=49)
    shields = Shields(budget_usd=cost, latency_ms=3 * cost)
    for _ in range(200):
        features.observe("route", "a", cost, 3 * cost)
        assert features.estimate("route", "a") == (cost, 3 * cost)
        assert shields.filter("route", ["a"], {}, features.estimate) == ["a"]
