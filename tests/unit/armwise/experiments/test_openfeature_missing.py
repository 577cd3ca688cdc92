"""Without the SDK the provider says what to install, and nothing else needs it."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from armwise import MissingExtra


def test_the_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "openfeature"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openfeature", None)
    for name in ("openfeature", "_flag_definition"):
        monkeypatch.delitem(sys.modules, f"armwise.experiments.{name}", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'armwise\[openfeature\]'"):
        importlib.import_module("armwise.experiments.openfeature")


def test_experiments_do_not_import_the_sdk():
    program = (
        "import sys, armwise.experiments as e; [getattr(e, name) for name in e.__all__];"
        "sys.exit(any(name.partition('.')[0] == 'openfeature' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
