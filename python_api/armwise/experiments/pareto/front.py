"""The Pareto front: points that no other point dominates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import compress
from typing import Final, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.types import FloatArray

__all__ = ["MOST_POINTS", "as_points", "pareto_front", "undominated"]

MOST_POINTS: Final = 10_000
"""Every pair of points is compared, so time grows with the square: this many take a second or two."""

_CELLS: Final = 1 << 18
"""Comparisons held in memory at a time, a byte each."""

L = TypeVar("L")


@overload
def pareto_front(points: Mapping[L, Sequence[float]], *, maximise: bool | Sequence[bool] = True) -> tuple[L, ...]: ...
@overload
def pareto_front(points: ArrayLike, *, maximise: bool | Sequence[bool] = True) -> tuple[int, ...]: ...
def pareto_front(
    points: Mapping[L, Sequence[float]] | ArrayLike, *, maximise: bool | Sequence[bool] = True
) -> tuple[L, ...] | tuple[int, ...]:
    """Return the labels of the points that no other point dominates, in the order given.

    A point dominates another if it is no worse in any objective and better in at least one (Drugan & Nowe,
    "Designing multi-objective multi-armed bandits algorithms: a study", IJCNN 2013, section II). So points
    that are equal in all objectives do not dominate each other: they are on the front together or not at all,
    and a tie in one objective is decided by the others.

    Parameters
    ----------
    points : mapping of label to sequence of float, or array_like of float, shape (n, m)
        What each point has in each of m objectives; at most 10,000 points. NaN is refused, infinities are
        ordered as numbers are. Rows of an array are labelled by their numbers.
    maximise : bool or sequence of bool, length m
        Whether more is better: for all objectives, or for each.

    Returns
    -------
    tuple of labels
        At least one.

    Raises
    ------
    ConfigurationError
        If there are no points, too many, no objectives, a number is missing or NaN, or `maximise` does not
        fit.

    Examples
    --------
    >>> arms = {"a1": [0.1, 0.3, 0.5], "a2": [0.1, 0.3, 0.5], "a3": [0, 0.4, 0.4],
    ...         "a4": [0.5, 0.3, 0.7], "a5": [0.6, 0.1, 0.5]}
    >>> pareto_front(arms)
    ('a3', 'a4', 'a5')

    Quality and cost, of which less is better:

    >>> pareto_front({"small": [0.79, 0.00003], "large": [0.93, 0.015], "both": [0.86, 0.01503]},
    ...              maximise=[True, False])
    ('small', 'large')
    >>> pareto_front([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    (0, 1)
    """
    table = as_points(points, maximise)
    n = len(table)
    columns = np.ascontiguousarray(table.T)
    step = max(1, _CELLS // columns.size)
    kept = np.concatenate([undominated(columns, columns[:, i : i + step]) for i in range(0, n, step)])
    if isinstance(points, Mapping):
        return tuple(compress(points, kept))
    return tuple(compress(range(n), kept))


def undominated(rivals: FloatArray, points: FloatArray) -> NDArray[np.bool_]:
    """Tell which points no rival dominates; more is better.

    Parameters
    ----------
    rivals : ndarray of float64, shape (m, r, ...)
    points : ndarray of float64, shape (m, n, ...)
        The same objectives and the same further axes, over which nothing is compared, and no NaN; a point may be
        its own rival.

    Returns
    -------
    ndarray of bool, shape (n, ...)
    """
    theirs, ours = rivals[:, None], points[:, :, None]
    no_worse: NDArray[np.bool_] = np.logical_and.reduce(theirs >= ours, axis=0)
    # Beside themselves, who is no better is known already: the other way round.
    turned = no_worse.swapaxes(0, 1)
    better: NDArray[np.bool_] = ~turned if rivals is points else np.logical_or.reduce(theirs > ours, axis=0)
    dominated: NDArray[np.bool_] = np.logical_or.reduce(no_worse & better, axis=1)
    return ~dominated


def as_points(points: object, maximise: object) -> FloatArray:
    """Return checked points, float64 (n, m), turned so that more is better in every objective.

    Raises
    ------
    ConfigurationError
        As :func:`pareto_front`.
    """
    given = list(points.values()) if isinstance(points, Mapping) else points
    if isinstance(given, (str, bytes, AbstractSet)):
        msg = f"points are {shown(points)}; expected a mapping of label to numbers, or an array (points, objectives)"
        raise ConfigurationError(msg)
    try:
        array = np.asarray(given)
    except ValueError:
        msg = "points have different numbers of objectives; give every point one number an objective"
        raise ConfigurationError(msg) from None
    if array.ndim != 2 or not array.size:
        msg = f"points have shape {array.shape}; expected at least one point with at least one objective"
        raise ConfigurationError(msg)
    if array.dtype.kind not in "biuf":
        msg = f"points have dtype {array.dtype}; expected real numbers"
        raise ConfigurationError(msg)
    if len(array) > MOST_POINTS:
        msg = f"there are {len(array):,} points; expected at most {MOST_POINTS:,}: every pair is compared"
        raise ConfigurationError(msg)
    table = array.astype(np.float64)
    if np.isnan(table).any():
        row, column = (int(place) for place in np.argwhere(np.isnan(table))[0])
        name = list(points)[row] if isinstance(points, Mapping) else row
        msg = f"point {shown(name)} is NaN in objective {column}; leave out points that were not measured"
        raise ConfigurationError(msg)
    signs = np.where(_directions(maximise, table.shape[1]), 1.0, -1.0)
    turned: FloatArray = table * signs
    return turned


def _directions(maximise: object, objectives: int) -> list[bool]:
    """Whether more is better, for each objective."""
    flags = [maximise] * objectives if isinstance(maximise, (bool, np.bool_)) else maximise
    if isinstance(flags, np.ndarray):
        flags = flags.tolist()
    if (
        not isinstance(flags, (list, tuple))
        or len(flags) != objectives
        or not all(isinstance(flag, (bool, np.bool_)) for flag in flags)
    ):
        msg = f"maximise is {shown(maximise)}; expected True, False, or one of them for each of {objectives} objectives"
        raise ConfigurationError(msg)
    return [bool(flag) for flag in flags]
