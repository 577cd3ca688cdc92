"""How much of the space of objectives a set of points dominates."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.experiments.pareto.front import as_points
from armwise.types import FloatArray

__all__ = ["hypervolume"]


def hypervolume(
    points: Mapping[object, Sequence[float]] | ArrayLike,
    reference: Sequence[float] | ArrayLike,
    *,
    maximise: bool | Sequence[bool] = True,
) -> float:
    """Return the volume that the points dominate above a reference point.

    The measure of Zitzler & Thiele, "Multiobjective evolutionary algorithms: a comparative case study and the
    strength Pareto approach", IEEE Trans. Evol. Comput. 3(4), 1999: of two sets, the one whose front is
    nowhere behind and somewhere ahead has the greater volume. It is computed exactly, by the sweep over the
    last objective of Fonseca, Paquete & Lopez-Ibanez (CEC 2006). Dominated points and points that do not
    exceed the reference in every objective add nothing.

    Parameters
    ----------
    points : mapping of label to sequence of float, or array_like of float, shape (n, m)
        Two or three objectives, finite; at most 10,000 points.
    reference : sequence of float, length m
        The worst that still counts, in the same units. Volumes compare only under one reference.
    maximise : bool or sequence of bool, length m
        Whether more is better: for all objectives, or for each.

    Returns
    -------
    float
        Zero or more, in the product of the objectives' units.

    Raises
    ------
    ConfigurationError
        If there are not two or three objectives, a number is not finite, or the arguments do not fit.

    Examples
    --------
    >>> hypervolume([[2.0, 1.0], [1.0, 3.0]], [0.0, 0.0])
    4.0
    >>> hypervolume({"fast": [0.9, 2.0], "slow": [0.9, 5.0]}, [0.5, 10.0], maximise=[True, False])
    3.2
    >>> hypervolume([[1.0, 1.0, 1.0], [2.0, 2.0, 0.5]], [0.0, 0.0, 0.0])
    2.5
    """
    table = as_points(points, maximise)
    objectives = table.shape[1]
    if objectives not in {2, 3}:
        msg = f"there are {objectives} objectives; hypervolumes are computed for two or three"
        raise ConfigurationError(msg)
    origin = _origin(reference, maximise, objectives)
    if not (np.isfinite(table).all() and np.isfinite(origin).all()):
        msg = "a point or the reference is infinite; expected finite numbers: no other volume has a meaning"
        raise ConfigurationError(msg)
    with np.errstate(over="ignore"):
        heights = table - origin
    boxes: list[list[float]] = heights[(heights > 0.0).all(axis=1)].tolist()
    if objectives == 2:
        boxes = [[*box, 1.0] for box in boxes]
    return _swept(boxes)


def _origin(reference: object, maximise: object, objectives: int) -> FloatArray:
    """The reference as a point, turned as the others are."""
    try:
        origin = as_points([reference], maximise)
    except ConfigurationError:
        origin = np.empty((0, 0))
    if origin.shape != (1, objectives):
        msg = f"the reference is {shown(reference)}; expected {objectives} numbers, one an objective"
        raise ConfigurationError(msg)
    return origin


def _swept(boxes: list[list[float]]) -> float:
    """The volume of a union of boxes from the origin, from the highest down.

    Between two heights the volume is the area of the staircase of all boxes that are higher, times the
    difference of heights.
    """
    boxes.sort(key=lambda box: -box[2])
    stairs = _Staircase()
    volume = 0.0
    for i, (x, y, z) in enumerate(boxes):
        stairs.add(x, y)
        below = boxes[i + 1][2] if i + 1 < len(boxes) else 0.0
        volume += stairs.area * (z - below)
    return volume


class _Staircase:
    """The union of rectangles from the origin: its corners, by rising x and so by falling y."""

    def __init__(self) -> None:
        self.area = 0.0
        self._corners: list[tuple[float, float]] = []

    def add(self, x: float, y: float) -> None:
        """Unite with [0, x] x [0, y]."""
        corners = self._corners
        at = bisect_left(corners, (x, 0.0))
        if at < len(corners) and corners[at][1] >= y:
            return
        # A corner at the same x and lower stands right of `at`; those to the left go while they are no higher.
        stop = at + 1 if at < len(corners) and corners[at][0] == x else at
        right = corners[stop][1] if stop < len(corners) else 0.0
        start = at
        while start and corners[start - 1][1] <= y:
            start -= 1
        left = corners[start - 1][0] if start else 0.0
        covered = 0.0
        edge = left
        for corner, height in corners[start:stop]:
            covered += (corner - edge) * (height - right)
            edge = corner
        del corners[start:stop]
        insort(corners, (x, y))
        self.area += (x - left) * (y - right) - covered
