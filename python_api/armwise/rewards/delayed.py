"""Rewards that come after the request: joined to their decision by its id, once, within a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from armwise._labels import check_label, plain
from armwise._words import has_utf8, shown
from armwise.clock import nanoseconds, span
from armwise.errors import ConfigurationError
from armwise.protocols import ContextLike, Joined, JoinedReward, Pending, PendingLimits, PendingStore
from armwise.rewards._memory import MemoryPending
from armwise.rewards._numbers import number
from armwise.rewards._plain import plain_context, plain_object
from armwise.types import JSON, Label, Moment

__all__ = ["DelayedRewards"]

_DAY: Final = 86_400.0
_LONGEST: Final = 200
_CAPACITY: Final = 1 << 31


class DelayedRewards:
    """Keeps what was decided until its reward comes, and hands each decision to one reward alone.

    Parameters
    ----------
    store : PendingStore, optional
        Where decisions wait. Without one they wait in memory, and a restart forgets them; with
        :class:`armwise.stores.SQLitePending` they outlive the process, and several processes share them.
    window : float or timedelta
        How long a decision waits, in seconds; a reward that comes later is late. What is over is remembered for
        another window, so that it is not taken for unknown.
    capacity : int
        How many decisions may wait, and how many that were rewarded are remembered, in [1, 2**31]; beyond it the
        oldest go.

    Raises
    ------
    ConfigurationError
        If the window or the capacity is none of these.

    Examples
    --------
    >>> delayed = DelayedRewards(window=3600)
    >>> delayed.expect("route", "0-2a-7", "small", [1.0, 0.5])
    >>> joined = delayed.join("route", "0-2a-7", 0.9)
    >>> joined.status, joined.pending.arm, joined.pending.context
    ('applied', 'small', [1.0, 0.5])
    >>> delayed.join("route", "0-2a-7", 0.9).status
    'duplicate'
    >>> delayed.join("route", "never-decided", 0.9).status
    'unknown'
    """

    def __init__(
        self,
        store: PendingStore | None = None,
        *,
        window: float | timedelta = _DAY,
        capacity: int = 100_000,
    ) -> None:
        length = span(window, name="window")
        if isinstance(capacity, bool) or not isinstance(capacity, int) or not 1 <= capacity <= _CAPACITY:
            msg = f"capacity is {shown(capacity)}; expected a whole number in [1, 2**31]"
            raise ConfigurationError(msg)
        self._store: PendingStore = MemoryPending() if store is None else store
        self._limits = PendingLimits(length, capacity)

    @property
    def counts(self) -> dict[str, int]:
        """What became of decisions and rewards, as the store counts them: for all who share it, over restarts.

        ``pending`` is how many decisions wait, those included whose window is over and that are not yet forgotten. Of
        rewards it is how many were ``applied``, ``duplicate``, ``late`` and ``unknown``; of decisions how many were
        ``dropped`` for want of room before their window was over; and ``unsaved_dropped`` are rewards that were let go
        for want of room before a snapshot held them, so that a restart from it will miss them.

        Raises
        ------
        StoreError
            If the store cannot be read.
        """
        return dict(self._store.counts())

    def expect(  # noqa: PLR0913 - what is known of a decision
        self,
        domain: str,
        decision_id: str,
        arm: Label,
        context: ContextLike | None = None,
        *,
        now: Moment | None = None,
        experiment: str | None = None,
        variant: str | None = None,
        propensity: float | None = None,
        extra: Mapping[str, JSON] | None = None,
    ) -> None:
        """Wait for the reward of a decision.

        Parameters
        ----------
        domain, decision_id : str
            Which decision: 1 to 200 characters each.
        arm : Label
            What acts.
        context : array, sequence, mapping or None
            What the policy will learn with: real numbers, shape (dim,), or features by their names. It is copied.
        now : int, float, datetime or None
            When it was decided.
        experiment, variant : str, optional
            Where, if in an experiment.
        propensity : float, optional
            With which probability, in (0, 1].
        extra : mapping, optional
            What else is wanted back with the reward, as plain JSON. It is copied.

        Raises
        ------
        ConfigurationError
            If one is none of these, or this decision is expected or rewarded already.
        StoreError
            If the store cannot be written.
        """
        _check_id(domain, "domain")
        _check_id(decision_id, "decision_id")
        if type(arm) is not str:
            arm = plain(check_label(arm))
        pending = Pending(
            domain,
            decision_id,
            arm,
            None if context is None else plain_context(context),
            nanoseconds(now),
            _text(experiment, "experiment"),
            _text(variant, "variant"),
            None if propensity is None else number(propensity, "propensity", 0.0, 1.0, above=True),
            None if extra is None else plain_object(extra, "extra"),
        )
        self._store.expect(pending, self._limits)

    def join(self, domain: str, decision_id: str, reward: float, *, now: Moment | None = None) -> Joined:
        """Reward a decision.

        Parameters
        ----------
        domain, decision_id : str
            Which one.
        reward : float
            Finite.
        now : int, float, datetime or None
            When the reward came.

        Returns
        -------
        Joined
            Of all calls for one decision, in every thread and process that shares the store, one is "applied": what
            it returns is to be learned. The others are counted and change nothing.

        Raises
        ------
        ConfigurationError
            If the reward is no finite number, or an id no text of 1 to 200 characters.
        StoreError
            If the store cannot be read or written.
        """
        _check_id(domain, "domain")
        _check_id(decision_id, "decision_id")
        return self._store.join(domain, decision_id, number(reward, "reward"), nanoseconds(now), self._limits)

    def unsaved(self, domain: str, sequence: int = 0) -> Sequence[JoinedReward]:
        """The rewards of a domain that were applied after the one of this number, in their order.

        What a start learns again, where the snapshot that it loads holds what was applied up to `sequence`.

        Raises
        ------
        ConfigurationError
            If `sequence` is no whole number that is at least 0.
        StoreError
            If the store cannot be read.
        """
        _check_id(domain, "domain")
        return self._store.unsaved(domain, _sequence(sequence))

    def saved(self, domain: str, sequence: int) -> None:
        """Say that a snapshot holds every reward of a domain that was applied up to this number.

        No restart needs them any more. That they were rewarded is remembered until their windows are over.

        Raises
        ------
        ConfigurationError
            If `sequence` is no whole number that is at least 0.
        StoreError
            If the store cannot be written.
        """
        _check_id(domain, "domain")
        self._store.saved(domain, _sequence(sequence))


def _check_id(value: object, name: str) -> None:
    """Refuse what is no text that every store can hold.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST or not (value.isascii() or has_utf8(value)):
        msg = f"{name} is {shown(value)}; expected a text of 1 to {_LONGEST} characters, without lone surrogates"
        raise ConfigurationError(msg)


def _text(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    msg = f"{name} is {shown(value)}; expected a text, or None"
    raise ConfigurationError(msg)


def _sequence(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    msg = f"sequence is {shown(value)}; expected a whole number, at least 0"
    raise ConfigurationError(msg)
