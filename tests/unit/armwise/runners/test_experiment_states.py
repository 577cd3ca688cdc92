from __future__ import annotations

import errno
import json
from fractions import Fraction
from pathlib import Path

import pytest

from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.experiments import Allocator
from armwise.experiments.manager import ExperimentManager
from armwise.runners.experiment_states import change_phase, read_states
from armwise.stores import StateFile

MEANS = {"control": 0.2, "b": 0.4}


@pytest.fixture
def folder(tmp_path, state_of_experiment):
    """What two processes saved, and something else."""
    for seed in (1, 2):
        state_of_experiment(tmp_path / f"process-{seed}.json", MEANS, 100, seed=seed, phase="shadow")
    (tmp_path / "settings.json").write_text('{"colour": "blue"}')
    (tmp_path / "list.json").write_text("[1, 2]")
    StateFile(tmp_path / "other.json").update(lambda _: {"format": "something else"})
    return tmp_path


def test_states_of_several_processes_add_up(folder):
    saved = read_states(folder)
    assert [path.name for path in saved.files] == ["process-1.json", "process-2.json"]
    totals = saved.ledgers["checkout"].totals()
    assert sum(seen.pulls for seen in totals.variants.values()) == 200
    assert saved.shares == {"checkout": {"control": Fraction(1, 2), "b": Fraction(1, 2)}}


def test_a_state_of_before_its_table_says_no_shares(folder):
    for path in folder.glob("process-*.json"):
        state = StateFile(path).read()
        del state["experiments"]["checkout"]["table"]
        path.write_text(json.dumps(state))
    assert read_states(folder).shares == {}


def test_a_copy_of_a_state_is_counted_once(folder):
    (folder / "copy.json").write_bytes((folder / "process-1.json").read_bytes())
    totals = read_states(folder).ledgers["checkout"].totals()
    assert sum(seen.pulls for seen in totals.variants.values()) == 200


def test_a_plain_state_and_tables_are_read(tmp_path, state_of_experiment):
    manager = state_of_experiment(tmp_path / "x.json", MEANS, 50)
    (tmp_path / "x.json").write_text(json.dumps(manager.state_dict()))
    table = Allocator("checkout", ["control", "b"])
    for version, name in enumerate("yza"):
        (tmp_path / f"{name}.json").write_text(json.dumps(table.state_dict()))
        table = table.reallocate({"control": version + 2, "b": 1})
    saved = read_states(tmp_path)
    assert saved.ledgers["checkout"].phase == "active"
    assert saved.shares == {"checkout": {"control": Fraction(3, 4), "b": Fraction(1, 4)}}
    with pytest.raises(SnapshotError, match="a plain state without a checksum"):
        change_phase(tmp_path, "checkout", "stopped", "enough")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("torn.json", '{"format": "armwise.st', "torn.json is not JSON"),
        ("changed.json", None, "changed.json"),
        ("plain.json", '{"format": "armwise.experiments"}', "plain.json"),
        ("table.json", '{"kind": "armwise.allocator"}', "table.json"),
        ("tenant.json", '{"format": "armwise.experiments", "tenant": "", "workspace": "main"}', "tenant.json"),
    ],
)
def test_a_damaged_file_is_told_by_its_name(tmp_path, state_of_experiment, name, text, told):
    if text is None:
        state_of_experiment(tmp_path / name, MEANS, 5)
        text = (tmp_path / name).read_text().replace('"n": 2', '"n": 3').replace('"version": 1', '"version": 2')
    (tmp_path / name).write_text(text)
    with pytest.raises(SnapshotError, match=told):
        read_states(tmp_path)


def test_states_of_two_tenants_are_not_mixed(folder):
    store = StateFile(folder / "z.json")
    ExperimentManager(store=store, tenant="acme").save()
    with pytest.raises(SnapshotError, match=r"z\.json: .*tenant"):
        read_states(folder)


def test_what_cannot_be_read_is_told(folder, monkeypatch):
    with pytest.raises(StoreError, match="cannot read the folder"):
        read_states(folder / "none")

    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(StoreError, match=r"list\.json: cannot be read \(Input/output error\)"):
        read_states(folder)


def test_an_experiment_is_activated_and_stopped_in_every_file(folder):
    changes = change_phase(folder, "checkout", "activated", "looks fine")
    assert [(change.path.name, change.before, change.after) for change in changes] == [
        ("process-1.json", "shadow", "active"),
        ("process-2.json", "shadow", "active"),
    ]
    assert read_states(folder).ledgers["checkout"].phase == "active"
    changes = change_phase(folder, "checkout", "stopped", "enough")
    assert {(change.before, change.after) for change in changes} == {("active", "stopped")}
    again = change_phase(folder, "checkout", "stopped", "once more")
    assert {(change.before, change.after) for change in again} == {("stopped", "stopped")}
    ledger = read_states(folder).ledgers["checkout"]
    assert ledger.events["stopped"].reason == "enough"
    assert ledger.events["activated"].reason == "looks fine"
    assert sum(seen.pulls for seen in ledger.totals().variants.values()) == 200
    with pytest.raises(ConfigurationError, match="was stopped, and stays so"):
        change_phase(folder, "checkout", "activated", "again")


def test_a_running_process_finds_what_was_changed(folder, state_of_experiment):
    manager = state_of_experiment(folder / "process-3.json", MEANS, 10, seed=3)
    change_phase(folder, "checkout", "stopped", "enough")
    assert manager.status()["checkout"]["phase"] == "active"
    manager.save()
    assert manager.status()["checkout"]["phase"] == "stopped"
    assert manager.verdict("checkout").reason == "enough"


def test_files_that_do_not_know_the_experiment_stay_as_they_are(folder, state_of_experiment):
    state_of_experiment(folder / "apart.json", MEANS, 10, experiment="ranking")
    before = (folder / "apart.json").read_bytes()
    assert len(change_phase(folder, "checkout", "stopped", "enough")) == 2
    assert (folder / "apart.json").read_bytes() == before


def test_what_cannot_be_meant_changes_nothing(folder):
    before = {path: path.read_bytes() for path in folder.glob("*.json")}
    with pytest.raises(ConfigurationError, match="has no experiment 'checkin'; it has 'checkout'"):
        change_phase(folder, "checkin", "stopped", "enough")
    for reason in (" ", "\udcff", "a\nb", "\x1b[2J"):
        with pytest.raises(ConfigurationError, match=r"the reason is '.*'; expected a few words"):
            change_phase(folder, "checkout", "stopped", reason)
    assert {path: path.read_bytes() for path in folder.glob("*.json")} == before
