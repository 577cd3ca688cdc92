"""What comes in, and states: saved, loaded, merged, kept in a store."""

from __future__ import annotations

import copy
import json
import random

import pytest

from armwise import ThompsonSampling
from armwise._fields import Fields
from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.experiments import Experiment, ExperimentManager, SequentialTest
from armwise.experiments.ledger import Ledger
from armwise.stores import StateFile

PLAIN = {"control": "control", "variants": {"control": "a", "b": "b"}}


def managed(on, *names, **options):
    return ExperimentManager([Experiment(name, **PLAIN | options) for name in names or ("e",)], flags=on)


def busy(on, seed=0, n=20, **options):
    """A manager that has seen something."""
    rng = random.Random(seed)
    manager = managed(on, "e", "policy::r", **options)
    for turn in range(n):
        manager.assign("e", f"u{turn}")
        manager.record("e", rng.choice(["control", "b"]), rng.random(), now=turn)
        trial = manager.decide("r", {"user_id": turn}, ["a", "b"])
        manager.record_trial(trial, rng.random(), now=turn)
    manager.record("e", None, 1.0)
    return manager


def seen(manager):
    return {name: manager.statistics(name) for name in ("e", "policy::r")}


class TestAdd:
    """Experiments that come in, and come again."""

    def test_in_their_order(self, on):
        manager = managed(on, "x", "e")
        manager.add(Experiment("a", **PLAIN))
        assert [experiment.id for experiment in manager.experiments] == ["x", "e", "a"]

    def test_an_id_is_of_one_experiment(self, on):
        with pytest.raises(ConfigurationError, match="two experiments have the id 'e'"):
            managed(on, "e", "e")

    @pytest.mark.parametrize("experiment", [None, "e", {"id": "e"}, Experiment])
    def test_what_is_no_experiment_is_refused(self, on, experiment):
        with pytest.raises(ConfigurationError, match="expected an Experiment"):
            ExperimentManager([experiment], flags=on)

    def test_weights_words_and_tests_may_change(self, on):
        manager = busy(on)
        before = seen(manager)
        again = Experiment("e", **PLAIN, weights={"control": 1, "b": 3}, description="more", auto_activate_after=5)
        manager.add(again)
        assert seen(manager) == before
        assert manager.experiments[0] is again
        assert manager.status()["e"]["variants"]["b"]["share"] == 0.75

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"variants": {"control": "a"} | {"c": "b"}}, "without the variant 'b'"),
            ({"variants": {"control": "a", "b": "b", "c": "c"}}, "with a new variant 'c'"),
            ({"variants": {"control": "a", "b": "other"}}, "with another output of 'b'"),
            ({"variants": {"control": "a", "b": None}}, "with another output of 'b'"),
            ({"baseline": "b"}, "with 'b' for its baseline"),
            ({"control": "b", "baseline": "control"}, "with 'b' for its control"),
            ({"stopping": SequentialTest(kind="empirical_bernstein")}, "with the bounds"),
        ],
    )
    @pytest.mark.parametrize("phase", ["shadow", "active"])
    def test_an_id_is_not_reused_for_something_else(self, on, change, words, phase):
        manager = managed(on, phase=phase)
        before = manager.state_dict()
        with pytest.raises(ConfigurationError, match=words) as caught:
            manager.add(Experiment("e", **PLAIN | change))
        assert ("and it is active" in str(caught.value)) == (phase == "active")
        assert manager.state_dict() == before
        # What comes back in a state is held to the same.
        with pytest.raises(SnapshotError, match="comes back"):
            managed(on, **change).load_state(before)
        with pytest.raises(SnapshotError, match="comes back"):
            managed(on, **change).merge(before)

    def test_the_phase_goes_on_and_never_back(self, on):
        manager = busy(on)
        manager.add(Experiment("e", **PLAIN, phase="active"))
        status = manager.status()["e"]
        assert (status["phase"], status["events"][0]["reason"]) == ("active", "by its configuration")
        manager.add(Experiment("e", **PLAIN))
        assert manager.status()["e"]["phase"] == "active"
        manager.add(Experiment("e", **PLAIN, phase="stopped"))
        assert manager.verdict("e").reason == "by its configuration"

    @pytest.mark.parametrize("names", [("", "main"), ("default", None)])
    def test_tenants_have_names(self, names):
        with pytest.raises(ConfigurationError, match="expected a name"):
            ExperimentManager(tenant=names[0], workspace=names[1])


