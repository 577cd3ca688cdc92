"""What requests that something else served say of a variant."""

from __future__ import annotations

import math

import numpy as np
import pytest

from armwise.experiments._support import why_unknown
from armwise.experiments.counterfactual import Counterfactual


def replay(weights):
    seen = Counterfactual()
    for weight in weights:
        seen.add(weight=float(weight), reward=0.5, expected=0.0, served=0.5, baseline=0.5)
    return seen


def drawn(n, served, stated):
    """Weights where the variant's choice is served with one probability and another one is stated."""
    return (np.random.default_rng(5).random(n) < served) / stated


@pytest.mark.parametrize("weights", [[], [0.0] * 99, [1.0] * 5000, drawn(5000, 0.5, 0.5), drawn(5000, 0.05, 0.05)])
def test_nothing_speaks_against_it(weights):
    assert why_unknown("b", replay(weights)) is None


@pytest.mark.parametrize("n", [100, 1000, 5000])
def test_what_is_never_served_is_not_known(n):
    assert why_unknown("b", replay([0.0] * n)) == (
        "the core never serves what 'b' would have served: nothing is known of it"
    )


@pytest.mark.parametrize(("served", "stated"), [(0.35, 0.5), (0.5, 0.35), (0.7, 1.0)])
def test_weights_whose_mean_is_not_one(served, stated):
    assert why_unknown("b", replay(drawn(999, served, stated))) is None, "they come to look like their law late"
    reason = why_unknown("b", replay(drawn(3000, served, stated)))
    assert "the mean of its weights is " in reason
    mean = float(reason.partition("weights is ")[2].partition(",")[0])
    assert math.isclose(mean, served / stated, rel_tol=0.1)


def test_weights_that_are_all_alike_have_no_interval_and_are_told_all_the_same():
    assert "the mean of its weights is 2, not 1" in why_unknown("b", replay([2.0] * 100))
