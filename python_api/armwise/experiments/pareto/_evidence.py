"""What is known of each arm in each objective: Beta shapes, by slot."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from armwise._fields import Fields
from armwise.errors import ConfigurationError
from armwise.posteriors._columns import rows
from armwise.types import FloatArray, State
from armwise_kernels import law

__all__ = ["Evidence"]

_MOST_ARMS: Final = 256
"""Every pair of arms is compared at every decision."""
_MOST_SLOTS: Final = 1 << 16
"""A decision draws for every slot below its greatest, those of arms that went too."""


class Evidence:
    """No arms yet, in each of m objectives.

    A slot is an arm's number for life, never reused; draws are addressed by it. Shapes are kept by slot, so arms
    that come and go move nothing.

    Parameters
    ----------
    objectives : int
        How many.
    prior : tuple of float
        Alpha and beta of an arm without rewards.
    """

    def __init__(self, objectives: int, prior: tuple[float, float]) -> None:
        self.prior = prior
        self.version = 0
        self.next_slot = 0
        self._slots = np.zeros(0, np.intp)
        self._shapes = np.zeros((objectives, 2, 0))

    @property
    def slots(self) -> NDArray[np.intp]:
        """The slot of each arm, intp (K,), rising."""
        return self._slots

    @property
    def shapes(self) -> FloatArray:
        """Alpha and beta of every objective by slot, float64 (m, 2, S); S exceeds the greatest slot."""
        return self._shapes

    def reaching(self, slots: int) -> FloatArray:
        """The shapes, of at least so many slots: those that no arm has had stand at the prior."""
        while self._shapes.shape[2] < slots:
            self._shapes = np.concatenate([self._shapes, self._at_prior(max(8, self._shapes.shape[2]))], axis=2)
        return self._shapes

    def check_room(self, arms: int = 1) -> None:
        """Refuse so many arms more than are compared in good time.

        Raises
        ------
        ConfigurationError
            If there would be more than 256 arms, or more than 65,536 over a lifetime.
        """
        if len(self._slots) + arms > _MOST_ARMS or self.next_slot + arms > _MOST_SLOTS:
            msg = (
                f"{arms} more arms beside {len(self._slots)}; over several objectives a policy compares at most "
                f"{_MOST_ARMS} at a time, and {_MOST_SLOTS:,} over its lifetime; split the domain, or shortlist first"
            )
            raise ConfigurationError(msg)

    def append(self) -> None:
        """Give the next slot to one more arm, at the prior; there must be room. The version stays."""
        self._slots = np.append(self._slots, self.next_slot)
        self.next_slot += 1
        self.reaching(self.next_slot)

    def remove(self, position: int) -> None:
        """Forget one arm. The version rises."""
        self._shapes[:, :, self._slots[position]] = self.prior
        self._slots = np.delete(self._slots, position)
        self.version += 1

    def learn(self, objective: int, positions: list[int], goodness: FloatArray) -> None:
        """Add goodness to alpha and the rest of one to beta, in order. The version stays."""
        slots = self._slots[positions]
        # Not +=, which would count an arm that stands twice once.
        np.add.at(self._shapes[objective, 0], slots, goodness)
        np.add.at(self._shapes[objective, 1], slots, 1.0 - goodness)

    def set_prior(self, objective: int, position: int, prior: tuple[float, float]) -> None:
        """Give one arm checked shapes of its own in one objective. The version stays."""
        self._shapes[objective, :, self._slots[position]] = prior

    def held(self) -> FloatArray:
        """Alpha and beta of each arm, float64 (m, 2, K), a copy."""
        return self._shapes[:, :, self._slots]

    def state(self) -> State:
        """Everything, as plain JSON."""
        held = self.held()
        return {
            "slots": self._slots.tolist(),
            "next_slot": self.next_slot,
            "policy_version": self.version,
            "prior": list(self.prior),
            "alpha": rows(held[:, 0]),
            "beta": rows(held[:, 1]),
        }

    @classmethod
    def restored(cls, fields: Fields, arms: int, objectives: int) -> Evidence:
        """The evidence of a state.

        Raises
        ------
        SnapshotError
            If the state is not what :meth:`state` gives.
        """
        low, high = law.MIN_SHAPE, law.MAX_SHAPE
        a, b = fields.numbers("prior", (2,), low, high)
        evidence = cls(objectives, (float(a), float(b)))
        evidence.version = fields.whole("policy_version")
        evidence.next_slot = fields.whole("next_slot", arms, _MOST_SLOTS)
        if arms > _MOST_ARMS:
            fields.refuse("arms", f"at most {_MOST_ARMS} labels")
        slots = fields.wholes("slots", arms, 0, evidence.next_slot - 1, rising=True)
        evidence._slots = np.array(slots, np.intp)
        shape = (objectives, arms)
        held = np.stack([fields.numbers(name, shape, low, high) for name in ("alpha", "beta")], axis=1)
        evidence.reaching(evidence.next_slot)[:, :, slots] = held
        return evidence

    def _at_prior(self, slots: int) -> FloatArray:
        shapes: FloatArray = np.tile(np.array(self.prior)[None, :, None], (len(self._shapes), 1, slots))
        return shapes
