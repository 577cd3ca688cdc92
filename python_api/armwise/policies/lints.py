"""Linear Thompson sampling with full covariance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from armwise._fields import Fields
from armwise._labels import listing
from armwise.policies._arms import ArmSet
from armwise.policies._linear import LinearPolicy, check_dim
from armwise.policies._seeds import Rng, draw_seed
from armwise.posteriors import FullPosterior
from armwise.types import Label
from armwise_kernels.protocol import Kind

__all__ = ["LinTS"]

_WIDEST: Final = 1 << 12


class LinTS(LinearPolicy[FullPosterior]):
    r"""Thompson sampling with a linear model of the reward for each arm, full covariance.

    For each arm, over its contexts x and rewards r:

    .. math::

        A = \lambda I + \sum x x^\top, \qquad b = \sum r x, \qquad
        \theta \sim N(A^{-1} b, \, \sigma^2 A^{-1}), \qquad \mathrm{arm} = \arg\max_i x^\top \theta_i

    Agrawal & Goyal, "Thompson sampling for contextual bandits with linear payoffs", ICML 2013. A is kept as
    its Cholesky factor and takes each context by rotations (Gill, Golub, Murray & Saunders, Math. Comp. 28,
    1974), which cannot lose positive definiteness. It costs O(dim^2) a decision and an update, and dim^2 / 2
    numbers an arm; :class:`LinTSDiag` costs O(dim).

    Parameters
    ----------
    arms : list or tuple of labels, optional
        As for :class:`ThompsonSampling`; without it the set is open.
    dim : int
        Number of features, up to 4,096.
    sigma : float
        Standard deviation of rewards around the model, which scales exploration; in [1e-30, 1e30].
    prior_precision : float
        Where the diagonal of A starts, in [1e-30, 1e30].
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
    >>> policy = LinTS(["cheap", "strong"], dim=2, seed=3)
    >>> easy, hard = np.array([1.0, 0.0]), np.array([1.0, 1.0])
    >>> for _ in range(100):
    ...     policy.update("cheap", 0.8, easy)
    ...     policy.update("cheap", 0.1, hard)
    ...     policy.update("strong", 0.5, easy)
    ...     policy.update("strong", 0.5, hard)
    >>> policy.select(context=hard)
    'strong'
    >>> policy.coefficients("cheap").round(2).tolist()
    [0.79, -0.68]
    """

    _kind: ClassVar[Kind] = "lints"
    _name: ClassVar[str] = "LinTS"

    def __init__(
        self,
        arms: Iterable[Label] | None = None,
        *,
        dim: int,
        sigma: float = 0.5,
        prior_precision: float = 1.0,
        seed: int | None = None,
        rng: Rng | None = None,
    ) -> None:
        held = ArmSet.given(arms)
        posterior = FullPosterior(
            len(held.labels),
            dim=check_dim(dim, _WIDEST),
            sigma=FullPosterior.scale("sigma", sigma),
            prior_precision=FullPosterior.scale("prior_precision", prior_precision),
        )
        super().__init__(held, posterior, draw_seed(seed, rng))

    def __repr__(self) -> str:
        return f"<LinTS [{listing(self.arms)}] dim={self.dim}, sigma={self.sigma} version={self.policy_version}>"

    def _restored(self, fields: Fields, arms: int) -> FullPosterior:
        return FullPosterior.restored(fields, arms, self.dim)
