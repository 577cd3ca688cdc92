"""Numbers of options: as Python writes them, and nothing more."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from armwise.cli._weights import parse_number, parse_weights
from armwise.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("50", 50),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1e3),
        ("2.5E-3", 0.0025),
        ("1/3", Fraction(1, 3)),
    ],
)
def test_numbers(text, number):
    assert parse_number("--share", text) == number
    assert type(parse_number("--share", text)) is type(number)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            " 1",
            "1 ",
            "1\n",
            "1_000",
            "1_0.5",
            "1_0/3",
            "1 / 3",
            "+1",
            "infinity",
            "0x10",
        ),
        *("1/0", "1/-3", "1.5/2", "1e", "e5", ".", "1" * 5000, "1/" + "1" * 5000),
        *("\u0661", "\u0661/3", "0.\u0665", "\uff11", "\ud800"),
    ],
)
def test_numbers_that_are_none(text):
    with pytest.raises(ConfigurationError, match=r"--share has the number .*; expected one such as 50, 0\.5 or 1/3"):
        parse_number("--share", text)


def test_weights():
    assert parse_weights("--variant", ["a=b=1", "c=1/3"]) == {"a=b": 1, "c": Fraction(1, 3)}
    assert parse_weights("--variant", ["a=-1", "b=inf"]) == {"a": -1, "b": math.inf}, (
        "who takes weights says which of them can be meant"
    )
    assert parse_weights("--variant", []) == {}


@pytest.mark.parametrize("entry", ["", "a", "=1", "a=1_000", "a= 1"])
def test_entries_that_are_none(entry):
    with pytest.raises(ConfigurationError, match="--variant"):
        parse_weights("--variant", [entry])


def test_a_name_stands_once():
    with pytest.raises(ConfigurationError, match="names 'a' twice"):
        parse_weights("--variant", ["a=1", "a=2"])
