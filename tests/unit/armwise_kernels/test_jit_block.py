from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest

from armwise_kernels import jit_beta, jit_block, law

ROOT = Path(__file__).resolve().parents[3]
UNIT = 2.0**-40


def state_of(arrays):
    return arrays.head, arrays.parameters, arrays.table, arrays.rates, arrays.leaders


def ready(arrays):
    jit_beta.beta_refresh(arrays.head, arrays.stamps, arrays.table, arrays.evidence)
    return arrays


def clamped(x):
    return min(max(x, -700.0), 700.0)


class Index:
    """The rule of the index once more, in plain Python."""

    def __init__(self, naive, alpha, beta, half_life=0):
        self.naive, self.alpha, self.beta, self.half_life = naive, list(alpha), list(beta), half_life
        self.path, self.leaders, self.level, self.rates = 0, [], 0.0, []
        self.updates = self.due = 0

    @property
    def total(self):
        return sum(self.rates) if self.path else 0

    def rate(self, i, level):
        return self.naive.rate(self.alpha[i], self.beta[i], level)

    def consider(self):
        self.path, self.leaders = 0, []
        arms = len(self.alpha)
        self.due = self.updates + max(jit_block.PERIOD * max(64, arms), self.updates // jit_block.GROWTH)
        if self.half_life or arms < 64:
            return
        centre = [self.naive.log(a / b) for a, b in zip(self.alpha, self.beta, strict=True)]
        spread = [math.sqrt(1.0 / a + 1.0 / b) for a, b in zip(self.alpha, self.beta, strict=True)]
        upper = [c + 2.0 * s for c, s in zip(centre, spread, strict=True)]
        ranked = sorted(range(arms), key=lambda i: (-upper[i], i))[:64]
        plain = jit_block.COST_ARM * float(arms)
        least = jit_block.WORTHWHILE * plain
        for k in range(1, 33):
            lowest, highest = upper[ranked[-1]], upper[ranked[0]]
            level = lowest + (highest - lowest) * (k / 32.0)
            rates = [self.rate(i, level) for i in range(arms)]
            for n in (8, 16, 32, 64):
                if n >= arms:
                    break
                none = 1.0
                for i in ranked[:n]:
                    bell = self.naive.exp(clamped(-1.702 * (level - centre[i]) / spread[i]))
                    none = none * (1.0 / (1.0 + bell))
                expected = float(sum(rates) - sum(rates[i] for i in ranked[:n])) * UNIT
                cost = (
                    jit_block.COST_FIXED
                    + jit_block.COST_ARM * float(n)
                    + expected * jit_block.COST_POINT
                    + none * plain
                )
                if expected <= 0.5 * jit_block.RATE_LIMIT and cost < least:
                    least, self.path, self.level, self.leaders = cost, 1, level, sorted(ranked[:n])
        if self.path:
            self.rates = [0 if i in self.leaders else self.rate(i, self.level) for i in range(arms)]

    def update(self, i, reward):
        self.alpha[i] += reward
        self.beta[i] += 1.0 - reward
        self.updates += 1
        arms = len(self.alpha)
        if arms < 64 or self.half_life:
            return
        soon = self.updates + max(64, arms)
        if self.path and i in self.leaders:
            a, b = self.alpha[i], self.beta[i]
            if self.naive.log(a / b) + 2.0 * math.sqrt(1.0 / a + 1.0 / b) < self.level:
                self.due = min(self.due, soon)
        elif self.path:
            self.rates[i] = self.rate(i, self.level)
            if self.rates[i] == self.naive.RATE_CAP or float(self.total) * UNIT > jit_block.RATE_LIMIT:
                self.path, self.leaders, self.due = 0, [], min(self.due, soon)
        if self.updates >= self.due:
            self.consider()

    def assert_is(self, arrays):
        head = arrays.head
        assert (head[law.HEAD_PATH], head[law.HEAD_DUE]) == (self.path, self.due)
        assert head[law.HEAD_LEADERS] == len(self.leaders)
        assert head[law.HEAD_TOTAL] == self.total
        assert arrays.parameters[law.LEVEL_NONE] == self.naive.exp(-float(self.total) * UNIT)
        if self.path:
            assert arrays.leaders[: len(self.leaders)].tolist() == self.leaders
            assert arrays.rates[: len(self.alpha)].tolist() == self.rates
            assert arrays.parameters[law.LEVEL] == self.level
            assert arrays.parameters[law.LEVEL_RATIO] == self.naive.exp(self.level)


def skewed(arms, rng):
    """Zipf pulls of arms of which a few are good."""
    pulls = np.maximum(2000 // np.arange(1, arms + 1), 3)
    successes = rng.binomial(pulls, np.where(np.arange(arms) < 5, 0.5, 0.05))
    return (1.0 + successes).tolist(), (1.0 + pulls - successes).tolist()


def test_the_rule_is_that_of_c():
    source = (ROOT / "native" / "src" / "block.c").read_text()
    for name in (
        "COST_ARM",
        "COST_FIXED",
        "COST_POINT",
        "RATE_LIMIT",
        "WORTHWHILE",
        "LEVELS",
        "PERIOD",
        "GROWTH",
        "EDGE",
        "MOST_EVIDENCE",
        "RATE_UNIT",
    ):
        (text,) = re.findall(rf"^#define {name} (\S+)", source, re.MULTILINE)
        value = float.fromhex(text) if text.startswith("0x") else float(text)
        assert getattr(jit_block, name) == value, name


def test_rates_equal_the_oracle(naive, rng, shapes, beta_arrays):
    for regime in ("warm", "cold", "small", "extreme"):
        alpha, beta = shapes(regime, 64, rng)
        arrays = beta_arrays(alpha, beta)
        logs = np.array([naive.log_beta(a, b) for a, b in zip(alpha, beta, strict=True)])
        for level in (-39.0, -3.0, -0.5, 0.0, 1.0, 5.0, 38.0):
            expected = [naive.rate(a, b, level) for a, b in zip(alpha, beta, strict=True)]
            assert jit_block.block_rates(arrays.table, logs, 64, level, arrays.rates) == sum(expected)
            assert arrays.rates[:64].tolist() == expected


def test_one_minus_exp_equals_the_oracle(naive, rng):
    for x in [
        0.0,
        1e-300,
        0.0009765624,
        0.0009765625,
        4.0,
        *rng.uniform(0.0, 4.0, 100),
        *rng.uniform(0.0, 0.002, 100),
    ]:
        assert jit_block.one_minus_exp(float(x)) == naive.one_minus_exp(float(x))


def test_ranks_are_descending_and_ties_stand_in_order(rng):
    for values in (
        rng.normal(size=300),
        np.round(rng.normal(size=300), 1),
        np.zeros(70),
        rng.normal(size=10),
    ):
        best = np.zeros(64, np.int64)
        n = jit_block.rank(values, len(values), best)
        assert best[:n].tolist() == sorted(range(len(values)), key=lambda i: (-values[i], i))[:64]


@pytest.mark.parametrize("arms", [63, 64, 65, 100, 300])
@pytest.mark.parametrize("regime", ["warm", "cold", "small", "skewed"])
def test_what_is_chosen_equals_the_oracle(naive, rng, shapes, beta_arrays, arms, regime):
    alpha, beta = skewed(arms, rng) if regime == "skewed" else shapes(regime, arms, rng)
    arrays, index = ready(beta_arrays(alpha, beta)), Index(naive, alpha, beta)
    index.consider()
    jit_block.block_consider(*state_of(arrays))
    index.assert_is(arrays)
    if regime == "skewed" and arms == 300:
        assert index.path == 1
    if regime == "cold" or arms < 64:
        assert index.path == 0


def test_a_state_that_decays_has_no_index(rng, beta_arrays):
    arrays = ready(beta_arrays(*skewed(300, rng), half_life=1000))
    jit_block.block_consider(*state_of(arrays))
    assert arrays.head[law.HEAD_PATH] == 0


@pytest.mark.parametrize("arms", [80, 300, 700])
def test_updates_keep_the_index_as_the_oracle_does(naive, rng, beta_arrays, arms):
    alpha, beta = skewed(arms, rng)
    arrays, index = ready(beta_arrays(alpha, beta)), Index(naive, alpha, beta)
    index.consider()
    jit_block.block_consider(*state_of(arrays))
    paths = set()
    for step in range(500):
        # mostly what a bandit sees; now and then a run of luck for an arm of the block
        i = int(rng.integers(0, 8)) if rng.random() < 0.7 else int(rng.integers(0, arms))
        for _ in range(1 if rng.random() < 0.98 else 10):
            reward = float(rng.random() < 0.5)
            index.update(i, reward)
            jit_beta.beta_update(
                arrays.head,
                arrays.parameters,
                arrays.stamps,
                arrays.table,
                arrays.evidence,
                arrays.rates,
                arrays.leaders,
                np.array([i], np.int32),
                np.array([reward]),
                0,
            )
            paths.add(index.path)
        if step % 5 == 0:
            index.assert_is(arrays)
    assert 1 in paths


def test_a_lucky_arm_of_the_block_sends_the_next_decisions_to_the_plain_path(naive, rng, beta_arrays):
    alpha, beta = skewed(300, rng)
    arrays, index = ready(beta_arrays(alpha, beta)), Index(naive, alpha, beta)
    jit_block.block_consider(*state_of(arrays))
    index.consider()
    i = next(i for i in range(299, 0, -1) if i not in index.leaders)
    while arrays.head[law.HEAD_PATH]:
        index.update(i, 1.0)
        arrays.table[law.ROW_ALPHA, i] += 1.0
        arrays.head[law.HEAD_UPDATES] += 1
        jit_block.block_update(*state_of(arrays), i)
        index.assert_is(arrays)
    assert arrays.head[law.HEAD_DUE] == arrays.head[law.HEAD_UPDATES] + 300


def test_leaders_that_fall_are_replaced(naive, rng, beta_arrays):
    alpha, beta = skewed(300, rng)
    arrays, index = ready(beta_arrays(alpha, beta)), Index(naive, alpha, beta)
    jit_block.block_consider(*state_of(arrays))
    index.consider()
    fallen = [i for i in range(5) if i in index.leaders]
    considered = 0
    for step in range(600):
        i = fallen[step % len(fallen)]
        before = index.due
        index.update(i, 0.0)
        arrays.table[law.ROW_BETA, i] += 1.0
        arrays.head[law.HEAD_UPDATES] += 1
        jit_block.block_update(*state_of(arrays), i)
        index.assert_is(arrays)
        considered += index.due > before
    assert considered


@pytest.mark.parametrize("regime", ["skewed", "warm", "small"])
@pytest.mark.parametrize("points", ["few", "many", "fallback"])
def test_selects_equal_the_oracle_at_any_level(naive, rng, signed, shapes, beta_arrays, regime, points):
    key = naive.stream_key(8, 9)
    arms = 120
    alpha, beta = skewed(arms, rng) if regime == "skewed" else shapes(regime, arms, rng)
    slots = sorted(int(slot) for slot in rng.choice(1 << 32, arms, replace=False))
    centre = [math.log(a / b) for a, b in zip(alpha, beta, strict=True)]
    leaders = sorted(sorted(range(arms), key=lambda i: -centre[i])[:16])
    # above every centre the tangents bound; far above, no leader reaches the level
    level = max(centre) + {"few": 0.3, "many": 0.01, "fallback": 30.0}[points]
    arrays = ready(beta_arrays(alpha, beta, key=signed(key), slots=slots))
    arrays.head[law.HEAD_PATH], arrays.head[law.HEAD_LEADERS] = 1, 16
    arrays.leaders[:16], arrays.parameters[law.LEVEL] = leaders, level
    jit_block.block_restore(*state_of(arrays))
    winners = set()
    for decision in range(150 if points != "fallback" else 20):
        expected = naive.block_select(alpha, beta, slots, leaders, level, decision, key)
        found = jit_block.block_select(
            arrays.head, arrays.parameters, arrays.table, arrays.slots, arrays.rates, arrays.leaders, decision
        )
        assert found == expected
        winners.add(found in leaders)
    assert winners >= {True}


def test_thinning_finds_arms_outside_the_leaders(naive, signed, beta_arrays):
    key = naive.stream_key(1, 1)
    alpha, beta = [20.0] * 100, [80.0] * 100
    leaders = list(range(8))
    level = math.log(0.25) + 0.6
    arrays = ready(beta_arrays(alpha, beta, key=signed(key)))
    arrays.head[law.HEAD_PATH], arrays.head[law.HEAD_LEADERS] = 1, 8
    arrays.leaders[:8], arrays.parameters[law.LEVEL] = leaders, level
    jit_block.block_restore(*state_of(arrays))
    found = [
        jit_block.block_select(
            arrays.head, arrays.parameters, arrays.table, arrays.slots, arrays.rates, arrays.leaders, decision
        )
        for decision in range(400)
    ]
    assert found == [
        naive.block_select(alpha, beta, range(100), leaders, level, decision, key) for decision in range(400)
    ]
    assert sum(i not in leaders for i in found) > 300


def test_points_are_poisson_numbers_and_at_most_64():
    none = math.exp(-3.0)
    assert jit_block.poisson(none - 1e-12, 3.0, none) == 0
    assert jit_block.poisson(none, 3.0, none) == 1
    assert jit_block.poisson(none + 3.0 * none - 1e-12, 3.0, none) == 1
    assert jit_block.poisson(none + 3.0 * none + 1e-12, 3.0, none) == 2
    assert jit_block.poisson(1.0, 3.0, none) == law.BLOCK_MAX_POINTS
