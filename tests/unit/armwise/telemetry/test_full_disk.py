"""A disk that fills up where a part begins: the log goes on once there is room again."""

from __future__ import annotations

import pytest

from armwise import StoreError
from armwise.telemetry.log import DecisionLog, LogReader
from armwise.telemetry.log.part_file import PartFile


def test_a_part_that_could_not_take_its_header_does_not_stand_in_the_way(tmp_path, monkeypatch):
    whole = PartFile.append
    full = True

    def append(self, line):
        if full and len(list(tmp_path.iterdir())) > 1:
            msg = "no space left on device"
            raise StoreError(msg)
        whole(self, line)

    with DecisionLog(tmp_path / "l.jsonl", max_bytes=1) as log:
        log.checkpoint({"n": 1}, time=0)
        monkeypatch.setattr(PartFile, "append", append)
        for _ in range(2):
            with pytest.raises(StoreError, match="no space"):
                log.checkpoint({"n": 2}, time=0)
        full = False
        log.checkpoint({"n": 3}, time=0)
    assert [record.state["n"] for record in LogReader(tmp_path / "l.jsonl") if record.record == "checkpoint"] == [1, 3]
