from __future__ import annotations

import errno
import io
import json
import sys
from pathlib import Path

import pytest

from armwise.cli import main
from armwise.experiments import Allocator

MEANS = {"control": 0.2, "b": 0.3}
SAME = {"control": 0.2, "b": 0.2}


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as exit_:
        main(["experiment", *map(str, arguments)])
    captured = capsys.readouterr()
    return exit_.value.code, captured.out, captured.err


def refused(capsys, *arguments):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("armwise: ")
    assert err.count("\n") == 1
    return err


def lines_of(text, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))


TWO = ("--variant", "control=1", "--variant", "b=1")


def test_allocate_prints_what_the_allocator_says(capsys):
    code, out, err = run(
        capsys, "allocate", "ranking", "u1", "u2", "u3", "--variant", "control=50", "--variant", "b=0.5"
    )
    allocator = Allocator("ranking", {"control": 50, "b": 0.5})
    assert (code, err) == (0, "")
    assert out == "".join(f"{key}\t{allocator.allocate(key)}\n" for key in ("u1", "u2", "u3"))


def test_allocate_takes_lines(capsys, monkeypatch):
    lines_of("ä\r\n b\nlast".encode(), monkeypatch)
    _, out, err = run(capsys, "allocate", "ranking", *TWO, "--coverage", "1/2", "--salt", "s", "--json")
    allocator = Allocator("ranking", ["control", "b"], seed_salt="s", coverage=0.5)
    found = [json.loads(line) for line in out.splitlines()]
    assert found == [{"key": key, "variant": allocator.allocate(key)} for key in ("ä", " b", "last")]
    assert err == ""


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (b"u1\n\n \t\r\nu2\n\n", "skipped 3 blank lines of standard input, the first of them line 2"),
        (b"u1\nu2\n\r\n", "skipped 1 blank line of standard input, the first of them line 3"),
    ],
)
def test_allocate_skips_blank_lines_and_says_so(capsys, monkeypatch, lines, told):
    lines_of(lines, monkeypatch)
    code, out, err = run(capsys, "allocate", "ranking", *TWO)
    allocator = Allocator("ranking", ["control", "b"])
    assert (code, out) == (0, f"u1\t{allocator.allocate('u1')}\nu2\t{allocator.allocate('u2')}\n")
    assert err == f"armwise: {told}\n"


def test_allocate_takes_an_empty_key_that_is_written(capsys):
    _, out, err = run(capsys, "allocate", "ranking", "", *TWO)
    assert (out, err) == (f"\t{Allocator('ranking', ['control', 'b']).allocate('')}\n", "")


def test_a_terminal_is_shown_keys_escaped(capsys, monkeypatch):
    keys = ("a\x1b[2J", "b\tc")
    plain = run(capsys, "allocate", "ranking", *keys, *TWO)[1]
    assert [line.rpartition("\t")[0] for line in plain.splitlines()] == list(keys)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    out = run(capsys, "allocate", "ranking", *keys, *TWO)[1]
    assert [line.split("\t")[0] for line in out.splitlines()] == [r"a\x1b[2J", r"b\tc"]
    assert "\x1b" not in run(capsys, "allocate", "ranking", "u", *TWO, "--counts")[1]


