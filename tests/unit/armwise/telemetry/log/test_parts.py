from __future__ import annotations

from pathlib import Path

import pytest

from armwise.errors import StoreError
from armwise.telemetry.log import DecisionLog, remove_parts
from armwise.telemetry.log.parts import existing_parts, part_path


@pytest.mark.parametrize(
    ("name", "third"),
    [
        ("run.jsonl", "run.3.jsonl"),
        ("run.jsonl.gz", "run.3.jsonl.gz"),
        ("run", "run.3"),
        ("a.b.jsonl", "a.b.3.jsonl"),
    ],
)
def test_parts_are_numbered_before_the_suffix(name, third):
    assert part_path(Path(name), 0).name == name
    assert part_path(Path(name), 3).name == third


def test_parts_are_found_in_the_order_of_their_numbers(tmp_path):
    path = tmp_path / "run.jsonl"
    for name in ("other.jsonl", "run.jsonl.gz", "run.x.jsonl", "run.01.jsonl", "run.0.jsonl"):
        (tmp_path / name).touch()
    for part in range(12):
        part_path(path, part).touch()
    assert existing_parts(path) == [part_path(path, part) for part in range(12)]


def test_removing_a_log_removes_its_parts_and_nothing_else(tmp_path):
    (tmp_path / "run.jsonl.txt").touch()
    with DecisionLog(tmp_path / "run.jsonl", max_bytes=1) as log:
        log.update("small", 1.0, policy_version=1)
        log.update("small", 1.0, policy_version=2)
    remove_parts(tmp_path / "run.jsonl")
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl.txt"]
    remove_parts(tmp_path / "run.jsonl")


def test_a_part_that_cannot_be_removed_is_an_error(tmp_path):
    (tmp_path / "run.jsonl").mkdir()
    with pytest.raises(StoreError, match="cannot delete the old log"):
        remove_parts(tmp_path / "run.jsonl")
