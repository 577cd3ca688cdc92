"""``armwise replay``: a decision log, made again or seen through another policy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from armwise.cli._console import (
    kernels_in_use,
    new_table,
    output,
    print_json,
    progress_bar,
    shown,
    warn,
    warn_of_torn,
)
from armwise.evaluation import Estimate, Interval
from armwise.runners.contestants import parse_policy
from armwise.runners.off_policy import OffPolicyReport, evaluate_log
from armwise.runners.replay import ReplayReport
from armwise.runners.replay import replay as replay_log

__all__ = ["replay"]

_FEW = 100
_COVERED = 0.1


def replay(
    log: Annotated[Path, typer.Argument(help="A decision log: its first file.")],
    *,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Estimate what another policy would have earned: NAME or NAME:setting=value,...",
            metavar="NAME",
        ),
    ] = None,
    domain: Annotated[str | None, typer.Option(help="With --policy: the domain of the log to evaluate on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Rebuild every posterior of a decision log and make every decision again; exit 1 if an arm differs."""
    kernels = kernels_in_use()
    if policy is not None:
        contestant = parse_policy(policy)
        with progress_bar("records", None) as advance:
            estimates = evaluate_log(
                log,
                contestant,
                estimators=("ips", "snips"),
                domain=domain,
                progress=lambda steps: advance(steps, ""),
            )
        warn_of_torn(estimates.torn)
        _show_estimates(estimates, as_json=as_json)
        return
    with progress_bar("records", None) as advance:
        report = replay_log(log, progress=lambda steps: advance(steps, ""))
    warn_of_torn(report.torn)
    _show_replay(report, kernels, as_json=as_json)
    if report.mismatched:
        raise typer.Exit(1)


def _show_replay(report: ReplayReport, kernels: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print_json({**kernels, **dataclasses.asdict(report)})
        return
    console = output()
    for mismatch in report.mismatches:
        console.print(
            shown(f"{mismatch.domain} {mismatch.record}: logged {mismatch.expected}, replayed {mismatch.found}"),
            soft_wrap=True,
        )
    if report.mismatched > len(report.mismatches):
        console.print(f"and {report.mismatched - len(report.mismatches):,} more")
    console.print(
        f"domains: {shown(', '.join(report.domains))}; updates applied: {report.updates:,};"
        f" checkpoints compared: {report.checkpoints:,}",
        soft_wrap=True,
    )
    if report.gaps:
        console.print(f"checkpoints that the updates do not lead to, loaded: {report.gaps:,}")
    verdict = f"{report.mismatched:,} differ" if report.mismatched else "all the same"
    console.print(
        f"decisions made again: {report.decisions:,}, {verdict} ({kernels['backend']}, {kernels['isa']})",
        soft_wrap=True,
    )


def _show_estimates(report: OffPolicyReport, *, as_json: bool) -> None:
    if as_json:
        print_json(dataclasses.asdict(report))
        return
    console = output()
    title = f"{report.policy} on the log of domain {shown(report.domain)}: reward a decision"
    table = new_table(title, "", "estimate", "95% interval", "effective sample size")
    logged = report.logged
    table.add_row("as logged", f"{logged.mean:.4f}", _interval(logged), f"{logged.n:,}")
    for name, estimate in (("IPS", report.estimate("ips")), ("SNIPS", report.estimate("snips"))):
        size = f"{estimate.effective_sample_size:,.0f}"
        table.add_row(name, f"{estimate.value:.4f}", _interval(estimate), size)
    console.print(table)
    console.print(
        f"{report.decisions:,} decisions, {report.unrewarded:,} without a reward left out;"
        f" mean weight {report.mean_weight:.3f}"
    )
    _warn_of_weak_logs(report)


def _interval(estimate: Estimate | Interval) -> str:
    return f"{estimate.lower:.4f} to {estimate.upper:.4f}"


def _warn_of_weak_logs(report: OffPolicyReport) -> None:
    if report.estimate("ips").effective_sample_size < _FEW:
        warn("the effective sample size is below 100: the intervals are not to be trusted")
    if abs(report.mean_weight - 1.0) > _COVERED:
        warn("the mean weight is far from 1: the log hardly covers what this policy would do")
