"""Columns as a caller gives them: one entry a logged decision, checked before anything is computed."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise._words import shown
from armwise.errors import ConfigurationError, PropensityError
from armwise.types import FloatArray

__all__ = ["SLACK", "Indices", "distributions", "finite", "indices", "numbers", "refuse", "weighed"]

Indices: TypeAlias = NDArray[np.intp]

# Propensities are integrals and sums of floats: one that should be 1 may come out a few rounding errors above
# it.
SLACK = 1e-9

# The same for a distribution over many arms that was written with six digits or kept as float32.
_SUM_SLACK = 1e-5


def weighed(rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check three columns of one length and return the rewards and the importance weights.

    Raises
    ------
    PropensityError
        If a propensity is absent (NaN), zero or outside (0, 1].
    ConfigurationError
        If shapes differ, there are fewer than two decisions, a reward is not finite, or `target` is outside
        [0, 1].
    """
    reward = numbers("rewards", rewards)
    behaviour = numbers("propensities", propensities)
    chosen = numbers("target", target)
    if not reward.size == behaviour.size == chosen.size:
        msg = (
            f"rewards, propensities and target have {reward.size}, {behaviour.size} and {chosen.size}"
            " entries; expected one of each per decision"
        )
        raise ConfigurationError(msg)
    if reward.size < 2:
        msg = f"the log has {reward.size} rewarded decisions; an interval needs at least 2"
        raise ConfigurationError(msg)
    refuse(~np.isfinite(reward), reward, "rewards", "a finite number")
    valid = (behaviour > 0.0) & (behaviour <= 1.0 + SLACK)
    refuse(~valid, behaviour, "propensities", "a probability in (0, 1]", PropensityError)
    valid = (chosen >= 0.0) & (chosen <= 1.0 + SLACK)
    refuse(~valid, chosen, "target", "a probability in [0, 1]")
    with np.errstate(over="ignore"):
        weight = chosen / behaviour
    refuse(~np.isfinite(weight), behaviour, "propensities", "large enough to divide by", PropensityError)
    return reward, weight


def finite(name: str, values: ArrayLike, n: int | None = None) -> FloatArray:
    """Return a column of finite numbers, of `n` entries where `n` is given.

    Raises
    ------
    ConfigurationError
        If it is anything else.
    """
    column = numbers(name, values)
    if n is not None and column.size != n:
        msg = f"{name} has {column.size} entries and the log {n} decisions; expected one a decision"
        raise ConfigurationError(msg)
    refuse(~np.isfinite(column), column, name, "a finite number")
    return column


def numbers(name: str, values: ArrayLike) -> FloatArray:
    """Return one column of numbers as float64; what they may be is for the caller to say.

    Raises
    ------
    ConfigurationError
        If they are no numbers, or no column.
    """
    column = _floats(name, values)
    if column.ndim != 1:
        msg = f"{name} has shape {column.shape}; expected one number per decision, shape (n,)"
        raise ConfigurationError(msg)
    return column


def indices(name: str, values: ArrayLike, size: int, n: int | None = None) -> Indices:
    """Return a column of whole numbers in [0, size), of `n` entries where `n` is given.

    Raises
    ------
    ConfigurationError
        If it is anything else.
    """
    try:
        column = np.asarray(values)
    except ValueError as error:
        msg = f"{name} cannot be read as whole numbers ({error}); expected one per decision"
        raise ConfigurationError(msg) from error
    if column.ndim != 1 or column.dtype.kind not in "iu":
        msg = f"{name} is an array of {column.dtype}, shape {column.shape}; expected one whole number per decision"
        raise ConfigurationError(msg)
    if n is not None and column.size != n:
        msg = f"{name} has {column.size} entries and the log {n} decisions; expected one a decision"
        raise ConfigurationError(msg)
    if column.size and not (int(column.min()) >= 0 and int(column.max()) < size):
        first = int(np.argmax((column < 0) | (column >= size)))
        msg = f"{name}[{first}] is {int(column[first])}; expected a whole number in [0, {size})"
        raise ConfigurationError(msg)
    return column.astype(np.intp, copy=False)


def distributions(name: str, values: ArrayLike, shape: tuple[int, int] | None = None) -> FloatArray:
    """Return a table whose rows are probabilities of arms, float64 (rows, arms).

    Raises
    ------
    ConfigurationError
        If it is no such table, or not of the given shape.
    """
    table = _floats(name, values)
    if table.ndim != 2 or table.size == 0 or (shape is not None and table.shape != shape):
        wanted = "two dimensions: a row for each decision or cell, a column for each arm"
        msg = f"{name} has shape {table.shape}; expected {wanted if shape is None else shape}"
        raise ConfigurationError(msg)
    # One that holds NaN has neither a least entry of at least zero nor a sum of one.
    if not (float(table.min()) >= 0.0 and float(np.abs(table.sum(axis=1) - 1.0).max()) <= _SUM_SLACK):
        wrong = ~((table >= 0.0).all(axis=1) & (np.abs(table.sum(axis=1) - 1.0) <= _SUM_SLACK))
        first = int(np.argmax(wrong))
        msg = f"{name}[{first}] sums to {table[first].sum()!s}; expected probabilities of zero or more that sum to 1"
        raise ConfigurationError(msg)
    return table


def refuse(
    bad: NDArray[np.bool_],
    values: FloatArray,
    name: str,
    expected: str,
    error: type[ConfigurationError | PropensityError] = ConfigurationError,
) -> None:
    """Raise `error` for the first bad entry, naming it."""
    if bad.any():
        first = int(np.argmax(bad))
        given = float(values[first])
        msg = f"{name}[{first}] is {shown(given)}; expected {expected} ({int(bad.sum())} such entries)"
        raise error(msg)


def _floats(name: str, values: ArrayLike) -> FloatArray:
    """Return an array of any shape as float64."""
    try:
        array = np.asarray(values)
        if array.dtype.kind == "c":
            msg = f"{name} holds complex numbers; expected real ones: an imaginary part would be dropped"
            raise ConfigurationError(msg)
        return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"{name} cannot be read as numbers ({error}); expected one number per decision"
        raise ConfigurationError(msg) from error
