"""What decision logs say of one experiment: who was served what, and what came back, reduced as it is read.

A decision says its experiment and variant, an update which decision it rewards. What is kept of a decision until its
reward comes is its variant; everything else goes into sums over spans of time at once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from armwise._fields import INT64
from armwise._words import shown
from armwise.errors import ConfigurationError, LogError
from armwise.experiments.statistics import LARGEST
from armwise.runners._timeline import Timeline
from armwise.telemetry.log import DecisionRecord, LogReader, Record, TornLine, UpdateRecord

__all__ = ["LogSummary", "find_logs", "read_logs"]

_STEP: Final = 4096
# A reward may reach the log before its decision does, where another thread writes it.
_EARLY: Final = 4096
_ENDINGS: Final = (".jsonl", ".jsonl.gz")


@dataclass(frozen=True, slots=True, eq=False)
class LogSummary:
    """What logs hold of one experiment.

    Attributes
    ----------
    experiment : str or None
        Its id; None where no decision names one.
    files : tuple of Path
        The logs.
    timeline : Timeline
        Decisions and rewards of each variant over time.
    served, rewarded : dict of str to int
        Decisions of each variant, and how many of them have a reward.
    users : dict of str to int, or None
        Users of each variant, each counted where it was seen first; None where not every decision names its user.
    crossed : int
        Users that were seen in more than one variant.
    early : int
        Decisions before the experiment began to act, left out.
    strays : int
        Rewards of other decisions: of other requests, or a decision's second.
    binary : bool
        Whether every reward is 0 or 1.
    torn : tuple of TornLine
        Half lines that killed processes left.
    """

    experiment: str | None
    files: tuple[Path, ...]
    timeline: Timeline
    served: Mapping[str, int]
    rewarded: Mapping[str, int]
    users: Mapping[str, int] | None
    crossed: int
    early: int
    strays: int
    binary: bool
    torn: tuple[TornLine, ...]

    @property
    def decisions(self) -> int:
        """Decisions of the experiment, without those left out."""
        return sum(self.served.values())


def find_logs(folder: Path) -> tuple[Path, ...]:
    """Return the first parts of the decision logs in a folder, by name.

    Every ``*.jsonl`` and ``*.jsonl.gz`` is taken for one, but those that go on from another: ``a.1.jsonl`` beside
    ``a.jsonl``.
    """
    names = {path.name for path in folder.iterdir() if path.name.endswith(_ENDINGS) and path.is_file()}
    return tuple(folder / name for name in sorted(names) if _first_part(name) not in names - {name})


def read_logs(
    files: Iterable[Path],
    experiment: str | None,
    baseline: str,
    *,
    since: int = 0,
    progress: Callable[[int], None] | None = None,
) -> LogSummary:
    """Reduce logs to what they say of an experiment.

    Parameters
    ----------
    files : iterable of Path
        First parts of logs, of several processes perhaps.
    experiment : str or None
        Which one; None where the logs name one alone.
    baseline : str
        The variant that regret is measured against.
    since : int
        Decisions before this moment, in nanoseconds since the epoch, are counted and left out.
    progress : callable, optional
        Called now and then with the number of records read since the last call.

    Raises
    ------
    ConfigurationError
        If the logs name several experiments and `experiment` does not say which.
    LogError, StoreError
        If a log cannot be read.
    """
    paths = tuple(files)
    readers = [LogReader(path) for path in paths]
    walk = _Walk(experiment, baseline, since)
    read = 0
    for log, record in _by_time(readers):
        read += 1
        if progress is not None and read % _STEP == 0:
            progress(_STEP)
        if record.time > INT64:
            msg = (
                f"{paths[log].name}: a record of domain {record.domain!r} has the time {shown(record.time)}; expected "
                "nanoseconds since the epoch, below 2**63"
            )
            raise LogError(msg)
        if isinstance(record, DecisionRecord):
            walk.decided(log, record)
        elif isinstance(record, UpdateRecord):
            walk.rewarded(log, record)
    if progress is not None:
        progress(read % _STEP)
    return walk.summary(paths, tuple(torn for reader in readers for torn in reader.torn))


class _Walk:
    """The state of a pass over the records."""

    def __init__(self, experiment: str | None, baseline: str, since: int) -> None:
        self._experiment = experiment
        self._named = experiment is not None
        self._baseline = baseline
        self._since = since
        self._timeline = Timeline()
        self._served: dict[str, int] = {}
        self._rewarded: dict[str, int] = {}
        self._waiting: dict[tuple[int, str, str], str] = {}
        self._before: dict[tuple[int, str, str], UpdateRecord] = {}
        self._strays = 0
        self._early = 0
        self._users: dict[bytes, str] | None = {}
        self._crossed: set[bytes] = set()
        self._baseline_sum = 0.0
        self._baseline_count = 0
        self._binary = True

    def decided(self, log: int, record: DecisionRecord) -> None:
        """Take a decision, if it is one of the experiment."""
        if record.experiment is None or record.variant is None:
            return
        if self._experiment is None:
            self._experiment = record.experiment
        if record.experiment != self._experiment:
            self._other(record.experiment)
            return
        if record.time < self._since:
            self._early += 1
            return
        variant = record.variant
        self._served[variant] = self._served.get(variant, 0) + 1
        self._timeline.serve(record.time, variant)
        self._meet(record.user, variant)
        key = log, record.domain, record.decision_id
        update = self._before.pop(key, None)
        if update is None:
            self._waiting[key] = variant
        else:
            self._earned(variant, update)

    def rewarded(self, log: int, record: UpdateRecord) -> None:
        """Take a reward, if it is of a decision of the experiment."""
        if record.decision_id is None:
            self._strays += 1
            return
        key = log, record.domain, record.decision_id
        variant = self._waiting.pop(key, None)
        if variant is not None:
            self._earned(variant, record)
            return
        self._before[key] = record
        if len(self._before) > _EARLY:
            del self._before[next(iter(self._before))]
            self._strays += 1

    def summary(self, files: tuple[Path, ...], torn: tuple[TornLine, ...]) -> LogSummary:
        """Return what was found."""
        users: dict[str, int] | None = None
        if self._users:
            users = dict.fromkeys(self._served, 0)
            for variant in self._users.values():
                users[variant] += 1
        return LogSummary(
            experiment=self._experiment,
            files=files,
            timeline=self._timeline,
            served=self._served,
            rewarded=self._rewarded,
            users=users,
            crossed=len(self._crossed),
            early=self._early,
            strays=self._strays + len(self._before),
            binary=self._binary,
            torn=torn,
        )

    def _other(self, experiment: str) -> None:
        """Leave another experiment aside; which one is meant must have been said."""
        if not self._named:
            msg = (
                f"the logs hold the experiments {self._experiment!r} and {experiment!r}, if not more; say which one"
                " with --experiment"
            )
            raise ConfigurationError(msg)

    def _meet(self, user: str | None, variant: str) -> None:
        """Count a user once."""
        if self._users is None:
            return
        if user is None:
            self._users = None
            return
        digest = blake2b(user.encode(errors="surrogatepass"), digest_size=8).digest()
        first = self._users.setdefault(digest, variant)
        if first != variant:
            self._crossed.add(digest)

    def _earned(self, variant: str, record: UpdateRecord) -> None:
        reward = record.reward
        if abs(reward) > LARGEST:
            msg = f"the reward of decision {record.decision_id} is {reward!r}; a report takes those within {LARGEST:g}"
            raise LogError(msg)
        self._binary = self._binary and reward in {0.0, 1.0}
        self._rewarded[variant] = self._rewarded.get(variant, 0) + 1
        regret = 0.0
        if variant == self._baseline:
            self._baseline_sum += reward
            self._baseline_count += 1
        elif self._baseline_count:
            regret = max(0.0, self._baseline_sum / self._baseline_count - reward)
        self._timeline.reward(record.time, variant, reward, regret)


def _by_time(readers: list[LogReader]) -> Iterator[tuple[int, Record]]:
    """Yield the records of several logs, each with its log's place, about in the order of time."""
    if len(readers) == 1:
        yield from ((0, record) for record in readers[0])
        return
    streams = (_placed(place, reader) for place, reader in enumerate(readers))
    yield from heapq.merge(*streams, key=lambda placed: placed[1].time)


def _placed(place: int, reader: LogReader) -> Iterator[tuple[int, Record]]:
    for record in reader:
        yield place, record


def _first_part(name: str) -> str:
    """The name of the log's first part, where this may be a later one: ``run.2.jsonl`` is of ``run.jsonl``."""
    ending = ".jsonl.gz" if name.endswith(".gz") else ".jsonl"
    stem, dot, part = name.removesuffix(ending).rpartition(".")
    return stem + ending if dot and part.isdecimal() else name
