"""A state in one file, shared by the processes of a machine.

The file is always whole: a process that is killed at any moment leaves the old state or the new one. Reading, changing
and writing happen under a lock on a file beside it, so that no process overwrites what another one wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, cast

from armwise._words import check_path
from armwise.errors import SnapshotError, StoreError
from armwise.stores._replace import locked, replace
from armwise.types import State

__all__ = ["StateFile"]

_FORMAT: Final = "armwise.state"
_VERSION: Final = 1


class StateFile:
    """Keeps one state in a file, with a checksum.

    Parameters
    ----------
    path : str or path-like
        Where; its folder is there. ``{path}.lock`` stands beside it, and for moments ``{path}.tmp``.

    Raises
    ------
    ConfigurationError
        If the path names no file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> store = StateFile(pathlib.Path(tempfile.mkdtemp()) / "experiments.json")
    >>> store.read() is None
    True
    >>> store.update(lambda state: {"seen": 1 if state is None else 2})
    {'seen': 1}
    >>> store.update(lambda state: {"seen": 1 if state is None else 2})
    {'seen': 2}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = check_path(path, "path", "the name of a file, such as 'experiments.json'")

    def __repr__(self) -> str:
        return f"StateFile({str(self.path)!r})"

    def read(self) -> State | None:
        """The state as it was last written; None where none was.

        Raises
        ------
        SnapshotError
            If the file is torn, was changed, or is none of these.
        StoreError
            If it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failed(error, "read") from error
        return self._opened(data)

    def update(self, change: Callable[[State | None], State]) -> State:
        """Put what `change` makes of the state in its place, as one step for every process, and return it.

        Parameters
        ----------
        change : callable
            Takes the state, or None where there is none, and gives the new one. If it raises, nothing is written.

        Raises
        ------
        SnapshotError
            If what the file holds is torn, or the new state is not plain JSON.
        StoreError
            If the file cannot be read or written. What stood there stands.
        """
        with self._locked():
            state = change(self.read())
            data = _sealed(state)
            try:
                replace(self.path, data)
            except OSError as error:
                raise self._failed(error, "write") from error
        return state

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(locked(self.path))
            except OSError as error:
                raise self._failed(error, "lock") from error
            yield

    def _opened(self, data: bytes) -> State:
        try:
            envelope: object = json.loads(data, parse_constant=_refuse)
            checksum = _checksum(envelope.get("state")) if isinstance(envelope, dict) else None
        except (ValueError, RecursionError) as error:
            msg = f"{self.path} is not JSON ({error}); restore a copy, or move it away to start afresh"
            raise SnapshotError(msg) from error
        if not isinstance(envelope, dict) or envelope.get("format") != _FORMAT:
            msg = f"{self.path} is no state of armwise; choose another path, or move it away"
            raise SnapshotError(msg)
        version, state = envelope.get("version"), envelope.get("state")
        if isinstance(version, int) and version > _VERSION:
            msg = f"{self.path} has version {version}, this armwise reads up to {_VERSION}; upgrade armwise"
            raise SnapshotError(msg)
        if version != _VERSION or not isinstance(state, dict) or envelope.get("checksum") != checksum:
            msg = f"{self.path} was changed, or is torn; restore a copy, or move it away to start afresh"
            raise SnapshotError(msg)
        return cast("State", state)

    def _failed(self, error: OSError, verb: str) -> StoreError:
        reason = error.strerror or error
        return StoreError(f"{self.path}: cannot {verb} the state ({reason}); free space, or choose another path")


def _sealed(state: object) -> bytes:
    try:
        envelope = {"format": _FORMAT, "version": _VERSION, "checksum": _checksum(state), "state": state}
        return json.dumps(envelope, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the state is not plain JSON ({error}); expected objects, lists, texts and finite numbers"
        raise SnapshotError(msg) from error


def _checksum(state: object) -> str:
    text = json.dumps(state, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _refuse(word: str) -> None:
    msg = f"{word} is no number of JSON"
    raise ValueError(msg)
