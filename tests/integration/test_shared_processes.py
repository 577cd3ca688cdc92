"""A table that processes share: sums are exact, a killed process leaves it whole, no stream is given twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

from armwise.policies import SharedThompsonSampling
from armwise_kernels import BackendUnavailable, load

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]

LIMIT = 300
UPDATES = 1_000_000
KILLS = 50
ARMS = list("abcdefghij")

WRITER = """
import sys
from armwise.policies import SharedThompsonSampling

policy, n = SharedThompsonSampling(sys.argv[1]), int(sys.argv[2])
arms = policy.arms
print("ready", flush=True)
sys.stdin.readline()
for i in range(n):
    policy.update(arms[i % 10], (i % 5) / 4)
print(policy.stream)
"""

READER = """
import sys
from armwise.policies import SharedThompsonSampling

policy, wanted = SharedThompsonSampling(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
known, chosen, versions = 0, set(), {0}
while known < wanted:
    chosen.update(policy.select() for _ in range(1000))
    versions.add(policy.policy_version)
    state = policy.state_dict()["shared"]
    assert all(total <= 4096 * count for total, count in zip(state["sums"], state["counts"]))
    assert sum(state["counts"]) >= known
    known = sum(state["counts"])
print(len(versions) > 2, chosen <= set(policy.arms))
"""


def started(program, *arguments, backend=None):
    """A process that has opened the table, and waits for a line."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    if backend is not None:
        environment["ARMWISE_BACKEND"] = backend
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "ready\n"
    return process


def finished(processes):
    """Let them all run; what each has printed."""
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    found = [process.communicate(timeout=LIMIT)[0].strip() for process in processes]
    assert all(process.returncode == 0 for process in processes)
    return found


def run(program, *arguments):
    """A program that forks, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(program), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT, env=environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def counted(policy):
    shared = policy.state_dict()["shared"]
    return shared["sums"], shared["counts"]


def wanted_of(updates):
    """The sums and counts of one writer."""
    rewards = [[(i % 5) * 1024 for i in range(arm, updates, 10)] for arm in range(10)]
    return [sum(one) for one in rewards], [len(one) for one in rewards]


def test_two_writers_lose_nothing_while_a_third_process_selects(tmp_path):
    table = tmp_path / "t"
    policy = SharedThompsonSampling(table, ARMS, seed=1)
    writers = [started(WRITER, table, UPDATES) for _ in range(2)]
    *streams, read = finished([*writers, started(READER, table, 2 * UPDATES)])
    assert read == "True True"
    sums, counts = wanted_of(UPDATES)
    assert counted(policy) == ([2 * total for total in sums], [2 * count for count in counts])
    assert len({str(policy.stream), *streams}) == 3


def test_two_backends_share_one_table(tmp_path):
    try:
        load("native")
    except BackendUnavailable:
        pytest.skip("there is no native backend here")
    table, updates = tmp_path / "t", 20_000
    policy = SharedThompsonSampling(table, ARMS, seed=1)
    finished([started(WRITER, table, updates, backend=backend) for backend in ("native", "numba")])
    sums, counts = wanted_of(updates)
    assert counted(policy) == ([2 * total for total in sums], [2 * count for count in counts])


KILLED = """
import json, mmap, os, random, signal, sys, time
import numpy as np
from armwise.policies import SharedThompsonSampling

table, kills = sys.argv[1], int(sys.argv[2])
# how many rewards each writer knows to be in, and its stream; whole words, each written by one instruction
done, stream = np.frombuffer(mmap.mmap(-1, 4096), np.int64, 4).reshape(2, 2)
times, streams, acknowledged, found = random.Random(1), set(), 0, []


def write(slot):
    policy = SharedThompsonSampling(table)
    stream[slot] = policy.stream
    while True:
        policy.update(policy.select(), 1.0)
        done[slot] += 1


for kill in range(kills // 2):
    done[:] = stream[:] = 0
    writers = []
    for slot in range(2):
        pid = os.fork()
        if pid == 0:
            try:
                write(slot)
            finally:
                os._exit(1)
        writers.append(pid)
    while not done.all():
        os.sched_yield()
    instant = time.perf_counter() + times.random() * 0.02
    while time.perf_counter() < instant:
        pass
    for pid in writers:
        os.kill(pid, signal.SIGKILL)
    for pid in writers:
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    acknowledged += int(done.sum())
    streams |= set(stream.tolist())
    shared = SharedThompsonSampling(table).state_dict()["shared"]
    assert shared["sums"] == [4096 * count for count in shared["counts"]]
    found.append((acknowledged, sum(shared["counts"])))
print(json.dumps([found, len(streams)]))
"""


def test_processes_killed_at_any_instant_leave_the_table_whole(tmp_path):
    table = tmp_path / "t"
    SharedThompsonSampling(table, ARMS, seed=1)
    found, streams = run(KILLED, table, KILLS)
    assert streams == KILLS
    for killed, (acknowledged, held) in enumerate(found, start=1):
        # nothing that was acknowledged is gone; what was in flight, one a writer, may be in or not
        assert acknowledged <= held <= acknowledged + 2 * killed


MAKERS = """
import json, os, sys, signal
from armwise.policies import SharedThompsonSampling

folder, streams = sys.argv[1], []
for turn in range(20):
    pipes = []
    go, release = os.pipe()
    for process in range(3):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(release)
            os.read(go, 1)  # until the other end is closed
            policy = SharedThompsonSampling(f"{folder}/{turn}", ["a", "b"])
            policy.update("a", 1.0)
            os.write(writer, json.dumps([policy.seed, policy.stream]).encode())
            os._exit(0)
        os.close(writer)
        pipes.append(reader)
    os.close(release)
    os.close(go)
    said = [json.loads(os.read(reader, 100)) for reader in pipes]
    for _ in pipes:
        assert os.wait()[1] == 0
    for reader in pipes:
        os.close(reader)
    held = SharedThompsonSampling(f"{folder}/{turn}").posterior()["a"]
    streams.append([len({seed for seed, _ in said}), len({stream for _, stream in said}), held])
print(json.dumps(streams))
"""


def test_of_several_that_make_the_table_one_does(tmp_path):
    assert run(MAKERS, tmp_path) == [[1, 3, [4.0, 1.0]]] * 20
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(map(str, range(20)))


BORN = """
import json, os, random, signal, sys, time
from armwise.errors import ConfigurationError
from armwise.policies import SharedThompsonSampling

folder, times, arms, whole = sys.argv[1], random.Random(3), [f"arm {i}" for i in range(20_000)], 0
for turn in range(20):
    table = f"{folder}/{turn}"
    pid = os.fork()
    if pid == 0:
        SharedThompsonSampling(table, arms)
        os._exit(0)
    instant = time.perf_counter() + times.random() * 0.06
    while time.perf_counter() < instant:
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    there = os.path.exists(table)
    whole += there
    policy = SharedThompsonSampling(table, None if there else arms)
    assert len(policy.arms) == 20_000
print(json.dumps(whole))
"""


def test_a_maker_that_is_killed_leaves_a_whole_table_or_none(tmp_path):
    assert 0 <= run(BORN, tmp_path) <= 20


FORKED = """
import json, os, sys
from armwise.policies import SharedThompsonSampling

policy = SharedThompsonSampling(sys.argv[1], ["a", "b", "c"], seed=4)
mine = [policy.decide().decision_id for _ in range(50)]
said = []
for _ in range(4):
    reader, writer = os.pipe()
    if os.fork() == 0:
        ids = [policy.decide().decision_id for _ in range(50)]
        policy.update("b", 0.5)
        os.write(writer, json.dumps(ids).encode())
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader) as file:
        said += json.loads(file.read())
mine += [policy.decide().decision_id for _ in range(50)]
print(json.dumps([len(set(mine + said)), policy.posterior()["b"], policy.policy_version]))
"""


def test_a_forked_child_goes_on_with_the_table_on_a_stream_of_its_own(tmp_path):
    assert run(FORKED, tmp_path / "t") == [300, [3.0, 3.0], 1]
