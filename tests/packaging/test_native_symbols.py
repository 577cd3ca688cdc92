"""The native modules take no elementary function from the C library: its bits are not ours to promise."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess

import pytest

# Any of these, in any width, with or without glibc's prefixes and suffixes (__log_finite, exp2f, powl).
FORBIDDEN = re.compile(
    r"^_*(log(1p|2|10|b)?|exp(m1|2|10)?|pow|[lt]gamma(_r)?|erfc?|sin|cos|sincos|tan|fma|fmod|remainder|cbrt|sqrt|hypot)[fl]?(_finite)?$"
)


def undefined_symbols(path: str) -> set[str]:
    lines = subprocess.run(["nm", "-D", "--undefined-only", path], check=True, capture_output=True, text=True)
    return {line.split()[-1].partition("@")[0] for line in lines.stdout.splitlines()}


def exported_symbols(path: str) -> set[str]:
    lines = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True)
    return {line.split()[-1].partition("@")[0] for line in lines.stdout.splitlines()}


@pytest.fixture(params=["_fast", "_native"])
def module(request):
    if shutil.which("nm") is None:
        pytest.skip("nm (binutils) is not installed")
    spec = importlib.util.find_spec(f"armwise_kernels.{request.param}")
    if spec is None:
        pytest.skip("installed without a C compiler")
    return spec.origin


def test_forbidden_names_are_recognised():
    for name in [
        "log",
        "log1p",
        "logf",
        "exp",
        "exp2",
        "pow",
        "powl",
        "lgamma",
        "lgamma_r",
        "__log_finite",
        "fma",
    ]:
        assert FORBIDDEN.match(name), name
    for name in ["memcpy", "PyErr_SetString", "free", "clock_gettime", "logger"]:
        assert not FORBIDDEN.match(name), name


def test_nothing_of_libm_is_imported(module):
    assert {name for name in undefined_symbols(module) if FORBIDDEN.match(name)} == set()


def test_nothing_but_the_module_is_exported(module):
    """-fvisibility=hidden: two copies of the kernels in one process stay apart."""
    name = module.rpartition("/")[2].partition(".")[0]
    exported = {symbol for symbol in exported_symbols(module) if symbol not in {"_init", "_fini"}}
    assert exported - {f"_cffi_pypyinit_{name}"} == {f"PyInit_{name}"}
