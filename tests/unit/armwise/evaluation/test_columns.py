from __future__ import annotations

import numpy as np
import pytest

from armwise.errors import ConfigurationError
from armwise.evaluation import ConfidenceSequence, aipw, holm, ips
from armwise.evaluation._columns import numbers


@pytest.mark.parametrize("values", [np.array([1.0 + 2.0j]), [1.0, 2.0j], [np.complex128(1.0)], np.zeros(0, complex)])
def test_complex_numbers_are_not_taken_for_their_real_parts(values):
    with pytest.raises(ConfigurationError, match="rewards holds complex numbers"):
        numbers("rewards", values)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ConfidenceSequence().update_many(x),
        holm,
        lambda x: ips(x, [0.5, 0.5], [0.5, 0.5]),
        lambda x: aipw([1.0, 0.0], [0, 1], np.stack([x, x], axis=1)),
    ],
)
def test_estimators_refuse_complex_columns(call):
    with pytest.raises(ConfigurationError, match="complex"):
        call(np.array([0.5 + 0.1j, 0.5]))


@pytest.mark.parametrize("values", [[1, 2], (1.0, 2.0), np.array([1, 2], np.int8), np.array([1, 2], object)])
def test_real_numbers_are_taken(values):
    assert numbers("rewards", values).dtype == np.float64
    assert numbers("rewards", values).tolist() == [1.0, 2.0]


def test_columns_of_floats_are_not_copied():
    values = np.array([1.0, 2.0])
    assert numbers("rewards", values) is values


@pytest.mark.parametrize("values", [["a"], [None, "b"], [10**400], [[1], [1, 2]], [object()]])
def test_what_are_no_numbers_is_refused(values):
    with pytest.raises(ConfigurationError, match="rewards cannot be read as numbers"):
        numbers("rewards", values)
