from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise import ThompsonSampling
from armwise.clock import nanoseconds, span
from armwise.errors import ConfigurationError


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (0, 0),
        (17, 17),
        (2**62 - 1, 2**62 - 1),
        (np.int64(17), 17),
        (1.5, 1_500_000_000),
        (np.float32(0.5), 500_000_000),
        (Fraction(1, 4), 250_000_000),
        (datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), 1_000_005_000),
        (datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), 0),
    ],
)
def test_moments(now, expected):
    assert nanoseconds(now) == expected
    assert type(nanoseconds(now)) is int


@pytest.mark.parametrize(
    "now",
    [
        -1,
        -0.5,
        2**62,
        1e300,
        float("nan"),
        float("inf"),
        -float("inf"),
        True,
        np.True_,
        "2024-01-01",
        1j,
        [1],
        datetime(2024, 1, 1),  # noqa: DTZ001 - a moment without a zone is what is refused
        datetime(1969, 12, 31, tzinfo=UTC),
    ],
)
def test_what_is_no_moment_is_refused(now):
    with pytest.raises(ConfigurationError, match=r"now is .*(expected|give)"):
        nanoseconds(now)


def test_without_a_moment_the_clock_is_read():
    before = time.time_ns()
    assert before <= nanoseconds() <= time.time_ns()


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_datetimes_lose_no_microsecond(moment):
    exact = nanoseconds(moment.replace(tzinfo=UTC))
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=exact // 1000) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (1, 10**9),
        (0.5, 5 * 10**8),
        (timedelta(days=14), 14 * 86400 * 10**9),
        (1e-9, 1),
        (np.int32(2), 2 * 10**9),
    ],
)
def test_spans(length, expected):
    assert span(length) == expected


@pytest.mark.parametrize(
    "length",
    [
        0,
        -1,
        0.0,
        1e-10,
        float("nan"),
        float("inf"),
        1e11,
        2**62,
        True,
        "1h",
        timedelta(0),
        timedelta(-1),
        None,
    ],
)
def test_what_is_no_span_is_refused(length):
    with pytest.raises(ConfigurationError, match=r"window is .*expected"):
        span(length, name="window")


def nested(levels=100_000):
    held = []
    for _ in range(levels):
        held = [held]
    return held


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5000, id="huge"),
        pytest.param(-(10**5000), id="minus huge"),
        pytest.param(Fraction(10**5000, 3), id="huge fraction"),
        pytest.param(nested(), id="deep"),
        pytest.param({"a": nested()}, id="deep in a mapping"),
        pytest.param("x" * 2**20, id="long"),
    ],
)
def test_values_too_large_to_be_shown_are_refused_in_few_words(value):
    policy = ThompsonSampling(["a", "b"], half_life=60.0, seed=1)
    before = policy.state_dict()
    for call in (
        lambda: nanoseconds(value),
        lambda: span(value),
        lambda: policy.select(None, None, value),
        lambda: policy.decide(None, None, value),
        lambda: policy.update("a", 1.0, None, value),
        lambda: ThompsonSampling(["a"], half_life=value),
    ):
        with pytest.raises(ConfigurationError) as caught:
            call()
        assert len(str(caught.value)) < 300
    assert policy.state_dict() == before
