"""What a policy over several objectives learns, of arms that come and go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from armwise._labels import check_label, listed
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.experiments.pareto._saved import SavedParetoPolicy
from armwise.experiments.pareto.front import pareto_front
from armwise.posteriors import BetaPosterior
from armwise.protocols import ContextLike, ContextRows
from armwise.types import Label, Moment

__all__ = ["LearningParetoPolicy"]


class LearningParetoPolicy(SavedParetoPolicy):
    """Values of several objectives become evidence, and evidence is told in the objectives' own units."""

    def update(
        self,
        arm: Label,
        rewards: Mapping[str, float],
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> None:
        """Learn from what one decision brought.

        Parameters
        ----------
        arm : str, int or float
            Which arm it is for. Where the policy was made without arms, a label never seen becomes one.
        rewards : mapping of str to float
            Values by objective, in the objectives' own units, within their bounds. Those that come later, as
            a judged quality does after a cost, may be given by a call of their own; at least one.

        Raises
        ------
        UnknownArm
            If the arm is not among those the policy was made with.
        ConfigurationError
            If an argument is not as described.
        """
        del context, now
        values = {name: [value] for name, value in rewards.items()} if isinstance(rewards, Mapping) else rewards
        self._learn((check_label(arm),), values)

    def update_many(
        self,
        arms: Iterable[Label],
        rewards: Mapping[str, ArrayLike],
        contexts: ContextRows | None = None,
        now: Moment | None = None,
    ) -> None:
        """Learn from many decisions, in their order; the same as that many calls of :meth:`update`.

        Parameters
        ----------
        arms : iterable of labels, length n
            Which arm each is for.
        rewards : mapping of str to array_like of float, shape (n,)
            As in :meth:`update`.

        Raises
        ------
        UnknownArm
            If an arm is not among those the policy was made with.
        ConfigurationError
            If an argument is not as described, or lengths differ. All are checked before the first is
            applied.
        """
        del contexts, now
        self._learn(listed(arms, "arms"), rewards)

    def posterior(self) -> dict[Label, dict[str, tuple[float, float]]]:
        """Alpha and beta of each arm in each objective, over the share of the way from worst to best."""
        with self._locked():
            held = self._evidence.held()
            return {
                arm: {one.name: (float(a), float(b)) for one, (a, b) in zip(self._objectives, shapes, strict=True)}
                for arm, shapes in zip(self.arms, np.moveaxis(held, 2, 0), strict=True)
            }

    def means(self) -> dict[Label, dict[str, float]]:
        """The posterior mean of each arm in each objective, in the objective's own units."""
        units = {one.name: one for one in self._objectives}
        return {
            arm: {name: units[name].value(a / (a + b)) for name, (a, b) in shapes.items()}
            for arm, shapes in self.posterior().items()
        }

    def front(self) -> tuple[Label, ...]:
        """The arms whose posterior means no other arm's dominate, in the order of `arms`.

        Raises
        ------
        ConfigurationError
            If there are no arms.
        """
        with self._locked():
            self._arms.require_some()
            alpha, beta = np.moveaxis(self._evidence.held(), 1, 0)
            return tuple([self.arms[i] for i in pareto_front((alpha / (alpha + beta)).T)])

    def add_arm(self, arm: Label, prior: Mapping[str, tuple[float, float]] | None = None) -> None:
        """Hold one more arm, on the next slot.

        Parameters
        ----------
        arm : str, int or float
            Its label, equal to no other.
        prior : mapping of str to (float, float), optional
            Alpha and beta by objective; the policy's own prior where it says nothing.

        Raises
        ------
        ConfigurationError
            If there is such an arm, the label is not one, there are 256 arms, or the prior is not as
            described.
        """
        check_label(arm)
        shapes = self._by_objective("prior", {} if prior is None else prior)
        checked = {objective: BetaPosterior.shapes(given) for objective, given in shapes.items()}
        with self._locked():
            self._arms.require_new(arm)
            self._evidence.check_room()
            self._admit(arm)
            for objective, pair in checked.items():
                self._evidence.set_prior(objective, len(self._arms.index) - 1, pair)
            self._evidence.version += 1

    def remove_arm(self, arm: Label) -> None:
        """Forget an arm and all it has learnt; its slot is never given to another.

        Raises
        ------
        UnknownArm
            If there is no such arm.
        ConfigurationError
            If it is the last one of a policy that was made with arms.
        """
        check_label(arm)
        with self._locked():
            position = self._arms.leaving(arm)
            self._evidence.remove(position)
            self._arms = self._arms.without(position)

    def _learn(self, labels: tuple[Label, ...], rewards: object) -> None:
        """Check values of several decisions, then apply all of them."""
        by_objective = self._by_objective("rewards", rewards)
        if not by_objective:
            names = ", ".join(repr(objective.name) for objective in self._objectives)
            msg = f"rewards is {shown(rewards)}; expected at least one value, of {names}"
            raise ConfigurationError(msg)
        goodness = {j: self._objectives[j].goodness(values, len(labels)) for j, values in by_objective.items()}
        with self._locked():
            positions = self._arms.positions(labels)
            news = dict.fromkeys(label for label, at in zip(labels, positions, strict=True) if at is None)
            self._evidence.check_room(len(news))
            for label in news:
                self._admit(label)
            columns = [self._arms.index[label] for label in labels]
            for objective, values in goodness.items():
                self._evidence.learn(objective, columns, values)
            self._evidence.version += len(labels)

    def _by_objective(self, what: str, given: object) -> dict[int, object]:
        """The entries of a mapping by the number of their objective."""
        numbers = {objective.name: j for j, objective in enumerate(self._objectives)}
        if not isinstance(given, Mapping) or not given.keys() <= numbers.keys():
            names = ", ".join(map(repr, numbers))
            msg = f"{what} is {shown(given)}; expected a mapping by objective, of {names}"
            raise ConfigurationError(msg)
        return {numbers[name]: entry for name, entry in given.items()}

    def _admit(self, label: Label) -> None:
        """Append an arm at the prior."""
        self._evidence.append()
        self._arms.append(label)
