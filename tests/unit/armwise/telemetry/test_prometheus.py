from __future__ import annotations

import builtins
import json
import re
import socket
import threading
import urllib.error
import urllib.request

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from armwise.errors import ConfigurationError, MissingExtra, StoreError
from armwise.telemetry.prometheus import PrometheusMetrics, alert_rules, dashboard

PLACE = {"tenant": "default", "workspace": "main", "experiment_id": "e"}


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, PLACE | labels)


def exported(metrics):
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {sample.name for family in families for sample in family.samples}


@pytest.fixture
def metrics():
    return PrometheusMetrics()


def test_what_is_counted(metrics):
    metrics.allocated("default", "main", "e", "b")
    metrics.allocated("default", "main", "e", "b")
    metrics.rewarded("default", "main", "e", "b", 0.25, 0.5)
    metrics.rewarded("default", "main", "e", "b", -2.0, 0.0)
    metrics.ignored("default", "main", "e", "disabled")
    assert value(metrics, "experiment_variant_allocations_total", variant="b") == 2
    assert value(metrics, "experiment_rewards_total", variant="b") == 2
    assert value(metrics, "experiment_reward_value_sum", variant="b") == -1.75
    assert value(metrics, "experiment_reward_value_count", variant="b") == 2
    assert value(metrics, "experiment_reward_value_bucket", variant="b", le="0.0") == 1
    assert value(metrics, "experiment_regret_total", variant="b") == 0.5
    assert value(metrics, "experiment_rewards_ignored_total", reason="disabled") == 1


@pytest.mark.parametrize(("phase", "number"), [("shadow", 0), ("active", 1), ("stopped", 2)])
def test_phases(metrics, phase, number):
    metrics.phase("default", "main", "e", phase, {"control": True, "b": phase == "active"})
    assert value(metrics, "experiment_phase_status") == number
    assert value(metrics, "active_bandit_policy", variant="control") == 1
    assert value(metrics, "active_bandit_policy", variant="b") == (phase == "active")


def test_the_names_and_labels_of_the_specification(metrics):
    fill(metrics)
    families = {
        family.name: family for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
    }
    labels = {"tenant", "workspace", "experiment_id", "variant"}
    for name in ("experiment_variant_allocations", "experiment_rewards", "experiment_regret", "active_bandit_policy"):
        assert set(families[name].samples[0].labels) == labels
    assert set(families["experiment_reward_value"].samples[0].labels) == labels | {"le"}
    assert set(families["experiment_phase_status"].samples[0].labels) == labels - {"variant"}


def fill(metrics):
    metrics.allocated("default", "main", "e", "b")
    metrics.rewarded("default", "main", "e", "b", 0.25, 0.5)
    metrics.phase("default", "main", "e", "active", {"b": True})
    metrics.ignored("default", "main", "e", "disabled")
    metrics.failed("default", "main", "e", "b")


def test_a_label_without_utf8_breaks_no_page(metrics):
    """A lone surrogate made every page from then on fail."""
    for name in ("\ud800", "a\udfff"):
        metrics.allocated("default", "main", name, "b")
        metrics.allocated("default", name, "e", "b")
        metrics.rewarded("default", "main", "e", name, 0.5, 0.0)
        metrics.ignored("default", "main", name, "unknown")
        metrics.ignored("default", "main", name, "stopped")
        metrics.failed(name, "main", "e", "b")
        metrics.phase("default", "main", name, "active", {"b": True})
    page = generate_latest(metrics.registry).decode()
    assert 'experiment_variant_allocations_total{experiment_id="other"' in page
    assert len(metrics._series) == len(metrics._reasons) == len(metrics._strays) == 1


def test_ids_that_no_experiment_has_take_no_place_from_those_that_run():
    metrics = PrometheusMetrics(max_series=10)
    for i in range(1000):
        metrics.ignored("default", "main", f"typo-{i}", "unknown")
    metrics.ignored("default", "main", "e", "stopped")
    assert value(metrics, "experiment_rewards_ignored_total", reason="stopped") == 1
    assert len(metrics._strays) <= 11


