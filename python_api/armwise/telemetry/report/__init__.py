"""One page on one experiment: what it showed, why, and the pictures, in a single file of HTML."""

from __future__ import annotations

from armwise.telemetry.report.figures import check_extra
from armwise.telemetry.report.model import (
    Check,
    CheckOutcome,
    Curves,
    ExperimentReport,
    Span,
    VariantRow,
    Verdict,
)
from armwise.telemetry.report.page import bounded, moment, render_page

__all__ = [
    "Check",
    "CheckOutcome",
    "Curves",
    "ExperimentReport",
    "Span",
    "VariantRow",
    "Verdict",
    "bounded",
    "check_extra",
    "moment",
    "render_page",
]
