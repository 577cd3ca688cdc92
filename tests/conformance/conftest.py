"""Every backend on every instruction set that this machine runs, and the oracle beside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from armwise_kernels import BackendUnavailable, load

# The oracles are modules of this folder, which pytest's importlib mode puts on no path.
sys.path.insert(0, str(Path(__file__).resolve().parent))


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
