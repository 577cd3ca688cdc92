"""One file in the place of another, whole at every instant; and a lock that keeps other processes from it meanwhile.

A new content is written beside the file, pushed to the disk, and put in its place by a rename; then the folder is
pushed too (POSIX rename is atomic; without the second push the new name may not survive a power cut). A process that
is killed at any moment leaves the old content or the new one.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["locked", "make_folders", "push_folder", "replace", "write_out"]


def replace(path: Path, data: bytes) -> None:
    """Put `data` in the place of what the file holds; it keeps its mode, and its owner where that can be.

    Of a symbolic link what it leads to is replaced. To be called under :func:`locked`: ``{path}.tmp`` stands beside the
    file meanwhile.

    Raises
    ------
    OSError
        If the file cannot be written, or what stands there is no file: a folder, a pipe, a device. It stands then.
    """
    # Under the lock there is one writer, so that a fixed name leaves nothing behind that the next does not take.
    place = Path(os.path.realpath(path))
    _replace(place, place.with_name(f"{place.name}.tmp"), data)


def write_out(path: Path, data: bytes) -> None:
    """Write `data` where somebody said: as :func:`replace` does without a lock, or into a pipe or a device.

    Raises
    ------
    OSError
        If it cannot be written. A file that stood there stands.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # there is nothing to keep, and what reads it holds on to it
        return
    place = Path(os.path.realpath(path))
    fresh = place.with_name(f".armwise-{secrets.token_hex(8)}.tmp")
    try:
        _replace(place, fresh, data)
    finally:
        fresh.unlink(missing_ok=True)


def _replace(place: Path, fresh: Path, data: bytes) -> None:
    """Write a file beside another, and give it its place."""
    try:
        former: os.stat_result | None = place.stat()
    except FileNotFoundError:
        former = None
    if former is not None and not stat.S_ISREG(former.st_mode):
        raise OSError(errno.EINVAL, "what stands there is no file", str(place))
    # What a process that was killed left may be open to more than may read the file.
    fresh.unlink(missing_ok=True)
    # Nobody else reads a word of it before it has the mode of what it replaces.
    mode = 0o666 if former is None else 0o600
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
        if former is not None:
            _take_after(file.fileno(), former)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
    push_folder(place.parent)


def push_folder(folder: Path) -> None:
    """Push the names of a folder to the disk.

    Raises
    ------
    OSError
        If it cannot be opened or pushed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it, where there are none, so that they survive a power cut.

    Raises
    ------
    OSError
        If one cannot be made.
    """
    if folder.is_dir():
        return
    make_folders(folder.parent)
    with suppress(FileExistsError):  # another process made it meanwhile; a file there is told by what comes next
        folder.mkdir()
    push_folder(folder.parent)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold off every other thread and process that asks for the lock of a file.

    The lock is on ``{path}.lock``, beside what a symbolic link leads to. It is of this opening of that file, so
    that it holds off threads as well, and goes with the process.

    Raises
    ------
    OSError
        If the lock cannot be had.
    """
    place = Path(os.path.realpath(path))
    with place.with_name(f"{place.name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # A child that was forked meanwhile holds the same opening, and closing this one would not free the lock.
            fcntl.flock(file, fcntl.LOCK_UN)


def _take_after(descriptor: int, former: os.stat_result) -> None:
    """Give a file the owner, where this process may, and the mode of another."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (former.st_uid, former.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, former.st_uid, former.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(former.st_mode))
