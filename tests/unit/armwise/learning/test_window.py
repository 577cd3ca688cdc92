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
