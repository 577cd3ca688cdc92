"""A file of flags, looked at again and again: what it says now, once it stands still."""

from __future__ import annotations

import logging
import os
import re
import stat
from typing import Final

from armwise._words import check_path, one_line
from armwise.errors import ConfigurationError
from armwise.flags import truth

__all__ = ["FlagsFile"]

_LOG: Final = logging.getLogger("armwise.learning")
_NAME: Final = re.compile(r"ENABLE_[A-Z0-9_]+")
_MOST_BYTES: Final = 1 << 16


class FlagsFile:
    r"""Lines ``NAME=word``; blank lines, and lines that begin with ``#``, say nothing.

    Parameters
    ----------
    path : str or path-like
        Where. No file there is one that says nothing.

    Raises
    ------
    ConfigurationError
        If the path names no file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flags"
    >>> FlagsFile(path).read()
    {}
    >>> _ = path.write_text("# off since the incident\nENABLE_RL_GLOBAL=0\n")
    >>> FlagsFile(path).read()
    {'ENABLE_RL_GLOBAL': False}
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = check_path(path, "file", "the name of a file, such as 'armwise.flags'")
        self._settled: bytes | str | None = None
        self._seen: bytes | str | None = None

    def read(self) -> dict[str, bool]:
        """What the file says now.

        Raises
        ------
        ConfigurationError
            If it cannot be read, or a line of it cannot be meant.
        """
        self._settled = self._seen = self._reading()
        return self._said(self._settled)

    def changed(self) -> dict[str, bool] | None:
        """What the file says, where it says something else than when it was asked last; else None.

        Who writes it in place leaves it empty or cut short for a moment, and a flag that is cut off would fall back:
        so a change counts when two looks in a row find it. A file that cannot be read or meant is warned of, once,
        and counts as unchanged.
        """
        before, self._seen = self._seen, self._reading()
        if self._seen != before or self._seen == self._settled:
            return None
        self._settled = self._seen
        try:
            return self._said(self._settled)
        except ConfigurationError as error:
            _LOG.warning("%s; flags stay as they are", error)
            return None

    def _reading(self) -> bytes | str | None:
        """The bytes of the file, None without one, or why it cannot be read."""
        try:
            # Not blocking: a pipe that somebody put there would hold the watch for ever.
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    return "it is no regular file"
                data = os.read(descriptor, _MOST_BYTES + 1)
            finally:
                os.close(descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return error.strerror or str(error)
        return data if len(data) <= _MOST_BYTES else f"it is longer than {_MOST_BYTES:,} bytes"

    def _said(self, reading: bytes | str | None) -> dict[str, bool]:
        if isinstance(reading, str):
            msg = f"the flags file {self._path} cannot be read ({reading}); mend it, or delete it"
            raise ConfigurationError(msg)
        try:
            text = (reading or b"").decode("utf-8-sig")
        except UnicodeDecodeError as error:
            msg = f"the flags file {self._path} is not UTF-8 text ({error.reason}); expected lines such as NAME=1"
            raise ConfigurationError(msg) from None
        said: dict[str, bool] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            self._take(said, number, line.strip())
        return said

    def _take(self, said: dict[str, bool], number: int, line: str) -> None:
        if not line or line.startswith("#"):
            return
        name, equals, word = line.partition("=")
        name = name.strip()
        place = f"{self._path}:{number}"
        if not equals or _NAME.fullmatch(name) is None:
            msg = f"{place}: the line is {one_line(line, 80)!r}; expected a flag such as ENABLE_RL_GLOBAL=0"
            raise ConfigurationError(msg)
        if name in said:
            msg = f"{place}: {one_line(name, 80)} stands there twice; say it once"
            raise ConfigurationError(msg)
        said[name] = truth(f"{place}: {one_line(name, 80)}", word)
