"""The law of Pareto Thompson sampling. Seeds are fixed; each test states the false-alarm rate of a new seed."""

from __future__ import annotations

import numpy as np
from scipy import stats

from armwise.experiments.pareto import ParetoThompsonSampling

DECISIONS = 200_000
PAIR = {"x": (0.0, 1.0), "y": (0.0, 1.0)}


def test_choices_follow_an_independent_simulation():
    """Shares of five arms against NumPy's own Beta draws and fronts. False alarm: 1e-3."""
    policy = ParetoThompsonSampling(range(5), objectives=PAIR | {"z": (5.0, 0.0)}, prior=(0.7, 1.3), seed=11)
    rng = np.random.default_rng(12)
    for _ in range(60):
        arm = int(rng.integers(5))
        policy.update(arm, {"x": rng.random(), "y": rng.random() * (arm + 1) / 5, "z": 5 * rng.random()})
    ours = np.bincount(policy.select_many(DECISIONS), minlength=5)
    shapes = np.array([list(by_name.values()) for by_name in policy.posterior().values()])
    theirs = np.zeros(5)
    for _ in range(10):
        draws = rng.beta(shapes[None, :, :, 0], shapes[None, :, :, 1], (DECISIONS // 10, 5, 3))
        no_worse = (draws[:, None] >= draws[:, :, None]).all(axis=3)
        better = (draws[:, None] > draws[:, :, None]).any(axis=3)
        fronts = ~(no_worse & better).any(axis=2)
        theirs += (fronts / fronts.sum(axis=1, keepdims=True)).sum(axis=0)
    # The simulation is as long as ours and its shares vary less than counts do: twice the variance bounds both.
    expected = theirs / theirs.sum() * DECISIONS
    assert stats.chi2.sf(((ours - expected) ** 2 / (2 * expected)).sum(), 4) > 1e-3
    assert np.abs(policy.propensities() - theirs / theirs.sum()).max() < 4 * 0.008


def test_arms_of_the_front_are_chosen_alike():
    """Three arms that nothing dominates and one that is dominated, all known well. False alarm: 1e-3."""
    policy = ParetoThompsonSampling(range(4), objectives=PAIR, seed=21)
    for arm, (x, y) in enumerate([(0.9, 0.1), (0.5, 0.5), (0.1, 0.9), (0.05, 0.05)]):
        policy.update_many([arm] * 4000, {"x": np.full(4000, x), "y": np.full(4000, y)})
    counts = np.bincount(policy.select_many(DECISIONS), minlength=4)
    assert counts[3] == 0
    assert stats.chisquare(counts[:3]).pvalue > 1e-3


def test_objectives_are_drawn_apart():
    """Two objectives of one posterior must not share their draws: then one arm alone would stand on each front.

    With independent draws of two like arms, each objective's winner is a fair coin, so both arms stand on the front
    in half of all decisions. Choices do not show it, propensities' fronts do. False alarm: 1e-3.
    """
    policy = ParetoThompsonSampling(["a", "b"], objectives=PAIR, seed=31)
    policy.update_many(["a", "b"] * 50, {"x": [0.5] * 100, "y": [0.5] * 100})
    batches = policy._draws.choices(policy._evidence.shapes, policy._field(None).slots, 0, 0, 20_000)
    sizes = np.concatenate([sizes for _, sizes in batches])
    assert stats.binomtest(int((sizes == 2).sum()), 20_000, 0.5).pvalue > 1e-3


def test_it_finds_the_front_and_stays():
    """Six arms of which three are dominated by a clear margin: their share falls below 5% within 4,000 rounds."""
    means = np.array([[0.9, 0.2], [0.6, 0.6], [0.2, 0.9], [0.5, 0.1], [0.3, 0.3], [0.1, 0.5]])
    for seed in range(5):
        policy = ParetoThompsonSampling(range(6), objectives=PAIR, seed=seed)
        rng = np.random.default_rng([41, seed])
        for _ in range(40):
            arms = policy.select_many(100)
            rewards = (rng.random((100, 2)) < means[arms]).astype(float)
            policy.update_many(arms.tolist(), {"x": rewards[:, 0], "y": rewards[:, 1]})
        counts = np.bincount(policy.select_many(2000), minlength=6)
        assert policy.front() == (0, 1, 2)
        assert counts[3:].sum() < 100
        assert counts[:3].min() > 400
