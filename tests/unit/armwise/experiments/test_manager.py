"""Assigning, deciding and recording."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.experiments import (
    Allocator,
    Experiment,
    ExperimentManager,
    Trial,
)
from armwise.flags import EnvironmentFlags, StaticFlags
from armwise.types import Decision

FLAG = "ENABLE_EXPERIMENT_HARNESS"
USERS = [f"user-{i}" for i in range(400)]
PLAIN = {"control": "control", "variants": {"control": "a", "b": "b"}}


def managed(flags, *, name="policy::route", metrics=None, **options):
    return ExperimentManager([Experiment(name, **PLAIN | options)], flags=flags, metrics=metrics)


def stats(manager, name="policy::route"):
    return manager.statistics(name)


def context(user):
    return {"user_id": user}


def test_the_check_of_the_specification(on):
    """Control 1.0 and .5, then the variant .2 and .9: regret .55; active on the fifth pull of control."""
    manager = managed(on, name="e", auto_activate_after=5)
    for variant, reward in [("control", 1.0), ("control", 0.5), ("b", 0.2), ("b", 0.9)]:
        manager.record("e", variant, reward)
    seen = stats(manager, "e")["b"]
    assert seen.regret_sum == pytest.approx(0.55, abs=1e-15)
    assert (seen.pulls, seen.reward_sum, seen.mean_reward, seen.last_reward) == (2, 1.1, 0.55, 0.9)
    assert stats(manager, "e")["control"].regret_sum == 0.0
    for pull in (3, 4, 5):
        assert manager.status()["e"]["phase"] == "shadow"
        assert manager.assign("e", f"u{pull}") == "control"
        manager.record("e", "control", 0.7)
    assert manager.status()["e"]["phase"] == "active"
    (event,) = manager.status()["e"]["events"]
    assert (event["kind"], event["automatic"]) == ("activated", True)
    assert event["reason"] == "control has 5 pulls, 5 were asked for; nothing is shown to be worse"


def test_in_the_shadow_control_is_assigned_and_pulls_are_kept_apart(on, heard):
    manager = managed(on, name="e", metrics=heard)
    assert {manager.assign("e", user) for user in USERS} == {"control"}
    seen = stats(manager, "e")
    assert [one.pulls for one in seen.values()] == [0, 0]
    assert sum(one.shadow_pulls for one in seen.values()) == len(USERS)
    table = Allocator("e", ["control", "b"])
    assert seen["b"].shadow_pulls == sum(table.allocate(user) == "b" for user in USERS)
    assert [one.allocations for one in seen.values()] == [len(USERS), 0]
    assert heard.of("allocated") == [("e", "control")] * len(USERS)


def test_in_action_the_allocated_variant_is_assigned(on):
    manager = managed(on, name="e", phase="active")
    table = Allocator("e", ["control", "b"])
    assert [manager.assign("e", user) for user in USERS] == [table.allocate(user) for user in USERS]
    seen = stats(manager, "e")
    assert [one.shadow_pulls for one in seen.values()] == [0, 0]
    assert sum(one.allocations for one in seen.values()) == len(USERS)


def test_a_context_names_who_asks(on):
    manager = managed(on, name="e", phase="active")
    assert manager.assign("e", {"user_id": "u", "session_id": "s"}) == manager.assign("e", "u")
    assert manager.assign("e", {"tokens": 1.0}) is None
    assert manager.assign("e", None) is None
    assert manager.status()["e"]["requests"] == {"unkeyed": 2}
    manager.stop("e", "enough")
    assert [manager.assign("e", who) for who in ("u", {"user_id": "u"}, {}, None)] == ["control", "control", None, None]
    assert sum(one.allocations for one in stats(manager, "e").values()) == 2
    own = managed(on, name="e", phase="active", key_fn=lambda given: given["team"])
    assert own.assign("e", {"team": "t", "user_id": "u"}) == own.assign("e", "t")


@pytest.mark.parametrize("key", [1.5, True, "\ud800", object()])
def test_keys_that_are_none_are_refused(on, key):
    manager = managed(on, name="e", phase="active")
    before = manager.state_dict()
    with pytest.raises(ConfigurationError):
        manager.assign("e", key)
    assert manager.state_dict() == before


def test_outside_of_the_coverage(on):
    manager = managed(on, coverage=0.1, phase="active")
    assigned = [manager.assign("policy::route", user) for user in USERS]
    assert 0.8 < assigned.count(None) / len(USERS) < 0.98
    trials = [manager.decide("route", context(user), ["a", "b"], lambda: "b") for user in USERS]
    assert [trial.variant for trial in trials] == assigned
    assert {trial.arm for trial in trials if trial.variant is None} == {"b"}
    outside = next(trial for trial in trials if trial.variant is None)
    assert (outside.reason, outside.metadata) == ("outside", {})
    manager.record_trial(outside, 1.0)
    manager.record("policy::route", None, 1.0)
    status = manager.status()["policy::route"]
    assert status["requests"] == {"outside": 2 * assigned.count(None)}
    assert status["ignored"] == {"outside": 2}
    assert [one.pulls for one in stats(manager).values()] == [0, 0]


def test_growing_coverage_moves_nobody_who_is_in(on):
    small = managed(on, name="e", coverage=0.1, phase="active")
    before = {user: small.assign("e", user) for user in USERS}
    small.add(Experiment("e", **PLAIN, coverage=0.5, phase="active"))
    after = {user: small.assign("e", user) for user in USERS}
    assert all(after[user] == variant for user, variant in before.items() if variant is not None)
    assert list(after.values()).count(None) < list(before.values()).count(None)


def test_the_core_decides_in_the_shadow(on):
    manager = managed(on)
    trials = [manager.decide("route", context(user), ["x", "a", "b"], lambda: "x") for user in USERS]
    assert {trial.arm for trial in trials} == {"x"}
    assert {trial.variant for trial in trials} == {"control"}
    assert {trial.allocated for trial in trials} == {"control", "b"}
    assert trials[0].outputs == {"control": "a", "b": "b"}
    assert trials[0].metadata == {"experiment": "policy::route", "variant": "control"}
    assert manager.choose("route", context("u"), ["x", "a", "b"], lambda: "x") == "x"
    seen = stats(manager)
    assert sum(one.shadow_pulls for one in seen.values()) == len(USERS) + 1
    assert manager.status()["policy::route"]["selections"] == [
        {"arm": "x", "selected": len(USERS) + 1, "mean_reward": None}
    ]


def test_the_allocated_variant_acts_once_active(on):
    manager = managed(on, phase="active")
    table = Allocator("policy::route", ["control", "b"])
    called = []
    for user in USERS:
        trial = manager.decide("route", context(user), ["a", "b"], lambda: called.append(1) or "a")
        assert trial.variant == trial.allocated == table.allocate(user)
        assert trial.arm == {"control": "a", "b": "b"}[trial.variant]
        assert trial.propensity == 0.5
    assert not called  # no variant is the core


def test_a_core_is_a_policy_a_function_or_the_first_candidate(on):
    manager = ExperimentManager(flags=on)
    policy = ThompsonSampling(["a", "b"], seed=3)
    trial = manager.decide("route", None, ["a", "b"], policy)
    assert trial.decision.decision_id == "0-0-0"
    assert trial.propensity == trial.decision.propensity
    decision = Decision("b", 1, "0-0-0", 0, 0.25, "exact")
    assert manager.decide("route", None, None, lambda: decision).propensity == 0.25
    assert manager.decide("route", None, None, lambda: "b").propensity is None
    assert manager.decide("route", None, ["b", "a"]).arm == "b"
    assert manager.decide("route", None, ["b", "a"]).reason == "unknown"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((None, None, None), "neither candidates nor a core"),
        ((None, [], None), "neither candidates nor a core"),
        ((None, ["a"], "core"), "core is 'core'"),
        ((None, "ab", None), "one string"),
        ((None, ["a"], lambda: None), "what the core chose is None"),
        ((None, ["a"], lambda: Decision("a", 0, "", 0, 0.0, "exact")), "propensity is 0.0"),
        ((None, ["a"], lambda: Decision("a", 0, "", 0, 1.5, "exact")), "propensity is 1.5"),
        (({"user_id": 1.5}, ["a", "b"], None), "user_id is 1.5"),
    ],
)
def test_what_cannot_be_decided_is_refused(on, arguments, words):
    manager = managed(on)
    before = manager.state_dict()
    with pytest.raises(ConfigurationError, match=words):
        manager.decide("route", *arguments)
    assert manager.state_dict() == before


def test_requests_that_name_nobody_are_served_by_control(on):
    """In the shadow the core decides; in action control's own output acts. Neither is counted for a variant."""
    manager = managed(on)
    trial = manager.decide("route", {"tokens": 1.0}, ["x", "a", "b"], lambda: "x")
    assert (trial.arm, trial.reason, trial.variant, trial.metadata) == ("x", "unkeyed", "control", {})
    manager.activate("policy::route")
    trial = manager.decide("route", None, ["x", "a", "b"], lambda: "x")
    assert (trial.arm, trial.reason, trial.variant) == ("a", "unkeyed", "control")
    manager.record_trial(trial, 1.0)
    status = manager.status()["policy::route"]
    assert (status["requests"], status["ignored"]) == ({"unkeyed": 2}, {"unkeyed": 1})
    assert [one.pulls + one.allocations for one in stats(manager).values()] == [0, 0]


