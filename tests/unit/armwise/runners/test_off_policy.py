from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from armwise import EpsilonGreedy
from armwise.data import open_bandit, read_open_bandit
from armwise.errors import ConfigurationError, LogError, PropensityError
from armwise.runners.contestants import parse_policy
from armwise.runners.off_policy import ESTIMATORS, evaluate_log, evaluate_open_bandit, parse_estimators
from armwise.telemetry.log import DecisionLog


@pytest.fixture(scope="module")
def random():
    return open_bandit("random")


@pytest.fixture(scope="module")
def bts():
    return open_bandit("bts")


def by_name(report):
    return {row.estimator: row.estimate for row in report.rows}


def oracle(logged, evaluated, shrinkage=10.0, folds=5):
    """Plain NumPy, one array for every decision and arm: what the estimators are by their definitions."""
    n, positions, items = len(logged.item), 3, 80
    counts = np.ones((positions, items))
    for item, position in zip(evaluated.item, evaluated.position, strict=True):
        counts[position - 1, item] += 1
    policy = (counts / counts.sum(axis=1, keepdims=True))[logged.position - 1]
    reward, rows = logged.click.astype(float), np.arange(n)
    weight = policy[rows, logged.item] / logged.propensity
    model = np.empty((n, items))
    for fold in range(folds):
        seen = rows % folds != fold
        mean = reward[seen].mean()
        for position in range(positions):
            here = np.flatnonzero(~seen & (logged.position == position + 1))
            for item in range(items):
                of_item = reward[seen & (logged.item == item)]
                middle = (of_item.sum() + shrinkage * mean) / (of_item.size + shrinkage)
                of_cell = reward[seen & (logged.item == item) & (logged.position == position + 1)]
                model[here, item] = (of_cell.sum() + shrinkage * middle) / (of_cell.size + shrinkage)
    predicted, expected = model[rows, logged.item], (policy * model).sum(axis=1)
    terms = {
        "ips": weight * reward,
        "dm": expected,
        "dr": expected + weight * (reward - predicted),
        "switch_dr": expected + np.where(weight <= math.sqrt(n), weight, 0.0) * (reward - predicted),
        "clipped_ips": np.minimum(weight, math.sqrt(n)) * reward,
    }
    values = {name: (column.mean(), column.std(ddof=1) / math.sqrt(n)) for name, column in terms.items()}
    value = (weight * reward).sum() / weight.sum()
    error = math.sqrt(n / (n - 1) * (weight**2 * (reward - value) ** 2).sum()) / weight.sum()
    return values | {"snips": (value, error)}, weight.sum() ** 2 / (weight**2).sum()


def test_the_thompson_policy_on_the_random_log_is_the_oracles(random, bts):
    report = evaluate_open_bandit(random, bts)
    found, (wanted, size) = by_name(report), oracle(random, bts)
    for name, (value, error) in wanted.items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name
        if name != "dm":
            assert found[name].standard_error == pytest.approx(error, abs=1e-12), name
            assert found[name].effective_sample_size == pytest.approx(size)
    assert found["dm"].standard_error > wanted["dm"][1]
    assert report.on_policy.mean == pytest.approx(0.0042)
    assert report.logged.mean == pytest.approx(0.0038)
    for name in ("ips", "snips", "clipped_ips", "dr", "switch_dr", "dm"):
        assert found[name].lower < 0.0042 < found[name].upper


def test_38_clicks_are_warned_of(random, bts):
    report = evaluate_open_bandit(random, bts)
    warnings = {warning.message: names for warning, names in report.warnings}
    weighed = ("ips", "snips", "clipped_ips", "dr", "switch_dr")
    assert warnings["38 rewarded decisions: the normal interval is not to be trusted"] == weighed
    assert {warning.code for warning in by_name(report)["dm"].warnings} == {"model"}


def test_the_uniform_policy_on_the_thompson_log_hardly_overlaps(random, bts):
    report = evaluate_open_bandit(bts)
    assert (report.policy, report.on_policy, report.decisions) == ("uniform", None, 10_000)
    found = by_name(report)
    assert found["ips"].overlap.max_weight == pytest.approx(1 / 80 / bts.propensity.min())
    assert found["ips"].lower < random.click.mean() < found["ips"].upper
    assert {"few_rewards", "low_overlap"} <= {warning.code for warning in found["ips"].warnings}
    row = next(row for row in report.rows if row.estimator == "replay")
    assert row.estimate is not None or "keeps" in row.refused


