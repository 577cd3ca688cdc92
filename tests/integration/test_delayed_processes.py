"""Delayed rewards of several processes on one file: each is applied once, whoever is killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

pytestmark = pytest.mark.integration

SETUP = """
import sys
from armwise.rewards import DelayedRewards
from armwise.stores import SQLitePending

delayed = DelayedRewards(SQLitePending(sys.argv[1]))
"""

JOINER = f"""{SETUP}
import random
ids = list(range(int(sys.argv[3])))
random.Random(sys.argv[2]).shuffle(ids)
print("ready", flush=True)
sys.stdin.readline()
for name in ids:
    joined = delayed.join("route", str(name), name / 4)
    print(joined.status, joined.sequence, name)
"""

# Every line is written before the next call: what was said was done, and at most one call was under way.
MORTAL = f"""{SETUP}
import os
from armwise.stores import _checkpoints
_checkpoints._EVERY = 4  # kills find one under way
life = sys.argv[2]
turn = 0
while True:
    delayed.expect("route", f"{{life}}-{{turn}}", "small", [turn])
    os.write(1, f"expected {{life}}-{{turn}}\\n".encode())
    joined = delayed.join("route", f"{{life}}-{{turn - turn % 3}}", turn)
    os.write(1, f"{{joined.status}} {{life}}-{{turn - turn % 3}} {{joined.sequence}}\\n".encode())
    turn += 1
"""


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_four_processes_and_eight_threads_apply_each_reward_once(tmp_path):
    path, count = tmp_path / "pending.db", 400
    store = SQLitePending(path)
    delayed = DelayedRewards(store)
    for name in range(count):
        delayed.expect("route", str(name), "small", [name])
    workers = [start(JOINER, path, seed, count) for seed in range(4)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    found: list[tuple[str, int | None, int]] = []
    go = threading.Barrier(9)

    def work(seed):
        ids = random.Random(seed).sample(range(count), count)
        go.wait()
        for name in ids:
            joined = delayed.join("route", str(name), name / 4)
            found.append((joined.status, joined.sequence, name))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    go.wait()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        for status, sequence, name in (line.split() for line in output.splitlines()):
            found.append((status, None if sequence == "None" else int(sequence), int(name)))
    for thread in threads:
        thread.join()
    assert len(found) == 12 * count
    applied = {name: sequence for status, sequence, name in found if status == "applied"}
    assert sorted(applied) == list(range(count))
    assert sum(status == "applied" for status, _, _ in found) == count
    assert sum(status == "duplicate" for status, _, _ in found) == 11 * count
    assert sorted(applied.values()) == list(range(1, count + 1))
    kept = delayed.unsaved("route")
    assert {int(one.pending.decision_id): one.sequence for one in kept} == applied
    assert all(one.reward == int(one.pending.decision_id) / 4 for one in kept)
    counts = delayed.counts
    assert (counts["applied"], counts["duplicate"], counts["pending"]) == (count, 11 * count, 0)
    store.close()


@pytest.mark.slow
def test_processes_that_are_killed_lose_nothing_and_repeat_nothing(tmp_path):
    path = tmp_path / "pending.db"
    rng = random.Random(4)
    said: list[str] = []
    for life in range(20):
        workers = [start(MORTAL, path, f"{life}{side}") for side in "ab"]
        said += [worker.stdout.readline().strip() for worker in workers]  # both are at work
        time.sleep(rng.uniform(0.0, 0.05))  # where in its work it is killed is to be left to chance
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
        for worker in workers:
            # A line may be cut short by the kill; what it says was done all the same, but is not to be read.
            output = worker.stdout.read()
            worker.wait(timeout=60)
            said += output[: output.rfind("\n") + 1].splitlines()
            worker.stdin.close()
            worker.stdout.close()
    store = SQLitePending(path)
    delayed = DelayedRewards(store)
    kept = delayed.unsaved("route")
    sequences = [one.sequence for one in kept]
    names = [one.pending.decision_id for one in kept]
    assert len(kept) > 100
    assert sequences == list(range(1, len(kept) + 1))
    assert len(set(names)) == len(names)
    told = [line.split() for line in said]
    applied = {line[1]: int(line[2]) for line in told if line[0] == "applied"}
    assert sum(line[0] == "applied" for line in told) == len(applied)
    assert applied.items() <= dict(zip(names, sequences, strict=True)).items(), "a reward that was applied is lost"
    assert len(names) - len(applied) <= 40, "each life had one call under way at most"
    counts = delayed.counts
    assert counts["applied"] == len(kept)
    assert 0 <= counts["duplicate"] - sum(line[0] == "duplicate" for line in told) <= 40
    rewarded = set(names)
    for name in {line[1] for line in told if line[0] == "expected"}:
        status = delayed.join("route", name, 0.0).status
        assert status == ("duplicate" if name in rewarded else "applied"), f"{name} is {status}"
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children_share_the_file(tmp_path):
    path = tmp_path / "pending.db"
    store = SQLitePending(path)
    delayed = DelayedRewards(store)
    for name in range(60):
        delayed.expect("route", str(name), "small")
    stop = threading.Event()

    def busy():
        turn = 0
        while not stop.is_set():
            delayed.join("route", f"nobody-{turn}", 0.0)
            turn += 1

    thread = threading.Thread(target=busy)
    thread.start()
    children = []
    for side in range(3):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            applied = sum(delayed.join("route", str(name), 1.0).status == "applied" for name in range(60))
            delayed.expect("route", f"child-{side}", "small")
            os.write(write, str(applied).encode())
            os._exit(0)
        os.close(write)
        children.append((child, read))
    mine = sum(delayed.join("route", str(name), 1.0).status == "applied" for name in range(60))
    stop.set()
    thread.join()
    total = mine
    for child, read in children:
        with os.fdopen(read) as pipe:
            total += int(pipe.read())
        assert os.waitpid(child, 0)[1] == 0
    assert total == 60
    assert all(delayed.join("route", f"child-{side}", 1.0).status == "applied" for side in range(3))
    store.close()
