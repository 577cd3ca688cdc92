from __future__ import annotations

import errno
import io
import json
import sys

import numpy as np
import pytest
import typer

from armwise.cli import _app, main
from armwise.cli import plot as plotting
from armwise.errors import MissingExtra, StoreError
from armwise.runners.dataset import Feedback, read_npz
from armwise.runners.routing import run_routing


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A small data set of one's own, as an archive and as a CSV."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    context, reward, cost = rng.normal(size=(60, 2)), rng.random((60, 3)), rng.random((60, 3)) / 100
    np.savez(folder / "own.npz", context=context, reward=reward, cost=cost, arms=np.array(["x/a", "b", "[c]"]))
    header = "f0,f1,a,b,c,ca,cb,cc"
    np.savetxt(folder / "own.csv", np.column_stack([context, reward, cost]), "%.17g", ",", header=header, comments="")
    return folder


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def refused(capsys, *arguments):
    code, out, err = run(capsys, *arguments)
    assert code == 1
    assert out == ""
    assert err.startswith("armwise: ")
    assert err.count("\n") == 1
    return err


def test_demo_shows_tables_and_writes_its_files(capsys, own, tmp_path):
    code, out, err = run(capsys, "demo", "--data", own / "own.npz", "--seeds", 2, "--output", tmp_path / "out")
    assert (code, err) == (0, "")
    for text in (
        "own.npz: 60 requests, 3 arms, 2 seeds",
        "ThompsonSampling",
        "LinTSDiag",
        "uniform random",
        "oracle",
    ):
        assert text in out
    for text in ("[c]", "p99.9", "sigma 0.2", "fitted to it", "armwise replay"):
        assert text in out
    names = {file.name for file in (tmp_path / "out").iterdir()}
    policies = ("thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1")
    assert names == {"regret.png"} | {f"{name}.jsonl" for name in policies}
    assert (tmp_path / "out" / "regret.png").read_bytes().startswith(b"\x89PNG")


def test_demo_can_be_run_again_in_the_same_folder(capsys, own, tmp_path):
    for _ in range(2):
        assert run(capsys, "demo", "--data", own / "own.npz", "--seeds", 1, "--output", tmp_path)[0] == 0
    code, out, _ = run(capsys, "replay", tmp_path / "thompson.jsonl")
    assert code == 0
    assert "decisions made again: 60, all the same" in out


def test_demo_prints_json(capsys, own, tmp_path):
    options = ("--seeds", 1, "--no-plot", "--no-log", "--json", "--output", tmp_path / "out")
    code, out, err = run(capsys, "demo", "--data", own / "own.npz", *options)
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["requests"] == 60
    assert result["files"] == []
    assert "fitted to it" in result["linear_policies"]
    assert [policy["name"] for policy in result["policies"]][-1] == "random"
    assert result["policies"][0]["half_width"] is None
    assert result["policies"][0]["share"].keys() == {"x/a", "b", "[c]"}
    assert not (tmp_path / "out").exists()


def test_demo_reads_the_same_from_a_csv(capsys, own):
    options = ("--seeds", 1, "--no-plot", "--no-log", "--json")
    columns = ("--context-columns", "f0,f1", "--reward-columns", "a, b,c", "--cost-columns", "ca,cb,cc")
    one = json.loads(run(capsys, "demo", "--data", own / "own.npz", *options)[1])
    other = json.loads(run(capsys, "demo", "--data", own / "own.csv", *columns, *options)[1])
    assert [policy["utility"] for policy in one["policies"]] == [policy["utility"] for policy in other["policies"]]


