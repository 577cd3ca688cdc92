from __future__ import annotations

import pytest

from armwise.errors import ConfigurationError, LogError
from armwise.runners import _experiment_log
from armwise.runners._experiment_log import find_logs, read_logs
from armwise.telemetry.log import DecisionLog
from armwise.types import Decision

MEANS = {"control": 0.2, "b": 0.4}


def decision(turn, variant="b"):
    return Decision(variant, 0, f"0-{turn:x}-0", 0, 0.5, "exact")


def test_logs_are_found_by_their_first_parts(tmp_path):
    for name in ("a.jsonl", "a.1.jsonl", "b.jsonl.gz", "b.2.jsonl.gz", "c.3.jsonl", "d.json", ".jsonl.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    assert [path.name for path in find_logs(tmp_path)] == ["a.jsonl", "b.jsonl.gz", "c.3.jsonl"]


def test_rewards_find_their_decisions(tmp_path, log_of_experiment):
    path = log_of_experiment(tmp_path / "run.jsonl", MEANS, 2000, lost=0.1)
    found = read_logs([path], "checkout", "control")
    assert found.experiment == "checkout"
    assert found.decisions == 2000 == sum(found.users.values())
    assert 1700 < sum(found.rewarded.values()) < 1900
    assert found.binary
    assert (found.crossed, found.early, found.strays, found.torn) == (0, 0, 0, ())
    columns = found.timeline.columns(["control", "b"])
    assert columns.rewards.sum(axis=0).tolist() == [found.rewarded["control"], found.rewarded["b"]]
    assert columns.regret[:, 0].sum() == 0.0 < columns.regret[:, 1].sum()


def test_logs_of_several_processes_are_read_together(tmp_path, log_of_experiment):
    paths = [log_of_experiment(tmp_path / f"{seed}.jsonl", MEANS, 500, seed=seed) for seed in (1, 2)]
    steps = []
    found = read_logs(paths, None, "control", progress=steps.append)
    assert found.experiment == "checkout"
    assert found.decisions == 1000 == sum(found.rewarded.values())
    assert sum(steps) == 2000


def test_the_same_decision_id_in_two_logs_is_two_decisions(tmp_path):
    for name in ("a", "b"):
        with DecisionLog(tmp_path / f"{name}.jsonl", sync="none") as log:
            log.decision(decision(1, name), seed=0, experiment="e", variant=name, time=1)
            log.update(name, 1.0, policy_version=0, decision_id="0-1-0", time=2)
    found = read_logs(find_logs(tmp_path), "e", "a")
    assert found.rewarded == {"a": 1, "b": 1}


def test_a_reward_may_stand_before_its_decision(tmp_path, monkeypatch):
    monkeypatch.setattr(_experiment_log, "_EARLY", 2)
    with DecisionLog(tmp_path / "run.jsonl", sync="none") as log:
        for turn in (1, 2, 3):
            log.update("b", 1.0, policy_version=0, decision_id=f"0-{turn:x}-0", time=5)
        log.update("b", 1.0, policy_version=0, time=5)
        for turn in (1, 2, 3):
            log.decision(decision(turn), seed=0, experiment="e", variant="b", time=4)
    found = read_logs([tmp_path / "run.jsonl"], "e", "control")
    # Of three, two were remembered; one reward is from elsewhere.
    assert (found.rewarded, found.strays) == ({"b": 2}, 2)


def test_what_is_not_of_the_experiment_is_left_aside(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl", sync="none") as log:
        log.checkpoint({}, time=0)
        log.decision(decision(1), seed=0, time=9)
        log.decision(decision(2), seed=0, experiment="other", variant="b", time=9)
        log.decision(decision(3), seed=0, experiment="e", variant="b", time=5, user="u")
        log.decision(decision(4), seed=0, experiment="e", variant="b", time=10, user="u")
        log.decision(decision(5), seed=0, experiment="e", variant="control", time=10, user="u")
        log.update("b", 2.5, policy_version=0, decision_id="0-4-0", time=11)
        log.update("b", 2.5, policy_version=0, decision_id="0-4-0", time=12)
        log.update("b", 2.5, policy_version=0, decision_id="0-2-0", time=12)
    found = read_logs([tmp_path / "run.jsonl"], "e", "control", since=6)
    assert found.served == {"b": 1, "control": 1}
    assert (found.rewarded, found.strays, found.early, found.crossed) == ({"b": 1}, 2, 1, 1)
    assert found.users == {"b": 1, "control": 0}
    assert not found.binary


def test_users_are_counted_only_where_every_decision_names_one(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl", sync="none") as log:
        for turn, user in enumerate(["u", None, "v"]):
            log.decision(decision(turn), seed=0, experiment="e", variant="b", time=turn, user=user)
    assert read_logs([tmp_path / "run.jsonl"], "e", "control").users is None


def test_several_experiments_must_be_told_apart(tmp_path, log_of_experiment):
    paths = [log_of_experiment(tmp_path / f"{name}.jsonl", MEANS, 3, experiment=name) for name in ("one", "two")]
    with pytest.raises(ConfigurationError, match=r"'one' and 'two', if not more; say which one with --experiment"):
        read_logs(paths, None, "control")
    assert read_logs(paths, "two", "control").decisions == 3


def test_a_reward_beyond_what_sums_hold_is_refused(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl", sync="none") as log:
        log.decision(decision(1), seed=0, experiment="e", variant="b", time=1)
        log.update("b", 1e200, policy_version=0, decision_id="0-1-0", time=2)
    with pytest.raises(LogError, match=r"the reward of decision 0-1-0 is 1e\+200"):
        read_logs([tmp_path / "run.jsonl"], "e", "control")


@pytest.mark.parametrize("time", [2**63, 10**400])
def test_a_time_beyond_what_arrays_hold_is_refused(tmp_path, time):
    path = tmp_path / "run.jsonl"
    with DecisionLog(path, sync="none") as log:
        log.decision(decision(1), seed=0, experiment="e", variant="b", time=1_234_567)
    path.write_text(path.read_text().replace("1234567", str(time)))
    with pytest.raises(LogError, match=r"run.jsonl: a record of domain 'default' has the time .*below 2\*\*63"):
        read_logs([path], "e", "control")


def test_many_records_are_told_of_as_they_are_read(tmp_path, monkeypatch, log_of_experiment):
    monkeypatch.setattr(_experiment_log, "_STEP", 10)
    steps = []
    read_logs([log_of_experiment(tmp_path / "run.jsonl", MEANS, 12)], "checkout", "control", progress=steps.append)
    assert steps == [10, 10, 4]
