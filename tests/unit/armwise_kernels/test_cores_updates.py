"""Rewards and time in a Python core."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest

from armwise_kernels import law

KINDS = ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"]
LINEAR = ["lints_diag", "lints"]
DIM = 3
SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


class TestUpdate:
    def test_many_equal_as_many(self, rng, policy):
        for kind in KINDS:
            together, apart = policy(kind), policy(kind)
            positions = rng.integers(0, 6, 25).astype(np.int32)
            rewards = rng.random(25)
            contexts = rng.normal(size=(25, DIM)) if kind in LINEAR else None
            together.core.update_many(positions, rewards, contexts, None)
            for i, position in enumerate(positions):
                x = None if contexts is None else contexts[i]
                apart.core.update(f"a{position}", rewards[i], x, None)
            assert together.snapshot() == apart.snapshot()
            assert together.head[law.HEAD_VERSION] == together.head[law.HEAD_UPDATES] == 25

    def test_none_change_nothing(self, any_policy):
        before = any_policy.snapshot()
        contexts = np.empty((0, DIM)) if any_policy.linear else None
        any_policy.core.update_many(np.empty(0, np.int32), np.empty(0), contexts, None)
        assert any_policy.snapshot() == before

    def test_arms_of_equal_labels_of_other_types_are_others(self, policy):
        made = policy("ucb1", 2, labels=(1, "x"))
        made.core.update(1, 0.5, None, None)
        for other in (1.0, True, np.float64(1.0)):
            with pytest.raises(KeyError):
                made.core.update(other, 0.5, None, None)

    def test_rewards_are_numbers_of_any_type(self, policy):
        made = policy("thompson")
        for reward in (1, np.True_, np.float32(0.5), 0.25):
            made.core.update("a0", reward, None, None)
        assert made.arrays.table[law.ROW_ALPHA, 0] == 1.0 + 2.75


class TestClock:
    HALF_LIFE = 1024 * SECOND

    @pytest.fixture(params=["thompson", "lints_diag"])
    def decaying(self, request, policy):
        return policy(request.param, half_life=self.HALF_LIFE)

    def evidence(self, made):
        if made.kind == "thompson":
            return made.arrays.table[law.ROW_ALPHA : law.ROW_BETA + 1, 0].sum() - 2.0
        return made.arrays.blocks[0, 0, 0, 0]

    @pytest.mark.parametrize("call", ["select", "decide", "propensities", "select_many"])
    def test_every_request_moves_it(self, decaying, call):
        x = decaying.context()
        decaying.core.update("a0", 1.0, x, NOW)
        if call == "select_many":
            x = None if x is None else x[np.newaxis]
            decaying.core.select_many(1, x, NOW + 60 * self.HALF_LIFE)
        else:
            getattr(decaying.core, call)(None, x, NOW + 60 * self.HALF_LIFE)
        assert decaying.head[law.HEAD_NOW] == NOW + 60 * self.HALF_LIFE
        assert decaying.head[law.HEAD_VERSION] == 3
        assert abs(self.evidence(decaying)) < 1e-15

    def test_evidence_halves(self, decaying):
        decaying.core.update("a0", 1.0, decaying.context(), NOW)
        before = self.evidence(decaying)
        decaying.core.select(None, decaying.context(), NOW + self.HALF_LIFE)
        after = self.evidence(decaying)
        # b / A of a context of ones: 1 / 2 before, .5 / 1.5 after
        assert (before, after) == pytest.approx((1.0, 0.5) if decaying.kind == "thompson" else (1 / 2, 1 / 3))

    def test_the_landmark_moves_and_nothing_else_does(self, policy):
        made = policy("lints_diag", half_life=self.HALF_LIFE)
        x = made.context()
        made.core.update("a0", 1.0, x, NOW)
        for lives in (50, 100, 150):
            made.core.update("a0", 1.0, x, NOW + lives * self.HALF_LIFE)
            assert made.arrays.blocks[0, 0, 0, 0] == pytest.approx(0.5)

    def test_peek_does_not_move_it(self, decaying):
        decaying.core.update("a0", 1.0, decaying.context(), NOW)
        before = decaying.snapshot()
        decaying.core.peek(None, decaying.context(), 3)
        assert decaying.snapshot() == before

    def test_a_packed_set_follows_it(self, decaying):
        decaying.learn(np.random.default_rng(1), 0)
        labels = decaying.labels
        decaying.view(labels)
        for lives in range(4):
            now = NOW + lives * self.HALF_LIFE
            decaying.core.update("a0", 1.0, decaying.context(), now)
            x = decaying.context()
            assert decaying.core.select(labels, x, now) == decaying.core.peek(
                None, x, int(decaying.head[law.HEAD_COUNTER]) - 1
            )

    def test_without_a_time_the_systems_is_read(self, decaying):
        before = time.time_ns()
        decaying.core.select(None, decaying.context(), None)
        assert before <= decaying.head[law.HEAD_NOW] <= time.time_ns()

    def test_a_state_that_does_not_decay_has_none(self, any_policy):
        any_policy.core.select(None, any_policy.context(), NOW)
        any_policy.core.update("a0", 0.5, any_policy.context(), NOW)
        assert not any_policy.head[[law.HEAD_NOW, law.HEAD_TICK, law.HEAD_NEXT]].any()


def test_updates_of_many_threads_are_all_kept(policy):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        made = policy("thompson")
        made.view(("a1", "a2"))

        def work(label):
            for _ in range(500):
                made.core.update(label, 1.0, None, None)
                assert made.core.select(("a1", "a2"), None, None) in ("a1", "a2")

        threads = [threading.Thread(target=work, args=(f"a{i % 4}",)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert made.head[law.HEAD_UPDATES] == made.head[law.HEAD_VERSION] == made.head[law.HEAD_COUNTER] == 4000
    assert made.arrays.table[law.ROW_ALPHA, :4].tolist() == [1001.0] * 4
