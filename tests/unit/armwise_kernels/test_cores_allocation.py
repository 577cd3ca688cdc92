"""The table of allocation in Python has the face of the C type, and keeps nothing of its caller's."""

from __future__ import annotations

import numpy as np
import pytest

from armwise_kernels.allocation import AllocationSpec
from armwise_kernels.cores_allocation import PythonAllocation, read_only

SPEC = AllocationSpec(
    7, np.array([2**62, 2**63, 2**64 - 1], np.uint64), np.array([0, -1, 1], np.int32), ("first", "second")
)


@pytest.fixture
def table():
    return PythonAllocation(SPEC, lambda key: repr(key).encode())


def test_answers_are_the_callers_own_labels(table):
    assert {id(table.allocate(i)) for i in range(100)} == {id(None), *map(id, SPEC.labels)}
    assert {table.code(i) for i in range(100)} == {-1, 0, 1}


def test_an_odd_key_has_the_bytes_that_its_function_gives(table):
    for key in (1.5, None, "\ud800", 2**64):
        assert table.code(key) == table.code(repr(key).encode())


def test_it_has_no_attributes_of_its_users(table):
    with pytest.raises(AttributeError):
        table.note = 1


def test_read_only_views_leave_the_array_as_it_is():
    mine = np.arange(3)
    view = read_only(mine)
    assert mine.flags.writeable
    assert not view.flags.writeable
    assert view.base is mine