def test_allocate_without_standard_input_is_told(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in refused(capsys, "allocate", "ranking", *TWO)


def test_allocate_counts(capsys, monkeypatch):
    lines_of(b"".join(b"%d\n" % key for key in range(20_000)), monkeypatch)
    _, out, _ = run(capsys, "allocate", "ranking", *TWO, "--variant", "never=0", "--coverage", "0.5", "--counts")
    counts = dict(line.split("\t") for line in out.splitlines())
    assert counts.keys() == {"control", "b", "never", ""}
    assert counts["never"] == "0"
    assert sum(map(int, counts.values())) == 20_000
    assert abs(int(counts[""]) - 10_000) < 400
    _, out, _ = run(capsys, "allocate", "ranking", "a", *TWO, "--counts", "--json")
    assert json.loads(out)["keys"] == 1
    assert json.loads(out)["outside"] == 0


def test_allocate_tells_integers_from_text(capsys):
    keys = [str(key) for key in range(50)]
    allocator = Allocator("ranking", ["control", "b"])
    _, out, _ = run(capsys, "allocate", "ranking", *keys, *TWO, "--integers")
    assert [line.split("\t")[1] for line in out.splitlines()] == [allocator.allocate(int(key)) for key in keys]


def test_allocate_speaks_dialects(capsys):
    _, out, _ = run(capsys, "allocate", "exp", "a", "b", *TWO, "--dialect", "growthbook_v2")
    allocator = Allocator("exp", ["control", "b"], dialect="growthbook_v2")
    assert out == f"a\t{allocator.allocate('a')}\nb\t{allocator.allocate('b')}\n"


def test_allocate_takes_a_table(capsys, tmp_path):
    allocator = Allocator("ranking", ["control", "b"]).reallocate({"control": 1, "b": 2, "c": 1})
    (tmp_path / "table.json").write_text(json.dumps(allocator.state_dict()))
    _, out, _ = run(capsys, "allocate", tmp_path / "table.json", "u1", "u2")
    assert out == f"u1\t{allocator.allocate('u1')}\nu2\t{allocator.allocate('u2')}\n"
    told = refused(capsys, "allocate", tmp_path / "table.json", "u1", "--coverage", "0.5", "--salt", "s")
    assert "leave out --coverage, --salt" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ranking", "u1"], "'ranking' is no file; give an allocator's table"),
        (["ranking", "u1", "--variant", "control"], "expected NAME=WEIGHT"),
        (["ranking", "u1", "--variant", "=1"], "expected NAME=WEIGHT"),
        (["ranking", "u1", "--variant", "a=much"], "the number 'much'"),
        (["ranking", "u1", "--variant", "a=1/0"], "the number '1/0'"),
        (["ranking", "u1", "--variant", "a=1", "--variant", "a=2"], "names 'a' twice"),
        (["ranking", "u1", "--variant", "a=-1", "--variant", "b=2"], "-1"),
        (["ranking", "u1", "--variant", "a=0"], "0"),
        (["ranking", "u1", "--variant", "a=nan"], "nan"),
        (["ranking", "u1", *TWO, "--coverage", "2"], "coverage"),
        (["ranking", "u1", *TWO, "--dialect", "klingon"], "klingon"),
        (["ranking", "u1", *TWO, "--coverage", "nan"], "--coverage is 'nan'; expected a share from 0 to 1"),
        (["ranking", "u1", *TWO, "--coverage", ""], "--coverage has the number ''"),
        (["ranking", "u1", *TWO, "--dialect", ""], "--dialect is ''"),
        (["ranking", "u1", *TWO, "--integers"], "key 'u1' among the arguments is no integer"),
        (["ranking", "1_000", *TWO, "--integers"], "key '1_000'"),
        (["ranking", " 1", *TWO, "--integers"], "key ' 1'"),
        (["ranking", "+1", *TWO, "--integers"], "key '+1'"),
        (["ranking", "", *TWO, "--integers"], "key ''"),
        (["ranking", "\u0661", *TWO, "--integers"], "is no integer"),
        (["ranking", "9223372036854775808", *TWO, "--integers"], "a number of 64 bits; without it, keys are text"),
        (["ranking", "9" * 5000, *TWO, "--integers"], "999... among the arguments"),
        (["ranking", "u\udcff", *TWO], r"key 'u\udcff' is no UTF-8; write it in UTF-8"),
        (["r\udcff", "u", *TWO], r"the experiment is 'r\udcff', which is no UTF-8"),
        (["ranking", "u", *TWO, "--salt", "\udcff"], r"--salt is '\udcff', which is no UTF-8"),
        (["ranking", "u", *TWO, "--variant", "\udcff=1"], r"--variant is '\udcff=1', which is no UTF-8"),
        (["torn.json", "u1"], "torn.json is no table of an allocator"),
        (["list.json", "u1"], "list.json is no table of an allocator"),
        (["other.json", "u1"], "other.json is no table"),
    ],
)
def test_allocate_refuses_in_one_line(capsys, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "other.json").write_text('{"kind": "something else"}')
    assert told in refused(capsys, "allocate", *arguments)


