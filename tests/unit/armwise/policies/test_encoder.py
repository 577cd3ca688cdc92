"""ContextEncoder."""

from __future__ import annotations

import json
import statistics

import numpy as np
import pytest

from armwise import ConfigurationError, ContextEncoder, SnapshotError


def test_the_bias_is_first_and_always_there():
    encoder = ContextEncoder(5)
    assert encoder.encode({}).tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]
    assert encoder.dim == 5
    assert encoder.warm_up == 20


def test_numbers_take_columns_in_the_order_of_sight_then_of_names():
    encoder = ContextEncoder(6, warm_up=1)
    encoder.observe({"m": 1.0})
    encoder.observe({"z": 1.0, "a": 1.0})
    assert encoder.columns == {"m": 1, "a": 2, "z": 3}
    # what is unseen would come next, and is not stored
    assert encoder.encode({"q": 1.0}).tolist() == [1.0, 0.0, 0.0, 0.0, 0.5, 0.0]
    assert encoder.columns == {"m": 1, "a": 2, "z": 3}


def test_values_are_squashed_until_there_are_enough_and_scaled_after():
    encoder = ContextEncoder(2, warm_up=3)
    values = [100.0, 400.0, 700.0]
    for value in values:
        assert encoder.encode({"tokens": value})[1] == value / (1.0 + value)
        encoder.observe({"tokens": value})
    deviation = statistics.pstdev(values)
    assert encoder.encode({"tokens": 500.0})[1] == pytest.approx(100.0 / deviation, rel=1e-12)
    assert encoder.encode({"tokens": 1e99})[1] == 4.0
    assert encoder.encode({"tokens": -1e99})[1] == -4.0


def test_a_constant_is_zero_until_it_moves():
    encoder = ContextEncoder(2, warm_up=1)
    encoder.observe({"x": 5.0})
    encoder.observe({"x": 5})
    assert [encoder.encode({"x": x})[1] for x in (5.0, 5.1, 4.9)] == [0.0, 4.0, -4.0]


def test_order_of_keys_does_not_matter():
    one, other = ContextEncoder(8), ContextEncoder(8)
    features = {"b": 1.0, "a": "x", "c": True, "d": 3}
    for _ in range(30):
        one.observe(features)
        other.observe(dict(reversed(features.items())))
    assert one.state_dict() == other.state_dict()
    assert one.encode(features).tolist() == other.encode(dict(reversed(features.items()))).tolist()


def test_categories_are_hashed_to_the_upper_half_the_same_everywhere():
    encoder = ContextEncoder(9)
    encoded = encoder.encode({"language": "de"})
    assert encoded.tolist() == ContextEncoder(9).encode({"language": "de"}).tolist()
    assert np.abs(encoded[1:5]).sum() == 0.0
    assert np.abs(encoded[5:]).sum() == 1.0
    seen = {tuple(encoder.encode({"language": f"l{i}"})[5:]) for i in range(100)}
    assert len(seen) == 8  # four columns, two signs
    # fixed for good: a change of the hash would silently garble every saved model
    for language, column, sign in (("de", 8, 1.0), ("en", 6, 1.0), ("fr", 6, -1.0)):
        assert encoder.encode({"language": language})[column] == sign


def test_truth_values_are_categories():
    encoder = ContextEncoder(64)
    assert encoder.encode({"urgent": True}).tolist() == encoder.encode({"urgent": "true"}).tolist()
    assert encoder.encode({"urgent": np.False_}).tolist() == encoder.encode({"urgent": "false"}).tolist()
    assert encoder.encode({"urgent": True}).tolist() != encoder.encode({"urgent": False}).tolist()


def test_names_and_values_do_not_run_together():
    encoder = ContextEncoder(1 << 16)
    assert encoder.encode({"a": "b:c"}).tolist() != encoder.encode({"a:b": "c"}).tolist()
    assert encoder.encode({"a\0": "b"}).tolist() != encoder.encode({"a": "\0b"}).tolist()
    assert encoder.encode({"\ud800": "\udfff"})[0] == 1.0


def test_numbers_without_a_column_are_squashed_and_hashed():
    encoder = ContextEncoder(3, warm_up=1)
    for _ in range(5):
        encoder.observe({"a": 1.0, "b": 2.0, "c": 3.0})
    assert encoder.columns == {"a": 1, "b": 2}
    encoded = encoder.encode({"c": 3.0})
    assert encoded[1] == 0.0
    assert abs(encoded[2]) == 0.75
    assert len(encoder.state_dict()["keys"]) == 2


@pytest.mark.parametrize("value", [None, [1.0], float("nan"), float("inf"), 1e101, 10**400, 1j, b"x", np.array([1.0])])
def test_bad_values(value):
    encoder = ContextEncoder(4)
    for call in (encoder.encode, encoder.observe):
        with pytest.raises(ConfigurationError, match="context"):
            call({"fine": 1.0, "x": value})
    assert encoder.columns == {}


@pytest.mark.parametrize("context", [None, 3, "abc", [("a", 1.0)], {1: 2.0}, {None: 1.0}])
def test_what_is_no_mapping_of_names(context):
    with pytest.raises(ConfigurationError, match="context"):
        ContextEncoder(4).encode(context)


@pytest.mark.parametrize("dim", [1, 0, -1, 2.0, "3", None, True])
def test_bad_dims(dim):
    with pytest.raises(ConfigurationError, match="dim"):
        ContextEncoder(dim)


@pytest.mark.parametrize("warm_up", [0, -1, 2.0, "3", None, True])
def test_bad_warm_ups(warm_up):
    with pytest.raises(ConfigurationError, match="warm_up"):
        ContextEncoder(3, warm_up=warm_up)


def test_huge_values_keep_scales_finite():
    encoder = ContextEncoder(2, warm_up=1)
    for value in (1e100, -1e100) * 50:
        encoder.observe({"x": value})
    assert encoder.encode({"x": 1e100})[1] == pytest.approx(1.0)
    json.dumps(encoder.state_dict(), allow_nan=False)


def trained():
    encoder = ContextEncoder(4, warm_up=2)
    for i in range(10):
        encoder.observe({"a": i, "b": -0.1 * i})
    return encoder


def test_state_comes_back_to_the_bit():
    encoder = trained()
    state = json.loads(json.dumps(encoder.state_dict(), allow_nan=False))
    twin = ContextEncoder(4)
    twin.load_state(state)
    assert twin.state_dict() == state
    assert twin.encode({"a": 3.3, "b": 0.1, "c": 7}).tolist() == encoder.encode({"a": 3.3, "b": 0.1, "c": 7}).tolist()
    copied = encoder.copy()
    copied.observe({"a": 1.0})
    assert encoder.state_dict() == state != copied.state_dict()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("dim", 5),
        ("warm_up", 0),
        ("keys", ["a"]),
        ("keys", ["a", "a"]),
        ("keys", ["a", 3]),
        ("keys", ["a", ["b"]]),
        ("seen", [10, 0]),
        ("seen", [10, 2.0]),
        ("mean", [1.0, float("nan")]),
        ("mean", [1.0, 1e101]),
        ("squares", [1.0, -1.0]),
        ("squares", 3),
    ],
)
def test_bad_states(name, value):
    encoder = trained()
    before = encoder.state_dict()
    with pytest.raises(SnapshotError, match="encoder"):
        encoder.load_state(before | {name: value})
    assert encoder.state_dict() == before
    with pytest.raises(SnapshotError, match=name):
        encoder.load_state({key: value for key, value in before.items() if key != name})
