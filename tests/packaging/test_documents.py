"""Every example in the README and in docs/ runs, and prints what the page says that it prints.

A page's examples are its fenced blocks of Python with prompts; they share one namespace, from top to bottom.
"""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def without_prose(text: str) -> str:
    """Keep the blocks of Python, each on its own lines; a closing fence is no output."""
    kept, inside = [], False
    for line in text.splitlines():
        fence = line.strip().startswith("```")
        if fence:
            inside = not inside and line.strip() in {"```python", "```pycon"}
        kept.append(line if inside and not fence else "")
    return "\n".join(kept) + "\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = without_prose(page.read_text(encoding="utf-8"))
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "__main__"}, page.name, str(page), 0)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    result = runner.run(test, out=report.append)
    assert result.failed == 0, "".join(report)


def test_examples_are_found():
    assert ">>> import armwise" in without_prose("```python\n>>> import armwise\n```\n")
    assert without_prose("```text\n>>> no\n```\n>>> no\n").strip() == ""
