"""What ``armwise.learning`` exports, it imports when asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from armwise import learning


def test_every_export_is_there_and_listed():
    assert set(learning.__all__) == set(learning._HOMES)
    assert set(learning.__all__) <= set(dir(learning))
    for name in learning.__all__:
        assert getattr(learning, name).__module__.startswith("armwise.learning")


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Flag'"):
        _ = learning.Flag


def test_flags_and_limits_load_neither_the_engine_nor_anything_optional():
    program = (
        "import sys; from armwise.learning import FeatureStore, Flags, PacedBudget, PolicyRegistry, Shields;"
        "Flags.from_environment({}); FeatureStore(); Shields(budget=PacedBudget(1, 60)); PolicyRegistry();"
        "print([name for name in sys.modules if name in {'armwise.learning.engine', 'armwise.evaluation',"
        " 'armwise.stores', 'armwise.telemetry', 'numba', 'pydantic', 'pydantic_core', 'yaml'}])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
