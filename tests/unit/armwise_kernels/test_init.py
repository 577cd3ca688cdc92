"""Which kernels ``load()`` gives, by its arguments and by the environment, and what ``describe()`` says of them."""

from __future__ import annotations

import sys

import pytest

import armwise_kernels
from armwise_kernels import BackendUnavailable, describe, load


@pytest.fixture(autouse=True)
def isas(monkeypatch):
    """The instruction sets of this process, with none of them chosen."""
    monkeypatch.delenv("ARMWISE_ISA", raising=False)
    return describe()["isas"]


@pytest.fixture
def native():
    """Skip where the native modules are not installed."""
    try:
        return load("native")
    except BackendUnavailable as problem:
        pytest.skip(str(problem))


@pytest.fixture
def fresh(monkeypatch):
    """Forget what was loaded before and after, and start without the environment's wishes."""
    for name in ("ARMWISE_BACKEND", "ARMWISE_REQUIRE_NATIVE"):
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch
    monkeypatch.undo()
    armwise_kernels._native_face.cache_clear()
    armwise_kernels._load.cache_clear()


def test_describe_has_its_five_keys_and_speaks_of_what_load_gives():
    found = describe()
    assert set(found) == {"backend", "isa", "isas", "compiler", "version"}
    assert (found["backend"], found["isa"]) == (load().backend, load().isa)
    assert found["isa"] in found["isas"]
    assert found["compiler"]
    assert found["version"] == armwise_kernels.__version__


def test_kernels_are_loaded_once(native):
    assert load("native") is native
    assert load("native", native.isa).isa == native.isa


@pytest.mark.usefixtures("native")
def test_every_instruction_set_of_the_native_backend_can_be_forced():
    from armwise_kernels.native import runnable

    assert runnable()[0] == "scalar"
    assert [load("native", isa).isa for isa in runnable()] == list(runnable())
    with pytest.raises(ValueError, match="avx4096"):
        load("native", "avx4096")


def test_the_environment_chooses_an_instruction_set(isas, monkeypatch):
    for isa in isas:
        monkeypatch.setenv("ARMWISE_ISA", isa)
        assert load().isa == describe()["isa"] == isa


@pytest.mark.parametrize("choice", [None, ""])
def test_without_a_choice_the_widest_serves(choice, isas, monkeypatch):
    if choice is not None:
        monkeypatch.setenv("ARMWISE_ISA", choice)
    assert load().isa == isas[-1]


def test_an_argument_goes_before_the_environment(isas, monkeypatch):
    monkeypatch.setenv("ARMWISE_ISA", "z80")
    assert load("numba").isa == "jit"
    assert [load(isa=isa).isa for isa in isas] == list(isas)


def test_an_instruction_set_that_is_not_there_is_an_error_that_names_those_that_are(isas, monkeypatch):
    monkeypatch.setenv("ARMWISE_ISA", "z80")
    with pytest.raises(ValueError, match=f"z80.*{isas[-1]}"):
        load()


def test_numba_has_one_instruction_set(fresh):
    fresh.setenv("ARMWISE_BACKEND", "numba")
    assert load("numba", "jit").isa == load("numba").isa == "jit"
    assert describe()["isas"] == ("jit",)
    assert "numba" in describe()["compiler"]
    with pytest.raises(ValueError, match="jit"):
        load("numba", "avx2")


@pytest.mark.parametrize("name", ["cuda", "Native"])
def test_an_unknown_backend_is_refused_wherever_it_is_named(fresh, name):
    with pytest.raises(ValueError, match=name):
        load(name)
    fresh.setenv("ARMWISE_BACKEND", name)
    with pytest.raises(ValueError, match="ARMWISE_BACKEND"):
        load()


@pytest.mark.parametrize("missing", ["_native", "_fast"])
def test_without_one_native_module_numba_serves_and_the_error_names_it(fresh, missing):
    fresh.setitem(sys.modules, f"armwise_kernels.{missing}", None)
    armwise_kernels._native_face.cache_clear()
    assert load().backend == "numba"
    with pytest.raises(BackendUnavailable, match=f"armwise_kernels.{missing}"):
        load("native")
    fresh.setenv("ARMWISE_REQUIRE_NATIVE", "1")
    with pytest.raises(BackendUnavailable, match=f"armwise_kernels.{missing}"):
        load("numba")


def test_without_numba_the_numba_backend_says_so(fresh):
    fresh.setitem(sys.modules, "armwise_kernels.jit_backend", None)
    armwise_kernels._load.cache_clear()
    with pytest.raises(BackendUnavailable, match="install numba"):
        load("numba")
