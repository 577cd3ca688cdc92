"""The storeys of the house: the contracts of pyproject.toml hold for the sources."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def imported_names(path: Path) -> set[str]:
    """Every module that a file imports, at any depth of the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def sources() -> list[Path]:
    return sorted([*ROOT.glob("python_api/armwise/**/*.py"), *ROOT.glob("pykernel/armwise_kernels/**/*.py")])


def test_contracts_are_kept():
    pytest.importorskip("importlinter", reason="import-linter is in the dev extra")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "python_api"), str(ROOT / "pykernel")])}
    program = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main())"
    result = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_only_the_jit_modules_import_numba():
    importers = {path for path in sources() if any(n.partition(".")[0] == "numba" for n in imported_names(path))}
    assert all(path.parent.name == "armwise_kernels" and path.name.startswith("jit") for path in importers), importers


def test_the_root_package_is_imported_by_no_room():
    """``import armwise`` re-exports what the rooms hold: one that imported it would stand on its own roof."""
    rooms = sorted((ROOT / "python_api" / "armwise").glob("*/**/*.py"))
    assert {path for path in rooms if "armwise" in imported_names(path)} == set()
