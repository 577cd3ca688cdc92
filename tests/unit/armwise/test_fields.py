"""Reading a state with suspicion."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import SnapshotError
from armwise._fields import COUNTS, Fields, NewerVersion
from armwise.posteriors._numbers import real, whole

STATE = {
    "n": 3,
    "big": COUNTS,
    "x": 0.5,
    "name": "abc",
    "yes": True,
    "nothing": None,
    "list": [1, 2.5],
    "rising": [1, 2, 9],
    "rows": [[1, 2], [3, 4.5]],
    "inner": {"n": -1},
}


def test_fields_come_as_they_are():
    fields = Fields(STATE)
    assert fields.whole("n") == 3
    assert fields.whole("big") == COUNTS
    assert fields.number("x", 0, 1) == 0.5
    assert fields.number("n", 0, 5) == 3.0
    assert fields.text("name") == "abc"
    assert fields.truth("yes") is True
    assert fields.items("list") == [1, 2.5]
    assert fields.wholes("rising", 3, 0, 9, rising=True) == [1, 2, 9]
    assert fields.wholes("rising", None, 0, 9) == [1, 2, 9]
    rows = fields.numbers("rows", (2, 2), 0, 5)
    assert rows.dtype == np.float64
    assert rows.tolist() == [[1.0, 2.0], [3.0, 4.5]]
    assert fields.fields("inner").whole("n", -1) == -1
    assert fields.mapping("inner") == {"n": -1}
    assert fields.says("n")
    assert not fields.says("nothing")
    assert not fields.says("absent")


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda f: f.whole("absent"), "missing"),
        (lambda f: f.whole("x"), "a whole number"),
        (lambda f: f.whole("yes"), "a whole number"),
        (lambda f: f.whole("n", 4), r"a whole number in \[4, "),
        (lambda f: f.whole("n", 0, 2), r"a whole number in \[0, 2\]"),
        (lambda f: f.number("name", 0, 1), "a number in"),
        (lambda f: f.number("x", 0.6, 1), r"a number in \[0.6, 1\]"),
        (lambda f: f.text("n"), "a string"),
        (lambda f: f.truth("n"), "true or false"),
        (lambda f: f.items("name"), "a list"),
        (lambda f: f.wholes("list", 2, 0, 9), "whole numbers"),
        (lambda f: f.wholes("rising", 2, 0, 9), "2 whole numbers"),
        (lambda f: f.wholes("rising", 3, 0, 8), r"whole numbers in \[0, 8\]"),
        (lambda f: f.numbers("rows", (2, 3), 0, 5), "shape"),
        (lambda f: f.numbers("rows", (4,), 0, 5), "shape"),
        (lambda f: f.numbers("list", (2, 1), 0, 5), "shape"),
        (lambda f: f.numbers("rows", (2, 2), 0, 4), r"numbers in \[0, 4\]"),
        (lambda f: f.fields("n"), "a JSON object"),
        (lambda f: f.mapping("n"), "a JSON object"),
        (lambda f: f.fields("inner").whole("n"), r"state\['inner'\]\['n'\] is -1"),
    ],
)
def test_what_is_not_expected_is_refused(read, expected):
    with pytest.raises(SnapshotError, match=expected) as caught:
        read(Fields(STATE))
    assert str(caught.value).endswith("nothing was changed")


def test_rising_means_rising():
    for values in ([1, 1], [2, 1]):
        with pytest.raises(SnapshotError, match="rising"):
            Fields({"x": values}).wholes("x", 2, 0, 9, rising=True)


def test_absent_is_for_old_states():
    assert Fields({}, legacy=True).whole("n", absent=7) == 7
    assert Fields({"n": 3}, legacy=True).whole("n", absent=7) == 3
    with pytest.raises(SnapshotError, match="missing"):
        Fields({}).whole("n", absent=7)


def test_long_values_are_cut():
    with pytest.raises(SnapshotError) as caught:
        Fields({"x": list(range(10_000))}).text("x")
    assert len(str(caught.value)) < 250


def nested(levels=100_000):
    held = []
    for _ in range(levels):
        held = [held]
    return held


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5000, id="huge"),
        pytest.param([10**5000, 10**5000], id="huge in a list"),
        pytest.param(nested(), id="deep"),
        pytest.param("x" * 2**20, id="long"),
        pytest.param([0.5] * 2**16, id="many"),
    ],
)
@pytest.mark.parametrize(
    "read",
    [
        lambda f: f.whole("x"),
        lambda f: f.number("x", 0, 1),
        lambda f: f.truth("x"),
        lambda f: f.wholes("x", 2, 0, 9),
        lambda f: f.wholes("x", None, 0, 9),
        lambda f: f.numbers("x", (2,), 0, 1),
        lambda f: f.numbers("x", (2, 2), 0, 1),
        lambda f: f.mapping("x"),
        lambda f: f.fields("x"),
    ],
)
def test_values_too_large_to_be_shown_are_refused_in_few_words(read, value):
    with pytest.raises(SnapshotError) as caught:
        read(Fields({"x": value}))
    assert len(str(caught.value)) < 300


def test_what_is_no_object():
    with pytest.raises(SnapshotError, match="state is 3"):
        Fields(3)


def test_numbers_that_a_caller_gave():
    assert [real(x) for x in (1, 2.5, np.int8(3), np.float32(0.5))] == [1.0, 2.5, 3.0, 0.5]
    assert (real(10**400), real(-(10**400))) == (float("inf"), -float("inf"))
    assert all(np.isnan(real(x)) for x in (True, "1", None, 1j, [1.0], np.True_))
    assert [whole(x) for x in (3, np.uint8(4), 2.0, True, "1", None)] == [3, 4, -1, -1, -1, -1]


def test_versions():
    assert Fields({"version": 2}).version(3) == 2
    assert Fields({"schema_version": 1}, "snapshot").version(1, "schema_version") == 1
    for version in (0, -1, True, 1.0, "1", None):
        with pytest.raises(SnapshotError, match="expected a whole number"):
            Fields({"version": version}).version(1)
    with pytest.raises(SnapshotError, match="missing"):
        Fields({}).version(1)


@pytest.mark.parametrize("version", [2, 10**30, pytest.param(10**5000, id="long")])
def test_a_newer_version_names_both(version):
    with pytest.raises(NewerVersion, match="this armwise reads up to 1; upgrade") as caught:
        Fields({"version": version}, "snapshot").version(1)
    assert (caught.value.found, caught.value.known) == (version, 1)
    assert str(caught.value).startswith("the snapshot has version")
    assert isinstance(caught.value, SnapshotError)


def test_numbers_in_bulk():
    fields = Fields(
        {"x": [[1, 2.5], [np.float64(3.0), True]], "y": [[1.0, 2.0], [3.0, float("inf")]], "z": [[1], [2, 3]]}
    )
    for name in "xyz":
        with pytest.raises(SnapshotError, match=r"shape \(2, 2\)"):
            fields.numbers(name, (2, 2), -1e308, 1e308)
    fields = Fields({"x": [[1, 2.5], [np.float64(3.0), 10**308]], "empty": []})
    assert fields.numbers("x", (2, 2), 0, 1.7e308).tolist() == [[1.0, 2.5], [3.0, 1e308]]
    assert fields.numbers("empty", (0,), 0, 1).shape == (0,)
    with pytest.raises(SnapshotError):
        Fields({"x": [10**5000]}).numbers("x", (1,), 0, 1e308)


def test_whole_numbers_in_bulk():
    assert Fields({"n": [1, 2, 5]}).wholes("n", 3, 1, 5, rising=True) == [1, 2, 5]
    assert Fields({"n": []}).wholes("n", None, 1, 5, rising=True) == []
    for values in ([1, 1], [2, 1], [0, 2], [1, 6], [1, True], [1, 2.0], [1, None], [1, "2"], [1, 10**5000]):
        with pytest.raises(SnapshotError):
            Fields({"n": values}).wholes("n", 2, 1, 5, rising=True)


HUGE = [pytest.param(10**5000, id="huge"), pytest.param(-(10**5000), id="least")]


@pytest.mark.parametrize("value", [True, None, "1", [1.0], float("nan"), float("inf"), -float("inf"), *HUGE])
def test_what_is_no_number_in_no_range(value):
    everything = float("inf")
    for read in (
        lambda fields: fields.number("x", -everything, everything),
        lambda fields: fields.numbers("xs", (2,), -everything, everything),
    ):
        with pytest.raises(SnapshotError, match=r"expected (a number|numbers) in"):
            read(Fields({"x": value, "xs": [0.5, value]}))


def test_no_numbers_are_in_every_range():
    assert Fields({"x": []}).numbers("x", (0,), 1.0, float("inf")).shape == (0,)
    assert Fields({"x": 3}).number("x", 0, 4) == 3.0
    assert isinstance(Fields({"x": 3}).number("x", 0, 4), float)
