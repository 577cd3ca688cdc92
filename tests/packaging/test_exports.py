"""What a package says that it exports is what it exports."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import armwise
import armwise_kernels

PACKAGES = ["armwise", "armwise_kernels"] + [
    module.name
    for module in pkgutil.walk_packages(armwise.__path__, "armwise.")
    if module.ispkg and not module.name.rpartition(".")[2].startswith("_")
]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_is_what_is_exported(name):
    """Every name in ``__all__`` is there, and every public name of ours that is not a module is in it."""
    package = importlib.import_module(name)
    exported = list(getattr(package, "__all__", []))
    assert len(exported) == len(set(exported))
    assert [attribute for attribute in exported if not hasattr(package, attribute)] == []
    public = {
        attribute
        for attribute, value in vars(package).items()
        if not attribute.startswith("_") and getattr(value, "__module__", "").partition(".")[0].startswith("armwise")
    }
    assert public <= set(exported), f"public, and missing from {name}.__all__: {sorted(public - set(exported))}"


@pytest.mark.parametrize("name", ["ThompsonSampling", "LinTSDiag", "LinTS", "EpsilonGreedy", "UCB1"])
def test_policies_are_at_the_top(name):
    assert name in armwise.__all__
    assert getattr(armwise, name).__name__ == name


def test_every_error_is_at_the_top():
    errors = importlib.import_module("armwise.errors")
    for name in errors.__all__:
        assert getattr(armwise, name) is getattr(errors, name)
        assert issubclass(getattr(errors, name), armwise.ArmwiseError)


def test_kernels_offer_describe_and_load():
    assert {"describe", "load"} <= set(armwise_kernels.__all__)
