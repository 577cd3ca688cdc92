from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.learning import LearningEngine, check_config, configured, learn
from armwise.policies import SharedThompsonSampling
from armwise.rewards import CompositeReward, RewardEngine
from armwise.stores import StateDirectory


@pytest.fixture(autouse=True)
def _flags_of_nobody(monkeypatch):
    for name in [name for name in os.environ if name.startswith("ENABLE_")]:
        monkeypatch.delenv(name)


def settings(**sections):
    return {"schema_version": 1} | sections


def with_policy(**policy):
    return settings(domains={"route": {"policy": policy}})


def test_each_kind_of_policy_is_made_with_its_parameters(tmp_path):
    kinds = {
        "thompson": {"kind": "thompson", "arms": ["a", 2], "prior": [2, 3], "half_life": 60, "seed": 5},
        "greedy": {"kind": "epsilon_greedy", "epsilon": 0.25, "seed": 5},
        "ucb1": {"kind": "ucb1", "arms": ["a"]},
        "full": {"kind": "lints", "dim": 3, "sigma": 0.25, "prior_precision": 2.0},
        "linear": {"kind": "lints_diag", "dim": 3, "half_life": 60},
        "shared": {"kind": "shared_thompson", "path": str(tmp_path / "table"), "arms": ["a", "b"], "seed": 5},
    }
    domains = {name: {"policy": policy} for name, policy in kinds.items()} | {"open": {}}
    with configured(settings(domains=domains)) as made:
        registry = made.engine.registry
        assert {name: type(registry.get(name)) for name in registry} == {
            "thompson": ThompsonSampling,
            "greedy": EpsilonGreedy,
            "ucb1": UCB1,
            "full": LinTS,
            "linear": LinTSDiag,
            "shared": SharedThompsonSampling,
            "open": ThompsonSampling,
        }
        thompson = registry.get("thompson")
        assert (thompson.arms, thompson.prior, thompson.seed) == (("a", 2), (2.0, 3.0), 5)
        assert thompson.half_life.total_seconds() == 60
        assert registry.get("full").sigma == 0.25
        assert registry.get("shared").file == tmp_path / "table"


def test_domains_have_their_default_activation_and_priors():
    domains = {
        "route": {"default": "small", "priors": {"large": [8, 2]}, "activation": {"margin": 0.5, "minimum": 7}},
        "prompt": {"activation": None},
        "plugin": {},
    }
    with configured(settings(domains=domains)) as made:
        engine = made.engine
        assert engine.recommend("route", {}, ["large", "small"]) == "small"
        assert engine.registry.get("route").posterior() == {"large": (8.0, 2.0)}
        status = engine.status()
        assert (status["route"]["evidence"]["margin"], status["route"]["evidence"]["minimum"]) == (0.5, 7)
        assert status["prompt"]["evidence"] is None
        assert status["plugin"]["evidence"]["margin"] == 0.0


def test_rewards_and_shields_go_into_the_loop():
    config = settings(
        domains={"route": {}},
        rewards={"kind": "composite", "max_cost": 0.01, "quality_weight": 0},
        shields={"budget_usd": 0.5, "latency_ms": 1000, "budget": {"total_usd": 5, "period": 60, "burst": 5}},
    )
    with configured(config) as made:
        assert isinstance(made.reward, CompositeReward)
        result = learn(
            "route",
            {},
            ["a", "b"],
            lambda arm: ({"cost_usd": 0.002, "latency_ms": 500.0}, {"quality": 1.0, "arm": arm}),
            engine=made.engine,
            reward=made.reward,
            shields=made.shields,
        )
        assert result.reward == pytest.approx(0.775)
        assert made.shields.check(0.6, 0.0) == "budget_exceeded"
        assert made.shields.budget.left() == pytest.approx(5.0, abs=0.01)
    with configured(settings(rewards={"kind": "weighted", "weights": {"quality": 2.0}})) as made:
        assert isinstance(made.reward, RewardEngine)
        assert made.reward.weights["quality"] == 2.0
        assert made.shields is None


def test_experiments_stand_in_front_of_their_domains(monkeypatch):
    for flag in ("ENABLE_RL_GLOBAL", "ENABLE_RL_ROUTING", "ENABLE_EXPERIMENT_HARNESS"):
        monkeypatch.setenv(flag, "1")
    experiment = {
        "id": "policy::route",
        "control": "current",
        "variants": {"current": None, "bold": {"kind": "thompson", "seed": 1}, "fixed": "large"},
        "weights": {"current": 0, "bold": 0, "fixed": 1},
        "phase": "active",
        "guard": None,
        "stopping": {"alpha": 0.01, "kind": "empirical_bernstein", "bounds": [0, 1]},
        "description": "what a large model earns",
    }
    another = {"id": "colours", "control": "a", "variants": {"a": "red", "b": "blue"}, "guard": {"alpha": 0.1}}
    third = {"id": "plain", "control": "a", "variants": {"a": 1, "b": 0.5}}
    config = settings(domains={"route": {}}, experiments=[experiment, another, third], tenant={"tenant": "acme"})
    with configured(config) as made:
        assert made.engine.recommend("route", {"user_id": "u"}, ["small", "large"]) == "large"
        first, second, last = made.engine.experiments.experiments
        assert first.guard is None
        assert first.stopping.bounds == (0.0, 1.0)
        assert second.guard.alpha == 0.1
        assert second.stopping is None
        assert last.guard is not None
        assert isinstance(first.variants["bold"], ThompsonSampling)
        assert made.engine.tenant.tenant == "acme"