class TestState:
    """Saved and loaded, whole or not at all."""

    def test_json_and_back(self, on):
        manager = busy(on)
        manager.activate("e", "ready")
        state = manager.state_dict()
        loaded = managed(on, "e", "policy::r")
        loaded.load_state(json.loads(json.dumps(state, allow_nan=False)))
        assert loaded.state_dict() == state
        assert seen(loaded) == seen(manager)
        assert loaded.status() == manager.status()

    def test_it_goes_on_counting(self, on):
        manager = busy(on)
        loaded = managed(on, "e", "policy::r")
        loaded.load_state(manager.state_dict())
        for one in (manager, loaded):
            one.record("e", "b", 0.25, now=99)
        assert seen(loaded) == seen(manager)
        # Both went on from the same state, each in a part of its own: merged, only what is new adds up.
        manager.merge(loaded)
        assert manager.statistics("e")["b"].pulls == loaded.statistics("e")["b"].pulls + 1

    def test_loading_replaces_what_was_there(self, on):
        state = busy(on, seed=1).state_dict()
        manager = busy(on, seed=2)
        manager.load_state(state)
        assert manager.state_dict() == state

    def test_experiments_that_a_state_does_not_name_stay(self, on):
        manager = busy(on)
        before = seen(manager)
        manager.load_state(managed(on, "other").state_dict())
        assert seen(manager) == before
        assert "other" in manager.state_dict()["experiments"]
        assert "other" not in manager.status()

    def test_experiments_that_do_not_run_here_are_kept_for_those_where_they_do(self, on):
        state = busy(on).state_dict()
        other = ExperimentManager(flags=on)
        other.load_state(state)
        other.merge(state)
        assert other.state_dict() == state
        other.add(Experiment("e", **PLAIN))
        assert other.statistics("e") == busy(on).statistics("e")
        with pytest.raises(ConfigurationError, match="comes back"):
            other.add(Experiment("policy::r", **PLAIN | {"baseline": "b"}))

    def test_the_later_phase_holds(self, on):
        stopped = managed(on)
        stopped.stop("e", "enough")
        manager = managed(on, phase="active")
        manager.load_state(stopped.state_dict())
        assert manager.verdict("e").reason == "enough"
        manager = managed(on, phase="active")
        manager.load_state(managed(on).state_dict())
        assert manager.status()["e"]["phase"] == "active"

    def test_policies_among_the_variants_are_known_as_such(self, on):
        variants = {"control": None, "b": ThompsonSampling(["a"], seed=1), "c": 1.5}
        state = managed(on, variants=variants).state_dict()
        assert state["experiments"]["e"]["setup"]["outputs"] == {
            "control": ["core"],
            "b": ["policy"],
            "c": ["arm", 1.5],
        }
        managed(on, variants=variants).load_state(state)


def damaged(state, path, value):
    state = copy.deepcopy(state)
    at = state
    for step in path[:-1]:
        at = at[step] if not isinstance(at, dict) or step != "*" else at[next(iter(at))]
    if value is KeyError:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return state


E = ("experiments", "e")
P = (*E, "parts", "*")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("format",), "other"),
        (("format",), KeyError),
        (("version",), 2),
        (("version",), 0),
        (("version",), "1"),
        (("tenant",), "acme"),
        (("workspace",), 3),
        (("experiments",), []),
        (("experiments", " e"), {}),
        (E, None),
        ((*E, "phase"), "ACTIVE"),
        ((*E, "phase"), KeyError),
        ((*E, "setup", "control"), "x"),
        ((*E, "setup", "baseline"), 3),
        ((*E, "setup", "outputs"), {"control": ["core"]}),
        ((*E, "setup", "outputs", "b"), ["arm"]),
        ((*E, "setup", "outputs", "b"), []),
        ((*E, "setup", "outputs", "b"), ["arm", True]),
        ((*E, "setup", "outputs", "b"), ["arm", None]),
        ((*E, "setup", "outputs", "b"), ["spell", "b"]),
        ((*E, "setup", "bounds"), [0.0]),
        ((*E, "events"), {}),
        ((*E, "events"), [{"kind": "activated"}]),
        ((*E, "parts", "x"), {}),
        ((*E, "parts", "0123456789ABCDEF"), {}),
        ((*E, "parts"), []),
        ((*P, "changes"), -1),
        ((*P, "variants"), {}),
        ((*P, "variants", "c"), {}),
        ((*P, "variants", "b", "allocations"), 1.0),
        ((*P, "variants", "b", "rewards", "n"), 10**30),
        ((*P, "arms"), None),
        ((*P, "arms", "labels"), ["a"]),
        ((*P, "requests"), {"unkeyed": -1}),
        ((*P, "requests"), dict.fromkeys(map(str, range(99)), 1)),
        ((*P, "ignored"), {"outside": "1"}),
        ((*P, "ignored"), {3: 1}),
        ((*P, "other_arms"), None),
    ],
)
def test_hostile_states_are_refused_whole(on, path, value):
    manager = busy(on, seed=3)
    state = damaged(busy(on).state_dict(), path, value)
    before = manager.state_dict()
    for take in (manager.load_state, manager.merge):
        with pytest.raises(SnapshotError):
            take(state)
        assert manager.state_dict() == before


