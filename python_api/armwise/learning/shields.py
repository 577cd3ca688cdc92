"""Shields: what a request may cost and how long it may take, asked before anything acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from armwise._labels import check_labels
from armwise._words import shown
from armwise.errors import BudgetExhausted, ConfigurationError, ShieldBlocked
from armwise.learning.budget import PacedBudget, Reservation
from armwise.learning.features import amount
from armwise.protocols import ContextLike
from armwise.types import Label, Moment

__all__ = ["Estimate", "Observed", "Reason", "Shields"]

Estimate: TypeAlias = Callable[[Label, ContextLike | None], "tuple[float, float] | None"]
"""What an arm would cost in a context, in USD, and how long it would take, in milliseconds; None if nobody knows."""

Observed: TypeAlias = Callable[[str, Label], "tuple[float, float] | None"]
"""What an arm of a domain cost and took of late, as :meth:`FeatureStore.estimate` says it."""

Reason: TypeAlias = Literal["budget_exceeded", "latency_exceeded"]
"""Why a request is blocked."""

_NAMED: Final = 6


class Shields:
    """Limits of cost and latency for each request, and a budget for all of them together.

    Exactly at a limit is allowed. An arm of which nobody knows what it costs passes, or nothing new could ever be
    tried; what it costs counts from its first outcome on. With a budget of which nothing is left it does not pass. What
    a budget never affords is blocked as ``budget_exceeded``.

    Parameters
    ----------
    budget_usd : float, optional
        What one request may cost, in [0, 1e15].
    latency_ms : float, optional
        How long one may take, in [0, 1e15].
    estimate : callable, optional
        ``estimate(arm, context)`` gives the expected ``(cost_usd, latency_ms)`` of an arm, or None. By default the
        sliding means that the engine has observed of it.
    budget : PacedBudget, optional
        What requests may cost together over a period.

    Raises
    ------
    ConfigurationError
        If one of them is not as stated.

    Examples
    --------
    >>> prices = {"small": (0.001, 200.0), "large": (0.02, 900.0)}
    >>> shields = Shields(budget_usd=0.01, latency_ms=1000, estimate=lambda arm, context: prices.get(arm))
    >>> shields.check(0.02, 900), shields.check(0.01, 1000)
    ('budget_exceeded', None)
    >>> shields.filter("route", ["small", "large", "new"])
    ['small', 'new']
    >>> try:
    ...     shields.filter("route", ["large"])
    ... except ShieldBlocked as error:
    ...     print(str(error).partition(";")[0])
    no candidate of 'route' is within the limits: 'large' budget_exceeded (0.02 USD, 900 ms)
    """

    __slots__ = ("_budget", "_budget_usd", "_estimate", "_latency_ms")

    def __init__(
        self,
        budget_usd: float | None = None,
        latency_ms: float | None = None,
        *,
        estimate: Estimate | None = None,
        budget: PacedBudget | None = None,
    ) -> None:
        if estimate is not None and not callable(estimate):
            msg = f"estimate is {shown(estimate)}; expected a function of an arm and a context"
            raise ConfigurationError(msg)
        if budget is not None and not isinstance(budget, PacedBudget):
            msg = f"budget is {shown(budget)}; expected a PacedBudget; the limit of one request is budget_usd"
            raise ConfigurationError(msg)
        self._budget_usd = None if budget_usd is None else amount("budget_usd", budget_usd)
        self._latency_ms = None if latency_ms is None else amount("latency_ms", latency_ms)
        self._estimate = estimate
        self._budget = budget

    @property
    def budget(self) -> PacedBudget | None:
        """The budget of all requests together."""
        return self._budget

    def check(self, cost_usd: float, latency_ms: float) -> Reason | None:
        """Why a request of this cost and latency is blocked; None where it is not. The cost is looked at first.

        Raises
        ------
        ConfigurationError
            If one of them is no number in [0, 1e15].
        """
        cost, latency = amount("cost_usd", cost_usd), amount("latency_ms", latency_ms)
        if self._budget_usd is not None and cost > self._budget_usd:
            return "budget_exceeded"
        if self._latency_ms is not None and latency > self._latency_ms:
            return "latency_exceeded"
        return None

    def filter(
        self,
        domain: str,
        candidates: Sequence[Label],
        context: ContextLike | None = None,
        observed: Observed | None = None,
        now: Moment | None = None,
    ) -> list[Label]:
        """The candidates that may act, in their order.

        Parameters
        ----------
        domain : str
            Where, for the error.
        candidates : sequence of labels
            What could act.
        context : optional
            What the estimate is told of the request.
        observed : callable, optional
            Asked where these shields have no estimate of their own: ``engine.features.estimate``.
        now : int, float, datetime or None
            For the budget, as of :meth:`PacedBudget.allows`.

        Returns
        -------
        list of labels
            At least one.

        Raises
        ------
        ShieldBlocked
            If none may act; the error names the candidates and the reasons.
        BudgetExhausted
            If one could act if more were left of the budget.
        ConfigurationError
            If there is no candidate, or an estimate is neither None nor two numbers in [0, 1e15].
        """
        passed: list[Label] = []
        blocked: list[str] = []
        waits = False
        for arm in check_labels(candidates, "candidates"):
            known = self._known(domain, arm, context, observed)
            reason: str | None = None if known is None else self._blocked(*known)
            if reason is None and not self._affords(known, now):
                reason, waits = "budget_exhausted", True
            if reason is None:
                passed.append(arm)
            else:
                blocked.append(f"{shown(arm)} {reason} ({_figures(known)})")
        if passed:
            return passed
        named = ", ".join(blocked[:_NAMED]) + ", ..." * (len(blocked) > _NAMED)
        advice = "wait for the budget" if waits else "raise the limits"
        msg = f"no candidate of {shown(domain)} is within the limits: {named}; {advice}, or offer a cheaper one"
        raise (BudgetExhausted if waits else ShieldBlocked)(msg)

    def reserve(
        self,
        domain: str,
        arm: Label,
        context: ContextLike | None = None,
        observed: Observed | None = None,
        now: Moment | None = None,
    ) -> Reservation | None:
        """Keep what an arm is expected to cost, before it acts; nothing where its cost is not known.

        Parameters are those of :meth:`filter`. Settle what it returns by ``shields.budget.settle``.

        Returns
        -------
        Reservation or None
            None where there is no budget for all requests together.

        Raises
        ------
        BudgetExhausted
            If other requests took, since these candidates were filtered, what this one needs.
        ConfigurationError
            If an estimate is neither None nor two numbers in [0, 1e15].
        """
        if self._budget is None:
            return None
        known = self._known(domain, arm, context, observed)
        return self._budget.reserve(0.0 if known is None else known[0], now)

    def _known(
        self, domain: str, arm: Label, context: ContextLike | None, observed: Observed | None
    ) -> tuple[float, float] | None:
        if self._estimate is not None:
            found = self._estimate(arm, context)
        else:
            found = None if observed is None else observed(domain, arm)
        if found is None:
            return None
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            msg = f"the estimate of {shown(arm)} is {shown(found)}; expected (cost_usd, latency_ms), or None"
            raise ConfigurationError(msg)
        cost, latency = found
        return amount(f"the estimated cost of {shown(arm)}", cost), amount(
            f"the estimated latency of {shown(arm)}", latency
        )

    def _blocked(self, cost: float, latency: float) -> Reason | None:
        """Why an arm is blocked whatever the time: what the budget never affords exceeds it."""
        reason = self.check(cost, latency)
        if reason is None and self._budget is not None and not self._budget.affords(cost):
            return "budget_exceeded"
        return reason

    def _affords(self, known: tuple[float, float] | None, now: Moment | None) -> bool:
        if self._budget is None:
            return True
        return self._budget.left(now) > 0.0 if known is None else self._budget.allows(known[0], now)


def _figures(known: tuple[float, float] | None) -> str:
    return "cost not known" if known is None else f"{known[0]:g} USD, {known[1]:g} ms"
