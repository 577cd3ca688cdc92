"""Requests to a Python core: select, decide, propensities, peek and batches."""

from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import law

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]
LINEAR = ["lints_diag", "lints"]
PLAIN = ["thompson", "epsilon_greedy", "ucb1"]
DIM = 3


class TestSelect:
    @pytest.mark.parametrize("kind", PLAIN)
    def test_equals_the_oracle_while_it_learns(self, naive, rng, policy, kind):
        made = policy(kind)
        for decision in range(60):
            expected = made.winner(naive, list(range(6)), list(range(6)), decision)
            assert made.core.select(None, None, None) == f"a{expected}"
            made.learn(rng, 1)

    def test_takes_one_counter_and_nothing_else(self, any_policy):
        before = any_policy.snapshot()
        any_policy.core.select(None, any_policy.context(), None)
        assert any_policy.head[law.HEAD_COUNTER] == 1
        any_policy.head[law.HEAD_COUNTER] = 0
        assert any_policy.snapshot() == before

    def test_a_batch_equals_as_many_selects(self, rng, any_policy):
        any_policy.learn(rng)
        contexts = rng.normal(size=(50, DIM)) if any_policy.linear else None
        apart = [any_policy.core.select(None, None if contexts is None else contexts[i], None) for i in range(50)]
        any_policy.head[law.HEAD_COUNTER] = 0
        together = any_policy.core.select_many(50, contexts, None)
        assert together.dtype == np.int32
        assert [any_policy.labels[i] for i in together] == apart
        assert any_policy.head[law.HEAD_COUNTER] == 50
        nothing = any_policy.core.select_many(0, None if contexts is None else contexts[:0], None)
        assert nothing.shape == (0,)

    def test_the_large_set_takes_the_block_path(self, naive, rng, policy):
        made = policy("thompson", 300)
        pulls = rng.integers(500, 3000, 300)
        made.arrays.table[law.ROW_ALPHA, :300] = 1 + 0.05 * pulls
        made.arrays.table[law.ROW_BETA, :300] = 1 + 0.95 * pulls
        made.arrays.table[law.ROW_ALPHA, :4] *= 5
        made.core.refresh()
        assert made.head[law.HEAD_PATH] == 1
        alpha, beta = made.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, :300].tolist()
        leaders = made.arrays.leaders[: made.head[law.HEAD_LEADERS]].tolist()
        key = naive.stream_key(5, 0)
        level = float(made.arrays.parameters[law.LEVEL])
        for decision in range(30):
            expected = naive.block_select(alpha, beta, range(300), leaders, level, decision, key)
            assert made.core.peek(None, None, decision) == f"a{expected}"
        apart = [made.index[made.core.select(None, None, None)] for _ in range(30)]
        made.head[law.HEAD_COUNTER] = 0
        assert made.core.select_many(30, None, None).tolist() == apart
        # a candidate set is drawn in full
        made.view(made.labels)
        expected = naive.thompson_select(alpha, beta, list(range(300)), 30, key)
        assert made.core.peek(made.labels, None, 30) == f"a{expected}"

    def test_peek_makes_a_decision_again_and_changes_nothing(self, rng, any_policy):
        any_policy.learn(rng)
        x = any_policy.context()
        chosen = [any_policy.core.select(None, x, None) for _ in range(20)]
        before = any_policy.snapshot()
        assert [any_policy.core.peek(None, x, i) for i in range(20)] == chosen
        assert any_policy.snapshot() == before

    @pytest.mark.parametrize("kind", PLAIN)
    def test_kinds_without_features_ignore_a_context(self, policy, kind):
        assert policy(kind).core.select(None, {"any": "thing"}, None) in ("a0", "a1", "a2", "a3", "a4", "a5")

    @pytest.mark.parametrize("kind", LINEAR)
    def test_a_context_of_zeros_gives_the_lowest_slot(self, rng, policy, kind):
        made = policy(kind)
        made.learn(rng)
        assert {made.core.select(None, np.zeros(DIM), None) for _ in range(20)} == {"a0"}
        assert made.core.decide(None, np.zeros(DIM), None)[4] == 1.0


class TestDecide:
    def test_says_what_select_would_do(self, rng, any_policy):
        any_policy.learn(rng)
        x = any_policy.context()
        any_policy.head[law.HEAD_STREAM] = 0x1F
        for counter in (0, 1, 255):
            any_policy.head[law.HEAD_COUNTER] = counter
            expected = any_policy.core.peek(None, x, counter)
            p = any_policy.core.propensities(None, x, None)
            label, index, identity, version, propensity, kind = any_policy.core.decide(None, x, None)
            assert (label, index, version, kind) == (expected, any_policy.index[expected], 40, "exact")
            assert identity == f"1f-{counter:x}-28"
            assert propensity == p[index]
            assert [type(value) for value in (index, version, propensity)] == [int, int, float]
            assert any_policy.head[law.HEAD_COUNTER] == counter + 1

    @pytest.mark.parametrize("kind", KINDS)
    def test_propensities_are_frequencies(self, rng, policy, kind):
        made = policy(kind)
        made.learn(rng, 12)
        x = made.context()
        p = made.core.propensities(None, x, None)
        assert p.sum() == pytest.approx(1.0, abs=1e-9)
        n = 4000
        chosen = np.array([made.index[made.core.select(None, x, None)] for _ in range(n)])
        counts = np.bincount(chosen, minlength=len(p))
        # six standard errors
        assert np.abs(counts - n * p).max() <= 6 * np.sqrt(n * (p * (1 - p)).max()) + 1e-6

    def test_propensities_stand_in_the_callers_order(self, rng, any_policy):
        any_policy.learn(rng)
        x = any_policy.context()
        labels = ("a4", "new", "a0", "a2")
        any_policy.view(labels)
        straight = any_policy.core.propensities(labels, x, None)
        turned = labels[::-1]
        any_policy.view(turned)
        assert any_policy.core.propensities(turned, x, None).tolist() == straight[::-1].tolist()
        for _ in range(30):
            label, index, _, _, propensity, _ = any_policy.core.decide(labels, x, None)
            assert (labels[index], straight[index]) == (label, propensity)

    def test_propensities_are_kept_for_a_version(self, rng, policy, monkeypatch, kernels):
        made = policy("thompson")
        calls = []
        best_beta = kernels.best_beta
        monkeypatch.setattr(type(kernels), "best_beta", lambda _, a, b: calls.append(1) or best_beta(a, b))
        for _ in range(3):
            made.core.decide(None, None, None)
        made.core.propensities(None, None, None)[:] = 0.0
        assert made.core.propensities(None, None, None).sum() == pytest.approx(1.0)
        assert len(calls) == 1
        made.learn(rng, 1)
        made.core.decide(None, None, None)
        assert len(calls) == 2

    def test_widths_that_underflow_are_lifted(self, policy):
        made = policy("lints_diag", 2)
        made.core.update("a1", 1.0, np.array([1e100, 0.0, 0.0]), None)
        p = made.core.propensities(None, np.array([1e-80, 0.0, 0.0]), None)
        assert p.sum() == pytest.approx(1.0)
