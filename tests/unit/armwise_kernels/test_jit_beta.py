from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import jit_beta, jit_clock, law

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def updated(arrays, positions, rewards, now=0):
    jit_beta.beta_update(
        arrays.head,
        arrays.parameters,
        arrays.stamps,
        arrays.table,
        arrays.evidence,
        arrays.rates,
        arrays.leaders,
        np.array(positions, np.int32),
        np.array(rewards, np.float64),
        now,
    )


def refreshed(arrays):
    jit_beta.beta_refresh(arrays.head, arrays.stamps, arrays.table, arrays.evidence)
    return arrays


def advanced(arrays, now):
    jit_beta.beta_advance(arrays.head, arrays.stamps, arrays.table, arrays.evidence, now)


def shapes_of(arrays, i):
    return arrays.table[law.ROW_ALPHA, i], arrays.table[law.ROW_BETA, i]


def assert_constants(naive, arrays):
    """Every derived number is what the shapes say."""
    for i in range(arrays.table.shape[1]):
        a, b = shapes_of(arrays, i)
        (d1, c1, k1, inverse_a), (d2, c2, k2, inverse_b) = naive.constants(a), naive.constants(b)
        assert arrays.table[: law.ROW_ALPHA, i].tolist() == [d1, c1, k1, d2, c2, k2, inverse_a, inverse_b]
    count = arrays.head[law.HEAD_COUNT]
    assert arrays.head[law.HEAD_BOOSTED] == (arrays.table[law.ROW_ALPHA :, :count] < 1.0).any(axis=0).sum()


def test_refresh_derives_everything_from_the_shapes(naive, rng, shapes, beta_arrays):
    arrays = beta_arrays(*shapes("small", 11, rng), prior=(0.5, 2.0))
    arrays.head[law.HEAD_VERSION] = 42
    refreshed(arrays)
    assert_constants(naive, arrays)
    assert (arrays.stamps == 42).all()


def test_rewards_add_up(naive, rng, beta_arrays):
    arrays = refreshed(beta_arrays([0.3, 1.0, 5.0], [0.9, 1.0, 7.0], prior=(0.3, 0.3)))
    positions, rewards = rng.integers(0, 3, 40), rng.random(40)
    expected = {i: shapes_of(arrays, i) for i in range(3)}
    for i, r in zip(positions.tolist(), rewards.tolist(), strict=True):
        expected[i] = expected[i][0] + r, expected[i][1] + (1.0 - r)
    updated(arrays, positions, rewards)
    assert {i: shapes_of(arrays, i) for i in range(3)} == expected
    assert_constants(naive, arrays)
    assert arrays.head[law.HEAD_VERSION] == arrays.head[law.HEAD_UPDATES] == 40
    last = {int(i): version for version, i in enumerate(positions.tolist(), start=1)}
    assert {i: int(arrays.stamps[i]) for i in last} == last
    assert not arrays.evidence[law.EVIDENCE_A :].any()


def test_a_batch_equals_single_updates(rng, beta_arrays):
    positions, rewards = rng.integers(0, 5, 30), rng.random(30)
    together, apart = (refreshed(beta_arrays([0.4] * 5, [0.4] * 5, half_life=7 * SECOND)) for _ in range(2))
    updated(together, positions, rewards, NOW)
    for i, r in zip(positions, rewards, strict=True):
        updated(apart, [i], [r], NOW)
    for one, other in zip(together, apart, strict=True):
        assert one.tobytes() == other.tobytes()


class TestDecay:
    HALF_LIFE = 1024 * SECOND

    @pytest.fixture
    def arrays(self, beta_arrays):
        arrays = refreshed(beta_arrays([1.0, 0.5], [1.0, 0.5], half_life=self.HALF_LIFE))
        updated(arrays, [0, 0, 1], [1.0, 0.25, 0.75], NOW)
        return arrays

    def weight(self, arrays):
        return jit_clock.decay(int(arrays.head[law.HEAD_TICK] - arrays.head[law.HEAD_LANDMARK]))

    def test_shapes_are_the_prior_and_what_the_evidence_is_worth(self, naive, arrays):
        for lives in (0, 1, 5, 63, 64, 100):
            advanced(arrays, NOW + lives * self.HALF_LIFE)
            share = 2.0**-lives
            assert shapes_of(arrays, 0) == pytest.approx((1.0 + 1.25 * share, 1.0 + 0.75 * share), rel=1e-14)
            assert shapes_of(arrays, 1) == pytest.approx((0.5 + 0.75 * share, 0.5 + 0.25 * share), rel=1e-14)
            assert_constants(naive, arrays)
            evidence = arrays.evidence
            for i in range(arrays.table.shape[1]):
                assert shapes_of(arrays, i) == (
                    evidence[law.EVIDENCE_PRIOR_A, i] + evidence[law.EVIDENCE_A, i] * self.weight(arrays),
                    evidence[law.EVIDENCE_PRIOR_B, i] + evidence[law.EVIDENCE_B, i] * self.weight(arrays),
                )

    def test_a_tick_is_one_version_for_every_column(self, arrays):
        version = int(arrays.head[law.HEAD_VERSION])
        advanced(arrays, NOW + 9 * SECOND)
        assert arrays.head[law.HEAD_VERSION] == version + 1
        assert (arrays.stamps == version + 1).all()
        before = [array.copy() for array in arrays]
        advanced(arrays, NOW + 9 * SECOND)
        advanced(arrays, NOW)
        assert all((one == other).all() for one, other in zip(arrays, before, strict=True))

    def test_a_late_reward_counts_as_of_its_time(self, beta_arrays):
        ordered, late = (refreshed(beta_arrays([1.0], [1.0], half_life=self.HALF_LIFE)) for _ in range(2))
        updated(ordered, [0], [1.0], NOW)
        updated(ordered, [0], [0.5], NOW + 3000 * SECOND)
        updated(late, [0], [0.5], NOW + 3000 * SECOND)
        updated(late, [0], [1.0], NOW)
        assert shapes_of(late, 0) == pytest.approx(shapes_of(ordered, 0), rel=1e-14)
        assert late.head[law.HEAD_NOW] == NOW + 3000 * SECOND

    def test_a_reward_from_the_far_past_is_worth_nothing(self, arrays):
        before = shapes_of(arrays, 0)
        updated(arrays, [0], [1.0], 0)
        assert shapes_of(arrays, 0) == before

    def test_moving_the_landmark_keeps_the_evidence(self, arrays):
        evidence = arrays.evidence[law.EVIDENCE_A :].copy()
        landmark = int(arrays.head[law.HEAD_LANDMARK])
        advanced(arrays, NOW + 70 * self.HALF_LIFE)
        lives = (int(arrays.head[law.HEAD_LANDMARK]) - landmark) >> 10
        assert lives >= jit_clock.SPAN
        assert (arrays.evidence[law.EVIDENCE_A :] == evidence * 2.0**-lives).all()

    def test_a_large_set_that_decays_stays_on_the_plain_path(self, beta_arrays):
        arrays = refreshed(beta_arrays([1.0] * 100, [50.0] * 99 + [1.0], half_life=self.HALF_LIFE))
        updated(arrays, [99] * 300, [1.0] * 300, NOW)
        assert arrays.head[law.HEAD_PATH] == 0
