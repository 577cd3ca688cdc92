"""``armwise experiment``: the commands around experiments."""

from __future__ import annotations

import typer

from armwise.cli.experiment_allocate import allocate
from armwise.cli.experiment_ope import ope
from armwise.cli.experiment_report import report
from armwise.cli.experiment_state import activate, status, stop

__all__ = ["experiment"]

experiment = typer.Typer(
    name="experiment",
    help="Divide traffic, see where experiments stand, activate and stop them, and report on what they showed.",
    add_completion=False,
)
for _command in (allocate, status, activate, stop, report, ope):
    experiment.command()(_command)
