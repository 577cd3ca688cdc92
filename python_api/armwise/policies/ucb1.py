"""UCB1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from armwise._fields import Fields
from armwise._labels import listing
from armwise.policies._arms import ArmSet
from armwise.policies._means import MeanPolicy
from armwise.policies._seeds import Rng, draw_seed
from armwise.posteriors import MeanPosterior
from armwise.types import Label
from armwise_kernels.protocol import Kind

__all__ = ["UCB1"]


class UCB1(MeanPolicy):
    r"""Chooses the arm of the best upper confidence bound; nothing about it is random.

    Arms without rewards come first, in their order. After that, with q the mean of an arm's n rewards and N
    the rewards of all arms,

    .. math:: \mathrm{arm} = \arg\max_i \; q_i + \sqrt{2 \ln N / n_i}

    Auer, Cesa-Bianchi & Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning
    47, 2002. The bound is meant for rewards in [0, 1]; others are taken, and explored more or less. N counts
    rewards, not decisions, so decisions whose rewards have yet to come repeat the same arm: give it its
    rewards promptly. It keeps counting those of arms that were removed.

    Parameters
    ----------
    arms : list or tuple of labels, optional
        As for :class:`ThompsonSampling`; without it the set is open.
    seed : int, optional
        Kept for the ids of decisions; no choice depends on it.
    rng : random.Random or numpy.random.Generator, optional
        Gives the seed in place of `seed`.

    Raises
    ------
    ConfigurationError
        If a parameter is not as described.

    Examples
    --------
    >>> policy = UCB1(["a", "b"])
    >>> for reward in (0.2, 0.9, 0.8):
    ...     arm = policy.select()
    ...     policy.update(arm, reward)
    ...     print(arm)
    a
    b
    b
    """

    _kind: ClassVar[Kind] = "ucb1"
    _name: ClassVar[str] = "UCB1"

    def __init__(self, arms: Iterable[Label] | None = None, *, seed: int | None = None, rng: Rng | None = None) -> None:
        held = ArmSet.given(arms)
        super().__init__(held, MeanPosterior(len(held.labels)), draw_seed(seed, rng))

    def __repr__(self) -> str:
        return f"<UCB1 [{listing(self.arms)}] version={self.policy_version}>"

    def _restored(self, fields: Fields, arms: int) -> MeanPosterior:
        return MeanPosterior.restored(fields, arms)
