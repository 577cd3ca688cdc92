"""A posterior lent to cores: who may touch its arrays when, across threads and forks.

A core's calls are atomic, so the hot path takes no lock; an arm that comes in with its first reward is one such
call, as long as the arrays have a column for it. What Python itself must change or read as a whole (arrays that
grow, arms added and removed, a state saved or loaded) happens behind a closed door: the core is bound to arrays
without arms, every other thread's call is refused there and comes to wait at the lock. No update falls
between two versions of the arrays.
"""

from __future__ import annotations

import threading
from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Final, Generic, NoReturn, SupportsIndex, TypeVar, cast

from armwise._forks import watch_forks
from armwise._words import shown
from armwise.errors import ConfigurationError, ReentrantCall
from armwise.policies._arms import ArmSet
from armwise.policies._core import HotCore, closed_door, loaded_kernels
from armwise.policies._seeds import fresh_stream
from armwise.posteriors._columns import Columns
from armwise.posteriors._numbers import whole
from armwise.types import Label
from armwise_kernels.protocol import Kind

__all__ = ["BoundPolicy"]

_STREAMS: Final = 1 << 63

P = TypeVar("P", bound=Columns)


class BoundPolicy(ABC, Generic[P]):
    """Arms, the posterior that owns their arrays, and two cores that borrow them."""

    _kind: ClassVar[Kind]

    def __init__(self, arms: ArmSet, posterior: P, seed: int) -> None:
        self._kernels = loaded_kernels()
        self._lock = threading.RLock()
        self._shut = False
        self._arms = arms
        self._seed = seed
        self._posterior = posterior
        posterior.move(0, 0, self._kernels.stream_key(seed, 0))
        self._core = self._new_core()
        # For work behind the closed door, and for decisions of other streams.
        self._inner = self._new_core()
        self._bind(self._inner)
        self._inner.refresh()
        self._bind(self._core)
        watch_forks(self)

    @property
    def arms(self) -> tuple[Label, ...]:
        """The arms that the policy holds, in the order of their slots."""
        return self._arms.labels

    @property
    def policy_version(self) -> int:
        """Number of state changes so far: rewards, arms that came or went, ticks of decay."""
        return self._posterior.version

    @property
    def seed(self) -> int:
        """The seed of all randomness, in [0, 2**64)."""
        return self._seed

    @property
    def stream(self) -> int:
        """Which of the seed's streams decisions draw from: 0 at first, in a forked process a random one."""
        return self._posterior.stream

    @property
    def counter(self) -> int:
        """The number of the next decision."""
        return self._posterior.counter

    def take_stream(self, stream: int) -> None:
        """Go on from the first decision of another stream of the same seed; everything else stays as it is.

        A process that goes on from a state which others have too (a snapshot, a parent's) takes a stream that nobody
        had, so that no decision and no id comes twice.

        Parameters
        ----------
        stream : int
            In [0, 2**63), and not the present one.

        Raises
        ------
        ConfigurationError
            If it is no such number, or the stream that the policy draws from: its decisions would come again.

        Examples
        --------
        >>> from armwise import ThompsonSampling
        >>> policy = ThompsonSampling(["a", "b"], seed=1)
        >>> policy.take_stream(5)
        >>> policy.decide().decision_id
        '5-0-0'
        """
        if whole(stream) not in range(_STREAMS):
            msg = f"stream is {shown(stream)}; expected a whole number in [0, 2**63)"
            raise ConfigurationError(msg)
        with self._locked():
            if stream == self.stream:
                msg = (
                    f"stream is {stream}, which this policy draws from: from its first decision on, they would come "
                    "again; take one that nobody had"
                )
                raise ConfigurationError(msg)
            with self._door_closed():
                self._posterior.move(int(stream), 0, self._kernels.stream_key(self._seed, int(stream)))

    def _new_core(self) -> HotCore:
        return cast("HotCore", self._kernels.core(self._kind))

    def _bind(self, core: HotCore) -> None:
        core.bind(self._posterior.arrays(), self._arms.labels, self._arms.index)

    def _bound_to_stream(self, stream: int) -> HotCore:
        """A core that sees the present state with another stream in its head."""
        head = self._posterior.on_stream(stream, self._kernels.stream_key(self._seed, stream))
        self._inner.bind((head, *self._posterior.arrays()[1:]), self._arms.labels, self._arms.index)
        return self._inner

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock.

        Raises
        ------
        ReentrantCall
            If this thread is at work behind the closed door already: a signal handler or a finalizer called.
        """
        with self._lock:
            if self._shut:
                msg = (
                    "the policy was called from within one of its own calls, by a signal handler or a finalizer; "
                    "let it set a flag or fill a queue, and call the policy from the main flow; nothing was changed"
                )
                raise ReentrantCall(msg)
            yield

    @contextmanager
    def _door_closed(self) -> Iterator[None]:
        """Hold every other thread's call off."""
        with self._locked():
            self._shut = True
            try:
                self._core.bind(closed_door(self._kind), (), {})
                yield
            finally:
                try:
                    self._bind(self._core)
                finally:
                    self._shut = False

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be copied or pickled.

        Raises
        ------
        ConfigurationError
            Always: two policies on one stream would repeat each other's draws and ids.
        """
        msg = (
            f"a {type(self).__name__} is not copied or pickled: two of them on one stream would repeat each other's "
            "decisions; hand on state_dict(), and load_state() it where the other one stops"
        )
        raise ConfigurationError(msg)

    def _before_fork(self) -> None:
        self._lock.acquire()
        self._core.bind(closed_door(self._kind), (), {})

    def _after_fork(self, *, child: bool) -> None:
        if not child:
            self._bind(self._core)
            self._lock.release()
            return
        # The threads that held a lock of the policy or within its cores are gone, and will never release it.
        self._lock = threading.RLock()
        self._shut = False
        self._core, self._inner = self._new_core(), self._new_core()
        stream = fresh_stream()
        self._posterior.move(stream, 0, self._kernels.stream_key(self._seed, stream))
        self._bind(self._core)
