"""A saved state, read with suspicion: every field is checked before the first one is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NoReturn, TypeAlias

import numpy as np

from armwise._words import shown
from armwise.errors import SnapshotError
from armwise.types import FloatArray

__all__ = ["INT64", "Fields", "Loaded"]

Loaded: TypeAlias = Mapping[str, object]
"""A JSON object as it was read: nothing is known yet of what it holds."""

INT64: Final = (1 << 63) - 1
COUNTS: Final = 1 << 62
"""Counters go on from what is loaded: half of what they can hold stays free."""

_ADVICE: Final = "restore another snapshot or start afresh; nothing was changed"


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
        return float(self.numbers_of(name, [self._value(name)], (1,), low, high)[0])

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
        checked: list[int] = []
        for value in values:
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                self.refuse(name, f"whole numbers in [{low}, {high}]")
            if rising and checked and value <= checked[-1]:
                self.refuse(name, "whole numbers in rising order, none twice")
            checked.append(value)
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
            flat = [float(value) for value in _leaves(values, shape)]
        except (TypeError, ValueError, OverflowError):
            flat = [math.nan]
        if not all(low <= value <= high for value in flat):
            self.refuse(name, expected)
        return np.array(flat, dtype=np.float64).reshape(shape)

    def _value(self, name: str) -> object:
        if name not in self._values:
            msg = f"{self._name(name)} is missing, the state is truncated; {_ADVICE}"
            raise SnapshotError(msg)
        return self._values[name]

    def _name(self, name: str) -> str:
        return f"{self._where}[{name!r}]"


def _leaves(values: object, shape: tuple[int, ...]) -> Iterator[int | float]:
    """The numbers of a nested list, refused where it is not nested to the shape."""
    if not shape:
        if isinstance(values, (int, float)) and not isinstance(values, bool) and math.isfinite(values):
            yield values
            return
        raise ValueError
    if not isinstance(values, (list, tuple)) or len(values) != shape[0]:
        raise ValueError
    for value in values:
        yield from _leaves(value, shape[1:])


def _message(name: str, value: object, expected: str) -> str:
    return f"{name} is {shown(value)}; expected {expected}; {_ADVICE}"
