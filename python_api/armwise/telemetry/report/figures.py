"""The pictures of a report: SVG that stands in the page, with the page's colours and without a word of the caller's.

Matplotlib draws lines, bands and axes. Names of variants stand in legends of the page, so that nothing that a caller
named goes through a typesetter. Colours are drawn as placeholders and become variables of the page's style: the same
picture is read on white, on black and on paper. Identifiers come from a fixed salt, so the same figures give the same
bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from armwise.errors import MissingExtra
from armwise.telemetry.report.model import Curves, VariantRow
from armwise.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COLOURS", "DASHES", "Picture", "check_extra", "draw"]

COLOURS: Final = 8
"""So many colours; variants beyond share them, and are told apart by their dashes."""

DASHES: Final = ("", "5 2", "1.5 1.5", "6 2 1.5 2")
"""Dash patterns of lines, one for each round of the colours; the legends draw them too."""

_INK, _GRID = "#0a0b01", "#0a0b02"
_VARIANT: Final = "#0a0c{:02x}"
_PLACEHOLDER: Final = re.compile(r"#0a0([bc])([0-9a-f]{2})")
_SIZE: Final = (5.2, 2.9)
# What is drawn before this share of the time may run out of the picture: the first bands are as wide as they please.
_SETTLED: Final = 0.2
_SALT: Final = "armwise"
_SHADED: Final = 5


class Picture(NamedTuple):
    """One figure of the page.

    Attributes
    ----------
    title : str
        What it shows.
    caption : str
        How it is read.
    svg : str
        The drawing: an ``<svg>`` element.
    variants : tuple of int
        Which rows it draws.
    dashed : str
        What its dashed lines are; empty where there are none.
    """

    title: str
    caption: str
    svg: str
    variants: tuple[int, ...]
    dashed: str


def check_extra(*modules: str) -> None:
    """Refuse where what a report is made with is not installed.

    Raises
    ------
    MissingExtra
        If one of the modules is not there.
    """
    for module in modules:
        if find_spec(module) is None:
            msg = f"a report needs {module}, which is not installed: pip install 'armwise[report]'"
            raise MissingExtra(msg)


def draw(curves: Curves, rows: Sequence[VariantRow], alpha: float) -> list[Picture]:
    """Draw the variants over time.

    Parameters
    ----------
    curves : Curves
        At least two moments.
    rows : sequence of VariantRow
        The variants, in the order of the curves' columns.
    alpha : float
        What the intervals promise.

    Returns
    -------
    list of Picture
        Shares, mean rewards, differences and regret.

    Raises
    ------
    MissingExtra
        If matplotlib is not installed.
    """
    check_extra("matplotlib")
    every = tuple(range(len(rows)))
    others = tuple(place for place in every if not rows[place].control)
    against = next((row.name for row in rows if row.control), "")
    level = f"{1.0 - alpha:.4g}"
    best = max(others, key=lambda place: rows[place].mean or -np.inf, default=0)
    # More bands than these are mud.
    shaded = set(every) if len(rows) <= _SHADED else {best, *set(every).difference(others)}
    banded = (
        "A band" if len(rows) <= _SHADED else f"The band of {against} and that of {rows[best].name}, the best so far,"
    )
    shares = {place: row.share for place, row in enumerate(rows) if row.share is not None}

    def share(axes: Axes) -> None:
        for place in every:
            if place in shares:
                axes.axhline(shares[place], color=_colour(place), lw=1.0, ls=(0, (2, 2)), alpha=0.8)
            _line(axes, curves, curves.share[:, place], place)
        seen = curves.share[np.isfinite(curves.share)]
        axes.set_ylim(0.0, min(1.0, 1.15 * float(seen.max(initial=max(shares.values(), default=0.0))) + 0.02))
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}%")

    def mean(axes: Axes) -> None:
        _bands(axes, curves, every, (curves.mean, curves.mean_lower, curves.mean_upper), shaded)

    def difference(axes: Axes) -> None:
        bands = curves.difference, curves.difference_lower, curves.difference_upper
        axes.axhline(0.0, color=_INK, lw=1.0)
        _bands(axes, curves, others, bands, shaded, include=0.0)

    def regret(axes: Axes) -> None:
        for place in others:
            _line(axes, curves, curves.regret[:, place], place)
        axes.set_ylim(bottom=0.0)

    return [
        Picture(
            "Share of traffic",
            "Each variant's share of the decisions, span by span.",
            _svg(share, curves, "Share of traffic over time"),
            every,
            "the share it was to have" if shares else "",
        ),
        Picture(
            "Mean reward",
            f"All rewards until then. {banded} holds at all times at once with probability {level}, for each variant.",
            _svg(mean, curves, "Mean reward over time"),
            every,
            "",
        ),
        Picture(
            f"Difference from {against}",
            f"Mean reward less that of {against}. With probability {level} no band ever misses, so it may be looked at"
            " every day. Above zero is better.",
            _svg(difference, curves, "Difference over time"),
            others,
            "",
        ),
        Picture(
            "Cumulative regret",
            f"What rewards fell short of {against}'s mean at the time, summed; a reward above it counts as 0.",
            _svg(regret, curves, "Cumulative regret over time"),
            others,
            "",
        ),
    ]


def _colour(place: int) -> str:
    return _VARIANT.format(place % COLOURS)


def _dashes(place: int) -> str | tuple[float, tuple[float, ...]]:
    pattern = DASHES[place // COLOURS % len(DASHES)]
    return (0.0, tuple(map(float, pattern.split()))) if pattern else "solid"


def _line(axes: Axes, curves: Curves, values: FloatArray, place: int) -> None:
    axes.plot(_dates(curves), values, color=_colour(place), lw=1.6, ls=_dashes(place))


def _bands(
    axes: Axes,
    curves: Curves,
    places: Sequence[int],
    bands: tuple[FloatArray, FloatArray, FloatArray],
    shaded: Collection[int],
    include: float = np.nan,
) -> None:
    """Draw means with their intervals, on the scale of what is known once the beginning is over."""
    middle, lower, upper = bands
    settled = int(_SETTLED * len(curves.time))
    seen = [np.array([include])]
    for place in places:
        known = np.isfinite(lower[:, place]) & np.isfinite(upper[:, place])
        ends = [np.where(known, band[:, place], np.nan) for band in (lower, upper)]
        _line(axes, curves, middle[:, place], place)
        seen.append(middle[settled:, place])
        if place in shaded:
            axes.fill_between(_dates(curves), ends[0], ends[1], color=_colour(place), alpha=0.18, lw=0)
            seen += [ends[0][settled:], ends[1][settled:]]
    values = np.concatenate(seen)
    values = values[np.isfinite(values)]
    if values.size:
        low, high = float(values.min()), float(values.max())
        margin = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
        axes.set_ylim(low - margin, high + margin)


def _dates(curves: Curves) -> FloatArray:
    """Moments as matplotlib counts them, in days since the epoch."""
    days: FloatArray = curves.time / 86_400e9
    return days


def _svg(paint: Callable[[Axes], None], curves: Curves, label: str) -> str:
    """Paint on fresh axes over time, and return the drawing."""
    import matplotlib as mpl  # noqa: PLC0415 - an extra: imported where it is used
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context():
        # What the machine's own settings say must not show.
        mpl.rcParams.update({key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith("backend")})
        mpl.rcParams.update(
            {
                "svg.hashsalt": f"{_SALT}: {label}",
                "svg.fonttype": "none",
                "font.family": ["DejaVu Sans"],
                "font.size": 10.0,
                "timezone": "UTC",
                "axes.formatter.use_mathtext": False,
                "axes.unicode_minus": True,
            }
        )
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        # With three ticks at least, some lengths of time would have no fitting interval.
        locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        first, last = _dates(curves)[[0, -1]]
        axes.set_xlim(first, last)
        axes.grid(visible=True, color=_GRID, lw=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_INK, length=3)
        axes.xaxis.get_offset_text().set_color(_INK)
        axes.yaxis.get_offset_text().set_color(_INK)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(_INK)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return _embedded(text.getvalue(), label)


def _embedded(document: str, label: str) -> str:
    """The element of an SVG document, without what only a file of its own needs."""
    element = document[document.index("<svg") :].rstrip()
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    head, rest = element.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    prefix = re.sub(r"\W+", "-", label.lower())
    rest = re.sub(r'\bid="', f'id="{prefix}-', rest)
    rest = re.sub(r'((?:xlink:)?href="#|url\(#)', rf"\1{prefix}-", rest)
    rest = _PLACEHOLDER.sub(_variable, rest).replace("xlink:href", "href")
    # The page chooses the face.
    rest = re.sub(r"font-family: [^;\"]*; ?", "", re.sub(r"font: (\d[\w.]*) [^;\"]*", r"font-size: \1", rest))
    return f'<svg {box[0] if box else ""} role="img" aria-label="{label}">{rest}'


def _variable(match: re.Match[str]) -> str:
    """The variable of the page that a placeholder stands for."""
    number = int(match[2], 16)
    return f"var(--v{number})" if match[1] == "c" else "var(--ink)" if number == 1 else "var(--grid)"
