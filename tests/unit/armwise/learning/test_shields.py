from __future__ import annotations

import math

import pytest

from armwise.errors import BudgetExhausted, ConfigurationError, ShieldBlocked
from armwise.learning import FeatureStore, PacedBudget, Shields

HUGE = pytest.param(10**5000, id="huge")
PRICES = {"small": (0.001, 200.0), "medium": (0.01, 1000.0), "large": (0.02, 900.0), "slow": (0.002, 5000.0)}


@pytest.mark.parametrize(
    ("cost", "latency", "reason"),
    [
        (0.01, 1000, None),
        (0, 0, None),
        (math.nextafter(0.01, 1), 0, "budget_exceeded"),
        (0, math.nextafter(1000, 2000), "latency_exceeded"),
        (1, 5000, "budget_exceeded"),
    ],
)
def test_exactly_at_a_limit_is_allowed_and_cost_comes_first(cost, latency, reason):
    assert Shields(0.01, 1000).check(cost, latency) == reason


def test_without_limits_everything_passes():
    shields = Shields()
    assert shields.check(1e15, 1e15) is None
    assert shields.filter("route", ["a", 1]) == ["a", 1]
    assert shields.budget is None
    assert Shields(0, 0).check(0, 0) is None
    assert Shields(0, 0).check(1e-300, 0) == "budget_exceeded"


def test_candidates_keep_their_order_and_labels():
    shields = Shields(0.01, 1000, estimate=lambda arm, _: PRICES.get(arm))
    assert shields.filter("route", ("slow", "medium", "large", "unheard of", "small")) == [
        "medium",
        "unheard of",
        "small",
    ]


def test_none_left():
    shields = Shields(0.01, 1000, estimate=lambda arm, _: PRICES.get(arm))
    with pytest.raises(ShieldBlocked) as caught:
        shields.filter("route", ["large", "slow"])
    assert not isinstance(caught.value, BudgetExhausted)
    assert str(caught.value) == (
        "no candidate of 'route' is within the limits: 'large' budget_exceeded (0.02 USD, 900 ms), 'slow' "
        "latency_exceeded (0.002 USD, 5000 ms); raise the limits, or offer a cheaper one"
    )
    with pytest.raises(ShieldBlocked, match=r"5 budget_exceeded \(1 USD, 0 ms\), \.\.\.; raise"):
        Shields(0.01, estimate=lambda *_: (1, 0)).filter("route", range(20))


def test_the_estimate_is_told_the_context():
    told = []

    def estimate(arm, context):
        told.append((arm, context))
        return [0.0, context["wait"]]

    shields = Shields(latency_ms=10, estimate=estimate)
    assert shields.filter("route", ["a"], {"wait": 10}) == ["a"]
    with pytest.raises(ShieldBlocked):
        shields.filter("route", ["a"], {"wait": 11})
    assert told == [("a", {"wait": 10}), ("a", {"wait": 11})]


def test_without_an_estimate_what_was_observed_counts():
    features = FeatureStore()
    features.observe("route", "a", 1.0, 1.0)
    shields = Shields(0.5)
    assert shields.filter("route", ["a", "b"], None, features.estimate) == ["b"]
    assert shields.filter("prompt", ["a", "b"], None, features.estimate) == ["a", "b"]
    own = Shields(0.5, estimate=lambda *_: None)
    assert own.filter("route", ["a", "b"], None, features.estimate) == ["a", "b"]


