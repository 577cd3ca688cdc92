"""Writing a decision log: one line a record, whole or not at all.

- A record is checked as the reader will check it before a byte of it is written; a refused one leaves the log
  as it was.
- Records of several threads never interleave. They may reach the log somewhat out of the order of their
  policy's versions: a replay sorts them.
- With ``sync="flush"`` (the default) a record survives the death of this process, with ``"fsync"`` that of
  the machine, with ``"none"`` only an orderly close. Whatever the choice, a kill tears the last line at most,
  and the reader says so.
- One path belongs to one process: a file is only made where none stands, and a forked child is refused.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from armwise.clock import nanoseconds
from armwise.errors import ConfigurationError, LogError, StoreError
from armwise.protocols import ContextLike
from armwise.telemetry.log.codec import dumps, loads
from armwise.telemetry.log.part_file import PartFile, Sync
from armwise.telemetry.log.parts import existing_parts, part_path
from armwise.telemetry.log.pseudonym import Pseudonym
from armwise.telemetry.log.records import (
    FORMAT,
    VERSION,
    Checkpoint,
    DecisionRecord,
    Header,
    LoggedContext,
    Record,
    UpdateRecord,
)
from armwise.types import Decision, FloatArray, Label, Moment, State

__all__ = ["DecisionLog"]

T = TypeVar("T")

_PLAIN: Final = frozenset({float, int, np.float64})
_MAX_BYTES = 64 * 1024 * 1024


class DecisionLog:
    """A versioned decision log, written as JSON lines.

    Parameters
    ----------
    path : str or path-like
        Where the log begins. A name that ends in ``.gz`` is compressed. If a log stands there, this one goes
        on in its next part and nothing of the old one is touched.
    max_bytes : int
        Size, before compression, at which the log goes on in another file; a record is never split.
    sync : {"flush", "fsync", "none"}
        How far each record is pushed before the call returns.
    pseudonym : callable, optional
        What becomes of user ids: by default `Pseudonym()`, a keyed hash whose key is forgotten;
        ``Pseudonym(key)`` to be able to join logs; ``str`` to write them as they are.

    Raises
    ------
    ConfigurationError
        If an argument cannot be meant.
    StoreError
        If the file cannot be made.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = _MAX_BYTES,
        sync: Sync = "flush",
        pseudonym: Callable[[str], str] | None = None,
    ) -> None:
        _check(max_bytes, sync)
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._sync: Sync = sync
        self._pseudonym = Pseudonym() if pseudonym is None else pseudonym
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._part = len(existing_parts(self._path))
        self._file: PartFile | None = self._open()
        self._closed = False

    def checkpoint(self, state: State, *, domain: str = "default", time: Moment | None = None) -> None:
        """Write a policy's whole state.

        The first record of a domain must be one, and each change that is neither a decision nor an update (an
        arm added or removed, a state loaded) must be followed by one.

        Parameters
        ----------
        state : dict
            What ``policy.state_dict()`` gives.
        domain : str
            Which of the log's policies this is.
        time : int, float, datetime or None
            When; None for now.

        Raises
        ------
        ConfigurationError
            If the record cannot be written as strict JSON.
        StoreError
            If the log cannot be written.
        """
        self._write(Checkpoint(nanoseconds(time), domain, state))

    def decision(  # noqa: PLR0913 - one keyword for each field of the record
        self,
        decision: Decision,
        *,
        seed: int,
        domain: str = "default",
        candidates: Iterable[Label] | None = None,
        context: ContextLike | None = None,
        time: Moment | None = None,
        experiment: str | None = None,
        variant: str | None = None,
        user: str | None = None,
    ) -> None:
        """Write a decision.

        Parameters
        ----------
        decision : Decision
            What ``policy.decide`` returned.
        seed : int
            The policy's seed.
        domain : str
            Which of the log's policies decided.
        candidates, context, time
            What ``decide`` was given. Where the policy decays, `time` must be the very ``now`` it was given.
        experiment, variant : str, optional
            The experiment that the request was part of, and its side.
        user : str, optional
            The user's id; written as a pseudonym.

        Raises
        ------
        ConfigurationError
            If a field is not what it should be.
        StoreError
            If the log cannot be written.
        """
        stream, counter = _address(decision.decision_id)
        self._write(
            DecisionRecord(
                decision_id=decision.decision_id,
                time=nanoseconds(time),
                domain=domain,
                candidates=_labels(candidates),
                context=_features(context),
                arm=_plain(decision.arm),
                propensity=decision.propensity,
                kind=decision.propensity_kind,
                policy_version=decision.policy_version,
                seed=seed,
                stream=stream,
                counter=counter,
                experiment=experiment,
                variant=variant,
                user=self._hidden(user),
            )
        )

    def update(  # noqa: PLR0913 - one keyword for each field of the record
        self,
        arm: Label,
        reward: float,
        *,
        policy_version: int,
        learned: float | None = None,
        decision_id: str | None = None,
        domain: str = "default",
        context: ContextLike | None = None,
        experiment: str | None = None,
        variant: str | None = None,
        time: Moment | None = None,
    ) -> None:
        """Write an update.

        Parameters
        ----------
        arm, context, time
            What ``policy.update`` was given. Where the policy decays, `time` must be the very ``now`` it was
            given.
        reward : float
            What was earned.
        learned : float, optional
            What ``policy.update`` was given, where it was not the reward itself but something made of it.
        policy_version : int
            The policy's version once it had learned this reward.
        decision_id : str, optional
            The decision that is rewarded.
        domain : str
            Which of the log's policies learned.
        experiment, variant : str, optional
            The experiment that the rewarded request was part of, and its side.

        Raises
        ------
        ConfigurationError
            If a field is not what it should be.
        StoreError
            If the log cannot be written.
        """
        self._write(
            UpdateRecord(
                decision_id=decision_id,
                time=nanoseconds(time),
                domain=domain,
                arm=_plain(arm),
                reward=_plain(reward),
                learned=_plain(reward if learned is None else learned),
                context=_features(context),
                policy_version=policy_version,
                experiment=experiment,
                variant=variant,
            )
        )

    def close(self) -> None:
        """Push everything to the file and close it; closing twice is fine.

        Raises
        ------
        StoreError
            If what was buffered cannot be written.
        """
        with self._lock:
            self._closed = True
            file, self._file = self._file, None
            # What a forked child holds is the parent's buffer: writing it here would write it twice.
            if file is not None and self._pid == os.getpid():
                file.close()
            elif file is not None:
                file.abandon()

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.close()

    def _hidden(self, user: object) -> str | None:
        """Return what stands in the log for a user."""
        if user is None or isinstance(user, str):
            return None if user is None else self._pseudonym(user)
        msg = f"user is {user!r}; expected a string"
        raise ConfigurationError(msg)

    def _write(self, record: Record) -> None:
        """Check a record as the reader will, and write its line."""
        try:
            line = dumps(record)
            loads(line)
        except (LogError, RecursionError, TypeError, ValueError) as error:
            msg = f"cannot log this {record.record}: {error}"
            raise ConfigurationError(msg) from error
        with self._lock:
            if self._closed:
                msg = f"{self._path}: the log is closed; open another DecisionLog to go on"
                raise StoreError(msg)
            if self._pid != os.getpid():
                msg = f"{self._path}: the log belongs to the parent process; open one under another path"
                raise StoreError(msg)
            file = self._file
            if file is not None and file.size >= self._max_bytes:
                self._file = None
                file.close()
            if self._file is None:
                self._file = self._open()
            try:
                self._file.append(line)
            except StoreError:
                # The file may end in half a line now, as after a kill. The next record opens another.
                self._file.abandon()
                self._file = None
                raise

    def _open(self) -> PartFile:
        """Begin the next part."""
        file = PartFile(part_path(self._path, self._part), self._sync)
        try:
            file.append(dumps(Header(FORMAT, VERSION, self._part, nanoseconds())))
        except StoreError:
            # A part without its header is no part, and would stand in the way of the next try.
            file.abandon()
            file.path.unlink(missing_ok=True)
            raise
        self._part += 1
        return file


