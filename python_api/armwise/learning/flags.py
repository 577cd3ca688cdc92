"""Flags of the learning engine: what may learn and act, and the switches that stop it at once."""

from __future__ import annotations

import logging
import os
import re
import threading
import weakref
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import ClassVar, Final

from armwise._forks import watch_forks
from armwise._words import shown
from armwise.clock import span
from armwise.errors import ConfigurationError
from armwise.experiments._guarded import Guarded
from armwise.flags import StaticFlags, truth
from armwise.learning._domain_names import check_domain
from armwise.learning._flags_file import FlagsFile

__all__ = ["GLOBAL", "LINTS", "Flags", "flag_of"]

GLOBAL: Final = "ENABLE_RL_GLOBAL"
"""Without it nothing learns and no policy acts, in any domain."""

LINTS: Final = "ENABLE_RL_LINTS"
"""Without it no LinTSDiag serves."""

_LOG: Final = logging.getLogger("armwise.learning")
_OURS: Final = re.compile(r"ENABLE_RL_.*|ENABLE_EXPERIMENT_HARNESS", re.DOTALL)
_ROUTING: Final = ("route", "routing")
_FAMILIES: Final = (
    ("route.model.select::", "ROUTING"),
    ("prompt", "PROMPT"),
    ("retrieval", "RETRIEVAL"),
    ("plugin", "PLUGIN"),
)


def flag_of(domain: str) -> str:
    """The name of a domain's own flag.

    Parameters
    ----------
    domain : str
        1 to 200 printable characters.

    Returns
    -------
    str
        ``ENABLE_RL_ROUTING`` for ``route``, ``routing`` and ``route.model.select::*``; ``ENABLE_RL_PROMPT``,
        ``ENABLE_RL_RETRIEVAL`` and ``ENABLE_RL_PLUGIN`` for what begins with ``prompt``, ``retrieval`` and
        ``plugin``; else ``ENABLE_RL_`` and the domain in capitals, with ``_`` for all but letters and digits of ASCII.

    Raises
    ------
    ConfigurationError
        If no domain can be called so.

    Examples
    --------
    >>> flag_of("route.model.select::summarise"), flag_of("prompt.system"), flag_of("tool_planning")
    ('ENABLE_RL_ROUTING', 'ENABLE_RL_PROMPT', 'ENABLE_RL_TOOL_PLANNING')
    >>> flag_of("search.re-rank")
    'ENABLE_RL_SEARCH_RE_RANK'
    """
    check_domain(domain)
    if domain in _ROUTING:
        return "ENABLE_RL_ROUTING"
    for beginning, family in _FAMILIES:
        if domain.startswith(beginning):
            return f"ENABLE_RL_{family}"
    return f"ENABLE_RL_{re.sub('[^A-Z0-9_]', '_', domain.upper())}"


