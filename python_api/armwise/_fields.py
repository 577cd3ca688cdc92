"""A saved state, read with suspicion: every field is checked before the first one is used."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, NoReturn, TypeAlias, cast

import numpy as np

from armwise._words import shown
from armwise.errors import SnapshotError
from armwise.types import FloatArray

__all__ = ["INT64", "Fields", "Loaded", "NewerVersion"]

Loaded: TypeAlias = Mapping[str, object]
"""A JSON object as it was read: nothing is known yet of what it holds."""

INT64: Final = (1 << 63) - 1
COUNTS: Final = 1 << 62
"""Counters go on from what is loaded: half of what they can hold stays free."""

_ADVICE: Final = "restore another snapshot or start afresh; nothing was changed"


class NewerVersion(SnapshotError):
    """A state that a later armwise wrote: whoever loads several of them skips it and says so.

    Parameters
    ----------
    found : int
        The version of the state.
    known : int
        The latest version that can be read here.
    what : str
        What it is a version of.
    """

    def __init__(self, found: int, known: int, what: str = "state") -> None:
        super().__init__(
            f"the {what} has version {shown(found)}, this armwise reads up to {known}; upgrade armwise, "
            "or restore a snapshot that this version wrote; nothing was changed"
        )
        self.found = found
        self.known = known


class Fields:
    """The fields of a JSON object, each taken as what it must be or refused.

    Parameters
    ----------
    values : object
        What was read.
    where : str
        How the object is called in an error.
    legacy : bool
        The state is older than the version field: what it does not say is taken from `absent`.
    """

    def __init__(self, values: object, where: str = "state", *, legacy: bool = False) -> None:
        if not isinstance(values, Mapping):
            raise SnapshotError(_message(where, values, "a JSON object"))
        self._values: Mapping[object, object] = values
        self._where = where
        self.legacy = legacy

    def says(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._values.get(name) is not None

    def refuse(self, name: str, expected: str) -> NoReturn:
        """Say that a field is not what was expected.

        Raises
        ------
        SnapshotError
            Always.
        """
        raise SnapshotError(_message(self._name(name), self._values.get(name), expected))

    def version(self, known: int, name: str = "version") -> int:
        """The version that the object says it has, in [1, `known`].

        Raises
        ------
        NewerVersion
            If it is above.
        SnapshotError
            If it is none.
        """
        found = self._value(name)
        if isinstance(found, int) and not isinstance(found, bool) and found > known:
            raise NewerVersion(found, known, self._where)
        return self.whole(name, 1)

    def fields(self, name: str) -> Fields:
        """An object within the object."""
        return Fields(self._value(name), self._name(name), legacy=self.legacy)

    def mapping(self, name: str) -> Loaded:
        """An object within the object, as it stands."""
        value = self._value(name)
        if not isinstance(value, Mapping):
            self.refuse(name, "a JSON object")
        return value

    def text(self, name: str) -> str:
        """A string."""
        value = self._value(name)
        if not isinstance(value, str):
            self.refuse(name, "a string")
        return value

    def truth(self, name: str) -> bool:
        """True or false."""
        value = self._value(name)
        if not isinstance(value, bool):
            self.refuse(name, "true or false")
        return value

    def whole(self, name: str, low: int = 0, high: int = COUNTS, *, absent: int | None = None) -> int:
        """A whole number in [low, high]; `absent` where an old state does not say."""
        if absent is not None and self.legacy and name not in self._values:
            return absent
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(name, f"a whole number in [{low}, {high}]")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """A number in [low, high]."""
        value = self._value(name)
        number = math.nan
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            with suppress(OverflowError):
                number = float(value)
        # An infinity is no number, whatever the range.
        if not low <= number <= high or math.isinf(number):
            self.refuse(name, f"a number in [{low:g}, {high:g}]")
        return number

    def items(self, name: str) -> Sequence[object]:
        """A list of anything."""
        value = self._value(name)
        if not isinstance(value, (list, tuple)):
            self.refuse(name, "a list")
        return value

    def wholes(self, name: str, count: int | None, low: int, high: int, *, rising: bool = False) -> list[int]:
        """A list of `count` whole numbers in [low, high]; each above the one before it where `rising`."""
        values = self.items(name)
        if count is not None and len(values) != count:
            self.refuse(name, f"{count} whole numbers")
        checked = cast("list[int]", list(values)) if _are(int, values) else []
        if rising and not all(map(operator.lt, checked, checked[1:])):
            self.refuse(name, "whole numbers in rising order, none twice")
        ends = [checked[0], checked[-1]] if rising and checked else checked
        if len(checked) < len(values) or (ends and not low <= min(ends) <= max(ends) <= high):
            self.refuse(name, f"whole numbers in [{low}, {high}]")
        return checked

    def numbers(self, name: str, shape: tuple[int, ...], low: float, high: float) -> FloatArray:
        """An array of numbers in [low, high], given as lists nested to `shape`; float64."""
        return self.numbers_of(name, self.items(name), shape, low, high)

    def numbers_of(
        self, name: str, values: Sequence[object], shape: tuple[int, ...], low: float, high: float
    ) -> FloatArray:
        """Check `values`, which stand in the field `name`, as :meth:`numbers` does."""
        expected = f"numbers in [{low:g}, {high:g}], shape {shape}"
        try:
            flat = np.array(_leaves(values, shape), dtype=np.float64)
        except (TypeError, ValueError, OverflowError):
            flat = np.array([math.nan])
        # NaN is the least of what it stands among, and an infinity is no number, whatever the range.
        if flat.size and not (low <= flat.min() and flat.max() <= high and np.isfinite(flat).all()):
            self.refuse(name, expected)
        return flat.reshape(shape)

    def _value(self, name: str) -> object:
        if name not in self._values:
            msg = f"{self._name(name)} is missing, the state is truncated; {_ADVICE}"
            raise SnapshotError(msg)
        return self._values[name]

    def _name(self, name: str) -> str:
        return f"{self._where}[{name!r}]"


def _leaves(values: object, shape: tuple[int, ...]) -> Sequence[object]:
    """The numbers of a nested list, refused where it is not nested to the shape or holds anything else."""
    level: Sequence[object] = [values]
    for length in shape:
        if not all(isinstance(inner, (list, tuple)) and len(inner) == length for inner in level):
            raise ValueError
        lists = cast("Sequence[Sequence[object]]", level)
        level = lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))
    if not _are((int, float), level):
        raise TypeError
    return level


def _are(kinds: type | tuple[type, ...], values: Sequence[object]) -> bool:
    """Whether all are numbers of these kinds: of a million numbers the types are few."""
    return all(issubclass(kind, kinds) and kind is not bool for kind in set(map(type, values)))


def _message(name: str, value: object, expected: str) -> str:
    return f"{name} is {shown(value)}; expected {expected}; {_ADVICE}"