def test_an_estimator_that_refuses_leaves_the_others(tmp_path):
    path = tmp_path / "log.csv"
    row = "2019-11-24 00:00:34+00:00,{},1,{},{}"
    rows = [row.format(0, 1, 0.999), row.format(0, 0, 0.999), row.format(1, 1, 1e-9)]
    path.write_text("\n".join(["timestamp,item_id,position,click,propensity", *rows]))
    report = evaluate_open_bandit(read_open_bandit(path), folds=2)
    rows = {row.estimator: row for row in report.rows}
    assert rows["replay"].estimate is None
    assert rows["replay"].refused.startswith("replay keeps 1 of 3 decisions")
    assert rows["ips"].estimate is not None


def test_reports_are_plain_data(random, bts):
    text = json.dumps(dataclasses.asdict(evaluate_open_bandit(random, bts)), allow_nan=False)
    assert json.loads(text)["rows"][0]["estimate"]["warnings"][0]["code"] == "few_rewards"


def test_only_what_is_asked_for_is_answered(random, bts):
    report = evaluate_open_bandit(random, bts, estimators=["dr", "ips"])
    assert [row.estimator for row in report.rows] == ["ips", "dr"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("all", ESTIMATORS), ("IPS", ("ips",)), ("switch-dr, clipped_ips,dr", ("clipped_ips", "dr", "switch_dr"))],
)
def test_estimators_are_named(text, names):
    assert parse_estimators(text) == names


@pytest.mark.parametrize("text", ["", "ips,", "mrdr", "all,ips"])
def test_estimators_that_are_none_are_refused(text):
    with pytest.raises(ConfigurationError, match=r"there is no estimator '.*'; expected some of ips, snips"):
        parse_estimators(text)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"estimators": []}, "no estimator named"),
        ({"estimators": ["mean"]}, "no estimator 'mean'"),
        ({"smoothing": -1.0}, "smoothing"),
        ({"shrinkage": 0.0}, "shrinkage"),
        ({"folds": 0}, "folds"),
        ({"clip": 0.0}, "clip"),
        ({"seed": -1}, "seed"),
        ({"confidence": 95.0}, "confidence"),
    ],
)
def test_options_outside_their_range_are_refused(random, bts, options, named):
    with pytest.raises(ConfigurationError, match=named):
        evaluate_open_bandit(random, bts, **options)


def test_a_decision_log_is_evaluated_by_all(tmp_path, write):
    path = write(tmp_path / "run.jsonl", "epsilon_greedy:epsilon=1.0", 900)
    steps = []
    report = evaluate_log(path, parse_policy("thompson"), progress=steps.append)
    found = by_name(report)
    assert tuple(found) == ESTIMATORS
    assert report.source == f"{path}, domain route"
    assert (report.policy, report.decisions, report.unrewarded) == ("ThompsonSampling", 900, 0)
    assert sum(steps) == 3 * (2 * 900 + 2)
    for name in ("ips", "snips", "dr", "switch_dr", "replay"):
        assert 0.6 < found[name].value < 0.95, name
    assert found["dr"].standard_error < found["ips"].standard_error
    assert 200 < found["replay"].effective_sample_size < 400
    assert found["dm"].value == pytest.approx(0.78, abs=0.05)


def test_replay_learns_from_its_own_decisions_alone(tmp_path):
    """Decisions earn 0 on "a" and .5 on "b"; rewards from elsewhere praise "a". Only who learns those prefers it."""
    policy = EpsilonGreedy(["a", "b"], epsilon=1.0, seed=3)
    path = tmp_path / "run.jsonl"
    with DecisionLog(path) as log:
        log.checkpoint(policy.state_dict())
        for _ in range(200):
            decision = policy.decide()
            log.decision(decision, seed=policy.seed)
            reward = 0.5 * (decision.arm == "b")
            policy.update(decision.arm, reward)
            log.update(decision.arm, reward, policy_version=policy.policy_version, decision_id=decision.decision_id)
            policy.update_many(["a"] * 5, [1.0] * 5)
            for version in range(policy.policy_version - 4, policy.policy_version + 1):
                log.update("a", 1.0, policy_version=version)
    rows = by_name(evaluate_log(path, parse_policy("ucb1"), estimators=["replay", "snips"]))
    assert rows["snips"].value < 0.25
    assert rows["replay"].value > 0.35


