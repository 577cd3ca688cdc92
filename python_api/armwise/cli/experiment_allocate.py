"""``armwise experiment allocate``: which variant each key falls into.

What a shell hands over is checked here, so that errors speak of options and lines, not of Python's types.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import numpy as np
import typer

from armwise._words import has_utf8
from armwise._words import shown as quoted
from armwise.cli._console import print_json, shown, warn
from armwise.cli._weights import parse_number, parse_weights
from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.experiments import Allocator
from armwise.experiments.allocation.dialects import DIALECTS

__all__ = ["allocate"]

_BATCH: Final = 8192
_WHOLE: Final = re.compile("-?[0-9]{1,20}")
_WIDEST: Final = 1 << 63

Line: TypeAlias = tuple[str, str]
"""A key as it was written, and where it stood."""


def allocate(  # noqa: PLR0913 - one argument for each option
    experiment: Annotated[
        str, typer.Argument(help="An experiment's id, with --variant; or a file with an allocator's table.")
    ],
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Who is allocated; without any, the lines of standard input that are not blank."),
    ] = None,
    *,
    variant: Annotated[
        list[str] | None, typer.Option(metavar="NAME=WEIGHT", help="A variant and its weight; once for each.")
    ] = None,
    coverage: Annotated[
        str | None, typer.Option(help="The share of the traffic that takes part: 1 by default.")
    ] = None,
    salt: Annotated[str | None, typer.Option(help="The seed salt: none by default.")] = None,
    dialect: Annotated[str | None, typer.Option(help="Allocate as another system does: growthbook_v2, ...")] = None,
    integers: Annotated[bool, typer.Option(help="Keys are integers: 7 is another key than the text 7.")] = False,
    counts: Annotated[bool, typer.Option(help="Print how many keys each variant has.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: an object a line, or one of --counts.")] = False,
) -> None:
    """Print each key, a tab and its variant, which is empty outside the experiment."""
    given = {"variant": variant or None, "coverage": coverage, "salt": salt, "dialect": dialect}
    allocator = _allocator(experiment, given)
    found: dict[str | None, int] = dict.fromkeys((*allocator.variants, None), 0)
    lines = _arguments(keys) if keys else _lines()
    while read := list(islice(lines, _BATCH)):
        batch = [key for key, _ in read]
        codes = allocator.allocate_many([_integer(*line) for line in read] if integers else batch)
        names = [None if code < 0 else allocator.variants[code] for code in codes.tolist()]
        if counts:
            for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
                found[None if code < 0 else allocator.variants[code]] += int(count)
        else:
            sys.stdout.writelines(_rows(batch, names, as_json=as_json))
    if counts:
        _print_counts(found, as_json=as_json)


def _allocator(experiment: str, options: dict[str, list[str] | str | None]) -> Allocator:
    """The allocator of a table's file, or of the options."""
    path = Path(experiment)
    weights = options["variant"]
    if path.is_file() and not weights:
        if more := [f"--{name}" for name, value in options.items() if value is not None]:
            msg = f"{path} is a table, which says everything; leave out {', '.join(more)}"
            raise ConfigurationError(msg)
        return _from_table(path)
    if not isinstance(weights, list):
        msg = f"{experiment!r} is no file; give an allocator's table, or an experiment's id and --variant NAME=WEIGHT"
        raise ConfigurationError(msg)
    salt, dialect = str(options["salt"] or ""), options["dialect"]
    for what, text in (("the experiment", experiment), ("--salt", salt), *(("--variant", entry) for entry in weights)):
        if not has_utf8(text):
            msg = f"{what} is {quoted(text)}, which is no UTF-8; write it in UTF-8"
            raise ConfigurationError(msg)
    if dialect is not None and dialect not in DIALECTS:
        msg = f"--dialect is {quoted(dialect)}; expected one of {', '.join(DIALECTS)}; leave it out for armwise's own"
        raise ConfigurationError(msg)
    coverage = parse_number("--coverage", "1" if options["coverage"] is None else str(options["coverage"]))
    if not 0 <= coverage <= 1:
        msg = f"--coverage is {quoted(options['coverage'])}; expected a share from 0 to 1, such as 0.1 or 1/10"
        raise ConfigurationError(msg)
    return Allocator(
        experiment,
        parse_weights("--variant", weights),
        seed_salt=salt,
        coverage=coverage,
        dialect=None if dialect is None else str(dialect),
    )


def _from_table(path: Path) -> Allocator:
    try:
        state: object = json.loads(path.read_bytes())
        if not isinstance(state, dict):
            msg = "it is no JSON object"
            raise SnapshotError(msg)
        return Allocator.from_state(state)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror or error})"
        raise StoreError(msg) from error
    except (ValueError, RecursionError) as error:
        msg = f"{path} is no table of an allocator ({error}); expected the JSON of its state_dict()"
        raise SnapshotError(msg) from error


def _arguments(keys: Iterable[str]) -> Iterator[Line]:
    for key in keys:
        # What is no UTF-8 comes from a shell as lone surrogates.
        if not has_utf8(key):
            msg = f"key {quoted(key)} is no UTF-8; write it in UTF-8"
            raise ConfigurationError(msg)
        yield key, "among the arguments"


def _lines() -> Iterator[Line]:
    """The lines of standard input, which is UTF-8 whatever the locale says; how many were blank is told at the end."""
    # None where it was closed (`<&-`), which the stubs do not know.
    if getattr(sys, "stdin", None) is None:
        msg = "standard input is closed; give keys as arguments, or one a line on standard input"
        raise ConfigurationError(msg)
    blank: list[int] = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            key = line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            msg = f"line {number} of standard input is no UTF-8 ({error.reason}); expected one key a line"
            raise ConfigurationError(msg) from None
        if key and not key.isspace():
            yield key, f"on line {number} of standard input"
        elif blank:
            blank[1] += 1
        else:
            blank = [number, 1]
    if blank:
        first, count = blank
        warn(f"skipped {count} blank line{'s' * (count > 1)} of standard input, the first of them line {first}")


def _integer(key: str, where: str) -> int:
    """A whole number of digits alone: who writes 1_000 or " 1" elsewhere is another user there."""
    if _WHOLE.fullmatch(key) is None or not -_WIDEST <= int(key) < _WIDEST:
        msg = (
            f"key {quoted(key)} {where} is no integer; with --integers, expected digits alone, or - and digits, of a "
            "number of 64 bits; without it, keys are text"
        )
        raise ConfigurationError(msg)
    return int(key)


def _rows(keys: Sequence[str], names: Iterable[str | None], *, as_json: bool) -> Iterator[str]:
    # To a file or a pipe keys go as they came; a terminal would obey what does not print.
    text = shown if sys.stdout.isatty() else str
    for key, name in zip(keys, names, strict=True):
        yield (json.dumps({"key": key, "variant": name}) if as_json else f"{text(key)}\t{text(name or '')}") + "\n"


def _print_counts(found: dict[str | None, int], *, as_json: bool) -> None:
    if as_json:
        variants = {name: count for name, count in found.items() if name is not None}
        print_json({"variants": variants, "outside": found[None], "keys": sum(found.values())})
        return
    text = shown if sys.stdout.isatty() else str
    sys.stdout.writelines(
        f"{text(name or '')}\t{count}\n" for name, count in found.items() if name is not None or count
    )
