"""Every backend on every instruction set that this machine runs, and the oracle beside them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from armwise_kernels import BackendUnavailable, load

HERE = Path(__file__).resolve().parent


def oracle(name: str):
    """Load a module of this folder by its name: importlib mode puts no folder on the path."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def every_kernels():
    """The kernels of each backend and instruction set."""
    found = [load("numba")]
    try:
        native = load("native")
    except BackendUnavailable:
        return found
    from armwise_kernels.native import runnable

    assert native.isa == runnable()[-1]
    return [load("native", isa) for isa in runnable()] + found


@pytest.fixture(params=every_kernels(), ids=lambda k: f"{k.backend}-{k.isa}")
def kernels(request):
    return request.param


@pytest.fixture(scope="session")
def naive():
    return oracle("naive")
