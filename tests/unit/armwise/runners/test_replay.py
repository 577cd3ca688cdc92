from __future__ import annotations

import json

import pytest

from armwise import ThompsonSampling
from armwise.errors import LogError, StoreError
from armwise.runners.replay import replay
from armwise.telemetry.log import DecisionLog
from armwise.types import Decision

SPECS = [
    "thompson",
    "thompson:half_life=1e-3",
    "thompson:prior=(0.5, 0.5)",
    "lints_diag",
    "lints_diag:half_life=1e-3",
    "lints",
    "epsilon_greedy",
    "ucb1",
]


def edited(path, edit):
    """Rewrite each record of a log but its header; what `edit` returns None for is left out."""
    header, *lines = path.read_text().splitlines()
    records = [edit(json.loads(line)) for line in lines]
    path.write_text("\n".join([header, *(json.dumps(record) for record in records if record is not None)]) + "\n")
    return path


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("candidates", [None, [("a", "b"), ("c", "b"), ("b", "a", "c")]], ids=["all", "subsets"])
def test_every_decision_comes_out_again(tmp_path, write, spec, candidates):
    path = write(tmp_path / "run.jsonl", spec, 200, candidates=candidates, step=7_000, max_bytes=30_000)
    report = replay(path)
    assert report.mismatches == ()
    assert (report.decisions, report.updates, report.checkpoints, report.gaps) == (200, 200, 1, 0)
    assert report.domains == ("route",)


def test_an_open_set_of_arms_comes_out_again(tmp_path, write):
    candidates = [("a", "b"), ("c",), ("b", "c", "a")]
    path = write(tmp_path / "run.jsonl", ThompsonSampling(seed=3), 60, candidates=candidates)
    assert replay(path).mismatched == 0


def test_domains_are_replayed_apart(tmp_path):
    policies = {"route": ThompsonSampling(["a", "b"], seed=1), "prompt": ThompsonSampling(["a", "b"], seed=2)}
    with DecisionLog(tmp_path / "run.jsonl") as log:
        for domain, policy in policies.items():
            log.checkpoint(policy.state_dict(), domain=domain)
        for turn in range(50):
            for domain, policy in policies.items():
                log.decision(policy.decide(), seed=policy.seed, domain=domain)
                policy.update("a", turn % 2, None)
                log.update("a", turn % 2, policy_version=policy.policy_version, domain=domain)
    report = replay(tmp_path / "run.jsonl")
    assert (report.domains, report.decisions, report.mismatched) == (("route", "prompt"), 100, 0)


def test_decisions_that_reach_the_log_late_come_out_again(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    late = []
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        for turn in range(100):
            late.append(policy.decide())
            policy.update("a", turn % 2)
            log.update("a", turn % 2, policy_version=policy.policy_version)
            if turn % 7 == 6:
                for decision in reversed(late):
                    log.decision(decision, seed=policy.seed)
                late.clear()
    assert replay(tmp_path / "run.jsonl").mismatched == 0


def test_a_change_of_arms_is_told_by_a_checkpoint(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        for arm in ("c", "d"):
            log.checkpoint(policy.state_dict())
            for _ in range(20):
                log.decision(policy.decide(), seed=policy.seed)
            policy.add_arm(arm)
        log.checkpoint(policy.state_dict())
    report = replay(tmp_path / "run.jsonl")
    assert (report.decisions, report.mismatched, report.gaps) == (40, 0, 2)


def test_a_lost_last_update_is_a_gap(tmp_path, write):
    def drop(record):
        return None if record["record"] == "update" and record["policy_version"] == 30 else record

    report = replay(edited(write(tmp_path / "run.jsonl", "thompson", 30), drop))
    assert (report.mismatched, report.checkpoints, report.gaps) == (0, 0, 1)


def test_a_changed_reward_is_noticed(tmp_path, write):
    def flip(record):
        if record["record"] == "update" and record["policy_version"] == 40:
            record["learned"] = 1.0 - record["learned"]
        return record

    report = replay(edited(write(tmp_path / "run.jsonl", "thompson", 80), flip))
    assert report.mismatched >= 1
    assert "checkpoint of version 80" in {mismatch.record for mismatch in report.mismatches}


def test_a_missing_update_is_noticed(tmp_path, write):
    def drop(record):
        return None if record["record"] == "update" and record["policy_version"] == 40 else record

    report = replay(edited(write(tmp_path / "run.jsonl", "thompson", 80), drop))
    assert report.mismatched >= 40
    assert len(report.mismatches) == 20
    assert "version" in report.mismatches[0].found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"arm": "nobody"}, "'"),
        ({"seed": 12}, "seed 11"),
        ({"decision_id": "what"}, "decision_id"),
        ({"candidates": ["a", "a"]}, "a"),
        ({"candidates": ["a", "z"]}, "z"),
    ],
)
def test_a_changed_decision_is_noticed(tmp_path, write, change, found):
    def forge(record):
        chosen = record["record"] == "decision" and record["counter"] == 5
        return {**record, **change} if chosen else record

    report = replay(edited(write(tmp_path / "run.jsonl", "thompson", 10), forge))
    assert report.mismatched == 1
    assert found in report.mismatches[0].found
    assert report.mismatches[0].domain == "route"


def test_a_label_that_comes_back_as_another_type_is_noticed(tmp_path):
    policy = ThompsonSampling([1, 2], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        decision = policy.decide()
        log.decision(decision._replace(arm=float(decision.arm)), seed=1)
    assert replay(tmp_path / "run.jsonl").mismatched == 1


def test_a_killed_run_replays_as_far_as_it_came(tmp_path, write):
    path = write(tmp_path / "run.jsonl", "thompson", 50)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    report = replay(path)
    assert (len(report.torn), report.mismatched) == (1, 0)
    assert 20 <= report.decisions <= 30


def test_a_log_without_a_checkpoint_is_an_error(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.decision(Decision("a", 0, "0-0-0", 0, None, "none"), seed=1)
    with pytest.raises(LogError, match="domain 'default' begins with a decision; expected a checkpoint"):
        replay(tmp_path / "run.jsonl")


def test_a_checkpoint_that_no_policy_takes_is_an_error(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint({"policy": "ThompsonSampling", "version": 1})
    with pytest.raises(LogError, match="a checkpoint of domain 'default' is refused"):
        replay(tmp_path / "run.jsonl")


def test_an_update_that_the_policy_refuses_is_an_error(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(ThompsonSampling(["a"], seed=1).state_dict())
        log.update("a", 7.0, policy_version=1, decision_id="0-0-0")
    with pytest.raises(LogError, match="the update that rewards 0-0-0 of domain 'default' is refused"):
        replay(tmp_path / "run.jsonl")


def test_an_empty_log_is_an_error(tmp_path):
    DecisionLog(tmp_path / "run.jsonl").close()
    with pytest.raises(LogError, match="no whole record"):
        replay(tmp_path / "run.jsonl")
    with pytest.raises(StoreError):
        replay(tmp_path / "none.jsonl")


def test_progress_adds_up(tmp_path, write):
    steps = []
    replay(write(tmp_path / "run.jsonl", "thompson", 300), progress=steps.append)
    assert sum(steps) == 602
