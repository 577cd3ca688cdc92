from __future__ import annotations

import math

import numpy as np
import pytest

from armwise_kernels import jit_thompson, law

SIZES = [1, 2, 3, 7, 8, 9, 17, 100, 255, 256, 257, 600]
REGIMES = ["warm", "cold", "small", "extreme"]
FAR = (1 << 32) - 2
"""Decisions from here on cross into the second word."""


@pytest.fixture
def table_of(beta_arrays):
    """table_of(alpha, beta, slots): table, slots and how many columns have a shape below one."""

    def make(alpha, beta, slots=None):
        arrays = beta_arrays(alpha, beta, slots=slots)
        jit_thompson.beta_constants(arrays.table, 0, arrays.table.shape[1])
        boosted = sum(a < 1.0 or b < 1.0 for a, b in zip(alpha, beta, strict=True))
        return arrays.table, arrays.slots, boosted

    return make


@pytest.mark.parametrize("regime", REGIMES)
def test_constants_equal_the_oracle(naive, rng, shapes, table_of, regime):
    alpha, beta = shapes(regime, 20, rng)
    table, _, _ = table_of(alpha, beta)
    for i, (a, b) in enumerate(zip(alpha, beta, strict=True)):
        (d1, c1, k1, inverse_a), (d2, c2, k2, inverse_b) = naive.constants(a), naive.constants(b)
        assert table[:, i].tolist() == [d1, c1, k1, d2, c2, k2, inverse_a, inverse_b, a, b]


def test_constants_of_a_range_leave_the_others_alone(table_of):
    table, _, _ = table_of([2.0] * 9, [3.0] * 9)
    before = table.copy()
    table[law.ROW_ALPHA] = 0.25
    jit_thompson.beta_constants(table, 3, 5)
    changed = (table[: law.ROW_INV_B + 1] != before[: law.ROW_INV_B + 1]).any(axis=0)
    assert np.flatnonzero(changed).tolist() == [3, 4]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("arms", SIZES)
def test_draws_selects_and_batches_equal_the_oracle(naive, rng, signed, shapes, table_of, regime, arms):
    key = naive.stream_key(11, 5)
    alpha, beta = shapes(regime, arms, rng)
    slots = sorted(int(slot) for slot in rng.choice(1 << 32, arms, replace=False))
    table, numbers, boosted = table_of(alpha, beta, slots)
    n = max(2, 60 // arms)
    draws, chosen = np.empty((n, arms)), np.empty(n, np.int32)
    jit_thompson.beta_draws(table, numbers, boosted, signed(key), FAR, draws)
    jit_thompson.thompson_many(table, numbers, arms, boosted, signed(key), FAR, chosen)
    others = np.empty_like(draws)
    jit_thompson.beta_draws_many(table, numbers, boosted, signed(key), FAR, others)
    assert (others == draws).all()
    for i in range(n):
        assert draws[i].tolist() == [
            naive.beta_draw(slot, FAR + i, a, b, key) for slot, a, b in zip(slots, alpha, beta, strict=True)
        ]
        winner = naive.thompson_select(alpha, beta, slots, FAR + i, key)
        assert chosen[i] == winner
        assert jit_thompson.thompson_select(table, numbers, arms, boosted, signed(key), FAR + i) == winner
    assert ((draws >= 0.0) & (draws <= 1.0)).all()


@pytest.mark.parametrize("regime", ["warm", "small"])
def test_draws_of_many_decisions_equal_those_of_few(rng, shapes, table_of, regime):
    table, numbers, boosted = table_of(*shapes(regime, 3, rng))
    few, many = np.empty((jit_thompson.CHUNK + 9, 3)), np.empty((jit_thompson.CHUNK + 9, 3))
    jit_thompson.beta_draws(table, numbers, boosted, 99, FAR, few)
    jit_thompson.beta_draws_many(table, numbers, boosted, 99, FAR, many)
    assert (few == many).all()


@pytest.mark.parametrize("boosted", [0, 3])
def test_a_batch_longer_than_a_chunk_equals_as_many_selects(rng, shapes, table_of, boosted):
    table, numbers, small = table_of(*shapes("small" if boosted else "warm", 3, rng))
    assert bool(small) == bool(boosted)
    out = np.empty(jit_thompson.CHUNK + 9, np.int32)
    jit_thompson.thompson_many(table, numbers, 3, small, 99, 1000, out)
    assert out.tolist() == [
        jit_thompson.thompson_select(table, numbers, 3, small, 99, 1000 + i) for i in range(len(out))
    ]


def test_the_winning_score_is_that_of_the_oracle(naive, rng, signed, shapes, table_of):
    key = naive.stream_key(1, 2)
    for regime in ("warm", "small"):
        alpha, beta = shapes(regime, 40, rng)
        table, numbers, boosted = table_of(alpha, beta)
        for decision in range(30):
            best, top = jit_thompson.best_of(
                table, numbers, 40, boosted, np.uint64(signed(key) % (1 << 64)), np.uint64(decision)
            )
            scores = naive.thompson_scores(alpha, beta, range(40), decision, key)
            assert (best, top) == (naive.argmax(scores), max(scores))


@pytest.mark.parametrize("shape", [0.5, 5.0])
def test_ties_go_to_the_lowest_position(table_of, shape):
    arms = 2 * jit_thompson.CHUNK + 5
    table, numbers, boosted = table_of([shape] * arms, [shape] * arms, [7] * arms)
    out = np.empty(5, np.int32)
    jit_thompson.thompson_many(table, numbers, arms, boosted, 1, 0, out)
    assert out.tolist() == [0] * 5
    assert jit_thompson.thompson_select(table, numbers, arms, boosted, 1, 0) == 0


def test_columns_past_the_count_never_win(table_of):
    table, numbers, _ = table_of([1.0] * 3, [1e6] * 3)
    table[law.ROW_ALPHA, 3:], table[law.ROW_BETA, 3:] = 1e6, 1.0
    jit_thompson.beta_constants(table, 0, table.shape[1])
    assert {jit_thompson.thompson_select(table, numbers, 3, 0, 1, i) for i in range(50)} == {0, 1, 2}


def test_ordered_numbers_stand_in_the_order_of_floats():
    rising = [-math.inf, -1e300, -1.0, -5e-324, 0.0, 5e-324, 1.0, 1.5, 1e300, math.inf]
    ranks = [int(jit_thompson.ordered(x)) for x in rising]
    assert ranks == sorted(set(ranks))
    assert jit_thompson.ordered(-0.0) == jit_thompson.ordered(0.0)
