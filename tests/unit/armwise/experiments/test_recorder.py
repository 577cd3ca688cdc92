"""Recording: what is refused, what a reward changes, and who learns."""

from __future__ import annotations

import numpy as np
import pytest

from armwise import EpsilonGreedy, LinTSDiag, ThompsonSampling
from armwise.errors import ConfigurationError, UnknownArm
from armwise.experiments import (
    Allocator,
    Experiment,
    ExperimentManager,
    MemoryAssignments,
    SequentialTest,
    StickyAllocator,
)
from armwise.types import Decision

R = "policy::route"
USERS = [f"user-{i}" for i in range(400)]
PLAIN = {"control": "control", "variants": {"control": "a", "b": "b"}}


def managed(flags, *, name=R, metrics=None, **options):
    return ExperimentManager([Experiment(name, **PLAIN | options)], flags=flags, metrics=metrics)


def stats(manager, name=R):
    return manager.statistics(name)


def context(user):
    return {"user_id": user}


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
        for reward in (1, np.float32(0.5), np.int8(1), np.array(1.0)):
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
