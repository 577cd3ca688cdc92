"""Thompson sampling over several objectives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from armwise._labels import check_labels, listing
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.experiments.pareto._evidence import Evidence
from armwise.experiments.pareto._learning import LearningParetoPolicy
from armwise.experiments.pareto._objectives import check_objectives
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
    order: Sequence[int]
    numbers: tuple[int, ...]
    slots: NDArray[np.intp]


class ParetoThompsonSampling(LearningParetoPolicy):
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

        Parameters, result and errors are those of every policy's `select`, such as
        :meth:`armwise.ThompsonSampling.select`. `context` and `now`, here and in all other calls, are for callers
        that give them to every policy, and are not read.
        """
        del context, now
        with self._locked():
            field = self._field(candidates)
            position, _ = self._next(field)
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
            position, size = self._next(field)
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

        `n` is their number, below 2**31; positions in `arms` are returned, int32 (n,).

        Raises
        ------
        ConfigurationError
            If `n` is no such number, or there are no arms.
        """
        del now
        count = whole(n)
        if not 0 <= count < _MOST_DECISIONS:
            msg = f"n is {shown(n)}; expected a whole number in [0, 2**31)"
            raise ConfigurationError(msg)
        with self._locked():
            slots = self._field(None).slots
            batches = self._draws.choices(self._evidence.shapes, slots, self._stream, self._counter, count)
            chosen = np.concatenate([np.zeros(0, np.int32), *(positions for positions, _ in batches)])
            self._counter += count
            return chosen

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
        """Re-make a decision that was taken at the present version, on any stream of this policy's seed.

        Parameters, result and errors are those of every policy's `replay`.
        """
        del context
        place = place_of(decision_id)
        with self._locked():
            place.require(self.policy_version)
            field = self._field(candidates)
            shapes = self._evidence.reaching(field.numbers[-1] + 1)
            position, _ = self._draws.choice(shapes, field.slots, place.stream, place.counter)
            return field.labels[position]

    def __repr__(self) -> str:
        names = ", ".join(objective.name for objective in self._objectives)
        return f"<ParetoThompsonSampling [{listing(self.arms)}] over {names} version={self.policy_version}>"

    def _field(self, candidates: Iterable[Label] | None) -> _Field:
        """The candidates in the order of slots; what an open set does not hold takes the slots to come."""
        held = self._evidence.slots
        if candidates is None:
            self._arms.require_some()
            return _Field(self.arms, range(len(held)), tuple(held.tolist()), held)
        labels = check_labels(candidates, "candidates")
        positions = self._arms.positions(labels)
        unseen = positions.count(None)
        self._evidence.check_room(unseen)
        following = iter(range(self._evidence.next_slot, self._evidence.next_slot + unseen))
        slots = [next(following) if position is None else int(held[position]) for position in positions]
        order = sorted(range(len(slots)), key=slots.__getitem__)
        numbers = tuple([slots[i] for i in order])
        return _Field(tuple([labels[i] for i in order]), order, numbers, np.array(numbers, np.intp))

    def _next(self, field: _Field) -> tuple[int, int]:
        """The place of the next chosen arm in the field, and how many arms the front of the draws held."""
        version = self.policy_version, field.numbers
        shapes = self._evidence.reaching(field.numbers[-1] + 1)
        return self._ahead.choice(shapes, field.slots, self._stream, self._counter, version)

    def _chances(self, field: _Field) -> tuple[FloatArray, int]:
        """The estimated propensities of a field, and from how many draws."""
        key = self.policy_version, field.numbers
        if self._estimate is None or self._estimate[0] != key:
            shapes = self._evidence.reaching(field.numbers[-1] + 1)
            self._estimate = (key, *self._draws.chances(shapes, field.slots))
        return self._estimate[1:]
