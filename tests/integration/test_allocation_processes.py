"""One key, one variant: in every process, whatever its hash seed, its backend, its instruction set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

import armwise_kernels
from armwise.experiments import Allocator

pytestmark = pytest.mark.integration

HERE = armwise_kernels.describe()
PROGRAM = """
import hashlib, json, sys
import numpy as np
import armwise_kernels
from armwise.experiments import Allocator, Namespace
from armwise.experiments.allocation import DIALECTS

texts = [f"user-{i}" for i in range(3000)] + ["", "na\\xefve", "\\u65e5\\u672c", "\\U0001f600", "x" * 2000]
allocators = [
    Allocator("ranking", {"control": 50, "b": 30, "c": 20}),
    Allocator("ramp", {"control": 0.1, "b": 0.7}, seed_salt="s", coverage=0.3, namespace=Namespace("n", 0, 0.5)),
    Allocator("moved", ["a", "b"]).reallocate({"a": 34, "b": 33, "c": 33}).ramp(0.5),
    Allocator("old", {"a": 5, "b": 7}, law="modulo"),
    Allocator.from_state(json.loads(sys.argv[1])),
]
allocators += [Allocator("flag", {"a": 50, "b": 50}, seed_salt="7", dialect=dialect) for dialect in DIALECTS]
codes = hashlib.sha256()
for allocator in allocators:
    codes.update(allocator.allocate_many(texts).astype("<i4").tobytes())
    codes.update(allocator.allocate_many(np.array(texts)).astype("<i4").tobytes())
    codes.update(allocator.allocate_many(np.arange(-500, 500)).astype("<i4").tobytes())
    codes.update(repr([allocator.allocate(text) for text in texts[:200]]).encode())
print(json.dumps([codes.hexdigest(), armwise_kernels.describe()["backend"], armwise_kernels.describe()["isa"]]))
"""
STATE = json.dumps(Allocator("saved", {"a": 1, "b": 2}).reallocate({"b": 1, "c": 3}).state_dict())


def run(**environment):
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, STATE],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return json.loads(found.stdout)


def settings():
    """Every backend and instruction set of this machine, under different hash seeds and locales."""
    if HERE["backend"] == "native" or find_spec("armwise_kernels._fast"):
        from armwise_kernels.native import runnable

        for i, isa in enumerate(runnable()):
            yield {"ARMWISE_BACKEND": "native", "ARMWISE_ISA": isa, "PYTHONHASHSEED": str(i * 1000)}
    yield {"ARMWISE_BACKEND": "numba", "ARMWISE_ISA": "", "PYTHONHASHSEED": "random"}
    yield {"ARMWISE_ISA": "", "PYTHONHASHSEED": "4294967295", "LC_ALL": "C", "PYTHONUTF8": "0"}


def test_every_process_assigns_the_same():
    answers = [run(**environment) for environment in settings()]
    assert len(answers) >= 2
    assert {answer for answer, _, _ in answers} == {answers[0][0]}, answers
    assert "numba" in {backend for _, backend, _ in answers}
