"""Objectives: bounds, and values as shares of the way from worst to best."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armwise import ConfigurationError
from armwise.experiments.pareto import ParetoThompsonSampling
from armwise.experiments.pareto._objectives import Objective


def test_goodness():
    assert Objective("q", 0.0, 1.0).goodness([0.0, 0.25, 1.0], 3).tolist() == [0.0, 0.25, 1.0]
    assert Objective("cost", 8.0, 0.0).goodness([0.0, 2.0, 8.0], 3).tolist() == [1.0, 0.75, 0.0]
    assert Objective("t", -1e100, 1e100).goodness([-1e100, 0.0, 1e100], 3).tolist() == [0.0, 0.5, 1.0]
    assert Objective("cost", 8.0, 0.0).value(0.75) == 2.0


def test_goodness_stays_inside_whatever_the_rounding():
    rng = np.random.default_rng(3)
    for _ in range(200):
        worst, best = rng.normal(size=2) * 10.0 ** rng.integers(-30, 30, 2)
        values = np.clip(worst + rng.random(50) * (best - worst), *sorted((worst, best)))
        goodness = Objective("x", worst, best).goodness(values, 50)
        assert ((goodness >= 0.0) & (goodness <= 1.0)).all()


@pytest.mark.parametrize("value", [-0.1, 8.1, math.nan, math.inf])
def test_values_beyond_the_bounds_are_refused_with_the_remedy(value):
    with pytest.raises(ConfigurationError, match=r"objective 'cost': reward is .* its bounds; widen them"):
        Objective("cost", 8.0, 0.0).goodness([value], 1)


@pytest.mark.parametrize("value", [None, "2", 1j, [1.0], 10**400])
def test_values_that_are_no_numbers(value):
    with pytest.raises(ConfigurationError, match="objective 'cost': reward"):
        Objective("cost", 8.0, 0.0).goodness([value], 1)


@pytest.mark.parametrize(
    "objectives",
    [
        None,
        [10**5000],
        {"quality": (0.0, 1.0), 10**5000: (0.0, 1.0)},
        {"quality": (0.0, 1.0), "cost": (0.0, 10**5000)},
        ("quality", "cost"),
        {},
        {"quality": (0.0, 1.0)},
        {str(i): (0.0, 1.0) for i in range(17)},
        {"quality": (0.0, 1.0), 2: (0.0, 1.0)},
        {"quality": (0.0, 1.0), "cost": (1.0, 1.0)},
        {"quality": (0.0, 1.0), "cost": (0.0, math.nan)},
        {"quality": (0.0, 1.0), "cost": (0.0, math.inf)},
        {"quality": (0.0, 1.0), "cost": (0.0, 1e101)},
        {"quality": (0.0, 1.0), "cost": (1.0,)},
        {"quality": (0.0, 1.0), "cost": 1.0},
        {"quality": (0.0, 1.0), "cost": ("0", "1")},
        {"quality": (0.0, 1.0), "cost": (False, True)},
    ],
)
def test_objectives_that_are_none(objectives):
    with pytest.raises(ConfigurationError, match=r"objectives|bounds|an objective is named"):
        ParetoThompsonSampling(["a"], objectives=objectives)
