"""What requests of a domain cost and how long they take, as sliding means."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import ClassVar, Final, TypedDict, cast

from armwise._forks import watch_forks
from armwise._labels import check_label
from armwise._words import shown
from armwise.errors import ConfigurationError, ReentrantCall
from armwise.experiments._guarded import Guarded
from armwise.learning._domain_names import check_domain
from armwise.learning._window import Window
from armwise.types import Label

__all__ = ["FeatureStore", "Features", "amount"]

_LARGEST: Final = 1e15
_LONGEST: Final = 100_000
_ARMS: Final = 10_000


class Features(TypedDict):
    """The numbers of one request.

    Attributes
    ----------
    input_tokens, output_tokens : float
        As the context says; 0 where it does not.
    avg_cost_usd, avg_latency_ms : float
        Means of the domain's latest requests, of all arms; 0 before the first.
    """

    input_tokens: float
    output_tokens: float
    avg_cost_usd: float
    avg_latency_ms: float


class _Domain:
    """The windows of a domain: of all its requests, and of each arm's."""

    __slots__ = ("arms", "every")

    def __init__(self, length: int) -> None:
        self.every = Window(length)
        self.arms: dict[Label, Window] = {}


class FeatureStore(Guarded):
    """Sliding means of cost and latency: of each domain, and of each of its arms.

    Threads may share it. Where a domain has more than 10,000 arms, the one that came first is forgotten.

    Parameters
    ----------
    window : int
        Over how many of the latest requests a mean goes, in [1, 100,000].

    Raises
    ------
    ConfigurationError
        If `window` is not such a number.

    Examples
    --------
    >>> features = FeatureStore()
    >>> features.observe("route", "small", cost_usd=0.25, latency_ms=100)
    >>> features.observe("route", "large", cost_usd=0.75, latency_ms=500)
    >>> features.featurize("route", {"input_tokens": 120})
    {'input_tokens': 120.0, 'output_tokens': 0.0, 'avg_cost_usd': 0.5, 'avg_latency_ms': 300.0}
    >>> features.estimate("route", "small")
    (0.25, 100.0)
    >>> features.estimate("route", "huge") is None
    True
    """

    _REENTERED: ClassVar[str] = (
        "features were asked for from within an observation, by a signal handler or a finalizer; let it set an event, "
        "and observe in the main flow; nothing was changed"
    )

    def __init__(self, window: int = 100) -> None:
        super().__init__()
        if not isinstance(window, int) or isinstance(window, bool) or not 1 <= window <= _LONGEST:
            msg = f"window is {shown(window)}; expected a whole number of requests in [1, {_LONGEST:,}]"
            raise ConfigurationError(msg)
        self._length = window
        self._domains: dict[str, _Domain] = {}
        watch_forks(self)

    def observe(self, domain: str, arm: Label, cost_usd: float, latency_ms: float) -> None:
        """Take in what one request cost and how long it took.

        Parameters
        ----------
        domain : str
            Where.
        arm : str, int or float
            What acted.
        cost_usd, latency_ms : float
            In [0, 1e15].

        Raises
        ------
        ConfigurationError
            If an argument is not as stated; nothing is counted then.
        """
        # What is a float in its range and what was seen before needs no further check.
        if not (type(cost_usd) is float and 0.0 <= cost_usd <= _LARGEST):
            cost_usd = amount("cost_usd", cost_usd)
        if not (type(latency_ms) is float and 0.0 <= latency_ms <= _LARGEST):
            latency_ms = amount("latency_ms", latency_ms)
        if type(arm) is not str:
            check_label(arm)
        with self._lock:
            if self._busy:
                raise ReentrantCall(self._REENTERED)
            self._busy = True
            try:
                try:
                    windows = self._domains[domain]
                    of_arm = windows.arms[arm]
                except (KeyError, TypeError):
                    windows, of_arm = self._made(domain, arm)
                windows.every.push(cost_usd, latency_ms)
                of_arm.push(cost_usd, latency_ms)
            finally:
                self._busy = False

    def featurize(self, domain: str, context: object = None) -> Features:
        """The numbers of a request.

        Parameters
        ----------
        domain : str
            Where; one that nothing was observed in has means of 0.
        context : mapping, optional
            Where it holds ``input_tokens`` or ``output_tokens``, these are numbers in [0, 1e15]. What is no mapping
            says nothing of tokens.

        Raises
        ------
        ConfigurationError
            If one of them is no such number, or no domain can be called so.
        """
        read = written = 0.0
        # An abstract class is asked only of what is no plain one: it takes longer than all the rest.
        if context is not None and (type(context) is dict or isinstance(context, Mapping)):
            if "input_tokens" in context:
                read = amount("input_tokens", context["input_tokens"])
            if "output_tokens" in context:
                written = amount("output_tokens", context["output_tokens"])
        try:
            windows = self._domains[domain]
        except (KeyError, TypeError):
            check_domain(domain)
            cost = latency = 0.0
        else:
            with self._lock:
                if self._busy:
                    raise ReentrantCall(self._REENTERED)
                cost, latency = windows.every.means()
        return {"input_tokens": read, "output_tokens": written, "avg_cost_usd": cost, "avg_latency_ms": latency}

    def estimate(self, domain: str, arm: Label) -> tuple[float, float] | None:
        """What an arm's request may cost and how long it may take: the means of its latest, in USD and milliseconds.

        Returns
        -------
        tuple of float, or None
            None where nothing was observed of the arm.

        Raises
        ------
        ConfigurationError
            If `arm` is no label, or no domain can be called so.
        """
        if type(arm) is not str:
            check_label(arm)
        try:
            window = self._domains[domain].arms[arm]
        except (KeyError, TypeError):
            check_domain(domain)
            return None
        with self._lock:
            if self._busy:
                raise ReentrantCall(self._REENTERED)
            return window.means()

    def reset(self) -> None:
        """Forget every observation."""
        with self._locked():
            self._domains = {}

    def _made(self, domain: str, arm: Label) -> tuple[_Domain, Window]:
        """The windows of a domain and of an arm, made where there are none."""
        check_domain(domain)
        check_label(arm)  # subclasses of str are labels, but may not hash as one
        windows = self._domains.setdefault(domain, _Domain(self._length))
        if arm not in windows.arms and len(windows.arms) >= _ARMS:
            del windows.arms[next(iter(windows.arms))]
        return windows, windows.arms.setdefault(arm, Window(self._length))

    def _renew(self) -> None:
        """A forked process goes on from what its parent had seen."""


def amount(name: str, value: object) -> float:
    """Return a number in [0, 1e15] as Python's own float.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if type(value) is float or type(value) is int or (isinstance(value, Real) and not isinstance(value, bool)):
        number = cast("float", value)
        # Compared before it is converted: an integer of 5,000 digits is no float.
        if 0.0 <= number <= _LARGEST:
            return float(number)
    msg = f"{name} is {shown(value)}; expected a number in [0, {_LARGEST:g}]"
    raise ConfigurationError(msg)
