"""What one experiment's ledger keeps beside the figures."""

from __future__ import annotations

import numpy as np
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


def test_changed_shares_are_told_though_an_activation_was_withheld_before(on):
    """The two are told apart, also where states meet; of each the first is kept."""

    def split(weights):
        return Experiment(
            "policy::r", control="a", variants={"a": "x", "b": "y"}, weights=weights, stopping=SequentialTest(),
            auto_activate_after=200,
        )  # fmt: skip

    manager = ExperimentManager([split({"a": 9, "b": 1})], flags=on)
    for i in range(200):
        manager.record("policy::r", "b", 0.0)
        manager.record("policy::r", "a", float(i % 2))
    (guarded,) = manager.status()["policy::r"]["events"]
    assert guarded["kind"] == "withheld"
    saved = manager.state_dict()
    manager.activate("policy::r")
    for weights in ({"a": 9, "b": 1}, {"a": 1, "b": 1}):
        manager.add(split(weights))
        for i in range(200):
            manager.record("policy::r", manager.assign("policy::r", i), float(i % 2))
    events = manager.status()["policy::r"]["events"]
    assert [event["kind"] for event in events] == ["withheld", "activated", "withheld"]
    assert events[0] == guarded
    assert "shares were changed in action" in events[2]["reason"]
    for states in ((saved, manager.state_dict()), (manager.state_dict(), saved)):
        other = ExperimentManager(flags=on)
        for state in states:
            other.merge(state)
        kept = other.state_dict()["experiments"]["policy::r"]["events"]
        assert sorted(kept, key=lambda event: event["time"]) == events
    state = manager.state_dict()
    state["experiments"]["policy::r"]["events"].append(guarded)
    with pytest.raises(SnapshotError, match="at most one event of a kind"):
        ExperimentManager(flags=on).load_state(state)


WEIGHTS = ({"a": 9, "b": 1}, {"a": 1, "b": 1})


def divided(weights, phase="active", allocator=None, **options):
    shared = {"allocator": allocator} if allocator else {"weights": weights}
    return Experiment(
        "policy::r", control="a", variants={"a": "x", "b": "y"}, phase=phase, **shared, **options
    )  # fmt: skip


def is_resplit(manager):
    return manager.state_dict()["experiments"]["policy::r"]["resplit"] == 1


@pytest.mark.parametrize("known", ["record", "record_trial"])
def test_rewards_that_come_after_a_change_of_shares_stop_nothing(on, known):
    """Not what was recorded before the change counts, but what was handed out."""
    manager = ExperimentManager([divided(WEIGHTS[0], stopping=SequentialTest())], flags=on)
    rng = np.random.default_rng(4)
    served = [manager.decide("r", {"user_id": user}, ["x", "y"]) for user in range(1500)]
    manager.add(divided(WEIGHTS[1], stopping=SequentialTest()))
    served += [manager.decide("r", {"user_id": user}, ["x", "y"]) for user in range(1500, 3000)]
    for turn, trial in enumerate(served):
        reward = float(rng.random() < (0.2 if turn < 1500 else 0.6))
        if known == "record":
            manager.record("policy::r", trial.variant, reward)
        else:
            manager.record_trial(trial, reward)
    status = manager.status()["policy::r"]
    assert [event["kind"] for event in status["events"]] == ["withheld"]
    assert "shares were changed in action" in status["events"][0]["reason"]


def test_shares_may_change_in_the_shadow_and_with_the_activation(on):
    manager = ExperimentManager([divided(WEIGHTS[0], "shadow")], flags=on)
    manager.assign("policy::r", "u")
    manager.record("policy::r", "a", 1.0)
    manager.add(divided(WEIGHTS[1]))
    manager.assign("policy::r", "u")
    manager.record("policy::r", "a", 1.0)
    assert not is_resplit(manager)


def test_processes_that_hand_out_by_other_shares_know_once_they_meet(on):
    """One became active through the other, and goes on with its own table."""
    late = ExperimentManager([divided(WEIGHTS[0], "shadow")], flags=on)
    early = ExperimentManager([divided(WEIGHTS[1])], flags=on)
    early.assign("policy::r", "u")
    late.assign("policy::r", "u")
    late.merge(early)
    assert not is_resplit(late)
    late.assign("policy::r", "u")
    early.merge(late)
    assert is_resplit(late)
    assert is_resplit(early)


