from __future__ import annotations

import json
import logging
import signal
import threading
import time
from pathlib import Path

import pytest

from armwise.errors import ConfigurationError, StoreError
from armwise.telemetry.trace import DecisionTracer
from armwise.types import Decision

DECISION = Decision("small", 0, "0-2a-7", 7, 0.25, "exact")


def decide(tracer, number=0, candidates=("small", "large")):
    decision = DECISION._replace(decision_id=f"0-{number:x}-0")
    tracer.decided("route", decision, candidates=candidates, context={"user_id": "u"}, phase="active", time_ns=number)


def spans(*paths):
    found = []
    for path in paths:
        for line in path.read_text().splitlines():
            (resource,) = json.loads(line)["resourceSpans"]
            (scope,) = resource["scopeSpans"]
            found += scope["spans"]
    return found


def attributes(span):
    return {one["key"]: one["value"] for one in span["attributes"]}


def test_all_that_was_told_is_written_in_order_and_in_few_lines(tmp_path):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer:
        assert tracer.path == path
        for number in range(2000):
            decide(tracer, number)
        tracer.rewarded("route", "0-0-0", "small", 0.5, "applied", time_ns=9)
    found = spans(path)
    assert [int(span["startTimeUnixNano"]) for span in found] == [*range(2000), 9]
    assert found[-1]["name"] == "armwise.reward"
    assert len(path.read_text().splitlines()) <= 2000 / 50
    assert tracer.dropped == 0
    assert "user_id" not in path.read_text()


def test_a_line_holds_no_more_than_so_many_bytes(tmp_path):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer:
        for number in range(40):
            decide(tracer, number, ["x" * 1000 + str(arm) for arm in range(100)])
    assert all(len(line) < 400_000 for line in path.read_bytes().splitlines())
    assert len(spans(path)) == 40


def test_many_candidates_are_cut_and_counted(tmp_path):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer:
        decide(tracer, 0, list(range(100)))
        decide(tracer, 1, iter("ab"))
    first, second = (attributes(span) for span in spans(path))
    assert len(first["armwise.candidates"]["arrayValue"]["values"]) == 64
    assert first["armwise.candidate_count"] == {"intValue": "100"}
    assert second["armwise.candidate_count"] == {"intValue": "0"}


def test_flush_waits_until_it_is_written(tmp_path):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer:
        for number in range(3):
            decide(tracer, number)
            assert tracer.flush()
            assert len(spans(path)) == number + 1
    assert tracer.flush()


def test_files_rotate(tmp_path):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path, max_bytes=2000, keep=2) as tracer:
        for number in range(20):
            decide(tracer, number)
            tracer.flush()
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == ["traces.1.jsonl", "traces.2.jsonl", "traces.jsonl"]
    assert all(entry.stat().st_size <= 2000 for entry in tmp_path.iterdir())
    times = [
        int(span["startTimeUnixNano"]) for span in spans(tmp_path / "traces.2.jsonl", tmp_path / "traces.1.jsonl", path)
    ]
    assert times == list(range(times[0], 20))


class Stuck:
    """A disk that answers nobody until it is told to."""

    def __init__(self, tracer):
        self.free = threading.Event()
        self.entered = threading.Event()
        self._append = tracer._file.append
        tracer._file = self
        self.path = Path("stuck")

    def append(self, line):
        self.entered.set()
        self.free.wait(30)
        self._append(line)


def test_no_decision_waits_for_a_disk_and_what_does_not_fit_is_dropped_counted_and_told(tmp_path, caplog):
    path = tmp_path / "traces.jsonl"
    tracer = DecisionTracer(path, capacity=10)
    disk = Stuck(tracer)
    decide(tracer)
    assert disk.entered.wait(10)
    begin = time.perf_counter()
    for number in range(1000):
        decide(tracer, number)
    assert time.perf_counter() - begin < 5
    assert tracer.dropped == 990
    assert not tracer.flush(0.01)
    disk.free.set()
    with caplog.at_level(logging.WARNING, "armwise.telemetry"):
        tracer.close()
    assert "990 spans were dropped in all" in caplog.text
    found = spans(path)
    assert len(found) == 12
    assert attributes(found[-1]) == {"armwise.dropped": {"intValue": "990"}}


