"""Invariants of allocators, tables and states under any history."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
from hypothesis import assume, given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from armwise.errors import SnapshotError
from armwise.experiments import Allocator, Namespace
from armwise.experiments.allocation.table import OUTSIDE, Table

SPACE = 2**64
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
WEIGHTS = st.one_of(
    st.integers(0, 1000),
    st.floats(0, 1e6, allow_subnormal=False),
    st.fractions(0, 100, max_denominator=97),
    st.just(0),
)
VARIANTS = st.dictionaries(NAMES, WEIGHTS, min_size=1, max_size=7).filter(lambda variants: any(variants.values()))
SHARES = st.one_of(
    st.fractions(0, 1, max_denominator=50), st.floats(0, 1, allow_subnormal=False), st.sampled_from([0, 1])
)
KEYS = st.one_of(st.text(st.characters(codec="utf-8")), st.binary(), st.integers(-(2**63), 2**63 - 1))
WHOLE = st.lists(st.integers(0, 10**6), min_size=1, max_size=8).filter(any)


def distance(one, other):
    """The total variation distance of two tables' masses, in hashes."""
    left, right = one.masses(), other.masses()
    return sum(max(0, left.get(code, 0) - right.get(code, 0)) for code in left | right)


@given(WHOLE, SHARES, st.lists(st.tuples(WHOLE, SHARES), max_size=6))
def test_every_move_is_the_least(weights, coverage, steps):
    table = Table.fresh(weights, Fraction(coverage))
    width = len(weights)
    for given_weights, share in steps:
        width = max(width, len(given_weights))
        padded = given_weights + [0] * (width - len(given_weights))
        goal = Table.fresh(padded, Fraction(share))
        moved = table.moved_to(padded, Fraction(share))
        assert moved.masses() == goal.masses()
        assert table.moved(moved) == moved.moved(table) == Fraction(distance(table, goal), SPACE)
        assert moved == table.moved_to(padded, Fraction(share))
        ends = [end for end, _ in moved.ranges]
        assert ends == sorted(set(ends))
        assert ends[-1] == SPACE
        assert all(one.code != two.code for one, two in pairwise(moved.ranges))
        table = moved


@given(WHOLE, st.lists(SHARES, min_size=2, max_size=6))
def test_ramps_of_a_fresh_table_are_fresh(weights, shares):
    assume(all(share == 0 or share > 1e-9 for share in shares))  # below 2**-64 a variant has no hash to grow from
    table = Table.fresh(weights, Fraction(shares[0]))
    for share in shares[1:]:
        table = table.moved_to(weights, Fraction(share))
        assert table == Table.fresh(weights, Fraction(share))


@given(WHOLE, WHOLE, SHARES, SHARES)
def test_growing_takes_from_the_outside_alone(weights, others, low, high):
    low, high = sorted((Fraction(low), Fraction(high)))
    width = max(len(weights), len(others))
    weights, others = weights + [0] * (width - len(weights)), others + [0] * (width - len(others))
    table = Table.fresh(weights, low).moved_to(others, low)
    grown = table.moved_to(others, high)
    ends = sorted({end for end, _ in (*table.ranges, *grown.ranges)})
    for end in ends:
        before = next(code for last, code in table.ranges if end <= last)
        after = next(code for last, code in grown.ranges if end <= last)
        assert before in {after, OUTSIDE}


@given(VARIANTS, SHARES)
def test_fresh_masses_are_the_shares_to_a_hash(variants, coverage):
    allocator = Allocator("e", variants, coverage=coverage)
    masses = allocator._table.masses()
    assert sum(masses.values()) == SPACE
    for code, share in enumerate(allocator.shares.values()):
        assert abs(masses.get(code, 0) - share * SPACE) < 1
    assert sum(allocator.shares.values()) == allocator.coverage


