"""The dialects: seeds, units and what each refuses. That they are exact, tests/conformance shows."""

from __future__ import annotations

from fractions import Fraction

import pytest

from armwise.errors import ConfigurationError
from armwise.experiments import Allocator, Namespace, bucket
from armwise.experiments.allocation.dialects import DIALECTS

KEYS = [f"user-{i}" for i in range(3_000)]
SALTS = {"split": "467569525,-12", "split_legacy": "467569525,-12"}


def made(dialect, variants, **settings):
    return Allocator("flag", variants, dialect=dialect, **({"seed_salt": SALTS.get(dialect, "")} | settings))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("coverage", [1, Fraction(1, 2), Fraction(1, 10), 0])
def test_shares_are_what_keys_get(dialect, coverage):
    allocator = made(dialect, {"a": 50, "b": 30, "c": 20}, coverage=coverage)
    codes = allocator.allocate_many(KEYS)
    for code, (name, share) in enumerate(allocator.shares.items()):
        assert abs(float(share) - float(coverage) * [0.5, 0.3, 0.2][code]) < 0.001, name
        assert abs((codes == code).mean() - float(share)) < 0.045
    assert allocator.code(KEYS[0]) == codes[0]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_growing_moves_nobody_who_is_in(dialect):
    allocator = made(dialect, {"a": 50, "b": 30, "c": 20}, coverage=Fraction(1, 10))
    codes = allocator.allocate_many(KEYS)
    for coverage in (Fraction(1, 5), Fraction(1, 2), 1):
        allocator = allocator.ramp(coverage)
        grown = allocator.allocate_many(KEYS)
        assert (grown[codes >= 0] == codes[codes >= 0]).all()
        codes = grown
    assert (codes >= 0).all()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_other_weights_give_what_the_system_would(dialect):
    moved = made(dialect, {"a": 50, "b": 50}).reallocate({"a": 10, "b": 90})
    assert (moved.allocate_many(KEYS) == made(dialect, {"a": 10, "b": 90}).allocate_many(KEYS)).all()
    assert moved.version == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_keys_are_text(dialect):
    allocator = made(dialect, [f"v{i}" for i in range(10)])
    assert allocator.code(77) == allocator.code("77") == allocator.code(b"77")
    with pytest.raises(ConfigurationError, match="no UTF-8"):
        allocator.code(b"\xff")


@pytest.mark.parametrize("dialect", ["growthbook_v1", "growthbook_v2", "optimizely"])
def test_namespaces_that_the_system_has(dialect):
    low, high = (made(dialect, ["a", "b"], namespace=Namespace("group", *ends)) for ends in ((0, 0.25), (0.25, 1)))
    first, second = low.allocate_many(KEYS) >= 0, high.allocate_many(KEYS) >= 0
    assert (first ^ second).all()
    assert abs(first.mean() - 0.25) < 0.04
    assert sum(low.shares.values()) == Fraction(1, 4)
    assert sum(high.shares.values()) == Fraction(3, 4)


@pytest.mark.parametrize("dialect", ["unleash", "split", "split_legacy", "launchdarkly"])
def test_namespaces_that_it_has_not_are_refused(dialect):
    with pytest.raises(ConfigurationError, match=f"{dialect} has none"):
        made(dialect, ["a", "b"], namespace=Namespace("group", 0, 0.5))


def test_seeds_are_salts_or_ids():
    for dialect in ("growthbook_v1", "growthbook_v2", "optimizely", "unleash"):
        named = Allocator("flag", ["a", "b"], dialect=dialect).allocate_many(KEYS)
        salted = Allocator("other", ["a", "b"], seed_salt="flag", dialect=dialect).allocate_many(KEYS)
        assert (named == salted).all()
    one = Allocator("flag", ["a", "b"], seed_salt="salt", dialect="launchdarkly").allocate_many(KEYS)
    assert (one != Allocator("other", ["a", "b"], seed_salt="salt", dialect="launchdarkly").allocate_many(KEYS)).any()
    seeded = [
        Allocator(name, ["a", "b"], seed_salt="seed:61", dialect="launchdarkly").allocate_many(KEYS)
        for name in ("flag", "other")
    ]
    assert (seeded[0] == seeded[1]).all()


