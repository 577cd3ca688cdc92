"""Builds of the C sources without Python, by the flags of the real build."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.native)


@pytest.fixture(scope="session")
def flags() -> list[str]:
    recipe = runpy.run_path(str(ROOT / "native" / "binding" / "build.py"))
    return [*recipe["OPTIONS"]["extra_compile_args"], "-Werror"]


@pytest.fixture(scope="session")
def build(tmp_path_factory, flags):
    """Return build(program, compiler, *more flags): the path of one C test, linked with all kernels."""

    def run(command: list[str]) -> None:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{' '.join(command)}\n{result.stderr}"

    def build(program: str, compiler: str | None = None, *more: str) -> Path:
        compiler = compiler or os.environ.get("CC", "cc")
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler} here (bash .ci/install-debian.sh installs the cross-compiler)")
        folder = tmp_path_factory.mktemp(f"{program}-{compiler}")
        sources = [*sorted((ROOT / "native" / "src").glob("*.c")), HERE / f"{program}.c"]
        objects = [folder / f"{source.stem}.o" for source in sources]
        commands = [
            [compiler, *flags, *more, "-c", str(source), "-o", str(to)]
            for source, to in zip(sources, objects, strict=True)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(run, commands))
        run([compiler, *flags, *more, *map(str, objects), "-o", str(folder / program)])
        return folder / program

    return build
