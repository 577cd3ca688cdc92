"""Thompson sampling with one posterior for all processes of a machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from armwise._fields import Fields
from armwise._labels import check_labels, listing, plain
from armwise._words import shown
from armwise.errors import ConfigurationError, ReplayError
from armwise.policies._arms import ArmSet
from armwise.policies._base import ArmPolicy
from armwise.policies._core import HotCore, loaded_kernels
from armwise.policies._ids import place_of
from armwise.policies._seeds import draw_seed
from armwise.policies.thompson import ThompsonSampling
from armwise.posteriors import BetaPosterior
from armwise.posteriors._shared_file import Header
from armwise.posteriors.shared import SharedBetaPosterior, SharedTable, packed
from armwise.protocols import ContextLike
from armwise.types import FloatArray, Label, State
from armwise_kernels import law
from armwise_kernels.protocol import View

__all__ = ["SharedThompsonSampling"]


class SharedThompsonSampling(ThompsonSampling):
    r"""Thompson sampling whose evidence stands in a file that processes map, and learn into together.

    Of each arm the file holds one 64-bit word: the sum of its rewards and their count. A reward is one atomic step on
    that word. A decision looks whether words have moved since the last one, and draws from what they say now, so that
    what one process learns the next decision of every other one knows. Nothing is locked: a process that is killed at
    any instant loses at most the reward it was about to add, and leaves a table that is whole.

    A process draws from a stream of its own, which the table gives it when it opens the file, and again after a fork:
    no two processes make the same draws, and no decision id comes twice. The table counts its streams from 2**62 on;
    who calls :meth:`take_stream` all the same gives one below, which nobody had. Within a process everything is as for
    :class:`ThompsonSampling`; the law of the choices is the same, stated there with its sources.

    Parameters
    ----------
    path : str or path-like
        The file, on a disk of this machine. Where there is none it is made, whole before it has its name.
    arms : list or tuple of labels, optional
        The arms, as for :class:`ThompsonSampling`, fixed for the life of the file. Without it they are the file's; if
        both are there they must be the same, in the same order.
    prior : tuple of float, optional
        Alpha and beta of an arm without rewards, in [1e-100, 1e100]; (1, 1) for a new file, else the file's.
    seed : int, optional
        In [0, 2**64); drawn from the system for a new file, else the file's.

    Raises
    ------
    ConfigurationError
        If a parameter is not as described, is not that of the file, or there are neither a file nor arms.
    SnapshotError
        If the file is no such table, is torn, or a newer armwise made it. Calls raise it too, where something else
        wrote into the file.
    StoreError
        If the file cannot be made, opened or mapped.

    Notes
    -----
    Rewards in [0, 1] are rounded to the nearest 1 / 4096; 0, 1 and every multiple are exact. A word counts up to
    2**26 - 2 rewards, and is then halved with its sum.

    :attr:`policy_version` counts the changes that this process has seen. Evidence of others comes in between, and no
    log of this process holds it: a decision can be replayed while the version stands, or from a checkpoint
    (:meth:`state_dict`) that was taken before it, at its version, by the process that took it.

    The file must not be made shorter while it is open: touching a page that is gone ends a process by SIGBUS.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "models.table"
    >>> one = SharedThompsonSampling(file, ["small", "large"], seed=7)
    >>> other = SharedThompsonSampling(file)  # in another process, as a rule
    >>> for _ in range(20):
    ...     one.update("small", 0.75)
    ...     other.update("large", 0.5)
    >>> one.posterior() == other.posterior()
    True
    >>> one.posterior()
    {'small': (16.0, 6.0), 'large': (11.0, 11.0)}
    >>> one.stream == other.stream
    False
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        arms: Iterable[Label] | None = None,
        *,
        prior: tuple[float, float] | None = None,
        seed: int | None = None,
    ) -> None:
        labels = None if arms is None else tuple(plain(arm) for arm in check_labels(arms, "arms"))
        shapes = None if prior is None else BetaPosterior.shapes(prior)
        drawn = draw_seed(seed)
        fresh = Header(labels or (), shapes or (1.0, 1.0), drawn)
        given = None if seed is None else drawn
        self._table = SharedTable.open(path, labels, shapes, given, fresh, loaded_kernels())
        held = ArmSet(self._table.arms, closed=True)
        ArmPolicy.__init__(self, held, SharedBetaPosterior(self._table), self._table.seed)
        self._move_on()

    @property
    def file(self) -> Path:
        """Where the table is."""
        return self._table.path

    def posterior(self) -> dict[Label, tuple[float, float]]:
        """Alpha and beta of each arm now, by the rewards of all processes.

        Each arm's are those of one instant; the set of them has no such instant while others learn.
        """
        alpha, beta = self._table.shapes()
        return dict(zip(self.arms, zip(alpha.tolist(), beta.tolist(), strict=True), strict=True))

    def state_dict(self) -> State:
        """The state of a :class:`ThompsonSampling` that stands where this process does.

        It is brought up to the table first. A :class:`ThompsonSampling` that loads it goes on as this process would
        if it were alone: by it the decisions that follow are replayed, up to the next change of version.

        Returns
        -------
        dict
            As of :class:`ThompsonSampling`, and `shared`: of each arm, `sums` of its rewards in units of 1 / 4096,
            and `counts`. Arms are whole each, and are not of one instant while other processes learn.
        """
        with self._locked():
            self._table.load()
            self._core.follow()
            return super().state_dict()

    def load_state(self, state: Mapping[str, object]) -> None:
        """Put the evidence of a state in the place of the table's, for all processes.

        Each arm's word is replaced by one atomic step. What is learnt meanwhile stands before that step, and is gone,
        or behind it, and stays. Streams and counters of all processes go on as they are, since a stream that was
        saved may be in use: a :class:`ThompsonSampling` is the one that continues a state's own.

        Parameters
        ----------
        state : mapping
            As :meth:`state_dict` gave it, of the same arms and the same prior.

        Raises
        ------
        SnapshotError
            If it is anything else. The table is unchanged then.
        """
        super().load_state(state)

    def add_arm(self, arm: Label, prior: object = None) -> NoReturn:
        """Refuse: the arms are those of the file.

        Raises
        ------
        ConfigurationError
            Always.
        """
        del prior
        msg = f"{shown(arm)} cannot join: {self._fixed}"
        raise ConfigurationError(msg)

    def remove_arm(self, arm: Label) -> NoReturn:
        """Refuse: the arms are those of the file; a decision may leave one out of its candidates.

        Raises
        ------
        ConfigurationError
            Always.
        """
        msg = f"{shown(arm)} cannot go: {self._fixed}"
        raise ConfigurationError(msg)

    def replay(
        self, decision_id: str, candidates: Iterable[Label] | None = None, context: ContextLike | None = None
    ) -> Label:
        """Re-make a decision that this process took at the present version; see :meth:`ThompsonSampling.replay`.

        Raises
        ------
        ReplayError
            If another process took it, whose versions are not those of this one, or the version has moved since.
        """
        stream, _, _ = place_of(decision_id)
        if stream != self.stream:
            msg = (
                f"the decision is of stream {stream}, this process draws from {self.stream}, and each counts versions "
                "by what it has seen; load the state_dict() of the process that decided into a ThompsonSampling"
            )
            raise ReplayError(msg)
        return super().replay(decision_id, candidates, context)

    def __repr__(self) -> str:
        arms = listing(self.arms)
        return f"<SharedThompsonSampling [{arms}] prior={self.prior} file={str(self.file)!r} stream={self.stream}>"

    @property
    def _fixed(self) -> str:
        return f"the arms of {self.file} are fixed, since other processes hold them too; make another table"

    def _move_on(self) -> None:
        """Take a stream that nobody had."""
        stream = self._table.take_stream()
        self._posterior.move(stream, 0, self._kernels.stream_key(self._seed, stream))

    def _after_fork(self, *, child: bool) -> None:
        super()._after_fork(child=child)
        if child:
            self._move_on()

    def _bind(self, core: HotCore) -> None:
        posterior = self._posterior
        shared = posterior.shared_arrays() if isinstance(posterior, SharedBetaPosterior) else ()
        core.bind((*posterior.arrays(), *shared), self._arms.labels, self._arms.index)

    def _prepared(self, state: Mapping[str, object]) -> Callable[[], None]:
        super()._prepared(state)
        fields = Fields(state)
        arms = [plain(arm) for arm in self.arms]
        held = fields.items("arms")
        if list(held) != arms or list(map(type, held)) != list(map(type, arms)):
            fields.refuse("arms", f"those of {self.file}, in their order")
        if tuple(fields.items("prior")) != self.prior:
            fields.refuse("prior", f"that of {self.file}, {self.prior}")
        shared = fields.fields("shared")
        counts = shared.wholes("counts", len(arms), 0, law.WORD_MOST)
        sums = shared.wholes("sums", len(arms), 0, law.WORD_MOST * law.WORD_UNITS)
        if any(total > count * law.WORD_UNITS for total, count in zip(sums, counts, strict=True)):
            shared.refuse("sums", f"at most {law.WORD_UNITS} for each reward counted")
        words = packed(np.array(sums, np.uint64), np.array(counts, np.uint64))
        return lambda: self._table.store(words)

    def _checked(
        self, core: HotCore, candidates: object, context: object, now: object
    ) -> tuple[View | None, FloatArray | None, int | None]:
        self._table.load()  # a core refuses a damaged word as it refuses an argument
        return super()._checked(core, candidates, context, now)

    def _requests(self, n: object) -> tuple[int, FloatArray | None]:
        self._table.load()
        return super()._requests(n)

    def _apply(
        self, positions: Sequence[int | None], rewards: FloatArray, contexts: FloatArray | None, moment: int | None
    ) -> None:
        self._table.load()
        super()._apply(positions, rewards, contexts, moment)

    def _apply_one(self, label: Label, reward: float, context: FloatArray | None, moment: int | None) -> None:
        self._table.load()
        super()._apply_one(label, reward, context, moment)
