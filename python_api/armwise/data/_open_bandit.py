"""Logs of the Open Bandit Dataset (Saito et al. 2020), those that come along and a caller's own, without pandas.

A log is a CSV, compressed or not, of one row an impression. It is read in blocks of rows, so that the whole of the
published logs takes the memory of its columns and not that of its text.
"""

from __future__ import annotations

import csv
import gzip
import importlib.resources
import io
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from armwise.errors import ConfigurationError, DataError, StoreError
from armwise.types import FloatArray, IntArray

__all__ = ["OpenBandit", "open_bandit", "read_open_bandit"]

_BLOCK: Final = 1 << 14

_COLUMNS: Final = ("timestamp", "item_id", "position", "click", "propensity")
# What the published logs call the last.
_PROPENSITY: Final = "propensity_score"

# NumPy takes more than this for a moment, and warns of some of it.
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00", re.ASCII).fullmatch

_DAMAGED: Final = (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error)


@dataclass(frozen=True, slots=True, eq=False)
class OpenBandit:
    """A log of impressions: which item stood where, with which probability, and whether it was clicked.

    Parameters
    ----------
    name : str
        ``"random"`` or ``"bts"`` for the logs that come along, the file's name for another.
    timestamp : ndarray of datetime64[us], shape (n,)
        When, in UTC.
    item : ndarray of int32, shape (n,)
        The item shown, zero or more: the arm.
    position : ndarray of int32, shape (n,)
        Where it stood, counted from 1.
    click : ndarray of int8, shape (n,)
        1 where it was clicked, else 0: the reward.
    propensity : ndarray of float64, shape (n,)
        Probability in (0, 1] with which the logging policy put this item at this position.
    """

    name: str
    timestamp: NDArray[np.datetime64]
    item: IntArray
    position: IntArray
    click: NDArray[np.int8]
    propensity: FloatArray

    def __len__(self) -> int:
        """Return the number of impressions."""
        return len(self.item)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of positions and of items, as the greatest of each tells."""
        return int(self.position.max()), int(self.item.max()) + 1


def open_bandit(policy: Literal["random", "bts"] = "random") -> OpenBandit:
    """Return a log that comes with armwise: 10,000 impressions of the campaign "all", 80 items at 3 positions.

    Parameters
    ----------
    policy : {"random", "bts"}
        Who chose the items: at random, each with probability 1/80, or Bernoulli Thompson sampling. They ran at the same
        time, on different impressions; 38 of the first were clicked and 42 of the second.

    Returns
    -------
    OpenBandit
        The log, in the order of time.

    Raises
    ------
    ConfigurationError
        If there is no such log.

    Notes
    -----
    Saito, Aihara, Matsutani & Narita (2020), arXiv:2008.07146; Apache License 2.0.

    Examples
    --------
    >>> log = open_bandit("random")
    >>> len(log), log.shape, int(log.click.sum()), float(log.propensity[0])
    (10000, (3, 80), 38, 0.0125)
    """
    if policy not in {"random", "bts"}:
        msg = f"policy is {policy!r}; expected 'random' or 'bts'"
        raise ConfigurationError(msg)
    with importlib.resources.as_file(importlib.resources.files("armwise.data") / f"obd_{policy}_all.csv.gz") as path:
        return _read(path, policy)


def read_open_bandit(path: str | os.PathLike[str]) -> OpenBandit:
    """Read a log of the shape of the Open Bandit Dataset.

    Parameters
    ----------
    path : str or path-like
        UTF-8 CSV with a header, compressed by gzip or not. Columns ``timestamp`` (UTC, as 2019-11-24
        00:00:17.004101+00:00), ``item_id``, ``position``, ``click`` and ``propensity`` or ``propensity_score``; others
        are left aside.

    Returns
    -------
    OpenBandit
        The log, in the order of the file.

    Raises
    ------
    StoreError
        If the file cannot be opened.
    DataError
        If it is no such CSV: the error names the line.
    """
    path = Path(path)
    return _read(path, path.name)


def _read(path: Path, name: str) -> OpenBandit:
    blocks: list[tuple[NDArray[np.generic], ...]] = []
    try:
        with path.open("rb") as file:
            plain = gzip.GzipFile(fileobj=file) if _is_compressed(file) else file
            with io.TextIOWrapper(plain, encoding="utf-8-sig", newline="") as text:
                blocks.extend(_blocks(path, text))
    except _DAMAGED as error:
        msg = f"{path}: cannot be read as a CSV in UTF-8, plain or compressed by gzip ({error})"
        raise DataError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error}); expected a log of the Open Bandit Dataset"
        raise StoreError(msg) from error
    if not blocks:
        msg = f"{path}: no rows below the header; expected one or more impressions"
        raise DataError(msg)
    timestamp, item, position, click, propensity = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return OpenBandit(
        name=name,
        timestamp=timestamp.astype("datetime64[us]", copy=False),
        item=item.astype(np.int32),
        position=position.astype(np.int32),
        click=click.astype(np.int8),
        propensity=propensity.astype(np.float64, copy=False),
    )


def _is_compressed(file: BinaryIO) -> bool:
    magic = file.read(2)
    file.seek(0)
    return magic == b"\x1f\x8b"


def _blocks(path: Path, text: io.TextIOWrapper) -> Iterator[tuple[NDArray[np.generic], ...]]:
    """Yield the five columns of some thousand rows after another."""
    rows = csv.reader(text, strict=True)
    header = next(rows, [])
    wanted = [*_COLUMNS[:-1], _PROPENSITY if _PROPENSITY in header else _COLUMNS[-1]]
    for name in wanted:
        if header.count(name) != 1:
            how = "no column" if name not in header else "more than one column"
            msg = f"{path}:1: {how} {name!r}; expected {', '.join(_COLUMNS)}; the header has {', '.join(header)}"
            raise DataError(msg)
    pick = itemgetter(*(header.index(name) for name in wanted))
    numbered = ((rows.line_num, row) for row in rows if row)
    while block := list(islice(numbered, _BLOCK)):
        for line, row in block:
            if len(row) != len(header):
                msg = f"{path}:{line}: {len(row)} fields; expected {len(header)}, as in the header"
                raise DataError(msg)
        fields = zip(*(pick(row) for _, row in block), strict=True)
        columns: list[NDArray[np.generic]] = []
        for name, kind, column in zip(wanted, _KINDS, fields, strict=True):
            if (values := kind.parsed(column)) is None:
                wrong = next(place for place, field in enumerate(column) if kind.parsed([field]) is None)
                msg = f"{path}:{block[wrong][0]}: {name} is {column[wrong]!r}; expected {kind.expected}"
                raise DataError(msg)
            columns.append(values)
        yield tuple(columns)


class _Kind(NamedTuple):
    """How the fields of a column become numbers; `read` raises ValueError or OverflowError for one it cannot."""

    read: Callable[[Sequence[str]], NDArray[np.generic]]
    expected: str

    def parsed(self, column: Sequence[str]) -> NDArray[np.generic] | None:
        """Return a column as an array, None if one of its fields cannot be meant."""
        try:
            return self.read(column)
        except (ValueError, OverflowError):
            return None


def _times(column: Sequence[str]) -> NDArray[np.datetime64]:
    """Return moments; NumPy knows no zones, so that of UTC is taken off first."""
    if not all(map(_MOMENT, column)):
        raise ValueError
    return np.array([field[:-6] for field in column], dtype="datetime64[us]")


def _whole(least: int, greatest: int) -> Callable[[Sequence[str]], NDArray[np.int64]]:
    def read(column: Sequence[str]) -> NDArray[np.int64]:
        values = np.array(list(map(int, column)), dtype=np.int64)
        if int(values.min()) < least or int(values.max()) > greatest:
            raise ValueError
        return values

    return read


def _probabilities(column: Sequence[str]) -> FloatArray:
    values = np.array(list(map(float, column)), dtype=np.float64)
    if not ((values > 0.0) & (values <= 1.0)).all():
        raise ValueError
    return values


# Items are counted from zero, and their number has to be one of int32 as well.
_GREATEST: Final = 2**31 - 2

_KINDS: Final = (
    _Kind(_times, "a moment in UTC, such as 2019-11-24 00:00:17.004101+00:00"),
    _Kind(_whole(0, _GREATEST), "a whole number, zero or more"),
    _Kind(_whole(1, _GREATEST), "a whole number, one or more"),
    _Kind(_whole(0, 1), "0 or 1"),
    _Kind(_probabilities, "a probability in (0, 1]"),
)
