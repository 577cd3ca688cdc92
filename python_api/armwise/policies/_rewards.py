"""Rewards as the kernels take them: float64, finite, in the policy's range."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.types import FloatArray
from armwise_kernels.cores_arguments import real_number

__all__ = ["LARGEST", "checked_rewards"]

_PLAIN: Final = {float, int}

LARGEST: Final = sys.float_info.max
"""The bound of policies that take any finite reward."""


def checked_rewards(rewards: object, count: int, low: float, high: float, advice: str = "") -> FloatArray:
    """Rewards, float64 (count,).

    Parameters
    ----------
    rewards : object
        A list of numbers, or an array of numbers or truth values. In a list, an array without dimensions is a number
        too, as is what `float` reads, truth values, text and complex numbers excepted.
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
        msg = f"rewards are {shown(rewards)}; expected a list or an array of numbers"
        raise ConfigurationError(msg)
    if isinstance(rewards, (list, tuple)):
        try:
            return np.array(rewards if set(map(type, rewards)) <= _PLAIN else list(map(_number, rewards)), np.float64)
        except OverflowError:
            msg = "reward is beyond every float; expected a finite number"
            raise ConfigurationError(msg) from None
    array = np.asarray(rewards)
    if array.dtype.kind not in "biuf":
        msg = f"rewards have dtype {array.dtype}; expected real numbers"
        raise ConfigurationError(msg)
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64, order="C")


def _number(reward: object) -> float:
    """One entry of a list."""
    try:
        return real_number("reward", reward)
    except (TypeError, ValueError):
        msg = f"reward is {shown(reward)}; expected a number"
        raise ConfigurationError(msg) from None


def _range(low: float, high: float) -> str:
    return "a finite number" if high == LARGEST else f"a number in [{low:g}, {high:g}]"
