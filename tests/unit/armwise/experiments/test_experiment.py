from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.experiments import (
    Allocator,
    Experiment,
    MemoryAssignments,
    Namespace,
    ParetoThompsonSampling,
    SequentialTest,
    StickyAllocator,
)
from armwise.experiments.experiment import later, table_of

VARIANTS = {"control": "a", "b": "b"}


def made(**options):
    return Experiment("e", **{"control": "control", "variants": VARIANTS} | options)


def test_what_is_not_given():
    experiment = made()
    assert experiment.id == "e"
    assert experiment.phase == "shadow"
    assert experiment.baseline == "control"
    assert experiment.guard == SequentialTest()
    assert (experiment.stopping, experiment.auto_activate_after, experiment.bounds) == (None, None, None)
    assert experiment.split().shares == {"control": Fraction(1, 2), "b": Fraction(1, 2)}


def test_an_experiment_keeps_its_own_copies():
    variants, weights = dict(VARIANTS), {"b": 3, "control": 1}
    experiment = made(variants=variants, weights=weights)
    variants["c"] = weights["c"] = 1
    assert set(experiment.variants) == set(experiment.weights) == {"control", "b"}
    # Codes follow the variants, not the weights.
    assert experiment.split().variants == ("control", "b")
    assert experiment.split().shares["b"] == Fraction(3, 4)


def test_outputs_are_arms_policies_or_the_core():
    policy = ThompsonSampling(["a", "b"], seed=1)
    experiment = made(variants={"control": None, "b": policy, "c": 3, "d": 2.5})
    assert list(experiment.variants.values()) == [None, policy, 3, 2.5]


def test_tenants_are_divided_independently():
    experiment = made()
    keys = [f"u{i}" for i in range(2000)]
    first = experiment.split().allocate_many(keys)
    second = experiment.split('["t","w"]').allocate_many(keys)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1


def test_coverage_and_namespace_reach_the_table():
    table = made(coverage=0.5, namespace=Namespace("n", 0, Fraction(1, 2))).split()
    assert sum(table.shares.values()) == Fraction(1, 4)


def test_a_coverage_of_nothing_takes_nobody_yet():
    table = made(coverage=0).split()
    assert (sum(table.shares.values()), set(table.allocate_many([f"u{i}" for i in range(200)]))) == (0, {-1})
    grown = table.ramp(1)
    assert -1 not in grown.allocate_many([f"u{i}" for i in range(200)])


def test_an_allocator_in_place_of_weights():
    table = Allocator("e", {"control": 1, "b": 1}).reallocate({"control": 1, "b": 3})
    assert made(allocator=table).split("salt") is table
    sticky = StickyAllocator(table, MemoryAssignments())
    assert made(allocator=sticky).split() is sticky
    assert table_of(sticky) is table is table_of(table)


def test_bounds_are_those_of_its_tests():
    bounded = SequentialTest(kind="empirical_bernstein", bounds=(0, 5))
    assert made(guard=bounded).bounds == (0.0, 5.0)
    assert made(stopping=bounded).bounds == (0.0, 5.0)
    assert made(guard=None).bounds is None


def test_phases_follow_each_other():
    assert later("shadow", "active") == later("active", "shadow") == "active"
    assert later("stopped", "active") == "stopped"


@pytest.mark.parametrize("name", ["", " e", "e ", "a\nb", "a\x00", "x" * 201, None, 3, b"e", "\t"])
def test_ids_that_are_none_are_refused(name):
    with pytest.raises(ConfigurationError, match="experiment id"):
        Experiment(name, control="control", variants=VARIANTS)


@pytest.mark.parametrize("name", ["e", "policy::route", "x" * 200, "Größe 2"])
def test_ids(name):
    assert Experiment(name, control="control", variants=VARIANTS).id == name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"variants": {"control": "a"}}, "at least two"),
        ({"variants": {}}, "at least two"),
        ({"variants": ["control", "b"]}, "mapping"),
        ({"variants": {"control": "a", "": "b"}}, "variant's name"),
        ({"variants": {"control": "a", 3: "b"}}, "variant's name"),
        ({"variants": {"control": "a", "b": float("nan")}}, "variant 'b'"),
        ({"variants": {"control": "a", "b": True}}, "variant 'b'"),
        ({"variants": {"control": "a", "b": object()}}, "variant 'b'"),
        ({"variants": {"control": "a", "b": ThompsonSampling}}, "variant 'b'"),
        ({"control": "c"}, "control is 'c'; expected one of the variants: 'control', 'b'"),
        ({"control": ["control"]}, "control is"),
        ({"baseline": "c"}, "baseline is 'c'"),
        ({"phase": "SHADOW"}, "phase is 'SHADOW'"),
        ({"phase": None}, "phase is None"),
        ({"auto_activate_after": 0}, "auto_activate_after"),
        ({"auto_activate_after": True}, "auto_activate_after"),
        ({"auto_activate_after": 5.0}, "auto_activate_after"),
        ({"guard": 0.05}, "guard is 0.05"),
        ({"stopping": "yes"}, "stopping is 'yes'"),
        ({"key_fn": "user"}, "key_fn"),
        ({"by_candidates": 1}, "by_candidates"),
        ({"description": None}, "description"),
        ({"weights": {"control": 1}}, "one for each variant"),
        ({"weights": {"control": 1, "b": 1, "c": 1}}, "one for each variant"),
        ({"weights": [1, 1]}, "one for each variant"),
        ({"weights": {"control": 1, "b": -1}}, "-1"),
        ({"weights": {"control": 0, "b": 0}}, "0"),
        ({"weights": {"control": 1, "b": float("nan")}}, "nan"),
        ({"coverage": 1.5}, "1.5"),
        ({"coverage": -0.1}, "coverage"),
        ({"namespace": "n"}, "namespace"),
        ({"allocator": "table"}, "expected an Allocator"),
        ({"allocator": Allocator("f", ["control", "b"])}, "divides 'f'"),
        ({"allocator": Allocator("e", ["control", "c"])}, "expected 'e' between 'control', 'b'"),
        ({"allocator": Allocator("e", ["control", "b"]), "weights": {"control": 1, "b": 1}}, "one of the two"),
        ({"allocator": Allocator("e", ["control", "b"]), "coverage": 0.5}, "one of the two"),
        (
            {
                "guard": SequentialTest(kind="empirical_bernstein"),
                "stopping": SequentialTest(kind="empirical_bernstein", bounds=(0, 2)),
            },
            "bounds",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(options, words):
    with pytest.raises(ConfigurationError, match=words):
        made(**options)


def test_a_policy_of_several_objectives_is_refused():
    """It learns from one reward for each of them; every reward of the experiment would be counted and not learnt."""
    pareto = ParetoThompsonSampling(["a", "b"], objectives={"quality": (0, 1), "cost": (1, 0)})
    with pytest.raises(ConfigurationError, match="'b' is a ParetoThompsonSampling, which learns from one reward for"):
        made(variants={"control": "a", "b": pareto})


def test_a_variant_without_a_share_may_be_missing_from_the_experiment():
    """One that was taken out by reallocating stays in the table, without a share."""
    table = Allocator("e", ["control", "b", "gone"]).reallocate(["control", "b"])
    assert made(allocator=table).split().variants == ("control", "b", "gone")
