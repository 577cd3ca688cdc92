"""``armwise demo``: every policy on real feedback."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from armwise.cli._console import kernels_in_use, new_table, output, print_json, progress_bar, short_names, shown, warn
from armwise.cli.plot import can_plot, save_plot
from armwise.errors import ConfigurationError, MissingExtra, StoreError
from armwise.runners.contestants import CONTESTANTS, LINEAR_TREATMENT
from armwise.runners.dataset import Feedback, bundled, read_csv, read_long_csv, read_npz
from armwise.runners.routing import run_routing, write_log
from armwise.runners.routing_report import PolicyResult, RoutingReport
from armwise.types import JSON

__all__ = ["demo"]

_ARMS_SHOWN = 6
# Of the logs, the one that says most about other policies: every arm is served now and then, to the end.
_EXAMPLE = "epsilon_greedy"


class _Columns(NamedTuple):
    """The columns of a CSV, as the options name them; None where there was no such option."""

    contexts: tuple[str, ...]
    rewards: tuple[str, ...]
    costs: tuple[str, ...]
    request: str | None
    arm: str | None


def demo(  # noqa: PLR0913 - one argument for each option
    *,
    seeds: Annotated[int, typer.Option(help="Number of seeds; each shuffles the requests.")] = 20,
    cost_weight: Annotated[
        float, typer.Option(help="Utility is reward - this * cost in USD, clipped to [0, 1].")
    ] = 20.0,
    data: Annotated[
        Path | None,
        typer.Option(help="Your own feedback: an .npz with context, reward, cost, arms, or a .csv."),
    ] = None,
    context_columns: Annotated[str, typer.Option(help="Feature columns of a CSV, separated by commas.")] = "",
    reward_columns: Annotated[
        str, typer.Option(help="Reward column of each arm in a CSV; of a long CSV, the one reward column.")
    ] = "",
    cost_columns: Annotated[str, typer.Option(help="Cost column of each arm in a CSV, in the same order.")] = "",
    request_column: Annotated[
        str | None, typer.Option(help="Of a long CSV (one row for each request and arm): the column of the request.")
    ] = None,
    arm_column: Annotated[str | None, typer.Option(help="Of a long CSV: the column of the arm.")] = None,
    output_dir: Annotated[Path, typer.Option("--output", help="Folder for the plot and the decision logs.")] = Path(
        "armwise-demo"
    ),
    plot: Annotated[
        bool | None,
        typer.Option(help="Save regret and shares as a PNG. By default where matplotlib is installed."),
    ] = None,
    log: Annotated[bool, typer.Option(help="Write a decision log of each policy's first seed.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Replay LLM routing feedback (or your own) with every policy; show what each earned, and how fast."""
    if plot and not can_plot():
        msg = "--plot needs matplotlib, which is not installed; pip install 'armwise[plot]'"
        raise MissingExtra(msg)
    kernels = kernels_in_use()
    listed = (_split(context_columns), _split(reward_columns), _split(cost_columns))
    single = (None if column is None else column.strip() for column in (request_column, arm_column))
    feedback = _feedback(data, _Columns(*listed, *single))
    feedback.utility(cost_weight)
    plotting = can_plot() if plot is None else plot
    if plotting or log:
        _make_folder(output_dir)
    logs = [(one, output_dir / f"{one.name}.jsonl") for one in CONTESTANTS] if log else []
    with progress_bar("demo", len(CONTESTANTS) * seeds + len(logs)) as advance:
        report = run_routing(feedback, seeds=seeds, cost_weight=cost_weight, progress=lambda title: advance(1, title))
        for one, path in logs:
            write_log(path, feedback, one, cost_weight=cost_weight)
            advance(1, f"log of {one.title}")
    picture = output_dir / "regret.png"
    if plotting:
        save_plot(report, picture)
    elif plot is None:
        warn("no plot: matplotlib is not installed (pip install 'armwise[plot]')")
    files = [*([picture] if plotting else []), *(path for _, path in logs)]
    if as_json:
        print_json(_as_json(report, kernels, files))
    else:
        _show(report, kernels, files, output())


def _feedback(data: Path | None, columns: _Columns) -> Feedback:
    """Return the data that the options name."""
    if data is None or data.suffix.lower() != ".csv":
        if any(named not in {(), None} for named in columns):
            msg = "options that name columns need a CSV; give --data FILE.csv"
            raise ConfigurationError(msg)
        return bundled() if data is None else read_npz(data)
    if not columns.rewards:
        msg = f"{data}: which columns hold the rewards? Give --reward-columns, one column for each arm"
        raise ConfigurationError(msg)
    if columns.request is None and columns.arm is None:
        return read_csv(
            data, reward_columns=columns.rewards, cost_columns=columns.costs, context_columns=columns.contexts
        )
    if columns.request is None or columns.arm is None or len(columns.rewards) != 1 or len(columns.costs) > 1:
        msg = (
            f"{data}: a long CSV, of one row for each request and arm, takes --request-column, --arm-column, one"
            " column in --reward-columns and at most one in --cost-columns"
        )
        raise ConfigurationError(msg)
    return read_long_csv(
        data,
        request_column=columns.request,
        arm_column=columns.arm,
        reward_column=columns.rewards[0],
        cost_column=next(iter(columns.costs), None),
        context_columns=columns.contexts,
    )


