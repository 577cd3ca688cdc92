"""Full feedback to replay: requests, and what every arm would have earned and cost on each.

Three formats are read: an ``.npz`` archive of the shape of the one that comes with armwise, a CSV of one row
a request, and a CSV of one row for each request and arm; the caller names the columns. Whatever is wrong with
a file becomes one `DataError` that says what was found and what was expected.
"""

from __future__ import annotations

import importlib.resources
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from armwise.errors import ConfigurationError, DataError, StoreError
from armwise.runners._csv_columns import Columns, read_columns
from armwise.types import FloatArray

__all__ = ["Feedback", "bundled", "read_csv", "read_long_csv", "read_npz"]

# What NumPy and zipfile raise for a torn, damaged, encrypted or pickled archive.
_DAMAGED = (ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError, OverflowError)

_ARRAYS = ("context", "reward", "cost", "arms")


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """Requests with the reward and the cost of every arm on each.

    Parameters
    ----------
    name : str
        Where it is from.
    arms : tuple of str, length K
        Names of the arms, K >= 2, no two equal.
    context : ndarray of float64, shape (n, d)
        Features of each request; d may be 0.
    reward : ndarray of float64, shape (n, K)
        What each arm would have earned.
    cost : ndarray of float64, shape (n, K)
        What each arm would have cost, in USD; zero or more.

    Raises
    ------
    DataError
        If shapes disagree, a number is not finite, a cost is below zero, or the arms are not two or more
        different names, each of them Unicode text.
    """

    name: str
    arms: tuple[str, ...]
    context: FloatArray
    reward: FloatArray
    cost: FloatArray

    def __post_init__(self) -> None:
        """Check that the arrays belong together."""
        if len(self.arms) < 2 or len(set(self.arms)) < len(self.arms) or "" in self.arms:
            msg = f"{self.name}: the arms are {list(self.arms)}; expected two or more different names"
            raise DataError(msg)
        for place, arm in enumerate(self.arms):
            if not _is_unicode(arm):
                msg = f"{self.name}: arms[{place}] is {arm!r}; expected text, without halves of surrogate pairs"
                raise DataError(msg)
        if self.context.ndim != 2 or len(self.context) == 0:
            msg = f"{self.name}: context has shape {self.context.shape}; expected requests by features"
            raise DataError(msg)
        expected = (len(self.context), len(self.arms))
        for name, array in (("reward", self.reward), ("cost", self.cost)):
            if array.shape != expected:
                msg = f"{self.name}: {name} has shape {array.shape}; expected {expected}: requests by arms"
                raise DataError(msg)
        for name, array in (("context", self.context), ("reward", self.reward), ("cost", self.cost)):
            wrong, wanted = ~np.isfinite(array), "finite numbers"
            if name == "cost":
                wrong, wanted = wrong | (array < 0.0), "finite numbers, zero or more"
            if wrong.any():
                row, column = (int(place) for place in np.argwhere(wrong)[0])
                msg = f"{self.name}: {name}[{row}, {column}] is {array[row, column]}; expected {wanted}"
                raise DataError(msg)

    def utility(self, cost_weight: float) -> FloatArray:
        """Return reward - cost_weight * cost, clipped to [0, 1].

        Parameters
        ----------
        cost_weight : float
            What one USD weighs against a reward of one; finite and not below zero.

        Returns
        -------
        ndarray of float64, shape (n, K)
            Utility of each arm on each request.

        Raises
        ------
        ConfigurationError
            If `cost_weight` is negative or not finite.
        """
        if not 0.0 <= cost_weight < np.inf:
            msg = f"the cost weight is {cost_weight!r}; expected a finite number, zero or more"
            raise ConfigurationError(msg)
        # A cost that outweighs every float is a utility of zero, as any other that outweighs its reward.
        with np.errstate(over="ignore"):
            return np.clip(self.reward - cost_weight * self.cost, 0.0, 1.0)


