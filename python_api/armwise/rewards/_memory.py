"""Decisions that wait for rewards, in this process alone."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict

from armwise._forks import Rank, watch_forks
from armwise.errors import ConfigurationError
from armwise.protocols import Joined, JoinedReward, Pending, PendingLimits

__all__ = ["MemoryPending"]


class MemoryPending:
    """Keeps decisions until they are rewarded or their window is over; a restart forgets them.

    A fork leaves a copy to each process, and what waited may be rewarded once in each.
    """

    def __init__(self) -> None:
        # Reentrant, for a signal handler may reward what this thread is about to: each step below is one operation of a
        # dict, and what a handler does between two of them is found by the second.
        self._lock = threading.RLock()
        self._waiting: OrderedDict[tuple[str, str], Pending] = OrderedDict()
        self._rewarded: OrderedDict[tuple[str, str], JoinedReward] = OrderedDict()
        self._sequences = itertools.count(1)
        self._counts = dict.fromkeys(("applied", "duplicate", "late", "unknown", "dropped", "unsaved_dropped"), 0)
        watch_forks(self, Rank.STORE)

    def expect(self, pending: Pending, limits: PendingLimits) -> None:
        """Keep a decision; see :class:`~armwise.protocols.PendingStore`."""
        key = pending.domain, pending.decision_id
        with self._lock:
            if key in self._waiting or key in self._rewarded:
                msg = (
                    f"decision {pending.decision_id!r} of domain {pending.domain!r} is expected already;"
                    " give each decision an id of its own"
                )
                raise ConfigurationError(msg)
            self._waiting[key] = pending
            self._forget(pending.time, limits)

    def join(self, domain: str, decision_id: str, reward: float, time: int, limits: PendingLimits) -> Joined:
        """Reward a decision; see :class:`~armwise.protocols.PendingStore`."""
        key = domain, decision_id
        with self._lock:
            pending = self._waiting.get(key)
            if pending is not None and time - pending.time > limits.window:
                self._counts["late"] += 1
                return Joined("late", pending, None)
            if pending is None or self._waiting.pop(key, None) is None:
                known = self._rewarded.get(key)
                if known is None:
                    self._counts["unknown"] += 1
                    return Joined("unknown", None, None)
                self._counts["duplicate"] += 1
                return Joined("duplicate", known.pending, None)
            self._counts["applied"] += 1
            sequence = next(self._sequences)
            self._rewarded[key] = JoinedReward(sequence, pending, reward, time)
            return Joined("applied", pending, sequence)

    def unsaved(self, domain: str, sequence: int) -> list[JoinedReward]:
        """The rewards after the one of this number that are remembered still."""
        with self._lock:
            return [one for one in self._rewarded.values() if one.sequence > sequence and one.pending.domain == domain]

    def saved(self, domain: str, sequence: int) -> None:
        """Nothing to do: what is in memory goes with the process, saved or not."""

    def counts(self) -> dict[str, int]:
        """What became of decisions and rewards; see :class:`~armwise.protocols.PendingStore`."""
        with self._lock:
            return {"pending": len(self._waiting), **self._counts}

    def _forget(self, now: int, limits: PendingLimits) -> None:
        """Let go of the oldest where they are too old or too many: two for each that comes."""
        over = now - 2 * limits.window
        for _ in range(2):
            waiting = next(iter(self._waiting.values()), None)
            if waiting is not None and (waiting.time < over or len(self._waiting) > limits.capacity):
                self._waiting.popitem(last=False)
                self._counts["dropped"] += now - waiting.time <= limits.window
            rewarded = next(iter(self._rewarded.values()), None)
            if rewarded is not None and (rewarded.pending.time < over or len(self._rewarded) > limits.capacity):
                self._rewarded.popitem(last=False)

    def _before_fork(self) -> None:
        self._lock.acquire()

    def _after_fork(self, *, child: bool) -> None:
        if child:
            # The thread that forked is the only one left: a lock that another one held would never be released.
            self._lock = threading.RLock()
        else:
            self._lock.release()
