from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import ValidationError

from armwise.config import load
from armwise.config.reading import located
from armwise.errors import ConfigurationError, StoreError

FULL = """
schema_version: 1
tenant: {tenant: acme, workspace: prod}
domains:
  route:
    policy: {kind: thompson, arms: [small, large, 3, 0.5], prior: [1, 2.5], half_life: 3600, seed: 7}
    default: small
    activation: {margin: 0.02, minimum: 200}
    priors: {huge: [2, 1]}
  prompt: {policy: {kind: epsilon_greedy, epsilon: 0.2}, activation: null}
  shared: {policy: {kind: shared_thompson, path: table, arms: [a, b]}}
  linear: {policy: {kind: lints_diag, dim: 4}}
  full: {policy: {kind: lints, dim: 4, sigma: 0.25}}
  plain: {policy: {kind: ucb1}}
  open: {}
rewards: {kind: composite, max_cost: 0.01, quality_weight: 2}
shields: {budget_usd: 0.01, latency_ms: 2000, budget: {total_usd: 5, period: 86400}}
experiments:
  - id: policy::route
    control: current
    variants: {current: null, bold: {kind: thompson}, fixed: small, number: 3}
    weights: {current: 8, bold: 1, fixed: 0.5, number: 0.5}
    guard: null
    stopping: {alpha: 0.01, kind: empirical_bernstein, bounds: [0, 1]}
flags: {file: flags}
stores: {state_dir: state}
snapshots: {interval: 60, keep: 5}
tracing: {path: /var/traces.jsonl, keep: 2}
"""


def written(tmp_path, text):
    path = tmp_path / "armwise.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(config, error=ConfigurationError):
    with pytest.raises(error) as raised:
        load(config)
    return str(raised.value)


def with_route(**policy):
    return {"schema_version": 1, "domains": {"route": {"policy": {"kind": "thompson"} | policy}}}


def test_a_whole_file_is_read(tmp_path):
    settings = load(written(tmp_path, FULL))
    route = settings.domains["route"]
    assert (route.policy.kind, route.policy.arms, route.policy.prior) == (
        "thompson",
        ["small", "large", 3, 0.5],
        (1.0, 2.5),
    )
    assert route.priors == {"huge": (2.0, 1.0)}
    assert settings.experiments[0].variants["bold"].kind == "thompson"
    assert settings.experiments[0].variants["number"] == 3
    assert settings.experiments[0].variants["current"] is None


def test_paths_start_from_the_folder_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    text = FULL.replace("file: flags", "file: ~/flags")
    settings = load(str(written(tmp_path, text)))
    assert settings.stores.state_dir == tmp_path / "state"
    assert settings.domains["shared"].policy.path == tmp_path / "table"
    assert settings.tracing.path == Path("/var/traces.jsonl")
    assert settings.flags.file == Path("/home/somebody/flags")
    assert load({"schema_version": 1, "stores": {"state_dir": Path("state")}}).stores.state_dir == Path("state")


def test_settings_do_not_change(tmp_path):
    settings = load(written(tmp_path, FULL))
    with pytest.raises(ValidationError):
        settings.tenant.tenant = "other"


@pytest.mark.parametrize("kind", [dict, OrderedDict, MappingProxyType])
def test_any_mapping_will_do(kind):
    assert load(kind({"schema_version": 1})).domains == {}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "the configuration: schema_version is missing"),
        ({"schema_version": 0}, "schema_version is 0"),
        ({"schema_version": True}, "schema_version is True"),
        ({"schema_version": 1.0}, "schema_version is 1.0; expected 1"),
        ({"schema_version": "1"}, "schema_version is '1'"),
        ({"schema_version": 2}, "schema_version is 2; this armwise reads 1; install a newer one"),
        ({"schema_version": 10**5000}, "schema_version is of type int, too large to be shown"),
        ({"schema_version": 1, "domain": {}}, "domain is a mapping; there is no such setting"),
        ({"schema_version": 1, "domains": []}, "domains is a list"),
        ({"schema_version": 1, "domains": {3: {}}}, "domains.3 is 3"),
        (with_route(epsilon=0.1), "domains.route.policy.epsilon is 0.1; there is no such setting"),
        (with_route(kind="greedy"), "domains.route.policy.kind is 'greedy'; expected one of 'thompson'"),
        (
            {"schema_version": 1, "domains": {"route": {"policy": {}}}},
            "domains.route.policy is a mapping; expected a ma",
        ),
        ({"schema_version": 1, "domains": {"route": {"policy": "ucb1"}}}, "domains.route.policy is 'ucb1'"),
        (with_route(seed=1.5), "domains.route.policy.seed is 1.5; expected a valid integer"),
        (with_route(seed=True), "domains.route.policy.seed is True"),
        (with_route(half_life="1h"), "domains.route.policy.half_life is '1h'; expected a valid number"),
        (with_route(half_life=float("nan")), "domains.route.policy.half_life is nan"),
        (with_route(half_life=10**5000), "domains.route.policy.half_life is of type int, too large to be shown"),
        (with_route(prior=[1]), "domains.route.policy.prior.1 is missing"),
        (with_route(prior=[1, True]), "domains.route.policy.prior.1 is True"),
        (with_route(prior=[1, "2"]), "domains.route.policy.prior.1 is '2'"),
        (with_route(arms=["a", None]), "domains.route.policy.arms.1: arm is None"),
        (with_route(arms=["a", True]), "domains.route.policy.arms.1: arm is True"),
        (with_route(arms="small"), "domains.route.policy.arms is 'small'; expected a valid list"),
        ({"schema_version": 1, "domains": {"route": {"default": []}}}, "domains.route.default: arm is []"),
        ({"schema_version": 1, "rewards": {"kind": "composite"}}, "rewards.max_cost is missing"),
        ({"schema_version": 1, "rewards": {"max_cost": 1.0}}, "rewards is a mapping; expected a mapping with its kind"),
        ({"schema_version": 1, "tenant": None}, "tenant is None"),
        ({"schema_version": 1, "tracing": {"path": ""}}, "tracing.path: '' is no path"),
        ({"schema_version": 1, "tracing": {"path": "a\0"}}, "tracing.path: 'a\\x00' is no path"),
        ({"schema_version": 1, "tracing": {"path": "\ud800"}}, "tracing.path: '\\ud800' is no path"),
        ({"schema_version": 1, "tracing": {"path": 3}}, "tracing.path: 3 is no path"),
        ({"schema_version": 1, "experiments": [{"id": "a"}]}, "experiments.0.control is missing"),
        ([], "config is a list; expected the path of a file such as 'armwise.yaml'"),
        (None, "config is None"),
        ("", "config is ''"),
        ("a\0", "config is 'a\\x00'"),
        ("\ud800", "config is '\\ud800'"),
        (b"armwise.yaml", "config is of type bytes"),
    ],
    ids=range(40),
)
def test_what_cannot_be_meant_is_told_with_its_path(config, message):
    assert message in refused(config)