def test_a_request_that_cannot_serve_every_variant_takes_no_part(on):
    manager = managed(on, phase="active")
    trials = [manager.decide("route", context(user), ["a", "x"], lambda: "x") for user in USERS[:20]]
    assert {(trial.arm, trial.reason) for trial in trials} == {("x", "inapplicable")}
    assert manager.status()["policy::route"]["requests"] == {"inapplicable": 20}


def test_by_candidates_a_user_may_have_a_variant_for_each_set(on):
    manager = managed(on, phase="active", by_candidates=True)
    first = [manager.decide("route", context(user), ["a", "b"]).variant for user in USERS]
    again = [manager.decide("route", context(user), ["b", "a"]).variant for user in USERS]
    other = [manager.decide("route", context(user), ["a", "b", "c"]).variant for user in USERS]
    assert first == again
    assert 0.3 < np.mean([one == two for one, two in zip(first, other, strict=True)]) < 0.7


def test_tenants_are_apart(on):
    experiments = [Experiment("e", **PLAIN, phase="active")]
    first = ExperimentManager(experiments, flags=on)
    second = ExperimentManager(experiments, flags=on, tenant="acme", workspace="lab")
    assert (second.tenant, second.workspace) == ("acme", "lab")
    one, two = ([manager.assign("e", user) for user in USERS] for manager in (first, second))
    assert 0.3 < np.mean([left == right for left, right in zip(one, two, strict=True)]) < 0.7
    assert one == [Allocator("e", ["control", "b"]).allocate(user) for user in USERS]


