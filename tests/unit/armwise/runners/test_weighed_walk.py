"""The walk of another policy along a log, by what `evaluate_log` makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import EpsilonGreedy, ThompsonSampling
from armwise.errors import LogError, PropensityError, StoreError
from armwise.runners.contestants import parse_policy
from armwise.runners.off_policy import evaluate_log
from armwise.telemetry.log import DecisionLog
from armwise.types import Decision


def evaluate(path, contestant, **options):
    return evaluate_log(path, contestant, estimators=("ips", "snips"), **options)


def test_a_policy_evaluated_on_its_own_log_earned_what_it_earned(tmp_path, write):
    path = write(tmp_path / "run.jsonl", "thompson", 300)
    report = evaluate(path, parse_policy("thompson"))
    assert report.estimate("ips").value == pytest.approx(report.logged.mean, abs=1e-9)
    assert report.estimate("snips").value == pytest.approx(report.logged.mean, abs=1e-9)
    assert report.mean_weight == pytest.approx(1.0, abs=1e-9)
    assert (report.policy, report.domain, report.decisions, report.unrewarded) == (
        "ThompsonSampling",
        "route",
        300,
        0,
    )


@pytest.mark.parametrize("candidates", [None, [("a", "b", "c"), ("c", "b")]], ids=["all", "subsets"])
@pytest.mark.parametrize("spec", ["thompson", "lints", "lints_diag", "epsilon_greedy", "ucb1", "thompson:half_life=1"])
def test_every_policy_can_be_evaluated(tmp_path, write, spec, candidates):
    path = write(tmp_path / "run.jsonl", "epsilon_greedy:epsilon=1.0", 600, candidates=candidates)
    report = evaluate(path, parse_policy(spec))
    assert 0.3 < report.estimate("snips").value < 0.9
    assert report.estimate("ips").lower < report.estimate("ips").value < report.estimate("ips").upper
    assert report.mean_weight == pytest.approx(1.0, abs=0.35)


def test_estimates_come_near_the_truth(tmp_path):
    """A uniform log of 4,000, means .2, .5 and .8: a policy that learns from it is soon near .8."""
    rng = np.random.default_rng(0)
    policy = EpsilonGreedy(["a", "b", "c"], epsilon=1.0, seed=1)
    with DecisionLog(tmp_path / "run.jsonl", sync="none") as log:
        log.checkpoint(policy.state_dict())
        for _ in range(4000):
            decision = policy.decide()
            log.decision(decision, seed=policy.seed)
            reward = float(rng.random() < {"a": 0.2, "b": 0.5, "c": 0.8}[decision.arm])
            policy.update(decision.arm, reward)
            log.update(decision.arm, reward, policy_version=policy.policy_version, decision_id=decision.decision_id)
    report = evaluate(tmp_path / "run.jsonl", parse_policy("thompson"))
    for estimate in map(report.estimate, ("ips", "snips")):
        assert estimate.value == pytest.approx(0.8, abs=0.05)
        assert estimate.lower <= 0.8 <= estimate.upper + 0.02
    assert report.logged.mean == pytest.approx(0.5, abs=0.03)


def test_unrewarded_decisions_are_left_out_and_counted(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        for turn in range(10):
            decision = policy.decide()
            log.decision(decision, seed=1)
            if turn % 2:
                policy.update(decision.arm, 1.0)
                version = policy.policy_version
                log.update(decision.arm, 1.0, policy_version=version, decision_id=decision.decision_id)
        log.update("a", 0.0, policy_version=6)
        log.update("a", 0.0, policy_version=7, decision_id="9-9-9")
    report = evaluate(tmp_path / "run.jsonl", parse_policy("ucb1"))
    assert (report.decisions, report.unrewarded, report.logged.n, report.logged.mean) == (10, 5, 5, 1.0)


def test_one_of_several_domains_has_to_be_named(tmp_path, write):
    write(tmp_path / "run.jsonl", "thompson", 20, domain="route")
    write(tmp_path / "run.jsonl", "thompson", 30, domain="prompt")
    with pytest.raises(LogError, match="domains 'route' and 'prompt'; say which one"):
        evaluate(tmp_path / "run.jsonl", parse_policy("ucb1"))
    assert evaluate(tmp_path / "run.jsonl", parse_policy("ucb1"), domain="prompt").decisions == 30
    with pytest.raises(LogError, match="no record of domain 'tools'"):
        evaluate(tmp_path / "run.jsonl", parse_policy("ucb1"), domain="tools")


@pytest.mark.parametrize("propensity", [None, 0.0, -0.5, 1.5])
def test_a_decision_without_a_propensity_is_refused(tmp_path, propensity):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(ThompsonSampling(["a", "b"], seed=1).state_dict())
        log.decision(Decision("a", 0, "0-5-0", 0, propensity, "none"), seed=1)
    with pytest.raises(PropensityError, match="decision 0-5-0 has the propensity"):
        evaluate(tmp_path / "run.jsonl", parse_policy("thompson"))


def test_a_log_without_chance_says_nothing_of_other_arms(tmp_path, write):
    path = write(tmp_path / "run.jsonl", "ucb1", 50)
    with pytest.raises(PropensityError, match="left nothing to chance"):
        evaluate(path, parse_policy("thompson"))


def test_a_decision_rewarded_twice_is_refused(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        decision = policy.decide()
        log.decision(decision, seed=1)
        for version in (1, 2):
            log.update(decision.arm, 1.0, policy_version=version, decision_id=decision.decision_id)
    with pytest.raises(LogError, match=f"decision {decision.decision_id} is rewarded twice"):
        evaluate(tmp_path / "run.jsonl", parse_policy("thompson"))


def test_a_linear_policy_needs_contexts(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        log.decision(policy.decide(), seed=1)
    with pytest.raises(LogError, match="has no contexts, and LinTS needs them"):
        evaluate(tmp_path / "run.jsonl", parse_policy("lints"))


def test_contexts_by_name_are_encoded(tmp_path):
    policy = ThompsonSampling(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        for turn in range(40):
            decision = policy.decide()
            log.decision(decision, seed=1, context={"tokens": turn, "lang": "de"})
            policy.update(decision.arm, turn % 2)
            version = policy.policy_version
            log.update(decision.arm, turn % 2, policy_version=version, decision_id=decision.decision_id)
    assert evaluate(tmp_path / "run.jsonl", parse_policy("lints")).decisions == 40


def test_an_arm_that_was_no_candidate_is_an_error(tmp_path):
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(ThompsonSampling(["a", "b"], seed=1).state_dict())
        log.decision(Decision("z", 0, "0-5-0", 0, 0.5, "exact"), seed=1)
    with pytest.raises(LogError, match="decision 0-5-0 chose 'z', which is no candidate"):
        evaluate(tmp_path / "run.jsonl", parse_policy("thompson"))


def test_rewards_that_the_policy_cannot_learn_are_an_error(tmp_path):
    policy = EpsilonGreedy(["a", "b"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict())
        decision = policy.decide()
        log.decision(decision, seed=1)
        log.update(decision.arm, 200.0, policy_version=1, decision_id=decision.decision_id)
    with pytest.raises(LogError, match=r"ThompsonSampling cannot follow the update 0-0-0 .*CompositeReward"):
        evaluate(tmp_path / "run.jsonl", parse_policy("thompson"))


def test_too_few_rewards_are_an_error(tmp_path, write):
    path = write(tmp_path / "run.jsonl", "thompson", 20, reward=False)
    with pytest.raises(LogError, match="0 rewarded decisions; an interval needs at least 2"):
        evaluate(path, parse_policy("thompson"))
    DecisionLog(tmp_path / "empty.jsonl").close()
    with pytest.raises(LogError, match="no whole record"):
        evaluate(tmp_path / "empty.jsonl", parse_policy("thompson"))
    with pytest.raises(StoreError):
        evaluate(tmp_path / "none.jsonl", parse_policy("thompson"))


def test_progress_adds_up_over_all_domains(tmp_path, write):
    write(tmp_path / "run.jsonl", "thompson", 200, domain="route")
    write(tmp_path / "run.jsonl", "thompson", 200, domain="prompt")
    steps = []
    evaluate(tmp_path / "run.jsonl", parse_policy("ucb1"), domain="route", progress=steps.append)
    assert sum(steps) == 804
