"""What others do wrong: policies that raise, trials of somebody else, ids and values that are none."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from prometheus_client import generate_latest

from armwise import EpsilonGreedy, ThompsonSampling
from armwise._fields import Fields
from armwise.errors import ConfigurationError, SnapshotError, UnknownArm
from armwise.experiments import (
    Allocator,
    Experiment,
    ExperimentManager,
    Holdout,
    HoldoutConfig,
    MemoryAssignments,
    ParetoThompsonSampling,
    StickyAllocator,
    Trial,
    bucket,
)
from armwise.experiments.events import Event
from armwise.experiments.trial import told
from armwise.telemetry.prometheus import PrometheusMetrics
from armwise.types import Decision

HUGE = 10**5000
USERS = [f"user-{i}" for i in range(50)]
R = "policy::r"


def values(*given):
    """Parameters that pytest need not write."""
    return [pytest.param(value, id=f"{type(value).__name__}{place}") for place, value in enumerate(given)]


def nested(levels=100_000):
    held = []
    for _ in range(levels):
        held = [held]
    return held


class Broken(ThompsonSampling):
    """Raises where it is asked, or where it is taught."""

    choosing: BaseException | None = RuntimeError("model server\nis down")
    learning: BaseException | None = None

    def select(self, *arguments):
        if self.choosing:
            raise self.choosing
        return super().select(*arguments)

    def decide(self, *arguments):
        if self.choosing:
            raise self.choosing
        return super().decide(*arguments)

    def update(self, *arguments):
        if self.learning:
            raise self.learning
        super().update(*arguments)


def broken(**faults):
    policy = Broken(["a", "b"], seed=1)
    for name, fault in faults.items():
        setattr(policy, name, fault)
    return policy


def managed(on, *, metrics=None, name=R, **options):
    given = {"control": "control", "variants": {"control": None, "b": "b"}} | options
    return ExperimentManager([Experiment(name, **given)], flags=on, metrics=metrics)


def context(user):
    return {"user_id": user}


def core():
    return Decision("a", 0, "0-0-0", 0, 0.5, "exact")


class TestPoliciesThatRaise:
    """A request is served by what acts, whatever the others do."""

    def test_in_the_shadow_the_core_serves_all_the_same(self, on):
        metrics = PrometheusMetrics()
        manager = managed(on, metrics=metrics, variants={"control": None, "b": "b", "c": broken()})
        for user in USERS:
            trial = manager.decide("r", context(user), ["a", "b"], core)
            assert (trial.arm, trial.reason, trial.phase) == ("a", "counted", "shadow")
            assert trial.outputs == {"control": "a", "b": "b"}
            assert trial.weights == {"control": 1.0, "b": 0.0}
            manager.record_trial(trial, 0.5)
        variants = manager.status()[R]["variants"]
        assert [variants[name]["errors"] for name in ("control", "b", "c")] == [0, 0, 50]
        assert variants["c"]["last_error"] == "RuntimeError: model server\\nis down"
        assert "last_error" not in variants["b"]
        seen = manager.statistics(R)
        assert [seen[name].shadow_replay.n for name in ("control", "b", "c")] == [50, 50, 0]
        labels = {"tenant": "default", "workspace": "main", "experiment_id": R, "variant": "c"}
        assert metrics.registry.get_sample_value("experiment_variant_errors_total", labels) == 50

    def test_without_the_baseline_nothing_is_replayed(self, on):
        manager = managed(on, baseline="c", variants={"control": None, "b": "b", "c": broken()})
        trial = manager.decide("r", context("u"), ["a", "b"], core)
        assert (trial.arm, trial.weights) == ("a", {})
        manager.record_trial(trial, 0.5)
        assert manager.status()[R]["requests"] == {"unweighted": 1}

    def test_in_action_only_what_acts_may_raise(self, on):
        manager = managed(on, phase="active", variants={"control": "a", "b": broken()})
        table = Allocator(R, ["control", "b"])
        for user in USERS:
            if table.allocate(user) == "b":
                with pytest.raises(RuntimeError, match="down"):
                    manager.choose("r", context(user), ["a", "b"])
                continue
            trial = manager.decide("r", context(user), ["a", "b"])
            assert (trial.arm, trial.outputs, trial.propensity, trial.weights) == ("a", {"control": "a"}, None, {})
            manager.record_trial(trial, 1.0)
        seen = manager.statistics(R)
        assert seen["b"].errors == seen["control"].pulls > 0

    def test_a_core_that_is_down_fails_only_those_whom_it_serves(self, on):
        def down():
            raise OSError

        manager = managed(on, phase="active")
        user = next(user for user in USERS if Allocator(R, ["control", "b"]).allocate(user) == "b")
        assert manager.choose("r", context(user), ["a", "b"], down) == "b"
        assert manager.statistics(R)["control"].errors == 1

    def test_one_policy_is_asked_and_fails_once_for_all_its_variants(self, on):
        manager = managed(on, variants={"control": None, "b": (policy := broken()), "c": policy})
        manager.decide("r", context("u"), ["a", "b"], core)
        assert [one.errors for one in manager.statistics(R).values()] == [0, 1, 1]

    def test_a_request_that_names_nobody_is_served_by_control(self, on):
        manager = managed(on, phase="active", variants={"control": "a", "b": broken()})
        assert manager.choose("r", {}, ["a", "b"]) == "a"
        assert manager.statistics(R)["b"].errors == 1

    def test_what_is_no_label_is_a_failure(self, on):
        policy = broken(choosing=None)
        policy.select = lambda *_: ["a"]
        manager = managed(on, variants={"control": None, "b": policy})
        assert manager.choose("r", context("u"), ["a", "b"], core) == "a"
        assert "what a policy chose" in manager.status()[R]["variants"]["b"]["last_error"]

    def test_interrupts_are_no_failures(self, on):
        manager = managed(on, variants={"control": None, "b": broken(choosing=KeyboardInterrupt())})
        with pytest.raises(KeyboardInterrupt):
            manager.choose("r", context("u"), ["a", "b"], core)

    def test_metrics_need_not_hear_of_it(self, on, heard):
        manager = managed(on, metrics=heard, variants={"control": None, "b": broken()})
        assert manager.choose("r", context("u"), ["a", "b"], core) == "a"

    def test_errors_are_kept_and_merged(self, on):
        variants = {"control": None, "b": broken()}
        first, second = managed(on, variants=variants), managed(on, variants=variants)
        for manager in (first, second):
            manager.choose("r", context("u"), ["a", "b"], core)
        state = json.loads(json.dumps(first.state_dict()))
        second.merge(state)
        second.merge(state)
        assert second.statistics(R)["b"].errors == 2
        (part,) = state["experiments"][R]["parts"].values()
        part["variants"]["b"]["errors"] = -1
        with pytest.raises(SnapshotError):
            second.merge(state)

    def test_an_error_that_cannot_say_what_it_is(self):
        class Mute(Exception):
            def __str__(self):
                raise ValueError

        assert told(Mute()) == "Mute: it does not say why"


class TestLearning:
    """Checked first, then counted, then learnt."""

    @pytest.mark.parametrize("order", [("good", "bad"), ("bad", "good")])
    def test_a_policy_that_refuses_does_not_undo_the_count(self, on, order):
        good = EpsilonGreedy(["a", "b"], seed=1)
        policies = {"good": good, "bad": broken(choosing=None, learning=UnknownArm("no arm\n'a'"))}
        manager = managed(on, variants={"control": None} | {name: policies[name] for name in order})
        trial = manager.decide("r", context("u"), ["a", "b"], core)
        words = r"the reward is counted, .*the policy of 'bad' refused it: UnknownArm: no arm\\n'a'; recorded again"
        with pytest.raises(ConfigurationError, match=words) as caught:
            manager.record_trial(trial, 0.5)
        assert isinstance(caught.value.__cause__, UnknownArm)
        seen = manager.statistics(R)
        assert (seen["control"].pulls, seen["bad"].errors, seen["good"].errors) == (1, 1, 0)
        assert good.policy_version == 1
        restored = managed(on, variants={"control": None} | policies)
        restored.load_state(manager.state_dict())
        assert restored.statistics(R)["control"].pulls == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"variant": "zz"},
            {"variant": None},
            {"phase": None},
            {"phase": "stopped"},
            {"outputs": {"control": "a", "zz": "b"}},
            {"outputs": {"control": "a", "b": ["b"]}},
            {"outputs": {"control": "a"}},
            {"weights": {"control": 1.0, "zz": 1.0}},
            {"weights": {"b": 1.0}, "outputs": {"b": "b"}},
            {"weights": {"control": 1.0, "b": -1.0}},
            {"weights": {"control": 1.0, "b": float("nan")}},
            {"weights": {"control": 1.0, "b": 1e71}},
            {"weights": {"control": 1.0, "b": "1"}},
            {"weights": {"control": 1.0, "b": np.int64(1)}},
            {"weights": {"control": 1.0, "b": [1.0]}},
            {"arm": ["a"]},
            {"arm": HUGE},
            {"reason": "\ud800"},
            {"reason": ["counted"]},
            {"experiment_id": [R]},
            {"outputs": None},
            {"weights": 3},
        ],
    )
    def test_a_trial_of_somebody_else_changes_nothing(self, on, change):
        policy = EpsilonGreedy(["a", "b"], seed=1)
        manager = managed(on, variants={"control": None, "b": policy})
        trial = manager.decide("r", context("u"), ["a", "b"], core)
        before = manager.state_dict(), manager.status(), policy.policy_version
        with pytest.raises(ConfigurationError):
            manager.record_trial(dataclasses.replace(trial, **change), 1.0)
        assert (manager.state_dict(), manager.status(), policy.policy_version) == before

    def test_a_trial_of_another_manager_with_other_variants(self, on):
        """It was counted, and then raised KeyError."""
        theirs = managed(on, variants={"control": None, "zz": "b"})
        manager = managed(on)
        trial = theirs.decide("r", context("u"), ["a", "b"], core)
        for _ in range(3):
            with pytest.raises(ConfigurationError, match="which has 'control', 'b'; nothing was counted"):
                manager.record_trial(trial, 1.0)
        assert manager.statistics(R)["control"].pulls == 0


class TestIds:
    """Ids that no experiment has, and such as none could have."""

    @pytest.mark.parametrize("name", ["\ud800", "a\x1b[2J", "", " ", "x" * 10_000])
    def test_what_no_experiment_could_be_called_is_counted_as_other(self, on, name):
        metrics = PrometheusMetrics()
        manager = managed(on, metrics=metrics)
        assert manager.assign(name, "u") is None
        manager.record(name, "control", 1.0)
        trial = manager.decide(f"{name}\ud800", context("u"), ["a"])
        manager.record_trial(trial, 1.0)
        assert trial.reason == "unknown"
        assert manager.status()["other"]["ignored"] == {"unknown": 2}
        json.dumps(manager.status()).encode()
        assert b'experiment_id="other"' in generate_latest(metrics.registry)

    @pytest.mark.parametrize("name", values(None, 5, b"x", [R], {}, HUGE))
    def test_what_is_no_text_is_refused(self, on, name):
        manager = managed(on)
        before = manager.status()
        for call in (
            lambda: manager.assign(name, "u"),
            lambda: manager.record(name, "b", 1.0),
            lambda: manager.decide(name, context("u"), ["a"]),
            lambda: manager.choose(name, context("u"), ["a"]),
            lambda: manager.stop(name),
            lambda: manager.activate(name),
            lambda: manager.statistics(name),
            lambda: manager.verdict(name),
        ):
            with pytest.raises(ConfigurationError, match="expected text"):
                call()
        assert manager.status() == before

    def test_metrics_hear_of_a_hundred_ids(self, on, heard):
        manager = ExperimentManager(flags=on, metrics=heard)
        for i in range(150):
            manager.record(f"typo-{i}", "control", 1.0)
        assert heard.of("ignored")[-50:] == [("other", "unknown")] * 50

    @pytest.mark.parametrize("reason", values("\ud800", "a\udc9fb", "a\nb", "\x1b[2J", "a\x85b", HUGE))
    def test_reasons_are_printable(self, on, reason):
        manager = managed(on)
        for call in (manager.activate, manager.stop):
            with pytest.raises(ConfigurationError, match="reason is"):
                call(R, reason)
        assert manager.status()[R]["phase"] == "shadow"

    @pytest.mark.parametrize("name", ["a\ud800", "\udfff", "a\x9bb", "a\u2028b"])
    def test_names_are_printable(self, on, name):
        for options in ({"name": name}, {"variants": {"control": "a", name: "b"}}):
            with pytest.raises(ConfigurationError, match="printable"):
                managed(on, **options)
        state = managed(on).state_dict()
        outputs = state["experiments"][R]["setup"]["outputs"]
        outputs[name] = outputs.pop("b")
        with pytest.raises(SnapshotError):
            managed(on).load_state(state)
        for option in ("tenant", "workspace"):
            with pytest.raises(ConfigurationError, match=f"^{option} is .*lone surrogates"):
                ExperimentManager(flags=on, **{option: name})

    def test_descriptions_have_utf8(self, on):
        with pytest.raises(ConfigurationError, match="description"):
            managed(on, description="a\ud800")

    @pytest.mark.parametrize(
        "change", [{"reason": "\ud800"}, {"evidence": {"x": "\ud800"}}, {"evidence": {"\ud800": 1}}]
    )
    def test_events_have_utf8(self, change):
        event = {"time": 1, "kind": "stopped", "reason": "r", "automatic": False, "evidence": {"x": "y"}}
        assert Event.from_state(Fields(event)).reason == "r"
        with pytest.raises(SnapshotError):
            Event.from_state(Fields(event | change))


class TestValues:
    """Numbers too long to be written and lists too deep are refused as what they are."""

    @pytest.mark.parametrize("value", values(HUGE, -HUGE, nested()))
    def test_by_the_harness(self, on, value):
        manager = managed(on, phase="active")
        before = manager.state_dict()
        for call in (
            lambda: manager.assign(R, value),
            lambda: manager.assign(R, {"user_id": value}),
            lambda: manager.decide("r", {"user_id": value}, ["a", "b"], lambda: "a"),
            lambda: manager.record(R, "b", value),
            lambda: manager.record(R, value, 1.0),
            lambda: manager.record_trial(value, 1.0),
            lambda: manager.add(value),
        ):
            with pytest.raises(ConfigurationError):
                call()
        assert manager.state_dict() == before
        sticky = managed(on, phase="active", by_candidates=True)
        with pytest.raises(ConfigurationError):
            sticky.decide("r", {"user_id": value}, ["a", "b"], lambda: "a")

    @pytest.mark.parametrize("value", values(HUGE, nested(), "e", 5))
    @pytest.mark.parametrize("option", ["store", "flags", "metrics", "experiments", "tenant", "workspace"])
    def test_by_a_manager(self, option, value):
        if isinstance(value, str) and option in {"tenant", "workspace"}:
            value = ""
        with pytest.raises(ConfigurationError, match=r"experiment|" + option):
            ExperimentManager(**{option: value})

    @pytest.mark.parametrize("value", values(HUGE, -HUGE, nested(), {}, np.array([1, 2])))
    @pytest.mark.parametrize(
        "option",
        [
            "control",
            "baseline",
            "phase",
            "weights",
            "auto_activate_after",
            "guard",
            "stopping",
            "coverage",
            "namespace",
            "allocator",
            "key_fn",
            "by_candidates",
            "description",
            "variants",
        ],
    )
    def test_by_an_experiment(self, option, value):
        given = {"control": "control", "variants": {"control": "a", "b": "b"}} | {option: value}
        with pytest.raises(ConfigurationError):
            Experiment("e", **given)

    @pytest.mark.parametrize("value", values(HUGE, nested(), b"a", np.int64(3)))
    def test_by_the_outputs_of_variants(self, value):
        with pytest.raises(ConfigurationError, match="variant 'b' is"):
            Experiment("e", control="control", variants={"control": "a", "b": value})

    @pytest.mark.parametrize("value", values(HUGE, -HUGE, nested(), [], {}, set()))
    def test_by_an_allocator(self, value):
        allocator = Allocator("e", ["control", "b"])
        for call in (
            lambda: allocator.allocate(value),
            lambda: allocator.code(value),
            lambda: allocator.allocate_many([value]),
            lambda: Allocator(value, ["a", "b"]),
            lambda: Allocator("e", {"a": value, "b": 1}),
            lambda: Allocator("e", ["a", "b"], seed_salt=value),
            lambda: Allocator("e", ["a", "b"], coverage=value),
            lambda: Allocator("e", ["a", "b"], namespace=value),
            lambda: Allocator("e", ["a", "b"], law=value),
            lambda: Allocator("e", ["a", "b"], dialect=value),
            lambda: Allocator("e", ["a", "b"], dialect="unleash").allocate(value),
            lambda: StickyAllocator(allocator, MemoryAssignments()).allocate(value),
            lambda: StickyAllocator(value, MemoryAssignments()),
            lambda: StickyAllocator(allocator, value),
            lambda: allocator.ramp(value),
            lambda: allocator.moved(value),
            lambda: bucket(value, "u", "s"),
            lambda: bucket("optimizely", value, "s"),
            lambda: bucket("optimizely", "u", value),
            lambda: bucket("split", "u", value),
            lambda: bucket("unleash", "u", "s", total=value),
        ):
            with pytest.raises(ConfigurationError):
                call()

    @pytest.mark.parametrize("value", values(HUGE, nested(), [HUGE], {"a": nested()}, float("inf")))
    def test_by_states(self, on, value):
        manager, allocator = managed(on), Allocator("e", ["control", "b"])
        pareto = ParetoThompsonSampling(["a", "b"], objectives={"q": (0.0, 1.0), "c": (1.0, 0.0)}, seed=1)
        taken = [
            (manager.load_state, manager.state_dict),
            (manager.merge, manager.state_dict),
            (Allocator.from_state, allocator.state_dict),
            (pareto.load_state, pareto.state_dict),
        ]
        for load, save in taken:
            before = save()
            for path in paths(before):
                state = json.loads(json.dumps(before))
                held = state
                for name in path[:-1]:
                    held = held[name]
                held[path[-1]] = value
                with pytest.raises(SnapshotError):
                    load(state)
            assert save() == before

    @pytest.mark.parametrize(
        "options", [{"fraction": HUGE}, {"fraction": nested()}, {"surfaces": 3}, {"enabled": HUGE}]
    )
    def test_by_a_holdout(self, options):
        with pytest.raises(ConfigurationError):
            HoldoutConfig(**options)
        with pytest.raises(ConfigurationError):
            Holdout(HoldoutConfig(fraction=0.5)).assign("home", {"user_id": HUGE})

    def test_keys_of_a_function_are_keys(self, on):
        """1.5 was taken for 1."""
        for key in (1.5, True, HUGE, "\ud800"):
            manager = managed(on, by_candidates=True, key_fn=lambda _, key=key: key)
            with pytest.raises(ConfigurationError, match="key is"):
                manager.decide("r", {}, ["a", "b"], lambda: "a")

    def test_a_field_that_is_an_array_names_nobody_for_sure(self, on):
        with pytest.raises(ConfigurationError, match="user_id is"):
            managed(on, phase="active").assign(R, {"user_id": np.array([1, 2])})

    def test_a_trial_is_shown(self, on):
        trial = Trial("a", R, "counted", "control", phase="shadow", outputs={"zz": "a"})
        with pytest.raises(ConfigurationError, match=r"the trial is Trial\(arm='a'"):
            managed(on).record_trial(trial, 1.0)


def paths(state, place=()):
    """Each field of a state that is a mapping all the way down."""
    for name, value in state.items():
        yield (*place, name)
        if isinstance(value, dict):
            yield from paths(value, (*place, name))
