"""What ``armwise.experiments`` exports, it imports when asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from armwise import experiments


def test_every_export_is_there_and_listed():
    assert set(experiments.__all__) == set(experiments._HOMES)
    assert set(experiments.__all__) <= set(dir(experiments))
    for name in experiments.__all__:
        assert getattr(experiments, name).__module__.startswith("armwise.experiments")


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Allocators'"):
        _ = experiments.Allocators


def test_allocating_loads_neither_inference_nor_anything_optional():
    program = (
        "import sys; from armwise.experiments import Allocator; Allocator('e', ['a', 'b']).allocate('u');"
        "print([name for name in sys.modules if name in {'armwise.evaluation', 'armwise.experiments.manager',"
        " 'pydantic', 'matplotlib', 'openfeature', 'prometheus_client', 'pyarrow'}])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