def _check(max_bytes: object, sync: object) -> None:
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 1:
        msg = f"max_bytes is {max_bytes!r}; expected a positive number of bytes"
        raise ConfigurationError(msg)
    if sync not in get_args(Sync):
        msg = f"sync is {sync!r}; expected 'flush', 'fsync' or 'none'"
        raise ConfigurationError(msg)


def _address(decision_id: str) -> tuple[int, int]:
    """Return the stream and the counter that a decision's id names."""
    try:
        stream, counter, _ = (int(part, 16) for part in decision_id.split("-"))
    except (AttributeError, ValueError):
        msg = f"decision_id is {decision_id!r}; expected stream-counter-version in hexadecimal"
        raise ConfigurationError(msg) from None
    return stream, counter


def _plain(value: T) -> T:
    """Return a NumPy scalar as the Python number it stands for; anything else is left to the checks."""
    return cast("T", value.item()) if isinstance(value, np.generic) else value


def _labels(candidates: object) -> tuple[Label, ...] | None:
    """Return candidates as plain labels; which labels they may be is left to the checks."""
    if candidates is None:
        return None
    if isinstance(candidates, Iterable) and not isinstance(candidates, str):
        return tuple(_plain(cast("Label", label)) for label in candidates)
    msg = f"candidates are {candidates!r}; expected a list of labels, or None for all arms"
    raise ConfigurationError(msg)


def _features(context: ContextLike | None) -> LoggedContext | None:
    """Return the features of a request as plain numbers, bit for bit."""
    if context is None:
        return None
    if isinstance(context, Mapping):
        return {name: _feature(feature) for name, feature in context.items()}
    numbers = _numbers(context)
    if numbers.ndim != 1:
        msg = f"the context has shape {numbers.shape}; expected one dimension"
        raise ConfigurationError(msg)
    return tuple(numbers.tolist())


def _feature(feature: object) -> str | float:
    """Return a named feature; a truth value is the category that a policy takes it for."""
    if isinstance(feature, (bool, np.bool_)):
        return "true" if feature else "false"
    return cast("str | float", _plain(feature))


def _numbers(context: object) -> FloatArray:
    """Return a context as float64; what a policy refuses (truth values, text, masked entries) nobody decided on."""
    # Each member is looked at by itself: among numbers NumPy makes a number of a truth value, and drops a mask.
    members = context if isinstance(context, Sequence) and not isinstance(context, (str, bytes, memoryview)) else ()
    members = () if _PLAIN.issuperset(map(type, members)) else members
    try:
        real = all(_is_real(np.asanyarray(part)) for part in (*members, context))
    except (TypeError, ValueError) as error:
        msg = f"the context cannot be read as numbers ({error}); expected shape (dim,)"
        raise ConfigurationError(msg) from error
    if not real:
        msg = f"the context is {context!r}; expected real numbers, none of them masked, or a mapping of features"
        raise ConfigurationError(msg)
    with np.errstate(over="ignore"):  # an infinity is refused as one
        return np.asarray(context, dtype=np.float64)


def _is_real(array: NDArray[np.generic]) -> bool:
    return array.dtype.kind in "iuf" and not isinstance(array, np.ma.MaskedArray)
