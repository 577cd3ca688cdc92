"""The allocator's face: what it takes, what it says, and how it changes."""

from __future__ import annotations

import copy
import inspect
import pickle
from fractions import Fraction

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.experiments import Allocator, Namespace

KEYS = [f"user-{i}" for i in range(5_000)]


def test_shares_are_exact_and_of_all_traffic():
    assert Allocator("e", {"a": 50, "b": 30, "c": 20}).shares == {
        "a": Fraction(1, 2),
        "b": Fraction(3, 10),
        "c": Fraction(1, 5),
    }
    part = Allocator(
        "e", {"a": 1, "b": 2}, coverage=Fraction(1, 10), namespace=Namespace("n", Fraction(1, 3), Fraction(2, 3))
    )
    assert part.shares == {"a": Fraction(1, 90), "b": Fraction(2, 90)}
    assert (part.coverage, part.namespace) == (Fraction(1, 10), Namespace("n", Fraction(1, 3), Fraction(2, 3)))
    assert Allocator("e", {"a": 3, "b": 0}, law="modulo").shares == {"a": 1, "b": 0}


def test_what_it_says_of_itself():
    allocator = Allocator("ranking", {"a": 50, "b": 0}, seed_salt="s")
    assert (allocator.experiment_id, allocator.variants, allocator.version) == ("ranking", ("a", "b"), 1)
    assert repr(allocator) == "<Allocator 'ranking' [a=1, b=0] version=1>"
    assert "dialect=unleash" in repr(Allocator("e", ["a"], dialect="unleash"))
    assert list(inspect.signature(Allocator).parameters)[:2] == ["experiment_id", "variants"]
    with pytest.raises(AttributeError):
        allocator.version = 3
    with pytest.raises(AttributeError):
        allocator.other = 3


def test_the_ways_to_ask_agree():
    allocator = Allocator("e", {"a": 1, "b": 2, "c": 3}, coverage=0.8)
    codes = allocator.allocate_many(KEYS)
    assert codes.dtype == np.int32
    assert codes.tolist() == [allocator.code(key) for key in KEYS]
    names = [*allocator.variants, None]
    assert [names[code] for code in codes] == [allocator.allocate(key) for key in KEYS]


def test_ids_and_salts_shuffle():
    base = Allocator("e", ["a", "b"]).allocate_many(KEYS)
    for other in (Allocator("f", ["a", "b"]), Allocator("e", ["a", "b"], seed_salt="s")):
        assert 0.45 < (base == other.allocate_many(KEYS)).mean() < 0.55
    assert (base == Allocator("e", {"x": 2, "y": 2}).allocate_many(KEYS)).all()


def test_seven_and_its_text_are_two_keys():
    allocator = Allocator("e", [f"v{i}" for i in range(1000)])
    assert allocator.code(7) != allocator.code("7") == allocator.code(b"7")


@pytest.mark.parametrize("key", [None, 1.0, True, np.False_, 2**63, "a\ud800", ("a",), bytearray(b"a")])
@pytest.mark.parametrize("dialect", [None, "growthbook_v2", "launchdarkly"])
def test_bad_keys_are_refused_everywhere(key, dialect):
    allocator = Allocator("e", ["a", "b"], dialect=dialect)
    for call in (allocator.allocate, allocator.code):
        with pytest.raises(ConfigurationError, match="key is"):
            call(key)
    with pytest.raises(ConfigurationError, match="key is"):
        allocator.allocate_many(["user-1", key])


@pytest.mark.parametrize("dialect", [None, "unleash"])
@pytest.mark.parametrize("offsets", [[0, 3, 2, 4], [0, 9], [-1, 2], [5, 6]])
def test_offsets_that_fall_or_lead_outside_are_refused(offsets, dialect):
    allocator = Allocator("e", ["a", "b"], dialect=dialect)
    with pytest.raises(ConfigurationError, match="keys cannot be read"):
        allocator.allocate_many((np.array(offsets), b"abcd"))


