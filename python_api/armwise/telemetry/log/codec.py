"""One record is one line: a JSON object whose ``record`` says what it is.

Numbers are finite and floats are written with as many digits as give the same float back, so that a replay
sees the very numbers that the policy saw.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Final, NoReturn, TypeGuard, cast

from armwise.errors import LogError
from armwise.telemetry.log.records import (
    FORMAT,
    VERSION,
    Checkpoint,
    DecisionRecord,
    Header,
    LoggedContext,
    Record,
    UpdateRecord,
)
from armwise.types import JSON, Label, PropensityKind, State

__all__ = ["dumps", "loads"]


def dumps(record: Header | Record) -> str:
    """Return a record as one line of strict JSON, without its newline.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    body = {field.name: getattr(record, field.name) for field in fields(record)}
    return json.dumps({"record": record.record, **body}, allow_nan=False, separators=(",", ":"))


def loads(line: str | bytes) -> Header | Record:
    """Return the record that one line holds.

    Parameters
    ----------
    line : str or bytes
        One JSON object. Fields beyond the known ones are left aside.

    Returns
    -------
    Header, Checkpoint, DecisionRecord or UpdateRecord
        The record, its fields checked.

    Raises
    ------
    LogError
        If the line is not strict JSON, in which no key stands twice in an object, or not a record of this version.

    Examples
    --------
    >>> loads('{"record":"checkpoint","time":0,"domain":"route","state":{}}')
    Checkpoint(time=0, domain='route', state={})
    """
    try:
        body: object = json.loads(line, parse_constant=_not_strict, object_pairs_hook=_each_once)
    except RecursionError:
        msg = "not a log record: nested too deeply"
        raise LogError(msg) from None
    except ValueError as error:
        msg = f"not a line of JSON ({error})"
        raise LogError(msg) from error
    known = cast("dict[str, JSON]", body) if isinstance(body, dict) else {}
    kind = known.get("record")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        msg = f"not a log record; expected an object whose 'record' is one of {', '.join(_READERS)}"
        raise LogError(msg)
    return read(_Fields(str(kind), known))


def _not_strict(constant: str) -> NoReturn:
    msg = f"{constant} is not strict JSON"
    raise ValueError(msg)


def _each_once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """Return an object; of two values under one key no reader can tell which was meant."""
    known = dict(pairs)
    if len(known) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        msg = f"the key {_shown(twice)} stands there twice"
        raise ValueError(msg)
    return known


def _shown(value: JSON) -> str:
    """Return a value as an error shows it."""
    given = repr(value)
    return given if len(given) <= 60 else given[:57] + "..."


class _Fields:
    """Typed reading of the fields of one record; a field of another type is a LogError that names it."""

    __slots__ = ("_body", "_kind")

    def __init__(self, kind: str, body: Mapping[str, JSON]) -> None:
        self._kind = kind
        self._body = body

    def raw(self, name: str) -> JSON:
        if name not in self._body:
            msg = f"the {self._kind} record has no field {name!r}"
            raise LogError(msg)
        return self._body[name]

    def refuse(self, name: str, expected: str) -> NoReturn:
        msg = f"the {self._kind} record's {name} is {_shown(self._body[name])}; expected {expected}"
        raise LogError(msg)

    def text(self, name: str) -> str:
        value = self.raw(name)
        return value if isinstance(value, str) else self.refuse(name, "a string")

    def text_or_none(self, name: str) -> str | None:
        return None if self.raw(name) is None else self.text(name)

    def count(self, name: str) -> int:
        value = self.raw(name)
        return value if _is_integer(value) and value >= 0 else self.refuse(name, "an integer, zero or more")

    def number(self, name: str) -> float:
        value = self.raw(name)
        return float(value) if _is_finite(value) else self.refuse(name, "a finite number")

    def label(self, name: str) -> Label:
        value = self.raw(name)
        return value if _is_label(value) else self.refuse(name, "a string or a finite number")

    def labels_or_none(self, name: str) -> tuple[Label, ...] | None:
        value = self.raw(name)
        if value is None:
            return None
        if isinstance(value, list) and value:
            labels = tuple(label for label in value if _is_label(label))
            if len(labels) == len(value):
                return labels
        return self.refuse(name, "a list of labels, or null")

    def context_or_none(self) -> LoggedContext | None:
        value = self.raw("context")
        if value is None:
            return None
        if isinstance(value, list):
            numbers = tuple(float(number) for number in value if _is_finite(number))
            if len(numbers) == len(value):
                return numbers
        if isinstance(value, dict):
            features = {name: feature for name, feature in value.items() if _is_label(feature)}
            if len(features) == len(value):
                return features
        return self.refuse("context", "a list of finite numbers, an object of numbers and strings, or null")

    def object(self, name: str) -> State:
        value = self.raw(name)
        return value if isinstance(value, dict) else self.refuse(name, "an object")

    def propensity(self) -> tuple[float | None, PropensityKind]:
        kind = _KINDS.get(self.text("kind"))
        if kind is None:
            return self.refuse("kind", f"one of {', '.join(_KINDS)}")
        if self.raw("propensity") is None:
            return None, kind
        return self.number("propensity"), kind


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_finite(value: object) -> TypeGuard[int | float]:
    # An integer beyond the floats has no finite value here either.
    if _is_integer(value):
        return abs(value) <= _LARGEST
    return isinstance(value, float) and math.isfinite(value)


def _is_label(value: object) -> TypeGuard[Label]:
    return isinstance(value, str) or _is_finite(value)


def _header(read: _Fields) -> Header:
    name, version = read.text("format"), read.count("version")
    if name != FORMAT:
        read.refuse("format", FORMAT)
    if version != VERSION:
        read.refuse("version", f"{VERSION}, the one that this armwise reads; a newer armwise may read it")
    return Header(name, version, read.count("part"), read.count("time"))


def _checkpoint(read: _Fields) -> Checkpoint:
    return Checkpoint(time=read.count("time"), domain=read.text("domain"), state=read.object("state"))


def _decision(read: _Fields) -> DecisionRecord:
    propensity, kind = read.propensity()
    return DecisionRecord(
        decision_id=read.text("decision_id"),
        time=read.count("time"),
        domain=read.text("domain"),
        candidates=read.labels_or_none("candidates"),
        context=read.context_or_none(),
        arm=read.label("arm"),
        propensity=propensity,
        kind=kind,
        policy_version=read.count("policy_version"),
        seed=read.count("seed"),
        stream=read.count("stream"),
        counter=read.count("counter"),
        experiment=read.text_or_none("experiment"),
        variant=read.text_or_none("variant"),
        user=read.text_or_none("user"),
    )


def _update(read: _Fields) -> UpdateRecord:
    return UpdateRecord(
        decision_id=read.text_or_none("decision_id"),
        time=read.count("time"),
        domain=read.text("domain"),
        arm=read.label("arm"),
        reward=read.number("reward"),
        learned=read.number("learned"),
        context=read.context_or_none(),
        policy_version=read.count("policy_version"),
        experiment=read.text_or_none("experiment"),
        variant=read.text_or_none("variant"),
    )


_LARGEST: Final = int(sys.float_info.max)
_KINDS: Final[dict[str, PropensityKind]] = {
    "exact": "exact",
    "monte_carlo": "monte_carlo",
    "uniform": "uniform",
    "none": "none",
}
_READERS: Final[dict[str, Callable[[_Fields], Header | Record]]] = {
    Header.record: _header,
    Checkpoint.record: _checkpoint,
    DecisionRecord.record: _decision,
    UpdateRecord.record: _update,
}
