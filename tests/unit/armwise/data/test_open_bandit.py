from __future__ import annotations

import csv
import gzip
import importlib.resources
import re

import numpy as np
import pytest

from armwise.data import open_bandit, read_open_bandit
from armwise.errors import ConfigurationError, DataError, StoreError

HEADER = "timestamp,item_id,position,click,propensity"
ROW = "2019-11-24 00:00:34.762830+00:00,14,3,0,0.0125"


def written(tmp_path, *lines, name="log.csv"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(("policy", "clicks"), [("random", 38), ("bts", 42)])
def test_a_bundled_log_is_what_the_file_says(policy, clicks):
    """Row by row, through the csv module."""
    log = open_bandit(policy)
    resource = importlib.resources.files("armwise.data") / f"obd_{policy}_all.csv.gz"
    rows = list(csv.DictReader(gzip.decompress(resource.read_bytes()).decode().splitlines()))
    assert len(log) == len(rows) == 10_000
    assert (log.name, log.shape, int(log.click.sum())) == (policy, (3, 80), clicks)
    assert log.item.tolist() == [int(row["item_id"]) for row in rows]
    assert log.position.tolist() == [int(row["position"]) for row in rows]
    assert log.click.tolist() == [int(row["click"]) for row in rows]
    assert log.propensity.tolist() == [float(row["propensity"]) for row in rows]
    assert [f"{str(moment).replace('T', ' ')}+00:00" for moment in log.timestamp] == [row["timestamp"] for row in rows]
    assert [array.dtype for array in (log.timestamp, log.item, log.position, log.click, log.propensity)] == [
        np.dtype(kind) for kind in ("datetime64[us]", "int32", "int32", "int8", "float64")
    ]
    assert (np.diff(log.timestamp) >= np.timedelta64(0)).all()


def test_the_random_log_is_uniform():
    assert (open_bandit("random").propensity == 1 / 80).all()


def test_a_log_that_is_not_there():
    with pytest.raises(ConfigurationError, match="policy is 'linucb'; expected 'random' or 'bts'"):
        open_bandit("linucb")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_callers_own_log(tmp_path, compressed):
    """As published: an index without a name, other columns, the long name of the propensity, a quoted field, a mark."""
    text = (
        "\ufeff,position,item_id,click,propensity_score,timestamp,user\r\n"
        '0,1,7,1,0.5,2019-11-24 00:00:34+00:00,"a\n""b"""\r\n'
        "\r\n"
        "1,2,0,0,1.0,2019-11-25 00:00:34.5+00:00,c\r\n"
    ).encode()
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(text) if compressed else text)
    log = read_open_bandit(path)
    assert (log.name, len(log), log.shape) == ("log", 2, (2, 8))
    assert (log.item.tolist(), log.position.tolist(), log.click.tolist()) == ([7, 0], [1, 2], [1, 0])
    assert log.propensity.tolist() == [0.5, 1.0]
    assert log.timestamp[1] == np.datetime64("2019-11-25T00:00:34.500")


def test_a_long_log_is_read_in_blocks(tmp_path):
    rows = [f"2019-11-24 00:00:34+00:00,{i % 80},1,0,0.5" for i in range(40_000)]
    log = read_open_bandit(written(tmp_path, HEADER, *rows))
    assert log.item.tolist() == [i % 80 for i in range(40_000)]
    rows[39_000] = rows[39_000].replace(",0.5", ",zero")
    with pytest.raises(DataError, match=r":39002: propensity is 'zero'"):
        read_open_bandit(written(tmp_path, HEADER, *rows))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (0, "2019-11-24 00:00:34", "a moment in UTC"),
        (0, "2019-11-24 00:00:34+09:00", "a moment in UTC"),
        (0, "2019-13-24 00:00:34+00:00", "a moment in UTC"),
        (0, "NaT+00:00", "a moment in UTC"),
        (0, "", "a moment in UTC"),
        (1, "-1", "a whole number, zero or more"),
        (1, "1.5", "a whole number, zero or more"),
        (1, str(2**31), "a whole number, zero or more"),
        (1, str(2**70), "a whole number, zero or more"),
        (2, "0", "a whole number, one or more"),
        (2, "first", "a whole number, one or more"),
        (3, "2", "0 or 1"),
        (3, "", "0 or 1"),
        (4, "0", r"a probability in (0, 1]"),
        (4, "1.01", r"a probability in (0, 1]"),
        (4, "nan", r"a probability in (0, 1]"),
        (4, "half", r"a probability in (0, 1]"),
    ],
)
def test_a_field_that_cannot_be_meant_is_named(tmp_path, field, value, expected):
    fields = ROW.split(",")
    fields[field] = value
    path = written(tmp_path, HEADER, ROW, ",".join(fields), ROW)
    wanted = f"{path}:3: {HEADER.split(',')[field]} is {value!r}; expected {expected}"
    with pytest.raises(DataError, match=re.escape(wanted)):
        read_open_bandit(path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], ":1: no column 'timestamp'; expected timestamp, item_id, position, click, propensity"),
        ([HEADER.replace("click", "clicked"), ROW], ":1: no column 'click'"),
        ([HEADER + ",click", ROW + ",0"], ":1: more than one column 'click'"),
        ([HEADER], "no rows below the header"),
        ([HEADER, ROW, ROW + ",7"], ":3: 6 fields; expected 5"),
        ([HEADER, "2019"], ":2: 1 fields; expected 5"),
        ([HEADER, ROW + '"x'], ":2: propensity is"),
        ([HEADER, '"' + ROW], "cannot be read as a CSV"),
    ],
)
def test_a_file_that_is_no_such_log_is_refused(tmp_path, lines, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read_open_bandit(written(tmp_path, *lines))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x00",
        gzip.compress(f"{HEADER}\n{ROW}\n".encode())[:-9],
        gzip.compress(f"{HEADER}\n{ROW}\n".encode())[:20] + b"\x00" * 40,
        b"\x1f\x8b",
    ],
    ids=["not utf-8", "cut short", "damaged", "a head alone"],
)
def test_damaged_files_are_refused(tmp_path, data):
    path = tmp_path / "log.csv.gz"
    path.write_bytes(data)
    with pytest.raises(DataError, match="cannot be read as a CSV in UTF-8"):
        read_open_bandit(path)


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(StoreError, match="cannot be read"):
            read_open_bandit(path)
