from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from armwise_kernels.cores_arguments import contexts, listed, real_number, same_types, whole_time


def test_times_are_whole_nanoseconds():
    assert whole_time(0) == 0
    assert whole_time((1 << 62) - 1) == (1 << 62) - 1


@pytest.mark.parametrize("now", [1.0, True, "1", np.int64(1), None])
def test_times_of_other_types_are_refused(now):
    with pytest.raises(TypeError, match="now: expected None or whole nanoseconds"):
        whole_time(now)


def test_times_out_of_range_are_refused():
    with pytest.raises(ValueError, match="-1"):
        whole_time(-1)
    with pytest.raises(ValueError, match="below 2"):
        whole_time(1 << 62)
    with pytest.raises(OverflowError, match="below 2"):
        whole_time(1 << 63)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        1,
        np.True_,
        np.float32(0.5),
        np.float64(0.5),
        np.int64(3),
        Fraction(1, 2),
        Decimal("0.5"),
        np.array(0.5),
    ],
)
def test_numbers_are_taken(value):
    number = real_number("reward", value)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize("value", ["1.0", b"1", True, None, 1j, [1.0], object()])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="reward: expected a number, got"):
        real_number("reward", value)


def test_what_cannot_be_shown_is_refused_all_the_same():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, [10**5000]):
        with pytest.raises(TypeError, match="expected a number, got a list"):
            real_number("reward", value)


def test_arrays_are_taken_as_they_are_and_copied_where_they_cannot_be_written():
    array = np.arange(6, dtype=np.int32)
    assert listed("positions", array, np.int32, (6,)) is array
    assert listed("positions", array, np.int32, (-1,)) is array
    array.flags.writeable = False
    copy = listed("positions", array, np.int32, (-1,))
    assert copy is not array
    assert copy.flags.writeable
    assert copy.tolist() == array.tolist()


@pytest.mark.parametrize(
    "array",
    [
        [1, 2, 3],
        np.arange(3),
        np.arange(3, dtype=np.float32),
        np.zeros((3, 1), np.int32),
        np.zeros(4, np.int32),
        np.zeros(6, np.int32)[::2],
        None,
    ],
)
def test_other_arrays_are_refused(array):
    with pytest.raises(TypeError, match=r"positions: expected a C-contiguous int32 array \(3,\), got"):
        listed("positions", array, np.int32, (3,))


def test_contexts_are_finite_and_bounded():
    x = np.array([[1e100, -1e100, 0.0]])
    assert contexts("contexts", x, (1, 3)) is x
    for bad in (np.nan, np.inf, -np.inf, 1.1e100):
        x[0, 1] = bad
        with pytest.raises(ValueError, match=r"contexts: expected finite numbers within 1e\+100"):
            contexts("contexts", x, (1, 3))


def test_equal_labels_of_other_types_are_told_apart():
    assert same_types(("a", 1, 2.0), ("a", 1, 2.0))
    assert not same_types((1,), (1.0,))
    assert not same_types((1,), (True,))