class Flags(Guarded):
    """Flags that are read once, switched from the program or by a file, and tell who depends on them.

    Nothing is looked up for a decision: an engine subscribes, and puts what serves in its place when a flag changes.
    What was said last of a flag holds, whether :meth:`set` said it or a change in the file. What the file no longer
    says falls back to what holds without it.

    Parameters
    ----------
    values : mapping of str to bool, optional
        What is on and what is off; what nobody names is off.
    file : str or path-like, optional
        Lines such as ``ENABLE_RL_GLOBAL=0``, in the words of :func:`armwise.flags.truth`; blank lines, and lines that
        begin with ``#``, say nothing. It wins over `values`. It need not be there yet, and may come and go; a daemon
        thread looks at it. One that becomes unreadable, or that holds anything else, changes no flag and is warned of
        once, in the log ``armwise.learning``.
    interval : float or timedelta
        How often the file is looked at, in seconds. A change counts at the second look that finds it, so that a file
        which is being written is not taken for one that is finished.

    Raises
    ------
    ConfigurationError
        If a value is neither True nor False, a name is no text, or the file is there and cannot be meant.

    Notes
    -----
    Threads may share it. A forked process has its own copy and watches the file on its own.

    Examples
    --------
    >>> flags = Flags({"ENABLE_RL_GLOBAL": True, "ENABLE_RL_ROUTING": True})
    >>> flags.on("route"), flags.on("prompt")
    (True, False)
    >>> unsubscribe = flags.subscribe(lambda: print("changed"))
    >>> flags.set("ENABLE_RL_GLOBAL", on=False)
    changed
    >>> flags.on("route")
    False
    """

    _REENTERED: ClassVar[str] = (
        "flags were changed from within a change, by a signal handler or a finalizer; let it set an event, and change "
        "flags in the main flow; nothing was changed"
    )

    def __init__(
        self,
        values: Mapping[str, bool] | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        interval: float | timedelta = 0.1,
    ) -> None:
        super().__init__()
        self._base = StaticFlags(values)
        self._unread: dict[str, str] = {}
        self._subscribers: dict[object, Callable[[], None]] = {}
        self._seconds = span(interval, name="interval") / 1e9
        self._file = None if file is None else FlagsFile(file)
        self._said = {} if self._file is None else self._file.read()
        self._held = dict(self._said)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._start()
        watch_forks(self)

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        file: str | os.PathLike[str] | None = None,
        interval: float | timedelta = 0.1,
    ) -> Flags:
        """The flags that environment variables say, read now and never again.

        Parameters
        ----------
        environ : mapping of str to str, optional
            In place of ``os.environ``. Every variable that begins with ``ENABLE_`` is a flag.
        file, interval
            As of the class.

        Raises
        ------
        ConfigurationError
            If an ``ENABLE_RL_...`` or ``ENABLE_EXPERIMENT_HARNESS`` holds another word than those of
            :func:`armwise.flags.truth`. Other programs' variables may hold what they like; to ask for one of these
            is the error.

        Examples
        --------
        >>> flags = Flags.from_environment({"ENABLE_RL_GLOBAL": "1", "ENABLE_RL_PROMPT": "yes", "HOME": "/"})
        >>> flags.on("prompt.system")
        True
        """
        if environ is not None and not isinstance(environ, Mapping):
            msg = f"environ is of type {type(environ).__name__}; expected a mapping of names to text"
            raise ConfigurationError(msg)
        values: dict[str, bool] = {}
        unread: dict[str, str] = {}
        for name, word in (os.environ if environ is None else environ).items():
            if not isinstance(name, str) or not name.startswith("ENABLE_"):
                continue
            try:
                values[name] = truth(name, word)
            except ConfigurationError:
                if _OURS.fullmatch(name):
                    raise
                unread[name] = word
        flags = cls(values, file=file, interval=interval)
        flags._unread = unread
        return flags

    def enabled(self, name: str) -> bool:
        """Whether the flag of this name is on; False where nobody named it.

        Raises
        ------
        ConfigurationError
            If the name is no text, or is that of a variable that held neither yes nor no.
        """
        try:
            return self._held[name]
        except (KeyError, TypeError):
            on = self._base.enabled(name)
        word = self._unread.get(name)
        return on if word is None else truth(name, word)

    def on(self, domain: str) -> bool:
        """Whether a domain learns and its policy may act: ``ENABLE_RL_GLOBAL`` and the domain's own flag are on.

        Raises
        ------
        ConfigurationError
            If no domain can be called so.
        """
        own = flag_of(domain)
        return self.enabled(GLOBAL) and self.enabled(own)

    def set(self, name: str, *, on: bool) -> None:
        """Switch a flag, and tell who subscribed before returning.

        It holds until it is set again, or until the file says something else of this flag than it says now.

        Raises
        ------
        ConfigurationError
            If the name is no text, or `on` neither True nor False.
        ExceptionGroup
            If subscribers raise. The flag is switched, and all of them were called.
        """
        with self._locked():
            before = self._value(name)
            self._base.set(name, on=on)
            self._held.pop(name, None)
            self._unread.pop(name, None)
        if before is not on and (errors := self._tell()):
            msg = f"{name} is {'on' if on else 'off'} now, but not all who subscribed could take it in"
            raise ExceptionGroup(msg, errors)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Have a function called after each change.

        Parameters
        ----------
        callback : callable
            Called without arguments in the thread that made the change: the one that called :meth:`set`, or the one
            that watches the file. Several changes may be told at once. It is held strongly, until it is unsubscribed.
            What it raises comes out of :meth:`set`; of the watch it is logged.

        Returns
        -------
        callable
            Called without arguments, it unsubscribes; again, it does nothing.

        Raises
        ------
        ConfigurationError
            If `callback` cannot be called.
        """
        if not callable(callback):
            msg = f"callback is {shown(callback)}; expected a function without arguments"
            raise ConfigurationError(msg)
        key = object()
        self._subscribers[key] = callback

        def unsubscribe() -> None:
            self._subscribers.pop(key, None)

        return unsubscribe

    def close(self) -> None:
        """Look at the file no more; flags stay as they are, and can be set."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _value(self, name: str) -> bool | None:
        """What holds of a flag; None of another program's variable that says neither."""
        try:
            return self._held[name]
        except (KeyError, TypeError):
            on = self._base.enabled(name)
        return None if name in self._unread else on

    def _look(self) -> None:
        """Take in what the file says, if it says something else."""
        if self._file is None or (said := self._file.changed()) is None:
            return
        with self._locked():
            former, self._said = self._said, said
            moved = [name for name in former.keys() | said.keys() if former.get(name) is not said.get(name)]
            before = [self._value(name) for name in moved]
            for name in moved:
                if name in said:
                    self._held[name] = said[name]
                else:
                    self._held.pop(name, None)
            told = before != [self._value(name) for name in moved]
        for error in self._tell() if told else ():
            _LOG.error("the flags file has changed, but a subscriber could not take it in", exc_info=error)

    def _tell(self) -> list[Exception]:
        """Call every subscriber; return what they raised."""
        errors: list[Exception] = []
        for callback in tuple(self._subscribers.values()):
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - one that fails must not keep the others from being told
                errors.append(error)
        return errors

    def _start(self) -> None:
        if self._file is None:
            return
        # The thread keeps no flags alive that nobody else holds.
        self._thread = threading.Thread(
            target=_watch, args=(weakref.ref(self), self._stop, self._seconds), name="armwise-flags", daemon=True
        )
        self._thread.start()

    def _renew(self) -> None:
        # No thread but the one that forked lives on, and an event may have been left half set.
        closed = self._thread is None
        self._stop, self._thread = threading.Event(), None
        if not closed:
            self._start()


def _watch(watched: weakref.ref[Flags], stop: threading.Event, seconds: float) -> None:
    while not stop.wait(seconds):
        flags = watched()
        if flags is None:
            return
        flags._look()  # noqa: SLF001 - its own thread
        del flags
