"""How the commands speak: results to standard output, progress and warnings to standard error."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import armwise_kernels
from armwise.errors import BackendUnavailable
from armwise.telemetry.log import TornLine
from armwise.types import JSON

__all__ = [
    "kernels_in_use",
    "new_table",
    "open_streams",
    "output",
    "print_json",
    "progress_bar",
    "short_names",
    "shown",
    "warn",
    "warn_of_torn",
]

_WIDTH = 110
_OF_A_HUB = re.compile(r"[\w.-]+/([\w.:@-]+)")


def open_streams() -> None:
    """Make standard output and error take every text, so that no name from elsewhere ends a command halfway.

    What an encoding lacks is written as an escape. A stream that was closed (``>&-``) takes everything and keeps
    nothing.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors="backslashreplace"))  # noqa: PTH123, SIM115 - until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def kernels_in_use() -> dict[str, str]:
    """Return the ``backend`` and the instruction set (``isa``) that serve this process.

    Raises
    ------
    BackendUnavailable
        If the one that the environment asks for cannot be had.
    """
    try:
        described = armwise_kernels.describe()
    except (ImportError, ValueError) as error:
        raise BackendUnavailable(str(error)) from error
    return {"backend": described["backend"], "isa": described["isa"]}


def output() -> Console:
    """Return the console for results; where it is no terminal, lines are as wide as the tables need."""
    return Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False, markup=False, emoji=False)


def new_table(title: str, subject: str, *figures: str) -> Table:
    """Return an empty table: a column for what each row is about, then columns of figures."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    table.add_column(subject, no_wrap=True)
    for column in figures:
        table.add_column(column, justify="right")
    return table


def shown(text: object) -> str:
    r"""Return text from elsewhere (a label, a path) as a terminal may have it: what does not print is escaped.

    Examples
    --------
    >>> shown("\x1b[31mred")
    '\\x1b[31mred'
    """
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in str(text)
    )


def short_names(arms: Sequence[str]) -> list[str]:
    """Return arms as heads of columns: the models of a hub without their owners, where that tells them apart."""
    models = [match[1] for arm in arms if (match := _OF_A_HUB.fullmatch(arm))]
    return models if len(set(models)) == len(arms) else [shown(arm) for arm in arms]


def warn(text: str) -> None:
    """Print one line to standard error."""
    print("armwise:", shown(text), file=sys.stderr)  # noqa: T201 - a command speaks


def warn_of_torn(torn: Sequence[TornLine]) -> None:
    """Tell of the half lines that a log ended in."""
    for line in torn:
        warn(f"{line.path}:{line.line}: half a line, as a killed process leaves it, was left aside")


def print_json(value: JSON) -> None:
    """Print one value as strict JSON."""
    print(json.dumps(value, allow_nan=False, indent=2))  # noqa: T201 - a command speaks


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Callable[[int, str], None]]:
    """Show a bar on standard error while the work is done.

    Parameters
    ----------
    what : str
        What is being done.
    total : int or None
        Number of steps, where it is known.

    Yields
    ------
    callable
        Takes the number of steps done and a word on them.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda steps, word: bar.update(task, advance=steps, description=f"{what}: {word}" if word else what)
