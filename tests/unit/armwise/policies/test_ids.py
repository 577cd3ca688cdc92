"""Ids of decisions, read back."""

from __future__ import annotations

import pytest

from armwise.errors import ReplayError
from armwise.policies._ids import place_of

MOST = (1 << 63) - 1


@pytest.mark.parametrize("place", [(0, 0, 0), (MOST, MOST, MOST), (1, 31, 255)])
def test_an_id_is_read_as_it_was_written(place):
    stream, counter, version = place_of("{:x}-{:x}-{:x}".format(*place))
    assert (stream, counter, version) == place


@pytest.mark.parametrize(
    "given",
    [
        "",
        "0-0",
        "0-0-0-0",
        "x-0-0",
        "F-0-0",
        "0-0-0\n",
        " 0-0-0",
        "-1-0-0",
        "0-0-00000000000000000",
        "8000000000000000-0-0",
        "0-8000000000000000-0",
        "0-0-ffffffffffffffff",
        "\u0660-0-0",
        b"0-0-0",
        None,
        7,
        pytest.param(10**5000, id="huge"),
        ("0", "0", "0"),
    ],
)
def test_what_is_no_id_is_refused(given):
    with pytest.raises(ReplayError, match=r"^decision_id is .*; expected stream-counter-version in hexadecimal$"):
        place_of(given)


def test_a_long_text_is_cut_in_the_message():
    with pytest.raises(ReplayError) as error:
        place_of("x" * 1_000_000)
    assert len(str(error.value)) < 200
