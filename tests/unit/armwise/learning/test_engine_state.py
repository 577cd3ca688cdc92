"""An engine saved and restored: what goes on, what is skipped, and that nothing is loaded half."""

from __future__ import annotations

import copy
import json
import logging
import threading
import warnings

import pytest

from armwise import ConfigurationError, EpsilonGreedy, LinTSDiag, SnapshotError, ThompsonSampling
from armwise.learning import Activation, Flags, LearningEngine, TenantContext, seal
from armwise.policies import SharedThompsonSampling
from armwise.stores import StateDirectory

ON = {"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True, "ENABLE_RL_PROMPT": True}
ARMS = ["a", "b", "c"]


def engine_of(*domains, seed=1, **options):
    engine = LearningEngine(flags=Flags(ON), **options)
    for domain in domains or ("route",):
        engine.register_domain(domain, ThompsonSampling(seed=seed))
    return engine


def used(engine, domain="route", turns=60):
    engine.activate(domain)
    for turn in range(turns):
        decision = engine.decide(domain, {}, ARMS)
        engine.record(domain, {}, decision.arm, (turn % 5) / 4, decision_id=decision.decision_id)
    return engine


def draws(engine, domain="route", n=500):
    return [engine.recommend(domain, {}, ARMS) for _ in range(n)]


class TestRestore:
    @pytest.mark.parametrize("form", ["bare", "json", "sealed", "envelope"])
    def test_the_next_draws_and_the_status_are_those_of_the_uninterrupted_engine(self, form):
        engine = used(engine_of())
        snapshot = engine.snapshot()
        given = {
            "bare": lambda: snapshot,
            "json": lambda: json.loads(json.dumps(snapshot, allow_nan=False)),
            "sealed": lambda: seal(snapshot, TenantContext()),
            "envelope": lambda: json.loads(seal(snapshot, TenantContext())),
        }[form]()
        other = engine_of(seed=99)
        report = other.restore(given)
        assert report == (("route",), {}, (), ())
        assert other.status() == engine.status()
        assert draws(other) == draws(engine)

    def test_a_rollback_forgets_what_came_since(self):
        engine = used(engine_of())
        snapshot, status = engine.snapshot(), engine.status()
        used(engine)
        engine.restore(snapshot)
        assert engine.status() == status

    def test_a_policys_own_state_is_a_domains(self):
        engine = used(engine_of())
        other = engine_of(seed=9)
        other.restore({"route": engine.registry.get("route").state_dict()})
        other.activate("route")
        assert draws(other) == draws(engine)

    def test_domains_are_picked_and_the_report_says_what_was_left(self):
        engine = used(used(engine_of("route", "prompt")), "prompt")
        snapshot = engine.snapshot()
        other = engine_of("route", "retrieval")
        assert other.restore(snapshot) == (("route",), {}, ("prompt",), ("retrieval",))
        third = engine_of("route", "prompt")
        before = third.snapshot()["prompt"]
        assert third.restore(snapshot, ["route"]).restored == ("route",)
        assert third.snapshot()["prompt"] == before
        assert third.restore(snapshot, []) == ((), {}, (), ())
        for policies in ("route", 5, [5], ["rout"]):
            with pytest.raises(ConfigurationError, match="policies"):
                third.restore(snapshot, policies)

    @pytest.mark.parametrize("where", [("version",), ("engine", "version")])
    def test_a_newer_version_is_skipped_with_a_warning_that_names_both(self, where):
        engine = used(used(engine_of("route", "prompt")), "prompt")
        snapshot = engine.snapshot()
        inner = snapshot["prompt"]
        for name in where[:-1]:
            inner = inner[name]
        inner[where[-1]] = 7
        other = engine_of("route", "prompt")
        before = other.snapshot()["prompt"]
        with pytest.warns(UserWarning, match=r"'prompt' is not restored.* version 7.* up to 1"):
            report = other.restore(snapshot)
        assert (report.restored, list(report.skipped)) == (("route",), ["prompt"])
        assert other.snapshot()["prompt"] == before

    def test_where_warnings_are_errors_all_is_restored_before_one_is_raised(self):
        engine = used(used(used(engine_of("prompt", "plan", "route")), "plan"), "prompt")
        snapshot = engine.snapshot()
        snapshot["prompt"]["version"] = snapshot["plan"]["version"] = 7
        other = engine_of("prompt", "plan", "route")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match=r"'prompt' is not restored.*; domain 'plan' is not restored"):
                other.restore(snapshot)
        assert other.status()["route"] == engine.status()["route"]
        assert draws(other) == draws(engine)

    @pytest.mark.parametrize(
        ("place", "value"),
        [
            (("policy",), "UCB1"),
            (("alpha",), [1.0]),
            (("engine",), 5),
            (("engine", "phase"), "stopped"),
            (("engine", "since"), {"why": 5, "time": 0}),
            (("engine", "since"), {"why": "x", "time": -1}),
            (("engine", "applied"), -1),
            (("engine", "applied"), "1"),
            (("engine", "statistics"), None),
            (("engine", "statistics", "arms"), ["a", "a", "b"]),
            (("engine", "statistics", "n"), [1, 2]),
            (("engine", "statistics", "n"), [0, 1, 1]),
            (("engine", "statistics", "total"), [0.0, float("nan"), 1.0]),
            (("engine", "statistics", "total"), [10**5000, 0.0, 1.0]),
            (("engine", "evidence"), {"sums": "x", "void": False}),
            (("engine", "evidence"), {"sums": [{"count": 1, "total": 0.5, "spread": 0.1}]}),
            (("engine", "stand_in"), {"policy": "UCB1"}),
            (("engine", "stand_in"), [[[]]]),
        ],
    )
    def test_nothing_is_loaded_half(self, place, value):
        good = used(used(engine_of("route", "prompt")), "prompt").snapshot()
        bad = copy.deepcopy(good)
        inner = bad["prompt"]
        for name in place[:-1]:
            inner = inner[name]
        inner[place[-1]] = value
        other = engine_of("route", "prompt", seed=5)
        before = other.snapshot()
        with pytest.raises(SnapshotError):
            other.restore(bad)
        assert other.snapshot() == before

    @pytest.mark.parametrize("snapshot", [None, 5, "{}", b"", b"{", b"[]", [], {"route": 5}, {5: {}}, {"route": {}}])
    def test_what_is_no_snapshot_is_refused(self, snapshot):
        engine = engine_of()
        before = engine.snapshot()
        with pytest.raises(SnapshotError):
            engine.restore(snapshot)
        assert engine.snapshot() == before

    @pytest.mark.parametrize("tenant", [TenantContext("acme"), TenantContext("default", "other")])
    def test_another_tenants_snapshot_is_refused(self, tenant):
        engine = engine_of()
        with pytest.raises(SnapshotError, match="the snapshot is of the"):
            engine.restore(seal(engine.snapshot(), tenant))
        other = engine_of(tenant=tenant)
        assert other.restore(seal(engine.snapshot(), tenant)).restored == ("route",)

    def test_a_policy_that_is_not_ours_is_restored_too(self):
        class Foreign:
            """Not one of armwise's: it has a core within."""

            def __init__(self, inner):
                self._inner = inner

            def __getattr__(self, name):
                return getattr(self._inner, name)

            def select(self, candidates=None, context=None, now=None):
                return self._inner.select(candidates, context, now)

        engine = LearningEngine(flags=Flags(ON))
        engine.register_domain("route", Foreign(EpsilonGreedy(seed=1)))
        used(engine)
        other = LearningEngine(flags=Flags(ON))
        other.register_domain("route", Foreign(EpsilonGreedy(seed=2)))
        other.restore(engine.snapshot())
        assert draws(other) == draws(engine)


