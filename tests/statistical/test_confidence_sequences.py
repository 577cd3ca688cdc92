"""What confidence sequences of a mean keep when someone looks after every observation.

A false stop is a run in which the interval at any of 10,000 looks misses the true mean. 4,000 runs know a rate of
0.05 to a standard error of 0.0034: the bar is 0.057. Seeds are fixed: a test fails on a change of the intervals.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import stats

from armwise.evaluation import ConfidenceSequence
from armwise.evaluation._bernstein import mean_radius
from armwise.evaluation._moments import Trail

pytestmark = pytest.mark.statistical

RUNS, LOOKS, CHUNK = 4000, 10_000, 50
BAR = 0.057
N = np.arange(1.0, LOOKS + 1.0)


def clipped(rng, shape):
    return np.minimum(rng.exponential(size=shape), 5.0) / 5.0


# Name: how it is drawn, its mean, and whether it lies in [0, 1].
LAWS = {
    "bernoulli": (lambda rng, shape: (rng.random(shape) < 0.1).astype(float), 0.1, True),
    "clipped exponential": (clipped, (1.0 - np.exp(-5.0)) / 5.0, True),
    "exponential": (lambda rng, shape: rng.exponential(size=shape), 1.0, False),
    "lognormal": (lambda rng, shape: rng.lognormal(size=shape), np.exp(0.5), False),
    "rare": (lambda rng, shape: (rng.random(shape) < 0.01).astype(float), 0.01, True),
}


def trail(x, mean):
    """What Moments gives, row by row, from sums about the true mean."""
    d = x - mean
    squares = d * d
    s1, s2, s3, s4 = (np.cumsum(power, axis=1) for power in (d, squares, squares * d, squares * squares))
    m = s1 / N
    spread = s2 - s1 * m
    fourth = s4 - m * (4 * s3 - m * (6 * s2 - 3 * N * m * m))
    with np.errstate(divide="ignore", invalid="ignore"):
        evidence = np.where((spread > 1e-12) & (fourth > 1e-12), spread**2 / fourth, 0.0)
    return Trail(np.broadcast_to(N, x.shape), m + mean, spread, evidence)


def spreads(x):
    """What Predictions gives, row by row: the mean and the squared distances from what was predicted."""
    total = np.cumsum(x, axis=1)
    return total / N, np.cumsum((x - (0.5 + total - x) / N) ** 2, axis=1)


@functools.cache
def bernstein_table():
    """The boundary of the sum at spreads from 0 to 10,000: concave, so that chords lie below it."""
    v = np.concatenate([np.linspace(0.0, 40.0, 4000), np.geomspace(40.0, LOOKS, 4000)[1:]])
    return v, mean_radius(np.ones_like(v), v, 5000, 0.05)


def ends(kind, x, mean):
    """Both ends after each observation of each row."""
    if kind == "empirical_bernstein":
        estimate, v = spreads(x)
        radius = np.interp(v, *bernstein_table()) / N
        return estimate - radius, estimate + radius
    return ConfidenceSequence(kind=kind)._settings.mean_interval(trail(x, mean))


@functools.cache
def measured(law):
    """False stops of each kind, and its mean width at the last look against the fixed-sample interval."""
    draw, mean, bounded = LAWS[law]
    kinds = ["asymptotic", "msprt", *(["empirical_bernstein"] if bounded else [])]
    rng = np.random.default_rng(20)
    stops, width, fixed = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0.0), 0.0
    for _ in range(RUNS // CHUNK):
        x = draw(rng, (CHUNK, LOOKS))
        fixed += 2 * 1.959964 * (x.std(axis=1, ddof=1) / np.sqrt(LOOKS)).sum()
        for kind in kinds:
            lower, upper = ends(kind, x, mean)
            stops[kind] += int(((lower > mean) | (upper < mean)).any(axis=1).sum())
            last = upper[:, -1] - lower[:, -1]
            width[kind] += last.sum()
    return {kind: (stops[kind] / RUNS, width[kind] / fixed) for kind in kinds}


@pytest.mark.parametrize("law", ["bernoulli", "clipped exponential", "exponential", "lognormal"])
def test_looking_after_every_observation_keeps_the_level_and_the_width(law):
    for kind, (stops, width) in measured(law).items():
        print(f"{law}, {kind}: false stops {stops:.4f}, width {width:.3f}")
        assert stops <= BAR, kind
        assert 1.5 < width <= 2.0, kind


def test_rare_successes_are_doubted_instead_of_stopping_falsely():
    """One success in a hundred: without the factor for little evidence, one run in ten would stop falsely."""
    settings = ConfidenceSequence()._settings
    rng, falsely, unguarded, silent = np.random.default_rng(21), 0, 0, []
    for _ in range(1000 // CHUNK):
        x = LAWS["rare"][0](rng, (CHUNK, LOOKS))
        held = trail(x, 0.01)
        lower, upper = settings.mean_interval(held)
        falsely += int(((lower > 0.01) | (upper < 0.01)).any(axis=1).sum())
        believed = held._replace(evidence=np.where(held.spread > 0, np.inf, 0.0))
        lower, upper = settings.mean_interval(believed)
        unguarded += int(((lower > 0.01) | (upper < 0.01)).any(axis=1).sum())
        silent.extend(np.argmax(held.evidence >= 30, axis=1))
    print(f"rare: false stops {falsely / 1000}, without the factor {unguarded / 1000}, from {np.median(silent)}")
    assert falsely / 1000 <= 0.05
    assert unguarded / 1000 > 0.08


def test_rows_are_what_the_class_gives():
    rng = np.random.default_rng(3)
    for law, (draw, mean, bounded) in LAWS.items():
        x = draw(rng, (2, LOOKS))
        for kind in ("asymptotic", "msprt", *(["empirical_bernstein"] if bounded else [])):
            lower, upper = ends(kind, x, mean)
            ours = ConfidenceSequence(kind=kind).update_many(x[0])
            said = np.isfinite(ours[0])
            assert (said == np.isfinite(lower[0])).mean() > 0.999, law
            said &= np.isfinite(lower[0])
            low, high = (0.0, 1.0) if kind == "empirical_bernstein" else (-np.inf, np.inf)
            np.testing.assert_allclose(ours[0][said], np.clip(lower[0][said], low, high), rtol=2e-5, atol=2e-7)
            np.testing.assert_allclose(ours[1][said], np.clip(upper[0][said], low, high), rtol=2e-5, atol=2e-7)


def test_power_against_a_known_rate():
    """0.12 where 0.10 is feared: found within 10,000 by nine runs in ten, by the widest kind in four of five."""
    rng, found = np.random.default_rng(5), {}
    for _ in range(500 // CHUNK):
        x = (rng.random((CHUNK, LOOKS)) < 0.12).astype(float)
        for kind in ("asymptotic", "msprt", "empirical_bernstein"):
            lower, _ = ends(kind, x, 0.12)
            first = np.where((lower > 0.1).any(axis=1), (lower > 0.1).argmax(axis=1) + 1, np.inf)
            found.setdefault(kind, []).extend(first)
    for kind, first in found.items():
        print(f"power {kind}: {np.isfinite(first).mean():.3f} by {LOOKS}, median at {np.median(first):.0f}")
        assert np.isfinite(first).mean() > 0.97
        assert np.median(first) < 4500


def test_repeated_z_tests_err_as_often_as_is_known():
    """The fault that is being fixed: Armitage, McPherson & Rowe (1969). 200,000 runs: standard error below 0.0011."""
    known = {2: 0.083, 5: 0.142, 10: 0.193, 20: 0.248, 50: 0.320, 100: 0.374}
    rng, runs = np.random.default_rng(6), 200_000
    for looks, rate in known.items():
        hit = np.zeros(runs, bool)
        s = np.zeros(runs)
        for look in range(1, looks + 1):
            s += rng.normal(size=runs)
            hit |= np.abs(s) > stats.norm.isf(0.025) * np.sqrt(look)
        assert hit.mean() == pytest.approx(rate, abs=0.0045)
