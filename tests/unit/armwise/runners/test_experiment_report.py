from __future__ import annotations

import json

import numpy as np
import pytest

from armwise.errors import ConfigurationError, StoreError
from armwise.experiments import Allocator
from armwise.experiments.experiment import Experiment
from armwise.experiments.manager import ExperimentManager
from armwise.experiments.sequential_test import SequentialTest
from armwise.flags import StaticFlags
from armwise.runners.experiment_report import report_on
from armwise.stores import StateFile
from armwise.telemetry.log import DecisionLog
from armwise.types import Decision

MEANS = {"control": 0.2, "b": 0.3, "c": 0.2}
SAME = {"control": 0.2, "b": 0.2}


def rows_of(report):
    return {row.name: row for row in report.variants}


def test_a_log_alone_is_reported_on(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", MEANS, 9000, lost=0.05)
    report = report_on(tmp_path).report
    assert (report.experiment, report.phase, report.verdict, report.best) == ("checkout", "not known", "ship", "b")
    assert [row.name for row in report.variants] == ["control", "b", "c"]
    assert [check.outcome for check in report.checks] == ["passed"] * 3
    assert report.sources == ("run.jsonl",)
    assert report.began == 1_760_000_000 * 10**9 < report.ended
    rows = rows_of(report)
    assert sum(row.served for row in report.variants) == 9000
    assert rows["b"].difference_interval.lower > 0.0
    assert rows["b"].chance_to_beat > 0.999
    assert rows["control"].difference is None
    assert np.isfinite(report.curves.mean[-1]).all()
    assert report.notes == ()


def test_the_same_input_gives_the_same_report(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", MEANS, 600)
    one, other = (report_on(tmp_path).report for _ in range(2))
    assert one.variants == other.variants
    assert np.array_equal(one.curves.mean_lower, other.curves.mean_lower, equal_nan=True)


def test_a_state_alone_is_reported_on(tmp_path, state_of_experiment):
    for seed in (1, 2):
        state_of_experiment(tmp_path / f"{seed}.json", MEANS, 4500, seed=seed)
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict, report.curves) == ("active", "ship", None)
    assert report.sources == ("1.json", "2.json")
    assert sum(row.pulls for row in report.variants) == 9000
    assert report.began is None
    assert "Requests are counted, not users" in report.notes[0]


def test_a_state_and_a_log_are_reported_on_together(tmp_path, state_of_experiment, log_of_experiment):
    state_of_experiment(tmp_path / "state.json", MEANS, 3000)
    log_of_experiment(tmp_path / "run.jsonl", MEANS, 3000)
    report = report_on(tmp_path).report
    assert report.phase == "active"
    assert report.curves is not None
    assert "users" in report.checks[0].detail
    assert report.notes == ()
    log_of_experiment(tmp_path / "more.jsonl", MEANS, 100, seed=9)
    assert "knows 3,000 rewards and the logs 3,100" in report_on(tmp_path).report.notes[-1]


def test_what_was_before_the_experiment_acted_is_left_out(tmp_path, state_of_experiment, log_of_experiment):
    began = 1_760_000_000 * 10**9
    manager = state_of_experiment(tmp_path / "state.json", SAME, 200, phase="shadow")
    manager.activate("checkout", "watched long enough")
    for turn in range(400):
        variant = manager.assign("checkout", f"late-{turn}")
        manager.record("checkout", variant, float(turn % 3 == 0))
    manager.save()
    acted = manager.status()["checkout"]["events"][0]["time"]
    log_of_experiment(tmp_path / "before.jsonl", SAME, 50, began=began)
    log_of_experiment(tmp_path / "after.jsonl", SAME, 400, began=acted, seed=2)
    report = report_on(tmp_path).report
    assert sum(row.pulls for row in report.variants) == 400
    assert "200 rewards from before the experiment acted are left out" in " ".join(report.notes)
    assert "50 logged decisions from before the experiment acted" in " ".join(report.notes)
    assert [what for _, what in report.events] == ["activated: watched long enough"]


FAR = {"control": 0.2, "b": 0.6}


def watched(path, means, n=600, **options):
    """An experiment in the shadow, whose rewards somebody records for the variants as if they acted."""
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    setup = Experiment("checkout", control="control", variants={name: name for name in means}, **options)
    manager = ExperimentManager([setup], store=StateFile(path), flags=flags)
    rng = np.random.default_rng(0)
    for turn in range(n):
        variant = list(means)[turn % len(means)]
        manager.record("checkout", variant, float(rng.random() < means[variant]))
    manager.save()
    return manager


def test_rewards_of_the_shadow_ship_nothing(tmp_path):
    manager = watched(tmp_path / "state.json", FAR)
    manager.activate("checkout", "by hand")
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict) == ("active", "hold")
    assert report.reasons[0] == "No reward was earned in action yet: all 600 came before the experiment acted."
    assert [row.mean for row in report.variants] == [None, None]
    assert "600 rewards from before the experiment acted are left out" in " ".join(report.notes)
    manager.record("checkout", "control", 1.0)
    manager.save()
    report = report_on(tmp_path).report
    assert [row.pulls for row in report.variants] == [1, 0]
    assert (report.verdict, report.reasons[0][:10]) == ("hold", "No variant")


