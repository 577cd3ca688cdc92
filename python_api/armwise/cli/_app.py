"""The application that the subcommands hang on, and its entry point."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import typer

from armwise.cli._console import open_streams, warn
from armwise.cli.config import config
from armwise.cli.demo import demo
from armwise.cli.experiment import experiment
from armwise.cli.replay import replay
from armwise.cli.snapshot import snapshot
from armwise.cli.status import status
from armwise.errors import ArmwiseError

__all__ = ["FAILED", "app", "main", "rl_snapshot"]

FAILED: Final = 1
"""The exit code of whatever went wrong: 2 and 3 say more of experiments and snapshots, and no other error looks so."""

app = typer.Typer(
    name="armwise",
    help="Decide which arm to choose, learn from what comes back, and replay every decision.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)
app.command()(replay)
app.command()(status)
app.add_typer(config)
app.add_typer(experiment)
app.add_typer(snapshot)

# Typer keeps the base of its usage errors to itself, and left alone exits with 2 on them.
_UsageError: Final[type[Exception]] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the program's name; those of this process by default.

    Raises
    ------
    SystemExit
        Always. The code is 0 where the work was done, 2 or 3 where a report's verdict is hold or stop, 2 where what was
        given is not a snapshot, and 1 for everything else, be it a log that cannot be read, an option that does not
        exist, or a reader of the output that went away.
    """
    _run(app, "armwise", arguments)


def rl_snapshot(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run ``armwise snapshot`` under the name ``rl_snapshot``.

    Parameters and exit codes are those of :func:`main`.

    Raises
    ------
    SystemExit
        Always.
    """
    _run(snapshot, "rl_snapshot", arguments)


def _run(commands: typer.Typer, name: str, arguments: Sequence[str] | None) -> NoReturn:
    open_streams()
    try:
        code = commands(None if arguments is None else list(arguments), prog_name=name, standalone_mode=False)
        sys.stdout.flush()
    except (ArmwiseError, typer.Abort, _UsageError) as error:
        warn(_words(error))
    except BrokenPipeError:
        # `| head` has what it wanted. What is still buffered must not be written when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        warn(f"cannot write the output ({error.strerror or error})")
    else:
        sys.exit(code if isinstance(code, int) else 0)
    sys.exit(FAILED)


def _words(error: BaseException) -> str:
    """What an error says, in one line."""
    if isinstance(error, typer.Abort):
        return "aborted"
    said = getattr(error, "format_message", error.__str__)
    command = getattr(getattr(error, "ctx", None), "command_path", None)
    hint = f" (see {command} --help)" if command else ""
    return " ".join(str(said()).split()) + hint