def test_the_budget_of_all_requests_counts_too():
    budget = PacedBudget(0.03, 100, burst=0.03)
    shields = Shields(estimate=lambda arm, _: PRICES.get(arm), budget=budget)
    assert shields.budget is budget
    reservation = shields.reserve("route", "large", now=0)
    assert reservation.cost_usd == 0.02
    assert shields.filter("route", ["large", "medium", "new"], now=0) == ["medium", "new"]
    shields.reserve("route", "medium", now=0)
    # Nothing is left: what nobody knows the cost of waits as well.
    with pytest.raises(BudgetExhausted) as caught:
        shields.filter("route", ["small", "new"], now=0)
    assert str(caught.value) == (
        "no candidate of 'route' is within the limits: 'small' budget_exhausted (0.001 USD, 200 ms), 'new' "
        "budget_exhausted (cost not known); wait for the budget, or offer a cheaper one"
    )
    with pytest.raises(BudgetExhausted):
        shields.reserve("route", "small", now=0)
    assert shields.reserve("route", "new", now=0).cost_usd == 0.0
    budget.settle(reservation, 0.015, now=0)
    assert shields.filter("route", ["small", "new"], now=0) == ["small", "new"]
    assert shields.filter("route", ["large"], now=100.0) == ["large"]


def test_without_a_budget_nothing_is_reserved():
    assert Shields(0.1).reserve("route", "a") is None


BAD = [math.nan, math.inf, -1, 1e16, True, "1", [1], HUGE]


@pytest.mark.parametrize("value", BAD)
def test_what_is_no_limit_is_refused(value):
    with pytest.raises(ConfigurationError, match="budget_usd is"):
        Shields(value)
    with pytest.raises(ConfigurationError, match="latency_ms is"):
        Shields(None, value)
    with pytest.raises(ConfigurationError, match="cost_usd is"):
        Shields().check(value, 0)
    with pytest.raises(ConfigurationError, match="latency_ms is"):
        Shields().check(0, value)
    with pytest.raises(ConfigurationError, match="the estimated cost of 'a' is"):
        Shields(estimate=lambda *_: (value, 0)).filter("route", ["a"])
    with pytest.raises(ConfigurationError, match="the estimated latency of 'a' is"):
        Shields(estimate=lambda *_: (0, value)).filter("route", ["a"])


@pytest.mark.parametrize("found", [(), (1,), (1, 2, 3), 1.0, "ab", {"cost_usd": 1}, False])
def test_what_is_no_estimate_is_refused(found):
    with pytest.raises(ConfigurationError, match="the estimate of 'a' is"):
        Shields(estimate=lambda *_: found).filter("route", ["a"])


@pytest.mark.parametrize("candidates", [[], (), None, "ab", {"a"}, ["a", None], ["a", "a"], [math.nan], 3])
def test_what_are_no_candidates_is_refused(candidates):
    with pytest.raises(ConfigurationError, match="candidates"):
        Shields(0.1).filter("route", candidates)


def test_other_arguments_are_refused():
    with pytest.raises(ConfigurationError, match="estimate is 3; expected a function"):
        Shields(estimate=3)
    with pytest.raises(ConfigurationError, match=r"budget is 3\.0; expected a PacedBudget"):
        Shields(budget=3.0)
    with pytest.raises(ConfigurationError, match="cost_usd is None"):
        Shields().check(None, 0)


def test_what_the_budget_never_affords_is_blocked_and_others_pass():
    prices = {"mad": (1e12, 1.0), "dear": (2.0, 1.0), "cheap": (0.05, 1.0)}
    shields = Shields(estimate=lambda arm, _: prices[arm], budget=PacedBudget(1.0, 100, burst=0.1))
    assert shields.filter("route", list(prices), now=0) == ["cheap"]
    words = r"'mad' budget_exceeded .*'dear' budget_exceeded .*; raise the limits"
    with pytest.raises(ShieldBlocked, match=words) as told:
        shields.filter("route", ["mad", "dear"], now=0)
    assert not isinstance(told.value, BudgetExhausted)
    for arm in ("mad", "dear"):
        with pytest.raises(ShieldBlocked, match="never within this budget"):
            shields.reserve("route", arm, now=0)


def test_what_costs_more_than_the_burst_waits_for_its_time():
    shields = Shields(estimate=lambda *_: (0.5, 1.0), budget=PacedBudget(1.0, 100, burst=0.1))
    with pytest.raises(BudgetExhausted):
        shields.filter("route", ["a"], now=0)
    assert shields.filter("route", ["a"], now=60.0) == ["a"]