@pytest.mark.parametrize("means", [FAR, {"control": 0.6, "b": 0.2}])
def test_rewards_of_the_shadow_show_no_harm_either(tmp_path, means, log_of_experiment):
    watched(tmp_path / "state.json", means)
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict) == ("shadow", "hold")
    assert "in the shadow: no variant has acted yet, and 600 rewards" in report.reasons[0]
    (tmp_path / "state.json").unlink()
    watched(tmp_path / "state.json", means, 0)
    log_of_experiment(tmp_path / "run.jsonl", means, 900)
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict) == ("shadow", "hold")
    assert "no variant has acted yet, and 900 rewards" in report.reasons[0]


def test_what_was_stopped_is_not_shipped(tmp_path, state_of_experiment):
    manager = state_of_experiment(tmp_path / "state.json", FAR, 2000)
    assert report_on(tmp_path).report.verdict == "ship"
    manager.stop("checkout", "support is overrun")
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict, report.best) == ("stopped", "stop", "b")
    assert report.reasons[0].startswith("The experiment was stopped, 20")
    assert report.reasons[0].endswith(" UTC: support is overrun")
    assert report.reasons[1].startswith("b is better: ")


def test_what_stopped_itself_says_so(tmp_path, state_of_experiment):
    state_of_experiment(tmp_path / "state.json", FAR, 2000, stopping=SequentialTest())
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict) == ("stopped", "stop")
    assert report.reasons[0].startswith("The experiment was stopped by itself, ")


def test_what_began_stopped_has_no_reason(tmp_path, state_of_experiment):
    state_of_experiment(tmp_path / "state.json", FAR, 10, phase="stopped")
    report = report_on(tmp_path).report
    assert (report.verdict, report.reasons[0]) == ("stop", "The experiment is stopped, and control serves.")


def test_repeated_visits_stop_nothing(tmp_path):
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    setup = Experiment("e", control="control", variants={"control": "x", "b": "y"}, phase="active")
    manager = ExperimentManager([setup], store=StateFile(tmp_path / "s.json"), flags=flags)
    rng = np.random.default_rng(0)
    for user in range(200):
        for _ in range(1 + int(20 * rng.pareto(1.2))):
            variant = manager.assign("e", f"u{user}")
        manager.record("e", variant, float(rng.random() < 0.5))
    manager.save()
    report = report_on(tmp_path, shares={"control": 1, "b": 1}).report
    assert (report.checks[0].outcome, report.verdict) == ("failed", "hold")
    assert "Requests are counted, not users" in " ".join(report.notes)


def test_a_variant_that_earned_the_same_every_time_is_named_and_holds(tmp_path, state_of_experiment):
    state_of_experiment(tmp_path / "state.json", {"control": 0.5, "b": 0.0}, 600)
    report = report_on(tmp_path).report
    assert report.verdict == "hold"
    assert report.reasons[0].startswith("Too few rewards, or all alike, to bound the difference of b from control")
    assert any(reason.startswith("b earned 0 every time (") for reason in report.reasons)
    assert not report.variants[1].difference_interval.known


