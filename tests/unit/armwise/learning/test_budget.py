from __future__ import annotations

import json
import math
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from armwise.errors import BudgetExhausted, ConfigurationError, ReentrantCall, ShieldBlocked, SnapshotError
from armwise.learning import PacedBudget

HUGE = pytest.param(10**5000, id="huge")


def test_exactly_the_budget_is_allowed():
    # Ten times 0.1 in floats is a little less than 1, and three times 0.1 a little more than 0.3.
    budget = PacedBudget(0.3, 60, burst=0.3)
    for _ in range(3):
        assert budget.allows(0.1, now=0)
        budget.reserve(0.1, now=0)
    assert budget.left(now=0) == 0.0
    assert budget.allows(0, now=0)
    assert not budget.allows(1e-12, now=0)
    with pytest.raises(BudgetExhausted, match=r"^1e-12 USD were asked for, and 0 are left .* try again in 60 s"):
        budget.reserve(1e-12, now=0)


def test_money_comes_in_evenly():
    budget = PacedBudget(1.0, timedelta(seconds=100), burst=0.2)
    budget.reserve(0.2, now=0.0)
    assert budget.left(now=0.0) == 0.0
    assert budget.left(now=50.0) == pytest.approx(0.4)
    assert budget.left(now=99.999_999_999) == pytest.approx(0.8)
    budget.reserve(0.4, now=50.0)
    assert not budget.allows(1e-6, now=50.0)


def test_what_a_period_leaves_is_not_carried_over():
    budget = PacedBudget(1.0, 100, burst=1.0)
    budget.reserve(0.1, now=0.0)
    assert budget.left(now=99.0) == 0.9
    assert budget.left(now=100.0) == 1.0
    assert budget.left(now=1000.0) == 1.0


def test_what_was_overspent_is_the_debt_of_the_next_periods():
    budget = PacedBudget(1.0, 100, burst=1.0)
    budget.settle(budget.reserve(1.0, now=0.0), 2.5, now=1.0)
    assert budget.left(now=99.0) == -1.5
    assert not budget.allows(0, now=99.0)
    assert budget.left(now=100.0) == -0.5
    assert budget.left(now=200.0) == 0.5
    assert budget.left(now=300.0) == 1.0


def test_an_outcome_gives_back_what_was_not_needed():
    budget = PacedBudget(1.0, 100, burst=1.0)
    first, second = budget.reserve(0.5, now=0.0), budget.reserve(0.5, now=0.0)
    budget.settle(first, 0.1, now=1.0)
    assert budget.left(now=1.0) == 0.4
    budget.settle(second, now=1.0)
    assert budget.left(now=1.0) == 0.4
    assert repr(second) == "Reservation(cost_usd=0.5, settled)"


def test_what_never_ran_costs_nothing():
    budget = PacedBudget(1.0, 100, burst=1.0)
    budget.settle(budget.reserve(0.5, now=0.0), 0, now=0.0)
    assert budget.left(now=0.0) == 1.0


def test_a_period_that_is_over_gives_no_credit_to_the_next():
    budget = PacedBudget(1.0, 100, burst=1.0)
    early, late = budget.reserve(0.5, now=99.0), budget.reserve(0.5, now=99.0)
    budget.reserve(0.5, now=199.5)
    budget.settle(early, 0.1, now=199.5)
    assert budget.left(now=199.5) == 0.5
    budget.settle(late, 1.2, now=199.5)
    assert budget.left(now=199.5) == pytest.approx(0.2)


def test_a_debt_is_of_what_was_spent():
    """Whether an act that never ran is settled before the period ends or after, or not at all."""
    for settled in (99.0, 101.0, None):
        budget = PacedBudget(1.0, 100, burst=1.0)
        first, second = budget.reserve(0.5, now=0.0), budget.reserve(0.5, now=0.0)
        budget.settle(first, 1.5, now=50.0)
        assert budget.left(now=50.0) == -1.0
        if settled is not None:
            budget.settle(second, 0.0, now=settled)
        assert budget.left(now=101.0) == 0.5
    budget.settle(second, 0.25, now=101.0)
    assert budget.left(now=101.0) == 0.25
    assert budget.left(now=200.0) == 1.0


def test_a_period_begins_when_the_budget_is_first_asked():
    for ask in (
        lambda budget: budget.allows(0.5, now=1000.0),
        lambda budget: budget.left(now=1000.0),
        lambda budget: budget.reserve(0.5, now=1000.0),
    ):
        budget = PacedBudget(1.0, 100, burst=0.1)
        with suppress(BudgetExhausted):
            ask(budget)
        assert budget.left(now=1050.0) == pytest.approx(0.55)
        budget.reserve(0.5, now=1050.0)
        assert budget.left(now=1100.0) == pytest.approx(0.1)


