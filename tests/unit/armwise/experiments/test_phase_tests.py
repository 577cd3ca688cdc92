"""What activates an experiment and what stops it."""

from __future__ import annotations

import numpy as np
import pytest

from armwise.experiments import Experiment, ExperimentManager, SequentialTest
from armwise.types import Decision

PLAIN = {"control": "control", "variants": {"control": "a", "b": "b"}}


def managed(on, metrics=None, **options):
    return ExperimentManager([Experiment(options.pop("id", "e"), **PLAIN | options)], flags=on, metrics=metrics)


def status(manager):
    return manager.status()["e"]


def feed(manager, n, control, variant, rng=None):
    """Record n noisy rewards of each side, in turn."""
    rng = np.random.default_rng(3) if rng is None else rng
    for _ in range(n):
        for name, mean in (("b", variant), ("control", control)):
            manager.record("e", name, float(rng.random() < mean))


class TestActivation:
    """Once control has its pulls, and nothing is shown to be worse."""

    def test_it_waits_for_the_pulls_of_control_alone(self, on):
        manager = managed(on, auto_activate_after=3)
        for _ in range(10):
            manager.record("e", "b", 1.0)
        manager.record("e", "control", 1.0)
        manager.record("e", "control", 1.0)
        assert status(manager)["phase"] == "shadow"
        manager.record("e", "control", 1.0)
        assert status(manager)["phase"] == "active"

    def test_without_it_nothing_activates(self, on):
        manager = managed(on)
        feed(manager, 50, 0.5, 0.5)
        assert status(manager)["phase"] == "shadow"

    def test_a_variant_that_is_shown_to_be_worse_holds_it_up(self, on, heard):
        manager = managed(on, heard, auto_activate_after=300)
        feed(manager, 299, 0.8, 0.2)
        assert status(manager)["events"] == []
        feed(manager, 1, 0.8, 0.2)
        assert status(manager)["phase"] == "shadow"
        (event,) = status(manager)["events"]
        assert (event["kind"], event["automatic"]) == ("withheld", True)
        assert "but 'b' is shown to be worse than 'control', by 0." in event["reason"]
        assert event["evidence"]["upper"] < 0.0
        assert event["evidence"]["pulls"] == 300
        feed(manager, 20, 0.8, 0.2)
        assert status(manager)["events"] == [event]
        assert [what[1] for what in heard.of("phase")] == ["shadow", "shadow"]

    def test_it_goes_on_once_the_evidence_has_gone(self, on):
        manager = managed(on, auto_activate_after=300)
        feed(manager, 300, 0.8, 0.2)
        feed(manager, 1500, 0.5, 0.9)
        kinds = [event["kind"] for event in status(manager)["events"]]
        assert kinds == ["withheld", "activated"]
        assert status(manager)["phase"] == "active"

    def test_without_a_guard_it_activates_whatever_was_earned(self, on):
        manager = managed(on, auto_activate_after=300, guard=None)
        feed(manager, 300, 0.9, 0.1)
        assert status(manager)["events"][0]["reason"] == "control has 300 pulls, 300 were asked for; no guard is set"

    def test_rewards_without_spread_are_judged_by_their_bounds(self, on):
        options = {"auto_activate_after": 200, "guard": SequentialTest(kind="empirical_bernstein")}
        manager = managed(on, **options)
        feed(manager, 200, 1.0, 0.0)
        assert status(manager)["phase"] == "shadow"
        other = managed(on, **options)
        feed(other, 200, 1.0, 1.0)
        assert status(other)["phase"] == "active"

    @pytest.mark.parametrize(("control", "variant", "alike"), [(0.5, 0.0, "b"), (1.0, 0.5, "control")])
    def test_rewards_that_are_all_alike_hold_it_up(self, on, control, variant, alike):
        """A broken variant earns the same every time, and an estimated variance knows nothing of it."""
        manager = managed(on, auto_activate_after=200)
        feed(manager, 200, control, variant)
        assert status(manager)["phase"] == "shadow"
        (event,) = status(manager)["events"]
        assert event["kind"] == "withheld"
        assert f"but nothing is known of {alike!r} yet: its 200 rewards are all alike" in event["reason"]
        assert 'kind="empirical_bernstein"' in event["reason"]
        assert event["evidence"] == {"pulls": 200}
        feed(manager, 200, 0.5, 0.5)
        assert [event["kind"] for event in status(manager)["events"]] == ["withheld", "activated"]

    def test_too_few_rewards_to_judge_do_not_hold_it_up(self, on):
        manager = managed(on, auto_activate_after=50)
        feed(manager, 50, 0.5, 0.0)
        assert status(manager)["phase"] == "active"

    def test_harm_is_said_before_what_is_not_known(self, on):
        three = {"control": "a", "b": "b", "c": "c"}
        manager = managed(on, variants=three, auto_activate_after=400)
        rng = np.random.default_rng(3)
        for _ in range(400):
            for name, mean in (("b", 0.1), ("c", 0.0), ("control", 0.9)):
                manager.record("e", name, float(rng.random() < mean))
        assert "'b' is shown to be worse" in status(manager)["events"][0]["reason"]

    def test_what_is_shown_to_be_better_is_said(self, on):
        manager = managed(on, auto_activate_after=300)
        feed(manager, 300, 0.2, 0.8)
        assert "'b' is shown to be better" in status(manager)["events"][0]["reason"]

    def test_replay_counts_before_records(self, on):
        """In the shadow the variants have no rewards of their own; matched replay says what they would have earned."""
        rng = np.random.default_rng(8)
        experiment = Experiment(
            "policy::r", **PLAIN | {"variants": {"control": None, "b": "b"}}, auto_activate_after=1000
        )
        manager = ExperimentManager([experiment], flags=on)
        for _ in range(1000):
            arm = "ab"[int(rng.random() < 0.5)]
            decision = Decision(arm, 0, "0-0-0", 0, 0.5, "exact")
            trial = manager.decide("r", {"user_id": 1}, ["a", "b"], lambda decision=decision: decision)
            manager.record_trial(trial, float(rng.random() < {"a": 0.9, "b": 0.1}[arm]))
        found = manager.status()["policy::r"]
        assert found["phase"] == "shadow"
        assert found["events"][0]["evidence"]["source"] == "replay"

    @pytest.mark.parametrize("core", ["a", "b"])
    def test_what_the_core_never_serves_is_held_against_nobody(self, on, core):
        """A score of 0 for each request makes a lift of minus the reward: of the variant, or of the baseline."""
        manager = managed(on, id="policy::r", auto_activate_after=100, guard=SequentialTest())
        rng = np.random.default_rng(8)
        for _ in range(2000):
            decision = Decision(core, 0, "0-0-0", 0, 1.0, "exact")
            trial = manager.decide("r", {"user_id": 1}, ["a", "b"], lambda decision=decision: decision)
            manager.record_trial(trial, float(rng.random() < 0.5))
        found = manager.status()["policy::r"]
        assert found["phase"] == "shadow"
        (event,) = found["events"]
        other = {"a": "b", "b": "control"}[core]
        assert f"the core never serves what {other!r} would have served: nothing is known" in event["reason"]
        assert event["evidence"] == {"pulls": 100}

    def test_harm_that_is_known_is_said_before_what_is_not(self, on):
        variants = {"control": None, "b": "b", "c": "c"}
        manager = managed(on, id="policy::r", variants=variants, auto_activate_after=1000)
        rng = np.random.default_rng(8)
        for _ in range(1000):
            arm = "ab"[int(rng.random() < 0.5)]
            decision = Decision(arm, 0, "0-0-0", 0, 0.5, "exact")
            trial = manager.decide("r", {"user_id": 1}, ["a", "b", "c"], lambda decision=decision: decision)
            manager.record_trial(trial, float(rng.random() < {"a": 0.9, "b": 0.1}[arm]))
        (event,) = manager.status()["policy::r"]["events"]
        assert "'b' is shown to be worse than 'control'" in event["reason"]
        assert event["evidence"]["alpha"] == 0.025, "what is not known keeps its part"


