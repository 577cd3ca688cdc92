from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise.errors import ConfigurationError
from armwise.rewards import attribute

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, st.lists(st.floats(0, 1e308), min_size=1, max_size=40).filter(any), st.randoms())
def test_shares_add_up_exactly_in_any_order(total, weights, rng):
    ids = [f"0-{i:x}-0" for i in range(len(weights))]
    shares = attribute(total, ids, weights=dict(zip(ids, weights, strict=True)))
    assert list(shares) == ids
    values = list(shares.values())
    for _ in range(3):
        assert sum(values) == total
        rng.shuffle(values)
    largest = max(weights)
    whole = math.fsum(weight / largest for weight in weights)
    for decision_id, weight in zip(ids, weights, strict=True):
        assert math.isclose(
            shares[decision_id], total * (weight / largest / whole), rel_tol=1e-12, abs_tol=2 * math.ulp(total)
        )


def test_equal_shares_are_the_default():
    assert attribute(-3, ["a", "b", "c"]) == {"a": -1.0, "b": -1.0, "c": -1.0}
    assert attribute(0.0, ["a", "b"]) == {"a": 0.0, "b": 0.0}
    assert attribute(5e-324, ("a", "b", "c")) == {"a": 0.0, "b": 5e-324, "c": 0.0}


def test_the_last_can_have_it_all():
    assert attribute(0.7, iter(["a", "b"]), weights={"a": 0, "b": 3}) == {"a": 0.0, "b": 0.7}


@pytest.mark.parametrize("bad", [math.nan, math.inf, True, "1", None, pytest.param(10**5000, id="huge")])
def test_bad_totals(bad):
    with pytest.raises(ConfigurationError, match="total is"):
        attribute(bad, ["a"])


@pytest.mark.parametrize("bad", [None, 3, "0-1-0", b"0", {"a"}, {"a": 1}, [], [1], ["a", "a"], [None]])
def test_bad_decisions(bad):
    with pytest.raises(ConfigurationError, match=r"^decisions "):
        attribute(1.0, bad)


@pytest.mark.parametrize(
    "bad",
    [{"a": 1}, {"a": 1, "b": 1, "c": 1}, {"a": 0, "b": 0}, {"a": 1, "b": -1}, {"a": 1, "b": math.nan}, [1, 1], "equal"],
)
def test_bad_weights(bad):
    with pytest.raises(ConfigurationError, match=r"^weights"):
        attribute(1.0, ["a", "b"], weights=bad)