def test_a_table_that_cannot_be_read_is_told(capsys, tmp_path, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "table.json").write_text("{}")
    monkeypatch.setattr(Path, "read_bytes", fail)
    assert "cannot be read (Input/output error)" in refused(capsys, "allocate", tmp_path / "table.json", "u")


def test_allocate_refuses_lines_that_are_no_text(capsys, monkeypatch):
    lines_of(b"fine\n\xff\n", monkeypatch)
    assert "line 2 of standard input is no UTF-8" in refused(capsys, "allocate", "ranking", *TWO)


def test_allocate_names_the_line_that_is_no_integer(capsys, monkeypatch):
    lines_of(b"1\n-2\n1_000\n", monkeypatch)
    assert "key '1_000' on line 3 of standard input is no integer" in refused(
        capsys, "allocate", "ranking", *TWO, "--integers"
    )


def test_allocate_takes_the_least_and_the_greatest_integer(capsys):
    keys = ("9223372036854775807", "-9223372036854775808", "007")
    _, out, _ = run(capsys, "allocate", "ranking", *TWO, "--integers", "--", *keys)
    allocator = Allocator("ranking", ["control", "b"])
    assert out == "".join(f"{key}\t{allocator.allocate(int(key))}\n" for key in keys)


@pytest.fixture
def folder(tmp_path, state_of_experiment):
    for seed in (1, 2):
        state_of_experiment(tmp_path / f"{seed}.json", MEANS, 1500, seed=seed, phase="shadow")
    return tmp_path


def test_status_shows_all_processes_together(capsys, folder, state_of_experiment):
    manager = state_of_experiment(folder / "3.json", MEANS, 10, experiment="ranking", baseline="b")
    manager.assign("ranking", None)
    manager.record("ranking", None, 1.0)
    manager.stop("ranking", "[enough]")
    code, out, err = run(capsys, "status", folder)
    assert (code, err) == (0, "")
    for words in (
        "checkout: shadow",
        "ranking: stopped",
        "3,000",
        "b (baseline)",
        "requests that took no part: 1 unkeyed",
        "rewards ignored: 1 outside",
        "stopped: [enough]",
    ):
        assert words in out
    code, out, _ = run(capsys, "status", folder, "--experiment", "ranking", "--json")
    found = json.loads(out)
    assert found.keys() == {"ranking"}
    assert found["ranking"]["phase"] == "stopped"
    assert found["ranking"]["events"][0]["reason"] == "[enough]"
    assert found["ranking"]["variants"]["control"]["pulls"] > 0
    assert "no experiment 'x'; it has" in refused(capsys, "status", folder, "--experiment", "x")


def test_status_of_an_empty_folder(capsys, tmp_path):
    code, out, _ = run(capsys, "status", tmp_path)
    assert code == 0
    assert "no saved experiments" in out
    assert "cannot read the folder" in refused(capsys, "status", tmp_path / "none")


def test_experiments_are_activated_and_stopped(capsys, folder):
    code, out, _ = run(capsys, "activate", folder, "checkout")
    assert code == 0
    assert out == "".join(f"{folder / name}: checkout: shadow -> active\n" for name in ("1.json", "2.json"))
    assert "was active already" in run(capsys, "activate", folder, "checkout")[1]
    assert "active -> stopped" in run(capsys, "stop", folder, "checkout", "--reason", "enough")[1]
    assert "stays so" in refused(capsys, "activate", folder, "checkout", "--reason", "again")
    before = [(folder / name).read_bytes() for name in ("1.json", "2.json")]
    assert "the reason is '\\udcff'" in refused(capsys, "stop", folder, "checkout", "--reason", "\udcff")
    assert "no experiment '\\udcff'" in refused(capsys, "stop", folder, "\udcff", "--reason", "enough")
    assert [(folder / name).read_bytes() for name in ("1.json", "2.json")] == before
    assert "Missing option '--reason'" in refused(capsys, "stop", folder, "checkout")
    assert "no experiment 'x'" in refused(capsys, "stop", folder, "x", "--reason", "enough")


