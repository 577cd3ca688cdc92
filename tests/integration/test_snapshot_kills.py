"""Processes killed by SIGKILL at random instants: snapshots stay whole, and no stream of random numbers comes twice."""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise.learning import LearningEngine, TenantContext, open_snapshot, seal
from armwise.stores import StateDirectory

pytestmark = pytest.mark.integration

_KILLS = 200
_SAVER = """
import os, sys
from armwise import ThompsonSampling
from armwise.learning import TenantContext, seal
from armwise.stores import StateDirectory

files = StateDirectory(sys.argv[1]).workspace()
policy = ThompsonSampling([f"arm-{n}" for n in range(200)], seed=int(sys.argv[2]))
os.write(1, b"begun\\n")
while True:
    policy.update("arm-0", 0.5)
    files.write(seal({"route": policy.state_dict()}, TenantContext()), keep=2)
"""


def preloaded(code):
    """Start a program that imports once and then forks a child at each line it is given, and says the child's id.

    Two hundred interpreters would need a minute to start.
    """
    program = f"""
import os, sys
import armwise.learning.engine, armwise.learning.snapshot, armwise.stores
code = compile({code!r}, "child", "exec")
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.argv = ["child", *line.split()]
        exec(code, {{"__name__": "__main__"}})
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
    environment = {**os.environ, "ENABLE_RL_GLOBAL": "1", "ENABLE_RL_ROUTING": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def start(program, *arguments):
    program.stdin.write(" ".join(map(str, arguments)) + "\n")
    program.stdin.flush()
    return int(program.stdout.readline())


def kill(program, child):
    os.kill(child, signal.SIGKILL)
    assert program.stdout.readline() == "gone\n"


def content(data):
    """Which snapshot it is; it must be whole."""
    state = open_snapshot(data).policies["route"]
    ThompsonSampling().load_state(state)
    return state["rng"]["seed"], state["updates"]


def test_a_snapshot_is_the_old_one_or_the_new_one(tmp_path):
    rng = random.Random(7)
    files = StateDirectory(tmp_path).workspace()
    policy = ThompsonSampling([f"arm-{n}" for n in range(200)], seed=1)
    begun = time.perf_counter()
    for _ in range(5):
        files.write(seal({"route": policy.state_dict()}, TenantContext()), keep=2)
    spent = (time.perf_counter() - begun) / 5
    seen = set()
    halfway = 0
    with preloaded(_SAVER) as program:
        for turn in range(_KILLS):
            child = start(program, tmp_path, turn)
            assert program.stdout.readline() == "begun\n"
            time.sleep(rng.uniform(0.0, 4 * spent))  # the instant is what is random here
            kill(program, child)
            halfway += files.path.with_name("main.json.tmp").exists()
            seen.add(content(files.read()))
            for path in files.previous():
                content(path.read_bytes())
        program.stdin.close()
    assert len(seen) > 3
    assert halfway > 3, "hardly any process was killed while it wrote"
    # What a killed one left is no hindrance for the next.
    files.write(b"new", keep=2)
    assert files.read() == b"new"
    assert len(files.previous()) == 2
    assert {path.suffix for path in files.path.parent.iterdir()} <= {".json", ".lock"}


_DECIDER = """
import os, struct, sys
from armwise import ThompsonSampling
from armwise.learning import LearningEngine
from armwise.rewards import DelayedRewards
from armwise.stores import StateDirectory

state, output, least = sys.argv[1], sys.argv[2], int(sys.argv[3])
engine = LearningEngine(store=StateDirectory(state), delayed=DelayedRewards())
engine.register_domain("route", ThompsonSampling(["a", "b", "c"], seed=1))
engine.activate("route")
engine.recommend("route", None, ["a", "b", "c"])
engine.save()
os.fork()  # both go on, and both are killed
out = os.open(f"{output}.{os.getpid()}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
done = 0
while True:
    ids = []
    for _ in range(500):
        stream, counter, _ = engine.decide("route", None, ["a", "b", "c"]).decision_id.split("-")
        ids.append((int(stream, 16), int(counter, 16)))
    os.write(out, b"".join(struct.pack("<QQ", *one) for one in ids))
    done += len(ids)
    if done == least:
        os.write(1, b"%d\\n" % os.getpid())
"""


@pytest.mark.slow
def test_a_million_ids_of_a_hundred_killed_processes(tmp_path):
    least, pairs = 10_000, 50
    rng = random.Random(3)
    with preloaded(_DECIDER) as program:
        for turn in range(pairs):
            child = start(program, tmp_path / "state", tmp_path / f"ids.{turn}", least)
            both = {int(program.stdout.readline()) for _ in range(2)}
            time.sleep(rng.uniform(0.0, 0.01))
            for one in both - {child}:
                os.kill(one, signal.SIGKILL)
            kill(program, child)
        program.stdin.close()
    files = list(tmp_path.glob("ids.*"))
    assert len(files) == 2 * pairs
    whole = struct.calcsize("<QQ")
    ids = np.concatenate(
        [np.frombuffer(data[: len(data) // whole * whole], "<u8").reshape(-1, 2) for data in map(_read, files)]
    )
    assert len(ids) >= 2 * pairs * least == 1_000_000
    # The seed is the same everywhere: a stream and a counter that came twice would be a draw that came twice.
    assert len(np.unique(ids, axis=0)) == len(ids)
    assert len(np.unique(ids[:, 0])) == 2 * pairs


def _read(path):
    return path.read_bytes()


def test_a_snapshot_goes_on_where_the_killed_process_stood(tmp_path):
    """What was saved before the kill is what the next process starts from, on a stream of its own."""
    with preloaded(_DECIDER) as program:
        child = start(program, tmp_path / "state", tmp_path / "ids", 500)
        both = {int(program.stdout.readline()) for _ in range(2)}
        for one in both - {child}:
            os.kill(one, signal.SIGKILL)
        kill(program, child)
        program.stdin.close()
    files = StateDirectory(tmp_path / "state").workspace()
    rng = open_snapshot(files.read()).policies["route"]["rng"]
    assert rng["counter"] == 1
    engine = LearningEngine(store=StateDirectory(tmp_path / "state"))
    engine.register_domain("route", ThompsonSampling(["a", "b", "c"], seed=1))
    assert engine.registry.get("route").counter == 0
    assert engine.registry.get("route").stream != rng["stream"]