def bundled() -> Feedback:
    """Return the data that comes with armwise: 1,785 prompts, each answered by three language models.

    Examples
    --------
    >>> data = bundled()
    >>> data.context.shape, data.arms[0]
    ((1785, 24), 'google/gemini-2.5-pro')
    """
    with importlib.resources.as_file(importlib.resources.files("armwise.data") / "llm_routing.npz") as path:
        return read_npz(path)


def read_npz(path: str | os.PathLike[str]) -> Feedback:
    """Read an archive with arrays ``context`` (n, d), ``reward`` and ``cost`` (n, K), and ``arms`` (K,).

    Parameters
    ----------
    path : str or path-like
        A NumPy archive. Nothing in it is unpickled.

    Returns
    -------
    Feedback
        What it holds; numbers become float64, other arrays are left aside.

    Raises
    ------
    StoreError
        If the file cannot be opened.
    DataError
        If it is not such an archive.
    """
    path = Path(path)
    try:
        arrays = _arrays(path)
    except DataError:
        raise
    except _DAMAGED as error:
        msg = f"{path}: not a readable .npz archive ({_first_line(error)})"
        raise DataError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error}); expected an .npz archive"
        raise StoreError(msg) from error
    arms = arrays["arms"]
    if arms.ndim != 1 or arms.dtype.kind != "U":
        msg = f"{path}: arms is an array of {arms.dtype}, shape {arms.shape}; expected one dimension of strings"
        raise DataError(msg)
    return Feedback(
        name=path.name,
        arms=tuple(str(arm) for arm in arms),
        context=_numbers(path, "context", arrays["context"]),
        reward=_numbers(path, "reward", arrays["reward"]),
        cost=_numbers(path, "cost", arrays["cost"]),
    )


def read_csv(
    path: str | os.PathLike[str],
    *,
    reward_columns: Sequence[str],
    cost_columns: Sequence[str] = (),
    context_columns: Sequence[str] = (),
) -> Feedback:
    """Read a CSV of one row a request and one reward column an arm, named as the arm shall be.

    Parameters
    ----------
    path : str or path-like
        UTF-8 text with a header line.
    reward_columns : sequence of str
        The column of each arm's reward.
    cost_columns : sequence of str
        The column of each arm's cost, in the same order; none where nothing costs anything.
    context_columns : sequence of str
        The columns of the features; none where there are none.

    Returns
    -------
    Feedback
        What the rows hold.

    Raises
    ------
    ConfigurationError
        If the columns named cannot be meant.
    StoreError
        If the file cannot be opened.
    DataError
        If a column is missing, a field is not a finite number, or a cost is below zero.
    """
    if cost_columns and len(cost_columns) != len(reward_columns):
        msg = (
            f"{len(reward_columns)} reward columns and {len(cost_columns)} cost columns;"
            " expected one cost column for each reward column, in the same order, or none"
        )
        raise ConfigurationError(msg)
    path = Path(path)
    columns = read_columns(path, [*context_columns, *reward_columns, *cost_columns])
    reward = columns.numbers(reward_columns)
    cost = columns.numbers(cost_columns, least=0.0) if cost_columns else np.zeros_like(reward)
    return Feedback(path.name, tuple(reward_columns), columns.numbers(context_columns), reward, cost)


