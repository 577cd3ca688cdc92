"""What one experiment's ledger keeps beside the figures."""

from __future__ import annotations

import pytest

from armwise import EpsilonGreedy, SnapshotError
from armwise.experiments import (
    Allocator,
    Experiment,
    ExperimentManager,
    MemoryAssignments,
    SequentialTest,
    StickyAllocator,
)


def managed(on, table):
    experiment = Experiment("e", control="control", variants={"control": "x", "b": "y"}, allocator=table)
    return ExperimentManager([experiment], flags=on)


def test_the_latest_table_is_kept_whoever_merges(on):
    first = Allocator("e", {"control": 1, "b": 1})
    later = first.reallocate({"control": 9, "b": 1})
    for order in ((first, later), (later, first)):
        one, other = (managed(on, table) for table in order)
        one.merge(other.state_dict())
        assert one.state_dict()["experiments"]["e"]["table"] == later.state_dict()


def test_a_table_that_is_none_is_refused(on):
    manager = managed(on, Allocator("e", {"control": 1, "b": 1}))
    before = manager.state_dict()
    for wrong in (5, {}, {"kind": "armwise.allocator"}):
        state = manager.state_dict()
        state["experiments"]["e"]["table"] = wrong
        with pytest.raises(SnapshotError):
            manager.merge(state)
    assert manager.state_dict() == before


def test_shares_changed_in_action_end_automatic_stopping(on):
    def split(weights):
        return Experiment(
            "policy::r", control="a", variants={"a": "x", "b": "y"}, weights=weights, phase="active",
            stopping=SequentialTest(),
        )  # fmt: skip

    manager = ExperimentManager([split({"a": 9, "b": 1})], flags=on)
    for i in range(400):
        manager.record("policy::r", "ab"[i % 10 == 0], 0.1 + i % 2 / 10)
    manager.add(split({"a": 1, "b": 1}))
    for i in range(400):
        manager.record("policy::r", "ab"[i % 2], 0.7 + i % 3 / 10)
    status = manager.status()["policy::r"]
    assert status["phase"] == "active"
    assert [event["kind"] for event in status["events"]] == ["withheld"]
    assert "shares were changed in action" in status["events"][0]["reason"]
    other = ExperimentManager([split({"a": 1, "b": 1})], flags=on)
    other.merge(manager.state_dict())
    assert other.state_dict()["experiments"]["policy::r"]["resplit"] == 1


def test_coverage_changed_in_action_keeps_the_mixture(on):
    def split(coverage):
        return Experiment("e", control="a", variants={"a": "x", "b": "y"}, coverage=coverage, phase="active")

    manager = ExperimentManager([split(0.1)], flags=on)
    manager.record("e", "a", 0.5)
    manager.add(split(0.5))
    assert manager.state_dict()["experiments"]["e"]["resplit"] == 0


def test_a_variant_that_draws_what_the_core_draws_is_not_weighed(on):
    for seed, weighed in ((5, False), (6, True)):
        variant = EpsilonGreedy(["s", "l"], epsilon=0.4, seed=seed)
        core = EpsilonGreedy(["s", "l"], epsilon=0.4, seed=5)
        experiment = Experiment("policy::r", control="a", variants={"a": None, "b": variant})
        manager = ExperimentManager([experiment], flags=on)
        trial = manager.decide("r", {"user_id": "u1"}, ["s", "l"], core)
        assert bool(trial.weights) == weighed


def test_stored_users_of_an_earlier_table_have_no_known_share(on):
    first = Allocator("policy::r", {"a": 1, "b": 1})
    for table, known in ((first, True), (first.reallocate({"a": 9, "b": 1}), False)):
        split = StickyAllocator(table, MemoryAssignments())
        experiment = Experiment(
            "policy::r", control="a", variants={"a": "s", "b": "l"}, phase="active", allocator=split
        )
        trial = ExperimentManager([experiment], flags=on).decide("r", {"user_id": "u1"}, ["s", "l"], None)
        assert bool(trial.weights) == known
        assert (trial.propensity is not None) == known