@given(VARIANTS, SHARES, st.lists(KEYS, max_size=20), NAMES)
def test_one_many_and_restored_agree(variants, coverage, keys, salt):
    allocator = Allocator("e", variants, coverage=coverage, seed_salt=salt)
    codes = [allocator.code(key) for key in keys]
    assert allocator.allocate_many(keys).tolist() == codes
    again = Allocator.from_state(json.loads(json.dumps(allocator.state_dict())))
    assert again.allocate_many(keys).tolist() == codes
    assert (again.shares, again.coverage, again.version) == (allocator.shares, allocator.coverage, allocator.version)
    names = [*variants, None]
    assert [allocator.allocate(key) for key in keys] == [names[code] for code in codes]
    assert all(allocator.shares[names[code]] for code in codes if code >= 0)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30), min_size=1, max_size=30))
def test_shapes_of_keys_agree(texts):
    allocator = Allocator("e", ["a", "b", "c"])
    codes = allocator.allocate_many(texts).tolist()
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    assert allocator.allocate_many(np.array(texts)).tolist() == codes
    assert allocator.allocate_many(np.array(encoded)).tolist() == codes
    assert allocator.allocate_many((ends, b"".join(encoded))).tolist() == codes


@given(st.lists(SHARES, min_size=2, max_size=5, unique_by=Fraction), KEYS)
def test_namespaces_exclude_each_other(cuts, key):
    cuts = sorted(map(Fraction, cuts))
    assume(all(high - low > Fraction(1, 2**60) for low, high in pairwise(cuts)))
    within = [
        Allocator(f"e{i}", ["a"], namespace=Namespace("n", low, high)).allocate(key)
        for i, (low, high) in enumerate(pairwise(cuts))
    ]
    assert sum(variant is not None for variant in within) <= 1
    if (cuts[0], cuts[-1]) == (0, 1):
        assert any(within)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**64) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.data(), JSON)
@settings(max_examples=300)
def test_no_state_is_believed(data, value):
    """A field replaced by anything: the state is refused, or gives an allocator whose state is what was read."""
    state = Allocator("e", {"a": 0.3, "b": 2}, coverage=0.5, namespace=Namespace("n", 0, 0.5)).state_dict()
    state = json.loads(json.dumps(state))
    place = state
    while True:
        name = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[name], dict) or data.draw(st.booleans()):
            break
        place = place[name]
    place[name] = value
    try:
        allocator = Allocator.from_state(state)
    except SnapshotError:
        return
    again = allocator.state_dict()
    assert Allocator.from_state(again).state_dict() == again
    assert allocator.code("user-1") in {-1, 0, 1}


class History(RuleBasedStateMachine):
    """An experiment's life: who is assigned what is what the table says, and moves no more than it must."""

    @initialize(variants=VARIANTS, coverage=SHARES)
    def begin(self, variants, coverage):
        self.allocator = Allocator("history", variants, coverage=coverage)
        self.keys = np.arange(2_000)

    @rule(variants=VARIANTS)
    def reallocate(self, variants):
        self.change(self.allocator.reallocate(variants))

    @rule(coverage=SHARES)
    def ramp(self, coverage):
        before, old = self.allocator.allocate_many(self.keys), self.allocator.coverage
        self.change(self.allocator.ramp(coverage))
        after = self.allocator.allocate_many(self.keys)
        if self.allocator.coverage >= old:
            assert (after[before >= 0] == before[before >= 0]).all()

    @rule()
    def save_and_load(self):
        self.allocator = Allocator.from_state(json.loads(json.dumps(self.allocator.state_dict())))

    def change(self, new):
        old, self.allocator = self.allocator, new
        assert new.version == old.version + 1
        assert new.variants[: len(old.variants)] == old.variants
        least = sum(
            max(Fraction(0), old.shares.get(name, Fraction(0)) - new.shares[name]) for name in new.variants
        ) + max(Fraction(0), new.coverage - old.coverage)
        assert abs(old.moved(new) - least) <= Fraction(len(new.variants) + 1, SPACE)

    @invariant()
    def nobody_is_where_there_is_no_share(self):
        if hasattr(self, "allocator"):
            counts = np.bincount(self.allocator.allocate_many(self.keys) + 1)
            for code, count in enumerate(counts[1:]):
                assert count == 0 or self.allocator.shares[self.allocator.variants[code]] > 0


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=12)