EVENT = {"time": 1, "kind": "activated", "reason": "r", "automatic": False, "evidence": {}}


@pytest.mark.parametrize(
    "events",
    [
        [EVENT, EVENT],
        [EVENT | {"kind": "exploded"}],
        [EVENT | {"time": -1}],
        [EVENT | {"reason": None}],
        [EVENT | {"automatic": 1}],
        [EVENT | {"evidence": {"x": [1]}}],
        [EVENT | {"evidence": {"x": float("inf")}}],
        [EVENT | {"evidence": {3: 1}}],
        [3],
    ],
)
def test_hostile_events_are_refused(on, events):
    state = damaged(busy(on).state_dict(), (*E, "events"), events)
    with pytest.raises(SnapshotError):
        managed(on).load_state(state)


@pytest.mark.parametrize(
    "arms",
    [
        {"labels": ["a", "a"], "selected": [1, 1], "rewards": [{"n": 0, "powers": ["0p0"] * 4}] * 2},
        {"labels": [True], "selected": [1], "rewards": [{"n": 0, "powers": ["0p0"] * 4}]},
        {"labels": list(range(1001)), "selected": [1] * 1001, "rewards": [{"n": 0, "powers": ["0p0"] * 4}] * 1001},
        {"labels": ["a"], "selected": [1], "rewards": []},
    ],
)
def test_hostile_arms_are_refused(on, arms):
    state = damaged(busy(on).state_dict(), (*P, "arms"), arms)
    with pytest.raises(SnapshotError):
        managed(on).load_state(state)


@pytest.mark.parametrize("state", [None, [], "{}", {}, 3])
def test_what_is_no_state_is_refused(on, state):
    for take in (managed(on).load_state, managed(on).merge):
        with pytest.raises(SnapshotError):
            take(state)


class TestMerge:
    """In any order, again and again."""

    def test_statistics_add_up_in_any_order(self, on):
        states = [busy(on, seed=seed).state_dict() for seed in range(4)]
        totals = []
        for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 2, 0, 1, 3, 0]):
            total = managed(on, "e", "policy::r")
            for i in order:
                total.merge(states[i])
            totals.append(total)
        assert totals[0].state_dict() == totals[1].state_dict() == totals[2].state_dict()
        assert totals[0].status() == totals[2].status()
        assert sum(one.pulls for one in totals[0].statistics("e").values()) == 80

    def test_a_newer_state_of_a_process_takes_the_place_of_an_older(self, on):
        worker, total = busy(on), managed(on, "e", "policy::r")
        old = worker.state_dict()
        worker.record("e", "b", 1.0)
        total.merge(worker)
        total.merge(old)
        assert seen(total) == seen(worker)

    def test_a_manager_merged_with_itself_stays(self, on):
        manager = busy(on)
        before = manager.state_dict()
        manager.merge(manager)
        manager.merge(before)
        assert manager.state_dict() == before

    def test_merging_both_ways_agrees(self, on):
        first, second = busy(on, seed=1), busy(on, seed=2)
        first.merge(second)
        second.merge(first)
        assert first.state_dict() == second.state_dict()

    def test_phases_and_first_events_agree(self, on):
        first, second = managed(on), managed(on)
        first.activate("e", "first")
        second.activate("e", "second")
        second.stop("e", "enough")
        first.merge(second)
        second.merge(first)
        assert first.state_dict() == second.state_dict()
        assert [event["reason"] for event in first.status()["e"]["events"]] == ["first", "enough"]
        assert first.status()["e"]["phase"] == "stopped"

    def test_a_copy_that_went_on_under_the_same_name_is_refused(self, on):
        manager = busy(on)
        state = manager.state_dict()
        part = next(iter(state["experiments"]["e"]["parts"]))
        state["experiments"]["e"]["parts"][part]["changes"] += 1
        with pytest.raises(SnapshotError, match="a copy of this manager"):
            manager.merge(state)

    def test_tenants_are_not_mixed(self, on):
        other = ExperimentManager([Experiment("e", **PLAIN)], flags=on, tenant="acme")
        with pytest.raises(SnapshotError, match="'default': experiments are apart"):
            managed(on).merge(other)

    def test_what_others_know_activates(self, on):
        worker = managed(on, auto_activate_after=10)
        for _ in range(9):
            worker.record("e", "control", 1.0)
        manager = managed(on, auto_activate_after=10)
        manager.merge(worker)
        manager.record("e", "control", 1.0)
        assert manager.status()["e"]["phase"] == "active"

    def test_regret_is_against_what_others_know(self, on):
        worker, manager = managed(on), managed(on)
        worker.record("e", "control", 1.0)
        manager.merge(worker)
        manager.record("e", "b", 0.25)
        assert manager.statistics("e")["b"].regret_sum == 0.75

    def test_arms_are_expected_to_earn_what_others_saw(self, on):
        first, second = busy(on, seed=1), busy(on, seed=2)
        ledgers = [Ledger.from_state("policy::r", fields_of(one), "0" * 16) for one in (first, second)]
        ledgers[0].merge(ledgers[1])
        first.merge(second)
        assert ledgers[0].expected("a") == first._running["policy::r"].ledger.expected("a")
        assert ledgers[0].expected("never") == 0.0