def test_lifts_of_the_shadow_are_judged_from_the_thousandth_on(tmp_path):
    """What a core that learns has left after bad luck looks harmful until a rare decision for it corrects it."""
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    setup = Experiment("policy::r", control="control", variants={"control": None, "b": "b"})
    manager = ExperimentManager([setup], store=StateFile(tmp_path / "s.json"), flags=flags)
    rng = np.random.default_rng(8)
    for turns, verdict in ((990, "hold"), (10, "stop")):
        for _ in range(turns):
            arm = "ab"[int(rng.random() < 0.5)]
            decision = Decision(arm, 0, "0-0-0", 0, 0.5, "exact")
            trial = manager.decide("r", {"user_id": 1}, ["a", "b"], lambda decision=decision: decision)
            manager.record_trial(trial, float(rng.random() < {"a": 0.9, "b": 0.1}[arm]))
        manager.save()
        report = report_on(tmp_path).report
        assert report.verdict == verdict
        assert ("it needs 1,000 requests" in " ".join(report.reasons)) == (verdict == "hold")


@pytest.mark.parametrize(
    ("rates", "turns", "verdict"),
    [
        ({"a": 0.12, "b": 0.02}, 4000, "hold"),
        ({"a": 0.12, "b": 0.02}, 12000, "stop"),
        ({"a": 0.98, "b": 0.88}, 4000, "stop"),
    ],
)
def test_lifts_wait_for_rewards_that_are_rare_and_high(tmp_path, rates, turns, verdict):
    """Where lifts of a core that learns err, nothing is said; where low rewards are the rare ones, they do not."""
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    setup = Experiment("policy::r", control="control", variants={"control": None, "b": "b"})
    manager = ExperimentManager([setup], store=StateFile(tmp_path / "s.json"), flags=flags)
    rng = np.random.default_rng(8)
    for _ in range(turns):
        arm = "ab"[int(rng.random() < 0.5)]
        decision = Decision(arm, 0, "0-0-0", 0, 0.5, "exact")
        trial = manager.decide("r", {"user_id": 1}, ["a", "b"], lambda decision=decision: decision)
        manager.record_trial(trial, float(rng.random() < rates[arm]))
    manager.save()
    report = report_on(tmp_path).report
    b = rows_of(report)["b"]
    assert (report.verdict, b.difference_interval.known) == (verdict, verdict == "stop")
    assert b.difference < 0.0
    assert ("more where rewards are rare" in " ".join(report.reasons)) == (verdict == "hold")


def test_rewards_alone_do_not_show_how_traffic_was_split(tmp_path):
    """Who paid is recorded, and nothing for those who did not: a better variant has more rewards."""
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    setup = Experiment("e", control="control", variants={"control": "x", "b": "y"}, phase="active")
    manager = ExperimentManager([setup], store=StateFile(tmp_path / "s.json"), flags=flags)
    for variant, paid in (("control", 607), ("b", 795)):
        for _ in range(paid):
            manager.record("e", variant, 1.0)
    manager.save()
    report = report_on(tmp_path).report
    assert (report.verdict, report.checks[0].outcome) == ("hold", "unknown")
    assert report.checks[0].detail.startswith("it could not be made from rewards alone")
    assert any(reason.startswith("b earned 1 every time (") for reason in report.reasons)


RATES = {"control": 0.1, "b": 0.3}


def paying(folder, amounts, *, n=6000, everybody=False, request=True, logged=False):
    """Users of whom b makes three times as many pay; those who do not have a reward of 0, or none at all."""
    setup = Experiment("e", control="control", variants={"control": "x", "b": "y"}, phase="active")
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    manager = ExperimentManager([setup], store=StateFile(folder / "s.json"), flags=flags)
    rng = np.random.default_rng(4)
    with DecisionLog(folder / "run.jsonl", sync="none") as log:
        for turn in range(n):
            variant = manager.assign("e", turn) if request else list(RATES)[turn % 2]
            paid = rng.random() < RATES[variant]
            if logged:
                decision = Decision(variant, 0, f"0-{turn:x}-0", 0, 0.5, "exact")
                log.decision(decision, seed=0, experiment="e", variant=variant, user=f"u{turn}")
            if not paid and not everybody:
                continue
            reward = amounts[variant] * rng.lognormal(0.0, 0.5) if paid else 0.0
            manager.record("e", variant, reward)
            if logged:
                log.update(variant, reward, policy_version=0, decision_id=decision.decision_id)
    manager.save()
    if not logged:
        (folder / "run.jsonl").unlink()
    return report_on(folder).report


