"""The state directory: what an engine knows, kept apart for each tenant and workspace.

In ``{directory}/{tenant}/`` stand, for each workspace,

- ``{workspace}.json``: the snapshot that was written last;
- ``{workspace}~{time}.json``: those before it, as many as are kept (a ``~`` is in no name, so that no workspace can be
  called so);
- ``{workspace}.streams``: how many streams of random numbers were handed out;
- ``{workspace}.db``: decisions that wait for their rewards.

Each file is whole at every instant, whoever is killed when. Writers of one workspace wait for each other, and the last
one stays: of several processes that learn apart, one writes.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from armwise._words import check_file_name, shown
from armwise.errors import ConfigurationError, StoreError
from armwise.stores._replace import locked, make_folders, replace
from armwise.stores.sqlite_pending import SQLitePending

__all__ = ["StateDirectory", "WorkspaceFiles"]

_VARIABLE: Final = "ARMWISE_STATE_DIR"
_KEPT: Final = 3
_NUMBERS: Final = 32
"""Bits of a stream that count; those above are drawn anew each time."""
_ASIDE: Final = re.compile(r".*~\d{8}T\d{6}\.\d{6}Z\.json")


class StateDirectory:
    """A folder of states; nothing is made in it before something is kept.

    Parameters
    ----------
    path : str or path-like, optional
        Where. Without it ``ARMWISE_STATE_DIR``, else ``armwise`` in the user's data folder (``XDG_DATA_HOME``, else
        ``~/.local/share``).
    environ : mapping of str to str, optional
        In place of ``os.environ``.

    Raises
    ------
    ConfigurationError
        If that names no folder.

    Examples
    --------
    >>> import tempfile
    >>> files = StateDirectory(tempfile.mkdtemp()).workspace("default", "main")
    >>> files.read() is None
    True
    >>> files.write(b"one")
    >>> files.write(b"two")
    >>> files.read(), [path.read_bytes() for path in files.previous()]
    (b'two', [b'one'])
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] | None = None) -> None:
        self.path = _folder(path, os.environ if environ is None else environ)

    def __repr__(self) -> str:
        return f"StateDirectory({str(self.path)!r})"

    def workspace(self, tenant: str = "default", workspace: str = "main") -> WorkspaceFiles:
        """What is kept for one workspace of one tenant.

        Raises
        ------
        ConfigurationError
            If a name cannot stand in a path.
        """
        folder = self.path / check_file_name(tenant, "tenant")
        return WorkspaceFiles(folder / f"{check_file_name(workspace, 'workspace')}.json")