def test_close_keeps_its_deadline_and_counts_what_is_left(tmp_path):
    path = tmp_path / "traces.jsonl"
    tracer = DecisionTracer(path, capacity=10)
    disk = Stuck(tracer)
    decide(tracer)
    assert disk.entered.wait(10)
    for number in range(5):
        decide(tracer, number)
    tracer.close(timeout=0.01)
    assert tracer.dropped == 6
    decide(tracer)
    assert tracer.dropped == 7
    disk.free.set()
    tracer._thread.join(10)
    assert len(spans(path)) == 1  # what the disk had taken already


def test_a_full_disk_is_told_once_and_goes_on_when_there_is_room(tmp_path, caplog):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path, capacity=10) as tracer, caplog.at_level(logging.WARNING, "armwise.telemetry"):
        path.unlink()
        path.symlink_to("/dev/full")
        decide(tracer, 1)
        assert not tracer.flush()
        assert isinstance(tracer.last_error, StoreError)
        decide(tracer, 2)
        assert not tracer.flush()
        assert tracer.dropped == 0
        assert caplog.text.count("No space left") == 1
        path.unlink()
        assert tracer.flush()
        assert tracer.last_error is None
        assert "written again" in caplog.text
    assert [int(span["startTimeUnixNano"]) for span in spans(path)] == [1, 2]


def test_what_cannot_be_written_is_dropped_and_told_and_the_rest_is_written(tmp_path, caplog):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer, caplog.at_level(logging.ERROR, "armwise.telemetry"):
        tracer.rewarded("route", "1", b"no label", 1.0, "applied", time_ns=1)
        tracer.rewarded("route", "2", "a label", 1.0, "applied", time_ns=2)
        assert tracer.flush()
    assert tracer.dropped == 1
    assert "cannot be written" in caplog.text
    assert [span["name"] for span in spans(path)] == ["armwise.reward", "armwise.dropped"]


def test_half_a_queue_wakes_the_thread(tmp_path, monkeypatch):
    path = tmp_path / "traces.jsonl"
    monkeypatch.setattr("armwise.telemetry.trace.tracer._SECONDS", 1e6)
    with DecisionTracer(path, capacity=4) as tracer:
        disk = Stuck(tracer)
        disk.free.set()
        decide(tracer)
        decide(tracer)
        assert not disk.entered.is_set()
        decide(tracer)
        assert disk.entered.wait(10)
    assert len(spans(path)) == 3


def test_threads_lose_nothing(tmp_path):
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer:
        workers = [threading.Thread(target=lambda: [decide(tracer, number) for number in range(500)]) for _ in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert tracer.flush(30)
    assert len(spans(path)) == 4000


def test_a_signal_handler_may_tell_while_its_thread_tells(tmp_path):
    path = tmp_path / "traces.jsonl"
    told = 0
    with DecisionTracer(path, capacity=50) as tracer:

        def handle(*_):
            nonlocal told
            told += 1
            decide(tracer)

        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        try:
            count = 0
            while told < 50:
                decide(tracer)
                count += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        total = count + told
        assert tracer.flush(30)
    found = [span["name"] for span in spans(path)]
    assert found.count("armwise.decision") + tracer.dropped == total


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_bytes": 0}, "max_bytes is 0"),
        ({"max_bytes": True}, "max_bytes is True"),
        ({"max_bytes": 1e9}, "max_bytes is"),
        ({"keep": -1}, "keep is -1"),
        ({"capacity": 0}, "capacity is 0"),
        ({"capacity": 10**5000}, "capacity is of type int, too large"),
        ({"service_name": ""}, "service_name is ''"),
        ({"service_name": "\ud800"}, "service_name is"),
        ({"path": ""}, "path is ''"),
        ({"path": None}, "path is None"),
        ({"path": b"traces"}, "path is b'traces'"),
        ({"path": "a\0b"}, "path is 'a"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=message):
        DecisionTracer(**{"path": "traces.jsonl"} | arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_made_is_told_at_once(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        DecisionTracer(tmp_path / "none" / "traces.jsonl")


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), True, "5", None, 10**5000], ids=type)
def test_a_timeout_is_a_number_of_seconds(tmp_path, timeout):
    with DecisionTracer(tmp_path / "traces.jsonl") as tracer:
        for call in (tracer.flush, tracer.close):
            with pytest.raises(ConfigurationError, match="timeout is"):
                call(timeout)
        assert tracer.flush()


def test_closing_twice_is_fine(tmp_path):
    tracer = DecisionTracer(tmp_path / "traces.jsonl")
    tracer.close()
    tracer.close()
    assert not tracer._thread.is_alive()
