"""What a hand changes: activating and stopping, in their order."""

from __future__ import annotations

import pytest

from armwise.errors import ConfigurationError
from armwise.experiments import Experiment, ExperimentManager

PLAIN = {"control": "control", "variants": {"control": "a", "b": "b"}}


def managed(on, metrics=None, **options):
    return ExperimentManager([Experiment("e", **PLAIN | options)], flags=on, metrics=metrics)


def status(manager):
    return manager.status()["e"]


class TestByHand:
    """activate and stop."""

    def test_phases_follow_each_other(self, on, heard):
        manager = managed(on, heard)
        manager.activate("e", "ready")
        manager.activate("e", "again")
        manager.stop("e", "enough")
        manager.stop("e", "again")
        assert [event["reason"] for event in status(manager)["events"]] == ["ready", "enough"]
        assert manager.verdict("e").reason == "enough"
        assert not manager.verdict("e").automatic
        assert [what[1] for what in heard.of("phase")] == ["shadow", "active", "stopped"]
        with pytest.raises(ConfigurationError, match="was stopped, and stays so"):
            manager.activate("e")

    def test_stopped_from_the_shadow(self, on):
        manager = managed(on)
        manager.stop("e")
        trial = manager.decide("x", None, ["a"])
        assert trial.reason == "unknown"
        manager.record("e", "control", 1.0)
        assert status(manager)["ignored"] == {"stopped": 1}

    def test_a_stopped_domain_is_the_cores(self, on):
        manager = ExperimentManager([Experiment("policy::r", **PLAIN, phase="stopped")], flags=on)
        trial = manager.decide("r", {"user_id": 1}, ["x", "a", "b"])
        assert (trial.arm, trial.reason) == ("x", "stopped")
        manager.record_trial(trial, 1.0)
        assert manager.status()["policy::r"]["ignored"] == {"stopped": 1}

    @pytest.mark.parametrize("call", ["activate", "stop", "verdict", "statistics"])
    def test_experiments_that_are_not_there_are_refused(self, on, call):
        with pytest.raises(ConfigurationError, match="there is no experiment 'x'; there are 'e'"):
            getattr(managed(on), call)("x")
        with pytest.raises(ConfigurationError, match="there are none"):
            getattr(ExperimentManager(flags=on), call)("x")

    @pytest.mark.parametrize("reason", ["", "  ", None, 3])
    def test_a_reason_is_words(self, on, reason):
        manager = managed(on)
        for call in (manager.activate, manager.stop):
            with pytest.raises(ConfigurationError, match="reason is"):
                call("e", reason)
        assert status(manager)["phase"] == "shadow"
