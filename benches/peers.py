"""The peers a user would otherwise pick, with the same history, as the names of a statement."""

from __future__ import annotations

import random

import numpy as np
from states import Counts

__all__ = ["ObpLike", "mabwiser", "numpy", "obp_like", "python", "river"]

Names = dict[str, object]


def numpy(counts: Counts, prior: float = 1.0) -> Names:
    """By hand: ``np.argmax(rng.beta(a, b))``."""
    a, b = counts.shapes(prior)
    return {"np": np, "rng": np.random.default_rng(1), "a": a, "b": b}


def python(counts: Counts) -> Names:
    """By hand, without NumPy: a dict of shapes by label, and the standard library's betavariate."""
    a, b = counts.shapes()
    shapes = map(list, zip(a.tolist(), b.tolist(), strict=True))
    posterior = dict(zip(counts.labels, shapes, strict=True))
    return {"posterior": posterior, "arm": counts.labels[0], "betavariate": random.Random(1).betavariate}


class ObpLike:
    """Bernoulli Thompson sampling by the steps that Open Bandit Pipeline documents for its BernoulliTS.

    The package itself brings torch and CUDA along. What a decision does there: one vectorised Beta draw of a
    RandomState from prior plus counts, all arms sorted, the list cut to its length; an update counts the pull
    and the reward, and publishes copies of the counts at the end of a batch, here of one.
    """

    def __init__(self, counts: Counts) -> None:
        self._random = np.random.RandomState(1)  # as the library does
        self._prior = np.ones(len(counts.successes))
        self._counting = [(counts.successes + counts.failures).astype(float), counts.successes.astype(float)]
        self._pulls, self._rewards = (held.copy() for held in self._counting)

    def select_action(self) -> np.ndarray:
        """The best arm of one draw each, as a list of one."""
        drawn = self._random.beta(self._prior + self._rewards, self._prior + (self._pulls - self._rewards))
        return drawn.argsort()[::-1][:1]

    def update_params(self, action: int, reward: float) -> None:
        """Count a pull and its reward."""
        self._counting[0][action] += 1
        self._counting[1][action] += reward
        self._pulls, self._rewards = (held.copy() for held in self._counting)


def obp_like(counts: Counts) -> Names:
    """See :class:`ObpLike`."""
    return {"bandit": ObpLike(counts)}


def mabwiser(counts: Counts) -> Names:
    """Thompson sampling of MABWiser."""
    from mabwiser.mab import MAB, LearningPolicy

    bandit = MAB(counts.labels, LearningPolicy.ThompsonSampling(), seed=1)
    pulled, rewards = counts.history()
    if len(pulled):
        bandit.fit(np.array(counts.labels)[pulled], rewards.astype(int))
    return {"bandit": bandit, "arm": counts.labels[0]}


def river(counts: Counts) -> Names:
    """Thompson sampling over Beta distributions, of river."""
    from river.bandit import ThompsonSampling
    from river.proba import Beta

    labels = counts.labels
    bandit = ThompsonSampling(reward_obj=Beta(1, 1), seed=1)
    for arm, reward in zip(*counts.history(), strict=True):
        bandit.update(labels[arm], int(reward))
    return {"bandit": bandit, "arms": labels, "arm": labels[0]}