def _split(columns: str) -> tuple[str, ...]:
    return tuple(column.strip() for column in columns.split(",")) if columns.strip() else ()


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{path}: cannot make the folder ({error.strerror or error}); choose another --output"
        raise StoreError(msg) from error


def _show(report: RoutingReport, kernels: dict[str, str], files: list[Path], console: Console) -> None:
    """Print a run as tables."""
    console.print(
        f"{shown(report.data)}: {report.requests:,} requests, {len(report.arms)} arms, {report.seeds} seeds;"
        f" utility = reward - {report.cost_weight:g} x cost in USD, clipped to [0, 1]"
    )
    console.print(_earned(report))
    console.print(_served(report))
    console.print(_speed(report, f"{kernels['backend']}, {kernels['isa']}"))
    console.print(f"linear policies: {LINEAR_TREATMENT}", soft_wrap=True)
    for path in files:
        console.print(f"wrote {shown(path)}", soft_wrap=True)
    for path in files:
        if path.stem == _EXAMPLE and path.suffix == ".jsonl":
            console.print(f"next: armwise replay {shown(path)}", soft_wrap=True)
            console.print(f"      armwise replay {shown(path)} --policy thompson", soft_wrap=True)


def _earned(report: RoutingReport) -> Table:
    table = new_table(
        "What each policy earned, a request", "policy", "utility", "± 95%", "lost: best arm", "lost: oracle"
    )
    for result in report.results:
        half = "" if math.isinf(result.utility.half_width) else f"{result.utility.half_width:.4f}"
        lost = (f"{result.regret_fixed:+.4f}", f"{result.regret_oracle:+.4f}")
        table.add_row(result.title, f"{result.utility.mean:.4f}", half, *lost)
    table.add_section()
    gap = report.oracle_utility - report.best_fixed_utility
    best = f"always {shown(report.best_fixed)}"
    table.add_row(best, f"{report.best_fixed_utility:.4f}", "", f"{0:+.4f}", f"{gap:+.4f}")
    table.add_row("oracle", f"{report.oracle_utility:.4f}", "", f"{-gap:+.4f}", f"{0:+.4f}")
    return table


def _served(report: RoutingReport) -> Table:
    best = sorted(range(len(report.arms)), key=lambda arm: -report.arm_utility[arm])[:_ARMS_SHOWN]
    names = short_names([report.arms[arm] for arm in best])
    hidden = len(report.arms) - len(best)
    title = f"Which arms it served{f', without the {hidden} that earn least' if hidden else ''}"
    table = new_table(title, "policy", *names)
    for result in report.results:
        table.add_row(result.title, *(f"{result.share[arm]:.1%}" for arm in best))
    return table


def _speed(report: RoutingReport, kernels: str) -> Table:
    title = f"How fast each decided, from Python ({kernels})"
    table = new_table(title, "policy", "select + update a second", "select p50", "p99", "p99.9")
    for result in report.results:
        if result.latency is not None and result.decisions_per_second is not None:
            latency = (result.latency.p50, result.latency.p99, result.latency.p999)
            rate = f"{result.decisions_per_second:,.0f}"
            table.add_row(result.title, rate, *(_duration(one) for one in latency))
    return table


def _duration(nanoseconds: float) -> str:
    return f"{nanoseconds:.0f} ns" if nanoseconds < 1e4 else f"{nanoseconds / 1e3:,.0f} µs"


def _as_json(report: RoutingReport, kernels: dict[str, str], files: list[Path]) -> JSON:
    """Return a run as plain JSON; what a single seed cannot tell is null."""
    return {
        "data": report.data,
        "requests": report.requests,
        "seeds": report.seeds,
        "cost_weight": report.cost_weight,
        "arms": dict(zip(report.arms, report.arm_utility, strict=True)),
        "best_fixed": {"arm": report.best_fixed, "utility": report.best_fixed_utility},
        "oracle": {"utility": report.oracle_utility},
        **kernels,
        "linear_policies": LINEAR_TREATMENT,
        "policies": [_result_as_json(result, report.arms) for result in report.results],
        "files": [str(path) for path in files],
    }


def _result_as_json(result: PolicyResult, arms: tuple[str, ...]) -> JSON:
    half_width = result.utility.half_width
    latency = result.latency
    return {
        "name": result.name,
        "title": result.title,
        "utility": result.utility.mean,
        "half_width": None if math.isinf(half_width) else half_width,
        "regret_best_fixed": result.regret_fixed,
        "regret_oracle": result.regret_oracle,
        "share": dict(zip(arms, result.share, strict=True)),
        "decisions_per_second": result.decisions_per_second,
        "select_ns": None if latency is None else {"p50": latency.p50, "p99": latency.p99, "p99.9": latency.p999},
    }
