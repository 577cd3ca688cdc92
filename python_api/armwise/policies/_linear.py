"""What the two linear policies have in common: features, and coefficients that can be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard, TypeVar

from armwise._labels import check_label
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.policies._arms import ArmSet
from armwise.policies._base import ArmPolicy
from armwise.policies._contexts import matrix, vector
from armwise.policies._rewards import checked_rewards
from armwise.policies.encoder import ContextEncoder
from armwise.posteriors import LinearPosterior
from armwise.posteriors._numbers import whole
from armwise.types import FloatArray, Label
from armwise_kernels import law

__all__ = ["LinearPolicy", "check_dim"]

_WIDEST: Final = 1 << 16

P = TypeVar("P", bound=LinearPosterior)


def check_dim(dim: object, most: int = _WIDEST) -> int:
    """A checked number of features.

    Raises
    ------
    ConfigurationError
        If it is no whole number from 1 up to `most`.
    """
    number = whole(dim)
    if 1 <= number <= most:
        return number
    msg = f"dim is {shown(dim)}; expected the number of features, a whole number in [1, {most}]"
    raise ConfigurationError(msg)


class LinearPolicy(ArmPolicy[P]):
    """A linear model of the reward for each arm."""

    def __init__(self, arms: ArmSet, posterior: P, seed: int) -> None:
        super().__init__(arms, posterior, seed)
        if posterior.dim > 1:  # beside the bias there is room for a feature
            self._encoder = ContextEncoder(posterior.dim)

    @property
    def dim(self) -> int:
        """Number of features."""
        return self._posterior.dim

    @property
    def sigma(self) -> float:
        """Standard deviation of rewards around the model."""
        return self._posterior.sigma

    @property
    def prior_precision(self) -> float:
        """What each coefficient's precision starts from, in units of 1 / sigma^2."""
        return self._posterior.prior_precision

    def coefficients(self, arm: Label) -> FloatArray:
        """The posterior mean of an arm's coefficients, as of the last update or tick.

        Returns
        -------
        ndarray of float64, shape (dim,)

        Raises
        ------
        UnknownArm
            If there is no such arm.
        """
        with self._door_closed():
            position = self._arms.position(check_label(arm))
            if position is None:
                raise self._arms.unknown(arm)
            return self._posterior.coefficients(position)

    def _checked_rewards(self, rewards: object, count: int) -> FloatArray:
        return checked_rewards(rewards, count, -law.MAX_CONTEXT, law.MAX_CONTEXT)

    def _checked_context(self, context: object) -> FloatArray:
        if isinstance(context, Mapping):
            return vector(self._required_encoder().encode(context), self.dim)
        return vector(context, self.dim)

    def _checked_contexts(self, contexts: object, count: int) -> FloatArray:
        if not _are_mappings(contexts):
            return matrix(contexts, self.dim, count)
        # Each update would have moved the scales that the next one is encoded by.
        encoder = self._required_encoder().copy()
        rows: list[FloatArray] = []
        for context in contexts:
            rows.append(encoder.encode(context))
            encoder.observe(context)
        return matrix(rows, self.dim, count)

    def _requests(self, n: object) -> tuple[int, FloatArray]:
        if _are_mappings(n):
            contexts = matrix([self._required_encoder().encode(context) for context in n], self.dim)
        else:
            contexts = matrix(n, self.dim)
        return len(contexts), contexts

    def _required_encoder(self) -> ContextEncoder:
        if self._encoder is None:
            msg = "context is a mapping, and dim=1 has no room for features beside the bias; make dim larger"
            raise ConfigurationError(msg)
        return self._encoder


def _are_mappings(contexts: object) -> TypeGuard[Sequence[Mapping[str, str | float]]]:
    """Whether these are features by name: the first decides, the encoder refuses what does not follow it."""
    return isinstance(contexts, Sequence) and bool(contexts) and isinstance(contexts[0], Mapping)
