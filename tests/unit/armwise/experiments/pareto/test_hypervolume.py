"""hypervolume: figures that can be checked by hand, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armwise import ConfigurationError
from armwise.experiments.pareto import hypervolume


@pytest.mark.parametrize(
    ("points", "volume"),
    [
        ([[2.0, 1.0]], 2.0),
        ([[2.0, 1.0], [1.0, 3.0]], 4.0),
        ([[2.0, 1.0], [2.0, 1.0], [1.0, 1.0]], 2.0),
        ([[2.0, 1.0], [2.0, 3.0]], 6.0),
        ([[2.0, 3.0], [2.0, 1.0]], 6.0),
        ([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [4.0, 0.5]], 6.5),
        ([[-1.0, 5.0], [0.0, 5.0], [1.0, 0.0]], 0.0),
        ([[1.0, 1.0, 1.0]], 1.0),
        ([[1.0, 1.0, 1.0], [2.0, 2.0, 0.5]], 2.5),
        ([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]], 4.0),
    ],
)
def test_volumes(points, volume):
    assert hypervolume(points, [0.0] * len(points[0])) == volume


def test_less_may_be_better():
    arms = {"fast": [0.9, 2.0], "slow": [0.9, 5.0], "sure": [1.0, 6.0]}
    assert hypervolume(arms, [0.5, 10.0], maximise=[True, False]) == pytest.approx(0.4 * 8 + 0.1 * 4)
    assert hypervolume([[1.0, 1.0]], [3.0, 4.0], maximise=False) == 6.0


def test_what_does_not_exceed_the_reference_adds_nothing():
    assert hypervolume([[1.0, 5.0], [3.0, 3.0]], [2.0, 2.0]) == 1.0


def test_many_points():
    # The quarter disc, from inside: its area less one step.
    angles = np.linspace(0.0, np.pi / 2, 5002)[1:-1]
    assert hypervolume(np.column_stack([np.cos(angles), np.sin(angles)]), (0.0, 0.0)) == pytest.approx(
        np.pi / 4, abs=1e-3
    )


@pytest.mark.parametrize(
    ("points", "reference", "match"),
    [
        ([[1.0]], [0.0], "1 objectives"),
        ([[1.0] * 4], [0.0] * 4, "4 objectives"),
        ([[1.0, 2.0]], [0.0], "reference"),
        ([[1.0, 2.0]], [0.0, 0.0, 0.0], "reference"),
        ([[1.0, 2.0]], 0.0, "reference"),
        ([[1.0, 2.0]], [math.nan, 0.0], "reference"),
        ([[1.0, 2.0]], "ab", "reference"),
        ([[1.0, 2.0]], [10**5000, 0.0], "reference is of type list, too large"),
        ([[10**5000, 2.0]], [0.0, 0.0], "real numbers"),
        ([[1.0, math.inf]], [0.0, 0.0], "infinite"),
        ([[1.0, 1.0]], [-math.inf, 0.0], "infinite"),
        ([[1.0, math.nan]], [0.0, 0.0], "NaN"),
    ],
)
def test_refusals(points, reference, match):
    with pytest.raises(ConfigurationError, match=match):
        hypervolume(points, reference)
    with pytest.raises(ConfigurationError, match="maximise"):
        hypervolume([[1.0, 2.0]], [0.0, 0.0], maximise=[True])
