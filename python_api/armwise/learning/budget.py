"""A budget over a period, spent evenly: what requests that run at the same time may cost together."""

from __future__ import annotations

from datetime import timedelta
from numbers import Real
from typing import ClassVar, Final, cast

from armwise._fields import COUNTS, Fields, Loaded
from armwise._forks import watch_forks
from armwise._words import shown, suspected
from armwise.clock import nanoseconds, span
from armwise.errors import BudgetExhausted, ConfigurationError, ShieldBlocked, SnapshotError
from armwise.experiments._guarded import Guarded
from armwise.types import Moment, State

__all__ = ["PacedBudget", "Reservation"]

_UNITS: Final = 10**12
"""Money is counted in whole millionths of a millionth of a dollar: sums are exact, in whatever order they come."""

_MOST_USD: Final = 1e6
_MOST_ASKED: Final = 1e15
_MOST_SPENT: Final = 1 << 100
_VERSION: Final = 1


class Reservation:
    """What a budget keeps for one act, until :meth:`PacedBudget.settle` says what it cost.

    Attributes
    ----------
    cost_usd : float
        What was reserved.
    """

    __slots__ = ("_budget", "_period", "_reserved", "_settled", "cost_usd")

    def __init__(self, budget: PacedBudget, reserved: int, period: _Period) -> None:
        self.cost_usd = reserved / _UNITS
        self._budget = budget
        self._reserved = reserved
        self._period = period
        self._settled = False

    def __repr__(self) -> str:
        return f"Reservation(cost_usd={self.cost_usd!r}{', settled' * self._settled})"


class _Period:
    """What the acts of one period cost, and what is reserved for those whose outcome has not come."""

    __slots__ = ("began", "open", "spent")

    def __init__(self, began: int | None, spent: int) -> None:
        self.began = began
        self.spent = spent
        self.open = 0