class TestStore:
    def test_a_domain_goes_on_from_what_was_saved_on_another_stream(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(engine_of(store=store))
        engine.save()
        status = engine.status()
        other = engine_of(store=store)
        assert other.status() == status
        policy, was = other.registry.get("route"), engine.registry.get("route")
        assert policy.posterior() == was.posterior()
        assert (policy.seed, policy.counter) == (was.seed, 0)
        assert policy.stream != was.stream
        ids = {e.decide("route", {}, ARMS).decision_id for e in (engine, other) for _ in range(100)}
        assert len(ids) == 200

    def test_rewards_that_were_joined_and_not_saved_are_learnt_again(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(engine_of(store=store))
        engine.save()
        waiting = engine.decide("route", {}, ARMS)
        used(engine, turns=25)
        other = engine_of(store=store)  # the first one was killed
        other.activate("route")
        assert other.registry.get("route").posterior() == engine.registry.get("route").posterior()
        assert other.status()["route"]["arms"] == engine.status()["route"]["arms"]
        assert other.record("route", {}, waiting.arm, 1.0, decision_id=waiting.decision_id) == "applied"
        assert other.record("route", {}, waiting.arm, 1.0, decision_id=waiting.decision_id) == "duplicate"
        other.save()
        third = engine_of(store=store)
        assert third.status() == other.status()

    def test_a_rollback_is_not_undone_by_a_start(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(engine_of(store=store))
        snapshot = engine.snapshot()
        used(engine)
        engine.restore(snapshot)
        engine.save()
        assert engine_of(store=store).status() == engine.status()

    def test_an_arm_that_is_no_longer_there_does_not_fail_a_start(self, tmp_path, caplog):
        store = StateDirectory(tmp_path)
        used(engine_of(store=store))
        other = LearningEngine(flags=Flags(ON), store=store)
        with caplog.at_level(logging.WARNING, "armwise.learning"):
            other.register_domain("route", ThompsonSampling(["a", "z"], seed=1))
        assert "cannot take a reward of before its start" in caplog.text
        status = other.status()["route"]
        assert list(status["arms"]) == ["a"]
        assert status["refusals"] > 0

    def test_domains_that_are_not_registered_here_stay_in_the_store(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(used(engine_of("route", "prompt", store=store)), "prompt")
        engine.save()
        one = engine_of("route", store=store)
        one.save()
        both = engine_of("route", "prompt", store=store)
        assert both.status() == engine.status()

    def test_a_state_of_another_policy_is_refused_and_registers_nothing(self, tmp_path):
        store = StateDirectory(tmp_path)
        used(engine_of(store=store)).save()
        other = LearningEngine(flags=Flags(ON), store=store)
        policy = EpsilonGreedy(seed=1)
        before = policy.state_dict()
        with pytest.raises(SnapshotError, match="policy"):
            other.register_domain("route", policy)
        assert (other.status(), policy.state_dict()) == ({}, before)

    def test_a_newer_state_is_left_aside_with_a_warning(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(engine_of(store=store))
        states = engine.snapshot()
        states["route"]["version"] = 9
        store.workspace("default", "main").write(seal(states, TenantContext()))
        with pytest.warns(UserWarning, match=r"'route' starts afresh.* version 9"):
            engine_of(store=store)
        other = engine_of("prompt", store=store)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(UserWarning, match="'route' starts afresh"):
                other.register_domain("route")
        assert other.recommend("route", {}, ARMS) == "a"
        assert other.registry.get("route").stream

    def test_priors_are_those_of_arms_that_the_store_does_not_know(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = LearningEngine(flags=Flags(ON), store=store)
        engine.register_domain("route", priors={"a": (5.0, 1.0)})
        engine.record("route", {}, "a", 1.0)
        engine.save()
        other = LearningEngine(flags=Flags(ON), store=store)
        other.register_domain("route", priors={"a": (50.0, 1.0), "b": (7.0, 1.0)})
        assert other.registry.get("route").posterior() == {"a": (6.0, 1.0), "b": (7.0, 1.0)}

    def test_tenants_are_apart(self, tmp_path):
        store = StateDirectory(tmp_path)
        used(engine_of(store=store)).save()
        other = engine_of(store=store, tenant=TenantContext("acme"))
        assert other.status()["route"]["arms"] == {}
        path = tmp_path / "default" / "main.json"
        (tmp_path / "acme").mkdir(exist_ok=True)
        (tmp_path / "acme" / "main.json").write_bytes(path.read_bytes())
        with pytest.raises(SnapshotError, match="tenant"):
            engine_of(store=store, tenant=TenantContext("acme"))

    def test_without_a_store_there_is_nowhere_to_save_to(self):
        with pytest.raises(ConfigurationError, match="give the engine a store"):
            engine_of().save()

    def test_phase_and_evidence_are_kept(self, tmp_path):
        store = StateDirectory(tmp_path)
        for _ in range(3):
            engine = LearningEngine(flags=Flags(ON), store=store)
            engine.register_domain("route", activation=Activation(margin=0.05))
            for _ in range(150):
                engine.shadow_bakeoff("route", ["a", "b"], {"a": 0.2, "b": 0.8}.get)
            engine.save()
        status = engine.status()["route"]
        assert status["phase"] == "active"
        assert engine.recommend("route", {}, ["a", "b"]) == "b"

    def test_a_linear_policy_and_its_stand_in_take_streams_of_their_own(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = LearningEngine(flags=Flags(ON), store=store)
        policy = LinTSDiag(dim=2, seed=1)
        engine.register_domain("route", policy)
        stand_in = engine.domain("route")._stand_in
        assert len({0, policy.stream, stand_in.stream}) == 3

    def test_a_shared_table_knows_more_than_what_was_saved(self, tmp_path):
        store, table = StateDirectory(tmp_path), tmp_path / "models.table"

        def started():
            engine = LearningEngine(flags=Flags(ON), store=store)
            engine.register_domain("route", SharedThompsonSampling(table, ARMS, seed=1))
            return engine

        engine = used(started())
        engine.save()
        used(engine)
        posterior = engine.registry.get("route").posterior()
        other = started()
        assert other.registry.get("route").posterior() == posterior
        assert other.status()["route"]["arms"] == engine.status()["route"]["arms"]
        assert other.recommend("route", {"messages": [{}]}, ARMS) in ARMS
        ids = {e.decide("route", {}, ARMS).decision_id for e in (engine, other) for _ in range(50)}
        assert len(ids) == 100
        with pytest.raises(ConfigurationError):
            LearningEngine().register_domain("route", SharedThompsonSampling(table), {"z": (1.0, 1.0)})
        assert other.registry.get("route").posterior() == posterior

    @pytest.mark.parametrize("applied", [-1, True, 1 << 63, "1"])
    def test_a_number_that_cannot_be_is_refused_where_the_domain_comes_in(self, tmp_path, applied):
        store = StateDirectory(tmp_path)
        states = used(engine_of(store=store)).snapshot()
        states["route"]["engine"]["applied"] = applied
        store.workspace("default", "main").write(seal(states, TenantContext()))
        other = engine_of("prompt", store=store)
        with pytest.raises(SnapshotError, match="applied"):
            other.register_domain("route", ThompsonSampling(seed=1))

    def test_pending_decisions_that_were_made_anew_lose_no_reward(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(engine_of("route", "prompt", store=store), turns=60)
        used(engine, "prompt", turns=5)
        engine.save()
        for file in (tmp_path / "default").glob("main.db*"):
            file.unlink()
        for turns in (10, 80):  # the last numbers are below and above those that the snapshot holds
            second = used(used(engine_of("route", "prompt", store=StateDirectory(tmp_path)), turns=turns), "prompt")
            third = engine_of("route", "prompt", store=StateDirectory(tmp_path))  # the second one was killed
            for domain in ("route", "prompt"):
                assert third.status()[domain]["arms"] == second.status()[domain]["arms"]
                assert third.registry.get(domain).posterior() == second.registry.get(domain).posterior()

    def test_rewards_of_before_a_rollback_are_not_learnt_again_and_those_after_it_are_not_lost(self, tmp_path):
        store = StateDirectory(tmp_path)
        engine = used(engine_of(store=store))
        old = engine.snapshot()
        waiting = engine.decide("route", {}, ARMS)
        used(engine)
        engine.save()
        used(engine)
        engine.restore(old)
        engine.save()
        assert engine_of(store=store).status() == engine.status()
        used(engine, turns=7)
        engine.record("route", {}, waiting.arm, 1.0, decision_id=waiting.decision_id)
        last = engine_of(store=store)
        assert last.status()["route"]["arms"] == engine.status()["route"]["arms"]
        assert last.registry.get("route").posterior() == engine.registry.get("route").posterior()

    def test_of_two_saves_at_once_the_newer_one_stays(self, tmp_path):
        store = _Held(StateDirectory(tmp_path))
        engine = engine_of(store=store)
        older = threading.Thread(target=engine.save)
        older.start()
        assert store.writing.wait(10.0)
        used(engine)  # neither decisions nor rewards wait for it
        newer = threading.Thread(target=engine.save)
        newer.start()
        newer.join(0.2)
        assert newer.is_alive(), "the second one waits for the first"
        store.held.set()
        for thread in (older, newer):
            thread.join(10.0)
        assert engine_of(store=StateDirectory(tmp_path)).status() == engine.status()

    def test_a_second_worker_leaves_a_shared_table_as_it_is(self, tmp_path):
        store, table = StateDirectory(tmp_path), tmp_path / "models.table"

        def started(arms=ARMS, **options):
            engine = LearningEngine(flags=Flags(ON), store=StateDirectory(tmp_path))
            engine.register_domain("route", SharedThompsonSampling(table, arms), **options)
            return engine

        first = started()
        used(first)
        first.save()
        waiting = first.decide("route", {}, ARMS)
        used(first)
        before = first.registry.get("route").posterior()
        second = started()
        assert second.registry.get("route").posterior() == before, "nothing is rolled back, and nothing learnt twice"
        assert second.record("route", {}, waiting.arm, 1.0, decision_id=waiting.decision_id) == "applied"
        assert first.record("route", {}, waiting.arm, 1.0, decision_id=waiting.decision_id) == "duplicate"
        used(first)
        after = first.registry.get("route").posterior()

        class Meanwhile(dict):
            def items(self):
                second.registry.get("route").update("a", 1.0)
                return super().items()

        with pytest.raises(ConfigurationError):
            started(priors=Meanwhile(z=(1.0, 1.0)))
        assert second.registry.get("route").posterior() == after | {"a": (after["a"][0] + 1.0, after["a"][1])}
        after = second.registry.get("route").posterior()
        states = first.snapshot()
        states["route"]["engine"]["phase"] = "stopped"
        store.workspace("default", "main").write(seal(states, TenantContext()))
        with pytest.raises(SnapshotError):
            started()
        assert second.registry.get("route").posterior() == after
        assert sum(sum(shapes) - 2.0 for shapes in after.values()) == 182.0


class _Held:
    """A state directory whose first snapshot is held up on its way to the disk."""

    def __init__(self, directory):
        self._directory = directory
        self.writing, self.held = threading.Event(), threading.Event()

    def workspace(self, tenant, workspace):
        self._files = self._directory.workspace(tenant, workspace)
        return self

    def write(self, data, *, keep):
        if not self.writing.is_set():
            self.writing.set()
            assert self.held.wait(10.0)
        self._files.write(data, keep=keep)

    def __getattr__(self, name):
        return getattr(self._files, name)