def read_long_csv(
    path: str | os.PathLike[str],
    *,
    request_column: str,
    arm_column: str,
    reward_column: str,
    cost_column: str | None = None,
    context_columns: Sequence[str] = (),
) -> Feedback:
    """Read a CSV of one row for each pair of a request and an arm, in any order.

    Requests and arms are numbered as they first appear.

    Parameters
    ----------
    path : str or path-like
        UTF-8 text with a header line.
    request_column, arm_column : str
        The columns that tell requests and arms apart.
    reward_column : str
        The column of the reward.
    cost_column : str, optional
        The column of the cost; none where nothing costs anything.
    context_columns : sequence of str
        The columns of the features, the same in every row of a request; none where there are none.

    Returns
    -------
    Feedback
        What the rows hold.

    Raises
    ------
    StoreError
        If the file cannot be opened.
    DataError
        If a column is missing, a name is empty, a field is not a finite number, a cost is below zero, a pair is
        missing or stands there twice, or the rows of a request differ in a feature.
    """
    path = Path(path)
    priced = [] if cost_column is None else [cost_column]
    columns = read_columns(path, [request_column, arm_column, reward_column, *priced, *context_columns])
    requests, request = _numbered(columns.names(request_column))
    arms, arm = _numbered(columns.names(arm_column))
    reward, cost = columns.numbers([reward_column])[:, 0], columns.numbers(priced, least=0.0)
    features = columns.numbers(context_columns)
    _expect_each_pair_once(columns, (requests, request), (arms, arm))
    row = np.empty((len(requests), len(arms)), np.int64)
    row[request, arm] = np.arange(len(request))
    context = features[row[:, 0]] if len(arms) else features
    if (differing := np.argwhere(features != context[request])).size:
        at, place = (int(index) for index in differing[0])
        other, column = int(row[request[at], 0]), context_columns[place]
        given, before = columns.fields[column][at], columns.fields[column][other]
        msg = f"{columns.at(at)}: {column} is {given!r}; {columns.at(other)}, of the same request, has {before!r}"
        raise DataError(msg)
    return Feedback(path.name, tuple(arms), context, reward[row], cost[row, 0] if priced else np.zeros(row.shape))


def _numbered(names: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the different names as they first appear, and the number of each name among them."""
    numbers: dict[str, int] = {}
    found = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)
    return list(numbers), found


def _expect_each_pair_once(
    columns: Columns,
    requests: tuple[Sequence[str], NDArray[np.int64]],
    arms: tuple[Sequence[str], NDArray[np.int64]],
) -> None:
    """Refuse a pair that stands there twice, and then one that is missing; no table is made before."""
    seen: dict[tuple[int, int], int] = {}
    for row, pair in enumerate(zip(requests[1].tolist(), arms[1].tolist(), strict=True)):
        if (before := seen.setdefault(pair, row)) != row:
            named = f"request {requests[0][pair[0]]!r} and arm {arms[0][pair[1]]!r}"
            msg = f"{columns.at(row)}: {named} stand in {columns.at(before)} too; expected one row for each pair"
            raise DataError(msg)
    missing = len(requests[0]) * len(arms[0]) - len(seen)
    if missing:
        request = int(np.bincount(requests[1]).argmin())
        arm = next(arm for arm in range(len(arms[0])) if (request, arm) not in seen)
        first = columns.at(int((requests[1] == request).argmax()))
        msg = (
            f"{first}: request {requests[0][request]!r} has no row for arm {arms[0][arm]!r} (pairs missing:"
            f" {missing}); expected one row for each pair of a request and an arm"
        )
        raise DataError(msg)


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of an archive that make feedback."""
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            msg = f"{path}: holds a single array; expected an .npz archive with {', '.join(_ARRAYS)}"
            raise DataError(msg)
        with archive:
            for name in _ARRAYS:
                if name not in archive.files:
                    found = ", ".join(archive.files) or "nothing"
                    msg = f"{path}: no array {name!r}; expected {', '.join(_ARRAYS)}; found {found}"
                    raise DataError(msg)
            return {name: _array(path, name, archive[name]) for name in _ARRAYS}


def _array(path: Path, name: str, entry: object) -> NDArray[np.generic]:
    """Return an entry of an archive; NumPy hands out one that is no array as bytes."""
    if isinstance(entry, np.ndarray):
        return entry
    msg = f"{path}: the entry {name!r} is not an array; expected {', '.join(_ARRAYS)}"
    raise DataError(msg)


def _numbers(path: Path, name: str, array: NDArray[np.generic]) -> FloatArray:
    """Return an array of real numbers as float64."""
    if array.dtype.kind not in "fiu":
        msg = f"{path}: {name} is an array of {array.dtype}; expected real numbers"
        raise DataError(msg)
    with np.errstate(over="ignore"):  # an infinity is refused by its place later
        return array.astype(np.float64)


def _is_unicode(name: str) -> bool:
    """Whether a name can be written anywhere: a half of a surrogate pair has no place in UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its name where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
