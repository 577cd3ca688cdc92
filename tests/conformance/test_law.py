"""The constants of Python and of C are one truth, stated twice."""

from __future__ import annotations

import re
from pathlib import Path

from armwise_kernels import law, layout

ROOT = Path(__file__).resolve().parents[2]
HEADER = (ROOT / "native" / "include" / "armwise.h").read_text(encoding="utf-8")
RANDOM = (ROOT / "native" / "src" / "simd" / "random.h").read_text(encoding="utf-8")


def members(text: str, first: str) -> dict[str, int]:
    """The members of the anonymous enum that begins with a name."""
    body = re.search(rf"enum \{{\s*({first}\b[^}}]*)\}}", text).group(1)
    out, value = {}, -1
    for part in body.split(","):
        if name := part.strip():
            name, _, given = (word.strip() for word in name.partition("="))
            value = int(given) if given else value + 1
            out[name.removeprefix("AW_")] = value
    return out


def test_rows_head_evidence_parameters_and_purposes():
    twins = (
        members(HEADER, "AW_ROW_D1")
        | members(HEADER, "AW_HEAD_COUNTER")
        | members(HEADER, "AW_EVIDENCE_PRIOR_A")
        | members(HEADER, "AW_LEVEL")
        | members(RANDOM, "AW_PURPOSE_DRAW")
    )
    assert {name: getattr(law, name) for name in twins} == twins
    named = {n for n in vars(law) if n.startswith(("ROW_", "HEAD_", "EVIDENCE_", "PURPOSE_", "LEVEL"))}
    assert named <= twins.keys()


def test_limits():
    def defined(name: str) -> float:
        text = re.search(rf"#define AW_{name} \(?(.*?)\)?( /\*.*)?$", HEADER, re.MULTILINE).group(1)
        return float(eval(text.replace("ULL", "")))  # noqa: S307 - our own header

    for name in ("BETA_ROWS", "MAX_ARMS", "MIN_SHAPE", "MAX_SHAPE", "MAX_CONTEXT", "RATE_CAP", "LEAST_CHANCE"):
        assert getattr(law, name) == defined(name), name
    assert defined("BLOCK_MIN_ARMS") == law.BLOCK_MIN_ARMS
    assert defined("BLOCK_MAX_POINTS") == law.BLOCK_MAX_POINTS
    assert defined("MAX_LEADERS") == law.BLOCK_LEADERS[-1]
    assert defined("TICKS_PER_HALF_LIFE") == law.TICKS_PER_HALF_LIFE
    assert defined("WORD_BITS") == law.WORD_BITS
    assert defined("WORD_UNITS") == law.WORD_UNITS
    assert "AW_WORD_MOST ((1 << AW_WORD_BITS) - 2)" in HEADER
    assert law.WORD_MOST == (1 << law.WORD_BITS) - 2
    assert "AW_END_OF_TIME (1LL << 62)" in HEADER
    assert law.END_OF_TIME == 1 << 62


def test_columns_are_padded_and_leave_one_for_the_prior():
    for arms in range(40):
        columns = layout.padded(arms)
        assert columns % law.LANES == 0
        assert arms < columns <= arms + law.LANES
