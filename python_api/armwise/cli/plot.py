"""The picture of a run: regret over time with its bands, and the arms that each policy served."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from armwise.cli._console import short_names, shown
from armwise.errors import MissingExtra, StoreError
from armwise.runners.routing_report import RoutingReport
from armwise.types import FloatArray

__all__ = ["can_plot", "save_plot"]

_SMOOTH = 8
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def can_plot() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def save_plot(report: RoutingReport, path: Path) -> None:
    """Save a run as a PNG.

    Parameters
    ----------
    report : RoutingReport
        The run.
    path : Path
        Where; a file that stands there is replaced.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    StoreError
        If the file cannot be written.
    """
    if not can_plot():
        msg = "the plot needs matplotlib, which is not installed: pip install 'armwise[plot]'"
        raise MissingExtra(msg)
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra: imported where it is used

    policies = [result for result in report.results if result.latency is not None]
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    grid = figure.add_gridspec(2, len(policies), height_ratios=(3, 2))
    regret = figure.add_subplot(grid[0, :])
    for place, result in enumerate(report.results):
        curve, colour = result.curve, _COLOURS[place % len(_COLOURS)]
        line = "--" if result.latency is None else "-"
        regret.plot(curve.requests, curve.regret, line, color=colour, label=result.title)
        regret.fill_between(
            curve.requests,
            curve.regret - curve.half_width,
            curve.regret + curve.half_width,
            color=colour,
            alpha=0.2,
            lw=0,
        )
    regret.axhline(0.0, color="black", lw=0.8)
    lost = report.best_fixed_utility - report.oracle_utility
    regret.axline((0, 0), slope=lost, color="grey", ls=":", label="oracle")
    highest = max(float(result.curve.regret[-1]) for result in policies)
    lowest = min(float(result.curve.regret.min()) for result in policies)
    # The random floor is off the scale that tells the policies apart.
    regret.set_ylim(min(lowest, 0.0) - 0.15 * highest - 1.0, 1.25 * highest + 1.0)
    regret.set_xlim(0, report.requests)
    regret.set_xlabel("requests")
    regret.set_ylabel(f"utility lost against always {_text(report.best_fixed)}")
    bands = f", bands: 95% over {report.seeds} seeds" if report.seeds > 1 else ""
    regret.set_title(f"Regret on {_text(report.data)}, cost weight {report.cost_weight:g}{bands}")
    regret.legend(loc="upper left")
    first, names = None, short_names(report.arms)
    for place, result in enumerate(policies):
        axes = figure.add_subplot(grid[1, place], sharey=first)
        first = first or axes
        share = _smoothed(result.curve.share)
        axes.stackplot(result.curve.requests, share.T, labels=[_text(name) for name in names], colors=_COLOURS)
        axes.set_title(result.title, fontsize=10)
        axes.set_xlim(0, report.requests)
        axes.set_ylim(0, 1)
        axes.set_xlabel("requests")
        axes.label_outer()
    if first is not None:
        first.set_ylabel("share of each arm")
        handles, labels = first.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 6), fontsize=9)
    try:
        figure.savefig(path, dpi=120, format="png")
    except OSError as error:
        msg = f"{path}: cannot write the plot ({error.strerror or error}); choose another --output"
        raise StoreError(msg) from error


def _text(words: str) -> str:
    """Return text from elsewhere as matplotlib may have it: to it, dollar signs enclose formulas."""
    return shown(words).replace("$", r"\$")


def _smoothed(share: FloatArray) -> FloatArray:
    """Return a moving average over time; the rows still sum to 1."""
    kernel = np.ones(_SMOOTH)
    weight = np.convolve(np.ones(len(share)), kernel)[: len(share)]
    return np.stack([np.convolve(arm, kernel)[: len(share)] / weight for arm in share.T], axis=1)
