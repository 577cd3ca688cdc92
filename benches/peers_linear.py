"""Linear bandits of the peers, and by hand with NumPy: taught three events an arm, as the names of a statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise import LinTS, LinTSDiag

__all__ = [
    "SIGMA",
    "Coefficients",
    "Diagonal",
    "Full",
    "by_hand",
    "mabwiser",
    "ours",
    "paretobandit",
    "river",
    "vowpal",
]

Floats = NDArray[np.float64]
Names = dict[str, object]

SIGMA: Final = 0.5


class Diagonal:
    """The diagonal posterior as arrays (K, d), scores drawn from their exact normal law: one normal an arm.

    As in ours, what an update can do ahead of a selection is done there.
    """

    def __init__(self, arms: int, dim: int) -> None:
        self.rng = np.random.default_rng(1)
        self.precision, self.weighted = np.ones((arms, dim)), np.zeros((arms, dim))
        self.mean, self.variance = np.zeros((arms, dim)), np.full((arms, dim), SIGMA**2)

    def select(self, x: Floats) -> int:
        """The arm of the largest score."""
        deviation = np.sqrt(self.variance @ (x * x))
        return int(np.argmax(self.mean @ x + deviation * self.rng.standard_normal(len(deviation))))

    def update(self, arm: int, reward: float, x: Floats) -> None:
        """One event."""
        self.precision[arm] += x * x
        self.weighted[arm] += reward * x
        self.mean[arm] = self.weighted[arm] / self.precision[arm]
        self.variance[arm] = SIGMA**2 / self.precision[arm]


class Coefficients(Diagonal):
    """The diagonal posterior, every coefficient drawn, as textbooks write it."""

    def select(self, x: Floats) -> int:
        """The arm of the largest score."""
        theta = self.mean + np.sqrt(self.variance) * self.rng.standard_normal(self.mean.shape)
        return int(np.argmax(theta @ x))


class Full:
    """The full posterior: inverses (K, d, d) by Sherman and Morrison, one normal an arm."""

    def __init__(self, arms: int, dim: int) -> None:
        self.rng = np.random.default_rng(1)
        self.inverse, self.weighted = np.tile(np.eye(dim), (arms, 1, 1)), np.zeros((arms, dim))
        self.mean = np.zeros((arms, dim))

    def select(self, x: Floats) -> int:
        """The arm of the largest score."""
        deviation = SIGMA * np.sqrt(self.inverse @ x @ x)
        return int(np.argmax(self.mean @ x + deviation * self.rng.standard_normal(len(deviation))))

    def update(self, arm: int, reward: float, x: Floats) -> None:
        """One event."""
        along = self.inverse[arm] @ x
        self.inverse[arm] -= np.outer(along, along) / (1.0 + x @ along)
        self.weighted[arm] += reward * x
        self.mean[arm] = self.inverse[arm] @ self.weighted[arm]


def events(arms: int, dim: int) -> Iterator[tuple[int, float, Floats]]:
    """Three of each arm: position, reward in [0, 1], context."""
    rng = np.random.default_rng([arms, dim])
    for arm in np.tile(np.arange(arms), 3).tolist():
        yield arm, float(rng.random()), rng.normal(size=dim)


def context(arms: int, dim: int) -> Floats:
    """The features of the request that is timed."""
    return np.random.default_rng([dim, arms]).normal(size=dim)


def ours(kind: type[LinTSDiag | LinTS], arms: int, dim: int) -> Names:
    """One of the two policies of this library."""
    labels = [f"arm{i}" for i in range(arms)]
    policy = kind(labels, dim=dim, sigma=SIGMA, seed=1)
    for arm, reward, x in events(arms, dim):
        policy.update(labels[arm], reward, x)
    return {"policy": policy, "arm": labels[1], "x": context(arms, dim)}


def by_hand(kind: type[Diagonal | Full], arms: int, dim: int) -> Names:
    """One of the posteriors above."""
    posterior = kind(arms, dim)
    for event in events(arms, dim):
        posterior.update(*event)
    return {"posterior": posterior, "x": context(arms, dim)}


def mabwiser(arms: int, dim: int) -> Names:
    """LinTS of MABWiser: full covariance."""
    from mabwiser.mab import MAB, LearningPolicy

    labels = [f"arm{i}" for i in range(arms)]
    bandit = MAB(labels, LearningPolicy.LinTS(alpha=SIGMA), seed=1)
    chosen, rewards, contexts = zip(*events(arms, dim), strict=True)
    bandit.fit([labels[arm] for arm in chosen], list(rewards), np.array(contexts))
    return {"bandit": bandit, "arm": labels[1], "x": context(arms, dim)[None]}


def river(arms: int, dim: int) -> Names:
    """LinUCB of river, which has no linear Thompson sampling: full covariance, features by name."""
    from river.bandit import LinUCBDisjoint

    labels = [f"arm{i}" for i in range(arms)]
    features = [f"x{j}" for j in range(dim)]
    bandit = LinUCBDisjoint(alpha=SIGMA, seed=1)
    for arm, reward, x in events(arms, dim):
        bandit.update(labels[arm], dict(zip(features, x.tolist(), strict=True)), reward)
    asked = dict(zip(features, context(arms, dim).tolist(), strict=True))
    return {"bandit": bandit, "arms": labels, "arm": labels[1], "x": asked}


def vowpal(arms: int, dim: int) -> Names:
    """Vowpal Wabbit's contextual bandit with action-dependent features, on examples parsed beforehand.

    A request pays for parsing too, unless all requests are the same.
    """
    from vowpalwabbit import Workspace

    def lines(x: Floats, arm: int = -1, reward: float = 0.0) -> list[str]:
        shared = " ".join(f"x{j}:{value:.6f}" for j, value in enumerate(x))
        label = f"0:{-reward:.6f}:{1.0 / arms:.6f} "
        return [
            f"shared |s {shared}",
            *(f"{label if i == arm else ''}|a arm{i}" for i in range(arms)),
        ]

    workspace = Workspace("--cb_explore_adf --epsilon 0.1 -q sa --quiet --random_seed 1")
    for arm, reward, x in events(arms, dim):
        workspace.learn(lines(x, arm, reward))
    asked = context(arms, dim)
    return {
        "workspace": workspace,
        "request": workspace.parse(lines(asked)),
        "event": workspace.parse(lines(asked, 1, 0.5)),
    }


def paretobandit(arms: int, dim: int) -> Names:
    """The LinUCB of ParetoBandit, and the router around it (features given, costs known)."""
    from pareto_bandit import BanditRouter, FeatureService

    labels = [f"arm{i}" for i in range(arms)]
    router = BanditRouter.create(
        model_registry={
            label: {"input_cost_per_m": 1.0 + i, "output_cost_per_m": 2.0 + i} for i, label in enumerate(labels)
        },
        priors="none",
        feature_service=FeatureService.for_precomputed(dim),
    )
    for arm, reward, x in events(arms, dim):
        router.bandit.update(labels[arm], x, reward)
    return {"router": router, "bandit": router.bandit, "arm": labels[1], "x": context(arms, dim)}
