"""What a policy over several objectives holds: saved and loaded, locked, and kept apart after a fork."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, NoReturn, SupportsIndex

from armwise._fields import INT64, Fields
from armwise._forks import watch_forks
from armwise._labels import check_labels, plain
from armwise._words import suspected
from armwise.errors import ConfigurationError, SnapshotError
from armwise.experiments._guarded import Guarded
from armwise.experiments.pareto._ahead import DrawnAhead
from armwise.experiments.pareto._draws import FrontDraws
from armwise.experiments.pareto._evidence import Evidence
from armwise.experiments.pareto._objectives import Objective, objectives_of, objectives_state
from armwise.policies._arms import ArmSet
from armwise.policies._core import loaded_kernels
from armwise.policies._seeds import fresh_stream
from armwise.types import FloatArray, Label, State

__all__ = ["SavedParetoPolicy"]

_NAME: Final = "ParetoThompsonSampling"
_VERSION: Final = 1
_SEEDS: Final = 1 << 64


class SavedParetoPolicy(Guarded):
    """Arms, their evidence in each objective, and where in its randomness the policy stands."""

    _REENTERED: ClassVar[str] = (
        "the policy was called from within one of its own calls, by a signal handler or a finalizer; let it set a flag "
        "or fill a queue, and call the policy from the main flow; nothing was changed"
    )

    def __init__(self, arms: ArmSet, evidence: Evidence, objectives: tuple[Objective, ...], seed: int) -> None:
        super().__init__()
        self._arms = arms
        self._evidence = evidence
        self._objectives = objectives
        self._seed = seed
        self._stream = self._counter = 0
        self._kernels = loaded_kernels()
        self._draws = FrontDraws(self._kernels, seed, len(objectives))
        self._ahead = DrawnAhead(self._draws)
        self._estimate: tuple[object, FloatArray, int] | None = None
        watch_forks(self)

    @property
    def arms(self) -> tuple[Label, ...]:
        """The arms that the policy holds, in the order of their slots."""
        return self._arms.labels

    @property
    def objectives(self) -> dict[str, tuple[float, float]]:
        """The worst and the best value of each objective."""
        return {objective.name: (objective.worst, objective.best) for objective in self._objectives}

    @property
    def prior(self) -> tuple[float, float]:
        """Alpha and beta of an arm without rewards, in every objective."""
        return self._evidence.prior

    @property
    def policy_version(self) -> int:
        """Number of state changes so far: updates, arms that came or went."""
        return self._evidence.version

    @property
    def seed(self) -> int:
        """The seed of all randomness, in [0, 2**64)."""
        return self._seed

    @property
    def stream(self) -> int:
        """Which of the seed's streams decisions draw from: 0 at first, a random one in a forked process."""
        return self._stream

    @property
    def counter(self) -> int:
        """The number of the next decision."""
        return self._counter

    def state_dict(self) -> State:
        """Everything that decisions depend on, as plain JSON.

        ``json.dumps(state, allow_nan=False)`` and back gives the same state to the bit. A policy of the same
        objectives that loads it goes on as this one would have.

        Returns
        -------
        dict
            `policy` (the class), `version` (of this format), `arms`, `open`, `objectives`, the prior, the
            shapes by objective and arm, `policy_version`, and `rng` with seed, stream and counter.
        """
        with self._locked():
            rng: State = {"seed": self._seed, "stream": self._stream, "counter": self._counter}
            state: State = {
                "policy": _NAME,
                "version": _VERSION,
                "arms": [plain(label) for label in self._arms.labels],
                "open": not self._arms.closed,
                "objectives": objectives_state(self._objectives),
            }
            return state | self._evidence.state() | {"rng": rng}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Become the policy whose state this is: its arms, prior, evidence, seed, stream and counter.

        Parameters
        ----------
        state : mapping
            As :meth:`state_dict` gave it, of the same objectives with the same bounds.

        Raises
        ------
        SnapshotError
            If it is of another policy, other objectives or a newer version, or anything in it is missing or
            cannot be. The policy is unchanged then.
        """
        with suspected():
            fields = Fields(state)
            version = fields.whole("version", 1)
            if version > _VERSION:
                msg = (
                    f"the state has version {version}, this armwise reads up to {_VERSION}; upgrade armwise, "
                    "or restore a snapshot that this version wrote; nothing was changed"
                )
                raise SnapshotError(msg)
            if fields.text("policy") != _NAME:
                fields.refuse("policy", f"{_NAME!r}; load it into a policy of its own class")
            objectives_of(fields, self._objectives)
            arms = _restored_arms(fields)
            evidence = Evidence.restored(fields, len(arms.labels), len(self._objectives))
            rng = fields.fields("rng")
            seed = rng.whole("seed", 0, _SEEDS - 1)
            stream, counter = rng.whole("stream", 0, INT64), rng.whole("counter")
            draws = FrontDraws(self._kernels, seed, len(self._objectives))
        with self._locked():
            self._arms, self._evidence, self._draws, self._ahead = arms, evidence, draws, DrawnAhead(draws)
            self._seed, self._stream, self._counter, self._estimate = seed, stream, counter, None

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be copied or pickled.

        Raises
        ------
        ConfigurationError
            Always: two policies on one stream would repeat each other's draws and ids.
        """
        msg = (
            "a ParetoThompsonSampling is not copied or pickled: two of them on one stream would repeat each other's "
            "decisions; hand on state_dict(), and load_state() it where the other one stops"
        )
        raise ConfigurationError(msg)

    def _renew(self) -> None:
        self._stream, self._counter = fresh_stream(), 0


def _restored_arms(fields: Fields) -> ArmSet:
    """The arms of a state."""
    labels = fields.items("arms")
    closed = not fields.truth("open")
    if not labels and not closed:
        return ArmSet((), closed=False)
    try:
        return ArmSet(check_labels(labels, "state['arms']"), closed=closed)
    except ConfigurationError as error:
        msg = f"{error}; nothing was changed"
        raise SnapshotError(msg) from None
