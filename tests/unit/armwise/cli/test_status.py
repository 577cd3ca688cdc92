from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from armwise.cli import main
from armwise.learning import TenantContext, seal
from armwise.stores import StateDirectory

FLAGS = ("ENABLE_RL_GLOBAL", "ENABLE_RL_ROUTING", "ENABLE_RL_LINTS")


def test_status(run, state, capsys):
    assert run(main, "status") == 0
    told = capsys.readouterr().out
    assert f"default/main: {state}/default/main.json, saved 2" in told
    assert "route: ThompsonSampling, active, switched off" in told
    assert "a\\x1b" in told
    assert "flags: ENABLE_RL_GLOBAL off, ENABLE_RL_LINTS off, ENABLE_EXPERIMENT_HARNESS off" in told
    assert "kernels: backend " in told


@pytest.mark.usefixtures("state")
def test_status_with_flags(run, capsys, monkeypatch):
    for name in FLAGS:
        monkeypatch.setenv(name, "1")
    assert run(main, "status") == 0
    told = capsys.readouterr().out
    assert "route: ThompsonSampling, active\n" in told.replace(" \n", "\n")
    assert "ENABLE_RL_ROUTING on" in told


@pytest.mark.usefixtures("state")
def test_status_as_json(run, capsys):
    assert run(main, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["tenant"], found["workspace"]) == ("default", "main")
    arms = found["domains"]["route"]["arms"]
    assert list(arms) == ["1", "'1'"]  # the number, and the text
    assert arms["1"]["q"] == 0.5
    assert arms["'1'"]["n"] == 1
    assert set(found["domains"]["x"]["arms"]) == {"a\x1b", "b"}


def test_status_of_nothing(run, tmp_path, capsys):
    assert run(main, "status", "--state-dir", tmp_path / "none") == 0
    assert "nothing was saved yet" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("state")
def test_status_says_what_it_cannot_show(run, capsys):
    files = StateDirectory().workspace()
    files.write(seal({"route": {"policy": "Mine"}}, TenantContext()))
    assert run(main, "status") == 0
    told = capsys.readouterr()
    assert "'route' is not shown: its policy is 'Mine'" in told.err
    assert run(main, "status", "--json") == 0
    assert "is not shown" in json.loads(capsys.readouterr().out)["notes"][0]


def test_status_of_what_is_damaged(run, state, capsys):
    (state / "default" / "main.json").write_text("{")
    assert run(main, "status") == 1
    assert "not JSON" in capsys.readouterr().err


@pytest.mark.usefixtures("state")
def test_status_is_watched_or_printed(run, capsys):
    assert run(main, "status", "--json", "--watch") == 1
    assert "leave one of them out" in capsys.readouterr().err


@pytest.mark.usefixtures("state")
def test_a_watch_into_a_pipe_prints_and_ends_with_its_reader():
    command = [sys.executable, "-c", "from armwise.cli import main; main()", "status", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ) as watch:
        heads = 0
        for line in watch.stdout:
            heads += line.startswith(b"default/main: ")
            if heads == 2:
                break
        assert watch.poll() is None
        watch.stdout.close()
        assert watch.wait(timeout=60) == 1
        assert b"Traceback" not in watch.stderr.read()


@pytest.mark.usefixtures("state")
def test_a_watch_on_a_terminal_draws_over_itself():
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", "from armwise.cli import main; main()", "status", "--watch"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as watch:
        os.close(theirs)
        seen = b""
        while seen.count(b"default/main: ") < 2:
            seen += os.read(ours, 65536)
        watch.send_signal(signal.SIGINT)
        while _more(ours):
            pass
        assert watch.wait(timeout=60) == 0
    os.close(ours)
    assert b"\x1b[1A" in seen


def _more(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody is at the other end
        return b""
