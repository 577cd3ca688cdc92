"""``armwise experiment allocate``: which variant each key falls into."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from armwise.cli._console import print_json, shown
from armwise.cli._weights import parse_number, parse_weights
from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.experiments import Allocator

__all__ = ["allocate"]

_BATCH: Final = 8192


def allocate(  # noqa: PLR0913 - one argument for each option
    experiment: Annotated[
        str, typer.Argument(help="An experiment's id, with --variant; or a file with an allocator's table.")
    ],
    keys: Annotated[
        list[str] | None, typer.Argument(help="Who is allocated; without any, the lines of standard input.")
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
    texts = iter(keys) if keys else _lines()
    while batch := list(islice(texts, _BATCH)):
        codes = allocator.allocate_many([_integer(key) for key in batch] if integers else batch)
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
    coverage, salt, dialect = options["coverage"], options["salt"], options["dialect"]
    return Allocator(
        experiment,
        parse_weights("--variant", weights),
        seed_salt=str(salt or ""),
        coverage=1 if coverage is None else parse_number("--coverage", str(coverage)),
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


def _lines() -> Iterator[str]:
    """The lines of standard input, which is UTF-8 whatever the locale says."""
    # None where it was closed (`<&-`), which the stubs do not know.
    if getattr(sys, "stdin", None) is None:
        msg = "standard input is closed; give keys as arguments, or one a line on standard input"
        raise ConfigurationError(msg)
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except UnicodeDecodeError as error:
            msg = f"line {number} of standard input is no UTF-8 ({error.reason}); expected one key a line"
            raise ConfigurationError(msg) from None


def _integer(key: str) -> int:
    try:
        return int(key)
    except ValueError:
        msg = f"key is {key!r}; with --integers, expected whole numbers"
        raise ConfigurationError(msg) from None


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
