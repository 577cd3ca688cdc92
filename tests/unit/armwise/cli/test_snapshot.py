from __future__ import annotations

import os
import threading

import pytest

from armwise import ThompsonSampling
from armwise.cli import main, rl_snapshot
from armwise.learning import TenantContext, open_snapshot, seal


@pytest.fixture
def snapshot(run):
    return lambda *arguments: run(rl_snapshot, *arguments)


def test_to_a_file_and_back(snapshot, state, tmp_path, capsys):
    file = tmp_path / "rl_state.json"
    assert snapshot("dump", "--output", file, "--policies", " route , ", "--verbose") == 0
    told = capsys.readouterr()
    assert told.out == f"{state}/default/main.json -> {file}: route\n"
    assert "armwise: route: ThompsonSampling, 2 arms, 2 changes, stream " in told.err
    assert list(open_snapshot(file.read_bytes()).policies) == ["route"]
    other = tmp_path / "other"
    assert snapshot("restore", "--input", file, "--tenant", "acme", "--workspace", "test", "--state-dir", other) == 0
    told = capsys.readouterr()
    assert told.out == f"{file} -> {other}/acme/test.json: route\n"
    assert told.err == "armwise: the snapshot is of default/main, and becomes acme/test\n"
    assert (other / "acme" / "test.json").exists()


@pytest.mark.usefixtures("state")
def test_the_other_name_of_it(run, tmp_path):
    assert run(main, "snapshot", "dump", "--output", tmp_path / "file") == 0
    assert run(main, "snapshot", "restore", "--input", tmp_path / "file") == 0


@pytest.mark.usefixtures("state")
def test_newer_versions_are_skipped_in_a_line(snapshot, tmp_path, capsys):
    states = {"route": ThompsonSampling().state_dict() | {"version": 9}}
    (tmp_path / "file").write_bytes(seal(states, TenantContext()))
    assert snapshot("restore", "--input", tmp_path / "file") == 0
    told = capsys.readouterr()
    assert told.out.endswith(": no domain\n")
    assert "'route' is not restored: the state has version 9, this armwise reads up to 1" in told.err
    assert told.err.count("\n") == 1


@pytest.mark.usefixtures("state")
def test_one_when_a_domain_is_missing(snapshot, tmp_path, capsys):
    assert snapshot("dump", "--output", tmp_path / "file") == 0
    capsys.readouterr()
    for command in (("dump", "--output", tmp_path / "other"), ("restore", "--input", tmp_path / "file")):
        assert snapshot(*command, "--policies", "nope") == 1
        told = capsys.readouterr()
        assert told.err == "armwise: the snapshot does not hold 'nope'; it holds 'route', 'x'\n"
        assert told.out == ""
    assert not (tmp_path / "other").exists()


@pytest.mark.usefixtures("state")
def test_to_standard_output(snapshot, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert snapshot("dump", "--output", "-", "--policies", "x") == 0
    told = capsysbinary.readouterr()
    assert list(open_snapshot(told.out).policies) == ["x"]
    assert told.err.endswith(b"main.json -> standard output: x\n")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("state")
def test_to_what_is_no_file(snapshot, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    assert snapshot("dump", "--output", tmp_path / "pipe") == 0
    reader.join()
    assert (tmp_path / "pipe").is_fifo()
    assert snapshot("dump", "--output", tmp_path / "link") == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == read[0]
    assert list(open_snapshot(read[0]).policies) == ["route", "x"]


@pytest.mark.parametrize("command", ["dump", "restore"])
def test_one_when_a_file_is_missing(snapshot, tmp_path, command, capsys):
    way = "--output" if command == "dump" else "--input"
    assert snapshot(command, way, tmp_path / "none", "--state-dir", tmp_path / "state") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_two_when_it_is_no_snapshot(snapshot, state, tmp_path, capsys):
    (tmp_path / "file").write_text("hello\x1b")
    before = (state / "default" / "main.json").read_bytes()
    assert snapshot("restore", "--input", tmp_path / "file") == 2
    assert "this is no snapshot" in capsys.readouterr().err
    assert (state / "default" / "main.json").read_bytes() == before
    (state / "default" / "main.json").write_bytes(before.replace(b"alpha", b"alphb"))
    assert snapshot("dump", "--output", tmp_path / "out") == 2
    assert "its checksum is not" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dump",),
        ("dump", "--output"),
        ("restore", "--output", "x"),
        ("dump", "--output", "x", "--tenant", "../x"),
        ("dump", "--output", "x", "--workspace", ""),
        ("burn",),
    ],
)
def test_what_cannot_be_meant(snapshot, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert snapshot(*arguments) == 1
    assert list(tmp_path.iterdir()) == []
