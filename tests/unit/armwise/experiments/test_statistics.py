from __future__ import annotations

import math
import statistics as library
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise._fields import Fields
from armwise.errors import ConfigurationError, SnapshotError
from armwise.experiments.statistics import LARGEST, ExactSum, Statistics, check_number

VALUES = st.lists(st.floats(-LARGEST, LARGEST), max_size=30)


def of(values):
    found = Statistics()
    for value in values:
        found.add(value)
    return found


@given(VALUES)
def test_sums_are_exact(values):
    found = of(values)
    for power, read in ((1, found.total), (2, found.squares)):
        assert read == float(sum((Fraction(value) ** power for value in values), start=Fraction(0)))
    assert found.n == len(values)


@given(VALUES.filter(len))
def test_mean_and_variance_are_those_of_the_library(values):
    found = of(values)
    assert found.mean == float(sum(map(Fraction, values)) / len(values))
    if len(values) > 1:
        exact = library.variance([Fraction(value) for value in values])
        assert found.variance == float(exact)
        assert found.standard_error == math.sqrt(found.variance / len(values))
    else:
        assert found.variance is None
        assert found.standard_error is None


@given(VALUES, st.floats(-1e6, 1e6))
def test_sums_about_an_origin(values, origin):
    sums = of(values).about(origin)
    for power, found in enumerate(sums, start=1):
        assert found == float(sum(((Fraction(v) - Fraction(origin)) ** power for v in values), start=Fraction(0)))


@given(VALUES, VALUES)
def test_merging_is_adding(left, right):
    both = of(left).merged(of(right))
    assert both == of(left + right) == of(right + left)
    assert both == of(right).merged(of(left))


@given(VALUES)
def test_a_state_loses_nothing(values):
    found = of(values)
    assert Statistics.from_state(Fields(found.state_dict())) == found


def test_without_values():
    found = Statistics()
    assert (found.n, found.total, found.squares, found.mean, found.variance) == (0, 0.0, 0.0, None, None)
    assert Statistics.from_state(Fields(found.state_dict())) == found


def test_given_sums():
    found = Statistics(3, 9.0, 41.0)
    assert (found.n, found.total, found.squares, found.mean, found.variance) == (3, 9.0, 41.0, 3.0, 7.0)
    assert repr(found) == "Statistics(n=3, total=9.0, squares=41.0)"
    assert Statistics(np.int64(1), 0.1, 0.1 * 0.1).variance is None


def test_equality_and_hash():
    assert of([1.0]) != of([2.0])
    assert of([1.0]) != 1.0
    assert ExactSum(1.0) != 1.0
    with pytest.raises(TypeError):
        hash(of([1.0]))
    with pytest.raises(TypeError):
        hash(ExactSum())


@pytest.mark.parametrize(
    "arguments",
    [
        (-1,),
        (1.5,),
        (True,),
        ("1",),
        (2, float("nan"), 1.0),
        (2, 2.0, 1.0),
        (0, 1.0, 1.0),
        (0, 0.0, 1.0),
        (2, 1.0, -1.0),
        (2, 1.0, "x"),
        (2, 1e71, 1e300),
        (2, 1.0, 1.0, float("inf")),
        (2, 1.0, 1.0, 0.0, -1.0),
    ],
)
def test_sums_of_no_values_are_refused(arguments):
    with pytest.raises(ConfigurationError):
        Statistics(*arguments)


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int8(1), np.array(1.0), Fraction(1)])
def test_numbers(value):
    assert check_number(value) == 1.0
    assert type(check_number(value)) is float


@pytest.mark.parametrize(
    "value", [None, "1", b"1", 1j, [1.0], np.array([1.0]), float("nan"), float("inf"), -1e71, 10**400, np.nan, {}]
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"reward is .*expected a finite number"):
        check_number(value)


@pytest.mark.parametrize("value", [True, np.False_, np.array([True])[0], np.ones((), dtype=bool)])
def test_truth_values_are_no_numbers(value):
    with pytest.raises(ConfigurationError, match="reward is"):
        check_number(value)


@given(VALUES)
def test_exact_sums(values):
    total = ExactSum()
    for value in values:
        total.add(value)
    assert total.value == float(sum(map(Fraction, values), start=Fraction(0)))
    assert ExactSum.from_field(Fields({"sum": total.to_text()}), "sum") == total
    assert total.merged(ExactSum(1.5)) == ExactSum(1.5).merged(total)
    assert repr(ExactSum(0.5)) == "ExactSum(0.5)"


@pytest.mark.parametrize(
    "text", [None, 1, "", "1", "p0", "1p", "1p1200", "1p-1075", "g0p0", "0x1p0", "+1p0", "1" * 1401 + "p0", "1p00000"]
)
def test_texts_that_are_no_sums_are_refused(text):
    with pytest.raises(SnapshotError):
        ExactSum.from_field(Fields({"sum": text}), "sum")


@pytest.mark.parametrize(
    "change",
    [
        {"n": -1},
        {"n": 1.0},
        {"n": 1},
        {"n": 0},
        {"powers": []},
        {"powers": ["1p0"] * 3},
        {"powers": ["ap0", "1p0", "1p0", "1p0"]},
        {"powers": ["1p0", "-1p0", "1p0", "1p0"]},
        {"powers": ["0p0", "2p0", "0p0", "1p0"]},
        {"powers": ["0p0", "1p0", "9p0", "1p0"]},
        {"powers": ["0p0", "1p1000", "0p0", "1p1100"]},
        {"powers": [1, 2, 3, 4]},
        {"powers": None},
    ],
)
def test_states_of_no_values_are_refused(change):
    state = of([1.0, 2.0]).state_dict() | change
    with pytest.raises(SnapshotError):
        Statistics.from_state(Fields(state))
