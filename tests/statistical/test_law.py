"""The law of the draws and of the choices. Seeds are fixed: a test fails on a change of the law, never by chance.

The p-values of a right law are uniform; each test states the false-alarm rate at which a new seed would fail it.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from armwise import ThompsonSampling
from armwise_kernels import load

DRAWS = 200_000
SHAPES = [0.3, 0.5, 0.8, 1.0, 1.5, 3.0, 10.0, 100.0, 1e3, 1e4, 1e6]


def resolvable(a: float, b: float) -> bool:
    """Whether doubles near one resolve the law: the mass that rounds to one is below 1e-4."""
    return (a * 1.1e-16) ** b < 1e-4


CELLS = [(a, b) for a in SHAPES for b in SHAPES if resolvable(a, b)]


def test_beta_draws_follow_their_law():
    """KS over all cells: p-values are uniform. False alarm: 1e-3 for the whole test."""
    assert len(CELLS) >= 90
    kernels, p = load(), []
    for i, (a, b) in enumerate(CELLS):
        # one arm on many decisions for one half, many arms on one decision for the other: both ways to be independent
        along = kernels.beta_draws([a], [b], seed=i, n=DRAWS // 2).ravel()
        across = kernels.beta_draws(np.full(1000, a), np.full(1000, b), seed=i, stream=1, n=DRAWS // 2000).ravel()
        p.append(stats.kstest(np.concatenate([along, across]), stats.beta(a, b).cdf).pvalue)
    assert min(p) > 0.5e-3 / len(CELLS)
    assert stats.kstest(p, "uniform").pvalue > 0.5e-3


def test_normals_follow_their_law_and_do_not_follow_each_other():
    """KS, tails, and correlations along slots, decisions and streams. False alarm: about 1e-3."""
    kernels = load()
    z = np.stack([kernels.normal_draws(1000, seed=3, stream=s, decision=d) for s in range(10) for d in range(100)])
    assert stats.kstest(z.ravel(), "norm").pvalue > 2e-4
    assert stats.kstest((z**2).sum(axis=1), stats.chi2(1000).cdf).pvalue > 2e-4
    limit = stats.norm.isf(1e-4) / np.sqrt(z.size)
    for step in (1, 2, 8):
        assert abs((z[:, step:] * z[:, :-step]).mean()) < limit
        assert abs((z[step:] * z[:-step]).mean()) < limit


def pooled(observed, expected, least: float = 8.0):
    """Cells in order of expectation, joined until each expects enough."""
    order = np.argsort(expected)
    out, o, e = [], 0.0, 0.0
    for i in order:
        o, e = o + observed[i], e + expected[i]
        if e >= least:
            out.append((o, e))
            o = e = 0.0
    if e:
        last = out.pop()
        out.append((last[0] + o, last[1] + e))
    return np.array(out).T


def warm(rng, k):
    mean, n = rng.uniform(0.05, 0.5, k), rng.uniform(20, 500, k)
    return 1 + mean * n, 1 + (1 - mean) * n


def zipf(rng, k):
    mean, n = rng.uniform(0.05, 0.5, k), rng.permutation(20_000 / np.arange(1, k + 1))
    return 1 + mean * n, 1 + (1 - mean) * n


REGIMES = {
    "warm": warm,
    "cold": lambda _, k: (np.ones(k), np.ones(k)),
    "below one": lambda rng, k: (rng.uniform(0.2, 1.5, k), rng.uniform(0.2, 1.5, k)),
    "skewed": lambda _, k: (
        np.where(np.arange(k) == k // 2, 30.0, 2.0),
        np.where(np.arange(k) == k // 2, 30.0, 9.0),
    ),
    "zipf": zipf,
    "one leader": lambda _, k: (np.where(np.arange(k) == k // 2, 50.0, 20.0), np.full(k, 60.0)),
}


def policy_at(alpha, beta, seed: int) -> ThompsonSampling:
    """A policy that stands at given shapes."""
    policy = ThompsonSampling(list(range(len(alpha))), seed=seed)
    state = policy.state_dict()
    state["alpha"], state["beta"] = list(map(float, alpha)), list(map(float, beta))
    policy.load_state(state)
    return policy


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("arms", "n"), [(2, 1_000_000), (10, 1_000_000), (100, 1_000_000), (1000, 500_000)])
def test_choices_follow_the_exact_propensities(regime, arms, n):
    """Chi-square of the arms chosen. False alarm: 24 tests at 1e-4."""
    rng = np.random.default_rng(arms)
    policy = policy_at(*REGIMES[regime](rng, arms), seed=arms)
    if regime in {"warm", "cold"}:
        assert policy.path == ("block" if arms >= 64 and regime == "warm" else "plain")
    chosen = np.bincount(policy.select_many(n), minlength=arms)
    p = policy.propensities()
    assert abs(p.sum() - 1) < 1e-9
    observed, expected = pooled(chosen, n * p)
    assert stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-4


def test_both_paths_choose_alike():
    """The same posterior by the block path and by the plain one: two samples of one law."""
    policy = policy_at(*warm(np.random.default_rng(5), 500), seed=1)
    assert policy.path == "block"
    block = np.bincount(policy.select_many(400_000), minlength=500)
    plain_policy = policy_at(*warm(np.random.default_rng(5), 500), seed=2)
    # a candidate set that lacks one hopeless arm is drawn arm by arm
    hopeless = int(np.argmin(policy.propensities()))
    candidates = [i for i in range(500) if i != hopeless]
    plain = np.zeros(500, int)
    for _ in range(200_000):
        plain[plain_policy.select(candidates)] += 1
    keep = (block + plain) >= 20
    table = np.array([block[keep], plain[keep]])
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_the_squeeze_lies_inside_the_acceptance_region():
    """Marsaglia & Tsang accept where log u < z^2/2 + d - d v + d log v; the squeeze 1 - (0.02206 / d) z^4 is below.

    That it is below for every shape from one on is what makes the squeeze a shortcut and not another law.
    """
    for d in np.geomspace(2 / 3, 1e6, 120):
        z = np.concatenate([np.linspace(-3 * np.sqrt(d), 0, 200_001)[1:], np.linspace(0, 40, 100_001)])
        v = (1 + z / np.sqrt(9 * d)) ** 3
        v, z = v[v > 0], z[v > 0]
        with np.errstate(divide="ignore"):
            room = z**2 / 2 + d - d * v + d * np.log(v) - np.log(np.maximum(1 - 0.02206 / d * z**4, 1e-300))
        inside = 1 - 0.02206 / d * z**4 > 0
        assert room[inside].min() > -1e-9 * max(1.0, d * 1e-6)