@pytest.mark.parametrize(
    ("means", "n", "options", "verdict", "code"),
    [
        (MEANS, 4000, (), "ship", 0),
        (SAME, 1000, (), "hold", 2),
        ({"control": 0.3, "b": 0.1}, 2000, (), "stop", 3),
        (MEANS, 4000, ("--share", "control=3", "--share", "b=1"), "stop", 3),
    ],
)
def test_a_report_leaves_with_its_verdict(capsys, tmp_path, log_of_experiment, means, n, options, verdict, code):
    log_of_experiment(tmp_path / "run.jsonl", means, n)
    page = tmp_path / "page.html"
    left, out, err = run(capsys, "report", tmp_path, "--output", page, *options)
    assert (left, err) == (code, "")
    assert out.startswith(f"checkout: {verdict}\n- ")
    assert out.endswith(f"wrote {page}\n")
    assert f'data-verdict="{verdict}"' in page.read_text(encoding="utf-8")


def test_a_report_prints_json(capsys, folder, log_of_experiment):
    log_of_experiment(folder / "run.jsonl", MEANS, 30)
    with (folder / "run.jsonl").open("ab") as file:
        file.write(b"{")
    code, out, err = run(capsys, "report", folder, "--output", folder / "page.html", "--json", "--alpha", "0.1")
    found = json.loads(out)
    assert (code, found["verdict"], found["alpha"]) == (2, "hold", 0.1)
    assert found["variants"]["control"]["difference_interval"] == [None, None]
    assert found["report"] == str(folder / "page.html")
    assert "half a line" in err


def test_shares_of_some_variants_are_no_verdict(capsys, tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", MEANS, 20)
    page = tmp_path / "page.html"
    told = refused(capsys, "report", tmp_path, "--output", page, "--share", "control=1")
    assert "the shares say nothing of 'b'" in told
    assert "a float can hold" in refused(capsys, "report", tmp_path, "--share", "b=1", "--share", f"control={10**400}")
    assert not page.exists()


def test_a_failure_leaves_the_page_of_the_night_before(capsys, tmp_path, monkeypatch, log_of_experiment):
    (tmp_path / "logs").mkdir()
    log_of_experiment(tmp_path / "logs" / "run.jsonl", SAME, 20)
    page = tmp_path / "page.html"
    page.write_text("the night before")
    page.chmod(0o640)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fail)
        told = refused(capsys, "report", tmp_path / "logs", "--output", page)
    assert "cannot write the report (No space left on device)" in told
    assert page.read_text() == "the night before"
    (tmp_path / "link.html").symlink_to(page)
    assert run(capsys, "report", tmp_path / "logs", "--output", tmp_path / "link.html")[0] == 2
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert page.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"logs", "page.html", "link.html"}


def test_a_report_goes_to_what_is_no_file_and_leaves_it_there(capsys, tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", SAME, 20)
    device = Path("/dev/null").stat()
    assert run(capsys, "report", tmp_path, "--output", "/dev/null")[0] == 2
    assert Path("/dev/null").stat().st_rdev == device.st_rdev
    assert "cannot write the report (Is a directory)" in refused(capsys, "report", tmp_path, "--output", tmp_path)


def test_paths_cannot_steer_a_terminal(capsys, tmp_path, log_of_experiment):
    folder = tmp_path / "a\x1b[2J"
    folder.mkdir()
    assert "\x1b" not in run(capsys, "status", folder)[1]
    log_of_experiment(folder / "run.jsonl", SAME, 20)
    code, out, _ = run(capsys, "report", folder, "--output", folder / "page.html")
    assert code == 2
    assert "\x1b" not in out


def test_names_cannot_steer_a_terminal(capsys, tmp_path, log_of_experiment):
    log_of_experiment(tmp_path / "run.jsonl", {"control": 0.2, "b\x1b[2J\nship": 0.3}, 2500)
    code, out, _ = run(capsys, "report", tmp_path, "--output", tmp_path / "page.html")
    assert code == 0
    assert "\x1b" not in out
    assert r"b\x1b[2J\nship is better" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["none"], "there is no such folder"),
        (["."], "knows no experiment"),
        ([".", "--alpha", "1"], "alpha is 1.0"),
        ([".", "--share", "control"], "--share is 'control'; expected NAME=WEIGHT"),
        (["logs", "--output", "none/page.html"], "cannot write the report"),
        (["logs", "--experiment", "x"], "knows no experiment 'x'"),
    ],
)
def test_a_report_that_cannot_be_made_is_no_verdict(capsys, tmp_path, monkeypatch, log_of_experiment, arguments, told):
    (tmp_path / "logs").mkdir()
    log_of_experiment(tmp_path / "logs" / "run.jsonl", MEANS, 10)
    monkeypatch.chdir(tmp_path)
    assert told in refused(capsys, "report", *arguments)
    assert not (tmp_path / "report.html").exists()


