"""The commands around experiments as a shell and a CI job run them: in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from armwise.experiments import Allocator
from armwise.runners.experiment_states import read_states

pytestmark = pytest.mark.integration

COMMAND = [sys.executable, "-c", "from armwise.cli import main; main()", "experiment"]
TWO = ["--variant", "control=1", "--variant", "bold=1"]

# One of several processes that serve the same experiment: its own state, its own log.
SERVER = """
import random, sys
from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.stores import StateFile
from armwise.telemetry.log import DecisionLog
from armwise.types import Decision

folder, number, bold = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
manager = ExperimentManager(
    [Experiment("checkout", control="control", variants={"control": "old", "bold": "new"}, phase="active")],
    store=StateFile(f"{folder}/process-{number}.json"),
    flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}),
)
rng = random.Random(number)
with DecisionLog(f"{folder}/process-{number}.jsonl", sync="none") as log:
    for turn in range(1500):
        user, now = f"user-{number}-{turn}", 1_760_000_000 * 10**9 + turn * 10**11 + number
        variant = manager.assign("checkout", user)
        arm = {"control": "old", "bold": "new"}[variant]
        decision = Decision(arm, 0, f"{number:x}-{turn:x}-0", 0, 0.5, "exact")
        log.decision(decision, seed=number, time=now, experiment="checkout", variant=variant, user=user)
        reward = float(rng.random() < {"control": 0.2, "bold": bold}[variant])
        manager.record("checkout", variant, reward, now=now)
        log.update(arm, reward, policy_version=0, decision_id=decision.decision_id, time=now)
manager.save()
"""


def run(*arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, **options)


def serve(folder, bold, processes=3):
    def one(number):
        subprocess.run([sys.executable, "-c", SERVER, str(folder), str(number), str(bold)], check=True)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(processes)))


@pytest.mark.parametrize(("bold", "verdict", "code"), [(0.35, "ship", 0), (0.2, "hold", 2), (0.05, "stop", 3)])
def test_what_several_processes_saw_comes_to_one_verdict(tmp_path, bold, verdict, code):
    serve(tmp_path, bold)
    done = run("report", tmp_path, "--output", tmp_path / "report.html", "--json")
    assert (done.returncode, done.stderr) == (code, "")
    found = json.loads(done.stdout)
    assert found["verdict"] == verdict
    assert sum(row["pulls"] for row in found["variants"].values()) == 4500
    # States and logs know the same.
    assert found["notes"] == []
    assert (tmp_path / "report.html").stat().st_size > 50_000


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_another_encoding_changes_no_verdict(tmp_path, encoding):
    serve(tmp_path, 0.05, processes=1)
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    assert run("stop", tmp_path, "checkout", "--reason", "模型 does harm", env=environment).returncode == 0
    done = run("report", tmp_path, "--output", tmp_path / "report.html", env=environment)
    assert (done.returncode, done.stderr) == (3, "")
    assert r"\u6a21\u578b does harm" in done.stdout
    done = subprocess.run([*COMMAND, "status", tmp_path], env=environment, capture_output=True, check=True)
    assert "± SE" in done.stdout.decode(encoding) or r"\xb1 SE" in done.stdout.decode(encoding)


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_closed_streams_change_no_verdict(tmp_path, closed):
    serve(tmp_path, 0.05, processes=1)
    page = tmp_path / "report.html"
    arguments = [*COMMAND, "report", str(tmp_path), "--output", str(page)]
    shell = ["bash", "-c", f'"$@" {closed}', "bash", *arguments]
    done = subprocess.run(shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert page.read_text(encoding="utf-8").endswith("</html>\n")


def test_arguments_that_are_no_text_change_nothing(tmp_path):
    serve(tmp_path, 0.05, processes=1)
    before = (tmp_path / "process-0.json").read_bytes()
    done = subprocess.run(
        [*COMMAND, "stop", str(tmp_path), "checkout", "--reason", b"\xff"], capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"armwise: the reason is '\\udcff'")
    assert done.stderr.count(b"\n") == 1
    assert (tmp_path / "process-0.json").read_bytes() == before


def test_an_experiment_is_stopped_from_the_shell(tmp_path):
    serve(tmp_path, 0.05, processes=2)
    assert json.loads(run("status", tmp_path, "--json").stdout)["checkout"]["phase"] == "active"
    done = run("stop", tmp_path, "checkout", "--reason", "bold does harm")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("active -> stopped") == 2
    ledger = read_states(tmp_path).ledgers["checkout"]
    assert ledger.phase == "stopped"
    assert ledger.events["stopped"].reason == "bold does harm"
    # A process that starts again finds it so: control serves everybody, and nothing more is counted.
    serve(tmp_path, 0.05, processes=2)
    totals = read_states(tmp_path).ledgers["checkout"].totals()
    assert sum(seen.pulls for seen in totals.variants.values()) == 3000


def test_no_error_looks_like_a_verdict(tmp_path):
    for arguments in (["report", tmp_path], ["report", tmp_path / "none"], ["report"], ["report", ".", "--alfa", "1"]):
        done = run(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("armwise: ")
        assert done.stderr.count("\n") == 1


def test_lines_go_through_a_pipe():
    keys = [f"käse-{number}" for number in range(20_000)]
    done = run("allocate", "checkout", *TWO, input="\n".join(keys), env={**os.environ, "LC_ALL": "C.UTF-8"})
    allocator = Allocator("checkout", ["control", "bold"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"{key}\t{allocator.allocate(key)}\n" for key in keys)


def test_a_reader_that_goes_away_gets_no_traceback():
    writer = subprocess.Popen(
        [*COMMAND, "allocate", "checkout", *TWO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(_feed, writer.stdin)
        assert writer.stdout.readline().endswith((b"\tcontrol\n", b"\tbold\n"))
        writer.stdout.close()
        assert writer.wait(60) == 1
        feeding.result()
    assert writer.stderr.read() == b""
    writer.stderr.close()


def _feed(pipe):
    try:
        with pipe:
            for number in range(2_000_000):
                pipe.write(b"%d\n" % number)
    except BrokenPipeError:
        pass


def test_a_full_disk_is_no_verdict(tmp_path):
    serve(tmp_path, 0.35, processes=1)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "report", str(tmp_path), "--output", str(tmp_path / "r.html")],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "armwise: cannot write the output (No space left on device)\n"