@pytest.mark.parametrize("amounts", [{"control": 1.0, "b": 0.7}, {"control": 1.0, "b": 1.4}])
@pytest.mark.parametrize("logged", [False, True])
def test_rewards_of_different_requests_neither_ship_nor_stop(tmp_path, amounts, logged):
    """Those of the payers alone are less, or more; of all users b earns more either way."""
    report = paying(tmp_path, amounts, logged=logged)
    (check,) = (check for check in report.checks if check.name == "rewards come back alike")
    assert (report.verdict, check.outcome) == ("hold", "failed")
    assert report.reasons[0].startswith("Rewards do not come back for as many of each variant's requests")
    assert "Record one reward for each request, 0 where nothing was earned." in report.reasons[0]
    span = rows_of(report)["b"].difference_interval
    assert span.upper < 0.0 if amounts["b"] < 1.0 else span.lower > 0.0


def test_rewards_of_every_request_ship(tmp_path):
    report = paying(tmp_path, {"control": 1.0, "b": 0.7}, everybody=True)
    assert (report.verdict, [check.outcome for check in report.checks]) == ("ship", ["passed"] * 3)


def test_rewards_whose_requests_nobody_counted_hold_where_they_do_not_fit_the_shares(tmp_path):
    report = paying(tmp_path, {"control": 1.0, "b": 0.7}, request=False)
    assert (report.verdict, [check.outcome for check in report.checks]) == ("hold", ["unknown"])
    assert report.reasons[0].startswith("It is not known whether the rewards of all variants are of the same sort")


def test_harm_stops_where_rewards_of_all_requests_are_late(tmp_path, state_of_experiment):
    manager = state_of_experiment(tmp_path / "state.json", {"control": 0.6, "b": 0.2}, 1500)
    for turn in range(500):
        manager.assign("checkout", f"open-{turn}")
    manager.save()
    assert report_on(tmp_path).report.verdict == "stop"


def test_users_of_several_shares_are_held_against_none(tmp_path):
    """9:1 and then 1:1 in action: counts of both together fit neither."""

    def setup(weights):
        return Experiment("e", control="control", variants={"control": "x", "b": "y"}, weights=weights, phase="active")

    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    manager = ExperimentManager([setup({"control": 9, "b": 1})], store=StateFile(tmp_path / "s.json"), flags=flags)
    with DecisionLog(tmp_path / "run.jsonl", sync="none") as log:
        for turn in range(4000):
            if turn == 2000:
                manager.add(setup({"control": 1, "b": 1}))
            variant = manager.assign("e", turn)
            manager.record("e", variant, float(turn % 3 == 0))
            decision = Decision(variant, 0, f"0-{turn:x}-0", 0, 0.5, "exact")
            log.decision(decision, seed=0, experiment="e", variant=variant, user=f"u{turn}")
    manager.save()
    report = report_on(tmp_path).report
    assert (report.verdict, report.checks[0].outcome) == ("hold", "unknown")
    assert "users: control " in report.checks[0].detail
    assert "the shares were changed in action" in report.checks[0].detail
    assert report.reasons[0].startswith("The shares were changed in action")