def test_a_wait_is_as_long_as_it_says():
    """A cost is refused until the moment that the refusal names, and allowed then; or it is never allowed."""
    rng = random.Random(5)
    for _ in range(400):
        budget, now, opened = PacedBudget(1.0, 1000, burst=rng.choice([0.05, 0.3, 0.9, 1.0])), 0, []
        for _ in range(8):
            with suppress(BudgetExhausted):
                opened.append(budget.reserve(rng.random() * 0.3, now))
            if opened and rng.random() < 0.4:
                budget.settle(opened.pop(0), rng.choice([0, rng.random() * 0.3, None, rng.random() * 1.5]), now)
            now += rng.randrange(300 * 10**9)
        cost = rng.random()
        if budget.allows(cost, now):
            continue
        wait = budget._wait(round(cost * 10**12), now)
        if wait is None:
            assert not budget.affords(cost)
            assert not any(budget.allows(cost, now + seconds * 10**9) for seconds in range(0, 6000, 7))
        else:
            assert budget.affords(cost)
            assert budget.allows(cost, now + wait)
            assert not any(budget.allows(cost, now + rng.randrange(wait)) for _ in range(20))


@pytest.mark.parametrize(("cost", "affords"), [(0, True), (0.999, True), (1.0, False), (1e15, False)])
def test_what_is_never_left(cost, affords):
    budget = PacedBudget(1.0, 100, burst=0.2)
    assert budget.affords(cost) is affords
    assert PacedBudget(1.0, 100, burst=1.0).affords(1.0)
    for value in BAD:
        with pytest.raises(ConfigurationError, match="expected an amount of USD"):
            budget.affords(value)


def test_late_moments_count_as_the_latest():
    budget = PacedBudget(1.0, 100, burst=0.2)
    budget.reserve(0.0, now=0.0)
    budget.reserve(0.5, now=50.0)
    assert budget.left(now=10.0) == budget.left(now=50.0)
    budget.reserve(0.1, now=10.0)
    assert budget.left(now=50.0) == 0.0


def test_a_question_moves_no_clock():
    budget = PacedBudget(1.0, 100, burst=0.2)
    assert budget.allows(0.2, now=0.0)
    assert budget.left(now=1e9) == 0.2
    budget.reserve(0.2, now=1.0)
    assert budget.left(now=1.0) == pytest.approx(0.008)


def test_the_default_burst_is_an_hour_of_a_day():
    assert PacedBudget(24.0, timedelta(days=1)).left(now=0) == 1.0
    assert PacedBudget(1e-12, 1).left(now=0) == 1e-12


def test_moments_are_those_of_the_house():
    budget = PacedBudget(1.0, 100, burst=0.5)
    budget.reserve(0.5, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert budget.left(now=datetime(2026, 1, 1, 0, 0, 50, tzinfo=UTC)) == 0.25
    assert budget.left() > 0.0


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (0.3, "try again in 37.5 s"),
        (0.9, "try again in 188 s"),
        (1.0, "never within this budget: more than the pacing leaves at any time"),
        (1.5, "never within this budget: more than the 1 of a whole period; raise the budget"),
        (1e7, "never within this budget"),
    ],
)
def test_a_refusal_says_when(cost, words):
    budget = PacedBudget(1.0, 100, burst=0.2)
    budget.reserve(0.2, now=0.0)
    with pytest.raises(ShieldBlocked, match=words) as refused:
        budget.reserve(cost, now=0.0)
    assert isinstance(refused.value, BudgetExhausted) is budget.affords(cost)


BAD = [math.nan, math.inf, -math.inf, -1, 1e16, True, None, "1", [1], 10**5000]


@pytest.mark.parametrize("value", [*BAD[:-1], 1e7, HUGE])
def test_what_is_no_money_is_refused(value):
    budget = PacedBudget(10, 60, burst=10)
    with pytest.raises(ConfigurationError, match="expected an amount of USD"):
        PacedBudget(value, 60)
    for ask in (budget.allows, budget.reserve):
        if value != 1e7:
            with pytest.raises(ConfigurationError, match="expected an amount of USD"):
                ask(value)
    reservation = budget.reserve(1, now=0)
    if value is not None:
        with pytest.raises(ConfigurationError, match="expected an amount of USD"):
            budget.settle(reservation, value)
        with pytest.raises(ConfigurationError, match="expected an amount of USD"):
            PacedBudget(10, 60, burst=value)
    budget.settle(reservation, 0, now=0)
    assert budget.left(now=0) == 10.0


