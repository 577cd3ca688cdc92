"""A file of lines that several processes append to, and that goes on in a new file when it is full.

The present file is always at the path itself; of those before it ``traces.1.jsonl`` is the latest. Whoever writes
holds a lock of the file, so that lines never interleave and one process alone rotates; so the files of all processes
together take no more room than was allowed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from armwise.errors import StoreError
from armwise.telemetry.log.parts import part_path

__all__ = ["RotatingFile"]


class RotatingFile:
    r"""Takes whole lines.

    Parameters
    ----------
    path : Path
        Where the present file stands.
    max_bytes : int
        Size at which it goes on in a new one; a line is never split.
    keep : int
        How many of those before stay.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "traces.jsonl"
    >>> file = RotatingFile(path, max_bytes=8, keep=1)
    >>> for line in (b"one\n", b"two\n", b"three\n"):
    ...     file.append(line)
    >>> path.read_bytes(), path.with_name("traces.1.jsonl").read_bytes()
    (b'three\n', b'one\ntwo\n')
    """

    __slots__ = ("_descriptor", "_keep", "_max_bytes", "path")

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._descriptor: int | None = None

    def append(self, line: bytes) -> None:
        r"""Write a line, or lines, that end in ``\n``; nothing may be written, to see that it could be.

        Raises
        ------
        StoreError
            If it cannot be written; what was written of it is taken back.
        """
        try:
            with self._held(len(line)) as (descriptor, size):
                # A process that was killed may have left half a line; nobody but the reader can say what it was.
                torn = bool(line) and size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                try:
                    _write(descriptor, b"\n" + line if torn else line)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(descriptor, size)
                    raise
        except OSError as error:
            msg = f"{self.path}: cannot write traces ({error.strerror or error}); free space or choose another path"
            raise StoreError(msg) from error

    def leave_to_parent(self) -> None:
        """Let go of the file that the parent process had open at the fork: its lock would outlive the parent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    @contextmanager
    def _held(self, more: int) -> Iterator[tuple[int, int]]:
        """Open and lock the present file, one with room for so many bytes more; give its descriptor and size."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._descriptor = descriptor
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if self._is_present(descriptor):
                    if not size or size + more <= self._max_bytes:
                        yield descriptor, size
                        return
                    self._rotate()
            finally:
                self._descriptor = None
                # Closing alone would leave the lock with a child that was forked meanwhile.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                os.close(descriptor)

    def _is_present(self, descriptor: int) -> bool:
        """Whether the file at the path is the one that is open, and not one that came into its place."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(descriptor))  # noqa: PTH116 - beside fstat
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        """Number the files before this one anew, and this one last: only then can another take its place."""
        if not self._keep:
            self.path.unlink()
            return
        for number in reversed(range(self._keep)):
            with suppress(FileNotFoundError):
                part_path(self.path, number).replace(part_path(self.path, number + 1))


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