class TestOff:
    """With the flag off, and for experiments that are not there."""

    def test_the_environment_is_asked_where_no_flags_are_given(self, monkeypatch):
        manager = ExperimentManager([Experiment("policy::route", **PLAIN, phase="active")])
        monkeypatch.delenv(FLAG, raising=False)
        assert {manager.assign("policy::route", user) for user in USERS} == {None}
        monkeypatch.setenv(FLAG, "1")
        assert {manager.assign("policy::route", user) for user in USERS} == {"control", "b"}
        monkeypatch.setenv(FLAG, "perhaps")
        with pytest.raises(ConfigurationError, match=f"{FLAG} is 'perhaps'"):
            manager.assign("policy::route", "u")

    @pytest.mark.parametrize("phase", ["shadow", "active"])
    def test_rewards_of_those_who_were_served_without_it_count_for_nobody(self, phase):
        flags = StaticFlags()
        manager = managed(flags, name="e", phase=phase)
        served = [manager.assign("e", user) for user in USERS]
        flags.set(FLAG, on=True)
        served.append(manager.assign("e", {"tokens": 1.0}))
        for variant in served:
            manager.record("e", variant, 1.0)
        assert sum(one.pulls for one in stats(manager, "e").values()) == 0
        assert manager.status()["e"]["ignored"] == {"outside": len(USERS) + 1}

    def test_the_core_serves_and_records_are_counted_as_ignored(self, heard):
        manager = managed(StaticFlags(), phase="active", metrics=heard)
        trial = manager.decide("route", context("u"), ["x", "a", "b"])
        assert (trial.arm, trial.reason, trial.variant, trial.metadata) == ("x", "disabled", None, {})
        assert manager.choose("route", context("u"), ["x", "a", "b"], lambda: "b") == "b"
        manager.record_trial(trial, 1.0)
        manager.record("policy::route", "control", 1.0)
        status = manager.status()["policy::route"]
        assert (status["enabled"], status["ignored"]) == (False, {"disabled": 2})
        assert heard.of("ignored") == [("policy::route", "disabled")] * 2
        assert heard.of("rewarded") == heard.of("allocated") == []
        assert [one.pulls + one.allocations for one in stats(manager).values()] == [0, 0]

    def test_a_trial_of_before_is_ignored(self, on):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"])
        on.set(FLAG, on=False)
        manager.record_trial(trial, 1.0)
        assert manager.status()["policy::route"]["ignored"] == {"disabled": 1}

    def test_an_experiment_that_is_not_there(self, on, heard):
        manager = ExperimentManager(flags=on, metrics=heard)
        assert manager.assign("typo", "u") is None
        manager.record("typo", "control", 1.0)
        manager.record("typo", "control", 1.0)
        trial = manager.decide("route", context("u"), ["a"])
        manager.record_trial(trial, 1.0)
        assert manager.status() == {
            "typo": {"phase": "unknown", "enabled": True, "ignored": {"unknown": 2}},
            "policy::route": {"phase": "unknown", "enabled": True, "ignored": {"unknown": 1}},
        }
        assert heard.of("ignored") == [("typo", "unknown")] * 2 + [("policy::route", "unknown")]

    def test_ids_that_are_not_there_are_counted_within_bounds(self, on):
        manager = ExperimentManager(flags=on)
        for i in range(150):
            manager.record(f"typo-{i}", "control", 1.0)
        status = manager.status()
        assert len(status) == 101
        assert status["other"]["ignored"] == {"unknown": 50}


