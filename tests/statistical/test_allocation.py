"""The quality of the assignments: shares, and independence of experiments, on ids that follow each other.

Salts are fixed: a test fails on a change of the law, never by chance. Each states the rate at which new salts would
fail it.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from armwise.experiments import Allocator, Namespace, bucket
from armwise_kernels import load

USERS = 200_000
SALTS = [f"salt-{i}" for i in range(24)]


@pytest.fixture(scope="module", params=["text", "integers"])
def keys(request):
    return [f"user-{i}" for i in range(USERS)] if request.param == "text" else np.arange(USERS)


@pytest.fixture(scope="module")
def halves(keys):
    """Who is in the second half of a 50/50 experiment, for each salt: (24, 200000)."""
    return np.array([Allocator("quality", ["a", "b"], seed_salt=salt).allocate_many(keys) for salt in SALTS], bool)


def phi(left, right):
    """The correlation of two halves, over all users."""
    return np.corrcoef(left, right)[0, 1]


def test_experiments_are_independent(halves):
    """276 pairs. Under independence phi is normal with deviation 1 / sqrt(n) = .0022; false alarm 2e-3 in all."""
    correlations = np.array([phi(halves[i], halves[j]) for i, j in combinations(range(len(SALTS)), 2)])
    assert np.abs(correlations).max() <= 0.01
    assert np.abs(correlations).max() < stats.norm.isf(0.5e-3 / correlations.size) / np.sqrt(USERS)
    p = 2 * stats.norm.sf(np.abs(correlations) * np.sqrt(USERS))
    assert stats.binomtest(int((p < 0.01).sum()), p.size, 0.01).pvalue > 0.5e-3
    assert stats.kstest(p, "uniform").pvalue > 0.5e-3


@pytest.mark.parametrize("weights", [(50, 50), (50, 30, 20), (1, 99), (1, 2, 3, 4, 5, 6, 7), (1,) * 100])
def test_shares_are_those_of_the_weights(keys, weights):
    """Within 4 deviations for every variant and salt, 6e-5 each; chi-square over salts, 1e-3."""
    p, total = [], sum(weights)
    for salt in SALTS:
        allocator = Allocator("shares", {f"v{i}": weight for i, weight in enumerate(weights)}, seed_salt=salt)
        counts = np.bincount(allocator.allocate_many(keys), minlength=len(weights))
        share = np.array(weights) / total
        assert (np.abs(counts - USERS * share) <= 4 * np.sqrt(USERS * share * (1 - share))).mean() >= 0.99
        p.append(stats.chisquare(counts, USERS * share).pvalue)
    assert min(p) > 0.5e-3 / len(SALTS)
    assert stats.kstest(p, "uniform").pvalue > 0.5e-3


def test_variants_are_independent_of_the_namespace(keys):
    """Chi-square of two halves under one id each, 24 salts; false alarm 1e-3."""
    p = []
    for salt in SALTS:
        within = Allocator("page", ["x"], namespace=Namespace(salt, 0, 0.5)).allocate_many(keys) >= 0
        variant = Allocator(salt, ["a", "b"]).allocate_many(keys)
        p.append(stats.chi2_contingency(np.histogram2d(within, variant, bins=2)[0]).pvalue)
    assert min(p) > 0.5e-3 / len(SALTS)
    assert stats.kstest(p, "uniform").pvalue > 0.5e-3


def test_neighbours_are_independent(halves):
    """Users who came one after the other, and 2, 8 and 1000 apart; false alarm 1e-3."""
    signs = np.where(halves, 1.0, -1.0)
    limit = stats.norm.isf(0.5e-3 / (4 * len(SALTS))) / np.sqrt(USERS)
    for step in (1, 2, 8, 1000):
        assert np.abs((signs[:, step:] * signs[:, :-step]).mean(axis=1)).max() < limit


def test_fnv_is_the_counter_example():
    """FNV-1a keeps low bits low: an experiment on its parity repeats every other one, or mirrors it.

    GrowthBook's first version, of a decimal of it, is better and not good; its second, which hashes twice, is.
    """
    kernels, users = load(), [f"user-{i}" for i in range(4_000)]
    parity = np.array([[kernels.fnv1a32(f"{salt}:{user}".encode()) % 2 for user in users] for salt in SALTS[:4]])
    assert all(abs(phi(parity[i], parity[j])) == pytest.approx(1) for i, j in combinations(range(4), 2))

    def worst(dialect):
        second = np.array([[bucket(dialect, user, salt) >= 0.5 for user in users] for salt in SALTS[:12]])
        return max(abs(phi(second[i], second[j])) for i, j in combinations(range(12), 2))

    noise = stats.norm.isf(0.5e-3 / 66) / np.sqrt(len(users))
    assert worst("growthbook_v1") > 3 * noise
    assert worst("growthbook_v2") < noise
