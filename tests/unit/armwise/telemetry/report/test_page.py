from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from armwise.errors import MissingExtra
from armwise.telemetry.report import (
    Check,
    Curves,
    ExperimentReport,
    Span,
    VariantRow,
    bounded,
    check_extra,
    moment,
    render_page,
)
from armwise.telemetry.report.figures import COLOURS, draw

HOSTILE = '<script>alert(1)</script> & "quotes" $x_1^2$ {{ 7 * 7 }} %d'
UNKNOWN = Span(float("-inf"), float("inf"))
WIDE = Span(0.1, 0.3)
NOON = 1_760_000_000 * 10**9


def row(name, *, control=False, share=0.5, interval=WIDE):
    return VariantRow(
        name=name,
        control=control,
        share=share,
        served=120,
        pulls=1100,
        mean=0.2,
        interval=interval,
        difference=None if control else -0.01,
        difference_interval=UNKNOWN if control else Span(-0.02, 0.001),
        chance_to_beat=None if control else 0.25,
        expected_loss=None if control else 0.012345,
        regret=0.0 if control else 1234.5,
    )


def curves_of(variants, moments=50, step=3600 * 10**9):
    rng = np.random.default_rng(0)
    shape = moments, variants
    mean = 0.2 + 0.01 * rng.normal(size=shape)
    half = 1.0 / np.sqrt(1.0 + np.arange(moments))[:, None]
    half[:3] = np.inf
    return Curves(
        time=NOON + step * np.arange(moments, dtype=np.int64),
        share=np.full(shape, 1.0 / variants),
        mean=mean,
        mean_lower=mean - half,
        mean_upper=mean + half,
        difference=mean - mean[:, :1],
        difference_lower=mean - mean[:, :1] - half,
        difference_upper=mean - mean[:, :1] + half,
        regret=np.cumsum(np.abs(mean), axis=0),
    )


@pytest.fixture
def report():
    rows = row("control", control=True), row(HOSTILE), row("c", share=None, interval=UNKNOWN)
    return ExperimentReport(
        experiment=HOSTILE,
        phase="active",
        began=NOON,
        ended=NOON + 10**15,
        alpha=0.05,
        verdict="hold",
        best="c",
        reasons=(f"{HOSTILE} is not shown to be anything.", "Go on."),
        checks=(
            Check("split", "passed", HOSTILE),
            Check("rewards", "failed", "p = 0"),
            Check("other", "unknown", "none"),
        ),
        variants=rows,
        events=((NOON, f"activated: {HOSTILE}"),),
        notes=(f"note: {HOSTILE}",),
        sources=("run.jsonl", f"{HOSTILE}.json"),
        curves=curves_of(3),
    )


