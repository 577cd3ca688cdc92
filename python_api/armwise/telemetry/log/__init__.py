"""The decision log: checkpoints, decisions and updates as lines of JSON, from which all can be re-made.

Examples
--------
>>> import tempfile, pathlib
>>> from armwise.types import Decision
>>> path = pathlib.Path(tempfile.mkdtemp()) / "decisions.jsonl"
>>> with DecisionLog(path) as log:
...     log.checkpoint({"policy": "thompson"}, time=0)
...     log.decision(
...         Decision("small", 0, "0-0-0", 0, 0.5, "exact"), seed=7, candidates=["small", "large"], time=0
...     )
...     log.update("small", 1.0, decision_id="0-0-0", policy_version=1, time=1)
>>> [type(record).__name__ for record in LogReader(path)]
['Checkpoint', 'DecisionRecord', 'UpdateRecord']
"""

from __future__ import annotations

from armwise.telemetry.log.part_file import Sync
from armwise.telemetry.log.parts import remove_parts
from armwise.telemetry.log.pseudonym import Pseudonym
from armwise.telemetry.log.reader import LogReader, TornLine
from armwise.telemetry.log.records import (
    Checkpoint,
    DecisionRecord,
    Header,
    LoggedContext,
    Record,
    UpdateRecord,
)
from armwise.telemetry.log.writer import DecisionLog

__all__ = [
    "Checkpoint",
    "DecisionLog",
    "DecisionRecord",
    "Header",
    "LogReader",
    "LoggedContext",
    "Pseudonym",
    "Record",
    "Sync",
    "TornLine",
    "UpdateRecord",
    "remove_parts",
]
