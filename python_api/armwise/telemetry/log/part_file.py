"""One file of a decision log, open for writing.

The buffer and the compression are held here rather than left to Python's file objects: those push what they
still hold when they are forgotten, and a forked child forgets a copy of its parent's.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Literal, TypeAlias

from armwise.errors import StoreError

__all__ = ["PartFile", "Sync"]

Sync: TypeAlias = Literal["none", "flush", "fsync"]
"""How far each record is pushed before the call that wrote it returns."""

_BUFFER = 1 << 16
# zlib's word for a gzip header and checksum around the largest window; its header holds neither name nor
# time, so that equal logs are equal files.
_GZIP = 31


class PartFile:
    """A new file that takes whole lines.

    Parameters
    ----------
    path : Path
        Where; nothing may stand there. A name that ends in ``.gz`` is compressed.
    sync : {"none", "flush", "fsync"}
        How far each line is pushed.

    Raises
    ------
    StoreError
        If the file cannot be made.
    """

    __slots__ = ("_buffer", "_compressor", "_file", "_sync", "path", "size")

    def __init__(self, path: Path, sync: Sync) -> None:
        self.path = path
        self.size = 0
        self._sync = sync
        self._buffer = bytearray()
        self._compressor = zlib.compressobj(wbits=_GZIP) if path.suffix == ".gz" else None
        try:
            self._file = path.open("xb", buffering=0)
            if sync == "fsync":
                _sync_folder(path.parent)
        except OSError as error:
            raise _store_error(path, "make", error) from error

    def append(self, line: str) -> None:
        """Write one line and push it as far as was asked for.

        Raises
        ------
        StoreError
            If it cannot be written; the file may then end in a part of the line and must not be written to
            again.
        """
        data = line.encode("ascii") + b"\n"
        self.size += len(data)
        if self._compressor is None:
            self._buffer += data
        else:
            self._buffer += self._compressor.compress(data)
            if self._sync != "none":
                self._buffer += self._compressor.flush(zlib.Z_SYNC_FLUSH)
        if self._sync != "none" or len(self._buffer) >= _BUFFER:
            self._push()

    def close(self) -> None:
        """Push everything to the file and close it.

        Raises
        ------
        StoreError
            If what was buffered cannot be written.
        """
        with self._file:
            if self._compressor is not None:
                self._buffer += self._compressor.flush(zlib.Z_FINISH)
            self._push()

    def abandon(self) -> None:
        """Close the file and forget what was not pushed."""
        self._file.close()

    def _push(self) -> None:
        try:
            while self._buffer:
                del self._buffer[: self._file.write(self._buffer)]
            if self._sync == "fsync":
                os.fsync(self._file.fileno())
        except OSError as error:
            raise _store_error(self.path, "write", error) from error


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its lines."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _store_error(path: Path, verb: str, error: OSError) -> StoreError:
    return StoreError(f"{path}: cannot {verb} the log ({error.strerror or error}); free space or choose another path")
