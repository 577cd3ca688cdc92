"""Off-policy estimates on the Open Bandit sample, 10,000 rows of 80 items at 3 positions: ours beside NumPy by hand.

The hand keeps one number for each row, item and position, as obp takes its distributions and predictions; obp itself
would bring torch. Both hands get the model's predictions ready made; ours is timed with and without fitting them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import pytest
from cases import OURS, Case
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from armwise.data import open_bandit
from armwise.evaluation import (
    FittedMeans,
    arm_frequencies,
    clipped_ips,
    dm,
    dr,
    expected_rewards,
    fit_means,
    ips,
    replay,
    snips,
    switch_dr,
)
from armwise.runners.off_policy import evaluate_open_bandit
from armwise.types import FloatArray

SHAPE: Final = (3, 80)
Hand = Callable[[], float]


@cache
def world() -> tuple[FloatArray, FloatArray, NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """Rewards, propensities, items and cells of the random log, and the Thompson policy as a table."""
    logged, evaluated = open_bandit("random"), open_bandit("bts")
    policy = arm_frequencies(evaluated.item, evaluated.position - 1, shape=SHAPE)
    cells, items = logged.position.astype(np.int64) - 1, logged.item.astype(np.int64)
    return logged.click.astype(np.float64), logged.propensity, items, cells, policy


@cache
def model() -> FittedMeans:
    rewards, _, items, cells, _ = world()
    return fit_means(rewards, items, cells, shape=SHAPE, folds=1)


def ours() -> dict[str, object]:
    rewards, propensities, items, cells, policy = world()
    target, fitted = policy[cells, items], model()
    names: dict[str, object] = {
        "rewards": rewards,
        "items": items,
        "cells": cells,
        "policy": policy,
        "shape": SHAPE,
        "columns": (rewards, propensities, target),
        "predicted": fitted.predicted,
        "expected": fitted.expected(policy),
        "model": fitted,
        "by_row": policy[cells],
        "guesses_by_row": fitted.table[cells],
        "random": open_bandit("random"),
        "bts": open_bandit("bts"),
    }
    functions = (ips, snips, clipped_ips, dm, dr, switch_dr, replay, expected_rewards, fit_means, evaluate_open_bandit)
    return names | {function.__name__: function for function in functions}


def by_hand(name: str) -> Hand:
    """The estimate without interval, overlap or checks, from arrays of rows, items and positions."""
    rewards, propensities, items, cells, policy = world()
    rows = np.arange(len(rewards))
    everywhere = np.ascontiguousarray(np.broadcast_to(policy.T, (len(rows), *policy.T.shape)))
    guesses = np.ascontiguousarray(np.broadcast_to(model().table.T, (len(rows), *policy.T.shape)))

    def weights() -> FloatArray:
        return everywhere[rows, items, cells] / propensities

    def expected() -> FloatArray:
        return np.average(guesses[rows, :, cells], weights=everywhere[rows, :, cells], axis=1)

    def doubly_robust() -> float:
        return float((expected() + weights() * (rewards - guesses[rows, items, cells])).mean())

    def self_normalised() -> float:
        weight = weights()
        return float((weight * rewards).mean() / weight.mean())

    hands: dict[str, Hand] = {
        "ips": lambda: float((weights() * rewards).mean()),
        "snips": self_normalised,
        "dm": lambda: float(expected().mean()),
        "dr": doubly_robust,
    }
    return hands[name]


OURS_BY_NAME: Final = {
    "ips": "ips(*columns)",
    "snips": "snips(*columns)",
    "dm": "dm(model.expected(policy), model_error=model.error(policy))",
    "dr": "dr(*columns, model.predicted, model.expected(policy))",
}
GROUP: Final = "off-policy, 10,000 rows: "
_BAR: Final = {"avx512": 1e6}

CASES: Final = (
    *(
        case
        for name, statement in OURS_BY_NAME.items()
        for case in (
            Case(GROUP + name, OURS, statement, ours, bars=_BAR),
            Case(GROUP + name, "NumPy by hand", "estimate()", lambda name=name: {"estimate": by_hand(name)}),
        )
    ),
    Case(GROUP + "clipped_ips", OURS, "clipped_ips(*columns)", ours),
    Case(GROUP + "switch_dr", OURS, "switch_dr(*columns, predicted, expected)", ours),
    Case(GROUP + "replay", OURS, "replay(*columns)", ours),
    Case(GROUP + "the model, cross-fitted", OURS, "fit_means(rewards, items, cells, shape=shape)", ours),
    Case(GROUP + "expected_rewards of rows by items", OURS, "expected_rewards(by_row, guesses_by_row)", ours),
    Case(GROUP + "all seven, with the model", OURS, "evaluate_open_bandit(random, bts)", ours),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_off_policy(case: Case, benchmark: BenchmarkFixture) -> None:
    case.bench(benchmark)


@pytest.mark.parametrize("name", OURS_BY_NAME)
def test_hands_compute_the_same(name: str) -> None:
    found = eval(OURS_BY_NAME[name], ours())  # noqa: S307  # statements of this file
    assert by_hand(name)() == pytest.approx(found.value, rel=1e-12)
