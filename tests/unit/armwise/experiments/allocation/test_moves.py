"""The rule by which hashes move."""

from __future__ import annotations

import pytest

from armwise.experiments.allocation._moves import moved_ranges

OUT = -1


@pytest.mark.parametrize(
    ("held", "change", "expected"),
    [
        pytest.param([(0, 9)], {}, [(0, 9)], id="nothing to do"),
        pytest.param([(0, 5), (1, 5)], {0: 1, 1: -1}, [(0, 6), (1, 4)], id="a boundary shifts right"),
        pytest.param([(0, 5), (1, 5)], {0: -1, 1: 1}, [(0, 4), (1, 6)], id="and left"),
        pytest.param([(0, 5), (1, 5)], {0: 5, 1: -5}, [(0, 10)], id="a range vanishes"),
        pytest.param([(0, 3), (1, 2), (2, 5)], {0: 2, 1: -2}, [(0, 5), (2, 5)], id="in the middle"),
        pytest.param([(0, 5), (1, 5)], {1: -2, 2: 2}, [(0, 5), (1, 3), (2, 2)], id="a new one is cut from the end"),
        pytest.param(
            [(0, 4), (1, 4)], {0: -1, 1: -1, 2: 2}, [(0, 3), (2, 1), (1, 3), (2, 1)], id="from the ends of two"
        ),
        pytest.param([(0, 4), (1, 4)], {1: -2, 2: 1, 3: 1}, [(0, 4), (1, 2), (3, 1), (2, 1)], id="for two"),
        pytest.param([(0, 4), (1, 4)], {1: -4, 2: 4}, [(0, 4), (2, 4)], id="a whole range changes hands"),
        pytest.param([(0, 2), (OUT, 3), (1, 2)], {0: 1, OUT: -1}, [(0, 3), (OUT, 2), (1, 2)], id="grows to the right"),
        pytest.param([(0, 2), (OUT, 3), (1, 2)], {1: 1, OUT: -1}, [(0, 2), (OUT, 2), (1, 3)], id="left if it must"),
        pytest.param([(0, 2), (OUT, 3), (1, 2)], {0: -1, OUT: 1}, [(0, 1), (OUT, 4), (1, 2)], id="shrinks from right"),
        pytest.param([(0, 4), (1, 4)], {0: -2, 1: -2, OUT: 4}, [(0, 2), (OUT, 2), (1, 2), (OUT, 2)], id="ramps down"),
        pytest.param(
            [(0, 2), (1, 1), (0, 2), (1, 1)], {0: -3, 2: 3}, [(0, 1), (2, 1), (1, 1), (2, 2), (1, 1)], id="last first"
        ),
        pytest.param([(0, 2), (1, 2), (2, 2)], {0: 3, 1: -2, 2: -1}, [(0, 5), (2, 1)], id="over a range that vanished"),
    ],
)
def test_moves(held, change, expected):
    assert moved_ranges(held, change) == expected


def test_what_it_was_given_is_untouched():
    held, change = [(0, 5), (1, 5)], {0: 1, 1: -1}
    moved_ranges(held, change)
    assert (held, change) == ([(0, 5), (1, 5)], {0: 1, 1: -1})
