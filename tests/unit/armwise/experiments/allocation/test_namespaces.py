"""Namespaces: shares of the keys that exclude each other."""

from __future__ import annotations

from fractions import Fraction

import pytest

from armwise.errors import ConfigurationError
from armwise.experiments import Allocator, Namespace

KEYS = [f"user-{i}" for i in range(4_000)]


def test_experiments_of_one_namespace_share_no_key():
    a = Allocator("a", ["x", "y"], namespace=Namespace("search", 0, 0.5)).allocate_many(KEYS) >= 0
    b = Allocator("b", ["x", "y"], namespace=Namespace("search", 0.5, 0.75)).allocate_many(KEYS) >= 0
    c = Allocator("c", ["x", "y"], namespace=Namespace("search", 0.75, 1)).allocate_many(KEYS) >= 0
    assert ((a.astype(int) + b + c) == 1).all()
    assert abs(a.mean() - 0.5) < 0.04
    assert abs(b.mean() - 0.25) < 0.04


def test_namespaces_of_other_names_are_independent():
    a = Allocator("a", ["x"], namespace=Namespace("search", 0, 0.5)).allocate_many(KEYS) >= 0
    b = Allocator("a", ["x"], namespace=Namespace("layout", 0, 0.5)).allocate_many(KEYS) >= 0
    assert abs((a & b).mean() - 0.25) < 0.04


def test_within_a_namespace_the_variants_are_those_of_everybody():
    everybody = Allocator("a", ["x", "y"]).allocate_many(KEYS)
    within = Allocator("a", ["x", "y"], namespace=Namespace("search", 0, 0.5)).allocate_many(KEYS)
    assert (within[within >= 0] == everybody[within >= 0]).all()


def test_what_excludes_what():
    low, high = Namespace("n", 0, Fraction(1, 3)), Namespace("n", Fraction(1, 3), 1)
    assert low.excludes(high)
    assert high.excludes(low)
    assert not low.excludes(low)
    assert not low.excludes(Namespace("other", 0.5, 1))
    assert low.share == Fraction(1, 3)
    assert low.hashes() == (0, 2**64 // 3)
    assert high.hashes() == (2**64 // 3 + 1, 2**64 - 1)


def test_namespaces_are_values():
    assert Namespace("n", 0, 0.5) == Namespace("n", 0, Fraction(1, 2)) != Namespace("n", 0, 1)
    assert len({Namespace("n", 0, 0.5), Namespace("n", 0, Fraction(1, 2))}) == 1
    assert Namespace("n", 0, 1) != "n"
    assert repr(Namespace("n", 0, Fraction(1, 3))) == "Namespace('n', 0, 1/3)"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("", 0, 1), "is empty"),
        ((3, 0, 1), "expected a string"),
        (("n", 0.5, 0.5), "expected 0 <= start < end <= 1"),
        (("n", 1, 0), "expected 0 <= start < end <= 1"),
        (("n", -0.1, 1), "at least 0"),
        (("n", 0, 10), "for 10% write 0.1"),
        (("n", 0, float("nan")), "finite"),
        (("n", True, 1), "an int, a float or a Fraction"),
    ],
)
def test_what_is_no_namespace_is_refused(arguments, says):
    with pytest.raises(ConfigurationError, match=says):
        Namespace(*arguments)


def test_a_share_without_a_hash_is_refused():
    narrow = Namespace("n", Fraction(1, 3), Fraction(1, 3) + Fraction(1, 2**200))
    with pytest.raises(ConfigurationError, match="holds none of the 2"):
        Allocator("a", ["x"], namespace=narrow)
