"""Plans as arms: a plan is a sequence of tools, and what comes of it is what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from armwise._labels import check_label
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.learning.features import amount
from armwise.learning.loop import Acted
from armwise.learning.shields import Estimate
from armwise.protocols import ContextLike
from armwise.types import Label

__all__ = ["ToolRun", "plan_estimate", "plan_outcome"]

_Plan = TypeVar("_Plan", bound=Label)


class ToolRun(NamedTuple):
    """One tool of a plan, after it ran.

    Attributes
    ----------
    cost_usd, latency_ms : float
        What it cost and how long it took, in [0, 1e15]; a tool that fails costs and takes time too.
    quality : float
        How good what it returned is, in [0, 1]; 0 where it failed.
    """

    cost_usd: float
    latency_ms: float
    quality: float = 1.0


def plan_outcome(runs: Iterable[ToolRun]) -> Acted:
    """What came of a plan, as :func:`armwise.learning.learn` takes it of an act.

    Cost and latency of the tools add up. The quality is that of the last tool, which gives the answer; it is 0 where
    any of them failed.

    Parameters
    ----------
    runs : iterable of ToolRun
        One for each tool, in the order of the plan. Nothing more is asked of it once a tool has failed: where it is a
        generator, the tools behind that one do not run.

    Returns
    -------
    tuple of dict, dict
        The outcome, ``{"cost_usd": ..., "latency_ms": ...}``, and the signals, ``{"quality": ...}``.

    Raises
    ------
    ConfigurationError
        If there is no run, or one is no ToolRun or holds a number out of its range.

    Examples
    --------
    >>> plan_outcome([ToolRun(0.01, 200.0), ToolRun(0.02, 300.0, quality=0.75)])
    ({'cost_usd': 0.03, 'latency_ms': 500.0}, {'quality': 0.75})
    >>> plan_outcome([ToolRun(0.01, 200.0, quality=0.0), ToolRun(0.02, 300.0)])
    ({'cost_usd': 0.01, 'latency_ms': 200.0}, {'quality': 0.0})
    """
    cost = latency = 0.0
    quality: float | None = None
    for run in _iterated(runs):
        if not isinstance(run, ToolRun):
            msg = f"the plan's runs hold {shown(run)}; expected a ToolRun for each tool"
            raise ConfigurationError(msg)
        cost += amount("cost_usd", run.cost_usd)
        latency += amount("latency_ms", run.latency_ms)
        quality = amount("quality", run.quality)
        if quality > 1.0:
            msg = f"quality is {shown(run.quality)}; expected a number in [0, 1], 0 where the tool failed"
            raise ConfigurationError(msg)
        if quality == 0.0:
            break
    if quality is None:
        msg = "the plan has no runs; expected a ToolRun for each tool, at least one"
        raise ConfigurationError(msg)
    return {"cost_usd": cost, "latency_ms": latency}, {"quality": quality}


def plan_estimate(
    plans: Mapping[_Plan, Sequence[str]], observed: Callable[[str], tuple[float, float] | None]
) -> Estimate:
    """The estimate that :class:`armwise.learning.Shields` asks about plans: their tools' costs and latencies, added up.

    So a plan that was never tried is blocked where its tools, seen in other plans, are too dear or too slow. A tool
    of which nothing is known counts as nothing: what is known of the others may be over the limit already.

    Parameters
    ----------
    plans : mapping of label to sequence of str
        The tools of each plan, in any order; one that runs twice is named twice. It is copied.
    observed : callable
        ``observed(tool)`` gives the expected ``(cost_usd, latency_ms)`` of a tool, or None:
        :meth:`armwise.learning.FeatureStore.estimate` where tools are observed as arms of a domain.

    Returns
    -------
    callable
        ``estimate(plan, context)``: the sums, or None where nothing is known of any tool, or of the plan.

    Raises
    ------
    ConfigurationError
        If `plans` maps no labels to tools, a plan has none, or `observed` cannot be called.

    Examples
    --------
    >>> known = {"search": (0.01, 200.0), "read": (0.02, 300.0)}
    >>> estimate = plan_estimate({"fast": ["search"], "careful": ["search", "read", "verify"]}, known.get)
    >>> estimate("fast", None), estimate("careful", None)
    ((0.01, 200.0), (0.03, 500.0))
    """
    tools = _copied(plans)
    if not callable(observed):
        msg = f"observed is {shown(observed)}; expected a function of a tool"
        raise ConfigurationError(msg)

    def estimate(plan: Label, context: ContextLike | None) -> tuple[float, float] | None:
        del context
        known = [found for tool in tools.get(plan, ()) if (found := observed(tool)) is not None]
        if not known:
            return None
        return sum(cost for cost, _ in known), sum(latency for _, latency in known)

    return estimate


def _iterated(runs: object) -> Iterable[object]:
    if not isinstance(runs, Iterable) or isinstance(runs, ToolRun):
        msg = f"the plan's runs are {shown(runs)}; expected a ToolRun for each tool"
        raise ConfigurationError(msg)
    return runs


def _copied(plans: object) -> dict[Label, tuple[str, ...]]:
    """The tools of each plan, checked."""
    if not isinstance(plans, Mapping) or not plans:
        msg = f"plans is {shown(plans)}; expected a mapping of each plan to its tools"
        raise ConfigurationError(msg)
    copied: dict[Label, tuple[str, ...]] = {}
    for plan, tools in plans.items():
        label = check_label(plan, "plan")
        # A word is a sequence of its letters, and each of these a word.
        listed = isinstance(tools, Sequence) and not isinstance(tools, (str, bytes))
        if not listed or not tools or not all(isinstance(tool, str) and tool for tool in tools):
            msg = f"the tools of plan {shown(plan)} are {shown(tools)}; expected their names, a list of at least one"
            raise ConfigurationError(msg)
        copied[label] = tuple(tools)
    return copied
