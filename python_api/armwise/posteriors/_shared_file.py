r"""The file of a shared table: what stands before its words, and how it comes to be.

::

    0       b"armwise\\0", version, arms, where the words begin, length of the text (little-endian 8s I I Q Q)
    32      BLAKE2b-256 of the first 32 bytes and the text
    64      the next stream, a word that processes take from by an atomic step
    128     the text: arms, prior and seed as JSON
    4096 n  one word for each column: arms, and what fills them up to a multiple of eight

It is written whole under another name and linked into place, so that a process finds nothing or all of it, and of
several that make one at once a single one does. Nothing but the stream and the words changes after that.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import struct
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, cast

from armwise._fields import Fields, NewerVersion
from armwise._labels import check_labels, plain
from armwise._words import shown
from armwise.errors import ConfigurationError, SnapshotError, StoreError
from armwise.types import Label
from armwise_kernels import law
from armwise_kernels.layout import padded

__all__ = ["FIRST_STREAM", "MOST_STREAMS", "STREAM_AT", "WORD", "Header", "checked_path", "created", "read"]

WORD: Final = 8
"""Bytes of a word."""
STREAM_AT: Final = 64
"""Where the next stream stands, on a line of the cache that holds nothing else."""
FIRST_STREAM: Final = 1 << 62
"""The table hands out streams from here on, where those that are counted from 0 elsewhere do not come."""
MOST_STREAMS: Final = (1 << 63) - (1 << 32)
"""A next stream at or above this was not counted up to."""

_MAGIC: Final = b"armwise\0"
_VERSION: Final = 1
_FIXED: Final = struct.Struct("<8sIIQQ")
_DIGEST: Final = 32
_TEXT_AT: Final = 128
_PAGE: Final = 4096
_MOST_TEXT: Final = 1 << 28
_SEEDS: Final = 1 << 64
_ADVICE: Final = "put a copy of the file in its place, or remove it and begin anew"


class Header(NamedTuple):
    """What a table is of, and where its words stand; fixed for its life."""

    arms: tuple[Label, ...]
    prior: tuple[float, float]
    seed: int
    words_at: int = 0

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.words_at + WORD * padded(len(self.arms))


def checked_path(path: object) -> Path:
    """The path of a file.

    Raises
    ------
    ConfigurationError
        If it names none.
    """
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(name, str) or "\0" in name or not Path(name).name:
        msg = f"path is {shown(path)}; expected the path of a file, which the processes that share the table have too"
        raise ConfigurationError(msg)
    return Path(name)


def read(path: Path) -> tuple[int, Header] | None:
    """The descriptor of an open table and its checked header; None where there is no file.

    Raises
    ------
    SnapshotError
        If it is no table, is torn, or is of a newer version.
    StoreError
        If it cannot be opened or read.
    """
    try:
        # Without O_NONBLOCK, a pipe of that name would be waited for.
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _failed(path, error, "opened") from error
    try:
        header = _header(path, descriptor)
    except BaseException as error:
        os.close(descriptor)
        if isinstance(error, OSError):
            raise _failed(path, error, "read") from error
        raise
    return descriptor, header


def created(path: Path, header: Header) -> None:
    """Put a table without rewards at the path, unless there is a file already.

    Raises
    ------
    StoreError
        If it cannot be written or linked.
    """
    data = _sealed(header)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with beside.open("xb") as file:
            file.write(data)  # zeros too, so that no page is missing when the disk is full
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(beside, path)
        beside.unlink()
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise _failed(path, error, "made") from error


def _sealed(header: Header) -> bytes:
    labels = [plain(label) for label in header.arms]
    text = json.dumps({"arms": labels, "prior": header.prior, "seed": header.seed}, allow_nan=False).encode()
    if len(text) > _MOST_TEXT:
        msg = f"arms take {len(text):,} bytes; a shared table holds up to {_MOST_TEXT:,}; give them shorter names"
        raise ConfigurationError(msg)
    words_at = -(-(_TEXT_AT + len(text)) // _PAGE) * _PAGE
    data = bytearray(words_at + WORD * padded(len(labels)))
    fixed = _FIXED.pack(_MAGIC, _VERSION, len(labels), words_at, len(text))
    data[: _FIXED.size] = fixed
    data[_FIXED.size : _FIXED.size + _DIGEST] = _digest(fixed, text)
    data[STREAM_AT : STREAM_AT + WORD] = FIRST_STREAM.to_bytes(WORD, "little")
    data[_TEXT_AT : _TEXT_AT + len(text)] = text
    return bytes(data)


def _header(path: Path, descriptor: int) -> Header:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        _refuse(path, "is no regular file")
    begin = os.pread(descriptor, _TEXT_AT, 0)
    if len(begin) < _TEXT_AT or not begin.startswith(_MAGIC):
        _refuse(path, "is no shared table")
    fixed = begin[: _FIXED.size]
    _, version, arms, words_at, length = cast("tuple[bytes, int, int, int, int]", _FIXED.unpack(fixed))
    if version > _VERSION:
        raise NewerVersion(version, _VERSION)
    size = words_at + WORD * padded(arms)
    if version != _VERSION or not 0 < arms <= law.MAX_ARMS or length > _MOST_TEXT or found.st_size != size:
        _refuse(path, f"is torn: {found.st_size:,} bytes for {arms:,} arms")
    if words_at % _PAGE or words_at < _TEXT_AT + length:
        _refuse(path, f"is torn: its words stand at {words_at:,}")
    text = os.pread(descriptor, length, _TEXT_AT)
    if begin[_FIXED.size : _FIXED.size + _DIGEST] != _digest(fixed, text):
        _refuse(path, "is torn: its checksum is not that of what it holds")
    header = _parsed(path, text, words_at)
    if len(header.arms) != arms:
        _refuse(path, f"holds {len(header.arms):,} labels for {arms:,} arms")
    return header


def _parsed(path: Path, text: bytes, words_at: int) -> Header:
    try:
        fields = Fields(json.loads(text), str(path))
        arms = check_labels(fields.items("arms"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, SnapshotError):
            raise
        _refuse(path, f"does not say of which arms it is ({error})")
    a, b = fields.numbers("prior", (2,), law.MIN_SHAPE, law.MAX_SHAPE)
    return Header(arms, (float(a), float(b)), fields.whole("seed", 0, _SEEDS - 1), words_at)


def _digest(fixed: bytes, text: bytes) -> bytes:
    return blake2b(fixed + text, digest_size=_DIGEST).digest()


def _refuse(path: Path, what: str) -> NoReturn:
    msg = f"{path} {what}; {_ADVICE}"
    raise SnapshotError(msg)


def _failed(path: Path, error: OSError, what: str) -> StoreError:
    reason = error.strerror or str(error)
    return StoreError(f"{path} cannot be {what}: {reason}; give a file on a local disk that this process may write")