def test_replay_of_a_log_that_is_not_uniform_finds_the_truth(tmp_path):
    """Means .2, .5 and .8; the log prefers "a", and a uniform policy earns .5 whatever it learns."""
    rng, probability = np.random.default_rng(0), {"a": 0.6, "b": 0.3, "c": 0.1}
    policy = EpsilonGreedy(["a", "b", "c"], epsilon=1.0, seed=1)
    path = tmp_path / "run.jsonl"
    with DecisionLog(path, sync="none") as log:
        log.checkpoint(policy.state_dict())
        for version in range(3000):
            arm = str(rng.choice(list(probability), p=list(probability.values())))
            decision = policy.decide([arm])._replace(propensity=probability[arm], policy_version=version)
            log.decision(decision, seed=1, candidates=("a", "b", "c"))
            reward = float(rng.random() < {"a": 0.2, "b": 0.5, "c": 0.8}[arm])
            log.update(arm, reward, policy_version=version + 1, decision_id=decision.decision_id)
    report = evaluate_log(path, parse_policy("epsilon_greedy:epsilon=1.0"), estimators=["replay", "dr"])
    for estimate in by_name(report).values():
        assert estimate.lower < 0.5 < estimate.upper
    # One decision in ten is kept, whatever was served.
    assert by_name(report)["replay"].effective_sample_size == pytest.approx(300, abs=70)


def test_what_a_log_does_not_allow_is_refused(tmp_path, write):
    write(tmp_path / "run.jsonl", "thompson", 20, domain="route")
    write(tmp_path / "run.jsonl", "thompson", 30, domain="prompt")
    with pytest.raises(LogError, match="domains 'route' and 'prompt'"):
        evaluate_log(tmp_path / "run.jsonl", parse_policy("ucb1"))
    report = evaluate_log(tmp_path / "run.jsonl", parse_policy("ucb1"), domain="prompt", estimators=["replay"])
    assert report.decisions == 30
    path = write(tmp_path / "greedy.jsonl", "ucb1", 50)
    with pytest.raises(PropensityError, match="left nothing to chance"):
        evaluate_log(path, parse_policy("thompson"))
    with pytest.raises(ConfigurationError, match="no estimator 'best'"):
        evaluate_log(tmp_path / "none.jsonl", parse_policy("thompson"), estimators=["best"])
    with pytest.raises(ConfigurationError, match="clip"):
        evaluate_log(tmp_path / "run.jsonl", parse_policy("ucb1"), domain="prompt", clip=-1.0)


def test_a_reward_of_another_arm_than_was_served_is_refused(tmp_path, write):
    path = write(tmp_path / "run.jsonl", "thompson", 20)
    lines = path.read_text().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if json.loads(line).get("record") == "update")
    update = json.loads(lines[place])
    for arm in ("nobody", -1):
        lines[place] = json.dumps(update | {"arm": arm}) + "\n"
        path.write_text("".join(lines))
        with pytest.raises(LogError, match=f"decision {update['decision_id']} served .* is rewarded for {arm!r}"):
            evaluate_log(path, parse_policy("ucb1"))


def test_a_policy_on_its_own_log_is_the_same_by_all_weights(tmp_path, write):
    report = evaluate_log(write(tmp_path / "run.jsonl", "thompson", 300), parse_policy("thompson"), confidence=0.9)
    for estimate in map(report.estimate, ("ips", "snips", "clipped_ips")):
        assert estimate.value == pytest.approx(report.logged.mean, abs=1e-9)
    assert report.estimate("dr").value == pytest.approx(report.logged.mean, abs=0.05)
    assert report.logged.half_width < evaluate_log(tmp_path / "run.jsonl", parse_policy("thompson")).logged.half_width


def test_a_report_gives_one_estimate_or_says_why_not(tmp_path, write):
    report = evaluate_log(write(tmp_path / "run.jsonl", "thompson", 3), parse_policy("thompson"), seed=2)
    assert report.estimate("ips") is by_name(report)["ips"]
    assert report.mean_weight == pytest.approx(1.0)
    refused = next(row for row in report.rows if row.estimator == "replay")
    with pytest.raises(PropensityError, match="replay keeps") as caught:
        report.estimate("replay")
    assert str(caught.value) == refused.refused
    report = evaluate_log(tmp_path / "run.jsonl", parse_policy("thompson"), estimators=["dr", "snips"])
    with pytest.raises(ConfigurationError, match="'ips' was not asked for; the report has snips, dr"):
        report.estimate("ips")
