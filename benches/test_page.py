"""The page and the README's excerpt, from figures that were made up."""

from __future__ import annotations

import report
from measure import Latency, Timing
from page import Bar, Group, Report, Row, Wait, excerpt, markdown, span, times, with_excerpt

ROWS = [
    Row("armwise", "avx512", "policy.select()", Timing(100.0, 95.0)),
    Row("armwise", "jit", "policy.select()", Timing(2000.0, 1900.0)),
    Row("NumPy", "", "np.argmax(rng.beta(a, b))", Timing(6250.0, 6000.0)),
]
MADE_UP = Report(
    {"processor": "a processor", "Python": "CPython", "date": "2000-01-01"},
    [
        Bar("select", "avx512", "<= 130 ns", "100 ns", "95.0 ns", met=True),
        Bar("a", "", "<= 1 ns", "2 ns", "2 ns", met=False),
    ],
    [Group("One decision", "select", ROWS, ["river"])],
    [Wait("select", "alone", Latency(90.0, 800.0, 2100.0))],
)


def test_the_page_names_bars_groups_and_who_is_absent():
    page = markdown(MADE_UP)
    assert "| select | AVX-512 | <= 130 ns | 100 ns | 95.0 ns | yes |" in page
    assert "| **no** |" in page
    assert "| select | alone | 90.0 ns | 800 ns | 2.10 us |" in page
    assert "| armwise (Numba) | as above | 2.00 us | 1.90 us | 20x |" in page
    assert "| NumPy | `np.argmax(rng.beta(a, b))` | 6.25 us | 6.00 us | 62x |" in page
    assert "river" in page.splitlines()[-1]


def test_the_excerpt_fills_the_marked_region_and_nothing_else():
    table = excerpt(MADE_UP, ["select"], ["NumPy", "river"])
    assert "| select | 100 ns | 6.25 us (62x) |  |" in table
    marked = "before\n<!-- benchmarks:begin -->\nold\n<!-- benchmarks:end -->\nafter\n"
    filled = with_excerpt(marked, table)
    assert filled == marked.replace("old", table)
    assert with_excerpt(filled, table) == filled
    assert with_excerpt("no marks", table) == "no marks"


def test_figures_have_three_digits_and_the_unit_that_suits_them():
    assert [span(x) for x in (0.5, 73.21, 999.4, 999.6, 7321.0, 732_100_000.0)] == [
        "0.50 ns",
        "73.2 ns",
        "999 ns",
        "1.00 us",
        "7.32 us",
        "732 ms",
    ]
    assert [times(x) for x in (0.834, 8.34, 834.0)] == ["0.83x", "8.3x", "834x"]


def test_what_the_report_asks_for_by_name_is_there():
    groups = {case.group for cases in report.SECTIONS.values() for case in cases}
    assert set(report.README) <= groups
    assert {case.group for case in report.WAITING} == report.WAITED
