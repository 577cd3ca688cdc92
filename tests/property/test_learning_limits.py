"""Budgets never overspent, whatever comes in whatever order, and means that are those of the latest numbers."""

from __future__ import annotations

import math
import threading
from fractions import Fraction

from hypothesis import assume, example, given, strategies
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from armwise.errors import ShieldBlocked
from armwise.learning import PacedBudget
from armwise.learning._window import Window

COSTS = strategies.integers(0, 120).map(lambda cents: cents / 100)


class Spending(RuleBasedStateMachine):
    """A dollar in a hundred seconds, twenty cents of it at once, beside a plain account in whole cents."""

    reservations = Bundle("reservations")

    def __init__(self):
        super().__init__()
        self.budget = PacedBudget(1.0, 100, burst=0.2)
        self.now = 0
        self.period = {"began": 0, "spent": Fraction(0), "open": Fraction(0)}  # the first look comes at once

    def allowed(self):
        return Fraction(1, 5) + Fraction(4, 5) * Fraction(self.now - self.period["began"], 100)

    def taken(self):
        return self.period["spent"] + self.period["open"]

    def roll(self):
        # What is still open of a period that is over is no debt of the next.
        while self.now - self.period["began"] >= 100:
            debt = max(Fraction(0), self.period["spent"] - 1)
            self.period = {"began": self.period["began"] + 100, "spent": debt, "open": Fraction(0)}

    @rule(seconds=strategies.integers(0, 250))
    def wait(self, seconds):
        self.now += seconds
        self.roll()

    @rule(cost=COSTS, late=strategies.integers(0, 1000), target=reservations)
    def reserve(self, cost, late):
        fits = self.taken() + Fraction(round(cost * 100), 100) <= self.allowed()
        assert self.budget.allows(cost, now=float(self.now)) is fits
        try:
            reservation = self.budget.reserve(cost, now=float(self.now))
        except ShieldBlocked:
            assert not fits
            return None
        assert fits
        self.period["open"] += Fraction(round(cost * 100), 100)
        assert self.budget.left(now=float(max(0, self.now - late))) == self.budget.left(now=float(self.now))
        return reservation, self.period

    @rule(pair=consumes(reservations), cost=strategies.none() | COSTS)
    def settle(self, pair, cost):
        assume(pair is not None)
        reservation, period = pair
        self.budget.settle(reservation, cost, now=float(self.now))
        before = max(Fraction(0), period["spent"] - 1)
        period["spent"] += Fraction(round((reservation.cost_usd if cost is None else cost) * 100), 100)
        period["open"] -= Fraction(round(reservation.cost_usd * 100), 100)
        if period is not self.period:
            self.period["spent"] += max(Fraction(0), period["spent"] - 1) - before

    @rule()
    def restart(self):
        state = self.budget.state_dict()
        fresh = PacedBudget(1.0, 100, burst=0.2)
        fresh.load_state(state)
        assert fresh.state_dict() == state
        assert fresh.left(now=float(self.now)) == self.budget.left(now=float(self.now))

    @invariant()
    def what_is_left_is_what_was_not_spent(self):
        left = self.budget.left(now=float(self.now))
        assert math.isclose(left, self.allowed() - self.taken(), abs_tol=1e-11)


TestSpending = Spending.TestCase


@given(
    total=strategies.integers(1, 10**7),
    burst=strategies.integers(1, 10**7),
    spent=strategies.floats(0, 3),
    cost=strategies.floats(0, 1),
    elapsed=strategies.integers(0, 10**10),
)
@example(total=1, burst=1, spent=1.0, cost=1.0, elapsed=0)
@example(total=10**6, burst=1, spent=0.0, cost=1.0, elapsed=0)
def test_a_refusal_names_the_first_moment_at_which_it_would_not_be(total, burst, spent, cost, elapsed):
    assume(burst <= total)
    budget = PacedBudget(total / 100, 10, burst=burst / 100)
    budget.settle(budget.reserve(0.0, now=0), min(1e6, spent * total / 100), now=0)
    asked = cost * total / 100
    wait = None if budget.allows(asked, now=elapsed) else budget._wait(round(asked * 10**12), elapsed)
    if wait is not None:
        assert not budget.allows(asked, now=elapsed + wait - 1)
        assert budget.allows(asked, now=elapsed + wait)


@given(
    costs=strategies.lists(strategies.integers(1, 40).map(lambda cents: cents / 100), min_size=2, max_size=6),
    actual=strategies.floats(0, 1),
)
def test_threads_do_not_overspend_together(costs, actual):
    budget = PacedBudget(1.0, 3600, burst=1.0)
    start = threading.Barrier(len(costs))
    open_now = []
    highest = []

    def spend(cost):
        start.wait()
        for _ in range(10):
            try:
                reservation = budget.reserve(cost, now=0)
            except ShieldBlocked:
                return
            open_now.append(cost)
            highest.append(budget.left(now=0))
            budget.settle(reservation, cost * actual, now=0)

    threads = [threading.Thread(target=spend, args=(cost,)) for cost in costs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(highest) >= 0.0
    assert math.isclose(1.0 - budget.left(now=0), math.fsum(open_now) * actual, abs_tol=1e-9)


NUMBERS = strategies.floats(0, 1e15)


@given(
    length=strategies.integers(1, 8),
    pairs=strategies.lists(strategies.tuples(NUMBERS, NUMBERS), max_size=40),
)
def test_means_are_those_of_the_latest(length, pairs):
    window = Window(length)
    for number, pair in enumerate(pairs, start=1):
        window.push(*pair)
        latest = pairs[max(0, number - length) : number]
        for mean, column in zip(window.means(), zip(*latest, strict=True), strict=True):
            assert math.isclose(mean, math.fsum(column) / len(latest), rel_tol=1e-14, abs_tol=5e-324)
