"""What holds for every bench: siblings can be imported, peers may warn, a smoke run has no ratios."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# report.py runs as a script and finds its siblings beside it; importlib mode puts no folder on the path.
sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A smoke run measures nothing, so it has no ratios to assert."""
    if collection_path.name.startswith("test_ratios") and config.getoption("benchmark_disable", default=False):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a peer warns of is the peer's own business."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default"))