def test_a_variant_is_told_by_its_own_path():
    experiment = {
        "id": "x",
        "control": "a",
        "variants": {"a": None, "b": {"kind": "thompson", "epsilon": 1}, "c": True},
    }
    message = refused({"schema_version": 1, "experiments": [experiment]})
    assert "experiments.0.variants.b.epsilon is 1; there is no such setting" in message
    assert "experiments.0.variants.c: arm is True" in message


def test_many_errors_are_told_up_to_ten():
    message = refused({"schema_version": 1} | {f"setting{number}": 1 for number in range(30)})
    assert message.count("there is no such setting") == 10
    assert message.endswith("; and 20 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "armwise.yaml: it holds None; expected settings by their names"),
        ("- 1", "armwise.yaml: it holds a list"),
        ("schema_version: 1\ndomains: {a: {}, a: {}}", "armwise.yaml:2: it is no YAML that can be meant: the key 'a'"),
        ("schema_version: 1\nschema_version: 1", "armwise.yaml:2: it is no YAML that can be meant: the key 'schema_v"),
        ("schema_version: [1", "armwise.yaml:1: it is no YAML that can be meant"),
        ("schema_version: !!python/object:os.system {}", "armwise.yaml:1: it is no YAML that can be meant"),
        ("? [a, b]\n: 1", "armwise.yaml:1: it is no YAML that can be meant: found unhashable key"),
        ("schema_version: " + "1" * 5000, "armwise.yaml: it is no YAML that can be meant"),
        ("schema_version: 2020-99-99", "armwise.yaml: it is no YAML that can be meant"),
        ("[" * 5000, "armwise.yaml: it is no YAML that can be meant"),
        ("schema_version: 1\n---\nschema_version: 1", "armwise.yaml:2: it is no YAML that can be meant"),
        ("schema_version: 2020-01-01", "armwise.yaml: schema_version is of type date"),
    ],
    ids=range(12),
)
def test_a_file_that_cannot_be_meant_is_told_with_its_line(tmp_path, text, message):
    assert message in refused(written(tmp_path, text))


def test_what_is_no_text_is_told(tmp_path):
    path = tmp_path / "armwise.yaml"
    path.write_bytes(b"\xff\xfe\x00\xd8schema\x80")
    assert "it is no YAML that can be meant" in refused(path)
    path.write_bytes(b"tenant: \x01")
    assert "it is no YAML that can be meant" in refused(path)


def test_references_may_be_used_and_do_not_explode(tmp_path):
    text = """
schema_version: 1
domains:
  route: &like {policy: {kind: thompson, seed: 1}}
  other: *like
  third: {<<: *like, default: small}
"""
    settings = load(written(tmp_path, text))
    assert settings.domains["third"].policy.seed == settings.domains["other"].policy.seed == 1
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    message = refused(written(tmp_path, f"{bomb}schema_version: 1\ndomains: *a29\n"))
    assert len(message) < 2000


def test_a_file_that_is_not_there_is_a_store_error(tmp_path):
    assert "cannot read the configuration" in refused(tmp_path / "none.yaml", StoreError)
    assert "cannot read the configuration" in refused(tmp_path, StoreError)


def test_errors_are_located():
    with pytest.raises(ConfigurationError, match=r"^a\.yaml: shields: too much$"), located("a.yaml", "shields"):
        raise ConfigurationError("too much")  # noqa: EM101, TRY003
