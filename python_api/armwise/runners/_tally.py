"""From games to results: utilities, regrets, shares and latencies over all seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from armwise.evaluation import mean_interval, student_quantile
from armwise.runners.routing_report import Curve, Latency, PolicyResult
from armwise.types import FloatArray

__all__ = ["Game", "Tally"]

_GRID = 400


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """One run over one order: the arms chosen, and the nanoseconds of each select and of the whole."""

    chosen: NDArray[np.int64]
    took: NDArray[np.int64] | None = None
    elapsed: int = 0


class Tally:
    """Turns games into results, against the lines that the utilities themselves draw."""

    def __init__(self, utility: FloatArray) -> None:
        self._utility = utility
        self.best = int(utility.mean(axis=0).argmax())
        self.best_utility = float(utility[:, self.best].mean())
        self.oracle_utility = float(utility.max(axis=1).mean())
        requests = len(utility)
        self._grid = np.unique(np.linspace(0, requests, min(requests, _GRID) + 1).astype(np.int64))[1:]

    def result(self, name: str, title: str, orders: Sequence[NDArray[np.int64]], games: Sequence[Game]) -> PolicyResult:
        """Return what one policy earned over all seeds."""
        arms = self._utility.shape[1]
        means, regrets = [], []
        counts = np.zeros((len(self._grid), arms))
        # Which point of the grid each request counts towards.
        point = np.searchsorted(self._grid, np.arange(len(self._utility)), side="right")
        for order, game in zip(orders, games, strict=True):
            earned = self._utility[order, game.chosen]
            means.append(float(earned.mean()))
            regrets.append(np.cumsum(self._utility[order, self.best] - earned)[self._grid - 1])
            counts += np.bincount(point * arms + game.chosen, minlength=counts.size).reshape(counts.shape)
        interval = mean_interval(means)
        timed = [game for game in games if game.took is not None]
        return PolicyResult(
            name=name,
            title=title,
            utility=interval,
            regret_fixed=self.best_utility - interval.mean,
            regret_oracle=self.oracle_utility - interval.mean,
            share=tuple((counts.sum(axis=0) / counts.sum()).tolist()),
            decisions_per_second=_rate(timed),
            latency=_latency(timed),
            curve=Curve(
                self._grid,
                np.mean(regrets, axis=0),
                _half_width(regrets),
                counts / counts.sum(axis=1, keepdims=True),
            ),
        )


def _half_width(samples: Sequence[FloatArray]) -> FloatArray:
    """Return the half-width of the 95% Student interval at each point, NaN for a single curve."""
    n = len(samples)
    if n == 1:
        return np.full_like(samples[0], np.nan)
    spread: FloatArray = np.std(samples, axis=0, ddof=1)
    return spread * (student_quantile(0.95, n - 1) / math.sqrt(n))


def _rate(games: Sequence[Game]) -> float | None:
    elapsed = sum(game.elapsed for game in games)
    return sum(len(game.chosen) for game in games) / elapsed * 1e9 if elapsed else None


def _latency(games: Sequence[Game]) -> Latency | None:
    took = [game.took for game in games if game.took is not None]
    if not took:
        return None
    p50, p99, p999 = np.maximum(np.percentile(np.concatenate(took), [50, 99, 99.9]) - _timer_cost(), 0.0).tolist()
    return Latency(p50, p99, p999)


def _timer_cost() -> float:
    """Return the median nanoseconds between two readings of the timer with nothing in between."""
    readings = [perf_counter_ns() for _ in range(2001)]
    return float(np.median(np.diff(readings)))
