from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from armwise.errors import ConfigurationError
from armwise.evaluation import mean_interval, normal_quantile, student_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 5, 10, 19, 20, 99, 1000, 1001])
@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.9, 0.95, 0.999])
def test_student_quantile_is_scipys(degrees, confidence):
    expected = stats.t.ppf(0.5 + confidence / 2, degrees)
    assert student_quantile(confidence, degrees) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("confidence", [0.01, 0.5, 0.9, 0.95, 0.999])
def test_normal_quantile_is_scipys(confidence):
    assert normal_quantile(confidence) == pytest.approx(stats.norm.ppf(0.5 + confidence / 2), rel=1e-12)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -1.0, 95.0, math.nan])
def test_a_confidence_outside_its_range_is_refused(confidence):
    for call in (
        lambda: normal_quantile(confidence),
        lambda: student_quantile(confidence, 5),
        lambda: mean_interval([1.0], confidence=confidence),
        lambda: mean_interval([1.0, 2.0], confidence=confidence),
    ):
        with pytest.raises(ConfigurationError, match="confidence"):
            call()


def test_no_degrees_of_freedom_are_refused():
    with pytest.raises(ConfigurationError, match="degrees"):
        student_quantile(0.95, 0)


def test_mean_interval_is_students():
    samples = np.random.default_rng(1).normal(size=20)
    interval = mean_interval(samples)
    low, high = stats.t.interval(0.95, 19, loc=samples.mean(), scale=stats.sem(samples))
    assert (interval.lower, interval.upper) == pytest.approx((low, high), rel=1e-12)
    assert interval.n == 20


def test_one_sample_says_nothing_about_its_spread():
    assert mean_interval([0.5]).half_width == math.inf


@pytest.mark.parametrize("samples", [[], [math.nan], [1.0, math.inf], [[1.0, 2.0]]])
def test_what_has_no_mean_is_refused(samples):
    with pytest.raises(ConfigurationError, match="samples"):
        mean_interval(samples)
