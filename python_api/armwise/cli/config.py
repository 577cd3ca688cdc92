"""``armwise config``: the commands around a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from armwise.cli._console import output, shown

__all__ = ["config"]

config = typer.Typer(name="config", help="Check the settings of a learning engine.", add_completion=False)


@config.callback()
def _group() -> None:
    """Keep ``check`` a command of its own, though it is the only one."""


@config.command()
def check(file: Annotated[Path, typer.Argument(help="The settings, such as armwise.yaml.")]) -> None:
    """Say whether an engine can be made of a configuration; nothing is opened or written."""
    from armwise.learning import check_config  # noqa: PLC0415 - heavier than the other commands need

    settings = check_config(file)
    counts = f"domains: {len(settings.domains)}, experiments: {len(settings.experiments)}"
    output().print(shown(f"{file}: an engine can be made of it; {counts}"), soft_wrap=True)
