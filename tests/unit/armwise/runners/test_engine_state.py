from __future__ import annotations

import io
import json

import pytest

from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise.errors import SnapshotError, StoreError, UnknownDomain
from armwise.learning import Flags, LearningEngine, TenantContext, open_snapshot, seal
from armwise.runners.engine_state import dump, look, restore
from armwise.stores import StateDirectory

ON = {f"ENABLE_RL_{name}": True for name in ("GLOBAL", "LINTS", "A", "B", "C", "D", "E")}
TENANT = TenantContext()
POLICIES = {
    "a": lambda: ThompsonSampling(["x", "y"], seed=1),
    "b": lambda: UCB1(seed=1),
    "c": lambda: EpsilonGreedy(["x", "y"], seed=1),
    "d": lambda: LinTSDiag(["x", "y"], dim=2, seed=1),
    "e": lambda: LinTS(dim=3, seed=1),
}


@pytest.fixture
def store(tmp_path):
    return StateDirectory(tmp_path / "state")


@pytest.fixture
def files(store):
    return store.workspace()


def trained(store, rounds=3, names="abcde"):
    """An engine that was saved in a store."""
    engine = LearningEngine(flags=Flags(ON), store=store)
    for name in names:
        engine.register_domain(name, POLICIES[name]())
        dim = {"d": 2, "e": 3}.get(name)
        for turn in range(rounds):
            engine.record(name, None if dim is None else [0.5] * dim, "xy"[turn % 2], 0.5)
    engine.save()
    return engine


def states(path):
    return open_snapshot(path.read_bytes()).policies


def test_a_dump_is_what_was_saved(store, files, tmp_path):
    trained(store)
    moved = dump(files, TENANT, tmp_path / "out")
    assert states(tmp_path / "out") == states(files.path)
    assert open_snapshot((tmp_path / "out").read_bytes()) == open_snapshot(files.read())
    assert moved.notes == ()
    assert moved.domains["a"].startswith("ThompsonSampling, 2 arms, 3 changes, stream ")


def test_a_dump_of_some(store, files, tmp_path):
    trained(store)
    moved = dump(files, TENANT, tmp_path / "out", ["c", "a"])
    assert list(states(tmp_path / "out")) == list(moved.domains) == ["a", "c"]


