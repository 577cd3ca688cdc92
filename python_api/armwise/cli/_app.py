"""The application that the subcommands hang on, and its entry point."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from armwise.cli.demo import demo
from armwise.cli.replay import replay
from armwise.errors import ArmwiseError

__all__ = ["app", "main"]

app = typer.Typer(
    name="armwise",
    help="Decide which arm to choose, learn from what comes back, and replay every decision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(replay)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave the process with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; those of this process by default.
    """
    try:
        app(None if arguments is None else list(arguments), prog_name="armwise")
    except ArmwiseError as error:
        print("armwise:", " ".join(str(error).split()), file=sys.stderr)  # noqa: T201 - the one place that tells
        sys.exit(2)