def test_a_file_of_flags_switches_at_once(tmp_path):
    (tmp_path / "flags").write_text("ENABLE_RL_GLOBAL=1\nENABLE_RL_ROUTING=1\n")
    (tmp_path / "armwise.yaml").write_text("schema_version: 1\nflags: {file: flags}\ndomains: {route: {}}\n")
    with configured(tmp_path / "armwise.yaml") as made:
        assert made.engine.flags.on("route")
        changed = threading.Event()
        made.engine.flags.subscribe(changed.set)
        (tmp_path / "flags").write_text("ENABLE_RL_GLOBAL=0\n")
        assert changed.wait(10)
        assert not made.engine.flags.on("route")


def test_state_is_kept_traced_and_gone_on_from(tmp_path):
    config = settings(
        domains={"route": {"policy": {"kind": "thompson", "seed": 1}}},
        stores={"state_dir": str(tmp_path / "state")},
        snapshots={"interval": 3600, "keep": 2},
        tracing={"path": str(tmp_path / "traces.jsonl"), "service_name": "router"},
    )
    with configured(config) as made:
        decision = made.engine.decide("route", {}, ["a", "b"])
        made.engine.record("route", {}, decision.arm, 1.0, decision_id=decision.decision_id)
        assert made.snapshots.running
    assert not made.snapshots.running
    assert (tmp_path / "state" / "default" / "main.json").exists()
    text = (tmp_path / "traces.jsonl").read_text()
    assert json.loads(text.splitlines()[0])["resourceSpans"]
    assert "armwise.decision" in text
    assert "armwise.reward" in text
    with configured(config) as again:
        assert again.engine.status()["route"]["arms"]["a"]["n"] == 1


def test_a_store_that_is_given_stands_in_the_place_of_the_one_that_is_set(tmp_path):
    config = settings(domains={"route": {}}, stores={"state_dir": str(tmp_path / "set")}, snapshots={"interval": 60})
    with configured(config, store=StateDirectory(tmp_path / "given")):
        pass
    assert (tmp_path / "given").exists()
    assert not (tmp_path / "set").exists()