def test_demo_reads_the_same_from_a_long_csv(capsys, own, tmp_path):
    data = read_npz(own / "own.npz")
    lines = [
        f"{request},{arm},{float(data.reward[request, place])},{float(data.cost[request, place])},{x},{y}"
        for request, (x, y) in enumerate(data.context.tolist())
        for place, arm in enumerate(data.arms)
    ]
    (tmp_path / "long.csv").write_text("\n".join(["id,model,q,usd,x,y", *lines]))
    options = ("--seeds", 1, "--no-plot", "--no-log", "--json")
    columns = ("--request-column", "id", "--arm-column", "model", "--reward-columns", "q", "--cost-columns", "usd")
    features = ("--context-columns", "x,y")
    one = json.loads(run(capsys, "demo", "--data", own / "own.npz", *options)[1])
    other = json.loads(run(capsys, "demo", "--data", tmp_path / "long.csv", *columns, *features, *options)[1])
    assert one["arms"] == other["arms"]
    assert [policy["utility"] for policy in one["policies"]] == [policy["utility"] for policy in other["policies"]]


def test_demo_shows_the_best_of_many_arms(capsys, tmp_path):
    np.savez(
        tmp_path / "many.npz",
        context=np.zeros((5, 1)),
        reward=np.tile(np.linspace(0, 1, 9), (5, 1)),
        cost=np.zeros((5, 9)),
        arms=np.array([f"arm {i}" for i in range(9)]),
    )
    _, out, _ = run(capsys, "demo", "--data", tmp_path / "many.npz", "--seeds", 1, "--no-plot", "--no-log")
    assert "without the 3 that earn least" in out
    assert "arm 8" in out


LONG = ["--data", "own.csv", "--request-column", "f0", "--arm-column", "f1"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "none.npz"], "none.npz: cannot be read"),
        (["--data", "none.csv", "--reward-columns", "a,b"], "none.csv: cannot be read"),
        (["--data", "own.csv"], "Give --reward-columns"),
        (["--data", "own.csv", "--reward-columns", "a,z"], "no column 'z'"),
        (["--data", "own.csv", "--reward-columns", "a,b", "--cost-columns", "ca"], "1 cost columns"),
        (["--data", "own.csv", "--reward-columns", "a,a"], "two or more different names"),
        (["--data", "own.npz", "--reward-columns", "a,b"], "need a CSV"),
        (["--context-columns", "a"], "need a CSV"),
        (["--arm-column", "a"], "need a CSV"),
        (["--data", "own.npz", "--request-column", "a"], "need a CSV"),
        (["--data", "own.csv", "--request-column", "f0", "--arm-column", "f1"], "Give --reward-columns"),
        (["--data", "own.csv", "--reward-columns", "a", "--request-column", "f0"], "a long CSV"),
        (["--data", "own.csv", "--reward-columns", "a", "--arm-column", "f0"], "a long CSV"),
        ([*LONG, "--reward-columns", "a,b"], "one column in --reward-columns"),
        ([*LONG, "--reward-columns", "a", "--cost-columns", "ca,cb"], "at most one in --cost-columns"),
        ([*LONG, "--reward-columns", "z"], "no column 'z'"),
        ([*LONG, "--reward-columns", "a"], "pairs missing"),
        (
            ["--data", "own.csv", "--reward-columns", "a,b", "--cost-columns", "ca,f0"],
            "expected a finite number, 0 or more",
        ),
        (["--data", "."], "cannot be read"),
        (["--seeds", "0"], "seeds is 0; expected at least 1"),
        (["--cost-weight", "-1"], "the cost weight is -1.0"),
        (["--cost-weight", "nan"], "the cost weight is nan"),
        (["--output", "own.npz"], "cannot make the folder"),
        (["--output", "own.npz/below"], "cannot make the folder"),
    ],
)
def test_demo_refuses_in_one_line(capsys, own, monkeypatch, options, told):
    monkeypatch.chdir(own)
    assert told in refused(capsys, "demo", *options)


def test_demo_refuses_a_damaged_file_in_one_line(capsys, own, tmp_path):
    (tmp_path / "bad.npz").write_bytes((own / "own.npz").read_bytes()[:1000])
    assert "not a readable .npz archive" in refused(capsys, "demo", "--data", tmp_path / "bad.npz")


