"""How the commands speak: nothing from elsewhere reaches a terminal as a command to it."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from armwise import ThompsonSampling
from armwise.cli import main
from armwise.cli._console import open_streams, shown, warn
from armwise.telemetry.log import DecisionLog


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("small [b]", "small [b]"),
        ("größer 模型", "größer 模型"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\0b\nc", r"a\x00b\nc"),
        ("\ud800", r"\ud800"),
        ("\u202eevil", r"\u202eevil"),
        (7, "7"),
    ],
)
def test_what_does_not_print_is_escaped(text, told):
    assert shown(text) == told
    shown(text).encode()


def test_a_warning_is_one_line(capsys):
    warn("run\x1b[2J.jsonl:\n7")
    assert capsys.readouterr().err == "armwise: run\\x1b[2J.jsonl:\\n7\n"


def test_streams_take_every_text(monkeypatch):
    kept = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(kept, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", None)
    open_streams()
    print("größer \ud800", flush=True)
    assert kept.getvalue() == rb"gr\xf6\xdfer \ud800" + b"\n"
    with sys.stderr:
        warn("\ud800")


def test_replay_shows_labels_and_domains_of_a_log_escaped(capsys, tmp_path):
    policy = ThompsonSampling(["\x1b[31mred", "\ud800"], seed=1)
    with DecisionLog(tmp_path / "run.jsonl") as log:
        log.checkpoint(policy.state_dict(), domain="\x1b[2J", time=0)
        for _ in range(9):
            log.decision(policy.decide(), seed=2, domain="\x1b[2J", time=0)
    with pytest.raises(SystemExit):
        main(["replay", str(tmp_path / "run.jsonl")])
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"domains: \x1b[2J" in out
    assert "differ" in out


def demo(capsys, folder, arms, *options):
    """What `armwise demo` prints on feedback of these arms."""
    count = len(arms)
    np.savez(
        folder / "own.npz",
        context=np.zeros((5, 1)),
        reward=np.tile(np.linspace(0, 1, count), (5, 1)),
        cost=np.zeros((5, count)),
        arms=np.array(arms),
    )
    with pytest.raises(SystemExit) as exit_:
        main(["demo", "--data", str(folder / "own.npz"), "--seeds", "1", "--no-plot", "--no-log", *options])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def test_demo_shows_arms_escaped(capsys, tmp_path):
    code, out, err = demo(capsys, tmp_path, ["\x1b[31mred", "nul\0", "x[bold]y[/bold]"])
    assert (code, err) == (0, "")
    assert "\x1b" not in out
    assert "\0" not in out
    assert "x[bold]y[/bold]" in out.partition("Which arms")[2]
    assert "always x[bold]y[/bold]" in out


def test_demo_leaves_the_arms_in_json_as_they_are(capsys, tmp_path):
    code, out, _ = demo(capsys, tmp_path, ["\x1b[31mred", "b"], "--json")
    assert code == 0
    assert set(json.loads(out)["arms"]) == {"\x1b[31mred", "b"}


@pytest.mark.parametrize(
    ("arms", "heads"),
    [
        (["google/gemini-2.5-pro", "meta-llama/llama-3:8b"], ["gemini-2.5-pro", "llama-3:8b"]),
        (["east/small", "west/small"], ["east/small", "west/small"]),
        (["google/gemini", "none"], ["google/gemini", "none"]),
        (["a/b/c", "d/e"], ["a/b/c", "d/e"]),
    ],
)
def test_demo_leaves_owners_out_where_that_tells_the_arms_apart(capsys, tmp_path, arms, heads):
    _, out, _ = demo(capsys, tmp_path, arms)
    head = out.partition("Which arms")[2].splitlines()[2]
    assert sorted(head.split()[1:]) == sorted(heads)


def test_demo_refuses_arms_that_nothing_can_show(capsys, tmp_path):
    code, out, err = demo(capsys, tmp_path, ["\ud800", "b"])
    assert code != 0
    assert out == ""
    assert err.startswith("armwise: own.npz: arms[0] is '\\ud800'; expected text")
    assert err.count("\n") == 1


@pytest.mark.parametrize("options", [["--request-column", "", "--arm-column", ""], ["--arm-column", " "]])
def test_demo_takes_no_empty_name_for_no_option(capsys, tmp_path, options):
    (tmp_path / "own.csv").write_text("a,b\n1,0\n0,1\n")
    given = ["--data", str(tmp_path / "own.csv"), "--reward-columns", "a", *options]
    for data in (given, options):
        with pytest.raises(SystemExit) as exit_:
            main(["demo", *data])
        assert exit_.value.code not in {0, None}
    assert "need a CSV" in capsys.readouterr().err


def test_demo_reads_the_index_that_pandas_writes_without_a_name(capsys, tmp_path):
    (tmp_path / "own.csv").write_text(",model,q\n0,a,1\n0,b,.5\n1,a,.2\n1,b,.4\n")
    columns = ["--request-column", "", "--arm-column", "model", "--reward-columns", "q"]
    options = ["--seeds", "1", "--no-plot", "--no-log", "--json"]
    with pytest.raises(SystemExit) as exit_:
        main(["demo", "--data", str(tmp_path / "own.csv"), *columns, *options])
    assert exit_.value.code == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 2