@pytest.mark.parametrize("dialect", [None, "optimizely"])
def test_many_keys_in_every_shape(dialect):
    allocator = Allocator("e", ["a", "b"], dialect=dialect)
    codes = allocator.allocate_many(KEYS).tolist()
    octets = "".join(KEYS).encode()
    ends = np.cumsum([0, *map(len, KEYS)])
    assert allocator.allocate_many(np.array(KEYS)).tolist() == codes
    assert allocator.allocate_many((ends, octets)).tolist() == codes
    assert allocator.allocate_many([]).tolist() == []
    assert allocator.allocate_many(np.arange(3)).tolist() == [allocator.code(i) for i in range(3)]

    class Chunks:
        def __init__(self, chunks):
            self.chunks = chunks

        def iterchunks(self):
            return iter(self.chunks)

    class Array:
        type, offset, null_count = "large_binary", 0, 0

        def __len__(self):
            return len(KEYS)

        def buffers(self):
            return [None, ends.astype(np.int64).tobytes(), octets]

    assert allocator.allocate_many(Chunks([Array(), Array()])).tolist() == codes * 2
    assert allocator.allocate_many(Chunks([])).dtype == np.int32
    with pytest.raises(ConfigurationError, match="one key"):
        allocator.allocate_many("user-1")


def test_an_empty_id_is_one_of_its_own_and_comes_back_from_a_state():
    empty = Allocator("", ["a", "b"])
    codes = empty.allocate_many(KEYS)
    assert (Allocator.from_state(empty.state_dict()).allocate_many(KEYS) == codes).all()
    assert (Allocator("e", ["a", "b"]).allocate_many(KEYS) != codes).any()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"experiment_id": None}, "experiment_id is None"),
        ({"experiment_id": "\ud800"}, "lone surrogate"),
        ({"seed_salt": 3}, "seed_salt is 3"),
        ({"variants": {}}, "0 variants"),
        ({"variants": {"a": -1}}, "at least 0"),
        ({"coverage": 10}, "for 10% write 0.1"),
        ({"coverage": True}, "coverage is True"),
        ({"coverage": float("nan")}, "finite"),
        ({"namespace": ("n", 0, 1)}, "expected a Namespace"),
        ({"law": "rendezvous"}, "'range' or 'modulo'"),
        ({"dialect": "planout"}, "expected one of growthbook_v1"),
        ({"dialect": "unleash", "law": "modulo"}, "give one of them"),
        ({"law": "modulo", "variants": {"a": 0.5}}, "whole numbers"),
        ({"law": "modulo", "variants": {"a": 5}, "coverage": 0.5}, "whole numbers"),
        ({"law": "modulo", "variants": {"a": 2**63}}, "at most 2"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, says):
    given = {"experiment_id": "e", "variants": ["a", "b"]} | settings
    with pytest.raises(ConfigurationError, match=says):
        Allocator(given.pop("experiment_id"), given.pop("variants"), **given)


@pytest.mark.parametrize(
    ("before", "after", "minimum"),
    [
        ({"a": 50, "b": 50}, {"a": 60, "b": 40}, 0.100),
        ({"a": 50, "b": 50}, {"a": 34, "b": 33, "c": 33}, 0.330),
        ({"a": 50, "b": 30, "c": 20}, {"a": 20, "b": 30, "c": 50}, 0.300),
        ({"a": 50, "b": 50}, {"a": 50, "b": 51}, 0.5 - 50 / 101),
    ],
)
def test_reallocate_moves_the_minimum_of_keys(before, after, minimum):
    """Of 200,000 keys, within five standard errors; of the table, exactly (test_table.py)."""
    keys = np.arange(200_000)
    old = Allocator("moves", before)
    new = old.reallocate(after)
    moved = (old.allocate_many(keys) != new.allocate_many(keys)).mean()
    assert abs(moved - minimum) < 5 * np.sqrt(minimum / keys.size)
    assert float(old.moved(new)) == pytest.approx(minimum, abs=1e-15)
    assert new.version == 2
    fresh = Allocator("moves", after)
    assert new.shares == fresh.shares | {name: 0 for name in before if name not in after}


def test_the_modulo_law_moves_half_where_the_table_moves_half_a_percent():
    keys = np.arange(200_000)
    for law, expected in (("modulo", 0.5), ("range", 0.00495)):
        old = Allocator("moves", {"a": 50, "b": 50}, law=law)
        new = old.reallocate({"a": 50, "b": 51})
        moved = (old.allocate_many(keys) != new.allocate_many(keys)).mean()
        assert abs(moved - expected) < 5 * np.sqrt(expected / keys.size)
        assert new.shares["b"] == Fraction(51, 101)


