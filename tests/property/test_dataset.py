"""Data files that are damaged and made up: feedback or a typed error of one line, nothing else."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from armwise.errors import ArmwiseError
from armwise.runners.dataset import read_csv, read_long_csv, read_npz


def archive(save):
    buffer = io.BytesIO()
    arrays = {
        "context": np.eye(3),
        "reward": np.ones((3, 2)),
        "cost": np.zeros((3, 2)),
        "arms": np.array(["a", "b"]),
    }
    save(buffer, **arrays)
    return buffer.getvalue()


ARCHIVES = [archive(np.savez), archive(np.savez_compressed)]


def read_or_refuse(read, name, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            return read(path)
        except ArmwiseError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right
            return None


@pytest.mark.filterwarnings("ignore::UserWarning")
@given(source=st.sampled_from(ARCHIVES), place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_damaged_archive_is_feedback_or_an_error(source, place, value):
    data = bytearray(source)
    data[place % len(data)] = value
    found = read_or_refuse(read_npz, "bad.npz", data)
    if found is not None:
        assert np.isfinite(found.reward).all()
        assert found.reward.shape == (len(found.context), len(found.arms))


@given(source=st.sampled_from(ARCHIVES), end=st.integers(0, 10_000))
def test_a_cut_archive_is_an_error(source, end):
    assert read_or_refuse(read_npz, "cut.npz", source[: end % len(source)]) is None


@given(st.binary(max_size=200))
def test_made_up_bytes_are_no_archive(data):
    assert read_or_refuse(read_npz, "bad.npz", data) is None


@given(st.text(alphabet='ab,.019e-\n\r"x\0', max_size=60).map(lambda text: "a,b\n" + text))
def test_a_made_up_csv_is_feedback_or_an_error(text):
    found = read_or_refuse(lambda path: read_csv(path, reward_columns=["a", "b"]), "own.csv", text.encode())
    if found is not None:
        assert found.reward.shape[1] == 2
        assert np.isfinite(found.reward).all()


@given(st.text(alphabet='ab,.01-\n\r"x', max_size=60).map(lambda text: "id,model,q\n1,a,1\n1,b,0\n" + text))
def test_a_made_up_long_csv_is_feedback_or_an_error(text):
    named = {"request_column": "id", "arm_column": "model", "reward_column": "q"}
    found = read_or_refuse(lambda path: read_long_csv(path, **named), "own.csv", text.encode())
    if found is not None:
        assert found.reward.shape == (len(found.context), len(found.arms))
        assert np.isfinite(found.reward).all()