def fields_of(manager):
    return Fields(manager.state_dict()["experiments"]["policy::r"])


def test_an_id_that_is_none_is_refused_with_its_state(on):
    state = busy(on).state_dict()
    state["experiments"][" e"] = state["experiments"]["e"]
    with pytest.raises(SnapshotError, match="experiment id"):
        managed(on).load_state(state)


def test_what_is_kept_for_others_is_merged_too(on):
    first, second = busy(on, seed=1), busy(on, seed=2)
    keeper, runner = ExperimentManager(flags=on), managed(on, "e", "policy::r")
    for manager in (first, second):
        keeper.merge(manager)
        runner.merge(manager)
    assert keeper.state_dict() == runner.state_dict()


def test_a_fork_begins_a_part_of_its_own(on):
    """The hooks that a fork calls; tests/integration forks in earnest."""
    manager = busy(on)
    manager.load_state(managed(on, "other").state_dict())
    before = manager.state_dict()
    manager._before_fork()
    manager._after_fork(child=False)
    assert manager.state_dict() == before
    manager._before_fork()
    manager._after_fork(child=True)
    assert manager.state_dict() == before
    manager.record("e", "b", 1.0)
    assert len(manager.state_dict()["experiments"]["e"]["parts"]) == 2


class TestStore:
    """Kept in a file that processes share."""

    @pytest.fixture
    def store(self, tmp_path):
        return StateFile(tmp_path / "experiments.json")

    def test_what_was_saved_is_loaded(self, on, store):
        manager = ExperimentManager([Experiment("e", **PLAIN)], store=store, flags=on)
        manager.record("e", "b", 0.5)
        manager.save()
        again = ExperimentManager([Experiment("e", **PLAIN)], store=store, flags=on)
        assert again.statistics("e") == manager.statistics("e")

    def test_processes_that_share_a_store_find_each_other(self, on, store):
        first, second = (ExperimentManager([Experiment("e", **PLAIN)], store=store, flags=on) for _ in range(2))
        first.record("e", "b", 0.5)
        second.record("e", "b", 1.0)
        for manager in (first, second, first, first):
            manager.save()
        assert first.statistics("e") == second.statistics("e")
        assert first.statistics("e")["b"].pulls == 2

    def test_activating_and_stopping_is_saved_at_once(self, on, store):
        first, second = (ExperimentManager([Experiment("e", **PLAIN)], store=store, flags=on) for _ in range(2))
        first.activate("e")
        assert store.read()["experiments"]["e"]["phase"] == "active"
        first.stop("e", "harm")
        second.save()
        assert second.verdict("e").reason == "harm"

    def test_without_a_store_there_is_nothing_to_save(self, on):
        with pytest.raises(ConfigurationError, match="has no store"):
            managed(on).save()

    def test_a_stop_that_cannot_be_saved_holds_all_the_same(self, on, tmp_path):
        store = StateFile(tmp_path / "none" / "experiments.json")
        manager = ExperimentManager([Experiment("e", **PLAIN)], store=store, flags=on)
        with pytest.raises(StoreError):
            manager.stop("e")
        assert manager.status()["e"]["phase"] == "stopped"

    def test_a_store_of_something_else_is_refused(self, on, store):
        store.update(lambda _: {"format": "other"})
        with pytest.raises(SnapshotError, match="format"):
            ExperimentManager([Experiment("e", **PLAIN)], store=store, flags=on)
        manager = managed(on)
        manager._store = store
        with pytest.raises(SnapshotError, match="format"):
            manager.save()
        assert store.read() == {"format": "other"}
