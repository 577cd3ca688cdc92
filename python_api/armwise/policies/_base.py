"""What the policies have in common: the calls, and what stands behind them when a call is not plain.

Two paths. The hot one hands the caller's arguments to the core as they are and adds nothing. When the core
refuses, the careful one runs under the policy's lock: it checks everything and raises what a caller can act
on, or binds what the core did not know (a candidate set, a new arm, a list for a context) and calls again.
"""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, SupportsIndex, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from armwise._labels import PLAIN, check_label, listed
from armwise._words import shown
from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError, KernelError, PropensityError
from armwise.policies._core import REFUSALS, HotCore, kernel_errors
from armwise.policies._ids import place_of
from armwise.policies._saved import SavedPolicy
from armwise.posteriors._columns import Columns
from armwise.protocols import ContextLike, ContextRows
from armwise.types import Decision, FloatArray, IntArray, Label, Moment
from armwise_kernels.protocol import View

__all__ = ["ArmPolicy"]

_MOST: Final = 1 << 31
_new: Final = tuple.__new__

P = TypeVar("P", bound=Columns)


class ArmPolicy(SavedPolicy[P]):
    """The calls of every policy that decides through a core."""

    def select(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> Label:
        """Choose an arm.

        Parameters
        ----------
        candidates : list or tuple of labels, optional
            Among which to choose, each once; all arms without it. Where the policy was made without arms,
            labels never seen stand at the prior, and nothing is stored for them until they get a reward.
        context : array_like of float, shape (dim,), or mapping, optional
            Features of the request; required by linear policies, ignored by others. float64 arrays are
            fastest.
        now : int, float or datetime, optional
            Nanoseconds, seconds, or a datetime with a zone; read by policies that decay, the system clock
            without it.

        Returns
        -------
        str, int or float
            The label, as it was given.

        Raises
        ------
        UnknownArm
            If a candidate is not among the arms the policy was made with.
        ConfigurationError
            If an argument is not as described, or there are neither candidates nor arms.
        """
        try:
            return self._core.select(candidates, context, now)
        except REFUSALS:
            return self._select_carefully(candidates, context, now)

    def decide(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> Decision:
        """Choose as :meth:`select` does, by the same random numbers, and say what a log must hold.

        Parameters and errors are those of :meth:`select`.

        Returns
        -------
        Decision
            The arm, its index in the candidates (or in `arms`), the id, and the probability with which the
            posterior that chose it chooses it.
        """
        try:
            return _new(Decision, self._core.decide(candidates, context, now))
        except REFUSALS:
            return self._decide_carefully(candidates, context, now)

    def select_many(self, n: SupportsIndex | ContextRows, now: Moment | None = None) -> IntArray:
        """Choose many times among all arms; the same as that many calls of :meth:`select`.

        Parameters
        ----------
        n : int, or array_like of float, shape (n, dim)
            How many times, below 2**31; for linear policies the contexts instead.
        now : int, float or datetime, optional
            One moment for all of them.

        Returns
        -------
        ndarray of int32, shape (n,)
            Positions in `arms`.

        Raises
        ------
        ConfigurationError
            If an argument is not as described, or there are no arms.
        """
        with self._locked():
            count, contexts = self._requests(n)
            moment = _moment(now)
            self._arms.require_some()
            with kernel_errors("select_many"):
                return self._core.select_many(count, contexts, moment)

    def update(self, arm: Label, reward: float, context: ContextLike | None = None, now: Moment | None = None) -> None:
        """Learn from one reward.

        Parameters
        ----------
        arm : str, int or float
            Which arm it is for. Where the policy was made without arms, a label never seen becomes one.
        reward : float
            Finite; in [0, 1] for Thompson sampling, within 1e100 for linear policies. A NumPy scalar or an array
            without dimensions is a number too, True and False are none.
        context : array_like of float, shape (dim,), or mapping, optional
            The features at the decision; required by linear policies, ignored by others.
        now : int, float or datetime, optional
            When the reward was earned; a late one is weighed as of its time by policies that decay.

        Raises
        ------
        UnknownArm
            If the arm is not among those the policy was made with.
        ConfigurationError
            If an argument is not as described.
        """
        try:
            self._core.update(arm, reward, context, now)
        except REFUSALS:
            self._update_carefully(arm, reward, context, now)

    def update_many(
        self,
        arms: Iterable[Label],
        rewards: ArrayLike,
        contexts: ContextRows | None = None,
        now: Moment | None = None,
    ) -> None:
        """Learn from many rewards, in their order; the same as that many calls of :meth:`update`.

        Parameters
        ----------
        arms : iterable of labels, length n
            Which arm each reward is for.
        rewards : array_like of float, shape (n,)
            As in :meth:`update`.
        contexts : array_like of float, shape (n, dim), or sequence of mappings, optional
            The features at each decision; required by linear policies, ignored by others.
        now : int, float or datetime, optional
            One moment for all of them.

        Raises
        ------
        UnknownArm
            If an arm is not among those the policy was made with.
        ConfigurationError
            If an argument is not as described, or lengths differ. All are checked before the first is
            applied.
        """
        labels = listed(arms, "arms")
        values = self._checked_rewards(rewards, len(labels))
        moment = nanoseconds() if now is None and self._posterior.decays else _moment(now)
        with self._locked():
            positions = self._arms.positions(labels)
            news = [i for i, position in enumerate(positions) if position is None] if None in positions else []
            self._posterior.check_room(len({labels[i] for i in news}))
            checked = self._checked_contexts(contexts, len(labels))
            start = 0
            # A label that is new goes one by one, so that it comes in where it would have come in.
            for stop in news:
                self._apply(positions[start:stop], values[start:stop], _rows(checked, start, stop), moment)
                row = None if checked is None else checked[stop]
                self._apply_one(labels[stop], float(values[stop]), row, moment)
                start = stop + 1
            self._apply(positions[start:], values[start:], _rows(checked, start, len(labels)), moment)
            if isinstance(contexts, Sequence):
                self._observe(contexts)

    def check_update(self, arm: Label, reward: float, context: ContextLike | None = None, *, seen: bool = True) -> None:
        """Refuse what :meth:`update` would refuse, by the same errors; nothing is learnt.

        Parameters
        ----------
        arm, reward, context
            As they would be given to :meth:`update`.
        seen : bool
            Whether the context is looked at; it is not where it is known later than the rest.

        Raises
        ------
        UnknownArm, ConfigurationError
            As :meth:`update`.

        Examples
        --------
        >>> from armwise import ThompsonSampling
        >>> policy = ThompsonSampling(["small", "large"])
        >>> policy.check_update("small", 0.5)
        >>> policy.check_update("small", 120.0)
        Traceback (most recent call last):
            ...
        armwise.errors.ConfigurationError: ...
        """
        label, _ = self._checked_reward(arm, reward)
        with self._locked():
            self._check_room_for(label)
            if seen:
                self._checked_context(context)

    def propensities(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> FloatArray:
        """The probability with which each candidate would be chosen by the next decision.

        Parameters and errors are those of :meth:`select`. No decision is taken. Where evidence decays, the
        clock moves to `now`, which is a state change if a tick has passed.

        Returns
        -------
        ndarray of float64, shape (K,)
            In the order of the candidates, or of `arms`; they sum to 1.

        Raises
        ------
        PropensityError
            If an arm of Thompson sampling that holds more than 2e9 successes and as many failures, and another
            arm, may both be the best. :meth:`decide` then reports the kind "none".
        """
        try:
            return self._core.propensities(candidates, context, now)
        except REFUSALS:
            return self._propensities_carefully(candidates, context, now)

    def replay(
        self, decision_id: str, candidates: Iterable[Label] | None = None, context: ContextLike | None = None
    ) -> Label:
        """Re-make a decision that was taken at the present version.

        A decision is a function of seed, stream, counter and version. The last three are its id; the seed is
        this policy's. The stream need not be: decisions of forked workers that share a state are re-made by
        any of them.

        Parameters
        ----------
        decision_id : str
            As :meth:`decide` gave it.
        candidates, context
            As they were given to :meth:`decide`.

        Returns
        -------
        str, int or float
            The arm that was chosen.

        Raises
        ------
        ReplayError
            If the id is malformed, or the version has moved since.
        UnknownArm, ConfigurationError
            As :meth:`select`.
        """
        place = place_of(decision_id)
        with self._locked():
            place.require(self.policy_version)
            core = self._core if place.stream == self.stream else self._bound_to_stream(place.stream)
            view, features, _ = self._checked(core, candidates, context, None)
            with kernel_errors("peek"):
                arm = core.peek(view, features, place.counter)
            # A hot update of another thread does not wait at this lock.
            place.require(self.policy_version)
            return arm

    def add_arm(self, arm: Label, prior: object = None) -> None:
        """Hold one more arm, on the next slot.

        Parameters
        ----------
        arm : str, int or float
            Its label, equal to no other.
        prior : optional
            What is known of it; the policy's own prior without it. (alpha, beta) for Thompson sampling;
            (mean, precision) of the coefficients for linear policies, each a number or an array (dim,);
            (mean, count) of earlier rewards for epsilon-greedy and UCB1.

        Raises
        ------
        ConfigurationError
            If there is such an arm, the label is not one, or the prior is not as described.
        """
        check_label(arm)
        with self._locked():
            self._arms.require_new(arm)
            self._posterior.check_room()
            if prior is not None:
                self._posterior.check_prior(prior)
            with self._door_closed():
                self._admit(arm)
                if prior is not None:
                    self._posterior.set_prior(self._posterior.count - 1, prior)
                self._posterior.changed()
                self._inner.refresh()

    def remove_arm(self, arm: Label) -> None:
        """Forget an arm and all it has learnt; its slot is never given to another.

        Raises
        ------
        UnknownArm
            If there is no such arm.
        ConfigurationError
            If it is the last one of a policy that was made with arms.
        """
        with self._locked():
            position = self._arms.leaving(check_label(arm))
            with self._door_closed():
                self._posterior.remove(position)
                self._arms = self._arms.without(position)
                self._bind(self._inner)
                self._inner.refresh()

    @abstractmethod
    def _checked_rewards(self, rewards: object, count: int) -> FloatArray:
        """Rewards as float64 (count,), or the error that says what is wrong."""

    def _checked_context(self, context: object) -> FloatArray | None:
        """A context as the core takes it; without features there is none."""
        del context
        return None

    def _checked_contexts(self, contexts: object, count: int) -> FloatArray | None:
        """The contexts of `count` updates as the core takes them."""
        del contexts, count
        return None

    def _requests(self, n: object) -> tuple[int, FloatArray | None]:
        """How many requests there are, and their contexts."""
        try:
            count = -1 if isinstance(n, (bool, np.bool_)) else operator.index(cast("SupportsIndex", n))
        except TypeError:
            count = -1
        if not 0 <= count < _MOST:
            msg = f"n is {shown(n)}; expected a whole number in [0, 2**31)"
            raise ConfigurationError(msg)
        return count, None

    def _observe(self, contexts: Iterable[object]) -> None:
        """Let the encoder learn from the contexts of applied updates."""
        for context in contexts:
            if self._encoder is not None and isinstance(context, Mapping):
                self._encoder.observe(context)

    def _select_carefully(self, candidates: object, context: object, now: object) -> Label:
        with self._locked():
            view, features, moment = self._checked(self._core, candidates, context, now)
            with kernel_errors("select"):
                return self._core.select(view, features, moment)

    def _decide_carefully(self, candidates: object, context: object, now: object) -> Decision:
        with self._locked():
            view, features, moment = self._checked(self._core, candidates, context, now)
            with kernel_errors("decide"):
                return Decision._make(self._core.decide(view, features, moment))

    def _propensities_carefully(self, candidates: object, context: object, now: object) -> FloatArray:
        with self._locked():
            view, features, moment = self._checked(self._core, candidates, context, now)
            try:
                with kernel_errors("propensities"):
                    return self._core.propensities(view, features, moment)
            except KernelError as error:
                if not isinstance(error.__cause__, FloatingPointError):
                    raise
                msg = (
                    "an arm with more than 2e9 successes and as many failures, and another arm, may both be the best,"
                    " and their propensities are not known to 1e-9; a half_life keeps evidence below that"
                )
                raise PropensityError(msg) from error.__cause__

    def _update_carefully(self, arm: object, reward: object, context: object, now: object) -> None:
        label, value = self._checked_reward(arm, reward)
        moment = _moment(now)
        with self._locked():
            self._check_room_for(label)
            self._apply_one(label, value, self._checked_context(context), moment)
            self._observe([context])

    def _checked_reward(self, arm: object, reward: object) -> tuple[Label, float]:
        """An arm and its reward, before it is asked whether the arm is one of these."""
        return check_label(arm), float(self._checked_rewards([reward], 1)[0])

    def _check_room_for(self, label: Label) -> None:
        """Refuse an arm that is none of these, or would be one too many."""
        if self._arms.position(label) is None:
            self._posterior.check_room()

    def _apply(
        self, positions: Sequence[int | None], rewards: FloatArray, contexts: FloatArray | None, moment: int | None
    ) -> None:
        """Apply checked rewards of arms that the policy holds."""
        if positions:
            columns = np.array(positions, np.int32)
            with kernel_errors("update_many"):
                self._core.update_many(columns, rewards, contexts, moment)

    def _apply_one(self, label: Label, reward: float, context: FloatArray | None, moment: int | None) -> None:
        """Apply one checked reward; an arm that is new comes in with it, as one state change."""
        position = self._arms.index.get(label)
        if position is not None:
            with kernel_errors("update"):
                self._core.update(self._arms.label_at(position), reward, context, moment)
            return
        if type(label) not in PLAIN:  # its hash may run Python, and that may call this policy
            with self._door_closed():
                if self._posterior.full:
                    self._posterior.grow()
                self._bind(self._inner)
                with kernel_errors("update"):
                    self._inner.update(label, reward, context, moment, self._posterior.next_slot)
            return
        if self._posterior.full:
            with self._door_closed():
                self._posterior.grow()
        with kernel_errors("update"):
            self._core.update(label, reward, context, moment, self._posterior.next_slot)

    def _admit(self, label: Label) -> None:
        """Append an arm at the prior, and bind the inner core to it; the door is closed."""
        self._arms.append(label)
        self._posterior.append()
        self._bind(self._inner)

    def _checked(
        self, core: HotCore, candidates: object, context: object, now: object
    ) -> tuple[View | None, FloatArray | None, int | None]:
        """Arguments that the core takes, or the error that says what is wrong with the caller's."""
        return self._view(core, candidates), self._checked_context(context), _moment(now)

    def _view(self, core: HotCore, candidates: object) -> View | None:
        """Bind a candidate set, so that the next call with it is hot."""
        if candidates is None:
            self._arms.require_some()
            return None
        bound = self._arms.candidates(candidates, self._posterior)
        with kernel_errors("view"):
            return core.view(*bound)


def _moment(now: object) -> int | None:
    """A moment in nanoseconds; None stays None, and lets the core read the clock."""
    return None if now is None else nanoseconds(cast("Moment", now))


def _rows(array: FloatArray | None, start: int, stop: int) -> FloatArray | None:
    return None if array is None else array[start:stop]
