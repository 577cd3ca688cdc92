"""A real scrape of a real endpoint: it parses, and its figures are those of the manager."""

from __future__ import annotations

import socket
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.telemetry.prometheus import PrometheusMetrics

pytestmark = pytest.mark.integration


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain")
        text = response.read().decode()
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return samples


def place(tenant, experiment, **labels):
    return tuple(sorted({"tenant": tenant, "workspace": "main", "experiment_id": experiment, **labels}.items()))


def test_a_scrape_shows_what_happened():
    on = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    metrics = PrometheusMetrics()
    variants = {"control": "a", "bold": "b"}
    managers = {
        tenant: ExperimentManager(
            [Experiment("ranking", control="control", variants=variants, auto_activate_after=4)],
            flags=on,
            metrics=metrics,
            tenant=tenant,
        )
        for tenant in ("default", "acme")
    }
    manager = managers["default"]
    with metrics.serve() as endpoint:
        before = scrape(endpoint.port)
        assert before["experiment_phase_status", place("default", "ranking")] == 0
        assert before["active_bandit_policy", place("default", "ranking", variant="control")] == 1
        assert before["active_bandit_policy", place("default", "ranking", variant="bold")] == 0
        for reward in (1.0, 0.5):
            manager.record("ranking", "control", reward)
        for reward in (0.2, 0.9):
            manager.record("ranking", "bold", reward)
        for reward in (0.5, 0.5):
            manager.record("ranking", "control", reward)  # the fourth pull activates
        users = [f"u{i}" for i in range(200)]
        assigned = [manager.assign("ranking", user) for user in users]
        manager.record("typo", "bold", 1.0)
        on.set("ENABLE_EXPERIMENT_HARNESS", on=False)
        manager.record("ranking", "bold", 1.0)
        after = scrape(endpoint.port)
        port = endpoint.port
    seen = manager.statistics("ranking")
    for name in variants:
        labels = place("default", "ranking", variant=name)
        assert after["experiment_rewards_total", labels] == seen[name].pulls
        assert after["experiment_reward_value_count", labels] == seen[name].pulls
        assert after["experiment_reward_value_sum", labels] == pytest.approx(seen[name].reward_sum, rel=1e-12)
        assert after["experiment_regret_total", labels] == pytest.approx(seen[name].regret_sum, rel=1e-12)
        assert after["experiment_variant_allocations_total", labels] == assigned.count(name) == seen[name].allocations
        assert after["active_bandit_policy", labels] == 1
    assert after["experiment_regret_total", place("default", "ranking", variant="bold")] == pytest.approx(0.55)
    assert after["experiment_phase_status", place("default", "ranking")] == 1
    assert after["experiment_phase_status", place("acme", "ranking")] == 0
    assert after["experiment_rewards_ignored_total", place("default", "typo", reason="unknown")] == 1
    assert after["experiment_rewards_ignored_total", place("default", "ranking", reason="disabled")] == 1
    with socket.socket() as free:  # a closed endpoint gives its port back
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


def test_labels_name_no_user_and_are_bounded():
    on = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    metrics = PrometheusMetrics(max_series=20)
    manager = ExperimentManager(flags=on, metrics=metrics)
    for i in range(30):
        variants = {"control": "a", "b": "b"}
        manager.add(Experiment(f"policy::{i}", control="control", variants=variants, phase="active"))
    with metrics.serve() as endpoint:
        for i in range(30):
            for user in range(20):
                trial = manager.decide(f"{i}", {"user_id": f"secret-{user}"}, ["a", "b"])
                manager.record_trial(trial, 1.0)
        samples = scrape(endpoint.port)
    assert not any("secret" in str(labels) for _, labels in samples)
    series = {labels for name, labels in samples if name == "experiment_variant_allocations_total"}
    assert len(series) <= 21
    total = sum(value for (name, _), value in samples.items() if name == "experiment_variant_allocations_total")
    assert total == 30 * 20
