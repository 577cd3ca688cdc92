"""Assigning, deciding and recording."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import EpsilonGreedy, LinTSDiag, ThompsonSampling
from armwise.errors import ConfigurationError, ReentrantCall, UnknownArm
from armwise.experiments import (
    Allocator,
    Experiment,
    ExperimentManager,
    MemoryAssignments,
    SequentialTest,
    StickyAllocator,
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
    assert manager.assign("e", {"tokens": 1.0}) == "control"
    assert manager.assign("e", None) == "control"
    assert manager.status()["e"]["requests"] == {"unkeyed": 2}
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
        assert {manager.assign("policy::route", user) for user in USERS} == {"control"}
        monkeypatch.setenv(FLAG, "1")
        assert {manager.assign("policy::route", user) for user in USERS} == {"control", "b"}
        monkeypatch.setenv(FLAG, "perhaps")
        with pytest.raises(ConfigurationError, match=f"{FLAG} is 'perhaps'"):
            manager.assign("policy::route", "u")

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


class TestRecord:
    """What is refused, and what a reward changes."""

    @pytest.mark.parametrize("reward", [None, "1", float("nan"), float("inf"), 1e80, 1j, [1.0]])
    def test_rewards_that_are_none_are_refused(self, on, reward):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"])
        before = manager.state_dict()
        for record in (
            lambda: manager.record("policy::route", "b", reward),
            lambda: manager.record_trial(trial, reward),
        ):
            with pytest.raises(ConfigurationError, match="reward"):
                record()
        assert manager.state_dict() == before

    @pytest.mark.parametrize("variant", ["c", "", 3, ["b"]])
    def test_variants_that_are_none_are_refused(self, on, variant):
        manager = managed(on)
        before = manager.state_dict()
        with pytest.raises(ConfigurationError, match="it has 'control', 'b'"):
            manager.record("policy::route", variant, 1.0)
        assert manager.state_dict() == before

    def test_rewards_outside_of_bounds_are_refused(self, on):
        manager = managed(on, stopping=SequentialTest(kind="empirical_bernstein"))
        trial = manager.decide("route", context("u"), ["a", "b"])
        before = manager.state_dict()
        for record in (lambda: manager.record("policy::route", "b", 1.5), lambda: manager.record_trial(trial, -0.5)):
            with pytest.raises(ConfigurationError, match=r"take rewards in \[0, 1\]"):
                record()
        assert manager.state_dict() == before

    def test_what_is_no_trial_is_refused(self, on):
        with pytest.raises(ConfigurationError, match="what decide gave"):
            managed(on).record_trial("a", 1.0)

    def test_rewards_of_any_kind_of_number(self, on):
        manager = managed(on)
        for reward in (True, np.float32(0.5), np.int8(1), np.array(1.0)):
            manager.record("policy::route", "b", reward)
        assert stats(manager)["b"].reward_sum == 3.5

    def test_when_it_came(self, on):
        manager = managed(on)
        manager.record("policy::route", "b", 1.0, now=17)
        assert stats(manager)["b"].last_time == 17
        with pytest.raises(ConfigurationError, match="now is"):
            manager.record("policy::route", "b", 1.0, now="today")

    def test_regret_is_against_the_baseline(self, on):
        manager = managed(on, variants={"control": "a", "b": "b", "c": "c"}, baseline="b")
        manager.record("policy::route", "c", -1.0)  # nothing is known of the baseline yet
        manager.record("policy::route", "b", 0.5)
        manager.record("policy::route", "c", 0.25)
        manager.record("policy::route", "c", 0.75)
        manager.record("policy::route", "control", 0.0)
        seen = stats(manager)
        assert [seen[name].regret_sum for name in ("control", "b", "c")] == [0.5, 0.0, 0.25]

    def test_metrics_hear_of_rewards(self, on, heard):
        manager = managed(on, metrics=heard)
        manager.record("policy::route", "control", 1.0)
        manager.record_trial(manager.decide("route", context("u"), ["a", "b"]), 0.25)
        manager.record("policy::route", "b", 0.25)
        assert heard.of("rewarded") == [
            ("policy::route", "control", 1.0, 0.0),
            ("policy::route", "control", 0.25, 0.0),
            ("policy::route", "b", 0.25, 0.375),
        ]


class TestTrials:
    """What is learnt from a request."""

    def test_matched_replay_in_the_shadow(self, on):
        """Weights are the core's propensities; a variant that is the core agrees with itself, whatever it chose."""
        manager = managed(on, variants={"control": None, "b": "b"})
        for arm, propensity, reward in [("b", 0.25, 1.0), ("a", 0.75, 0.5), ("b", 0.5, 0.0)]:
            decision = Decision(arm, 0, "0-0-0", 0, propensity, "exact")
            trial = manager.decide("route", context("u"), ["a", "b"], lambda decision=decision: decision)
            assert trial.outputs == {"control": arm, "b": "b"}
            assert trial.weights == {"control": 1.0, "b": 1 / propensity if arm == "b" else 0.0}
            manager.record_trial(trial, reward)
        seen = stats(manager)
        assert seen["control"].pulls == 3
        assert seen["b"].pulls == 0
        replay = seen["b"].shadow_replay
        assert (replay.n, replay.matched) == (3, 2)
        assert replay.mean == pytest.approx((4.0 * 1.0 + 2.0 * 0.0) / 6.0)
        assert replay.ips == pytest.approx(4.0 / 3.0)
        assert seen["control"].shadow_replay.ips == pytest.approx(0.5)
        assert seen["b"].active_replay.n == 0

    def test_without_a_propensity_nothing_is_replayed(self, on):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"], lambda: "a")
        assert trial.weights == {}
        manager.record_trial(trial, 1.0)
        seen = stats(manager)
        assert (seen["control"].pulls, seen["b"].shadow_replay.n) == (1, 0)
        assert manager.status()["policy::route"]["requests"] == {"unweighted": 1}

    def test_shares_in_action(self, on):
        """Variants that would have served the same arm share their requests."""
        variants = {"control": "a", "b": "b", "also": "a"}
        weights = {"control": 1, "b": 2, "also": 1}
        manager = managed(on, variants=variants, weights=weights, phase="active")
        users = {variant: next(user for user in USERS if manager.assign("policy::route", user) == variant)
                 for variant in variants}  # fmt: skip
        trial = manager.decide("route", context(users["also"]), ["a", "b"])
        assert (trial.arm, trial.propensity) == ("a", 0.5)
        assert trial.weights == {"control": 2.0, "b": 0.0, "also": 2.0}
        manager.record_trial(trial, 1.0)
        trial = manager.decide("route", context(users["b"]), ["a", "b"])
        assert trial.weights == {"control": 0.0, "b": 2.0, "also": 0.0}
        manager.record_trial(trial, 0.5)
        seen = stats(manager)
        assert [seen[name].active_replay.ips for name in variants] == [1.0, 0.5, 1.0]
        assert [seen[name].pulls for name in variants] == [0, 1, 1]
        # Doubly robust: arm b was expected to earn 0 and a to earn 1 by then.
        assert seen["control"].active_replay.dr == pytest.approx((0 + 2 * 1.0 + 1.0) / 2)

    def test_a_late_reward_counts_where_its_request_was_served(self, on):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"])
        manager.activate("policy::route")
        manager.record_trial(trial, 1.0)
        seen = stats(manager)["control"]
        assert (seen.pulls, seen.active.n, seen.shadow_replay.n, seen.active_replay.n) == (1, 0, 1, 0)

    def test_policies_learn_in_the_shadow_from_what_was_served(self, on):
        bold = ThompsonSampling(["a", "b"], seed=1)
        manager = managed(on, variants={"control": None, "b": bold, "again": bold})
        trial = manager.decide("route", context("u"), ["a", "b"], lambda: "a")
        manager.record_trial(trial, 1.0)
        assert bold.posterior() == {"a": (2.0, 1.0), "b": (1.0, 1.0)}
        assert bold.policy_version == 1
        assert trial.outputs["b"] == trial.outputs["again"]

    def test_in_action_only_who_served_learns(self, on):
        policies = {"control": EpsilonGreedy(["a", "b"], seed=1), "b": EpsilonGreedy(["a", "b"], seed=2)}
        manager = managed(on, variants=policies, phase="active")
        for user in USERS[:50]:
            trial = manager.decide("route", context(user), ["a", "b"])
            assert trial.decision.arm == trial.arm
            manager.record_trial(trial, 0.5)
        seen = stats(manager)
        for name, policy in policies.items():
            assert policy.policy_version == seen[name].pulls
            assert policy.counter == 50

    def test_policies_get_features_and_not_who_it_is(self, on):
        linear = LinTSDiag(["a", "b"], dim=4, seed=1)
        manager = managed(on, variants={"control": None, "b": linear})
        trial = manager.decide("route", {"user_id": "u", "tokens": 10.0}, ["a", "b"], lambda: "a")
        assert trial.context == {"tokens": 10.0}
        manager.record_trial(trial, 1.0)
        encoder = str(linear.state_dict()["encoder"])
        assert "tokens" in encoder
        assert "user_id" not in encoder

    def test_a_policy_that_refuses_a_reward_says_so(self, on):
        manager = managed(on, variants={"control": None, "b": ThompsonSampling(["a", "b"], seed=1)})
        trial = manager.decide("route", context("u"), ["a", "b"])
        with pytest.raises(ConfigurationError, match=r"the reward is counted.*CompositeReward"):
            manager.record_trial(trial, 200.0)
        assert stats(manager)["control"].reward_sum == 200.0

    def test_a_policy_that_does_not_know_a_candidate_says_so(self, on):
        variants = {"control": None, "b": ThompsonSampling(["a"], seed=1)}
        manager = managed(on, variants=variants, phase="active", weights={"control": 0, "b": 1})
        before = manager.state_dict()
        with pytest.raises(UnknownArm):
            manager.decide("route", context("u"), ["a", "b"])
        assert manager.state_dict() == before

    def test_the_core_is_asked_once(self, on):
        asked = []
        variants = {"control": None, "b": None}
        manager = managed(on, variants=variants, phase="active")
        manager.decide("route", context("u"), ["a"], lambda: asked.append(1) or "a")
        assert len(asked) == 1

    def test_a_sticky_user_of_an_earlier_table_has_no_known_share(self, on):
        """Who was given b keeps it after b has lost its share, and no share says how likely that was."""
        first = Allocator("policy::route", ["control", "b"])
        user = next(user for user in USERS if first.allocate(user) == "b")
        memory = MemoryAssignments()
        assert StickyAllocator(first, memory).allocate(user) == "b"
        later = StickyAllocator(first.reallocate({"control": 1, "b": 0}), memory)
        manager = managed(on, allocator=later, phase="active")
        trial = manager.decide("route", context(user), ["a", "b"])
        assert (trial.arm, trial.variant, trial.propensity, trial.weights) == ("b", "b", None, {})
        manager.record_trial(trial, 1.0)
        assert stats(manager)["b"].pulls == 1

    def test_arms_are_counted_apart_up_to_a_bound(self, on):
        manager = managed(on, variants={"control": None, "b": None})
        for i in range(1005):
            trial = manager.decide("route", context("u"), [i], lambda i=i: i)
            manager.record_trial(trial, 1.0)
        status = manager.status()["policy::route"]
        assert len(status["selections"]) == 1000
        assert status["other_selections"] == 5


def test_a_call_from_within_a_call_is_refused(on, heard):
    manager = managed(on, metrics=heard)
    heard.phase = lambda *_: manager.status()
    with pytest.raises(ReentrantCall):
        manager.activate("policy::route")


def test_flags_may_be_any_object_that_answers(on):
    class Half:
        def enabled(self, name):
            return name == FLAG

    assert managed(Half(), name="e", phase="active").assign("e", "user-1") is not None
    assert not EnvironmentFlags({}).enabled(FLAG)
    assert isinstance(managed(on).decide("route", None, ["a", "b"]), Trial)
