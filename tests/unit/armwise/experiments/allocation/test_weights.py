"""Weights and fractions: exact, or refused."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.experiments.allocation._weights import MAX_VARIANTS, common, exact, fraction, name, text, weighed


def test_weights_are_exact_and_in_order():
    weights = weighed({"b": 0.1, "a": 2, "c": Fraction(1, 3), "d": np.float32(0.5), "e": np.int64(4), "f": 0})
    assert list(weights) == ["b", "a", "c", "d", "e", "f"]
    assert weights["b"] == Fraction(0.1) != Fraction(1, 10)
    assert weights["c"] == Fraction(1, 3)
    assert (weights["d"], weights["e"], weights["f"]) == (Fraction(1, 2), 4, 0)


def test_names_alone_weigh_the_same():
    assert weighed(["x", "y"]) == weighed(("x", "y")) == {"x": 1, "y": 1}


@pytest.mark.parametrize(
    ("weight", "says"),
    [
        (-1, "at least 0"),
        (-0.5, "at least 0"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
        (np.float64("nan"), "finite"),
        (True, "an int, a float or a Fraction"),
        (np.True_, "an int, a float or a Fraction"),
        ("50", "an int, a float or a Fraction"),
        (None, "an int, a float or a Fraction"),
        (1j, "an int, a float or a Fraction"),
        (Decimal(1), "an int, a float or a Fraction"),
        (10**400, "bits"),
        (Fraction(1, 10**400), "bits"),
    ],
)
def test_what_is_no_weight_is_refused(weight, says):
    with pytest.raises(ConfigurationError, match=f"the weight of 'b'.*{says}"):
        weighed({"control": 1, "b": weight})


@pytest.mark.parametrize("variants", [None, 3, "control", b"ab", bytearray(b"ab"), {"a", "b"}, iter(["a"])])
def test_variants_are_a_mapping_or_names_in_an_order(variants):
    with pytest.raises(ConfigurationError, match="expected a mapping of names to weights"):
        weighed(variants)


def test_none_and_too_many_variants_are_refused():
    with pytest.raises(ConfigurationError, match="1 to 65,536"):
        weighed({})
    with pytest.raises(ConfigurationError, match="holds 2,147,483,647 variants"):
        weighed(range(2**31 - 1))  # refused by its length: nothing is unrolled
    assert len(weighed([f"v{i}" for i in range(MAX_VARIANTS)])) == MAX_VARIANTS


def test_all_zero_is_refused():
    with pytest.raises(ConfigurationError, match="all weights are 0"):
        weighed({"a": 0, "b": 0.0})


@pytest.mark.parametrize("names", [["a", "a"], ["a", ""], ["a", 3], ["a", None], ["a", b"b"], ["a", "\ud800"]])
def test_names_are_distinct_strings(names):
    with pytest.raises(ConfigurationError):
        weighed(names)


def test_a_subclass_of_str_falls_to_str():
    (given,) = weighed([np.str_("a")])
    assert type(given) is str


def test_shares_are_within_one():
    assert fraction(0.25, "coverage") == Fraction(1, 4)
    assert fraction(1, "coverage") == 1
    for percent in (10, 1.0000001, 50.0):
        with pytest.raises(ConfigurationError, match=r"coverage is .*in \[0, 1\].*for 10% write 0.1"):
            fraction(percent, "coverage")


def test_the_common_denominator_is_bounded():
    whole, total = common([Fraction(1, 3), Fraction(1, 4), Fraction(0)])
    assert (whole, total) == ([4, 3, 0], 7)
    primes = [p for p in range(2, 6_000) if all(p % q for q in range(2, int(p**0.5) + 1))]
    with pytest.raises(ConfigurationError, match="common denominator"):
        weighed({f"v{p}": Fraction(1, p) for p in primes})


def test_texts_and_names():
    assert text("", "seed_salt") == ""
    assert exact(3, "x") == 3
    with pytest.raises(ConfigurationError, match="is empty"):
        name("", "the id")
    with pytest.raises(ConfigurationError, match="expected a string; a set has no order"):
        text({"a"}, "experiment_id")
    with pytest.raises(ConfigurationError, match="lone surrogate at 1"):
        text("a\udc80", "experiment_id")
    with pytest.raises(ConfigurationError, match=r"\.\.\."):
        text(list(range(1000)), "experiment_id")
