"""``armwise status``: what engines saved, as tables or as JSON, once or again and again."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Final, NoReturn, cast

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from armwise.cli._console import kernels_in_use, new_table, output, print_json, shown, warn
from armwise.cli.snapshot import StateFolder, TenantName, WorkspaceName
from armwise.errors import ConfigurationError
from armwise.learning import Flags
from armwise.runners.engine_state import Saved, look
from armwise.stores import StateDirectory
from armwise.types import JSON, Label, State

__all__ = ["status"]

_EVERY: Final = 1.0
"""Seconds between two looks."""


def status(
    *,
    tenant: TenantName = "default",
    workspace: WorkspaceName = "main",
    state_dir: StateFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again each second, until interrupted.")] = False,
) -> None:
    """Show the arms of every domain as they were saved last, the flags, and what computes."""
    if as_json and watch:
        msg = "--json and --watch are both given; JSON is printed once: leave one of them out"
        raise ConfigurationError(msg)
    files = StateDirectory(state_dir).workspace(tenant, workspace)
    flags = Flags.from_environment()
    if as_json:
        print_json({"tenant": tenant, "workspace": workspace, "path": str(files.path), **_plain(look(files, flags))})
        return
    console = output()
    title = f"{tenant}/{workspace}: {files.path}"
    if not watch:
        saved = look(files, flags)
        for note in saved.notes:
            warn(note)
        console.print(_tables(title, saved), soft_wrap=True)
        return
    with suppress(KeyboardInterrupt):
        if console.is_terminal:
            with Live(console=console, auto_refresh=False) as live:
                _watch(lambda: live.update(_tables(title, look(files, flags)), refresh=True))
        else:
            _watch(lambda: _print_block(console, _tables(title, look(files, flags))))


def _watch(show: Callable[[], None]) -> NoReturn:
    """Show what there is each second, until that is interrupted."""
    while True:
        show()
        threading.Event().wait(_EVERY)


def _print_block(console: Console, tables: Group) -> None:
    """Print one look: what reads it has all of it at once, and a reader that went away is noticed."""
    console.print(tables, soft_wrap=True)
    sys.stdout.flush()


def _plain(saved: Saved) -> dict[str, JSON]:
    """What was saved as plain JSON: arms under their labels as text."""
    return {
        "created_at": None if saved.created_at is None else saved.created_at.isoformat(),
        "domains": {name: {**domain, "arms": _by_name(_arms(domain))} for name, domain in saved.domains.items()},
        "flags": dict(saved.flags),
        "kernels": dict(kernels_in_use()),
        "notes": list(saved.notes),
    }


def _by_name(arms: dict[Label, State]) -> dict[str, JSON]:
    """Arms under names: their labels as text, as Python writes them where two would read alike."""
    names = [str(arm) for arm in arms]
    if len(set(names)) < len(names):
        names = [repr(arm) for arm in arms]
    return dict(zip(names, arms.values(), strict=True))


def _arms(domain: State) -> dict[Label, State]:
    return cast("dict[Label, State]", domain["arms"])


def _tables(title: str, saved: Saved) -> Group:
    when = "nothing was saved yet" if saved.created_at is None else f"saved {saved.created_at:%Y-%m-%d %H:%M:%S} UTC"
    parts: list[RenderableType] = [Text(shown(f"{title}, {when}"))]
    for name, domain in saved.domains.items():
        phase = domain["phase"] if domain["serving"] != "off" else f"{domain['phase']}, switched off"
        table = new_table(shown(f"{name}: {domain['policy']}, {phase}"), "arm", "mean q", "n", "propensity")
        for arm, figures in _arms(domain).items():
            table.add_row(shown(arm), _figure(figures["q"]), f"{figures['n']:,}", _figure(figures["propensity"]))
        parts.append(table)
    flags = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in saved.flags.items())
    kernels = ", ".join(f"{what} {which}" for what, which in kernels_in_use().items())
    parts += [Text(shown(note)) for note in saved.notes]
    return Group(*parts, Text(shown(f"flags: {flags}")), Text(f"kernels: {kernels}"))


def _figure(value: JSON) -> str:
    return f"{value:.4f}" if isinstance(value, float) else ""
