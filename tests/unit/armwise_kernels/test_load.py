"""Which kernels ``load()`` gives: by its arguments, and by ARMWISE_ISA where there are none."""

from __future__ import annotations

import pytest

from armwise_kernels import describe, load


@pytest.fixture(autouse=True)
def isas(monkeypatch):
    """Those of this process, with none of them chosen."""
    monkeypatch.delenv("ARMWISE_ISA", raising=False)
    return describe()["isas"]


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