def test_an_engine_of_a_file_is_saved_when_its_process_ends(tmp_path):
    (tmp_path / "armwise.yaml").write_text(
        "schema_version: 1\n"
        "domains: {route: {policy: {kind: thompson, seed: 1}}}\n"
        "stores: {state_dir: state}\n"
        "snapshots: {interval: 3600}\n"
        "tracing: {path: traces.jsonl}\n"
    )
    program = (
        "from armwise.learning import LearningEngine\n"
        "engine = LearningEngine.from_config('armwise.yaml')\n"
        "decision = engine.decide('route', {}, ['a', 'b'])\n"
        "engine.record('route', {}, decision.arm, 1.0, decision_id=decision.decision_id)\n"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "traces.jsonl").read_text().count("armwise.decision_id") == 2
    engine = LearningEngine.from_config(settings(domains={"route": {}}), store=StateDirectory(tmp_path / "state"))
    assert engine.status()["route"]["arms"]["a"] == {"q": 1.0, "n": 1}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (with_policy(kind="epsilon_greedy", epsilon=2.0), r"the configuration: domains\.route: epsilon is 2\.0"),
        (with_policy(kind="thompson", arms=[]), r"domains\.route: arms is empty"),
        (with_policy(kind="thompson", arms=["a", "a"]), r"domains\.route: arms holds 'a' and 'a'"),
        (with_policy(kind="thompson", prior=[0, 1]), r"domains\.route: prior is"),
        (with_policy(kind="thompson", seed=-1), r"domains\.route: seed is -1"),
        (with_policy(kind="lints", dim=0), r"domains\.route: dim is 0"),
        (with_policy(kind="shared_thompson", path="t", arms=[]), r"domains\.route: arms is empty"),
        (settings(domains={"": {}}), r"domains\.: the name of a domain is ''|domains\.: domain is ''"),
        (settings(domains={"route": {"activation": {"margin": 2}}}), r"domains\.route: margin of the activation is 2"),
        (
            settings(domains={"route": {"policy": {"kind": "thompson", "arms": ["a"]}, "priors": {"a": [1, 1]}}}),
            r"domains\.route: priors are given for 'a'",
        ),
        (settings(domains={"route": {"priors": {"a": [0, 1]}}}), r"domains\.route: prior is"),
        (settings(tenant={"tenant": ".."}), r"tenant: tenant is '\.\.'"),
        (settings(tenant={"workspace": "\ud800"}), r"tenant: workspace is"),
        (settings(rewards={"kind": "composite", "max_cost": 0}), r"rewards: max_cost is 0"),
        (settings(rewards={"kind": "weighted", "weights": {"speed": 1}}), r"rewards: weights holds 'speed'"),
        (settings(shields={"latency_ms": -1}), r"shields: latency_ms is -1"),
        (settings(shields={"budget": {"total_usd": 0, "period": 1}}), r"shields\.budget: total_usd is 0"),
        (settings(snapshots={"interval": 0}, stores={}), r"snapshots\.interval is 0; expected greater than 0"),
        (settings(snapshots={"interval": 60, "keep": -1}, stores={}), r"snapshots\.keep is -1; expected greater than"),
        (
            settings(experiments=[{"id": "policy::rout", "control": "a", "variants": {"a": None, "b": "x"}}]),
            r"experiments\.0\.id is 'policy::rout'; there is no domain 'rout'",
        ),
        (
            settings(experiments=[{"id": "x", "control": "c", "variants": {"a": None, "b": "x"}}]),
            r"experiments\.0: control is 'c'",
        ),
        (
            settings(
                experiments=[
                    {"id": "x", "control": "a", "variants": {"a": None, "b": {"kind": "thompson", "prior": [0, 1]}}}
                ]
            ),
            r"experiments\.0\.variants\.b: prior is",
        ),
        (
            settings(
                experiments=[{"id": "x", "control": "a", "variants": {"a": None, "b": "x"}, "guard": {"alpha": 2}}]
            ),
            r"experiments\.0\.guard: alpha is 2",
        ),
        (settings(experiments=[{"id": "x", "control": "a", "variants": {"a": None, "b": "x"}}] * 2), r"experiments: "),
    ],
    ids=range(24),
)
def test_what_cannot_be_meant_is_refused_with_its_place_before_a_file_is_made(tmp_path, monkeypatch, config, message):
    monkeypatch.chdir(tmp_path)
    whole = config | {"tracing": {"path": "traces.jsonl"}, "flags": {"file": "flags"}}
    before = threading.active_count()
    for call in (check_config, configured):
        with pytest.raises(ConfigurationError, match=message):
            call(whole)
    assert list(tmp_path.iterdir()) == []
    assert threading.active_count() == before


def test_what_files_hold_may_be_refused_later_and_nothing_goes_on_running(tmp_path):
    (tmp_path / "flags").write_text("ENABLE_RL_GLOBAL=maybe\n")
    before = threading.active_count()
    with pytest.raises(ConfigurationError, match="flags: "):
        configured(settings(flags={"file": str(tmp_path / "flags")}))
    with pytest.raises(StoreError, match="No such file"):
        configured(settings(tracing={"path": str(tmp_path / "none" / "traces.jsonl")}))
    with pytest.raises(ConfigurationError, match="tracing: service_name is ''"):
        configured(settings(tracing={"path": str(tmp_path / "traces.jsonl"), "service_name": ""}))
    with pytest.raises(ConfigurationError, match="snapshots: interval is"):
        configured(settings(snapshots={"interval": 1e-12}, stores={"state_dir": str(tmp_path / "state")}))
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "main.json").write_text("{")
    with pytest.raises(SnapshotError):
        configured(settings(stores={"state_dir": str(tmp_path)}, tracing={"path": str(tmp_path / "traces.jsonl")}))
    assert threading.active_count() == before


def test_snapshots_need_a_store(tmp_path):
    config = settings(snapshots={"interval": 60}, tracing={"path": str(tmp_path / "traces.jsonl")})
    with pytest.raises(ConfigurationError, match="snapshots are set, and there is nowhere to save to"):
        configured(config)
    assert list(tmp_path.iterdir()) == []


def test_a_linear_policy_is_told_of_once_where_its_flag_is_off(caplog):
    with configured(with_policy(kind="lints_diag", dim=2)):
        assert caplog.text.count("ENABLE_RL_LINTS is off") == 1


def test_a_check_makes_no_table_and_no_file(tmp_path):
    shared = {"kind": "shared_thompson", "path": str(tmp_path / "table"), "arms": ["a", "b"]}
    experiment = {"id": "policy::route", "control": "a", "variants": {"a": None, "b": shared}}
    config = settings(
        domains={"route": {"policy": shared}},
        experiments=[experiment],
        stores={"state_dir": str(tmp_path / "state")},
        tracing={"path": str(tmp_path / "traces.jsonl")},
    )
    assert check_config(config).domains["route"].policy.kind == "shared_thompson"
    assert list(tmp_path.iterdir()) == []


def test_the_example_is_as_it_should_be():
    example = Path(__file__).resolve().parents[4] / "examples" / "armwise.yaml"
    checked = check_config(example)
    # It shows every section.
    assert checked.model_fields_set == set(type(checked).model_fields)
