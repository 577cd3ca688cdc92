"""A policy as plain JSON, and back: nothing is touched before everything has been checked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import ClassVar, Final, TypeVar

from armwise._fields import INT64, Fields
from armwise._labels import plain_labels, restored_labels
from armwise.policies._arms import ArmSet
from armwise.policies._bound import BoundPolicy
from armwise.policies.encoder import ContextEncoder
from armwise.posteriors._columns import Columns
from armwise.types import State

__all__ = ["SavedPolicy"]

_VERSION: Final = 1
_SEEDS: Final = 1 << 64

P = TypeVar("P", bound=Columns)


class SavedPolicy(BoundPolicy[P]):
    """A policy that can be saved and loaded."""

    _name: ClassVar[str]
    _encoder: ContextEncoder | None = None

    @abstractmethod
    def _restored(self, fields: Fields, arms: int) -> P:
        """The posterior of a state, with its parameters."""

    def _parameters(self) -> State:
        """Parameters that the posterior does not hold."""
        return {}

    def state_dict(self) -> State:
        """Everything that decisions depend on, as plain JSON.

        ``json.dumps(state, allow_nan=False)`` and back gives the same state to the bit. A policy that loads
        it goes on as this one would have: the same parameters, arms and evidence, and the same next draws.

        Returns
        -------
        dict
            `policy` (its class), `version` (of this format), `arms`, `open`, the parameters and the
            posterior, `policy_version`, and `rng` with seed, stream and counter.

        Notes
        -----
        Other threads' calls wait while the arrays are copied, and not while the copy is turned into lists.
        """
        with self._door_closed():
            posterior = self._posterior.copy()
            encoder = self._encoder and self._encoder.copy()
            labels, closed, seed = self._arms.labels, self._arms.closed, self._seed
        state: State = {
            "policy": self._name,
            "version": _VERSION,
            "arms": plain_labels(labels),
            "open": not closed,
        }
        features = {"encoder": encoder.state_dict()} if encoder is not None and encoder.columns else {}
        rng: State = {"seed": seed, "stream": posterior.stream, "counter": posterior.counter}
        return state | self._parameters() | posterior.state() | features | {"rng": rng}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Become the policy whose state this is: its arms, parameters, evidence, seed, stream and counter.

        Parameters
        ----------
        state : mapping
            As :meth:`state_dict` gave it. One without a `version` is older than the field: what it does not
            say of slots, versions and randomness starts afresh, and what it does not say of parameters is the
            class's default, as it was when that state was written.

        Raises
        ------
        SnapshotError
            If it is of another policy, dimension or a newer version, or anything in it is missing or cannot
            be. The policy is unchanged then.
        """
        self._prepared(state)()

    def _prepared(self, state: Mapping[str, object]) -> Callable[[], None]:
        """Check a state as :meth:`load_state` does, and return the call that takes it on.

        Nothing has changed before that call, and the call checks nothing more: who loads several policies checks them
        all before the first one becomes another.
        """
        fields = Fields(state, legacy=isinstance(state, Mapping) and "version" not in state)
        if not fields.legacy:
            fields.version(_VERSION)
        if (fields.says("policy") or not fields.legacy) and fields.text("policy") != self._name:
            fields.refuse("policy", f"{self._name!r}; load it into a policy of its own class")
        arms = self._restored_arms(fields)
        posterior = self._restored(fields, len(arms.labels))
        seed, stream, counter = self._seed, self.stream, self.counter
        if fields.says("rng") or not fields.legacy:
            rng = fields.fields("rng")
            seed, stream, counter = (
                rng.whole("seed", 0, _SEEDS - 1),
                rng.whole("stream", 0, INT64),
                rng.whole("counter"),
            )
        posterior.move(stream, counter, self._kernels.stream_key(seed, stream))
        encoder = self._encoder and ContextEncoder(self._encoder.dim)
        if encoder is not None and fields.says("encoder"):
            encoder.load_state(fields.mapping("encoder"))
        core = self._new_core()
        core.bind(posterior.arrays(), arms.labels, arms.index)
        core.refresh()
        if posterior.restore_index():
            core.bind(posterior.arrays(), arms.labels, arms.index)

        def take_on() -> None:
            with self._door_closed():
                self._arms, self._posterior, self._seed, self._encoder = arms, posterior, seed, encoder

        return take_on

    def _restored_arms(self, fields: Fields) -> ArmSet:
        labels = fields.items("arms")
        closed = self._arms.closed if fields.legacy and not fields.says("open") else not fields.truth("open")
        return ArmSet(restored_labels(labels, "state['arms']") if labels or closed else (), closed=closed)