class Tags(HTMLParser):
    """Which elements a page has, whether they are closed in order, and its words."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.words, self.urls, self._open = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id"]
        self.urls += [value for name, value in attrs if name in {"src", "href", "action", "data"}]

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_says_what_the_report_says(report):
    text = "".join(Tags(render_page(report)).words)
    for words in (
        HOSTILE,
        "is not shown to be anything.",
        "Go on.",
        "2025-10-09 08:53 UTC",
        "1,100",
        "0.200",
        "0.100 to 0.300",
        "\N{MINUS SIGN}0.0100",
        "not yet known",
        "25.0%",
        "0.012",
        "1,234.5",
        "✓ passed",
        "✗ failed",
        "? unknown",
        f"note: {HOSTILE}",
        f"activated: {HOSTILE}",
        "0.95",
    ):
        assert words in text


def test_nothing_that_a_caller_named_is_markup(report):
    page = render_page(report)
    found = Tags(page)
    assert "script" not in found.tags
    assert page.count("<script") == 0
    assert "49" not in "".join(word for word in found.words if "7 * 7" in word)
    assert len(found.ids) == len(set(found.ids))


def test_what_has_no_utf8_is_written_out(report):
    rows = (*report.variants[:2], row("c\udcff"))
    named = replace(report, experiment="e\ud800", variants=rows, reasons=("why\udfff",))
    page = render_page(named)
    page.encode()
    assert [words in page for words in (r"e\ud800", r"c\udcff", r"why\udfff")] == [True] * 3


def test_the_page_asks_the_network_for_nothing(report):
    page = render_page(report)
    found = Tags(page)
    assert all(url.startswith("#") for url in found.urls)
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org/)", page)
    assert not {"link", "img", "iframe", "object"} & set(found.tags)
    assert "default-src 'none'" in page


def test_the_same_report_gives_the_same_bytes(report, monkeypatch):
    import matplotlib as mpl

    page = render_page(report)
    assert render_page(report) == page
    monkeypatch.setitem(mpl.rcParams, "font.size", 33.0)
    monkeypatch.setitem(mpl.rcParams, "axes.facecolor", "red")
    assert render_page(report) == page
    assert mpl.rcParams["font.size"] == 33.0


def test_every_reference_of_a_picture_is_in_the_page(report):
    page = render_page(report)
    wanted = {url[1:] for url in Tags(page).urls} | set(re.findall(r"url\(#([^)]*)\)", page))
    assert wanted <= set(Tags(page).ids)
    assert wanted


def test_pictures_take_their_colours_from_the_page(report):
    for picture in draw(report.curves, report.variants, report.alpha):
        assert picture.svg.startswith("<svg viewBox=")
        assert not re.search(r"#0a0[bc]", picture.svg)
        assert "var(--ink)" in picture.svg
        assert all(f"var(--v{place})" in picture.svg for place in picture.variants)
        assert "font-family" not in picture.svg
        assert "font-size: 10px" in picture.svg


def test_many_variants_are_told_apart(report):
    rows = tuple(row(f"v{place}", control=place == 0) for place in range(2 * COLOURS))
    page = render_page(replace(report, variants=rows, curves=curves_of(len(rows))))
    assert page.count('stroke-dasharray="5 2"') >= COLOURS
    assert "stroke-dasharray: " in page
    assert "The band of v0 and that of v1, the best so far," in page


@pytest.mark.parametrize("length", [10**3, *(round(10 ** (k / 3)) for k in range(15, 53))])
def test_any_length_of_time_can_be_drawn(report, length):
    pictures = draw(curves_of(3, moments=2, step=length), report.variants, 0.05)
    assert len(pictures) == 4


def test_bands_that_say_nothing_are_not_drawn(report):
    curves = curves_of(3)
    for band in (curves.mean_lower, curves.mean_upper, curves.difference_lower, curves.difference_upper):
        band[:] = np.inf
    curves.mean[:] = np.nan
    curves.share[:] = np.nan
    curves.difference[:] = 0.0
    assert render_page(replace(report, curves=curves)).count("<figure>") == 4


def test_without_a_log_the_page_says_so(report):
    page = render_page(replace(report, curves=None, events=(), notes=()))
    assert "There is no decision log" in page
    assert "<figure>" not in page
    assert "What happened" not in page
    assert "single moment" in render_page(replace(report, curves=curves_of(3, moments=1)))


def test_an_experiment_that_has_seen_nothing_has_a_page(report):
    empty = replace(row("control", control=True, share=None, interval=UNKNOWN), served=0, pulls=0, mean=None)
    rows = empty, replace(empty, name="b", control=False)
    nothing = replace(report, variants=rows, began=None, ended=None, curves=None)
    assert "<dt>from</dt><dd>\N{EN DASH}</dd>" in render_page(nothing)


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_what_is_not_installed_is_named(report, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"needs {module}.*armwise\[report\]"):
        render_page(report)
    with pytest.raises(MissingExtra):
        check_extra(module)


def test_intervals_have_the_decimals_that_they_deserve():
    assert bounded(Span(-0.0191, 0.0167)) == "\N{MINUS SIGN}0.0191 to 0.0167"
    assert bounded(Span(0.5, 0.5)) == "0.5000 to 0.5000"
    assert bounded(Span(1e-300, 2e-300)) == "0.000000000000 to 0.000000000000"
    assert bounded(UNKNOWN) == "not yet known"
    assert moment(None) == "\N{EN DASH}"


@pytest.mark.parametrize(("chance", "words"), [(0.0, "&lt; 0.1%"), (0.99995, "&gt; 99.9%"), (0.5, "50.0%")])
def test_chances_are_never_certain(report, chance, words):
    rows = report.variants[0], replace(report.variants[1], chance_to_beat=chance, expected_loss=0.0, difference=0.5)
    assert words in render_page(replace(report, variants=rows, curves=None))
