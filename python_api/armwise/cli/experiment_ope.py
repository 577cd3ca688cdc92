"""``armwise experiment ope``: what another policy would have earned on a log."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from armwise.cli._console import new_table, output, print_json, progress_bar, shown, warn, warn_of_torn
from armwise.data import OpenBandit, open_bandit, read_open_bandit
from armwise.errors import ConfigurationError
from armwise.runners.contestants import parse_policy
from armwise.runners.off_policy import OffPolicyReport, evaluate_log, evaluate_open_bandit, parse_estimators

__all__ = ["ope"]

_UNIFORM = "uniform"


def ope(  # noqa: PLR0913 - one argument for each option
    log: Annotated[
        str | None,
        typer.Argument(help="A decision log: its first file. With --open-bandit: random, bts, or a CSV of that shape."),
    ] = None,
    *,
    policy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose value: NAME or NAME:setting=value,... With --open-bandit: uniform, random, bts, or a CSV.",
        ),
    ] = None,
    estimator: Annotated[str, typer.Option(help="Estimators, with commas between, or all.")] = "all",
    domain: Annotated[str | None, typer.Option(help="The domain of the decision log to evaluate on.")] = None,
    bandit: Annotated[bool, typer.Option("--open-bandit", help="Take logs of the Open Bandit Dataset.")] = False,
    clip: Annotated[float | None, typer.Option(help="Greatest weight of clipped_ips and switch_dr.")] = None,
    seed: Annotated[int, typer.Option(help="Chance of the estimator replay.")] = 0,
    confidence: Annotated[float, typer.Option(help="Coverage of the intervals.")] = 0.95,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Estimate what a policy that did not run would have earned on a log of one that did."""
    wanted = parse_estimators(estimator)
    if bandit:
        if domain is not None:
            msg = "--domain is of decision logs; the Open Bandit Dataset has none"
            raise ConfigurationError(msg)
        evaluated = "bts" if policy is None else policy
        found = evaluate_open_bandit(
            _open_bandit(log or "random"),
            None if evaluated == _UNIFORM else _open_bandit(evaluated),
            estimators=wanted,
            clip=clip,
            seed=seed,
            confidence=confidence,
        )
    else:
        if log is None or policy is None:
            msg = "give a decision log and --policy NAME, or --open-bandit"
            raise ConfigurationError(msg)
        contestant = parse_policy(policy)
        with progress_bar("records", None) as advance:
            found = evaluate_log(
                log,
                contestant,
                estimators=wanted,
                domain=domain,
                clip=clip,
                seed=seed,
                confidence=confidence,
                progress=lambda steps: advance(steps, ""),
            )
    warn_of_torn(found.torn)
    for warning, names in found.warnings:
        warn(f"{', '.join(names)}: {warning.message}")
    _show(found, as_json=as_json)


def _open_bandit(name: str) -> OpenBandit:
    """A log that comes along, or a caller's own."""
    if name == "random":
        return open_bandit("random")
    return open_bandit("bts") if name == "bts" else read_open_bandit(Path(name))


def _show(found: OffPolicyReport, *, as_json: bool) -> None:
    if as_json:
        warnings = [{"message": one.message, "estimators": list(names)} for one, names in found.warnings]
        print_json({**dataclasses.asdict(found), "warnings": warnings})
        return
    console = output()
    told = f"{found.source}: {found.decisions:,} decisions, {found.unrewarded:,} without a reward left out"
    console.print(shown(told), soft_wrap=True)
    table = new_table(shown(f"{found.policy}: reward a decision"), "", "estimate", "interval", "effective sample size")
    for name, row in (("as logged", found.logged), ("on its own log", found.on_policy)):
        if row is not None:
            table.add_row(name, f"{row.mean:.5f}", f"{row.lower:.5f} to {row.upper:.5f}", f"{row.n:,}")
    table.add_section()
    for one in found.rows:
        estimate = one.estimate
        if estimate is None:
            table.add_row(one.estimator, "refused", "", "")
            continue
        interval = f"{estimate.lower:.5f} to {estimate.upper:.5f}"
        table.add_row(one.estimator, f"{estimate.value:.5f}", interval, f"{estimate.effective_sample_size:,.0f}")
    console.print(table)
    for one in found.rows:
        if one.refused is not None:
            warn(f"{one.estimator}: {one.refused}")
