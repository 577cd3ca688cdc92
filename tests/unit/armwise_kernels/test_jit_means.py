from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels import jit_means, law


@pytest.mark.parametrize("arms", [1, 2, 3, 8, 17, 100])
@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_epsilon_greedy_equals_the_oracle(naive, rng, signed, arms, epsilon):
    key = naive.stream_key(3, 4)
    means = rng.normal(size=arms)
    for decision in range(200):
        expected = naive.epsilon_greedy_select(means.tolist(), epsilon, decision, key)
        found = jit_means.epsilon_greedy_select(means, arms, epsilon, signed(key), decision)
        assert (type(found), found) == (int, expected)


@pytest.mark.parametrize("arms", [1, 2, 3, 8, 17, 100])
def test_ucb1_equals_the_oracle(naive, rng, arms):
    for _ in range(30):
        counts = rng.integers(0 if arms < 10 else 1, 50, arms).astype(np.float64)
        means = np.round(rng.normal(size=arms), 1)
        total = int(counts.sum())
        expected = naive.ucb1_select(means.tolist(), counts.tolist(), total)
        assert jit_means.ucb1_select(means, counts, arms, total) == expected


def test_ties_go_to_the_lowest():
    means, counts = np.array([1.0, 2.0, 2.0, 9.0]), np.array([3.0, 3.0, 3.0, 0.0])
    assert jit_means.greedy(means, 3) == 1
    assert jit_means.ucb1_select(means, counts, 3, 9) == 1
    assert jit_means.ucb1_select(means, counts, 4, 9) == 3


def test_means_are_running_means(rng, mean_arrays):
    arrays = mean_arrays([0.0] * 4, [0] * 4)
    positions, rewards = rng.integers(0, 4, 200), rng.normal(size=200)
    jit_means.mean_update(arrays.head, arrays.stamps, arrays.means, arrays.counts, positions.astype(np.int32), rewards)
    for i in range(4):
        assert arrays.means[i] == pytest.approx(rewards[positions == i].mean(), rel=1e-12)
        assert arrays.counts[i] == (positions == i).sum()
        assert arrays.stamps[i] == np.flatnonzero(positions == i)[-1] + 1
    assert arrays.head[law.HEAD_VERSION] == arrays.head[law.HEAD_UPDATES] == 200


def test_means_of_huge_rewards_stay_finite(mean_arrays):
    arrays = mean_arrays([0.0], [0])
    largest = np.finfo(np.float64).max
    rewards = np.array([largest, -largest, largest, -largest])
    jit_means.mean_update(arrays.head, arrays.stamps, arrays.means, arrays.counts, np.zeros(4, np.int32), rewards)
    assert np.isfinite(arrays.means[0])
