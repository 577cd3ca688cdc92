"""What an allocator is told: everything that its assignments depend on, but the history of its table."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from armwise.experiments.allocation._weights import common
from armwise.experiments.allocation.namespaces import Namespace

__all__ = ["Config", "Law"]

Law: TypeAlias = Literal["range", "modulo"]


@dataclass(frozen=True, slots=True)
class Config:
    """Checked settings of an allocator.

    Attributes
    ----------
    experiment_id, seed_salt : str
        What the seed of the hash is made of.
    weights : dict of str to Fraction
        Of each variant, in the order of codes; not all 0.
    coverage : Fraction
        In [0, 1].
    namespace : Namespace or None
        Which keys can be in the experiment at all.
    law : {"range", "modulo"}
        How a hash becomes a code.
    dialect : str or None
        The system whose hash and ranges are taken instead.
    """

    experiment_id: str
    seed_salt: str
    weights: dict[str, Fraction]
    coverage: Fraction
    namespace: Namespace | None
    law: Law
    dialect: str | None

    @property
    def ranged(self) -> bool:
        """Whether a range table assigns, and not the modulo law or a dialect."""
        return self.law == "range" and self.dialect is None

    @property
    def whole(self) -> list[int]:
        """The weights over their least common denominator."""
        return common(self.weights.values())[0]

    @property
    def seed(self) -> str:
        """What other systems call the seed: the salt where one is given, the experiment id otherwise."""
        return self.seed_salt or self.experiment_id
