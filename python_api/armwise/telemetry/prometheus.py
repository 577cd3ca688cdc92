"""What experiments do, for Prometheus.

Labels are names of tenants, workspaces, experiments and variants: never a user, a key or an item. Even so a program
may make up ids as it goes, and every label set is kept for the life of the process, here and in Prometheus. So their
number has a bound, and what comes after is counted together as ``other``; so is what has no UTF-8, which no page could
be written with. Ids that no experiment has are bounded apart: they take no place from those that run.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from importlib import resources
from types import TracebackType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from armwise._words import has_utf8, shown
from armwise.errors import ConfigurationError, MissingExtra, StoreError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

__all__ = ["Endpoint", "PrometheusMetrics", "alert_rules", "dashboard"]

_LABELS: Final = ("tenant", "workspace", "experiment_id", "variant")
_OTHER: Final = "other"
_UNKNOWN: Final = "unknown"
_PHASES: Final = {"shadow": 0, "active": 1, "stopped": 2}
# Rewards are in [0, 1] for Beta policies, and anything for others. A histogram with a bucket below zero has no sum
# (OpenMetrics 1.0), and the sum is what a mean is made of: rewards below zero share the first bucket.
_BUCKETS: Final = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 10, 100)


class _Series(NamedTuple):
    allocations: Counter
    rewards: Counter
    value: Histogram
    regret: Counter
    errors: Counter


class PrometheusMetrics:
    """Counts allocations, rewards, regret and phases of experiments, and serves them at ``/metrics``.

    ============================================  =========  ====================================================
    name                                          kind       what
    ============================================  =========  ====================================================
    ``experiment_variant_allocations_total``      counter    variants handed out, control in the shadow
    ``experiment_rewards_total``                  counter    rewards recorded
    ``experiment_reward_value``                   histogram  their values
    ``experiment_regret_total``                   counter    what rewards fell short of the baseline's mean
    ``experiment_phase_status``                   gauge      0 shadow, 1 active, 2 stopped
    ``active_bandit_policy``                      gauge      1 for variants whose output is served, else 0
    ``experiment_rewards_ignored_total``          counter    rewards not recorded, by reason
    ``experiment_variant_errors_total``           counter    policies that raised where something else served
    ============================================  =========  ====================================================

    All have the labels tenant, workspace and experiment_id, the phase no other, ignored rewards a reason, and the rest
    a variant. They are of this process: what was loaded or merged from others is theirs to export.

    Parameters
    ----------
    registry : prometheus_client.CollectorRegistry, optional
        Where they are registered; a registry of their own without it.
    max_series : int
        How many pairs of experiment and variant, as many of experiment and reason, and as many ids that no experiment
        has, have labels of their own, at least 1. The rest has ``other`` for every label, and no phase.

    Attributes
    ----------
    registry : prometheus_client.CollectorRegistry
        Where they are registered.

    Raises
    ------
    MissingExtra
        If prometheus_client is not installed.
    ConfigurationError
        If an argument is not as described, or the registry has metrics of these names already.

    Examples
    --------
    >>> metrics = PrometheusMetrics()
    >>> metrics.rewarded("default", "main", "ranking", "bold", 0.5, 0.25)
    >>> labels = {"tenant": "default", "workspace": "main", "experiment_id": "ranking", "variant": "bold"}
    >>> metrics.registry.get_sample_value("experiment_regret_total", labels)
    0.25
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, max_series: int = 1000) -> None:
        try:
            import prometheus_client as prometheus  # noqa: PLC0415  # optional
        except ImportError as error:
            msg = "Prometheus metrics need prometheus_client; install it: pip install 'armwise[metrics]'"
            raise MissingExtra(msg) from error
        if not isinstance(max_series, int) or isinstance(max_series, bool) or max_series < 1:
            msg = f"max_series is {shown(max_series)}; expected a whole number, at least 1"
            raise ConfigurationError(msg)
        self.registry = prometheus.CollectorRegistry() if registry is None else registry
        self._most = max_series
        self._lock = threading.Lock()
        self._series: dict[tuple[str, ...], _Series] = {}
        self._reasons: dict[tuple[str, ...], Counter] = {}
        self._strays: dict[tuple[str, ...], Counter] = {}
        counter = partial(prometheus.Counter, registry=self.registry)
        gauge = partial(prometheus.Gauge, registry=self.registry)
        histogram = partial(prometheus.Histogram, registry=self.registry, buckets=_BUCKETS)
        short = "What rewards fell short of the baseline's mean, where they did."
        raised = "Policies of variants that raised where something else served, or where they were to learn."
        place, reasons = _LABELS[:3], (*_LABELS[:3], "reason")
        try:
            self._allocations = counter(
                "experiment_variant_allocations_total", "Variants handed out; control in the shadow.", _LABELS
            )
            self._rewards = counter("experiment_rewards_total", "Rewards recorded.", _LABELS)
            self._value = histogram("experiment_reward_value", "Values of the rewards.", _LABELS)
            self._regret = counter("experiment_regret_total", short, _LABELS)
            self._phase = gauge("experiment_phase_status", "0 in the shadow, 1 active, 2 stopped.", place)
            self._acting = gauge("active_bandit_policy", "1 where the variant's output is served.", _LABELS)
            self._ignored = counter("experiment_rewards_ignored_total", "Rewards not recorded, by reason.", reasons)
            self._errors = counter("experiment_variant_errors_total", raised, _LABELS)
        except ValueError as error:
            msg = f"the registry has metrics of these names already ({error}); share one PrometheusMetrics"
            raise ConfigurationError(msg) from error

    def allocated(self, tenant: str, workspace: str, experiment_id: str, variant: str) -> None:
        """Count a variant that was handed out."""
        self._of(tenant, workspace, experiment_id, variant).allocations.inc()

    def rewarded(
        self, tenant: str, workspace: str, experiment_id: str, variant: str, reward: float, regret: float
    ) -> None:
        """Count a reward and its regret, at least 0."""
        series = self._of(tenant, workspace, experiment_id, variant)
        series.rewards.inc()
        series.value.observe(reward)
        series.regret.inc(regret)

    def phase(self, tenant: str, workspace: str, experiment_id: str, phase: str, acting: Mapping[str, bool]) -> None:
        """Show the phase of an experiment, and which of its variants act."""
        known = [name for name in acting if self._admitted(self._series, (tenant, workspace, experiment_id, name))]
        for name in known:
            self._of(tenant, workspace, experiment_id, name)
            self._acting.labels(tenant, workspace, experiment_id, name).set(acting[name])
        if known:
            self._phase.labels(tenant, workspace, experiment_id).set(_PHASES[phase])

    def ignored(self, tenant: str, workspace: str, experiment_id: str, reason: str) -> None:
        """Count a reward that was not recorded."""
        held = self._strays if reason == _UNKNOWN else self._reasons
        key = (tenant, workspace, experiment_id, reason)
        counter = held.get(key)
        if counter is None:
            with self._lock:
                key = key if self._admitted(held, key) else (_OTHER,) * 4
                counter = held.setdefault(key, self._ignored.labels(*key))
        counter.inc()

    def failed(self, tenant: str, workspace: str, experiment_id: str, variant: str) -> None:
        """Count a policy that raised where something else served, or where it was to learn."""
        self._of(tenant, workspace, experiment_id, variant).errors.inc()

    def serve(self, port: int = 0, address: str = "127.0.0.1") -> Endpoint:
        """Serve ``/metrics`` over HTTP in a thread of its own, until the endpoint is closed.

        Parameters
        ----------
        port : int
            0 takes a free one, which the endpoint names.
        address : str
            Which interface; by default only this machine can ask.

        Raises
        ------
        StoreError
            If the port cannot be had.
        """
        from prometheus_client import start_http_server  # noqa: PLC0415  # optional

        try:
            server, thread = start_http_server(port, address, self.registry)
        except OSError as error:
            msg = f"cannot serve metrics at {address}:{port} ({error.strerror or error}); choose another port"
            raise StoreError(msg) from error
        return Endpoint(server, thread)

    def _of(self, *key: str) -> _Series:
        series = self._series.get(key)
        if series is None:
            with self._lock:
                key = key if self._admitted(self._series, key) else (_OTHER,) * 4
                made = self._series.get(key)
                series = made or _Series(
                    self._allocations.labels(*key),
                    self._rewards.labels(*key),
                    self._value.labels(*key),
                    self._regret.labels(*key),
                    self._errors.labels(*key),
                )
                self._series[key] = series
        return series

    def _admitted(self, held: Mapping[tuple[str, ...], object], key: tuple[str, ...]) -> bool:
        """Whether a label set has, or gets, a place of its own."""
        return key in held or (len(held) < self._most and all(map(has_utf8, key)))


class Endpoint:
    """A ``/metrics`` that is being served.

    Attributes
    ----------
    port : int
        Where it listens.
    """

    def __init__(self, server: Server, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread
        self.port: int = server.server_port

    def close(self) -> None:
        """Serve no more, and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer as Server


def dashboard() -> str:
    """The Grafana dashboard of experiments, as JSON to import.

    Examples
    --------
    >>> import json
    >>> json.loads(dashboard())["title"]
    'armwise experiments'
    """
    return _read("experiments.json")


def alert_rules() -> str:
    """The alert rules of experiments, as YAML for Prometheus's ``rule_files``.

    Examples
    --------
    >>> alert_rules().splitlines()[0]
    'groups:'
    """
    return _read("experiment_alerts.yaml")


def _read(name: str) -> str:
    return (resources.files("armwise.telemetry") / "dashboards" / name).read_text(encoding="utf-8")
