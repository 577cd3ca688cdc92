"""Linear Thompson sampling with diagonal covariance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

from armwise._fields import Fields
from armwise._labels import listing
from armwise.policies._arms import ArmSet
from armwise.policies._linear import LinearPolicy, check_dim
from armwise.policies._seeds import Rng, draw_seed
from armwise.posteriors import DiagonalPosterior
from armwise.posteriors._decay import half_life_span
from armwise.types import Label
from armwise_kernels.protocol import Kind

__all__ = ["LinTSDiag"]


class LinTSDiag(LinearPolicy[DiagonalPosterior]):
    r"""Thompson sampling with a linear model of the reward for each arm, coefficients taken as independent.

    For each arm, over its contexts x and rewards r:

    .. math::

        A_j = \lambda + \sum x_j^2, \qquad b_j = \sum r x_j, \qquad
        \theta_j \sim N(b_j / A_j, \, \sigma^2 / A_j), \qquad \mathrm{arm} = \arg\max_i x^\top \theta_i

    Agrawal & Goyal, "Thompson sampling for contextual bandits with linear payoffs", ICML 2013, with the
    diagonal of their precision matrix. Chapelle & Li (NIPS 2011) keep a diagonal too, but find the mean jointly; here
    each coordinate stands by itself. Arms are independent, so the
    score of an arm is drawn as one normal number of the same law, N(x . mu, sum x_j^2 sigma^2 / A_j).

    The diagonal forgets how features correlate: where they do, coefficients share blame wrongly and
    uncertainty is misjudged. It costs O(dim) where :class:`LinTS` costs O(dim^2); compare both on your data.
    Give the context an intercept, an entry that is always 1, where rewards do not vanish with the features.

    Parameters
    ----------
    arms : list or tuple of labels, optional
        As for :class:`ThompsonSampling`; without it the set is open.
    dim : int
        Number of features, up to 65,536.
    sigma : float
        Standard deviation of rewards around the model, which scales exploration; in [1e-30, 1e30].
    prior_precision : float
        Where each A starts, in [1e-30, 1e30]: coefficients are taken to be within sigma /
        sqrt(prior_precision) of 0.
    half_life : float or timedelta, optional
        Seconds in which evidence comes to count half.
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
    >>> import numpy as np
    >>> policy = LinTSDiag(["cheap", "strong"], dim=2, seed=3)
    >>> easy, hard = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    >>> for _ in range(100):
    ...     policy.update("cheap", 0.8, easy)
    ...     policy.update("cheap", 0.1, hard)
    ...     policy.update("strong", 0.5, easy)
    ...     policy.update("strong", 0.5, hard)
    >>> policy.select(context=hard)
    'strong'
    >>> policy.coefficients("cheap").round(2).tolist()
    [0.45, 0.1]
    """

    _kind: ClassVar[Kind] = "lints_diag"
    _name: ClassVar[str] = "LinTSDiag"

    def __init__(
        self,
        arms: Iterable[Label] | None = None,
        *,
        dim: int,
        sigma: float = 0.5,
        prior_precision: float = 1.0,
        half_life: float | timedelta | None = None,
        seed: int | None = None,
        rng: Rng | None = None,
    ) -> None:
        held = ArmSet.given(arms)
        posterior = DiagonalPosterior(
            len(held.labels),
            dim=check_dim(dim),
            sigma=DiagonalPosterior.scale("sigma", sigma),
            prior_precision=DiagonalPosterior.scale("prior_precision", prior_precision),
            half_life=half_life_span(half_life),
        )
        super().__init__(held, posterior, draw_seed(seed, rng))

    @property
    def half_life(self) -> timedelta | None:
        """The time in which evidence comes to count half, to the microsecond; None without decay."""
        return self._posterior.half_life

    def __repr__(self) -> str:
        decay = "" if self.half_life is None else f", half_life={self.half_life}"
        parameters = f"dim={self.dim}, sigma={self.sigma}{decay}"
        return f"<LinTSDiag [{listing(self.arms)}] {parameters} version={self.policy_version}>"

    def _restored(self, fields: Fields, arms: int) -> DiagonalPosterior:
        return DiagonalPosterior.restored(fields, arms, self.dim)