class WorkspaceFiles:
    """The files of one workspace: its snapshots, its streams, its pending decisions.

    Parameters
    ----------
    path : Path
        Of the snapshot; the others stand beside it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"WorkspaceFiles({str(self.path)!r})"

    def take_streams(self, count: int = 1) -> int:
        """Take streams of random numbers that nobody has had, and nobody else will get.

        The lower half of a stream counts what was handed out, and that is on the disk before this returns: whoever is
        killed, no other process gets them. The upper half is drawn at random each time, so that a folder that was
        deleted, or brought back from an older copy, does not hand out again what it no longer knows of.

        Parameters
        ----------
        count : int
            How many, at least 1.

        Returns
        -------
        int
            The first of them, in [0, 2**63); the others follow it.

        Raises
        ------
        ConfigurationError
            If `count` is no such number.
        StoreError
            If the file cannot be read or written, or holds no number; nothing is handed out then.
        """
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count < 1 << _NUMBERS:
            msg = f"count is {shown(count)}; expected how many streams, a whole number in [1, 2**{_NUMBERS})"
            raise ConfigurationError(msg)
        with self._locked("hand out a stream"):
            path = self.path.with_suffix(".streams")
            given = _number(path)
            if given + count > 1 << _NUMBERS:
                msg = f"{path}: {given:,} streams were handed out, and no {count:,} are left; use another workspace"
                raise StoreError(msg)
            replace(path, b"%d\n" % (given + count))
        return secrets.randbits(63 - _NUMBERS) << _NUMBERS | given

    def read(self) -> bytes | None:
        """The snapshot as it was last written; None where none was.

        Raises
        ------
        StoreError
            If it cannot be read.
        """
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _failed(self.path, error, "read the snapshot") from error

    def write(self, data: bytes, *, keep: int = _KEPT) -> None:
        """Put a snapshot in the place of the last one, which is kept beside it.

        Parameters
        ----------
        data : bytes
            The snapshot.
        keep : int
            How many earlier ones stay; the oldest go.

        Raises
        ------
        ConfigurationError
            If `keep` is no whole number of at least 0, or `data` are no bytes.
        StoreError
            If it cannot be written. What stood there stands.
        """
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 0:
            msg = f"keep is {shown(keep)}; expected how many earlier snapshots stay, a whole number of at least 0"
            raise ConfigurationError(msg)
        if not isinstance(data, bytes):
            msg = f"the snapshot is of type {type(data).__name__}; expected bytes, as armwise.learning.seal gives them"
            raise ConfigurationError(msg)
        with self._locked("write the snapshot"):
            if keep:
                self._set_aside()
            replace(self.path, data)
            for path in self.previous()[keep:]:
                path.unlink(missing_ok=True)

    def previous(self) -> list[Path]:
        """The snapshots before the present one, the latest first."""
        beside = self.path.parent.glob(f"{self.path.stem}~*.json")
        return sorted((path for path in beside if _ASIDE.fullmatch(path.name)), reverse=True)

    @property
    def pending(self) -> SQLitePending:
        """The decisions that wait for their rewards, shared by the processes of the workspace."""
        return self._opened

    @cached_property  # by a name of its own: pyright takes none for the property that WorkspaceStore asks for
    def _opened(self) -> SQLitePending:
        with _told(self.path, "make its folder"):
            make_folders(self.path.parent)
        return SQLitePending(self.path.with_suffix(".db"))

    def _set_aside(self) -> None:
        """Give the present snapshot a second name, under which it stays when another takes its place."""
        newest = next(iter(self.previous()), None)
        with suppress(FileNotFoundError):  # there is none yet
            # A process that was killed in between has given it that name already.
            if newest is None or not newest.samefile(self.path):
                os.link(self.path, _later(self.path, newest))

    @contextmanager
    def _locked(self, verb: str) -> Iterator[None]:
        with _told(self.path, verb):
            make_folders(self.path.parent)
            with locked(self.path):
                yield


def _folder(path: object, environ: Mapping[str, str]) -> Path:
    """The folder that is meant; what no folder can be called is refused."""
    if path is None:
        data = environ.get("XDG_DATA_HOME") or "~/.local/share"
        path = environ.get(_VARIABLE) or f"{data}/armwise"
    try:
        given = Path(path).expanduser()  # type: ignore[arg-type]  # refused below where it is none
        named = bool(str(path)) and b"\0" not in os.fsencode(given)
    except (TypeError, UnicodeEncodeError, RuntimeError):
        given, named = Path(), False
    if not named:
        msg = f"the state directory is {shown(path)}; expected the path of a folder; set {_VARIABLE}, or give one"
        raise ConfigurationError(msg)
    return given


def _number(path: Path) -> int:
    """How many streams were handed out.

    Raises
    ------
    StoreError
        If the file does not say.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return 0
    if not text.strip().isdigit() or len(text) > _NUMBERS:
        msg = (
            f"{path} holds {shown(text)}; expected how many streams were handed out; remove it: those that come after "
            "differ from those before in their upper half"
        )
        raise StoreError(msg)
    return int(text)


def _later(path: Path, newest: Path | None) -> Path:
    """A name for the snapshot that is set aside: the time, and in any case behind that of every other one."""
    stamp = datetime.now(tz=UTC)
    if newest is not None:  # the clock may have been set back
        stamp = max(stamp, datetime.fromisoformat(newest.stem.rpartition("~")[2]) + timedelta(microseconds=1))
    return path.with_name(f"{path.stem}~{stamp:%Y%m%dT%H%M%S.%fZ}.json")


@contextmanager
def _told(path: Path, verb: str) -> Iterator[None]:
    """Say of which file the system complains.

    Raises
    ------
    StoreError
        If the body raises an error of the system.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise _failed(path, error, verb) from error


def _failed(path: Path, error: OSError, verb: str) -> StoreError:
    reason = error.strerror or error
    return StoreError(f"{path}: cannot {verb} ({reason}); free space, or choose another state directory")