@pytest.mark.parametrize(
    ("dialect", "variants", "settings", "says"),
    [
        ("growthbook_v2", {"a": 0.4, "b": 0.1}, {}, "sum to 0.5, and GrowthBook itself would put equal ones"),
        ("growthbook_v1", {"a": 0.7, "b": 0.6}, {}, "sum to 1.3"),
        ("optimizely", ["a", "b", "c"], {}, "the share of 'a' is 1/3; optimizely counts in units of 1/10,000"),
        ("optimizely", ["a", "b"], {"coverage": Fraction(1, 3)}, "whole ten-thousandths"),
        ("optimizely", ["a", "b"], {"namespace": Namespace("g", 0, Fraction(1, 3))}, "divides groups"),
        ("unleash", {"a": 0.1, "b": Fraction(1, 3)}, {}, "units of 1/1,000"),
        ("unleash", ["a", "b"], {"coverage": 0.125}, "whole percent"),
        ("unleash", {"a": 2**32}, {}, "Unleash has 2"),
        ("split", ["a", "b", "c"], {}, "units of 1/100"),
        ("split", ["a", "b"], {"seed_salt": ""}, "the flag's seed, such as '467569525'"),
        ("split", ["a", "b"], {"seed_salt": "abc"}, "seed_salt is 'abc'"),
        ("split", ["a", "b"], {"seed_salt": "1,2,3"}, "seed_salt is"),
        ("split", ["a", "b"], {"seed_salt": str(2**32)}, "seed_salt is"),
        ("split", ["a", "b"], {"seed_salt": "7", "coverage": 0.5}, "and its trafficAllocationSeed"),
        ("launchdarkly", ["a", "b", "c"], {}, "units of 1/100,000"),
        ("launchdarkly", ["a", "b"], {"coverage": Fraction(1, 3)}, "hundred-thousandths"),
        ("launchdarkly", ["a", "b"], {"seed_salt": "seed:x"}, "behind 'seed:'"),
    ],
)
def test_what_the_system_could_not_do_is_refused(dialect, variants, settings, says):
    with pytest.raises(ConfigurationError, match=f"experiment 'flag': .*{says}"):
        made(dialect, variants, **settings)


def test_growthbook_takes_weights_as_they_are_and_whole_numbers_by_their_sum():
    by_sum = made("growthbook_v2", {"a": 50, "b": 30, "c": 20}).allocate_many(KEYS)
    assert (by_sum == made("growthbook_v2", {"a": 0.5, "b": 0.3, "c": 0.2}).allocate_many(KEYS)).all()
    short = made("growthbook_v2", {"a": 0.4, "b": 0.595})
    assert sum(short.shares.values()) == Fraction(9950, 10_000)
    assert -1 in short.allocate_many(KEYS)


def test_unleash_takes_weights_as_it_writes_them():
    whole, shares = {"a": 500, "b": 300, "c": 200}, {"a": 0.5, "b": Fraction(3, 10), "c": Fraction(1, 5)}
    assert (made("unleash", whole).allocate_many(KEYS) == made("unleash", shares).allocate_many(KEYS)).all()


def test_launchdarkly_gives_what_is_beyond_the_last_to_the_last():
    from armwise.experiments.allocation.dialects import launchdarkly

    allocator = made("launchdarkly", {"a": 99_999, "b": 1, "c": 0})
    plan = launchdarkly.plan(allocator._config)
    original, launchdarkly.share = launchdarkly.share, lambda *_: 1.0
    try:
        assert plan.code("anybody") == 2
    finally:
        launchdarkly.share = original


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        (("planout", "k", "s"), {}, "expected one of growthbook_v1"),
        (("growthbook_v99", "k", "s"), {}, "expected one of"),
        ((None, "k", "s"), {}, "dialect is None"),
        (("unleash", None, "s"), {}, "key is None"),
        (("unleash", "k", None), {}, "seed is None"),
        (("unleash", "k", True), {}, "seed is True"),
        (("unleash", "k", "\ud800"), {}, "lone surrogate"),
        (("unleash", "k", "s"), {"total": 0}, "total is 0"),
        (("unleash", "k", "s"), {"total": 2.0}, "total is 2.0"),
        (("unleash", "k", "s"), {"total": True}, "total is True"),
        (("split", "k", 3), {"total": 1000}, "fixed number of buckets"),
        (("split", "k", "x"), {}, "a whole number of 32 bits"),
        (("split", "k", 1.0), {}, "a whole number of 32 bits"),
        (("split", "k", True), {}, "a whole number of 32 bits"),
        (("split", "k", 2**32), {}, "a whole number of 32 bits"),
        (("split", "k", None), {}, "a whole number of 32 bits"),
    ],
)
def test_buckets_refuse(arguments, settings, says):
    with pytest.raises(ConfigurationError, match=says):
        bucket(*arguments, **settings)


def test_buckets_in_their_units():
    assert bucket("growthbook_v1", "a", "") == 0.22
    assert 1 <= bucket("unleash_variant", "k", "group", total=1000) <= 1000
    assert {bucket("split", str(i), -1) for i in range(2000)} == set(range(1, 101))
    assert bucket("unleash", "k", 7) == bucket("unleash", "k", "7")


@pytest.mark.parametrize("dialect", ["growthbook_v2", "split_legacy"])
def test_utf16_units_are_hashed_where_the_system_does(dialect):
    seed = 1 if dialect == "split_legacy" else "s"
    assert len({bucket(dialect, key, seed) for key in ("naïve", "naive", "日本", "😀", "😁")}) > 3
    if dialect == "split_legacy":
        assert bucket(dialect, "\U0001f600", 0) == abs(31 * 0xD83D + 0xDE00) % 100 + 1