@pytest.mark.parametrize("total", [0, 0.0, 1e-14])
def test_a_budget_of_nothing_is_refused(total):
    with pytest.raises(ConfigurationError, match=r"total_usd is .*expected more than nothing"):
        PacedBudget(total, 60)


@pytest.mark.parametrize("burst", [0, 1.5])
def test_a_burst_beyond_the_budget_is_refused(burst):
    with pytest.raises(ConfigurationError, match=r"burst is .*of a total of 1"):
        PacedBudget(1, 60, burst=burst)


@pytest.mark.parametrize("period", [0, -1, math.nan, math.inf, True, None, "60", timedelta(0), HUGE])
def test_what_is_no_period_is_refused(period):
    with pytest.raises(ConfigurationError, match="period is"):
        PacedBudget(1, period)


@pytest.mark.parametrize("now", [math.nan, -1.0, True, "now", datetime(2026, 1, 1), HUGE])  # noqa: DTZ001
def test_what_is_no_moment_changes_nothing(now):
    budget = PacedBudget(1, 60, burst=1)
    reservation = budget.reserve(0.5, now=0)
    for ask in (
        lambda: budget.allows(0.1, now),
        lambda: budget.left(now),
        lambda: budget.reserve(0.1, now),
        lambda: budget.settle(reservation, 0, now),
    ):
        with pytest.raises(ConfigurationError, match="now is"):
            ask()
    assert budget.left(now=0) == 0.5
    budget.settle(reservation, 0, now=0)


def test_an_act_is_paid_for_once_and_where_it_was_reserved():
    budget, other = PacedBudget(1, 60, burst=1), PacedBudget(1, 60, burst=1)
    reservation = budget.reserve(0.5, now=0)
    with pytest.raises(ConfigurationError, match=r"Reservation\(cost_usd=0\.5\); expected one that this budget gave"):
        other.settle(reservation, 0)
    for what in (None, 0.5, "reservation", HUGE.values[0]):
        with pytest.raises(ConfigurationError, match="expected one that this budget gave"):
            budget.settle(what)
    budget.settle(reservation, 0.25, now=0)
    with pytest.raises(ConfigurationError, match=r"settled\) already; an act is paid for once"):
        budget.settle(reservation, 0, now=0)
    assert budget.left(now=0) == 0.75


def test_costs_of_numpy_are_welcome():
    budget = PacedBudget(np.float64(1), np.int64(60), burst=np.float32(1))
    budget.reserve(np.float64(0.25), now=0)
    assert budget.left(now=0) == 0.75


def test_a_state_goes_on_where_it_was():
    budget = PacedBudget(1.0, 100, burst=0.2)
    fresh = PacedBudget(1.0, 100, burst=0.2)
    fresh.load_state(json.loads(json.dumps(budget.state_dict())))
    assert fresh.left(now=5.0) == 0.2
    budget.reserve(0.15, now=10.0)
    budget.reserve(0.1, now=30.0)
    state = json.loads(json.dumps(budget.state_dict()))
    fresh.load_state(state)
    assert fresh.state_dict() == state
    for now in (0.0, 30.0, 70.5, 111.0):
        assert fresh.left(now=now) == budget.left(now=now)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("version", None),
        ("began", -1),
        ("began", 10**18),
        ("began", True),
        ("began", "0"),
        ("latest", -1),
        ("latest", 1.5),
        ("latest", 1 << 63),
        ("spent", -1),
        ("spent", math.nan),
        pytest.param("spent", 10**5000, id="huge"),
        ("spent", [1]),
    ],
)
def test_a_state_that_cannot_be_changes_nothing(name, value):
    budget = PacedBudget(1.0, 100, burst=0.2)
    budget.reserve(0.15, now=10.0)
    state = budget.state_dict()
    with pytest.raises(SnapshotError, match=name):
        budget.load_state({**state, name: value})
    with pytest.raises(SnapshotError, match=rf"{name}'\] is missing"):
        budget.load_state({key: held for key, held in state.items() if key != name})
    assert budget.state_dict() == state


@pytest.mark.parametrize("state", [None, [], "state", 3, HUGE])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(SnapshotError, match="expected a JSON object"):
        PacedBudget(1.0, 100).load_state(state)


def test_a_call_within_a_call_is_told():
    budget = PacedBudget(1.0, 100, burst=1.0)
    with budget._locked(), pytest.raises(ReentrantCall, match="a budget was asked from within its own call"):
        budget.reserve(0.5, now=0)
    assert budget.left(now=0) == 1.0
