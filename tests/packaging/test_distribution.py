"""What was installed: the files of the wheel, its tag, its metadata."""

from __future__ import annotations

import importlib.metadata
import json

import pytest

DISTRIBUTION = importlib.metadata.distribution("armwise")
EDITABLE = json.loads(DISTRIBUTION.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable", False)
# Empty for an egg-info folder that a build left in the tree, which `python -m pytest` finds first.
WHEEL = DISTRIBUTION.read_text("WHEEL") or ""
FILES = {str(path) for path in DISTRIBUTION.files or []}
NATIVE = {"armwise_kernels/_fast.abi3.so", "armwise_kernels/_native.abi3.so"}

pytestmark = pytest.mark.skipif(EDITABLE, reason="an editable install has no files of its own: run `make test`")


def built_without_compiler() -> bool:
    return not any(name.endswith(".so") for name in FILES)


@pytest.mark.skipif(built_without_compiler(), reason="installed without a C compiler")
def test_both_native_modules_are_in_the_wheel():
    assert {name for name in FILES if name.endswith(".so")} == NATIVE


def test_tag_is_abi3_of_the_oldest_python():
    assert "Tag: cp311-abi3-" in WHEEL


@pytest.mark.parametrize(
    "name",
    [
        "armwise/py.typed",
        "armwise_kernels/py.typed",
        "armwise/data/llm_routing.npz",
        "armwise/data/README.md",
    ],
)
def test_data_is_in_the_wheel(name):
    assert name in FILES


def test_wheel_holds_no_sources_of_c_and_no_tests():
    strays = {name for name in FILES if name.endswith((".c", ".h", ".o")) or name.startswith(("tests/", "native/"))}
    assert strays == set()


def test_licence_and_notice_travel_with_it():
    held = {name.rpartition("/")[2] for name in FILES if "/licenses/" in name}
    assert held == {"LICENSE", "NOTICE"}


def test_command_is_installed():
    scripts = {entry.name: entry.value for entry in DISTRIBUTION.entry_points if entry.group == "console_scripts"}
    assert scripts["armwise"] == "armwise.cli:main"


def test_version_is_told_once():
    import armwise

    assert armwise.__version__ == DISTRIBUTION.version