def test_label_sets_are_bounded():
    metrics = PrometheusMetrics(max_series=10)
    for i in range(100):
        metrics.allocated("default", "main", f"e{i}", "b")
        metrics.rewarded("default", "main", f"e{i}", "b", 1.0, 0.0)
        metrics.ignored("default", "main", f"e{i}", "unknown")
        metrics.phase("default", "main", f"e{i}", "active", {"b": True})
    text = generate_latest(metrics.registry).decode()
    for family in text_string_to_metric_families(text):
        series = {sample.labels["experiment_id"] for sample in family.samples}
        assert len(series) <= 11, family.name
    other = dict.fromkeys(("tenant", "workspace", "experiment_id", "variant"), "other")
    assert metrics.registry.get_sample_value("experiment_variant_allocations_total", other) == 90
    assert metrics.registry.get_sample_value("experiment_rewards_total", other) == 90
    other["reason"] = other.pop("variant")
    assert metrics.registry.get_sample_value("experiment_rewards_ignored_total", other) == 90
    # What was refused a place is not remembered either, or ids made up as requests come would fill the memory.
    assert len(metrics._series) <= 11
    assert len(metrics._reasons) <= 11


def test_threads_lose_nothing(metrics):
    def work():
        for _ in range(2000):
            metrics.allocated("default", "main", "e", "b")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(metrics, "experiment_variant_allocations_total", variant="b") == 8000


def test_a_registry_of_the_callers():
    registry = CollectorRegistry()
    assert PrometheusMetrics(registry).registry is registry
    with pytest.raises(ConfigurationError, match="share one PrometheusMetrics"):
        PrometheusMetrics(registry)


@pytest.mark.parametrize("most", [0, -1, 1.5, True, None])
def test_bounds_that_are_none(most):
    with pytest.raises(ConfigurationError, match="max_series"):
        PrometheusMetrics(max_series=most)


def test_without_prometheus_client(monkeypatch):
    whole = builtins.__import__

    def without(name, *rest):
        if name.startswith("prometheus_client"):
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"armwise\[metrics\]"):
        PrometheusMetrics()


def test_a_port_that_is_taken(metrics):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StoreError, match="cannot serve metrics"):
            metrics.serve(taken.getsockname()[1])


def test_an_endpoint_serves_until_it_is_closed(metrics):
    fill(metrics)
    with metrics.serve() as endpoint, urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics") as page:
        assert b"experiment_rewards_total" in page.read()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{endpoint.port}/metrics")


NAME = re.compile(r"\b(?:experiment_\w+|active_bandit_policy)\b")
LABELS = {"experiment_id"}


def expressions():
    panels = json.loads(dashboard())["panels"]
    found = [target["expr"] for panel in panels for target in panel["targets"]]
    variables = [
        one["query"]["query"] for one in json.loads(dashboard())["templating"]["list"] if one["type"] == "query"
    ]
    rules = yaml.safe_load(alert_rules())["groups"][0]["rules"]
    return found + variables + [rule["expr"] for rule in rules]


def test_the_dashboard_and_the_alerts_ask_for_what_is_exported(metrics):
    fill(metrics)
    names = exported(metrics)
    asked = {name for expression in expressions() for name in NAME.findall(expression)} - LABELS
    assert asked <= names, asked - names
    # And nothing that is exported goes unseen, but for when series were created.
    shown = {name for name in names if not name.endswith("_created")}
    assert shown - asked == set()


def test_expressions_are_whole():
    for expression in expressions():
        for left, right in ("()", "{}", "[]"):
            assert expression.count(left) == expression.count(right), expression


def test_alerts_say_what_happened():
    (group,) = yaml.safe_load(alert_rules())["groups"]
    alerts = [rule for rule in group["rules"] if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) == 5
    for rule in alerts:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_panels_do_not_lie_on_each_other():
    taken = set()
    for panel in json.loads(dashboard())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells, panel["title"]
        taken |= cells
