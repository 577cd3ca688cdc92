"""Reading a state with suspicion."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import SnapshotError
from armwise._fields import COUNTS, Fields
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
        (lambda f: f.number("name", 0, 1), "numbers in"),
        (lambda f: f.number("x", 0.6, 1), r"numbers in \[0.6, 1\]"),
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


def test_what_is_no_object():
    with pytest.raises(SnapshotError, match="state is 3"):
        Fields(3)


def test_numbers_that_a_caller_gave():
    assert [real(x) for x in (1, 2.5, np.int8(3), np.float32(0.5))] == [1.0, 2.5, 3.0, 0.5]
    assert (real(10**400), real(-(10**400))) == (float("inf"), -float("inf"))
    assert all(np.isnan(real(x)) for x in (True, "1", None, 1j, [1.0], np.True_))
    assert [whole(x) for x in (3, np.uint8(4), 2.0, True, "1", None)] == [3, 4, -1, -1, -1, -1]
