"""Traces of several processes, of forks, and of processes that are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.integration

TOLD = """
import os, sys
from armwise.telemetry.trace import DecisionTracer
from armwise.types import Decision

def tell(tracer, count, first=0):
    for number in range(first, first + count):
        decision = Decision("small", 0, f"{os.getpid():x}-{number:x}-0", 0, 1.0, "exact")
        tracer.decided("route", decision, candidates=["small", "large"], context=None, phase="shadow", time_ns=number)
"""


def start(program, *arguments):
    command = [sys.executable, "-c", TOLD + program, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def told_by(folder):
    """The ids of decisions that were traced, by the process that wrote them; and how many lines were torn."""
    found, torn = {}, 0
    for path in folder.glob("traces*.jsonl"):
        for line in path.read_text().splitlines():
            try:
                (resource,) = json.loads(line)["resourceSpans"]
            except json.JSONDecodeError:
                torn += 1
                continue
            process = next(
                int(one["value"]["intValue"])
                for one in resource["resource"]["attributes"]
                if one["key"] == "process.pid"
            )
            for span in resource["scopeSpans"][0]["spans"]:
                (identity,) = (
                    one["value"]["stringValue"] for one in span["attributes"] if one["key"] == "armwise.decision_id"
                )
                found.setdefault(process, []).append(identity)
    return found, torn


def test_processes_share_files_and_nothing_is_lost_or_torn(tmp_path):
    program = """
with DecisionTracer(sys.argv[1], max_bytes=100_000, keep=1000) as tracer:
    for turn in range(20):
        tell(tracer, 100, 100 * turn)
        assert tracer.flush(30)
assert tracer.dropped == 0
"""
    workers = [start(program, tmp_path / "traces.jsonl") for _ in range(4)]
    for worker in workers:
        finish(worker)
    found, torn = told_by(tmp_path)
    assert torn == 0
    assert {worker.pid: 2000 for worker in workers} == {process: len(set(ids)) for process, ids in found.items()}
    assert all(len(ids) == 2000 for ids in found.values())
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) > 10
    assert max(sizes) <= 200_000


def test_a_forked_child_writes_what_it_told_and_not_what_its_parent_did(tmp_path):
    program = """
tracer = DecisionTracer(sys.argv[1])
tell(tracer, 300)
child = os.fork()
if child == 0:
    tell(tracer, 50)
    whole = tracer.flush(30)
    grandchild = os.fork()
    if grandchild == 0:
        tell(tracer, 7)
        tracer.close()
        os._exit(tracer.dropped)
    os._exit(0 if whole and os.waitpid(grandchild, 0)[1] == 0 else 1)
tell(tracer, 200, 300)
assert os.waitpid(child, 0)[1] == 0
"""
    process = start(program, tmp_path / "traces.jsonl")
    finish(process)
    found, torn = told_by(tmp_path)
    assert torn == 0
    assert sorted(map(len, found.values())) == [7, 50, 500]
    assert len(set(found[process.pid])) == 500
    assert all(identity.startswith(f"{pid:x}-") for pid, ids in found.items() for identity in ids)


def test_a_child_of_a_closed_tracer_has_no_thread(tmp_path):
    program = """
import threading
tracer = DecisionTracer(sys.argv[1])
tracer.close()
child = os.fork()
if child == 0:
    os._exit(threading.active_count() - 1)
assert os.waitpid(child, 0)[1] == 0
"""
    finish(start(program, tmp_path / "traces.jsonl"))


def test_a_process_that_ends_without_a_close_has_written_all(tmp_path):
    process = start("tracer = DecisionTracer(sys.argv[1])\ntell(tracer, 3000)\n", tmp_path / "traces.jsonl")
    finish(process)
    assert len(told_by(tmp_path)[0][process.pid]) == 3000


def test_a_kill_tears_one_line_at_most_and_those_who_come_after_go_on(tmp_path):
    program = """
tracer = DecisionTracer(sys.argv[1], max_bytes=200_000, keep=1000)
print("begun", flush=True)
number = 0
while True:
    tell(tracer, 50, number)
    number += 50
    tracer.flush()
"""
    kills, rng = 15, random.Random(4)
    for _ in range(kills):
        process = start(program, tmp_path / "traces.jsonl")
        assert process.stdout.readline() == "begun\n"
        time.sleep(rng.uniform(0.0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
    last = start("with DecisionTracer(sys.argv[1]) as tracer:\n    tell(tracer, 10)\n", tmp_path / "traces.jsonl")
    finish(last)
    found, torn = told_by(tmp_path)
    assert torn <= kills
    assert len(found[last.pid]) == 10
    for ids in found.values():
        assert len(set(ids)) == len(ids)
