"""Telling decisions and rewards to files, without a decision that waits for a disk.

What is told goes into a queue; one thread writes it, a tenth of a second later at the latest. What does not fit into
the queue is dropped and counted, and a span says how many were. While the disk is full what is queued waits, and is
written once there is room. A kill loses what was queued.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep, time_ns
from types import TracebackType
from typing import Final, Self

from armwise._forks import watch_forks
from armwise._words import check_path, check_words, shown
from armwise.errors import ConfigurationError, StoreError
from armwise.protocols import ContextLike
from armwise.telemetry.trace.active_span import span_reader
from armwise.telemetry.trace.otlp import CANDIDATES, Decided, Event, Rewarded, Scribe
from armwise.telemetry.trace.rotating_file import RotatingFile
from armwise.types import Decision, Label

__all__ = ["DecisionTracer"]

_LOG: Final = logging.getLogger("armwise.telemetry")
_SECONDS: Final = 0.1
_SPANS: Final = 512
_LINE: Final = 256 * 1024
_TURN: Final = 16
_DEADLINE: Final = 5.0


class DecisionTracer:
    """Writes each decision and each reward as a span of OTLP/JSON, one request to the collector a line.

    The collector's ``otlpjsonfile`` receiver reads the files. Where ``opentelemetry-api`` is installed and a span is
    active, a decision or reward is a child of it; without one a decision and its reward are in a trace of their own.
    Contexts are not written: they may say who asks.

    Parameters
    ----------
    path : str or path-like
        The present file. All processes that are given one path share its files.
    max_bytes : int
        Size at which the file goes on in a new one; a line, of 512 spans or about 256 KiB at most, is never split.
    keep : int
        How many files stay beside the present one: ``traces.1.jsonl`` is the latest of them.
    capacity : int
        How many spans may wait to be written.
    service_name : str
        Who decides, as ``service.name`` of the resource.

    Raises
    ------
    ConfigurationError
        If an argument is not as described.
    StoreError
        If the file cannot be made.

    Notes
    -----
    All methods may be called from many threads, and from signal handlers. A forked child has a queue and a thread of
    its own, and writes to the same files. What waits at the end of a process is written then; a process that leaves by
    ``os._exit``, as children of :mod:`multiprocessing` do, closes or flushes first.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_bytes: int = 64 * 1024 * 1024,
        keep: int = 4,
        capacity: int = 65_536,
        service_name: str = "armwise",
    ) -> None:
        for name, number, least in (("max_bytes", max_bytes, 1), ("keep", keep, 0), ("capacity", capacity, 1)):
            if isinstance(number, bool) or not isinstance(number, int) or not least <= number < 1 << 63:
                msg = f"{name} is {shown(number)}; expected a whole number, at least {least}"
                raise ConfigurationError(msg)
        self._name = check_words(service_name, "service_name", "the name of a service")
        self._file = RotatingFile(
            check_path(path, "path", "where the traces are written, such as 'traces.jsonl'"), max_bytes, keep
        )
        self._file.append(b"")
        self._capacity = capacity
        self._active_span = span_reader()
        self._scribe = Scribe(self._name, os.getpid())
        self._closed = False
        self._begin()
        watch_forks(self)
        atexit.register(self.close)

    @property
    def path(self) -> Path:
        """Where the present file stands."""
        return self._file.path

    @property
    def dropped(self) -> int:
        """How many spans were not and will not be written."""
        return self._dropped

    @property
    def last_error(self) -> Exception | None:
        """Why spans wait; None where nothing keeps them from being written."""
        return self._error

    def decided(
        self,
        domain: str,
        decision: Decision,
        *,
        candidates: Sequence[Label],
        context: ContextLike | None,
        phase: str,
        time_ns: int,
    ) -> None:
        """Tell a decision; it returns at once.

        Parameters
        ----------
        domain : str
            What was decided.
        decision : Decision
            As it was decided.
        candidates : sequence of labels
            Among which; the first 64 are written, and how many there were.
        context : ContextLike or None
            Not written.
        phase : str
            How the domain is served: off, shadow or active.
        time_ns : int
            When, in nanoseconds since the epoch.
        """
        del context
        try:
            some, count = tuple(candidates[:CANDIDATES]), len(candidates)
        except TypeError:  # what was taken from an iterator is gone
            some, count = (), 0
        self._put(Decided(domain, decision, some, count, phase, time_ns, self._active_span()))

    def rewarded(
        self, domain: str, decision_id: str | None, arm: Label, reward: float, status: str, *, time_ns: int
    ) -> None:
        """Tell a reward; it returns at once.

        Parameters
        ----------
        domain : str
            What had been decided.
        decision_id : str or None
            The decision, where it is known.
        arm : Label
            What served.
        reward : float
            What it earned.
        status : str
            What became of it: applied, duplicate, late or unknown.
        time_ns : int
            When, in nanoseconds since the epoch.
        """
        self._put(Rewarded(domain, decision_id, arm, reward, status, time_ns, self._active_span()))

    def flush(self, timeout: float = _DEADLINE) -> bool:
        """Wait until all that was told before is written, as before a function of the cloud is frozen.

        Parameters
        ----------
        timeout : float
            For how many seconds at most.

        Returns
        -------
        bool
            Whether it is written.

        Raises
        ------
        ConfigurationError
            If `timeout` is no number of seconds.
        """
        seconds = _checked_timeout(timeout)
        if not self._thread.is_alive():
            return not self._queue
        asked = threading.Event()
        self._asked.put(asked)
        return asked.wait(seconds) and self._error is None

    def close(self, timeout: float = _DEADLINE) -> None:
        """Write what waits, within a deadline, and take no more; closing twice is fine.

        Parameters
        ----------
        timeout : float
            For how many seconds to write at most; what is left is dropped and counted.

        Raises
        ------
        ConfigurationError
            If `timeout` is no number of seconds.
        """
        until = monotonic() + _checked_timeout(timeout)
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._asked.put(None)
        self._thread.join(max(0.0, until - monotonic()))
        self._drop(len(self._queue) + len(self._batch))
        self._queue.clear()
        if self._dropped:
            _LOG.warning("%s: %d spans were dropped in all", self.path, self._dropped)

    def __enter__(self) -> Self:
        """Return the tracer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def _begin(self) -> None:
        """Start with nothing queued, and a thread that writes."""
        self._queue: deque[Event] = deque()
        self._batch: list[str] = []
        self._asked: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()
        self._lock = threading.RLock()
        self._dropped = self._told = 0
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="armwise traces", daemon=True)
        self._thread.start()

    def _before_fork(self) -> None:
        """The child takes over nothing that would have to be at rest."""

    def _after_fork(self, *, child: bool) -> None:
        if not child:
            return
        # What is queued is the parent's, which writes it.
        self._file.leave_to_parent()
        if not self._closed:
            self._scribe.named(self._name, os.getpid())
            self._begin()

    def _put(self, event: Event) -> None:
        # Neither lock nor event on this way: a signal handler may decide while its own thread is here.
        waiting = len(self._queue)
        if waiting >= self._capacity or self._closed:
            self._drop(1)
            return
        self._queue.append(event)
        if waiting == self._capacity // 2:
            self._asked.put(None)

    def _drop(self, count: int) -> None:
        with self._lock:
            self._dropped += count

    def _run(self) -> None:
        closed = False
        while not closed:
            try:
                asked = self._asked.get(timeout=_SECONDS)
            except queue.Empty:
                asked = None
            # Looked at before the queue is emptied: what was told before the end is written.
            closed = self._closed
            self._write_all()
            if asked is not None:
                asked.set()

    def _write_all(self) -> None:
        while self._batch or self._queue:
            if not self._batch:
                self._batch = self._next_batch()
            try:
                self._file.append(self._scribe.line(self._batch))
            except StoreError as error:
                if self._error is None:
                    _LOG.warning("%s; it is tried again, and up to %d spans wait", error, self._capacity)
                self._error = error
                return
            if self._error is not None:
                _LOG.warning("%s: traces are written again", self.path)
                self._error = None
            self._batch = []

    def _next_batch(self) -> list[str]:
        spans: list[str] = []
        size = 0
        while self._queue and len(spans) < _SPANS and size < _LINE:
            try:
                spans.append(self._scribe.span(self._queue.popleft()))
            except Exception:  # noqa: BLE001 - a thread that ended would end all traces
                self._drop(1)
                _LOG.exception("%s: what was told cannot be written, and is dropped", self.path)
                continue
            size += len(spans[-1])
            if len(spans) % _TURN == 0:
                # Whoever decides meanwhile gets the interpreter now, not after the line.
                sleep(0)
        dropped = self._dropped - self._told
        if dropped:
            self._told += dropped
            spans.append(self._scribe.gap(dropped, time_ns()))
        return spans


def _checked_timeout(timeout: object) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 <= timeout <= threading.TIMEOUT_MAX:
        msg = f"timeout is {shown(timeout)}; expected seconds, at least 0"
        raise ConfigurationError(msg)
    return float(timeout)
