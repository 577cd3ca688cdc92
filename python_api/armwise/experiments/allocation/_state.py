"""An allocator as plain JSON, and back: nothing is taken that was not checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, TypeVar

from armwise._fields import INT64, Fields
from armwise.errors import ConfigurationError, SnapshotError
from armwise.experiments.allocation._config import Config, Law
from armwise.experiments.allocation._law import SPACE
from armwise.experiments.allocation._weights import exact, fraction, text, weighed
from armwise.experiments.allocation.namespaces import Namespace
from armwise.experiments.allocation.table import MAX_RANGES, OUTSIDE, Table
from armwise.types import State

__all__ = ["checked", "loaded", "saved"]

_KIND: Final = "armwise.allocator"
_FORMAT: Final = 1
_RATIONAL: Final = re.compile(r"[0-9]{1,400}(/[0-9]{1,400})?", re.ASCII)
_HEX: Final = re.compile(r"[0-9a-f]{1,17}", re.ASCII)

T = TypeVar("T")


def saved(config: Config, table: Table | None, version: int) -> State:
    """Return the state of an allocator."""
    namespace = config.namespace
    return {
        "kind": _KIND,
        "format": _FORMAT,
        "experiment_id": config.experiment_id,
        "seed_salt": config.seed_salt,
        "variants": list(config.weights),
        "weights": [str(weight) for weight in config.weights.values()],
        "coverage": str(config.coverage),
        "namespace": None
        if namespace is None
        else {"id": namespace.id, "start": str(namespace.start), "end": str(namespace.end)},
        "law": config.law,
        "dialect": config.dialect,
        "version": version,
        "table": None
        if table is None
        else {"ends": [f"{end:x}" for end, _ in table.ranges], "codes": [code for _, code in table.ranges]},
    }


def loaded(state: Mapping[str, object]) -> tuple[Config, Table | None, int]:
    """Return the config, the table and the version of a state.

    Raises
    ------
    SnapshotError
        If anything in it is missing or cannot be, or the table is not one of the weights and the coverage.
    """
    fields = Fields(state)
    if fields.text("kind") != _KIND:
        fields.refuse("kind", f"{_KIND!r}")
    if fields.whole("format", 1, INT64) > _FORMAT:
        fields.refuse("format", f"at most {_FORMAT}; upgrade armwise")
    version = fields.whole("version", 1)
    config = checked(lambda: _config(fields))
    return config, _table(fields.fields("table"), config) if config.ranged else None, version


def checked(make: Callable[[], T]) -> T:
    """Make something from a state, and blame the state where it cannot be made.

    Raises
    ------
    SnapshotError
        In the place of a ConfigurationError.
    """
    try:
        return make()
    except ConfigurationError as error:
        msg = f"the state cannot be loaded: {error}; nothing was changed"
        raise SnapshotError(msg) from None


def _config(fields: Fields) -> Config:
    names, weights = fields.items("variants"), fields.items("weights")
    if len(names) != len(weights):
        fields.refuse("weights", f"{len(names)} weights, one a variant")
    equal = weighed(list(names))
    law = fields.text("law")
    if law not in {"range", "modulo"}:
        fields.refuse("law", "'range' or 'modulo'")
    dialect = fields.text("dialect") if fields.says("dialect") else None
    namespace = None
    if fields.says("namespace"):
        given = fields.fields("namespace")
        namespace = Namespace(given.text("id"), _rational(given, "start"), _rational(given, "end"))
    values = [exact(_parsed(fields, "weights", weight), "a weight") for weight in weights]
    return Config(
        text(fields.text("experiment_id"), "experiment_id"),
        text(fields.text("seed_salt"), "seed_salt"),
        weighed(dict(zip(equal, values, strict=True))),
        fraction(_rational(fields, "coverage"), "coverage"),
        namespace,
        _law(law),
        dialect,
    )


def _law(law: str) -> Law:
    return "modulo" if law == "modulo" else "range"


def _rational(fields: Fields, name: str) -> Fraction:
    return _parsed(fields, name, fields.text(name))


def _parsed(fields: Fields, name: str, value: object) -> Fraction:
    """A fraction such as "3/10"; its digits are bounded before they are read."""
    if not isinstance(value, str) or not _RATIONAL.fullmatch(value) or re.search(r"/0+$", value):
        fields.refuse(name, "exact fractions such as '50' or '3/10'")
    return Fraction(value)


def _table(fields: Fields, config: Config) -> Table:
    """The table, which holds of each variant what its weight says, as every table does that was made here."""
    ends, codes = fields.items("ends"), fields.items("codes")
    if not 0 < len(ends) <= MAX_RANGES:
        fields.refuse("ends", f"1 to {MAX_RANGES:,} ends of ranges")
    whole = fields.wholes("codes", len(ends), OUTSIDE, len(config.weights) - 1)
    ranges: list[tuple[int, int]] = []
    before = 0
    for end, code in zip(ends, whole, strict=True):
        if not isinstance(end, str) or not _HEX.fullmatch(end) or not before < int(end, 16) <= SPACE:
            fields.refuse("ends", "rising hexadecimal numbers, the last of them 10000000000000000")
        if ranges and ranges[-1][1] == code:
            fields.refuse("codes", "another code in each range than in the one before it")
        before = int(end, 16)
        ranges.append((before, code))
    if before != SPACE:
        fields.refuse("ends", "rising hexadecimal numbers, the last of them 10000000000000000")
    table = Table(ranges)
    if table.masses() != Table.fresh(config.whole, config.coverage).masses():
        fields.refuse("codes", f"for each variant the share that its weight and the coverage say ({len(codes)} ranges)")
    return table