def test_a_call_from_within_a_call_is_refused(on, heard):
    manager = managed(on, metrics=heard)
    heard.phase = lambda *_: manager.status()
    with pytest.warns(RuntimeWarning, match="the metrics raised ReentrantCall: the manager was called from within"):
        manager.activate("policy::route")
    assert manager.status()["policy::route"]["phase"] == "active"


def test_metrics_that_raise_fail_nothing_and_change_nothing(on, heard):
    def broken(*_):
        raise OSError(*["no route to the collector"])

    names = ("allocated", "rewarded", "phase", "ignored", "failed")
    for name in names:
        setattr(heard, name, broken)
    with warnings.catch_warnings(record=True, action="always") as told:
        manager = managed(on, metrics=heard)
        trial = manager.decide("route", context("u"), ["x", "a", "b"])
        manager.record_trial(trial, 1.0)
        manager.record_trial(trial, 1.0)
        manager.activate("policy::route")
        manager.assign("policy::route", "u")
    assert {str(one.message) for one in told} == {
        "the metrics raised OSError: no route to the collector; what they were told of is counted all the same"
    }
    assert len(told) == 6
    seen = stats(manager)
    assert sum(one.pulls for one in seen.values()) == 1
    assert sum(one.allocations for one in seen.values()) == 2
    assert manager.status()["policy::route"]["ignored"] == {"repeated": 1}


@pytest.mark.parametrize("core", [lambda: "z", lambda: Decision("z", 0, "0-0-0", 0, 0.5, "exact")])
@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("phase", ["shadow", "active"])
def test_a_core_that_answers_no_candidate_is_refused_before_anything_is_counted(core, enabled, phase):
    variants = {"control": None, "b": "b"}
    manager = managed(StaticFlags({FLAG: enabled}), phase=phase, variants=variants)
    user = next(user for user in USERS if Allocator("policy::route", ["control", "b"]).allocate(user) == "control")
    before = manager.state_dict()
    with pytest.raises(ConfigurationError, match="the core chose 'z'; expected one of the candidates"):
        manager.decide("route", context(user), ["a", "b"], core)
    assert manager.state_dict() == before


def test_flags_may_be_any_object_that_answers(on):
    class Half:
        def enabled(self, name):
            return name == FLAG

    assert managed(Half(), name="e", phase="active").assign("e", "user-1") is not None
    assert not EnvironmentFlags({}).enabled(FLAG)
    assert isinstance(managed(on).decide("route", None, ["a", "b"]), Trial)
