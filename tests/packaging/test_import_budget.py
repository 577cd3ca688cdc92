"""``import armwise`` is cheap: it is paid by every worker that starts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

BUDGET_SECONDS = 0.2
PROCESSES = 7
# Everything that is heavy or optional. NumPy is neither: its import is part of the budget.
ABSENT = [
    "numba",
    "llvmlite",
    "pydantic",
    "typer",
    "rich",
    "matplotlib",
    "scipy",
    "pandas",
    "prometheus_client",
    "jinja2",
    "openfeature",
    "opentelemetry",
    "pydantic_core",
    "sqlite3",
    "yaml",
    "asyncio",
    "unittest",
]

PROGRAM = f"""
import json, sys, time
begin = time.perf_counter()
import armwise
seconds = time.perf_counter() - begin
print(json.dumps({{"seconds": seconds, "present": [name for name in {ABSENT!r} if name in sys.modules]}}))
"""


@pytest.fixture(scope="module")
def imports():
    results = []
    for _ in range(PROCESSES):
        output = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
        results.append(json.loads(output.stdout))
    return results


def test_import_stays_under_its_budget(imports):
    """The least of several fresh processes: the machine's own noise only ever adds."""
    assert min(result["seconds"] for result in imports) <= BUDGET_SECONDS


def test_import_loads_nothing_heavy_or_optional(imports):
    assert imports[0]["present"] == []
