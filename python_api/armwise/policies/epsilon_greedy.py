"""Epsilon-greedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from armwise._fields import Fields
from armwise._labels import listing
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.policies._arms import ArmSet
from armwise.policies._means import MeanPolicy
from armwise.policies._seeds import Rng, draw_seed
from armwise.posteriors import MeanPosterior
from armwise.posteriors._numbers import real
from armwise.types import Label, State
from armwise_kernels import law
from armwise_kernels.protocol import Kind

__all__ = ["EpsilonGreedy"]


class EpsilonGreedy(MeanPolicy):
    r"""Chooses the arm of the best mean, and any arm with probability epsilon.

    With q the mean reward of an arm, 0 before its first,

    .. math:: P(i) = (1 - \epsilon) \, [i = \arg\max_j q_j] + \epsilon / K

    where ties go to the arm that came first. Sutton & Barto, "Reinforcement Learning", 2nd edition, 2018,
    section 2.4.

    Parameters
    ----------
    arms : list or tuple of labels, optional
        As for :class:`ThompsonSampling`; without it the set is open.
    epsilon : float
        Share of decisions that explore, in [0, 1].
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
    >>> policy = EpsilonGreedy(["a", "b"], epsilon=0.2, seed=1)
    >>> policy.update("b", 3.5)
    >>> policy.propensities().round(6).tolist()
    [0.1, 0.9]
    >>> policy.select_many(8).tolist()
    [1, 0, 1, 1, 1, 0, 1, 1]
    >>> policy.means()
    {'a': (0.0, 0), 'b': (3.5, 1)}
    """

    _kind: ClassVar[Kind] = "epsilon_greedy"
    _name: ClassVar[str] = "EpsilonGreedy"

    def __init__(
        self,
        arms: Iterable[Label] | None = None,
        *,
        epsilon: float = 0.1,
        seed: int | None = None,
        rng: Rng | None = None,
    ) -> None:
        held = ArmSet.given(arms)
        if not 0.0 <= real(epsilon) <= 1.0:
            msg = f"epsilon is {shown(epsilon)}; expected a number in [0, 1]"
            raise ConfigurationError(msg)
        posterior = MeanPosterior(len(held.labels))
        posterior.parameters[law.EPSILON_SHARE] = epsilon
        super().__init__(held, posterior, draw_seed(seed, rng))

    @property
    def epsilon(self) -> float:
        """Share of decisions that explore."""
        return float(self._posterior.parameters[law.EPSILON_SHARE])

    def __repr__(self) -> str:
        return f"<EpsilonGreedy [{listing(self.arms)}] epsilon={self.epsilon} version={self.policy_version}>"

    def _parameters(self) -> State:
        return {"epsilon": self.epsilon}

    def _restored(self, fields: Fields, arms: int) -> MeanPosterior:
        posterior = MeanPosterior.restored(fields, arms)
        epsilon = self.epsilon if fields.legacy and not fields.says("epsilon") else fields.number("epsilon", 0.0, 1.0)
        posterior.parameters[law.EPSILON_SHARE] = epsilon
        return posterior