def test_merging_notes_the_shares_in_any_order(on):
    states = []
    for weights in (*WEIGHTS, WEIGHTS[0]):
        manager = ExperimentManager([divided(weights)], flags=on)
        manager.assign("policy::r", "u")
        states.append(manager.state_dict())
    merged = []
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)):
        keeper = ExperimentManager(flags=on)
        for place in order:
            keeper.merge(states[place])
        merged.append(keeper.state_dict())
    assert all(state == merged[0] for state in merged)
    same = ExperimentManager(flags=on)
    same.merge(states[0])
    same.merge(states[2])
    assert same.state_dict()["experiments"]["policy::r"]["mixture"] == {"a": "9/10", "b": "1/10"}
    assert not is_resplit(same)


@pytest.mark.parametrize(
    "mixture", [{"a": "1/2", "z": "1/2"}, {"a": 0.5, "b": 0.5}, {"a": "0.5"}, {"a": "1/0"}, {"a": "-1/2"}, ["a"], 5]
)
def test_a_state_with_shares_that_cannot_be_is_refused(on, mixture):
    manager = ExperimentManager([divided(WEIGHTS[0])], flags=on)
    manager.assign("policy::r", "u")
    state = manager.state_dict()
    state["experiments"]["policy::r"]["mixture"] = mixture
    with pytest.raises(SnapshotError):
        ExperimentManager(flags=on).load_state(state)


@pytest.mark.parametrize("table", [Allocator("other", ["a", "b"]), Allocator("policy::r", ["a", "z"])])
def test_a_state_with_a_table_of_something_else_is_refused(on, table):
    manager = ExperimentManager([divided(WEIGHTS[0])], flags=on)
    manager.assign("policy::r", "u")
    state = manager.state_dict()
    state["experiments"]["policy::r"]["table"] = table.state_dict()
    with pytest.raises(SnapshotError, match="a table of experiment 'policy::r'"):
        ExperimentManager(flags=on).load_state(state)


@pytest.mark.parametrize("known", ["the manager", "a state", "a merged state", "the store alone"])
def test_users_that_a_store_keeps_by_other_shares_are_not_weighed(on, known):
    """Sticky users are stored in the shadow too: the shares of the table are not those of the users then."""
    store = MemoryAssignments()

    def sticky(weights, phase):
        return divided(None, phase, StickyAllocator(Allocator("policy::r", weights), store))

    manager = ExperimentManager([sticky(WEIGHTS[1], "shadow")], flags=on)
    for user in range(300):
        manager.decide("r", {"user_id": user}, ["x", "y"])
    if known == "the manager":
        manager.add(sticky(WEIGHTS[0], "active"))
    else:
        state = manager.state_dict()
        manager = ExperimentManager([sticky(WEIGHTS[0], "active")], flags=on)
        if known == "a state":
            manager.load_state(state)
            manager.activate("policy::r")
        elif known == "a merged state":
            manager.merge(state)
    trials = [manager.decide("r", {"user_id": user}, ["x", "y"]) for user in range(300)]
    weighed = [bool(trial.weights) for trial in trials]
    # Of the store alone it is known from the first user on who is not where the table would have put them.
    first = next(i for i in range(300) if Allocator("policy::r", WEIGHTS[0]).allocate(i) != trials[i].variant)
    assert weighed == [i < first and known == "the store alone" for i in range(300)]
    assert first < 10


def test_users_that_a_store_keeps_by_the_shares_of_its_table_are_weighed(on):
    split = StickyAllocator(Allocator("policy::r", WEIGHTS[0]), MemoryAssignments())
    manager = ExperimentManager([divided(None, "shadow", split)], flags=on)
    for phase in ("shadow", "active"):
        manager.add(divided(None, phase, split))
        for user in range(50):
            trial = manager.decide("r", {"user_id": user}, ["x", "y"])
        assert trial.weights


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