def test_a_table_of_a_later_version_is_not_that_of_all_users(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", MEANS, 400)
    first = Allocator("checkout", dict.fromkeys(MEANS, 1))
    for table, outcome in ((first, "passed"), (first.reallocate({**dict.fromkeys(MEANS, 1), "b": 9}), "unknown")):
        (tmp_path / "table.json").write_text(json.dumps(table.state_dict()))
        report = report_on(tmp_path).report
        assert report.checks[0].outcome == outcome
    assert "the table was changed" in report.checks[0].detail


def test_shares_are_given_for_every_variant(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", MEANS, 60)
    with pytest.raises(ConfigurationError, match="the shares say nothing of 'c'; give every variant one"):
        report_on(tmp_path, shares={"control": 1, "b": 1})
    assert report_on(tmp_path, shares={"control": 1, "b": 1, "c": 0}).report.verdict == "stop"


def test_in_the_shadow_the_verdict_waits(tmp_path, state_of_experiment):
    state_of_experiment(tmp_path / "state.json", SAME, 500, phase="shadow")
    report = report_on(tmp_path).report
    assert (report.phase, report.verdict) == ("shadow", "hold")
    assert "in the shadow" in report.reasons[0]
    # Control served everybody; who would have had which variant is what the split is checked on.
    assert report.checks[0].detail.startswith("p = ")
    assert "requests in the shadow" in report.checks[0].detail
    assert sum(row.served for row in report.variants) == 500


def test_in_the_shadow_differences_are_of_the_same_requests(tmp_path):
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    experiment = Experiment("policy::route", control="core", variants={"core": None, "bold": "large"})
    manager = ExperimentManager([experiment], store=StateFile(tmp_path / "s.json"), flags=flags)
    rng = np.random.default_rng(0)
    for turn in range(1500):
        arm = "small" if rng.random() < 0.5 else "large"
        core = Decision(arm, 0, "0-0-0", 0, 0.5, "exact")
        trial = manager.decide("route", {"user_id": f"u{turn}"}, ["small", "large"], lambda core=core: core)
        manager.record_trial(trial, float(rng.random() < {"small": 0.1, "large": 0.9}[trial.arm]))
    manager.save()
    report = report_on(tmp_path).report
    bold = rows_of(report)["bold"]
    assert report.verdict == "hold"
    assert bold.difference == pytest.approx(0.4, abs=0.1)
    assert bold.difference_interval.lower > 0.0
    assert bold.chance_to_beat is None
    assert "what each variant would have earned" in " ".join(report.notes)
    manager.stop("policy::route", "enough")
    stopped = report_on(tmp_path).report
    assert stopped.verdict == "stop"
    assert rows_of(stopped)["bold"] == bold


@pytest.mark.parametrize(("served", "known"), [("ac", {"c"}), ("a", set()), ("bc", set())])
def test_what_the_core_never_serves_is_held_against_nobody(tmp_path, served, known):
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    experiment = Experiment("policy::r", control="a", variants={"a": "a", "b": "b", "c": "c"})
    manager = ExperimentManager([experiment], store=StateFile(tmp_path / "s.json"), flags=flags)
    rng = np.random.default_rng(0)
    for turn in range(1500):
        core = Decision(served[turn % len(served)], 0, "0-0-0", 0, 1.0 / len(served), "exact")
        trial = manager.decide("r", {"user_id": f"u{turn}"}, ["a", "b", "c"], lambda core=core: core)
        manager.record_trial(trial, float(rng.random() < {"a": 0.5, "b": 0.5, "c": 0.2}[trial.arm]))
    manager.save()
    report = report_on(tmp_path).report
    rows = rows_of(report)
    assert {name for name, row in rows.items() if row.difference is not None} == known
    never = [name for name in "abc" if name not in served]
    assert [name for name, row in rows.items() if row.mean is None] == never
    told = " ".join(report.notes)
    for name in never:
        assert f"The core never serves what {name!r} would have served: nothing is known of it." in told
    if known:
        assert (report.verdict, report.best) == ("stop", "c")
        assert rows["c"].difference_interval.upper < 0.0
    else:
        assert report.verdict == "hold"
        assert report.reasons[0].startswith("The core never serves what ")


def test_rewards_alone_are_units_too(tmp_path):
    flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    experiment = Experiment("e", control="control", variants={"control": "x", "b": "y"}, phase="active")
    manager = ExperimentManager([experiment], store=StateFile(tmp_path / "s.json"), flags=flags)
    for turn in range(300):
        manager.record("e", "control" if turn % 2 else "b", float(turn % 4 == 0))
    manager.record("e", None, 1.0)
    manager.save()
    report = report_on(tmp_path).report
    assert "rewards, as no request was counted: control 150, b 150" in report.checks[0].detail
    assert "Rewards that were ignored: 1 outside." in report.notes


def test_a_table_says_what_the_split_was_to_be(tmp_path, log_of_experiment):
    weights = {"control": 3, "b": 1}
    log_of_experiment(tmp_path / "run.jsonl", SAME, 2000, weights=weights)
    assert report_on(tmp_path).report.checks[0].outcome == "unknown"
    (tmp_path / "table.json").write_text(json.dumps(Allocator("checkout", weights).state_dict()))
    report = report_on(tmp_path).report
    assert report.checks[0].outcome == "passed"
    assert [row.share for row in report.variants] == [0.75, 0.25]
    assert report_on(tmp_path, shares={"control": 1, "b": 1}).report.verdict == "stop"


def test_a_mismatch_and_lost_rewards_are_found(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", SAME, 4000, lost={"control": 0.02, "b": 0.2})
    report = report_on(tmp_path, shares={"control": 9, "b": 1}).report
    assert report.verdict == "stop"
    assert [check.outcome for check in report.checks] == ["failed", "failed", "failed"]


def test_what_users_do_is_noted(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", SAME, 300, user="one user in all {0:.0}")
    notes = " ".join(report_on(tmp_path, shares={"control": 1, "b": 1}).report.notes)
    assert "A user makes 300.0 requests on average" in notes
    assert "1 users were seen in more than one variant" in notes


def test_requests_are_counted_where_users_are_not_named(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", SAME, 300, user=None)
    with (tmp_path / "run.jsonl").open("ab") as file:
        file.write(b'{"record":"upd')
    found = report_on(tmp_path)
    assert found.report.checks[0].detail.startswith("p = ")
    assert "requests: control" in found.report.checks[0].detail
    assert len(found.torn) == 1


def test_another_control_may_be_named(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", {"old": 0.2, "new": 0.2}, 300)
    with pytest.raises(ConfigurationError, match="no variant is called 'control'; say which of 'new', 'old'"):
        report_on(tmp_path)
    report = report_on(tmp_path, control="old").report
    assert [(row.name, row.control) for row in report.variants] == [("old", True), ("new", False)]
    with pytest.raises(ConfigurationError, match="--control is 'older'"):
        report_on(tmp_path, control="older")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"experiment": "checkin"}, "knows no experiment 'checkin'"),
        ({"shares": {"control": 1, "b": 1, "d": 1}}, "a share is of 'd', which is no variant"),
        ({"shares": {"control": 0, "b": 0}}, "that sum to more"),
        ({"shares": {"control": -1, "b": 2}}, "zero or more"),
        ({"shares": {"control": 1, "b": float("inf")}}, "zero or more"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, log_of_experiment, state_of_experiment, options, told):
    log_of_experiment(tmp_path / "run.jsonl", SAME, 20)
    if "shares" in options:
        state_of_experiment(tmp_path / "state.json", SAME, 20)
    with pytest.raises(ConfigurationError, match=told):
        report_on(tmp_path, **options)


def test_a_folder_must_know_one_experiment_or_be_told(tmp_path, state_of_experiment, log_of_experiment):
    with pytest.raises(StoreError, match="there is no such folder"):
        report_on(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="knows no experiment; expected states"):
        report_on(tmp_path)
    state_of_experiment(tmp_path / "one.json", SAME, 20, experiment="one")
    with pytest.raises(ConfigurationError, match="has no experiment 'two'; it has 'one'"):
        report_on(tmp_path, experiment="two")
    log_of_experiment(tmp_path / "two.jsonl", SAME, 20, experiment="two")
    assert report_on(tmp_path, experiment="two").report.phase == "not known"
    assert report_on(tmp_path).report.experiment == "one"
    assert report_on(tmp_path).report.curves is None
    state_of_experiment(tmp_path / "three.json", SAME, 20, experiment="three")
    with pytest.raises(ConfigurationError, match=r"knows the experiments 'one', 'three'; say which one"):
        report_on(tmp_path)


def test_one_variant_is_no_comparison(tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", {"control": 0.5}, 5)
    with pytest.raises(ConfigurationError, match="a comparison needs two at least"):
        report_on(tmp_path)


def test_an_experiment_that_has_seen_nothing_holds(tmp_path, state_of_experiment):
    state_of_experiment(tmp_path / "state.json", SAME, 0)
    report = report_on(tmp_path).report
    assert (report.verdict, report.checks[0].outcome) == ("hold", "unknown")
    assert [row.mean for row in report.variants] == [None, None]