def test_a_dump_of_nothing(files, tmp_path):
    with pytest.raises(StoreError, match="nothing was saved there"):
        dump(files, TENANT, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_dump_that_has_no_place(store, files, tmp_path):
    trained(store, names="a")
    with pytest.raises(StoreError, match="cannot write the snapshot"):
        dump(files, TENANT, tmp_path / "no folder" / "out")


def test_a_damaged_one_says_where_the_one_before_is(store, files, tmp_path):
    trained(store, names="a")
    trained(store, names="a")
    files.path.write_bytes(files.read().replace(b'"x"', b'"z"', 1))
    with pytest.raises(SnapshotError, match=r"the one before it is .*/main~.*Z\.json"):
        dump(files, TENANT, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_restore_is_what_was_dumped(store, files, tmp_path):
    trained(store)
    dump(files, TENANT, tmp_path / "out")
    before = look(files, Flags(ON))
    trained(store, rounds=5)
    assert look(files, Flags(ON)).domains != before.domains
    moved = restore(files, TENANT, tmp_path / "out")
    assert moved.notes == ()
    assert look(files, Flags(ON)).domains == before.domains
    assert len(files.previous()) == 2


def test_what_a_snapshot_does_not_hold_stays(store, files, tmp_path):
    trained(store, names="ab")
    dump(files, TENANT, tmp_path / "out", ["a"])
    trained(store, names="ab")
    before = states(files.path)
    restore(files, TENANT, tmp_path / "out")
    after = states(files.path)
    assert after["b"] == before["b"]
    assert after["a"] == states(tmp_path / "out")["a"] != before["a"]


def test_none_of_them_is_meant(store, files, tmp_path):
    trained(store, names="ab")
    dump(files, TENANT, tmp_path / "out")
    before = files.read()
    for names, said in ((["a", "none"], "the snapshot does not hold 'none'"), ([], "no domain is named")):
        with pytest.raises(UnknownDomain, match=f"{said}; it holds 'a', 'b'"):
            restore(files, TENANT, tmp_path / "out", names)
        with pytest.raises(UnknownDomain, match=f"{said}; it holds 'a', 'b'"):
            dump(files, TENANT, tmp_path / "other", names)
    assert files.read() == before
    assert not (tmp_path / "other").exists()


def test_a_dump_goes_into_a_stream(store, files):
    trained(store, names="ab")
    stream = io.BytesIO()
    moved = dump(files, TENANT, stream, ["b"])
    assert list(open_snapshot(stream.getvalue()).policies) == list(moved.domains) == ["b"]


def test_a_bare_mapping_is_restored(store, files, tmp_path):
    engine = trained(store, names="a")
    (tmp_path / "bare").write_text(json.dumps(engine.snapshot()))
    other = store.workspace("default", "other")
    restore(other, TenantContext("default", "other"), tmp_path / "bare")
    assert look(other, Flags(ON)).domains == look(files, Flags(ON)).domains


def test_a_state_of_the_policy_alone_is_restored(files, tmp_path):
    policy = POLICIES["a"]()
    policy.update("x", 1.0)
    (tmp_path / "bare").write_text(json.dumps({"a": policy.state_dict()}))
    restore(files, TENANT, tmp_path / "bare")
    assert states(files.path)["a"] == policy.state_dict()


def test_a_state_older_than_the_version_field(files, tmp_path):
    (tmp_path / "bare").write_text(json.dumps({"a": {"arms": ["x"], "alpha": [2.0], "beta": [1.0]}}))
    moved = restore(files, TENANT, tmp_path / "bare")
    assert moved.domains == {"a": "a policy of an older version, 1 arms"}


def test_a_newer_state_is_skipped_and_named(store, files, tmp_path):
    engine = trained(store, names="abc")
    snapshot = engine.snapshot()
    snapshot["a"]["version"] = 2
    snapshot["b"]["engine"]["version"] = 7
    (tmp_path / "new").write_bytes(seal(snapshot, TENANT))
    moved = restore(files, TENANT, tmp_path / "new")
    assert list(moved.domains) == ["c"]
    assert "'a' is not restored: the state has version 2, this armwise reads up to 1" in moved.notes[0]
    assert "has version 7, this armwise reads up to 1" in moved.notes[1]


def test_a_foreign_policy_is_skipped_and_named(files, tmp_path):
    (tmp_path / "x").write_text(json.dumps({"a": {"policy": "Mine", "version": 1}}))
    moved = restore(files, TENANT, tmp_path / "x")
    assert moved.domains == {}
    assert moved.notes == ("'a' is not restored: its policy is 'Mine', which is not one of armwise's",)
    assert files.read() is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a", {"alpha": [1.0]}),
        ("b", {"counts": None}),
        ("d", {"dim": 0}),
        ("d", {"dim": 1 << 40}),
        ("e", {"dim": 10**5000}),
        ("e", {"dim": "3"}),
        ("c", {"policy": 3}),
        ("c", {"engine": 3}),
        ("c", {"engine": {"phase": "odd"}}),
        ("c", {"arms": ["x", "x"]}),
    ],
)
def test_what_cannot_be_loaded_changes_nothing(store, files, tmp_path, name, change):
    engine = trained(store)
    before = files.read()
    snapshot = engine.snapshot()
    snapshot[name] |= change
    # Sealed by hand where a number is too long to be read again.
    (tmp_path / "bad").write_bytes(seal(snapshot, TENANT))
    with pytest.raises(SnapshotError):
        restore(files, TENANT, tmp_path / "bad")
    assert files.read() == before
    assert files.previous() == []


def test_names_that_no_domain_has(files, tmp_path):
    (tmp_path / "bad").write_text(json.dumps({" a": POLICIES["a"]().state_dict()}))
    with pytest.raises(SnapshotError, match="domain ' a'"):
        restore(files, TENANT, tmp_path / "bad")


def test_what_is_not_there_or_no_snapshot(files, tmp_path):
    with pytest.raises(StoreError, match="cannot read the snapshot"):
        restore(files, TENANT, tmp_path / "none")
    with pytest.raises(StoreError, match="cannot read the snapshot"):
        restore(files, TENANT, tmp_path)
    (tmp_path / "text").write_text("hello")
    with pytest.raises(SnapshotError, match="no snapshot"):
        restore(files, TENANT, tmp_path / "text")
    assert files.read() is None


def test_a_damaged_present_is_set_aside(store, files, tmp_path):
    trained(store, names="a")
    dump(files, TENANT, tmp_path / "out")
    files.path.write_bytes(b"damaged")
    moved = restore(files, TENANT, tmp_path / "out")
    assert "is set aside" in moved.notes[0]
    assert states(files.path) == states(tmp_path / "out")
    assert files.previous()[0].read_bytes() == b"damaged"


