from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from armwise.errors import ConfigurationError, PropensityError
from armwise.evaluation import replay
from armwise.evaluation.rejection import uniforms


def test_a_uniform_log_is_replayed_by_matching():
    rng = np.random.default_rng(0)
    logged, chosen, rewards = rng.integers(0, 4, 1000), rng.integers(0, 4, 1000), rng.normal(size=1000)
    estimate = replay(rewards, np.full(1000, 0.25), (logged == chosen).astype(float), bound=4.0)
    same = rewards[logged == chosen]
    assert estimate.value == pytest.approx(same.mean(), rel=1e-12)
    assert estimate.standard_error == pytest.approx(stats.sem(same), rel=1e-12)
    assert (estimate.n, estimate.effective_sample_size) == (1000, pytest.approx(same.size))
    assert estimate.overlap.mean_weight == pytest.approx(4 * same.size / 1000)


def test_a_log_and_a_seed_keep_the_same():
    rng = np.random.default_rng(1)
    columns = rng.normal(size=500), rng.uniform(0.2, 1.0, 500), rng.uniform(0.0, 1.0, 500)
    weight = columns[2] / columns[1]
    kept = uniforms(3, 0, 500) * weight.max() < weight
    assert replay(*columns, seed=3).value == pytest.approx(columns[0][kept].mean(), rel=1e-12)
    assert replay(*columns, seed=3) == replay(*columns, seed=3)
    assert replay(*columns, seed=4).value != replay(*columns, seed=3).value


def test_few_matches_are_warned_of_and_none_is_refused():
    rewards, propensities = np.arange(50) % 2.0, np.full(50, 0.5)
    target = np.zeros(50)
    for matches in (0, 1):
        target[:matches] = 1.0
        with pytest.raises(PropensityError, match=f"replay keeps {matches} of 50 decisions"):
            replay(rewards, propensities, target)
    target[:4] = 1.0
    found = {warning.code for warning in replay(rewards, propensities, target).warnings}
    assert found == {"few_rewards", "small_sample", "low_overlap", "dominant_weight", "mean_weight"}


@pytest.mark.parametrize("bound", [1.0, -1.0, math.nan, math.inf])
def test_a_bound_below_a_weight_is_refused(bound):
    with pytest.raises(ConfigurationError, match="bound is"):
        replay([1.0, 0.0], [0.5, 0.5], [1.0, 1.0], bound=bound)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True, None])
def test_a_seed_outside_its_range_is_refused(seed):
    with pytest.raises(ConfigurationError, match="seed is"):
        replay([1.0, 0.0], [0.5, 0.5], [1.0, 1.0], seed=seed)


def test_uniforms_are_splitmix64():
    """The published sequence of seed 1234567 (Vigna, splitmix64.c), which begins at the unmixed seed."""

    def splitmix(state, n):
        out = []
        for _ in range(n):
            state = (state + 0x9E3779B97F4A7C15) % 2**64
            z = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) % 2**64
            z = ((z ^ z >> 27) * 0x94D049BB133111EB) % 2**64
            out.append(z ^ z >> 31)
        return out

    assert splitmix(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    # The seed is mixed as the output is: what splitmix gives first from the state one increment before.
    start = splitmix((42 - 0x9E3779B97F4A7C15) % 2**64, 1)[0]
    assert uniforms(42, 0, 5).tolist() == [(z >> 11) * 2.0**-53 for z in splitmix(start, 5)]
    assert uniforms(2**64 - 1, 3, 2).tolist() == uniforms(2**64 - 1, 0, 5)[3:].tolist()


def test_uniforms_are_uniform():
    """KS at a fixed seed; false alarm 1e-3."""
    assert stats.kstest(uniforms(0, 0, 100_000), "uniform").pvalue > 1e-3
