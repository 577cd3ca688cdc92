"""The records of a log in the order in which things happened to each policy.

Threads that share a policy decide and learn in the order of its versions, but reach the log a little later,
and not always in that order. A decision stands behind the update that made its version and before the one
that made the next.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from armwise.errors import LogError
from armwise.telemetry.log import Checkpoint, DecisionRecord, Record, UpdateRecord

__all__ = ["WINDOW", "by_version"]

WINDOW = 4096
"""How many records late one may come; it bounds the memory that ordering takes."""


def by_version(records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records of each domain by policy version, then as they stood.

    Parameters
    ----------
    records : iterable of Record
        A log, as its reader gives it.

    Yields
    ------
    Record
        Checkpoints where they stood between the others of their domain, the rest sorted.

    Raises
    ------
    LogError
        If a record is more than `WINDOW` places late, or on the wrong side of a checkpoint.
    """
    waiting: dict[str, list[tuple[int, int, int, DecisionRecord | UpdateRecord]]] = {}
    passed: dict[str, tuple[int, int]] = {}
    for place, record in enumerate(records):
        heap = waiting.setdefault(record.domain, [])
        if isinstance(record, Checkpoint):
            while heap:
                yield heapq.heappop(heap)[-1]
            yield record
            passed.pop(record.domain, None)
            continue
        # An update is named after the version that it makes, so it comes first among those of that version.
        key = (record.policy_version, int(isinstance(record, DecisionRecord)))
        if key < passed.get(record.domain, key):
            msg = (
                f"the {record.record} {record.decision_id} of version {record.policy_version} comes more than"
                f" {WINDOW} records late; log decisions and updates in the order of their policy's versions"
            )
            raise LogError(msg)
        heapq.heappush(heap, (*key, place, record))
        if len(heap) > WINDOW:
            version, kind, _, first = heapq.heappop(heap)
            passed[record.domain] = version, kind
            yield first
    for heap in waiting.values():
        while heap:
            yield heapq.heappop(heap)[-1]