def test_codes_keep_their_order():
    allocator = Allocator("e", ["a", "b", "c"]).reallocate({"d": 1, "c": 1, "a": 2})
    assert allocator.variants == ("a", "b", "c", "d")
    assert allocator.shares == {"a": Fraction(1, 2), "b": 0, "c": Fraction(1, 4), "d": Fraction(1, 4)}
    assert set(allocator.allocate_many(KEYS)) == {0, 2, 3}
    again = allocator.reallocate({"b": 1})
    assert again.variants == ("a", "b", "c", "d")
    assert set(again.allocate_many(KEYS)) == {1}
    assert again.version == 3


def test_a_change_is_a_function_of_table_and_weights():
    steps = [{"a": 3, "b": 1}, {"a": 1, "b": 1, "c": 1}, {"c": 5, "b": 1}]
    one = two = Allocator("e", ["a", "b"], coverage=0.5)
    for weights in steps:
        one, two = one.reallocate(weights), Allocator.from_state(two.state_dict()).reallocate(weights)
        assert one.state_dict() == two.state_dict()


def test_a_refused_change_leaves_the_allocator_as_it_was():
    allocator = Allocator("e", ["a", "b"])
    before = allocator.state_dict()
    for change in (
        lambda: allocator.reallocate({"a": -1}),
        lambda: allocator.reallocate({"a": 0}),
        lambda: allocator.ramp(10),
        lambda: allocator.ramp(None),
    ):
        with pytest.raises(ConfigurationError):
            change()
    assert allocator.state_dict() == before


@pytest.mark.parametrize("law", ["range", "modulo"])
def test_ramps_move_nobody_who_is_in(law):
    allocator = Allocator("e", {"a": 500, "b": 300, "c": 200}, coverage=0.0, law=law)
    codes = allocator.allocate_many(KEYS)
    assert (codes == -1).all()
    for coverage in (Fraction(1, 10), 0.25, 0.5, 1):
        allocator = allocator.ramp(coverage)
        grown = allocator.allocate_many(KEYS)
        assert (grown[codes >= 0] == codes[codes >= 0]).all()
        assert abs((grown >= 0).mean() - float(coverage)) < 0.04
        codes = grown
    assert (codes == Allocator("e", {"a": 500, "b": 300, "c": 200}, law=law).allocate_many(KEYS)).all()


def test_removed_in_a_ramp_is_the_trailing_share():
    whole = Allocator("e", ["a", "b"])
    assert whole.ramp(0.25).state_dict()["table"] == Allocator("e", ["a", "b"], coverage=0.25).state_dict()["table"]


def test_moved_compares_only_what_can_be_compared():
    allocator = Allocator("e", ["a", "b"], namespace=Namespace("n", 0, 0.5))
    assert allocator.moved(allocator.reallocate({"a": 1})) == Fraction(1, 4)
    for other in (Allocator("f", ["a", "b"]), Allocator("e", ["a", "b"]), Allocator("e", ["a"], seed_salt="s")):
        with pytest.raises(ConfigurationError, match="hash differently"):
            allocator.moved(other)
    for other in (Allocator("e", ["a"], law="modulo"), Allocator("e", ["a"], dialect="unleash")):
        with pytest.raises(ConfigurationError, match="no range table"):
            allocator.moved(other)
        with pytest.raises(ConfigurationError, match="no range table"):
            other.moved(allocator)


def test_copies_and_pickles_assign_the_same():
    allocator = Allocator("e", {"a": 0.1, "b": 0.2}, coverage=0.3).reallocate({"a": 1, "c": Fraction(1, 3)})
    for again in (copy.copy(allocator), copy.deepcopy(allocator), pickle.loads(pickle.dumps(allocator))):  # noqa: S301
        assert again is not allocator
        assert (again.allocate_many(KEYS) == allocator.allocate_many(KEYS)).all()
        assert again.state_dict() == allocator.state_dict()


def test_subclasses_stay_theirs():
    class Mine(Allocator):
        pass

    mine = Mine("e", ["a", "b"])
    assert type(mine.ramp(0.5)) is Mine
    assert type(Mine.from_state(mine.state_dict())) is Mine
