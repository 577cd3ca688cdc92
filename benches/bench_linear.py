"""Linear Thompson sampling from Python: ours beside the NumPy that a good engineer would write by hand.

``numpy`` draws the score of each arm from its exact normal law, one normal an arm, as ours does; ``numpy theta``
draws the coefficients, as textbooks do. Both hold their posterior ready to use: all of the work that an update can
do ahead of a selection is done there.
"""

from __future__ import annotations

import numpy as np
import pytest

from armwise import LinTS, LinTSDiag

SIGMA = 0.5
SHAPES = [(3, 26), (10, 16), (10, 128), (100, 64), (1000, 32)]
FULL_SHAPES = [(3, 26), (10, 16), (100, 16)]


class NumpyDiagonal:
    """The diagonal posterior: arrays (K, d), one line for each call."""

    def __init__(self, arms: int, dim: int) -> None:
        self.rng = np.random.default_rng(1)
        self.precision, self.weighted = np.ones((arms, dim)), np.zeros((arms, dim))
        self.mean, self.variance = np.zeros((arms, dim)), np.full((arms, dim), SIGMA**2)
        self.deviation = np.sqrt(self.variance)

    def select(self, x):
        deviation = np.sqrt(self.variance @ (x * x))
        return int(np.argmax(self.mean @ x + deviation * self.rng.standard_normal(len(deviation))))

    def select_theta(self, x):
        theta = self.mean + self.deviation * self.rng.standard_normal(self.mean.shape)
        return int(np.argmax(theta @ x))

    def update(self, arm, reward, x):
        self.precision[arm] += x * x
        self.weighted[arm] += reward * x
        self.mean[arm] = self.weighted[arm] / self.precision[arm]
        self.variance[arm] = SIGMA**2 / self.precision[arm]
        self.deviation[arm] = np.sqrt(self.variance[arm])


class NumpyFull:
    """The full posterior: inverses (K, d, d) by Sherman and Morrison."""

    def __init__(self, arms: int, dim: int) -> None:
        self.rng = np.random.default_rng(1)
        self.inverse, self.weighted = np.tile(np.eye(dim), (arms, 1, 1)), np.zeros((arms, dim))
        self.mean = np.zeros((arms, dim))
        self.root = self.inverse.copy()

    def select(self, x):
        deviation = SIGMA * np.sqrt(self.inverse @ x @ x)
        return int(np.argmax(self.mean @ x + deviation * self.rng.standard_normal(len(deviation))))

    def select_theta(self, x):
        normals = self.rng.standard_normal((*self.mean.shape, 1))
        theta = self.mean + SIGMA * (self.root @ normals)[..., 0]
        return int(np.argmax(theta @ x))

    def update(self, arm, reward, x):
        along = self.inverse[arm] @ x
        self.inverse[arm] -= np.outer(along, along) / (1.0 + x @ along)
        self.weighted[arm] += reward * x
        self.mean[arm] = self.inverse[arm] @ self.weighted[arm]
        self.root[arm] = np.linalg.cholesky(self.inverse[arm])


def warm(policy, arms: int, dim: int):
    """Teach three events an arm; returns a context."""
    rng = np.random.default_rng([arms, dim])
    for arm in np.tile(np.arange(arms), 3).tolist():
        policy.update(arm, float(rng.normal()), rng.normal(size=dim))
    return rng.normal(size=dim)


def ours(kind: str, arms: int, dim: int):
    policy = {"diagonal": LinTSDiag, "full": LinTS}[kind]
    return policy(arms=list(range(arms)), dim=dim, sigma=SIGMA, seed=1)


def numpy_of(kind: str, arms: int, dim: int):
    return {"diagonal": NumpyDiagonal, "full": NumpyFull}[kind](arms, dim)


CASES = [("diagonal", *shape) for shape in SHAPES] + [("full", *shape) for shape in FULL_SHAPES]


@pytest.mark.parametrize("peer", ["armwise", "numpy", "numpy theta"])
@pytest.mark.parametrize(("kind", "arms", "dim"), CASES)
def bench_select(benchmark, kind, arms, dim, peer):
    benchmark.group = f"linear select, {kind} K={arms} d={dim}"
    policy = ours(kind, arms, dim) if peer == "armwise" else numpy_of(kind, arms, dim)
    x = warm(policy, arms, dim)
    if peer == "armwise":
        chosen = benchmark(policy.select, None, x)
    else:
        chosen = benchmark(policy.select_theta if peer == "numpy theta" else policy.select, x)
    assert chosen in range(arms)


@pytest.mark.parametrize("peer", ["armwise", "numpy"])
@pytest.mark.parametrize(("kind", "arms", "dim"), CASES[1:3] + CASES[-3:-1])
def bench_update(benchmark, kind, arms, dim, peer):
    benchmark.group = f"linear update, {kind} K={arms} d={dim}"
    policy = ours(kind, arms, dim) if peer == "armwise" else numpy_of(kind, arms, dim)
    benchmark(policy.update, 1, 0.5, warm(policy, arms, dim))
