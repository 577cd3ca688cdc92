"""What people wrote: names and reasons that can be stored, printed and exported; and values, shown in an error.

A lone surrogate has no UTF-8, so that it breaks whatever writes it out: a page of metrics, a report, a terminal. A
control character moves a terminal's cursor, or ends a line of a log. Both are refused where they come in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from armwise.errors import ArmwiseError, ConfigurationError, SnapshotError

__all__ = ["NAME", "check_file_name", "check_path", "check_words", "has_utf8", "one_line", "shown", "suspected"]

# Controls of ASCII and of Latin-1, separators of lines and of paragraphs, halves of surrogate pairs.
_UNPRINTED: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"

NAME: Final = re.compile(rf"[^\s{_UNPRINTED}](?:[^{_UNPRINTED}]{{0,198}}[^\s{_UNPRINTED}])?")
"""1 to 200 printable characters, no blank at either end."""

_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_BAD: Final = re.compile(f"[{_UNPRINTED}]")


def has_utf8(text: str) -> bool:
    r"""Whether a text can be written: one with a lone surrogate cannot.

    Examples
    --------
    >>> has_utf8("Größe"), has_utf8("\ud800")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_words(value: object, what: str, expected: str) -> str:
    """Return a text that says something, on one line.

    Raises
    ------
    ConfigurationError
        If it is no string, is blank, or holds a control character or a lone surrogate.

    Examples
    --------
    >>> check_words("does harm", "reason", "a few words")
    'does harm'
    """
    if not isinstance(value, str) or not value.strip() or _BAD.search(value):
        msg = f"{what} is {shown(value)}; expected {expected}, without control characters and lone surrogates"
        raise ConfigurationError(msg)
    return value


def check_file_name(value: object, what: str) -> str:
    """Return a name that may stand in a path: no folder above, none below, and nothing hidden.

    Raises
    ------
    ConfigurationError
        If it is no string of 1 to 64 letters and digits of ASCII, ``.``, ``_`` and ``-``, the first of them a letter
        or a digit, or holds two dots in a row.

    Examples
    --------
    >>> check_file_name("eu-west.2", "tenant")
    'eu-west.2'
    """
    if not isinstance(value, str) or not _FILE_NAME.fullmatch(value) or ".." in value:
        msg = (
            f"{what} is {shown(value)}; expected a name that can stand in a path: 1 to 64 letters, digits, '.', '_' "
            "and '-', the first a letter or a digit, no two dots in a row"
        )
        raise ConfigurationError(msg)
    return str.__str__(value)


def check_path(path: object, what: str, expected: str) -> Path:
    """Return the path of a file, which stays the same where the process changes its folder.

    Raises
    ------
    ConfigurationError
        If it is no path, or ends in no name that a file can have.

    Examples
    --------
    >>> check_path("/srv/armwise.flags", "file", "the name of a file").name
    'armwise.flags'
    """
    try:
        given = Path(path)  # type: ignore[arg-type]  # refused below where it is none
        named = bool(given.name) and b"\0" not in os.fsencode(given)
    except (TypeError, UnicodeEncodeError):
        given, named = Path(), False
    if not named:
        msg = f"{what} is {shown(path)}; expected {expected}"
        raise ConfigurationError(msg)
    return given.absolute()


def shown(value: object, most: int = 80) -> str:
    """A value for a message, cut where it is long.

    Python refuses to write an integer of more than 4,300 digits, and what is nested too deeply.

    Examples
    --------
    >>> shown([1, 2]), shown(10**5000)
    ('[1, 2]', 'of type int, too large to be shown')
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"of type {type(value).__name__}, too large to be shown"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def one_line(text: str, most: int = 200) -> str:
    r"""A text of somebody else's, for a status: what is not printable is escaped, and what is long is cut.

    Examples
    --------
    >>> one_line("a\nb")
    'a\\nb'
    """
    plain = _BAD.sub(lambda found: found[0].encode("unicode_escape").decode(), text[:most])
    return plain if len(text) <= most else f"{plain}..."


@contextmanager
def suspected() -> Iterator[None]:
    """Blame a state for what Python itself refuses while it is read: numbers too long, and lists too deep.

    Raises
    ------
    SnapshotError
        In the place of what Python raises; errors of armwise pass.
    """
    try:
        yield
    except ArmwiseError:
        raise
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        msg = f"the state holds what no state does ({one_line(str(error))}); restore another; nothing was changed"
        raise SnapshotError(msg) from error
