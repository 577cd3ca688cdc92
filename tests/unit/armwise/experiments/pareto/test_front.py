"""pareto_front: who dominates whom, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armwise import ConfigurationError
from armwise.experiments.pareto import pareto_front
from armwise.experiments.pareto.front import MOST_POINTS, undominated


def test_the_front_of_five_arms():
    arms = {"a1": [0.1, 0.3, 0.5], "a2": [0.1, 0.3, 0.5], "a3": [0, 0.4, 0.4], "a4": [0.5, 0.3, 0.7]}
    arms |= {"a5": [0.6, 0.1, 0.5]}
    assert pareto_front(arms) == ("a3", "a4", "a5")
    assert pareto_front(np.array(list(arms.values()))) == (2, 3, 4)


def test_equal_points_stand_together():
    assert pareto_front({"a": [1, 2], "b": [1, 2]}) == ("a", "b")
    assert pareto_front({"a": [1, 2], "b": [1, 2], "c": [1, 3]}) == ("c",)


def test_a_tie_in_one_objective_is_decided_by_the_others():
    assert pareto_front([[1.0, 2.0], [1.0, 1.0]]) == (0,)
    assert pareto_front([[1.0], [3.0], [3.0]]) == (1, 2)


@pytest.mark.parametrize(
    ("maximise", "front"), [(True, (1,)), (False, (0,)), ([True, False], (0, 1)), (np.array([False, True]), (0, 1))]
)
def test_directions(maximise, front):
    assert pareto_front([[0.0, 0.0], [1.0, 1.0]], maximise=maximise) == front


def test_infinities_are_ordered():
    assert pareto_front([[math.inf, 0.0], [1.0, 1.0], [-math.inf, 1.0]]) == (0, 1)


def test_labels_of_any_kind_come_back():
    label = ("any", "hashable")
    assert pareto_front({label: (1, 2), 3: (2, 1)}) == (label, 3)
    assert pareto_front(np.array([[True, False], [False, False]])) == (0,)


def test_large_sets_are_compared_in_parts():
    rng = np.random.default_rng(1)
    points = rng.random((4000, 3))
    front = set(pareto_front(points))
    for i in rng.integers(0, 4000, 200).tolist():
        dominated = ((points >= points[i]).all(axis=1) & (points > points[i]).any(axis=1)).any()
        assert (i in front) == (not dominated)


def test_many_fronts_at_once():
    draws = np.random.default_rng(2).random((2, 5, 50))
    fronts = undominated(draws, draws)
    assert fronts.shape == (5, 50)
    for i in range(50):
        assert np.flatnonzero(fronts[:, i]).tolist() == list(pareto_front(draws[:, :, i].T))


@pytest.mark.parametrize(
    ("points", "match"),
    [
        ({}, "shape"),
        ([], "shape"),
        ([[]], "shape"),
        ([1.0, 2.0], "shape"),
        ({"a": 1.0}, "shape"),
        (5, "shape"),
        ({"a": [1.0, 2.0], "b": [1.0]}, "different numbers"),
        ([[1.0, math.nan]], "point 0 is NaN in objective 1"),
        ({"a": [1.0], "b": [math.nan]}, "point 'b' is NaN"),
        ([["1", "2"]], "dtype"),
        ([[1j, 2.0]], "dtype"),
        ([[None, 2.0]], "dtype"),
        ("ab", "mapping"),
        ({(1.0, 2.0)}, "mapping"),
    ],
)
def test_points_that_are_none(points, match):
    with pytest.raises(ConfigurationError, match=match):
        pareto_front(points)


def test_too_many_points():
    with pytest.raises(ConfigurationError, match="10,001 points"):
        pareto_front(np.zeros((MOST_POINTS + 1, 2)))


@pytest.mark.parametrize("maximise", [[True], [True, 1], "yes", None, (True, False, True), 1, {True, False}])
def test_directions_that_are_none(maximise):
    with pytest.raises(ConfigurationError, match="maximise"):
        pareto_front([[1.0, 2.0]], maximise=maximise)
