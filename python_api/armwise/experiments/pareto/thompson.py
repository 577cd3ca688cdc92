"""Thompson sampling over several objectives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from armwise._labels import check_label, check_labels, listed, listing
from armwise.errors import ConfigurationError, ReplayError
from armwise.experiments.pareto._evidence import Evidence
from armwise.experiments.pareto._objectives import check_objectives
from armwise.experiments.pareto._saved import SavedParetoPolicy
from armwise.experiments.pareto.front import pareto_front
from armwise.policies._arms import ArmSet
from armwise.policies._ids import place_of
from armwise.policies._seeds import Rng, draw_seed
from armwise.posteriors import BetaPosterior
from armwise.posteriors._numbers import whole
from armwise.protocols import ContextLike, ContextRows
from armwise.types import Decision, FloatArray, IntArray, Label, Moment

__all__ = ["ParetoThompsonSampling"]

_MOST_DECISIONS: Final = 1 << 31


class _Field(NamedTuple):
    """Candidates in the order of their slots."""

    labels: tuple[Label, ...]
    order: tuple[int, ...]
    slots: NDArray[np.intp]


class ParetoThompsonSampling(SavedParetoPolicy):
    r"""Chooses among the arms that are not dominated, by draws from one posterior an objective.

    The mean of each arm in each objective has a Beta posterior, over the share g of the way from that
    objective's worst to its best value: a value adds g to alpha and 1 - g to beta. A decision draws from
    every posterior, takes the Pareto front of the draws, and chooses from it with equal chances:

    .. math::

        \theta_{ij} \sim \mathrm{Beta}(\alpha_{ij}, \beta_{ij}), \qquad
        \mathrm{arm} \sim \mathrm{Uniform}(\mathrm{front}\{\theta_1, \dots, \theta_K\})

    Yahyaa & Manderick, "Thompson sampling for multi-objective multi-armed bandits problem", ESANN 2015, on
    the Pareto order of Drugan & Nowe, "Designing multi-objective multi-armed bandits algorithms: a study",
    IJCNN 2013. No weights are set between objectives: who wants one arm in the end chooses it from
    :meth:`front`.

    Randomness is addressed as it is for every policy, with draws of its own for each objective, so that a
    decision can be made again from its id.

    Parameters
    ----------
    arms : list or tuple of labels, optional
        The arms, at most 256: strings, integers or finite floats, no two equal. Without it the set is open:
        any candidate may come, and becomes an arm at its first reward.
    objectives : mapping of str to (float, float)
        From 2 to 16 objectives, each with its worst and its best value in its own units; the best is the
        smaller one where less is better, as for costs and latencies. Values beyond the bounds are refused. A
        cost bounded at a hundred times what arms really cost leaves all of them near 1, and hard to tell
        apart: bounds near what is seen learn fastest.
    prior : tuple of float
        Alpha and beta of an arm without rewards, in every objective. (1, 1) is uniform.
    seed : int, optional
        In [0, 2**64); drawn from the system without it.
    rng : random.Random or numpy.random.Generator, optional
        Gives the seed in place of `seed`.

    Raises
    ------
    ConfigurationError
        If a parameter is not as described.

    Examples
    --------
    >>> policy = ParetoThompsonSampling(
    ...     ["small", "large", "wasteful"],
    ...     objectives={"quality": (0.0, 1.0), "cost": (0.05, 0.0), "latency": (10.0, 0.0)}, seed=7)
    >>> for _ in range(200):
    ...     policy.update("small", {"quality": 0.7, "cost": 0.001, "latency": 0.8})
    ...     policy.update("large", {"quality": 0.95, "cost": 0.02, "latency": 3.0})
    ...     policy.update("wasteful", {"quality": 0.6, "cost": 0.04, "latency": 6.0})
    >>> policy.front()
    ('small', 'large')
    >>> decision = policy.decide()
    >>> policy.replay(decision.decision_id) == decision.arm
    True
    >>> policy.propensities().round(2)
    array([0.5, 0.5, 0. ])
    """

    def __init__(
        self,
        arms: Iterable[Label] | None = None,
        *,
        objectives: Mapping[str, tuple[float, float]],
        prior: tuple[float, float] = (1.0, 1.0),
        seed: int | None = None,
        rng: Rng | None = None,
    ) -> None:
        held = ArmSet.given(arms)
        ends = check_objectives(objectives)
        evidence = Evidence(len(ends), BetaPosterior.shapes(prior))
        evidence.check_room(len(held.labels))
        for _ in held.labels:
            evidence.append()
        super().__init__(held, evidence, ends, draw_seed(seed, rng))

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
        context, now : optional
            Not read: for callers that give them to every policy.

        Returns
        -------
        str, int or float
            The label, as it was given.

        Raises
        ------
        UnknownArm
            If a candidate is not among the arms the policy was made with.
        ConfigurationError
            If the candidates are not as described, or there are neither candidates nor arms.
        """
        del context, now
        with self._locked():
            field = self._field(candidates)
            position, _ = self._chosen(field, self._stream, self._counter)
            self._counter += 1
            return field.labels[position]

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
            The arm, its index in the candidates (or in `arms`), the id, and an estimate of the probability
            with which it was chosen: that of :meth:`propensities`, into which the decision itself is counted,
            so that it is never zero.
        """
        del context, now
        with self._locked():
            field = self._field(candidates)
            chances, draws = self._chances(field)
            position, size = self._chosen(field, self._stream, self._counter)
            number = f"{self._stream:x}-{self._counter:x}-{self.policy_version:x}"
            self._counter += 1
            propensity = (float(chances[position]) * draws + 1.0 / size) / (draws + 1)
            return Decision(
                field.labels[position],
                field.order[position],
                number,
                self.policy_version,
                min(propensity, 1.0),
                "monte_carlo",
            )

    def select_many(self, n: SupportsIndex | ContextRows, now: Moment | None = None) -> IntArray:
        """Choose many times among all arms; the same as that many calls of :meth:`select`.

        Parameters
        ----------
        n : int
            How many times, below 2**31.
        now : optional
            Not read.

        Returns
        -------
        ndarray of int32, shape (n,)
            Positions in `arms`.

        Raises
        ------
        ConfigurationError
            If `n` is no such number, or there are no arms.
        """
        del now
        count = whole(n)
        if not 0 <= count < _MOST_DECISIONS:
            msg = f"n is {n!r}; expected a whole number in [0, 2**31)"
            raise ConfigurationError(msg)
        with self._locked():
            slots = self._field(None).slots
            batches = self._draws.choices(self._evidence.shapes, slots, self._stream, self._counter, count)
            chosen = np.concatenate([np.zeros(0, np.int32), *(positions for positions, _ in batches)])
            self._counter += count
            return chosen

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
        context, now : optional
            Not read.

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
        contexts, now : optional
            Not read.

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

    def propensities(
        self,
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        now: Moment | None = None,
    ) -> FloatArray:
        """Estimate the probability with which each candidate would be chosen by the next decision.

        It has no closed form. It is the mean share in the fronts of draws that belong to no decision, and a
        function of seed, version and candidates. There are 4,096 of them, a standard error of at most .008;
        above 36 arms with three objectives there are fewer, but at least 256, at most .032. Computed once for a
        version and a set of candidates. No decision is taken.

        Parameters and errors are those of :meth:`select`.

        Returns
        -------
        ndarray of float64, shape (K,)
            In the order of the candidates, or of `arms`; they sum to 1.
        """
        del context, now
        with self._locked():
            field = self._field(candidates)
            chances, _ = self._chances(field)
            ordered = np.empty_like(chances)
            ordered[list(field.order)] = chances
            return ordered

    def replay(
        self, decision_id: str, candidates: Iterable[Label] | None = None, context: ContextLike | None = None
    ) -> Label:
        """Re-make a decision that was taken at the present version.

        Parameters
        ----------
        decision_id : str
            As :meth:`decide` gave it, on any stream of this policy's seed.
        candidates
            As they were given to :meth:`decide`.
        context : optional
            Not read.

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
        del context
        stream, counter, version = place_of(decision_id)
        with self._locked():
            if version != self.policy_version:
                msg = (
                    f"the decision was taken at version {version}, the policy stands at {self.policy_version}; "
                    "load the state of that version first: its checkpoint, and the updates up to it in order"
                )
                raise ReplayError(msg)
            field = self._field(candidates)
            return field.labels[self._chosen(field, stream, counter)[0]]

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
            if arm in self._arms.index:
                held = self._arms.label_at(self._arms.index[arm])
                msg = f"there is an arm {held!r} already; give the new one another label"
                raise ConfigurationError(msg)
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
            position = self._arms.position(arm)
            if position is None:
                raise self._arms.unknown(arm)
            if self._arms.closed and len(self._arms.index) == 1:
                msg = f"{arm!r} is the last arm, and this policy was made with arms; add another first"
                raise ConfigurationError(msg)
            self._evidence.remove(position)
            self._arms = self._arms.without(position)

    def __repr__(self) -> str:
        names = ", ".join(objective.name for objective in self._objectives)
        return f"<ParetoThompsonSampling [{listing(self.arms)}] over {names} version={self.policy_version}>"

    def _field(self, candidates: Iterable[Label] | None) -> _Field:
        """The candidates in the order of slots; what an open set does not hold takes the slots to come."""
        held = self._evidence.slots
        if candidates is None:
            self._arms.require_some()
            return _Field(self.arms, tuple(range(len(held))), held)
        labels = check_labels(candidates, "candidates")
        positions = self._arms.positions(labels)
        unseen = positions.count(None)
        self._evidence.check_room(unseen)
        following = iter(range(self._evidence.next_slot, self._evidence.next_slot + unseen))
        slots = [next(following) if position is None else int(held[position]) for position in positions]
        order = sorted(range(len(slots)), key=slots.__getitem__)
        return _Field(tuple([labels[i] for i in order]), tuple(order), np.array(sorted(slots), np.intp))

    def _chosen(self, field: _Field, stream: int, decision: int) -> tuple[int, int]:
        """The place of the chosen arm in the field, and how many arms the front of the draws held."""
        shapes = self._evidence.reaching(int(field.slots[-1]) + 1)
        positions, sizes = next(self._draws.choices(shapes, field.slots, stream, decision, 1))
        return int(positions[0]), int(sizes[0])

    def _chances(self, field: _Field) -> tuple[FloatArray, int]:
        """The estimated propensities of a field, and from how many draws."""
        key = self.policy_version, tuple(field.slots.tolist())
        if self._estimate is None or self._estimate[0] != key:
            shapes = self._evidence.reaching(int(field.slots[-1]) + 1)
            self._estimate = (key, *self._draws.chances(shapes, field.slots))
        return self._estimate[1:]

    def _learn(self, labels: tuple[Label, ...], rewards: object) -> None:
        """Check values of several decisions, then apply all of them."""
        by_objective = self._by_objective("rewards", rewards)
        if not by_objective:
            names = ", ".join(repr(objective.name) for objective in self._objectives)
            msg = f"rewards is {rewards!r}; expected at least one value, of {names}"
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
            msg = f"{what} is {given!r}; expected a mapping by objective, of {names}"
            raise ConfigurationError(msg)
        return {numbers[name]: entry for name, entry in given.items()}

    def _admit(self, label: Label) -> None:
        """Append an arm at the prior."""
        self._evidence.append()
        self._arms.append(label)
