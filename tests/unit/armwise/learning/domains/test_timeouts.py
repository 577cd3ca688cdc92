from __future__ import annotations

import pytest

from armwise import ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.learning import LearningEngine
from armwise.learning.domains import timeout_arms


@pytest.mark.parametrize(
    ("timeout", "arms"),
    [(10, [10.0, 5.0]), (2.0, [2.0, 1.0]), (1.5, [1.5, 1.0]), (1.0, [1.0]), (0.25, [0.25]), (1e15, [1e15, 5e14])],
)
def test_half_but_not_less_than_a_second(timeout, arms):
    assert timeout_arms(timeout) == arms
    assert all(type(arm) is float for arm in timeout_arms(timeout))


@pytest.mark.parametrize("timeout", [10, 1, 0.5])
def test_they_are_candidates(timeout):
    engine = LearningEngine()
    engine.register_domain("plugin", ThompsonSampling(seed=1))
    assert engine.recommend("plugin", {}, timeout_arms(timeout)) == timeout


@pytest.mark.parametrize(
    "timeout",
    [0, 0.0, -1.0, float("nan"), float("inf"), True, None, "10", "\ud800", [10.0], pytest.param(10**5000, id="huge")],
)
def test_what_is_no_timeout_is_refused(timeout):
    with pytest.raises(ConfigurationError, match=r"timeout is .*; expected"):
        timeout_arms(timeout)