class PacedBudget(Guarded):
    r"""At most so much in each period, and not all of it at once.

    Of a period of length :math:`T` that begins when the budget is first asked, at time :math:`t` no more than

    .. math:: b + (B - b) \, t / T

    may have been spent, where :math:`B` is the total and :math:`b` what may be spent at once. Periods follow each
    other; what one of them leaves is not carried over, and what it spent beyond its total, because acts cost more
    than was reserved for them, is the next one's debt. Exactly at the limit is allowed.

    What is reserved counts as spent until its period is over, so that requests at the same time cannot overspend
    together; a debt is of what acts have cost, those that are settled later included. Threads may share a budget;
    processes have one each, and are given a share.

    Parameters
    ----------
    total_usd : float
        Of each period, in (0, 1e6].
    period : float or timedelta
        Seconds.
    burst : float, optional
        What may be spent at once when a period begins, in USD, in (0, `total_usd`]; a 24th of the total by default.
        The whole of it does without pacing.

    Raises
    ------
    ConfigurationError
        If one of them is not as stated.

    Examples
    --------
    A dollar a minute, of which ten cents at once:

    >>> budget = PacedBudget(1.0, 60, burst=0.1)
    >>> reservation = budget.reserve(0.1, now=0.0)
    >>> budget.allows(0.01, now=0.0)
    False
    >>> budget.settle(reservation, 0.04, now=2.0)
    >>> round(budget.left(now=2.0), 6), round(budget.left(now=60.0), 6)
    (0.09, 0.1)
    >>> try:
    ...     budget.reserve(0.5, now=2.0)
    ... except BudgetExhausted as error:
    ...     print(str(error).partition(";")[0])
    0.5 USD were asked for, and 0.09 are left of the budget for now
    """

    _REENTERED: ClassVar[str] = (
        "a budget was asked from within its own call, by a signal handler or a finalizer; let it set an event, and ask "
        "in the main flow; nothing was changed"
    )

    def __init__(self, total_usd: float, period: float | timedelta, *, burst: float | None = None) -> None:
        super().__init__()
        self._total = _units("total_usd", total_usd)
        if not self._total:
            msg = f"total_usd is {shown(total_usd)}; expected more than nothing"
            raise ConfigurationError(msg)
        self._period = span(period, name="period")
        self._burst = max(1, self._total // 24) if burst is None else _units("burst", burst)
        if not 0 < self._burst <= self._total:
            msg = (
                f"burst is {shown(burst)} of a total of {shown(total_usd)} USD; expected what may be spent at once, "
                "more than zero and at most the total"
            )
            raise ConfigurationError(msg)
        self._current = _Period(None, 0)
        self._latest = 0
        watch_forks(self)

    def allows(self, cost_usd: float, now: Moment | None = None) -> bool:
        """Whether a cost could be reserved now; nothing is reserved.

        Parameters
        ----------
        cost_usd : float
            In [0, 1e15].
        now : int, float, datetime or None
            As of :func:`armwise.clock.nanoseconds`. A moment before the latest one counts as that one.

        Raises
        ------
        ConfigurationError
            If an argument is not as stated.
        """
        cost, moment = _units("cost_usd", cost_usd, _MOST_ASKED), nanoseconds(now)
        with self._locked():
            self._begin(moment)
            return cost <= self._left(moment)

    def affords(self, cost_usd: float) -> bool:
        """Whether a cost is ever within this budget, however long one waits.

        Parameters
        ----------
        cost_usd : float
            In [0, 1e15].

        Raises
        ------
        ConfigurationError
            If it is not.
        """
        # A period's last nanosecond has the most, where nothing was spent.
        most = self._burst + (self._total - self._burst) * (self._period - 1) // self._period
        return _units("cost_usd", cost_usd, _MOST_ASKED) <= most

    def left(self, now: Moment | None = None) -> float:
        """What could be reserved now, in USD; below zero where acts cost more than was reserved for them.

        Raises
        ------
        ConfigurationError
            If `now` is no moment.
        """
        moment = nanoseconds(now)
        with self._locked():
            self._begin(moment)
            return self._left(moment) / _UNITS

    def reserve(self, cost_usd: float, now: Moment | None = None) -> Reservation:
        """Keep a cost for an act that is about to run.

        Parameters
        ----------
        cost_usd : float
            What it is estimated to cost, in [0, 1e15].
        now : int, float, datetime or None
            As of :meth:`allows`.

        Returns
        -------
        Reservation
            For :meth:`settle`.

        Raises
        ------
        BudgetExhausted
            If it is not left now; the error says when it will be.
        ShieldBlocked
            If it is never within this budget.
        ConfigurationError
            If an argument is not as stated.
        """
        cost, moment = _units("cost_usd", cost_usd, _MOST_ASKED), nanoseconds(now)
        with self._locked():
            self._begin(moment)
            left = self._left(moment)
            if cost > left:
                raise self._refusal(cost, left, moment)
            self._advance(moment)
            self._current.open += cost
            return Reservation(self, cost, self._current)

    def settle(self, reservation: Reservation, cost_usd: float | None = None, now: Moment | None = None) -> None:
        """Put what an act cost in the place of what was reserved for it.

        Parameters
        ----------
        reservation : Reservation
            What :meth:`reserve` of this budget gave, settled once.
        cost_usd : float, optional
            What it cost, in [0, 1e6], which may be more than was reserved; 0 of an act that never ran. Of an act whose
            cost nobody knows, what was reserved stays spent.
        now : int, float, datetime or None
            As of :meth:`allows`.

        Raises
        ------
        ConfigurationError
            If the reservation is of another budget or settled already, or another argument is not as stated.
        """
        if not isinstance(reservation, Reservation) or reservation._budget is not self:  # noqa: SLF001
            msg = f"the reservation is {shown(reservation)}; expected one that this budget gave"
            raise ConfigurationError(msg)
        cost = reservation._reserved if cost_usd is None else _units("cost_usd", cost_usd)  # noqa: SLF001
        moment = nanoseconds(now)
        with self._locked():
            if reservation._settled:  # noqa: SLF001
                msg = f"{reservation!r} already; an act is paid for once"
                raise ConfigurationError(msg)
            reservation._settled = True  # noqa: SLF001
            self._advance(moment)
            period = reservation._period  # noqa: SLF001
            debt = max(0, period.spent - self._total)
            period.spent += cost
            period.open -= reservation._reserved  # noqa: SLF001
            if period is not self._current:
                self._current.spent += max(0, period.spent - self._total) - debt

    def state_dict(self) -> State:
        """What was spent and when, as plain JSON; the terms are those of who loads it.

        What is reserved is spent to who loads it: its outcome does not come there.
        """
        with self._locked():
            current = self._current
            spent = current.spent + current.open
            return {"version": _VERSION, "began": current.began, "latest": self._latest, "spent": spent}

    def load_state(self, state: Loaded) -> None:
        """Go on from what was spent when the state was taken.

        Raises
        ------
        SnapshotError
            If anything in it is missing or cannot be. The budget is unchanged then.
        """
        with suspected():
            fields = Fields(state, "budget")
            fields.version(_VERSION)
            latest = fields.whole("latest", 0, COUNTS)
            spent = fields.whole("spent", 0, _MOST_SPENT)
            if "began" not in state:
                msg = "budget['began'] is missing, the state is truncated; nothing was changed"
                raise SnapshotError(msg)
            began = fields.whole("began", 0, latest) if fields.says("began") else None
        with self._locked():
            self._current, self._latest = _Period(began, spent), latest

    def _begin(self, moment: int) -> None:
        """Let the first period begin, if nobody has asked before: a question that is refused makes time count."""
        if self._current.began is None:
            self._current.began = self._latest = max(moment, self._latest)

    def _standing(self, moment: int) -> tuple[int, int, int, int]:
        """How many periods have ended at a moment, for how long the present one runs, and what is spent and open."""
        current = self._current
        began = self._latest if current.began is None else current.began
        periods, elapsed = divmod(max(moment, self._latest) - began, self._period)
        if not periods:
            return 0, elapsed, current.spent, current.open
        return periods, elapsed, max(0, current.spent - periods * self._total), 0

    def _left(self, moment: int) -> int:
        _, elapsed, spent, opened = self._standing(moment)
        return self._burst + (self._total - self._burst) * elapsed // self._period - spent - opened

    def _advance(self, moment: int) -> None:
        self._begin(moment)
        periods, elapsed, spent, _ = self._standing(moment)
        self._latest = max(self._latest, moment)
        if periods:
            self._current = _Period(self._latest - elapsed, spent)

    def _refusal(self, cost: int, left: int, moment: int) -> ShieldBlocked:
        asked = f"{cost / _UNITS:g} USD were asked for"
        if cost > self._total:
            return ShieldBlocked(
                f"{asked}, never within this budget: more than the {self._total / _UNITS:g} of a whole period; "
                "raise the budget, or offer a cheaper candidate"
            )
        wait = self._wait(cost, moment)
        if wait is None:
            return ShieldBlocked(
                f"{asked}, never within this budget: more than the pacing leaves at any time; raise the burst or the "
                "budget, or offer a cheaper candidate"
            )
        return BudgetExhausted(
            f"{asked}, and {max(0, left) / _UNITS:g} are left of the budget for now; nothing acted; "
            f"try again in {wait / 1e9:.3g} s, or with a cheaper candidate"
        )

    def _wait(self, cost: int, moment: int) -> int | None:
        """In how many nanoseconds a cost that is refused now will be left; None where it never will."""
        _, elapsed, spent, opened = self._standing(moment)
        periods = max(1, -(-(spent + cost - self._total) // self._total))
        for later in (0, periods, periods + 1):
            owed = max(0, spent - later * self._total) + cost + opened * (not later)
            paced = max(0, -(-(owed - self._burst) * self._period // max(1, self._total - self._burst)))
            if paced < self._period:
                return later * self._period + paced - elapsed
        return None

    def _renew(self) -> None:
        """A forked process goes on from what its parent had spent."""


def _units(name: str, usd: object, most: float = _MOST_USD) -> int:
    """An amount of money as whole units; decimals below 9,000 USD come out exact."""
    if isinstance(usd, Real) and not isinstance(usd, bool) and 0.0 <= cast("float", usd) <= most:
        return round(float(usd) * _UNITS)
    msg = f"{name} is {shown(usd)}; expected an amount of USD in [0, {most:,.0f}]"
    raise ConfigurationError(msg)
