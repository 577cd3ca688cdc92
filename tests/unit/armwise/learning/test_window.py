from __future__ import annotations

import math
import random

import pytest

from armwise.learning._window import Window


@pytest.mark.parametrize("length", [1, 2, 3, 7, 100])
def test_means_are_those_of_the_latest(length):
    rng = random.Random(length)
    window = Window(length)
    assert window.means() == (0.0, 0.0)
    pairs = []
    for _ in range(5 * length + 3):
        pairs.append((rng.random(), rng.expovariate(1e-3)))
        window.push(*pairs[-1])
        latest = pairs[-length:]
        expected = tuple(math.fsum(column) / len(latest) for column in zip(*latest, strict=True))
        assert window.means() == pytest.approx(expected, rel=1e-13)


def test_a_great_number_leaves_no_trace():
    window = Window(10)
    for _ in range(4):
        window.push(0.1, 0.1)
    window.push(1e300, 1e15)
    for _ in range(10):
        window.push(0.1, 0.1)
    assert window.means() == pytest.approx((0.1, 0.1), rel=1e-14)


@pytest.mark.parametrize("length", [1, 3, 7, 49, 100])
@pytest.mark.parametrize("value", [0.02, 0.1, 1 / 3, 1e-300, 1e15, 0.0])
def test_the_mean_of_equal_numbers_is_that_number(length, value):
    window = Window(length)
    for _ in range(3 * length):
        window.push(value, 2 * value)
        assert window.means() == (value, 2 * value)
    window.push(value + 1.0, 2 * value)
    assert window.means()[0] >= value
    assert window.means()[1] == 2 * value
    for _ in range(length):
        window.push(value, 5.0)
    assert window.means() == (value, 5.0)