def test_a_snapshot_of_another_workspace_is_told(store, files, tmp_path):
    trained(store, names="a")
    dump(files, TENANT, tmp_path / "out")
    other = store.workspace("acme", "test")
    moved = restore(other, TenantContext("acme", "test"), tmp_path / "out")
    assert moved.notes == ("the snapshot is of default/main, and becomes acme/test",)
    assert open_snapshot(other.read()).tenant == "acme"
    LearningEngine(store=store, tenant=TenantContext("acme", "test"))  # which refuses the state of another


def test_rewards_of_before_are_not_learnt_again(store, files, tmp_path):
    """A rollback goes back: what was joined since, and would be caught up with at the next start, is left aside."""
    engine = trained(store, names="a")
    dump(files, TENANT, tmp_path / "out")
    for _ in range(3):
        decision = engine.decide("a", None, ["x", "y"])
        assert engine.record("a", None, decision.arm, 1.0, decision_id=decision.decision_id) == "applied"
    restore(files, TENANT, tmp_path / "out")
    assert states(files.path)["a"]["engine"]["applied"] == 3
    fresh = LearningEngine(flags=Flags(ON), store=store)
    fresh.register_domain("a", POLICIES["a"]())
    assert sum(arm["n"] for arm in fresh.status()["a"]["arms"].values()) == 3
    # A state of the policy alone says nothing of rewards, and goes back no less.
    (tmp_path / "bare").write_text(json.dumps({"a": POLICIES["a"]().state_dict()}))
    restore(files, TENANT, tmp_path / "bare")
    fresh = LearningEngine(flags=Flags(ON), store=store)
    fresh.register_domain("a", POLICIES["a"]())
    assert (fresh.status()["a"]["arms"], fresh.registry.get("a").policy_version) == ({}, 0)
    # And one that was saved after them, and is rolled back, keeps the number too.
    engine.save()
    restore(files, TENANT, tmp_path / "out")
    assert states(files.path)["a"]["engine"]["applied"] == 3


def test_how_it_stands(store, files):
    engine = trained(store)
    saved = look(files, Flags(ON))
    assert saved.created_at is not None
    assert saved.notes == ()
    assert list(saved.domains) == list("abcde")
    shown = engine.status()
    for name in "abc":
        arms = saved.domains[name]["arms"]
        shares = engine.registry.get(name).propensities().tolist()
        assert [arm["propensity"] for arm in arms.values()] == shares
        assert {arm: {"q": one["q"], "n": one["n"]} for arm, one in arms.items()} == shown[name]["arms"]
    for name in "de":
        assert [arm["propensity"] for arm in saved.domains[name]["arms"].values()] == [None, None]
    assert saved.flags["ENABLE_RL_A"] is True
    assert saved.flags["ENABLE_EXPERIMENT_HARNESS"] is False


def test_arms_without_rewards_are_shown(store, files):
    engine = LearningEngine(flags=Flags(ON), store=store)
    engine.register_domain("a", ThompsonSampling(["x", "y", "z"], seed=1))
    engine.record("a", None, "y", 1.0)
    engine.save()
    arms = look(files, Flags()).domains["a"]["arms"]
    assert list(arms) == ["y", "x", "z"]
    assert arms["x"]["n"] == 0
    assert arms["x"]["q"] is None
    assert sum(arm["propensity"] for arm in arms.values()) == pytest.approx(1.0)


def test_propensities_that_are_not_known(store, files):
    engine = LearningEngine(flags=Flags(ON), store=store)
    policy = ThompsonSampling(["x", "y"], seed=1)
    policy.load_state(policy.state_dict() | {"alpha": [3e9, 1e9], "beta": [3e9, 1e9]})
    engine.register_domain("a", policy)
    engine.save()
    assert {arm["propensity"] for arm in look(files, Flags()).domains["a"]["arms"].values()} == {None}


def test_nothing_to_look_at(files):
    saved = look(files, Flags())
    assert (saved.created_at, saved.domains, saved.notes) == (None, {}, ())
    assert set(saved.flags.values()) == {False}


def test_what_cannot_be_looked_at(store, files):
    snapshot = trained(store, names="ab").snapshot()
    snapshot["a"]["version"] = 2
    files.write(seal(snapshot, TENANT))
    saved = look(files, Flags())
    assert list(saved.domains) == ["b"]
    assert "'a' is not shown: the state has version 2" in saved.notes[0]
