"""Reading a decision log: every part in its order, one record at a time.

A process that is killed while it writes leaves half a line at the end of a file, and nothing else. Such a
tail is left aside and reported. Anything else that cannot be read is an error with its file and line: a log
with a hole in the middle would replay to another posterior, and nobody would know.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from armwise.errors import LogError, StoreError
from armwise.telemetry.log.codec import loads
from armwise.telemetry.log.parts import existing_parts
from armwise.telemetry.log.records import Header, Record

__all__ = ["LogReader", "TornLine"]


_CHUNK = 1 << 18
# zlib's word for a gzip header and checksum around the largest window.
_GZIP = 31


@dataclass(frozen=True, slots=True)
class TornLine:
    """The half of a line that a killed process left at the end of a file.

    Attributes
    ----------
    path : str
        The file.
    line : int
        The line, counted from 1.
    """

    path: str
    line: int


class LogReader:
    """The records of a log, read as they are asked for.

    Parameters
    ----------
    path : str or path-like
        Where the log begins: its first part, plain or compressed.

    Raises
    ------
    StoreError
        If there is no such file.
    LogError
        If a part of the log is missing.

    Attributes
    ----------
    torn : tuple of TornLine
        Half lines met so far, at most one a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        if not self._path.is_file():
            what = "is not a file" if self._path.exists() else "there is no such file"
            msg = f"{self._path}: {what}; expected the first part of a decision log"
            raise StoreError(msg)
        self._parts = existing_parts(self._path)
        self.torn: tuple[TornLine, ...] = ()

    def __iter__(self) -> Iterator[Record]:
        """Yield checkpoints, decisions and updates in the order of the file.

        Yields
        ------
        Checkpoint, DecisionRecord or UpdateRecord
            The next record.

        Raises
        ------
        LogError
            If a line that is not the torn end of its file cannot be read, or a file is not the part it should
            be.
        StoreError
            If a file cannot be read.
        """
        self.torn = ()
        for part, path in enumerate(self._parts):
            yield from self._records(path, part)

    def _records(self, path: Path, part: int) -> Iterator[Record]:
        """Yield the records of one part."""
        number = 0
        for number, (line, whole) in enumerate(_lines(path), start=1):
            try:
                record = _parse(line, number)
            except LogError as error:
                if whole:
                    raise LogError(str(error), path=str(path), line=number) from error
                # An object cut short is never an object: whatever fails here without a newline was being
                # written.
                self.torn = (*self.torn, TornLine(str(path), number))
                break
            if not isinstance(record, Header):
                yield record
            elif record.part != part:
                msg = f"this is part {record.part} of a log, expected part {part}; give the log's first part"
                raise LogError(msg, path=str(path), line=1)
        if part == 0 and number == 0:
            msg = "the file is empty; expected an armwise decision log"
            raise LogError(msg, path=str(path))


def _parse(line: bytes, number: int) -> Header | Record:
    """Return the record of a line, a header on the first and only there."""
    record = loads(line)
    if (number == 1) is not isinstance(record, Header):
        msg = "a decision log has a header on the first line of each file, and nowhere else"
        raise LogError(msg)
    return record


def _lines(path: Path) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines of a file without their newlines, and whether they had one."""
    pieces: list[bytes] = []
    for chunk in _chunks(path):
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        if others:
            yield b"".join(pieces), True
            *whole, last = others
            for line in whole:
                yield line, True
            pieces = [last]
    if rest := b"".join(pieces):
        yield rest, False


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file; a gzip stream may lack its end, as a killed process leaves it."""
    decoder = zlib.decompressobj(wbits=_GZIP) if path.suffix == ".gz" else None
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if decoder is None:
                    yield chunk
                    continue
                while chunk:
                    yield decoder.decompress(chunk)
                    chunk = decoder.unused_data
                    if decoder.eof:
                        decoder = zlib.decompressobj(wbits=_GZIP)
    except zlib.error as error:
        msg = f"the data is damaged or not gzip ({error}); expected what a DecisionLog named .gz wrote"
        raise LogError(msg, path=str(path)) from error
    except OSError as error:
        msg = f"{path}: cannot read the log ({error.strerror or error})"
        raise StoreError(msg) from error
