"""Rewards as the kernels take them: float64, finite, in the policy's range."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from numbers import Real
from typing import Final

import numpy as np

from armwise.errors import ConfigurationError
from armwise.types import FloatArray

__all__ = ["LARGEST", "checked_rewards"]

LARGEST: Final = sys.float_info.max
"""The bound of policies that take any finite reward."""


def checked_rewards(rewards: object, count: int, low: float, high: float, advice: str = "") -> FloatArray:
    """Rewards, float64 (count,).

    Parameters
    ----------
    rewards : object
        Numbers or truth values.
    count : int
        How many there must be.
    low, high : float
        Their range.
    advice : str
        What to do about one that is outside.

    Raises
    ------
    ConfigurationError
        If there are more or fewer, or one is no number, not finite, or outside the range.
    """
    array = _array(rewards)
    if array.shape != (count,):
        msg = f"rewards have shape {array.shape}; expected ({count},), one for each arm in the list"
        raise ConfigurationError(msg)
    inside = (low <= array) & (array <= high)
    if not inside.all():
        msg = f"reward is {float(array[~inside][0])!r}; expected {_range(low, high)}{advice}"
        raise ConfigurationError(msg)
    return array


def _array(rewards: object) -> FloatArray:
    """The numbers as float64; refused where NumPy would read a string as a number."""
    if isinstance(rewards, (str, bytes, Mapping, AbstractSet)):
        msg = f"rewards are {rewards!r}; expected a list or an array of numbers"
        raise ConfigurationError(msg)
    if isinstance(rewards, (list, tuple)):
        for reward in rewards:
            if not isinstance(reward, (Real, np.bool_)):
                msg = f"reward is {reward!r}; expected a number"
                raise ConfigurationError(msg)
        try:
            return np.array([float(reward) for reward in rewards], np.float64)
        except OverflowError:
            msg = "reward is beyond every float; expected a finite number"
            raise ConfigurationError(msg) from None
    array = np.asarray(rewards)
    if array.dtype.kind not in "biuf":
        msg = f"rewards have dtype {array.dtype}; expected real numbers"
        raise ConfigurationError(msg)
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64, order="C")


def _range(low: float, high: float) -> str:
    return "a finite number" if high == LARGEST else f"a number in [{low:g}, {high:g}]"
