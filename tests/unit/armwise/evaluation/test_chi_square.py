from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from armwise.evaluation._chi_square import chi_square_tail


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 9, 10, 49, 100, 501])
def test_the_tail_is_scipys(degrees):
    x = np.concatenate([np.geomspace(1e-8, 1300.0, 60), degrees * np.linspace(0.3, 3.0, 20)])
    expected = stats.chi2.sf(x, degrees)
    for value, tail in zip(x, expected, strict=True):
        if tail > 1e-290:
            assert chi_square_tail(float(value), degrees) == pytest.approx(tail, rel=1e-12)


def test_ends():
    assert chi_square_tail(0.0, 1) == 1.0
    assert chi_square_tail(0.0, 2) == 1.0
    assert chi_square_tail(math.inf, 5) == 0.0
    assert chi_square_tail(5000.0, 3) == 0.0
    # exp(-x / 2) alone would be zero here, and the sum of the terms infinite
    assert chi_square_tail(2000.0, 2000) == pytest.approx(stats.chi2.sf(2000.0, 2000), rel=1e-11)
