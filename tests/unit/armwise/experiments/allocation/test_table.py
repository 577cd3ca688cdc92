"""The table of minima, and what a table is."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.experiments.allocation import table as module
from armwise.experiments.allocation.table import OUTSIDE, Table

SPACE = 2**64
ALL = Fraction(1)


def fresh(*weights, coverage=ALL):
    return Table.fresh(weights, coverage)


@pytest.mark.parametrize(
    ("before", "after", "minimum"),
    [
        ((50, 50), (60, 40), Fraction(10, 100)),
        ((50, 50, 0), (34, 33, 33), Fraction(33, 100)),
        ((50, 30, 20), (20, 30, 50), Fraction(30, 100)),
        ((50, 50), (50, 51), Fraction(50, 100) - Fraction(50, 101)),
        ((1, 1), (0, 1), Fraction(1, 2)),
        ((1, 2), (2, 4), Fraction(0)),
    ],
)
def test_the_minima(before, after, minimum):
    """The share that moves is the total variation distance, but for the hash that a threshold rounds to."""
    old = fresh(*before)
    moved = old.moved(old.moved_to(after, ALL))
    assert abs(moved - minimum) < Fraction(len(after), SPACE)


def test_where_thresholds_are_exact_the_minimum_is():
    old = fresh(8, 8)
    assert old.moved(old.moved_to([10, 6], ALL)) == Fraction(1, 8)
    half = fresh(8, 8, coverage=Fraction(1, 2))
    assert half.moved(half.moved_to([10, 6], Fraction(1, 2))) == Fraction(1, 16)
    assert half.moved(half.moved_to([8, 8], Fraction(3, 4))) == Fraction(1, 4)


def test_a_change_that_can_shift_a_boundary_adds_no_range():
    old = fresh(50, 50)
    assert len(old.moved_to([60, 40], ALL).ranges) == 2
    assert len(old.moved_to([34, 33, 33], ALL).ranges) <= 4


@pytest.mark.parametrize("weights", [(1, 1), (3, 0, 2, 1), (0, 5), (7,)])
def test_a_ramp_gives_the_table_that_it_would_have_had(weights):
    table = Table.fresh(weights, Fraction(1, 10))
    for tenths in (5, 10, 3, 0, 4, 10, 1):
        table = table.moved_to(weights, Fraction(tenths, 10))
        assert table == Table.fresh(weights, Fraction(tenths, 10))


def test_growing_moves_nobody_who_is_in():
    table = fresh(50, 50, coverage=Fraction(1, 10)).moved_to([20, 30, 50], Fraction(1, 10))
    grown = table.moved_to([20, 30, 50], Fraction(1, 2))
    assert table.moved(grown) == Fraction(
        sum(abs(grown.masses().get(code, 0) - table.masses().get(code, 0)) for code in (-1, 0, 1, 2)) // 2, SPACE
    )
    before = 0
    for end, code in table.ranges:
        if code != OUTSIDE:
            assert {at(grown, h) for h in (before, end - 1)} == {code}
        before = end


def at(table, h):
    return next(code for end, code in table.ranges if h < end)


def test_neighbours_are_joined():
    assert Table([(4, 0), (9, 0), (SPACE, 1)]) == Table([(9, 0), (SPACE, 1)])
    assert len({Table([(4, 0), (SPACE, 1)]), Table([(4, 0), (SPACE, 1)])}) == 1
    assert Table([(SPACE, 0)]) != 3


def test_arrays_for_the_kernels():
    table = fresh(1, 1, coverage=Fraction(1, 2))
    assert table.bounds().dtype == np.uint64
    assert table.bounds().tolist() == [SPACE // 4 - 1, SPACE // 2 - 1, 3 * SPACE // 4 - 1, SPACE - 1]
    assert table.codes().dtype == np.int32
    assert table.codes().tolist() == [0, -1, 1, -1]
    assert repr(table) == "<Table of 4 ranges>"


def test_weights_too_small_for_a_hash_hold_none():
    table = fresh(2**70, 1)
    assert table.masses() == {0: SPACE}


def test_too_many_ranges_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_RANGES", 3)
    with pytest.raises(ConfigurationError, match=r"4 ranges; it takes at most 3.*another seed_salt"):
        fresh(1, 1, 1, 1)
