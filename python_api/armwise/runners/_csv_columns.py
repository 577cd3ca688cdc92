"""The columns of a CSV that somebody asked for, and the line that each row stands in, so that errors can name it."""

from __future__ import annotations

import _csv
import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from armwise.errors import DataError, StoreError
from armwise.types import FloatArray

__all__ = ["Columns", "read_columns"]


@dataclass(frozen=True, slots=True)
class Columns:
    """Fields as they stand in the file, by column.

    Attributes
    ----------
    path : Path
        The file.
    lines : list of int
        The line in which each row ends; 1 is the header's.
    fields : dict of str to list of str
        One field a row, for each column that was asked for.
    """

    path: Path
    lines: list[int]
    fields: dict[str, list[str]]

    def names(self, column: str) -> list[str]:
        """Return a column of names.

        Raises
        ------
        DataError
            If one is empty.
        """
        fields = self.fields[column]
        if "" in fields:
            msg = f"{self.at(fields.index(''))}: {column} is ''; expected a name"
            raise DataError(msg)
        return fields

    def numbers(self, columns: Sequence[str], *, least: float = -math.inf) -> FloatArray:
        """Return columns of numbers, float64 (rows, len(columns)), each finite and not below `least`.

        Raises
        ------
        DataError
            If a field is anything else.
        """
        table = np.empty((len(self.lines), len(columns)))
        for place, column in enumerate(columns):
            for row, field in enumerate(self.fields[column]):
                number = _number(field)
                if not least <= number < math.inf or number == -math.inf:
                    wanted = "a finite number" if least == -math.inf else f"a finite number, {least:g} or more"
                    msg = f"{self.at(row)}: {column} is {field!r}; expected {wanted}"
                    raise DataError(msg)
                table[row, place] = number
        return table

    def at(self, row: int) -> str:
        """Return where a row stands, as ``file:line``."""
        return f"{self.path}:{self.lines[row]}"


def read_columns(path: Path, wanted: Sequence[str]) -> Columns:
    """Read some columns of a CSV; the others are left aside, and so are empty lines.

    Parameters
    ----------
    path : Path
        UTF-8 text with a header line.
    wanted : sequence of str
        Names of columns.

    Returns
    -------
    Columns
        Their fields.

    Raises
    ------
    StoreError
        If the file cannot be opened.
    DataError
        If it is no CSV, a column is missing or stands there twice, or a row is longer or shorter than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, csv.reader(file, strict=True), wanted)
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{path}: not a readable CSV ({error}); expected UTF-8 text with a header line"
        raise DataError(msg) from error
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error}); expected a CSV file"
        raise StoreError(msg) from error


def _read(path: Path, rows: _csv.Reader, wanted: Sequence[str]) -> Columns:
    header = next(rows, None)
    if header is None:
        msg = f"{path}: the file is empty; expected a header line and rows below it"
        raise DataError(msg)
    for column in wanted:
        if header.count(column) != 1:
            how = "no column" if column not in header else "more than one column"
            msg = f"{path}: {how} {column!r}; the header has {', '.join(header)}"
            raise DataError(msg)
    columns = Columns(path, [], {column: [] for column in wanted})
    taken = [(fields, header.index(column)) for column, fields in columns.fields.items()]
    for row in rows:
        if not row:
            continue
        if len(row) != len(header):
            msg = f"{path}:{rows.line_num}: {len(row)} fields; expected {len(header)}, as in the header"
            raise DataError(msg)
        columns.lines.append(rows.line_num)
        for fields, place in taken:
            fields.append(row[place])
    return columns


def _number(field: str) -> float:
    if "_" in field:  # digits in groups, to float(): as literals in Python, and in no data file
        return math.nan
    try:
        return float(field)
    except ValueError:
        return math.nan
