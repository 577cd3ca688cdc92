from __future__ import annotations

import math

import numpy as np
import pytest

from armwise.errors import ConfigurationError, StoreError
from armwise.runners.contestants import CONTESTANTS, parse_policy
from armwise.runners.dataset import Feedback, bundled
from armwise.runners.routing import run_routing, write_log
from armwise.telemetry.log import Checkpoint, DecisionRecord, LogReader, UpdateRecord

BY_NAME = {contestant.name: contestant for contestant in CONTESTANTS}


@pytest.fixture(scope="module")
def data():
    """Arm b is best; arm c is best where the first feature is high."""
    rng = np.random.default_rng(5)
    context = rng.normal(size=(300, 2))
    reward = np.column_stack([np.full(300, 0.2), np.full(300, 0.7), 0.4 + 0.6 * (context[:, 0] > 0.8)])
    cost = np.tile([0.0, 0.005, 0.005], (300, 1))
    return Feedback("made up", ("a", "b", "c"), context, reward, cost)


@pytest.fixture(scope="module")
def report(data):
    return run_routing(data, seeds=4, cost_weight=20.0)


def test_the_lines_are_those_of_the_data(data, report):
    utility = data.utility(20.0)
    assert report.best_fixed == "b"
    assert report.best_fixed_utility == pytest.approx(0.6)
    assert report.oracle_utility == pytest.approx(utility.max(axis=1).mean())
    assert report.arm_utility == pytest.approx(tuple(utility.mean(axis=0)))
    assert (report.requests, report.seeds, report.arms, report.data) == (300, 4, ("a", "b", "c"), "made up")


def test_every_policy_and_the_floor_are_played(report):
    assert [result.name for result in report.results] == [*BY_NAME, "random"]


def test_results_add_up(report):
    for result in report.results:
        assert sum(result.share) == pytest.approx(1.0)
        assert result.utility.n == 4
        assert result.regret_fixed == pytest.approx(report.best_fixed_utility - result.utility.mean)
        assert result.regret_oracle == pytest.approx(report.oracle_utility - result.utility.mean)
        assert result.curve.regret[-1] == pytest.approx(300 * result.regret_fixed)
        assert result.curve.requests[-1] == 300
        np.testing.assert_allclose(result.curve.share.sum(axis=1), 1.0)


def test_utility_is_what_the_shares_say_where_an_arm_always_earns_the_same(data):
    reward = np.tile([0.1, 0.5, 0.9], (50, 1))
    same = Feedback("same", data.arms, np.zeros((50, 0)), reward, np.zeros((50, 3)))
    for result in run_routing(same, seeds=2).results:
        assert result.utility.mean == pytest.approx(np.dot(result.share, [0.1, 0.5, 0.9]))


def test_policies_learn_and_chance_does_not(report):
    utility = {result.name: result.utility.mean for result in report.results}
    floor = utility.pop("random")
    assert floor == pytest.approx(np.mean(report.arm_utility), abs=0.05)
    assert all(earned > floor + 0.05 for earned in utility.values())
    assert utility["lints"] > utility["thompson"]


def test_times_are_measured_where_there_is_something_to_time(report):
    for result in report.results:
        if result.name == "random":
            assert result.latency is result.decisions_per_second is None
        else:
            assert 0.0 <= result.latency.p50 <= result.latency.p99 <= result.latency.p999
            assert result.decisions_per_second > 0.0


def test_the_same_seeds_give_the_same_results(data, report):
    again = run_routing(data, seeds=4, cost_weight=20.0)
    assert [result.utility for result in again.results] == [result.utility for result in report.results]


def test_one_seed_has_no_interval(data):
    report = run_routing(data, seeds=1, contestants=[BY_NAME["thompson"]])
    assert report.results[0].utility.half_width == math.inf
    assert np.isnan(report.results[0].curve.half_width).all()


def test_progress_is_told_after_every_seed(data):
    told = []
    run_routing(data, seeds=3, contestants=[BY_NAME["ucb1"], BY_NAME["lints"]], progress=told.append)
    assert told == ["UCB1"] * 3 + ["LinTS"] * 3


def test_a_single_request_is_enough():
    one = Feedback("one", ("a", "b"), np.zeros((1, 1)), np.ones((1, 2)), np.zeros((1, 2)))
    assert run_routing(one, seeds=2).results[0].utility.mean == 1.0


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seeds_are_refused(data, seeds):
    with pytest.raises(ConfigurationError, match="seeds is"):
        run_routing(data, seeds=seeds)


@pytest.mark.parametrize("name", BY_NAME)
def test_a_log_holds_the_run_of_its_seed(data, tmp_path, name):
    path = tmp_path / "run.jsonl"
    for _ in range(2):
        write_log(path, data, BY_NAME[name], seed=0, cost_weight=20.0)
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]
    first, *records, last = LogReader(path)
    assert isinstance(first, Checkpoint)
    assert isinstance(last, Checkpoint)
    assert first.state["policy"] == BY_NAME[name].title
    decisions, updates = records[::2], records[1::2]
    assert {type(decision) for decision in decisions} == {DecisionRecord}
    assert {type(update) for update in updates} == {UpdateRecord}
    earned = np.mean([update.reward for update in updates])
    assert earned == pytest.approx(run_routing(data, seeds=1, contestants=[BY_NAME[name]]).results[0].utility.mean)
    for decision, update in zip(decisions, updates, strict=True):
        assert (update.decision_id, update.arm) == (decision.decision_id, decision.arm)
        assert len(decision.context) == 3
        assert (update.context == decision.context) if BY_NAME[name].linear else (update.context is None)
        assert (update.learned == update.reward) or BY_NAME[name].linear


def test_a_log_that_cannot_be_written_is_an_error(data, tmp_path):
    with pytest.raises(StoreError):
        write_log(tmp_path / "none" / "run.jsonl", data, BY_NAME["ucb1"])


def test_settings_reach_the_policy(data):
    greedy = run_routing(data, seeds=2, contestants=[parse_policy("epsilon_greedy:epsilon=1.0")]).results[0]
    assert greedy.share == pytest.approx((1 / 3, 1 / 3, 1 / 3), abs=0.1)


def test_the_bars_of_the_bundled_data():
    """Twenty fixed seeds, the same numbers everywhere; the linear settings were fitted to this data."""
    report = run_routing(bundled(), seeds=20, cost_weight=20.0)
    utility = {result.name: result.utility for result in report.results}
    assert all(interval.half_width <= 0.005 for interval in utility.values())
    for name in ("thompson", "lints", "lints_diag"):
        assert utility[name].mean >= report.best_fixed_utility - 0.01
        for other in ("epsilon_greedy", "ucb1", "random"):
            assert utility[name].lower > utility[other].upper
