"""The per-request calls of a policy in Python, over the jit kernels. Twin of the C type in native/fast."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from armwise_kernels import law
from armwise_kernels.cores_arguments import contexts as checked_contexts
from armwise_kernels.cores_arguments import listed, real_number, same_types, shown, whole_time
from armwise_kernels.jit_columns import Columns, Posterior
from armwise_kernels.jit_posteriors import POSTERIORS, posterior_of

if TYPE_CHECKING:
    from armwise_kernels.protocol import Arrays, Floats, Kernels, Kind, Label, View

MOST_VIEWS: Final = 64
MOST_DECISIONS: Final = 1 << 31
MOST_SLOTS: Final = 1 << 32


@dataclass(slots=True, eq=False)
class BoundView:
    """A bound candidate set, or all arms; see :class:`armwise_kernels.protocol.View`."""

    names: list[Label]
    """The labels, in the order of columns; arms that come in are appended."""
    columns: Columns
    epoch: object
    key: tuple[Label, ...] | None = None
    order: NDArray[np.int32] | None = None
    """Of each column, its place in the caller's list; None where they stand as in the list."""
    packed_version: int = -1
    chances_version: int = -1
    chances: Floats = field(default_factory=lambda: np.empty(0))
    """P(chosen) of each column at ``chances_version``; kept only where there is no context."""

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of columns."""
        return tuple(self.names)


@dataclass(slots=True, frozen=True)
class Bound:
    """What a core was bound to."""

    posterior: Posterior
    index: dict[Label, int]
    everything: BoundView


class PythonCore:
    """The per-request calls of one policy; see :class:`armwise_kernels.protocol.Core`.

    Every call holds one lock from entry to exit, so that a select and an update are atomic.

    Parameters
    ----------
    kernels
        The backend whose propensities :meth:`decide` reports.
    kind
        Which policy it serves.

    Raises
    ------
    ValueError
        There is no such kind.
    """

    def __init__(self, kernels: Kernels, kind: Kind) -> None:
        if kind not in POSTERIORS:
            message = f"unknown kind: {kind!r}; expected one of {', '.join(POSTERIORS)}"
            raise ValueError(message)
        self._kernels = kernels
        self._kind: Kind = kind
        self._lock = threading.RLock()
        self._bound: Bound | None = None
        self._views: dict[tuple[Label, ...], BoundView] = {}
        self._epoch = object()
        self._position = np.empty(1, np.int32)
        self._reward = np.empty(1)

    def bind(self, arrays: Arrays, labels: tuple[Label, ...], index: dict[Label, int]) -> None:
        """Borrow arrays, after any change of arms. Drops every view."""
        with self._lock:
            self._bound = None
            self._drop_views()
            posterior = posterior_of(self._kind, arrays)
            columns = posterior.everything()
            if not columns.count == len(labels) == len(index):
                message = f"bind: {columns.count} arms, {len(labels)} labels, {len(index)} entries in the index"
                raise ValueError(message)
            self._bound = Bound(posterior, index, BoundView(list(labels), columns, self._epoch))

    def view(
        self,
        key: tuple[Label, ...] | None,
        labels: tuple[Label, ...],
        order: NDArray[np.int32],
        positions: NDArray[np.int32],
        slots: NDArray[np.uint32],
    ) -> BoundView:
        """Bind a candidate set, and keep it under ``key`` for later calls."""
        with self._lock:
            posterior = self._require().posterior
            shape = (len(labels),)
            places = listed("order", order, np.int32, shape).copy()
            at = listed("positions", positions, np.int32, shape)
            columns = posterior.packed(at, listed("slots", slots, np.uint32, shape))
            count = posterior.head[law.HEAD_COUNT]
            if not labels or not ((places >= 0) & (places < len(labels)) & (at >= 0) & (at <= count)).all():
                message = "view: expected labels, and for each a place and a position within range"
                raise ValueError(message)
            view = BoundView(list(labels), columns, self._epoch, key, places)
            if key is not None:
                if len(self._views) >= MOST_VIEWS:
                    self._views.clear()
                self._views[key] = view
            return view

    def select(self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None) -> Label:
        """Take one counter and return the chosen label."""
        with self._lock:
            posterior, view, x = self._request(candidates, context, now)
            return view.names[posterior.choose(view.columns, x, _take(posterior, 1))]

    def decide(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None
    ) -> tuple[Label, int, str, int, float | None, str]:
        """Take one counter: label, index into the candidates, id, version, propensity, its kind."""
        with self._lock:
            posterior, view, x = self._request(candidates, context, now)
            chances = None
            with suppress(FloatingPointError):  # a decision is made all the same where its propensity is not known
                chances = self._chances(posterior, view, x)
            decision = _take(posterior, 1)
            i = posterior.choose(view.columns, x, decision)
            stream, version = int(posterior.head[law.HEAD_STREAM]), int(posterior.head[law.HEAD_VERSION])
            index = i if view.order is None else int(view.order[i])
            identity = f"{stream:x}-{decision:x}-{version:x}"
            if chances is None:
                return view.names[i], index, identity, version, None, "none"
            return view.names[i], index, identity, version, max(float(chances[i]), law.LEAST_CHANCE), "exact"

    def peek(self, candidates: Sequence[Label] | View | None, context: Floats | None, decision: int) -> Label:
        """The label that the present state gives decision ``decision``; takes no counter, moves no clock."""
        with self._lock:
            whole_time(decision)  # the same range
            posterior, view, x = self._request(candidates, context, None, moves=False)
            return view.names[posterior.choose(view.columns, x, decision)]

    def select_many(self, n: int, contexts: Floats | None, now: int | None) -> NDArray[np.int32]:
        """Take ``n`` counters; positions int32 (n,), equal to ``n`` selects."""
        with self._lock:
            bound = self._require()
            posterior, columns = bound.posterior, bound.everything.columns
            if type(n) is not int:
                message = f"n: expected a whole number, got {shown(n)}"
                raise TypeError(message)
            if not 0 <= n < MOST_DECISIONS:
                message = f"n: expected a number in [0, 2**31), got {n}"
                raise ValueError(message)
            x = checked_contexts("contexts", contexts, (n, posterior.dim)) if posterior.features else None
            moment = _moment(posterior, now)
            self._named(None)
            posterior.advance(moment)
            posterior.follow()
            return posterior.choose_many(columns, x, _take(posterior, n), n)

    def propensities(
        self, candidates: Sequence[Label] | View | None, context: Floats | None, now: int | None
    ) -> Floats:
        """P(chosen) of each candidate, in the caller's order, float64 (K,)."""
        with self._lock:
            posterior, view, x = self._request(candidates, context, now)
            chances = self._chances(posterior, view, x)
            out = chances.copy()
            if view.order is not None:
                out[view.order] = chances
            return out

    def update(
        self, arm: Label, reward: float, context: Floats | None, now: int | None, slot: int | None = None
    ) -> None:
        """Apply one reward and raise the version by one; with a slot, of an arm that comes in with it."""
        with self._lock:
            bound = self._require()
            if slot is None:
                self._learn(bound, arm, reward, context, now)
            else:
                self._admit(bound, arm, slot, lambda: self._learn(bound, arm, reward, context, now))

    def _learn(self, bound: Bound, arm: Label, reward: float, context: Floats | None, now: int | None) -> None:
        posterior = bound.posterior
        value = real_number("reward", reward)
        _check_rewards(posterior, value, value)
        x = None
        if posterior.features:
            x = checked_contexts("context", context, (posterior.dim,))[np.newaxis]
        moment = _moment(posterior, now)
        position = bound.index[arm]
        if type(bound.everything.names[position]) is not type(arm):
            raise KeyError(arm)
        self._position[0], self._reward[0] = position, value
        posterior.learn(self._position, self._reward, x, moment)

    def _admit(self, bound: Bound, arm: Label, slot: int, learn: Callable[[], None]) -> None:
        """Take an arm in with its first reward, or leave all as it was. Twin of ``admitted`` in update.c."""
        posterior, everything = bound.posterior, bound.everything
        count = everything.columns.count
        lowest = int(posterior.slots[count - 1]) + 1 if count else 0
        if posterior.fixed or count + 1 >= posterior.width or count >= law.MAX_ARMS or not lowest <= slot < MOST_SLOTS:
            message = "update: there is no free column, or the slot is not above all others"
            raise ValueError(message)
        self._drop_views()  # to those with a label that was unknown, the column is the prior's
        self._bound = None  # a label may run Python, which may call; nothing does from there on
        try:
            if arm in bound.index:
                raise KeyError(arm)
            bound.index[arm] = count
        finally:
            anew, self._bound = self._bound is not None, self._bound or bound
        if anew:
            del bound.index[arm]
            message = "the core was bound anew during the call"
            raise LookupError(message)
        head, unused = posterior.head.copy(), posterior.slots[count]
        everything.names.append(arm)
        everything.columns.count = count + 1
        posterior.append(slot)
        try:
            learn()
        except BaseException:  # refused or interrupted before anything else has changed
            posterior.head[:], posterior.slots[count] = head, unused
            everything.columns.count = count
            del everything.names[count:]
            del bound.index[arm]
            raise

    def update_many(
        self, positions: NDArray[np.int32], rewards: Floats, contexts: Floats | None, now: int | None
    ) -> None:
        """Apply rewards in order, as that many updates. All are checked before the first is applied."""
        with self._lock:
            posterior = self._require().posterior
            moment = _moment(posterior, now)
            at = listed("positions", positions, np.int32, (-1,))
            n = len(at)
            values = listed("rewards", rewards, np.float64, (n,))
            x = checked_contexts("contexts", contexts, (n, posterior.dim)) if posterior.features else None
            if not n:
                return
            if at.min() < 0 or at.max() >= posterior.head[law.HEAD_COUNT]:
                message = f"positions: expected numbers in [0, {posterior.head[law.HEAD_COUNT]})"
                raise ValueError(message)
            _check_rewards(posterior, float(values.min()), float(values.max()))
            posterior.learn(at, values, x, moment)

    def refresh(self) -> None:
        """Recompute every derived constant from what the state holds. Drops every view."""
        with self._lock:
            bound = self._require()
            bound.posterior.refresh()
            self._drop_views()
            bound.everything.chances_version = -1

    def follow(self) -> None:
        """Take in what other processes have learnt, as the next decision would."""
        with self._lock:
            self._require().posterior.follow()

    def _require(self) -> Bound:
        if self._bound is None:
            message = "the core is not bound; bind it to the arrays of a posterior first"
            raise TypeError(message)
        return self._bound

    def _drop_views(self) -> None:
        self._views.clear()
        self._epoch = object()

    def _named(self, candidates: object) -> BoundView:
        """The view that candidates name."""
        bound = self._require()
        if candidates is None:
            if bound.everything.columns.count:
                return bound.everything
            message = "no arms"
            raise LookupError(message)
        if type(candidates) is BoundView:
            if candidates.epoch is self._epoch:
                return candidates
        elif type(candidates) is tuple or type(candidates) is list:
            key = tuple(candidates)
            view = self._views.get(key)
            if view is not None and view.key is not None and same_types(view.key, key):
                return view
        message = "candidates are not bound"
        raise LookupError(message)

    def _request(
        self, candidates: object, context: object, now: object, *, moves: bool = True
    ) -> tuple[Posterior, BoundView, Floats | None]:
        """Check the arguments of a request, move the clock, and bring its view up to date."""
        posterior = self._require().posterior
        x = checked_contexts("context", context, (posterior.dim,)) if posterior.features else None
        moment = _moment(posterior, now)
        view = self._named(candidates)
        if moves:
            posterior.advance(moment)
            posterior.follow()
        version = int(posterior.head[law.HEAD_VERSION])
        if view.columns.positions is not None and view.packed_version != version:
            posterior.pack(view.columns, view.packed_version)
            view.packed_version = version
        return posterior, view, x

    def _chances(self, posterior: Posterior, view: BoundView, context: Floats | None) -> Floats:
        """P(chosen) of each column of a view; without a context they are kept for the version."""
        version = int(posterior.head[law.HEAD_VERSION])
        if context is not None:
            return posterior.chances(self._kernels, view.columns, context)
        if view.chances_version != version:
            view.chances = posterior.chances(self._kernels, view.columns, None)
            view.chances_version = version
        return view.chances


def _moment(posterior: Posterior, now: object) -> int:
    """A checked time. The clock is read only for a state that decays, and only without one."""
    if now is not None:
        return whole_time(now)
    return time.time_ns() if posterior.head[law.HEAD_HALF_LIFE] else 0


def _take(posterior: Posterior, n: int) -> int:
    """Take ``n`` counters; the first of them."""
    decision = int(posterior.head[law.HEAD_COUNTER])
    posterior.head[law.HEAD_COUNTER] = decision + n
    return decision


def _check_rewards(posterior: Posterior, lowest: float, highest: float) -> None:
    if not posterior.lowest_reward <= lowest <= highest <= posterior.highest_reward:
        message = (
            f"rewards: expected numbers in [{posterior.lowest_reward:g}, {posterior.highest_reward:g}], "
            f"got {lowest:g} to {highest:g}"
        )
        raise ValueError(message)
