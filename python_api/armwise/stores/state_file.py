"""A state in one file, shared by the processes of a machine.

The file is always whole: a new state is written beside it, pushed to the disk, and put in its place by a rename, and
then the folder is pushed too (POSIX rename is atomic; without the second push the new name may not survive a power
cut). A process that is killed at any moment leaves the old state or the new one. Reading, changing and writing happen
under a lock on a file beside it, so that no process overwrites what another one wrote. A state that is put in the
place of another keeps its mode, and its owner where this process may give files away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, cast

from armwise.errors import ConfigurationError, SnapshotError, StoreError
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
        self.path = _checked(path)

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
                self._replace(data)
            except OSError as error:
                raise self._failed(error, "write") from error
        return state

    def _replace(self, data: bytes) -> None:
        # Under the lock there is one writer, so that a fixed name leaves nothing behind that the next does not take.
        fresh = self.path.with_name(f"{self.path.name}.tmp")
        try:
            former: os.stat_result | None = self.path.stat()
        except FileNotFoundError:
            former = None
        # What a process that was killed left may be open to more than may read the state.
        fresh.unlink(missing_ok=True)
        # Nobody else reads a word of it before it has the mode of what it replaces.
        mode = 0o666 if former is None else 0o600
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            if former is not None:
                _take_after(file.fileno(), former)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            file = self.path.with_name(f"{self.path.name}.lock").open("ab")
        except OSError as error:
            raise self._failed(error, "lock") from error
        # The lock is of this opening of the file: it holds off threads as well, and goes with the process.
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
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


def _checked(path: object) -> Path:
    """The path of a file; what no file can be called is refused."""
    try:
        given = Path(path)  # type: ignore[arg-type]  # refused below where it is none
        named = given.name and b"\0" not in os.fsencode(given)
    except (TypeError, UnicodeEncodeError):
        given, named = Path(), False
    if not named:
        msg = f"path is {path!r:.80}; expected the name of a file, such as 'experiments.json'"
        raise ConfigurationError(msg)
    return given


def _take_after(descriptor: int, former: os.stat_result) -> None:
    """Give a file the owner, where this process may, and the mode of another."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (former.st_uid, former.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, former.st_uid, former.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(former.st_mode))


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
