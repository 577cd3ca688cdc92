"""Trials: each counts once, and a variant that is the core learns where the core does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import threading

import pytest

from armwise import EpsilonGreedy, ThompsonSampling
from armwise.errors import ConfigurationError
from armwise.experiments import Allocator, Experiment, ExperimentManager

FLAG = "ENABLE_EXPERIMENT_HARNESS"
R = "policy::route"
USERS = [f"user-{i}" for i in range(400)]
PLAIN = {"control": "control", "variants": {"control": "a", "b": "b"}}


def managed(flags, *, metrics=None, **options):
    return ExperimentManager([Experiment(R, **PLAIN | options)], flags=flags, metrics=metrics)


def stats(manager):
    return manager.statistics(R)


def context(user):
    return {"user_id": user}


def of_b():
    """A user whose variant is b."""
    table = Allocator(R, ["control", "b"])
    return next(user for user in USERS if table.allocate(user) == "b")


class TestOnce:
    """A trial counts once, however often it is recorded, and whoever does."""

    @pytest.mark.parametrize("phase", ["shadow", "active"])
    def test_a_second_recording_is_ignored(self, on, heard, phase):
        policy = ThompsonSampling(["a", "b"], seed=1)
        manager = managed(on, metrics=heard, phase=phase, variants={"control": "a", "b": policy})
        trial = manager.decide("route", context(of_b()), ["a", "b"], lambda: "a")
        manager.record_trial(trial, 1.0)
        before, version = stats(manager), policy.policy_version
        assert version == 1
        for reward in (1.0, 0.25):
            manager.record_trial(trial, reward)
        assert stats(manager) == before
        assert policy.policy_version == version
        assert manager.status()[R]["ignored"] == {"repeated": 2}
        assert heard.of("ignored") == [(R, "repeated")] * 2
        assert len(heard.of("rewarded")) == 1

    def test_what_is_refused_or_ignored_may_be_recorded_afterwards(self, on):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"])
        with pytest.raises(ConfigurationError):
            manager.record_trial(trial, float("nan"))
        with pytest.raises(ConfigurationError):
            managed(on, variants={"control": "a", "c": "b"}).record_trial(trial, 1.0)
        on.set(FLAG, on=False)
        manager.record_trial(trial, 1.0)
        on.set(FLAG, on=True)
        manager.record_trial(trial, 1.0)
        manager.record_trial(trial, 1.0)
        assert stats(manager)["control"].pulls == 1
        assert manager.status()[R]["ignored"] == {"disabled": 1, "repeated": 1}

    def test_one_that_a_policy_refuses_is_counted_and_not_again(self, on):
        manager = managed(on, variants={"control": None, "b": ThompsonSampling(["a", "b"], seed=1)})
        trial = manager.decide("route", context("u"), ["a", "b"])
        with pytest.raises(ConfigurationError, match=r"the reward is counted, .* recorded again, it would be ignored"):
            manager.record_trial(trial, 200.0)
        manager.record_trial(trial, 200.0)
        seen = stats(manager)
        assert (seen["control"].pulls, seen["b"].errors) == (1, 1)
        assert manager.status()[R]["ignored"] == {"repeated": 1}

    def test_two_managers_count_it_once(self, on):
        first, second = managed(on), managed(on)
        trial = first.decide("route", context("u"), ["a", "b"])
        second.record_trial(trial, 1.0)
        first.record_trial(trial, 1.0)
        first.merge(second)
        assert stats(first)["control"].pulls == 1
        assert first.status()[R]["ignored"] == {"repeated": 1}

    def test_a_loaded_state_does_not_open_it_again(self, on):
        manager = managed(on)
        before = manager.state_dict()
        trial = manager.decide("route", context("u"), ["a", "b"])
        manager.record_trial(trial, 1.0)
        after = manager.state_dict()
        for state, pulls in ((after, 1), (before, 0)):
            manager.load_state(state)
            manager.record_trial(trial, 1.0)
            assert stats(manager)["control"].pulls == pulls

    def test_of_many_threads_one_counts(self, on):
        """Half of them through another manager, whose lock is another."""
        policy = EpsilonGreedy(["a", "b"], seed=1)
        managers = [managed(on, variants={"control": "a", "b": policy}) for _ in range(2)]
        trials = [managers[0].decide("route", context(user), ["a", "b"]) for user in USERS]
        ready = threading.Barrier(4)

        def record(number):
            for trial in trials:
                ready.wait(timeout=30)
                managers[number % 2].record_trial(trial, 1.0)

        threads = [threading.Thread(target=record, args=(number,)) for number in range(4)]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)
        finally:
            sys.setswitchinterval(interval)
        seen = [stats(manager)["control"].pulls for manager in managers]
        ignored = [manager.status()[R]["ignored"].get("repeated", 0) for manager in managers]
        assert (sum(seen), sum(ignored)) == (len(USERS), 3 * len(USERS))
        assert policy.policy_version == len(USERS)

    def test_copies_of_this_process_are_the_trial_and_pickled_ones_are_others(self, on):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"])
        sent = pickle.dumps(trial)
        manager.record_trial(copy.copy(trial), 1.0)
        manager.record_trial(trial, 1.0)
        assert stats(manager)["control"].pulls == 1
        received = pickle.loads(sent)  # noqa: S301 - its own
        assert received == trial
        manager.record_trial(received, 1.0)
        manager.record_trial(received, 1.0)
        assert stats(manager)["control"].pulls == 2
        assert not pickle.loads(pickle.dumps(trial)).claim()  # noqa: S301 - its own

    def test_requests_that_take_no_part_say_why_each_time(self, on):
        manager = managed(on)
        trial = manager.decide("route", None, ["a", "b"])
        manager.record_trial(trial, 1.0)
        manager.record_trial(trial, 1.0)
        assert manager.status()[R]["ignored"] == {"unkeyed": 2}


class TestACoreAmongTheVariants:
    """A variant that is the very policy that decides is served and taught as the core is: once."""

    def core(self):
        return ThompsonSampling(["a", "b"], seed=1)

    @pytest.mark.parametrize("phase", ["shadow", "active"])
    def test_it_is_asked_once_and_learns_where_its_owner_teaches_it(self, on, phase):
        core, other = self.core(), ThompsonSampling(["a", "b"], seed=2)
        manager = managed(on, phase=phase, variants={"control": None, "b": core, "c": other})
        learnt = 0
        for turn, user in enumerate(USERS[:60], 1):
            trial = manager.decide("route", context(user), ["a", "b"], core)
            assert trial.of_core == ("control", "b")
            assert core.counter == turn
            assert trial.outputs["control"] == trial.outputs["b"]
            core.update(trial.arm, 1.0, None, None)
            manager.record_trial(trial, 1.0)
            learnt += phase == "shadow" or trial.variant == "c"
        assert core.policy_version == 60
        assert other.policy_version == learnt > 0

    def test_it_agrees_with_itself_in_the_shadow(self, on):
        core = self.core()
        manager = managed(on, variants={"control": None, "b": core, "c": "a"})
        trial = manager.decide("route", context("u"), ["a", "b"], core)
        assert trial.weights["control"] == trial.weights["b"] == 1.0
        assert trial.weights["c"] in {0.0, 1.0 / trial.propensity}

    def test_a_twin_of_the_core_is_no_core(self, on):
        """It draws the same numbers, so that matching says nothing; it learns by itself."""
        core, twin = self.core(), self.core()
        manager = managed(on, variants={"control": None, "b": twin})
        trial = manager.decide("route", context("u"), ["a", "b"], core)
        assert (trial.of_core, trial.weights) == (("control",), {})
        manager.record_trial(trial, 1.0)
        assert (core.policy_version, twin.policy_version) == (0, 1)

    def test_without_being_the_core_it_learns_here(self, on):
        policy = self.core()
        manager = managed(on, variants={"control": None, "b": policy})
        for core in (None, self.core(), lambda: "a"):
            manager.record_trial(manager.decide("route", context("u"), ["a", "b"], core), 1.0)
        assert policy.policy_version == 3

    @pytest.mark.parametrize("of_core", [None, ["control"], ("zz",), (["b"],), ("control", 3), "b"])
    def test_what_names_no_variants_is_refused(self, on, of_core):
        manager = managed(on)
        trial = manager.decide("route", context("u"), ["a", "b"])
        before = manager.state_dict()
        with pytest.raises(ConfigurationError, match="expected a tuple of variants that are the core"):
            manager.record_trial(dataclasses.replace(trial, of_core=of_core), 1.0)
        assert manager.state_dict() == before
