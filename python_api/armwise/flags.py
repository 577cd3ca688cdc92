"""Feature flags: who says whether something is on.

``EnvironmentFlags`` asks the environment at each call, so that what is switched off is off at the next request;
``StaticFlags`` holds what it was given and can be set from the program.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from armwise.errors import ConfigurationError

__all__ = ["OFF_WORDS", "ON_WORDS", "EnvironmentFlags", "StaticFlags", "truth"]

ON_WORDS: Final = frozenset({"1", "true", "yes", "on"})
"""What switches a flag on, in any case."""

OFF_WORDS: Final = frozenset({"", "0", "false", "no", "off"})
"""What leaves a flag off, in any case; so does a variable that is not set."""


def truth(name: str, word: str) -> bool:
    """Read a word as true or false.

    Parameters
    ----------
    name : str
        What the word was given for, for the error.
    word : str
        1, true, yes or on; 0, false, no, off or nothing; in any case, blanks around it left aside.

    Returns
    -------
    bool
        What the word says.

    Raises
    ------
    ConfigurationError
        If it is no text, or another word: a flag that is misspelt must not be taken for off, nor for on.

    Examples
    --------
    >>> truth("ENABLE_RL_GLOBAL", "Yes"), truth("ENABLE_RL_GLOBAL", "0")
    (True, False)
    """
    if not isinstance(word, str):
        msg = f"{name} is of type {type(word).__name__}; expected text: yes or no, in one of the words of truth"
        raise ConfigurationError(msg)
    plain = word.strip().lower()
    if plain in ON_WORDS:
        return True
    if plain in OFF_WORDS:
        return False
    msg = f"{name} is {word!r}; expected 1, true, yes or on, or else 0, false, no, off or nothing"
    raise ConfigurationError(msg)


def _check_name(name: object) -> None:
    """Refuse what names no flag: other types, lone surrogates, and the zero that no variable's name holds.

    Raises
    ------
    ConfigurationError
        If it does not.
    """
    try:
        named = isinstance(name, str) and b"\0" not in name.encode()
    except UnicodeEncodeError:
        named = False
    if not named:
        told = ascii(name) if isinstance(name, str) else f"of type {type(name).__name__}"
        msg = f"the name of a flag is {told:.80}; expected text, such as 'ENABLE_EXPERIMENT_HARNESS'"
        raise ConfigurationError(msg)


class EnvironmentFlags:
    """Flags that are environment variables, read at each call.

    A call costs about a microsecond.

    Parameters
    ----------
    environ : mapping of str to str, optional
        In place of ``os.environ``.

    Raises
    ------
    ConfigurationError
        If `environ` is no mapping.

    Examples
    --------
    >>> flags = EnvironmentFlags({"ENABLE_EXPERIMENT_HARNESS": "on"})
    >>> flags.enabled("ENABLE_EXPERIMENT_HARNESS"), flags.enabled("ENABLE_RL_LINTS")
    (True, False)
    """

    __slots__ = ("_environ",)

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        if environ is not None and not isinstance(environ, Mapping):
            msg = f"environ is of type {type(environ).__name__}; expected a mapping of names to text"
            raise ConfigurationError(msg)
        self._environ: Mapping[str, str] = os.environ if environ is None else environ

    def enabled(self, name: str) -> bool:
        """Whether the variable of this name says yes; False where it is not set.

        Raises
        ------
        ConfigurationError
            If it holds another word than those of :func:`truth`, or the name is none.
        """
        _check_name(name)
        word = self._environ.get(name)
        return word is not None and truth(name, word)


class StaticFlags:
    """Flags that the program holds.

    Parameters
    ----------
    flags : mapping of str to bool, optional
        What is on and what is off; what is not named is off.

    Raises
    ------
    ConfigurationError
        If a name is no text, or a value neither True nor False.

    Examples
    --------
    >>> flags = StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True})
    >>> flags.enabled("ENABLE_EXPERIMENT_HARNESS")
    True
    >>> flags.set("ENABLE_EXPERIMENT_HARNESS", on=False)
    >>> flags.enabled("ENABLE_EXPERIMENT_HARNESS")
    False
    """

    __slots__ = ("_flags",)

    def __init__(self, flags: Mapping[str, bool] | None = None) -> None:
        if flags is not None and not isinstance(flags, Mapping):
            msg = f"flags is of type {type(flags).__name__}; expected a mapping of names to True or False"
            raise ConfigurationError(msg)
        self._flags: dict[str, bool] = {}
        for name, on in (flags or {}).items():
            self.set(name, on=on)

    def enabled(self, name: str) -> bool:
        """Whether the flag was set on.

        Raises
        ------
        ConfigurationError
            If the name is no text.
        """
        _check_name(name)
        return self._flags.get(name, False)

    def set(self, name: str, *, on: bool) -> None:
        """Switch a flag; the next call that asks for it sees it.

        Raises
        ------
        ConfigurationError
            If the name is no text, or `on` neither True nor False.
        """
        _check_name(name)
        if not isinstance(on, bool):
            msg = f"flag {name!r} is of type {type(on).__name__}; expected True or False"
            raise ConfigurationError(msg)
        self._flags[name] = on
