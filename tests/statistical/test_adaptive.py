"""Intervals on the data of a two-armed Thompson policy: Wald's, and the two that are made for such data.

Rewards are Bernoulli with rate 0.5 for both arms, priors are uniform. 4,000 runs go in lockstep; they know a
coverage of 0.95 to a standard error of 0.0035. Seeds are fixed.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from armwise.evaluation import aipw, batched_ols
from armwise_kernels import load

pytestmark = pytest.mark.statistical

Z = 1.959964


class Lockstep:
    """Two Beta posteriors with whole shapes in each of many runs, and P(arm 1 beats arm 0), kept exact step by step.

    With g = B(a + c, b + d) / (B(a, b) B(c, d)), adding one to a shape changes the probability by g over that shape, up
    for a and d, down for b and c (Cook 2005); and g by a ratio of shapes.
    """

    def __init__(self, runs):
        self.rows = np.arange(runs)
        self.shapes = np.ones((2, 2, runs))  # arm, alpha or beta, run
        self.chance = np.full(runs, 0.5)
        self.g = np.full(runs, 1.0 / 6.0)

    def update(self, arm, reward):
        which = np.where(reward > 0, 0, 1)
        own = self.shapes[arm, which, self.rows]
        sign = np.where((arm == 1) == (which == 0), 1.0, -1.0)
        self.chance = self.chance + sign * self.g / own
        both = self.shapes[0, which, self.rows] + self.shapes[1, which, self.rows]
        self.g = self.g * both / self.shapes.sum(axis=(0, 1)) * self.shapes[arm, :, self.rows].sum(axis=-1) / own
        self.shapes[arm, which, self.rows] += 1


def simulate(runs, steps, *, batch=1, floor=0.0, seed=1):
    """Rewards, arms and propensities of arm 1, each (runs, steps)."""
    rng, state = np.random.default_rng(seed), Lockstep(runs)
    rewards, arms, odds = np.empty((runs, steps)), np.empty((runs, steps), int), np.empty((runs, steps))
    for t in range(steps):
        if t % batch == 0:
            chance = np.clip(state.chance, floor, 1.0 - floor)
        arm = (rng.random(runs) < chance).astype(int)
        reward = (rng.random(runs) < 0.5).astype(float)
        state.update(arm, reward)
        rewards[:, t], arms[:, t], odds[:, t] = reward, arm, chance
    return rewards, arms, odds


def wald(rewards, arms):
    """Means (2, runs) and half-widths, as they are usually computed."""
    counts = np.stack([(arms == k).sum(axis=1) for k in (0, 1)])
    means = np.stack([(rewards * (arms == k)).sum(axis=1) for k in (0, 1)]) / np.maximum(counts, 1)
    return means, Z * np.sqrt(means * (1 - means) / np.maximum(counts, 1))


@functools.cache
def estimates(which):
    """Of each of 4,000 runs: Wald's and the estimator's means, differences and half-widths."""
    batch = 1 if which == "aipw" else 50
    rewards, arms, odds = simulate(4000, 785, batch=batch, floor=0.01, seed=7)
    plain, plain_half = wald(rewards, arms)
    means, halves, gaps, gap_halves = [], [], [], []
    for x, a, e in zip(rewards, arms, odds, strict=True):
        if which == "aipw":
            found = aipw(x, a, np.stack([1.0 - e, e], axis=1))
        else:
            found = batched_ols(x, a, np.arange(x.size) // 50, n_arms=2)
        means.append(found.means)
        halves.append(found.upper - found.means)
        value, low, _ = found.difference(1, 0)
        gaps.append(value)
        gap_halves.append(value - low)
    return plain, plain_half, np.array(means).T, np.array(halves).T, np.array(gaps), np.array(gap_halves)


@pytest.mark.parametrize(("steps", "rate", "bias"), [(197, 0.138, -0.035), (785, 0.135, -0.022)])
def test_wald_intervals_err_as_is_known(steps, rate, bias):
    """Of the difference of the means; the bias is of either arm's mean. 20,000 runs: standard error 0.0024."""
    rewards, arms, _ = simulate(20_000, steps)
    means, halves = wald(rewards, arms)
    error = (np.abs(means[1] - means[0]) > np.hypot(*halves)).mean()
    print(f"Wald at {steps}: errs {error:.4f}, biases {means.mean(axis=1) - 0.5}")
    assert error == pytest.approx(rate, abs=0.008)
    np.testing.assert_allclose(means.mean(axis=1) - 0.5, bias, atol=0.0025)


@pytest.mark.parametrize("which", ["aipw", "batched_ols"])
def test_made_for_such_data_they_cover(which):
    plain, plain_half, means, halves, gaps, gap_halves = estimates(which)
    plain_error = (np.abs(plain[1] - plain[0]) > np.hypot(*plain_half)).mean()
    covered = (np.abs(means - 0.5) <= halves).mean(axis=1)
    gap_covered = (np.abs(gaps) <= gap_halves).mean()
    ratio = halves.mean() / plain_half.mean()
    gap_ratio = gap_halves.mean() / np.hypot(*plain_half).mean()
    gap_median = np.median(gap_halves) / np.median(np.hypot(*plain_half))
    print(
        f"{which}: Wald errs {plain_error:.4f}; covers {covered}, difference {gap_covered:.4f}; width / Wald's: "
        f"{ratio:.3f}, difference {gap_ratio:.3f} (median {gap_median:.3f}); bias {means.mean(axis=1) - 0.5}"
    )
    assert plain_error > 0.09
    assert (covered >= 0.94).all()
    assert gap_covered >= 0.94
    assert ratio <= 2.0
    assert gap_ratio <= 2.0


def test_the_probabilities_of_the_simulation_are_the_kernels():
    rng, state, kernels = np.random.default_rng(2), Lockstep(20), load()
    for _ in range(500):
        state.update((rng.random(20) < 0.5).astype(int), (rng.random(20) < 0.4).astype(float))
    for run in range(20):
        alpha, beta = state.shapes[:, 0, run], state.shapes[:, 1, run]
        assert kernels.best_beta(alpha, beta)[1] == pytest.approx(state.chance[run], abs=1e-11)
