"""``armwise snapshot dump`` and ``restore``, which ``rl_snapshot`` is too: saved states to a file and back.

Exit codes: 0, done; 1, a file or a domain is missing or cannot be used; 2, what was given is not a snapshot.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from armwise.cli._console import output as console
from armwise.cli._console import shown, warn
from armwise.errors import SnapshotError
from armwise.learning import TenantContext
from armwise.runners import engine_state
from armwise.runners.engine_state import Moved
from armwise.stores import StateDirectory, WorkspaceFiles

__all__ = ["NO_SNAPSHOT", "StateFolder", "TenantName", "WorkspaceName", "snapshot"]

NO_SNAPSHOT: Final = 2
"""The exit code where what was given is not a snapshot."""

_STREAM: Final = Path("-")

TenantName = Annotated[str, typer.Option(help="Whose state.")]
WorkspaceName = Annotated[str, typer.Option(help="Which of the tenant's workspaces.")]
StateFolder = Annotated[
    Path | None, typer.Option(help="The state directory; ARMWISE_STATE_DIR or the user's data folder without it.")
]
_Domains = Annotated[str | None, typer.Option(help="Only these domains, separated by commas.")]
_Verbose = Annotated[bool, typer.Option("--verbose", help="Say on standard error what each domain holds.")]

snapshot = typer.Typer(
    name="snapshot",
    help="Copy what learning engines saved to a file, and back: for a rollback, or for another machine.",
    add_completion=False,
)


@snapshot.command()
def dump(
    *,
    tenant: TenantName = "default",
    workspace: WorkspaceName = "main",
    output: Annotated[
        Path, typer.Option(help="The file to write; one that stands there is replaced. - is standard output.")
    ],
    policies: _Domains = None,
    verbose: _Verbose = False,
    state_dir: StateFolder = None,
) -> int:
    """Write what a workspace saved last to a file."""
    files = StateDirectory(state_dir).workspace(tenant, workspace)
    streams = output == _STREAM

    def work() -> Moved:
        to = sys.stdout.buffer if streams else output
        return engine_state.dump(files, TenantContext(tenant, workspace), to, _names(policies))

    say = warn if streams else _print
    return _tell(work, f"{files.path} -> {'standard output' if streams else output}", say, verbose=verbose)


@snapshot.command()
def restore(
    *,
    tenant: TenantName = "default",
    workspace: WorkspaceName = "main",
    source: Annotated[Path, typer.Option("--input", help="The snapshot.")],
    policies: _Domains = None,
    verbose: _Verbose = False,
    state_dir: StateFolder = None,
) -> int:
    """Put a snapshot's domains in the place of what a workspace saved; its other domains stay.

    Processes that learn in the workspace are to be stopped before: what they save next would take its place.
    """
    files: WorkspaceFiles = StateDirectory(state_dir).workspace(tenant, workspace)

    def work() -> Moved:
        return engine_state.restore(files, TenantContext(tenant, workspace), source, _names(policies))

    return _tell(work, f"{source} -> {files.path}", _print, verbose=verbose)


def _names(policies: str | None) -> list[str] | None:
    """Domains, as they are separated by commas."""
    return None if policies is None else [name for part in policies.split(",") if (name := part.strip())]


def _print(text: str) -> None:
    console().print(shown(text), soft_wrap=True)


def _tell(work: Callable[[], Moved], way: str, say: Callable[[str], None], *, verbose: bool) -> int:
    """Do the work, say what was done, and return the exit code."""
    try:
        moved = work()
    except SnapshotError as error:
        warn(" ".join(str(error).split()))
        return NO_SNAPSHOT
    for note in moved.notes:
        warn(note)
    if verbose:
        for name, what in moved.domains.items():
            warn(f"{name}: {what}")
    say(f"{way}: {', '.join(moved.domains) or 'no domain'}")
    return 0
