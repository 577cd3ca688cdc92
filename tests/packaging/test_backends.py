"""Which backend serves, with Numba or the native modules out of reach."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {blocked!r} or name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked by a test)", name=name)
sys.meta_path.insert(0, Blocked())
"""
DECIDE = """
import json
import armwise, armwise_kernels
policy = armwise.ThompsonSampling(["a", "b", "c"], seed=1)
arms = [policy.select() for _ in range(5)]
policy.update("a", 1.0)
print(json.dumps({"backend": armwise_kernels.describe()["backend"], "arms": arms + [policy.select()]}))
"""
NATIVE_MODULES = ["armwise_kernels._fast", "armwise_kernels._native"]


def run(blocked: list[str], program: str = DECIDE, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ARMWISE_")} | environment
    program = BLOCK.format(blocked=blocked) + program
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def native():
    if any(importlib.util.find_spec(name) is None for name in NATIVE_MODULES):
        pytest.skip("installed without a C compiler")


@pytest.mark.usefixtures("native")
def test_without_numba_native_serves_and_decides_the_same():
    free, blocked = run([]), run(["numba"])
    assert blocked.returncode == 0, blocked.stderr
    assert json.loads(blocked.stdout)["backend"] == "native"
    assert blocked.stdout == free.stdout


@pytest.mark.parametrize("missing", [NATIVE_MODULES, NATIVE_MODULES[:1], NATIVE_MODULES[1:]])
def test_without_a_native_module_numba_serves_and_decides_the_same(missing):
    served, reference = run(missing), run([], ARMWISE_BACKEND="numba")
    assert served.returncode == 0, served.stderr
    assert json.loads(served.stdout)["backend"] == "numba"
    assert served.stdout == reference.stdout


@pytest.mark.parametrize("missing", [NATIVE_MODULES[:1], NATIVE_MODULES[1:]])
def test_required_native_modules_that_are_absent_are_an_error_that_names_them(missing):
    failed = run(missing, ARMWISE_REQUIRE_NATIVE="1")
    assert failed.returncode != 0
    assert "BackendUnavailable" in failed.stderr
    assert missing[0] in failed.stderr


def test_a_backend_that_does_not_exist_is_an_error_that_names_those_that_do():
    failed = run([], ARMWISE_BACKEND="cuda")
    assert failed.returncode != 0
    assert "native" in failed.stderr
    assert "numba" in failed.stderr
