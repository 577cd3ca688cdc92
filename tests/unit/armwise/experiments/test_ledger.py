"""What one experiment's ledger keeps beside the figures."""

from __future__ import annotations

import pytest

from armwise import SnapshotError
from armwise.experiments import Allocator, Experiment, ExperimentManager


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