def test_without_matplotlib_the_plot_is_left_out_or_asked_for(capsys, own, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    options = ("demo", "--data", own / "own.npz", "--seeds", 1, "--output", tmp_path / "out")
    code, _, err = run(capsys, *options)
    assert code == 0
    assert err == "armwise: no plot: matplotlib is not installed (pip install 'armwise[plot]')\n"
    assert not (tmp_path / "out" / "regret.png").exists()
    assert "pip install 'armwise[plot]'" in refused(capsys, *options, "--plot")


def test_a_plot_without_matplotlib_is_a_typed_error(tmp_path, monkeypatch):
    monkeypatch.setattr(plotting, "can_plot", lambda: False)
    with pytest.raises(MissingExtra, match=r"armwise\[plot\]"):
        plotting.save_plot(None, tmp_path / "regret.png")


def test_a_plot_that_cannot_be_written_is_an_error(tmp_path):
    data = Feedback("d", ("a", "b"), np.zeros((9, 1)), np.ones((9, 2)), np.zeros((9, 2)))
    with pytest.raises(StoreError, match="cannot write the plot"):
        plotting.save_plot(run_routing(data, seeds=1), tmp_path / "none" / "regret.png")


@pytest.mark.filterwarnings("error")
def test_a_plot_takes_arms_of_any_name(tmp_path):
    arms = (r"$\foo$", "hub/\x1b[31mred", "50% $")
    data = Feedback("d $x", arms, np.zeros((9, 1)), np.ones((9, 3)), np.zeros((9, 3)))
    plotting.save_plot(run_routing(data, seeds=1), tmp_path / "regret.png")
    assert (tmp_path / "regret.png").stat().st_size > 10_000


@pytest.fixture(scope="module")
def logs(own, tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    with pytest.raises(SystemExit):
        main(["demo", "--data", str(own / "own.npz"), "--seeds", "1", "--no-plot", "--output", str(folder)])
    return folder


@pytest.mark.parametrize("name", ["thompson", "lints_diag", "lints", "epsilon_greedy", "ucb1"])
def test_replay_makes_every_decision_again(capsys, logs, name):
    code, out, err = run(capsys, "replay", logs / f"{name}.jsonl")
    assert (code, err) == (0, "")
    assert "updates applied: 60; checkpoints compared: 1" in out
    assert "decisions made again: 60, all the same" in out


def test_replay_prints_json(capsys, logs):
    code, out, _ = run(capsys, "replay", logs / "lints.jsonl", "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["decisions"], result["mismatched"], result["domains"]) == (60, 0, ["route"])
    assert result["backend"] in {"native", "numba"}


def test_replay_exits_with_1_where_a_decision_differs(capsys, logs, tmp_path):
    lines = (logs / "thompson.jsonl").read_text().splitlines(keepends=True)
    kept = [line for place, line in enumerate(lines) if place != 3]
    (tmp_path / "run.jsonl").write_text("".join(kept))
    code, out, _ = run(capsys, "replay", tmp_path / "run.jsonl")
    assert code == 1
    assert "differ" in out
    assert "more" in out
    assert json.loads(run(capsys, "replay", tmp_path / "run.jsonl", "--json")[1])["mismatched"] > 20


def test_replay_tells_of_a_gap(capsys, logs, tmp_path):
    *lines, _, last = (logs / "thompson.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "run.jsonl").write_text("".join([*lines, last]))
    code, out, _ = run(capsys, "replay", tmp_path / "run.jsonl")
    assert code == 0
    assert "checkpoints that the updates do not lead to, loaded: 1" in out


def test_replay_tells_of_a_torn_end(capsys, logs, tmp_path):
    data = (logs / "thompson.jsonl").read_bytes()
    (tmp_path / "run.jsonl").write_bytes(data[: len(data) // 2])
    code, _, err = run(capsys, "replay", tmp_path / "run.jsonl")
    assert code == 0
    assert "half a line, as a killed process leaves it, was left aside" in err


def test_replay_evaluates_another_policy(capsys, logs):
    code, out, _ = run(capsys, "replay", logs / "thompson.jsonl", "--policy", "lints:sigma=0.5")
    assert code == 0
    for text in ("LinTS on the log of domain route", "IPS", "SNIPS", "mean weight", "0 without a reward"):
        assert text in out
    code, out, _ = run(capsys, "replay", logs / "thompson.jsonl", "--policy", "thompson", "--json")
    result = json.loads(out)
    assert [row["estimator"] for row in result["rows"]] == ["ips", "snips"]
    assert result["rows"][0]["estimate"]["value"] == pytest.approx(result["logged"]["mean"])


def test_replay_warns_where_the_log_says_little(capsys, logs):
    _, _, err = run(capsys, "replay", logs / "lints.jsonl", "--policy", "ucb1")
    assert "effective sample size is below 100" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none.jsonl"], "there is no such file"),
        (["."], "is not a file"),
        (["thompson.jsonl", "--policy", "oracle"], "there is no policy 'oracle'"),
        (["thompson.jsonl", "--policy", "thompson:prior=(0,0)"], "prior"),
        (["thompson.jsonl", "--policy", "thompson", "--domain", "x"], "no record of domain 'x'"),
        (["ucb1.jsonl", "--policy", "thompson"], "left nothing to chance"),
        (["regret.txt"], "regret.txt:1: not a line of JSON"),
    ],
)
def test_replay_refuses_in_one_line(capsys, logs, monkeypatch, arguments, told):
    monkeypatch.chdir(logs)
    (logs / "regret.txt").write_text("no log\n")
    assert told in refused(capsys, "replay", *arguments)


def test_a_backend_that_is_none_is_told_in_one_line(capsys, monkeypatch):
    monkeypatch.setenv("ARMWISE_BACKEND", "abacus")
    assert "abacus" in refused(capsys, "demo")


def test_help_names_the_commands(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "demo" in out
    assert "replay" in out
    assert run(capsys, "demo", "--help")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing command. (see armwise --help)"),
        (["juggle"], "No such command 'juggle'"),
        (["replay"], "Missing argument"),
        (["demo", "--sedes", "3"], "No such option"),
        (["demo", "--seeds", "many"], "Invalid value for '--seeds'"),
    ],
)
def test_what_is_misspelt_is_told_in_one_line_and_is_no_verdict(capsys, arguments, told):
    assert told in refused(capsys, *arguments)


def test_a_full_disk_behind_the_output_is_told(capsys, logs, monkeypatch):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    code, _, err = run(capsys, "replay", logs / "thompson.jsonl")
    assert (code, err) == (1, "armwise: cannot write the output (No space left on device)\n")


def test_a_reader_that_went_away_leaves_no_traceback(capsys, logs, monkeypatch, tmp_path):
    with (tmp_path / "closed").open("w", encoding="utf-8") as file:

        class Closed(io.StringIO):
            def flush(self):
                raise BrokenPipeError(errno.EPIPE, "Broken pipe")

            def fileno(self):
                return file.fileno()

        monkeypatch.setattr(sys, "stdout", Closed())
        code, _, err = run(capsys, "replay", logs / "thompson.jsonl")
        # What is still written goes nowhere.
        file.write("more")
    assert (code, err) == (1, "")
    assert (tmp_path / "closed").read_bytes() == b""


def test_an_aborted_command_is_no_verdict(capsys, monkeypatch):
    def abort(*_, **__):
        raise typer.Abort

    monkeypatch.setattr(_app, "app", abort)
    assert run(capsys, "replay") == (1, "", "armwise: aborted\n")


def test_without_arguments_those_of_the_process_are_taken(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["armwise", "replay", "none.jsonl"])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 1
    assert "none.jsonl" in capsys.readouterr().err