def test_a_report_without_its_extra_is_refused_before_anything_is_read(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert "pip install 'armwise[report]'" in refused(capsys, "report", tmp_path / "none")


def test_ope_evaluates_the_open_bandit_logs(capsys):
    code, out, err = run(capsys, "ope", "--open-bandit", "--estimator", "snips,dr")
    assert code == 0
    for words in ("Open Bandit log random: 10,000 decisions", "snips", "0.00522", "dr", "on its own log"):
        assert words in out
    assert "38 rewarded decisions" in err
    _, out, _ = run(capsys, "ope", "bts", "--open-bandit", "--policy", "uniform", "--estimator", "ips", "--json")
    found = json.loads(out)
    assert found["on_policy"] is None
    assert [row["estimator"] for row in found["rows"]] == ["ips"]
    assert {"message", "estimators"} <= found["warnings"][0].keys()


def test_ope_reads_a_log_of_ones_own(capsys, tmp_path):
    rows = [f"2019-11-24 00:00:{turn:02}+00:00,{turn % 2},1,{turn % 3 == 0:d},0.5" for turn in range(40)]
    (tmp_path / "own.csv").write_text("\n".join(["timestamp,item_id,position,click,propensity_score", *rows]))
    code, out, _ = run(capsys, "ope", tmp_path / "own.csv", "--open-bandit", "--policy", "uniform")
    assert code == 0
    assert "own.csv" in out
    assert "none.csv" in refused(capsys, "ope", "--open-bandit", "--policy", tmp_path / "none.csv")


@pytest.fixture(scope="module")
def decisions(tmp_path_factory):
    """The decision log of a policy that explores."""
    folder = tmp_path_factory.mktemp("decisions")
    with pytest.raises(SystemExit):
        main(["demo", "--seeds", "1", "--no-plot", "--output", str(folder)])
    return folder / "epsilon_greedy.jsonl"


def test_ope_evaluates_a_policy_on_a_decision_log(capsys, decisions):
    code, out, _ = run(capsys, "ope", decisions, "--policy", "thompson", "--estimator", "snips,switch-dr")
    assert code == 0
    for words in ("ThompsonSampling", "snips", "switch_dr", "domain route", "as logged"):
        assert words in out


def test_ope_says_which_estimator_refuses(capsys, tmp_path, decisions):
    head = decisions.read_bytes().splitlines(keepends=True)[:8]
    (tmp_path / "short.jsonl").write_bytes(b"".join(head) + b"{")
    code, out, err = run(capsys, "ope", tmp_path / "short.jsonl", "--policy", "ucb1", "--estimator", "replay,ips")
    assert code == 0
    assert "half a line" in err
    assert "refused" not in out or "armwise: replay: " in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give a decision log and --policy NAME, or --open-bandit"),
        (["run.jsonl"], "give a decision log and --policy"),
        (["none.jsonl", "--policy", "thompson"], "there is no such file"),
        (["--open-bandit", "--domain", "x"], "--domain is of decision logs"),
        (["--open-bandit", "--estimator", "guess"], "no estimator 'guess'"),
    ],
)
def test_ope_refuses_in_one_line(capsys, arguments, told):
    assert told in refused(capsys, "ope", *arguments)


def test_help_names_the_commands(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(name in out for name in ("allocate", "status", "activate", "stop", "report", "ope"))
    assert "Missing command" in refused(capsys)
