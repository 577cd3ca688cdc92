"""The page: a report in words and pictures, one file that asks the network for nothing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Final

from armwise.telemetry.report.figures import COLOURS, DASHES, check_extra, draw
from armwise.telemetry.report.model import ExperimentReport, Span, VariantRow
from armwise_kernels import __version__

__all__ = ["bounded", "moment", "render_page"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DASH: Final = "\N{EN DASH}"
_FEWEST: Final = 2
_NEARLY: Final = 1e-3


def render_page(report: ExperimentReport) -> str:
    """Return a report as one HTML page.

    The same report gives the same bytes, with the same versions of jinja2 and matplotlib. Whatever a caller named is
    escaped, and written out where UTF-8 has nothing for it (a lone surrogate); the page runs no scripts, and its policy
    forbids it to load anything.

    Parameters
    ----------
    report : ExperimentReport
        What it tells.

    Returns
    -------
    str
        The page, to be written as UTF-8.

    Raises
    ------
    MissingExtra
        If jinja2 or matplotlib is not installed.
    """
    check_extra("jinja2", "matplotlib")
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - an extra: imported where it is used

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    served = sum(row.served for row in report.variants)
    environment.filters |= {
        "moment": moment,
        "figure": _figure,
        "percent": _percent,
        "chance": _chance,
        "loss": _loss,
        "sum": _sum,
        "range": bounded,
        "share": lambda row: _share(row, served),
    }
    here = resources.files("armwise.telemetry.report")
    curves = report.curves
    drawable = curves is not None and len(curves.time) >= _FEWEST
    absent = (
        "There is no decision log beside the saved state, so nothing is known over time."
        if curves is None
        else "The log spans a single moment, so there is nothing to draw over time."
    )
    page = environment.from_string(here.joinpath("page.html").read_text(encoding="utf-8")).render(
        report=report,
        style=here.joinpath("page.css").read_text(encoding="utf-8"),
        pictures=draw(curves, report.variants, report.alpha) if curves is not None and drawable else [],
        absent=absent,
        against=next((row.name for row in report.variants if row.control), _DASH),
        served=served,
        pulls=sum(row.pulls for row in report.variants),
        level=f"{1.0 - report.alpha:.4g}",
        colours=COLOURS,
        dashes=DASHES,
        version=__version__,
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def moment(time: int | None) -> str:
    """Return nanoseconds since the epoch as a date and time in UTC; a dash for None.

    Examples
    --------
    >>> moment(1_700_000_000_000_000_000)
    '2023-11-14 22:13 UTC'
    """
    if time is None:
        return _DASH
    return f"{_EPOCH + timedelta(microseconds=time // 1000):%Y-%m-%d %H:%M} UTC"


def bounded(span: Span, *, sign: bool = False) -> str:
    """Return an interval in words, with as many decimals as its width deserves.

    Examples
    --------
    >>> bounded(Span(0.0102, 0.0481), sign=True), bounded(Span(1234.0, 9345.0))
    ('+0.0102 to +0.0481', '1,234 to 9,345')
    """
    if not span.known:
        return "not yet known"
    form = f"{'+' if sign else ''},.{_decimals(span)}f"
    return _minus(f"{span.lower:{form}} to {span.upper:{form}}")


def _decimals(span: Span) -> int:
    """How many decimals the ends of a known interval deserve."""
    width = span.upper - span.lower
    return min(max(2 - math.floor(math.log10(width)), 0), 12) if width > 0.0 else 4


def _figure(value: float | None, span: Span, *, sign: bool = False) -> str:
    """A number with as many decimals as the interval around it."""
    if value is None:
        return _DASH
    form = f",.{_decimals(span)}f" if span.known else ",.4g"
    return _minus(f"{value:{'+' if sign else ''}{form}}")


def _minus(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


def _percent(value: float | None) -> str:
    return _DASH if value is None else f"{100.0 * value:.1f}%"


def _chance(value: float | None) -> str:
    if value is None or _NEARLY < value < 1.0 - _NEARLY:
        return _percent(value)
    return f"< {100.0 * _NEARLY:g}%" if value < 0.5 else f"> {100.0 * (1.0 - _NEARLY):g}%"


def _loss(value: float | None) -> str:
    return _DASH if value is None else "0" if value == 0.0 else _minus(f"{value:.2g}")


def _sum(value: float) -> str:
    return f"{value:,.1f}" if value else "0"


def _share(row: VariantRow, served: int) -> str:
    return _percent(row.served / served) if served else _DASH
