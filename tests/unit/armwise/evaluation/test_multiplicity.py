from __future__ import annotations

import math

import pytest

from armwise.errors import ConfigurationError
from armwise.evaluation import benjamini_hochberg, holm

# statsmodels 0.15.0, stats.multitest.multipletests
FIRST = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216]
SECOND = [0.04, 0.01, 0.03, 0.005, 0.55, 1.0, 0.0, 0.01]


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        (FIRST, [0.01, 0.072, 0.312, 0.312, 0.312, 0.312, 0.312, 0.615, 0.615, 0.615]),
        (SECOND, [0.12, 0.06, 0.12, 0.035, 1.0, 1.0, 0.0, 0.06]),
        ([0.7], [0.7]),
        ([], []),
    ],
)
def test_holm_is_statsmodels(p, adjusted):
    assert holm(p).tolist() == pytest.approx(adjusted, rel=1e-14)


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        (FIRST, [0.01, 0.04, 0.084, 0.084, 0.084, 0.1, 0.10571428571428572, 0.216, 0.216, 0.216]),
        (SECOND, [0.05333333333333334, 0.02, 0.048, 0.02, 0.6285714285714287, 1.0, 0.0, 0.02]),
        ([0.7], [0.7]),
        ([], []),
    ],
)
def test_benjamini_hochberg_is_statsmodels(p, adjusted):
    assert benjamini_hochberg(p).tolist() == pytest.approx(adjusted, rel=1e-14)


@pytest.mark.parametrize("p", [[-0.1], [1.1], [math.nan], [[0.1]], ["a"]])
def test_what_is_no_p_value_is_refused(p):
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ConfigurationError, match="p_values"):
            adjust(p)