class TestStopping:
    """A verdict with its time, reason and evidence."""

    @pytest.mark.parametrize(("variant", "outcome"), [(0.2, "worse"), (0.8, "better")])
    def test_it_stops_at_what_is_shown(self, on, heard, variant, outcome):
        manager = managed(on, heard, phase="active", stopping=SequentialTest())
        feed(manager, 500, 0.5, variant)
        verdict = manager.verdict("e")
        assert verdict.automatic
        assert verdict.time > 10**18
        assert f"'b' is shown to be {outcome} than 'control', by 0." in verdict.reason
        assert verdict.evidence["outcome"] == outcome
        assert verdict.evidence["n"] < 500
        found = status(manager)
        assert (found["phase"], found["verdict"]) == ("stopped", verdict.state_dict())
        assert found["ignored"]["stopped"] > 0
        assert heard.of("phase")[-1] == ("e", "stopped", {"control": True, "b": False})
        assert manager.assign("e", "u") == "control"

    def test_equals_go_on(self, on):
        manager = managed(on, phase="active", stopping=SequentialTest())
        feed(manager, 800, 0.5, 0.5)
        assert manager.verdict("e") is None
        assert status(manager)["phase"] == "active"

    def test_only_what_was_earned_in_action_counts(self, on):
        """In the shadow nobody was allocated by chance: what was recorded then shows nothing about the variants."""
        manager = managed(on, stopping=SequentialTest())
        feed(manager, 500, 0.9, 0.1)
        manager.activate("e")
        feed(manager, 60, 0.5, 0.5)
        assert manager.verdict("e") is None
        assert manager.statistics("e")["b"].active.n == 60

    def test_looks_in_the_shadow_do_not_put_off_those_in_action(self, on):
        manager = managed(on, auto_activate_after=1000, stopping=SequentialTest())
        feed(manager, 1000, 0.5, 0.5)
        feed(manager, 300, 0.9, 0.1)
        assert manager.verdict("e").evidence["n"] < 150

    def test_a_broken_variant_is_stopped_where_the_bounds_of_rewards_are_known(self, on):
        for kind, stopped in (("asymptotic", False), ("msprt", False), ("empirical_bernstein", True)):
            manager = managed(on, phase="active", stopping=SequentialTest(kind=kind))
            feed(manager, 400, 0.5, 0.0)
            assert (manager.verdict("e") is not None) == stopped

    def test_bounded_rewards_stop_sooner_than_an_estimated_variance_may(self, on):
        manager = managed(on, phase="active", stopping=SequentialTest(kind="empirical_bernstein"))
        feed(manager, 90, 1.0, 0.0)
        assert manager.verdict("e").evidence["outcome"] == "worse"
