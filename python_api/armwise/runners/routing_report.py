"""What a run of the main job shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from armwise.evaluation import Interval
from armwise.types import FloatArray

__all__ = ["Curve", "Latency", "PolicyResult", "RoutingReport"]


@dataclass(frozen=True, slots=True)
class Latency:
    """Time of one ``select``, called from Python, in nanoseconds; the timer's own cost is taken off.

    Attributes
    ----------
    p50, p99, p999 : float
        Percentiles over every decision of every seed.
    """

    p50: float
    p99: float
    p999: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How a policy fared over time, on a grid of request counts.

    Attributes
    ----------
    requests : ndarray of int64, shape (g,)
        Requests so far at each point.
    regret : ndarray of float64, shape (g,)
        Utility lost so far against the best fixed arm, mean over the seeds.
    half_width : ndarray of float64, shape (g,)
        Half-width of its 95% interval; NaN for a single seed.
    share : ndarray of float64, shape (g, K)
        Part of each arm in the requests since the point before.
    """

    requests: NDArray[np.int64]
    regret: FloatArray
    half_width: FloatArray
    share: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PolicyResult:
    """What one policy earned over all seeds.

    Attributes
    ----------
    name, title : str
        Its name on the command line and in a table.
    utility : Interval
        Mean utility of a request, with the 95% interval over seeds.
    regret_fixed, regret_oracle : float
        Mean utility of a request lost against the best fixed arm (below zero: won) and against the oracle.
    share : tuple of float
        Part of each arm in all decisions.
    decisions_per_second : float or None
        Rate of select and update together, from Python; None for what is no policy.
    latency : Latency or None
        Time of one select; None for what is no policy.
    curve : Curve
        Course over time.
    """

    name: str
    title: str
    utility: Interval
    regret_fixed: float
    regret_oracle: float
    share: tuple[float, ...]
    decisions_per_second: float | None
    latency: Latency | None
    curve: Curve


@dataclass(frozen=True, slots=True, eq=False)
class RoutingReport:
    """Everything that a run showed.

    Attributes
    ----------
    data : str
        Where the feedback is from.
    requests, seeds : int
        How many of each were played.
    arms : tuple of str
        Names of the arms.
    cost_weight : float
        What one USD weighed.
    arm_utility : tuple of float
        Mean utility of each arm, served always.
    best_fixed : str
        The arm that earns most, served always.
    best_fixed_utility, oracle_utility : float
        What it and the oracle earn a request.
    results : tuple of PolicyResult
        Each policy's, the random floor last.
    """

    data: str
    requests: int
    seeds: int
    arms: tuple[str, ...]
    cost_weight: float
    arm_utility: tuple[float, ...]
    best_fixed: str
    best_fixed_utility: float
    oracle_utility: float
    results: tuple[PolicyResult, ...]
