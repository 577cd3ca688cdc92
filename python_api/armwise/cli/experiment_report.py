"""``armwise experiment report``: one page on what an experiment showed, and a verdict for CI."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from armwise.cli._console import output, print_json, progress_bar, shown, warn_of_torn
from armwise.cli._weights import parse_weights
from armwise.errors import ConfigurationError, StoreError
from armwise.runners.experiment_report import report_on
from armwise.stores._replace import write_out
from armwise.telemetry.report import ExperimentReport, Span, Verdict, check_extra, render_page
from armwise.types import JSON

__all__ = ["EXIT_CODES", "report"]

EXIT_CODES: Final[dict[Verdict, int]] = {"ship": 0, "hold": 2, "stop": 3}
"""How a verdict leaves the process; 1 is an error and no verdict."""


def report(
    folder: Annotated[Path, typer.Argument(help="The folder of saved states, decision logs, or both.")],
    *,
    to: Annotated[Path, typer.Option("--output", help="Where the page is written.")] = Path("report.html"),
    experiment: Annotated[str | None, typer.Option(help="Which one, where the folder knows several.")] = None,
    alpha: Annotated[float, typer.Option(help="How often an interval may ever miss: 0.05 for 95%.")] = 0.05,
    share: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WEIGHT", help="The share a variant was to have, where no table says it."),
    ] = None,
    control: Annotated[str | None, typer.Option(help="The variant that the others are compared with.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Write one self-contained page of HTML, and leave with the verdict: 0 ship, 2 hold, 3 stop."""
    check_extra("jinja2", "matplotlib")
    weights = _weights(share or ())
    with progress_bar("records", None) as advance:
        found = report_on(
            folder,
            experiment=experiment,
            alpha=alpha,
            shares=weights or None,
            control=control,
            progress=lambda steps: advance(steps, ""),
        )
    warn_of_torn(found.torn)
    _write(to, render_page(found.report).encode())
    if as_json:
        print_json(_as_json(found.report, to))
    else:
        console = output()
        console.print(shown(f"{found.report.experiment}: {found.report.verdict}"), soft_wrap=True)
        for reason in found.report.reasons:
            console.print(shown(f"- {reason}"), soft_wrap=True)
        console.print(shown(f"wrote {to}"), soft_wrap=True)
    raise typer.Exit(EXIT_CODES[found.report.verdict])


def _weights(share: Sequence[str]) -> dict[str, float]:
    try:
        return {name: float(one) for name, one in parse_weights("--share", share).items()}
    except OverflowError:
        msg = f"--share is {' '.join(share)!r:.80}; expected numbers that a float can hold, such as 50"
        raise ConfigurationError(msg) from None


def _write(to: Path, page: bytes) -> None:
    """Put a page in its place in one step: what stood there stays whole if that fails."""
    try:
        write_out(to, page)
    except OSError as error:
        msg = f"{to}: cannot write the report ({error.strerror or error}); choose another --output"
        raise StoreError(msg) from error


def _as_json(found: ExperimentReport, to: Path) -> JSON:
    return {
        "experiment": found.experiment,
        "phase": found.phase,
        "verdict": found.verdict,
        "best": found.best,
        "reasons": list(found.reasons),
        "alpha": found.alpha,
        "checks": [{"name": one.name, "outcome": one.outcome, "detail": one.detail} for one in found.checks],
        "variants": {
            row.name: {
                "served": row.served,
                "share": row.share,
                "pulls": row.pulls,
                "mean": row.mean,
                "interval": _ends(row.interval),
                "difference": row.difference,
                "difference_interval": _ends(row.difference_interval),
                "chance_to_beat": row.chance_to_beat,
                "expected_loss": row.expected_loss,
                "regret": row.regret,
            }
            for row in found.variants
        },
        "notes": list(found.notes),
        "report": str(to),
    }


def _ends(span: Span) -> JSON:
    """The ends of an interval; null where there is none, which JSON has no number for."""
    return [end if math.isfinite(end) else None for end in span]
