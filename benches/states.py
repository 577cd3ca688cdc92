"""What was learnt before a decision is timed: the same history for ours and for every peer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from armwise import ThompsonSampling

__all__ = ["REGIMES", "Counts", "cold", "thompson", "warm"]

Whole = NDArray[np.int64]


class Counts(NamedTuple):
    """Rewards of one and of nothing, by arm."""

    successes: Whole
    failures: Whole

    @property
    def labels(self) -> list[str]:
        """A name for each arm."""
        return [f"arm{i}" for i in range(len(self.successes))]

    def shapes(self, prior: float = 1.0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Alpha and beta, under the prior Beta(prior, prior)."""
        return prior + self.successes, prior + self.failures

    def means(self) -> dict[str, float]:
        """The posterior mean of each arm, under the prior Beta(1, 1)."""
        a, b = self.shapes()
        return dict(zip(self.labels, (a / (a + b)).tolist(), strict=True))

    def history(self) -> tuple[Whole, NDArray[np.float64]]:
        """Every pull and its reward, in a fixed random order: positions, rewards."""
        arms = np.arange(len(self.successes))
        pulled = np.concatenate([np.repeat(arms, self.successes), np.repeat(arms, self.failures)])
        rewards = np.repeat([1.0, 0.0], [self.successes.sum(), self.failures.sum()])
        order = np.random.default_rng(2).permutation(len(pulled))
        return pulled[order], rewards[order]


def warm(arms: int) -> Counts:
    """What a bandit has seen after a while: means of .05 to .5, 20 to 500 pulls an arm."""
    rng = np.random.default_rng(arms)
    pulls = rng.integers(20, 501, arms)
    successes = rng.binomial(pulls, rng.uniform(0.05, 0.5, arms))
    return Counts(successes, pulls - successes)


def cold(arms: int) -> Counts:
    """No pulls: the prior."""
    return _alike(arms, 0, 0)


def all_equal(arms: int) -> Counts:
    """Many pulls, and nothing to tell the arms apart by."""
    return _alike(arms, 60, 140)


def one_leader(arms: int) -> Counts:
    """One arm far ahead of equals."""
    counts = _alike(arms, 60, 140)
    counts.successes[arms // 3], counts.failures[arms // 3] = 160, 40
    return counts


def zipf_pulls(arms: int) -> Counts:
    """Pulls fall as 1 / rank and the better arms rank first, as a bandit leaves them."""
    rng = np.random.default_rng(arms)
    pulls = np.maximum(1, 50 * arms // np.arange(1, arms + 1))
    successes = rng.binomial(pulls, np.linspace(0.5, 0.05, arms))
    order = rng.permutation(arms)
    return Counts(successes[order], (pulls - successes)[order])


def _alike(arms: int, successes: int, failures: int) -> Counts:
    return Counts(np.full(arms, successes), np.full(arms, failures))


REGIMES: Final[dict[str, Callable[[int], Counts]]] = {
    "warm": warm,
    "cold": cold,
    "all equal": all_equal,
    "one leader": one_leader,
    "Zipf pulls": zipf_pulls,
}


def thompson(counts: Counts, *, prior: float = 1.0, half_life: float | None = None) -> ThompsonSampling:
    """A policy that has learnt the history reward by reward: its index is as learning left it."""
    policy = ThompsonSampling(counts.labels, prior=(prior, prior), half_life=half_life, seed=1)
    pulled, rewards = counts.history()
    labels = counts.labels
    policy.update_many([labels[arm] for arm in pulled], rewards)
    return policy
