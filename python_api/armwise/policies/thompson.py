"""Thompson sampling with Beta posteriors."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar, Final, Literal

from armwise._fields import Fields
from armwise._labels import listing
from armwise.policies._arms import ArmSet
from armwise.policies._base import ArmPolicy
from armwise.policies._rewards import checked_rewards
from armwise.policies._seeds import Rng, draw_seed
from armwise.posteriors import BetaPosterior
from armwise.posteriors._decay import half_life_span
from armwise.types import FloatArray, Label
from armwise_kernels import law
from armwise_kernels.protocol import Kind

__all__ = ["ThompsonSampling"]

_REMEDY: Final = (
    "; turn costs and latencies into a reward in [0, 1] first, with armwise.rewards.CompositeReward: "
    "a value clamped to 1 would teach nothing"
)


class ThompsonSampling(ArmPolicy[BetaPosterior]):
    r"""Chooses each arm with the probability that it is the best one.

    Each arm's mean reward has a Beta posterior. A reward r in [0, 1] adds r to alpha and 1 - r to beta, a
    decision draws once from each posterior and takes the arm of the largest draw:

    .. math:: \theta_i \sim \mathrm{Beta}(\alpha_i, \beta_i), \qquad \mathrm{arm} = \arg\max_i \theta_i

    Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 25, 1933; Chapelle
    & Li, "An empirical evaluation of Thompson sampling", NIPS 2011. Fractional rewards enter as such; Agrawal
    & Goyal (COLT 2012) toss a coin instead, which has the same mean and more noise.

    With a half-life, evidence counts half after that time and posteriors drift back to the prior, so that
    what changes is learnt anew. Time moves by ticks of half_life / 1024, and each tick that passes is a state
    change.

    Parameters
    ----------
    arms : list or tuple of labels, optional
        The arms: strings, integers or finite floats, no two equal. Without it the set is open: any candidate
        may come, and becomes an arm at its first reward.
    prior : tuple of float
        Alpha and beta of an arm without rewards, in [1e-100, 1e100]. (1, 1) is uniform.
    half_life : float or timedelta, optional
        Seconds, at least a microsecond.
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
    >>> policy = ThompsonSampling(["small", "large"], seed=7)
    >>> for _ in range(20):
    ...     policy.update("small", 0.9)
    ...     policy.update("large", 0.4)
    >>> policy.select()
    'small'
    >>> decision = policy.decide(["large", "small"])
    >>> decision.arm, decision.index, round(decision.propensity, 6)
    ('small', 1, 0.999542)
    >>> policy.replay(decision.decision_id, ["large", "small"])
    'small'
    """

    _kind: ClassVar[Kind] = "thompson"
    _name: ClassVar[str] = "ThompsonSampling"

    def __init__(
        self,
        arms: Iterable[Label] | None = None,
        *,
        prior: tuple[float, float] = (1.0, 1.0),
        half_life: float | timedelta | None = None,
        seed: int | None = None,
        rng: Rng | None = None,
    ) -> None:
        held = ArmSet.given(arms)
        posterior = BetaPosterior(
            len(held.labels), prior=BetaPosterior.shapes(prior), half_life=half_life_span(half_life)
        )
        super().__init__(held, posterior, draw_seed(seed, rng))

    @property
    def prior(self) -> tuple[float, float]:
        """Alpha and beta of an arm without rewards."""
        return self._posterior.prior

    @property
    def half_life(self) -> timedelta | None:
        """The time in which evidence comes to count half, to the microsecond; None without decay."""
        return self._posterior.half_life

    @property
    def path(self) -> Literal["plain", "block"]:
        """How all arms are drawn from: each in full, or leaders in full and the others thinned as a block.

        The law is the same. The block path serves 64 arms and more, where a few stand out; which one serves
        is part of the state and changes with it alone: at updates, and where arms come or go.
        """
        return "block" if self._posterior.head[law.HEAD_PATH] else "plain"

    def posterior(self) -> dict[Label, tuple[float, float]]:
        """Alpha and beta of each arm, as of the last update or tick.

        Examples
        --------
        >>> policy = ThompsonSampling(["a", "b"])
        >>> policy.update("a", 0.75)
        >>> policy.posterior()
        {'a': (1.75, 1.25), 'b': (1.0, 1.0)}
        """
        with self._door_closed():
            alpha, beta = self._posterior.alpha.tolist(), self._posterior.beta.tolist()
            return dict(zip(self.arms, zip(alpha, beta, strict=True), strict=True))

    def __repr__(self) -> str:
        decay = "" if self.half_life is None else f", half_life={self.half_life}"
        return f"<ThompsonSampling [{listing(self.arms)}] prior={self.prior}{decay} version={self.policy_version}>"

    def _checked_rewards(self, rewards: object, count: int) -> FloatArray:
        return checked_rewards(rewards, count, 0.0, 1.0, _REMEDY)

    def _restored(self, fields: Fields, arms: int) -> BetaPosterior:
        return BetaPosterior.restored(fields, arms)
