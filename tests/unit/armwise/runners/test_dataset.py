from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from armwise.errors import ArmwiseError, ConfigurationError, DataError, StoreError
from armwise.runners.dataset import Feedback, bundled, read_csv, read_long_csv, read_npz

GOOD = {
    "context": np.zeros((4, 2), np.float32),
    "reward": np.full((4, 3), 0.5),
    "cost": np.ones((4, 3), np.int64),
    "arms": np.array(["a", "b", "c"]),
}


def saved(path, **changes):
    np.savez(path, **{**GOOD, **changes})
    return path


def test_the_bundled_data_is_what_its_readme_says():
    data = bundled()
    assert data.context.shape == (1785, 24)
    assert data.reward.shape == data.cost.shape == (1785, 3)
    assert data.arms[2] == "mistralai/mistral-large-2512"
    assert 0.0 <= data.reward.min() <= data.reward.max() <= 1.0


def test_numbers_become_float64_and_other_arrays_are_left_aside(tmp_path):
    data = read_npz(saved(tmp_path / "good.npz", source=np.array(["x"])))
    assert data.arms == ("a", "b", "c")
    assert {data.context.dtype, data.reward.dtype, data.cost.dtype} == {np.dtype(np.float64)}
    assert data.name == "good.npz"


def test_utility_is_clipped_reward_less_weighted_cost():
    data = Feedback("d", ("a", "b"), np.zeros((1, 0)), np.array([[0.9, 0.3]]), np.array([[0.01, 0.02]]))
    assert data.utility(20.0).tolist() == [[0.9 - 0.2, 0.0]]
    assert data.utility(0).tolist() == [[0.9, 0.3]]


@pytest.mark.parametrize("weight", [-1.0, -1e-9, np.nan, np.inf, -np.inf])
def test_a_cost_weight_that_cannot_be_meant_is_refused(weight):
    with pytest.raises(ConfigurationError, match="the cost weight is"):
        bundled().utility(weight)


def test_costs_that_outweigh_every_float_leave_no_utility():
    data = Feedback("d", ("a", "b"), np.zeros((1, 0)), np.full((1, 2), 1e308), np.array([[1e308, 0.0]]))
    assert data.utility(1e-3).tolist() == [[1.0, 1.0]]
    assert data.utility(1e3).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"context": np.zeros(4)}, r"context has shape \(4,\)"),
        ({"context": np.zeros((0, 2)), "reward": np.zeros((0, 3)), "cost": np.zeros((0, 3))}, r"\(0, 2\)"),
        ({"context": np.zeros((5, 2))}, r"reward has shape \(4, 3\); expected \(5, 3\)"),
        ({"reward": np.zeros((4, 2))}, r"reward has shape \(4, 2\); expected \(4, 3\)"),
        ({"cost": np.zeros((3, 4))}, "cost has shape"),
        ({"cost": np.zeros(())}, "cost has shape"),
        ({"context": np.zeros(())}, "context has shape"),
        ({"reward": np.full((4, 3), np.nan)}, r"reward\[0, 0\] is nan; expected finite numbers"),
        ({"cost": np.full((4, 3), np.inf)}, r"cost\[0, 0\] is inf"),
        ({"cost": np.full((4, 3), np.nan)}, r"cost\[0, 0\] is nan; expected finite numbers, zero or more"),
        ({"cost": np.eye(4, 3) * -1e-9}, r"cost\[0, 0\] is -1e-09; expected finite numbers, zero or more"),
        ({"cost": np.full((4, 3), -1)}, r"cost\[0, 0\] is -1.0"),
        ({"context": np.full((4, 2), -np.inf)}, r"context\[0, 0\] is -inf"),
        ({"reward": np.full((4, 3), "good")}, "reward is an array of <U4; expected real numbers"),
        ({"reward": np.zeros((4, 3), complex)}, "reward is an array of complex128"),
        ({"reward": np.zeros((4, 3), bool)}, "reward is an array of bool"),
        ({"reward": np.full((4, 3), object())}, "not a readable .npz archive"),
        ({"arms": np.array(["a", "b", "a"])}, "expected two or more different names"),
        ({"arms": np.array(["a", "b", ""])}, "expected two or more different names"),
        ({"arms": np.array(["a"]), "reward": np.zeros((4, 1)), "cost": np.zeros((4, 1))}, "two or more"),
        ({"arms": np.array([1, 2, 3])}, "arms is an array of int64"),
        ({"arms": np.array(["\ud800", "b", "c"])}, r"arms\[0\] is '.ud800'; expected text"),
        ({"context": np.full((4, 2), np.longdouble("1e400"))}, r"context\[0, 0\] is inf; expected finite numbers"),
        ({"arms": np.array([["a", "b", "c"]])}, r"shape \(1, 3\); expected one dimension of strings"),
        ({"arms": np.array(["a", "b"])}, r"reward has shape \(4, 3\); expected \(4, 2\)"),
    ],
)
def test_an_archive_that_holds_no_feedback_is_refused(tmp_path, changes, told):
    with pytest.raises(DataError, match=told) as caught:
        read_npz(saved(tmp_path / "bad.npz", **changes))
    assert "\n" not in str(caught.value)
    assert "bad.npz" in str(caught.value)


def test_an_archive_without_an_array_names_it(tmp_path):
    np.savez(tmp_path / "bad.npz", context=GOOD["context"], reward=GOOD["reward"], arms=GOOD["arms"])
    with pytest.raises(DataError, match="no array 'cost'; expected context, reward, cost, arms; found context"):
        read_npz(tmp_path / "bad.npz")
    np.savez(tmp_path / "empty.npz")
    with pytest.raises(DataError, match=r"no array 'context'.*found nothing"):
        read_npz(tmp_path / "empty.npz")


def array_alone(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"hello"),
        lambda path: path.write_bytes(b"PK\x03\x04"),
        lambda path: path.write_bytes(b"\x80\x04K\x01."),
        array_alone,
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, make):
    make(tmp_path / "bad.npz")
    with pytest.raises(DataError, match=r"\.npz archive"):
        read_npz(tmp_path / "bad.npz")


def test_an_archive_whose_entries_are_no_arrays_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        for name in GOOD:
            archive.writestr(f"{name}.npy", b"not an array")
    with pytest.raises(DataError):
        read_npz(tmp_path / "bad.npz")


@pytest.mark.parametrize("read", [read_npz, lambda path: read_csv(path, reward_columns=["a", "b"])])
@pytest.mark.parametrize("name", ["none.npz", "."])
def test_a_file_that_cannot_be_opened_is_an_error(tmp_path, read, name):
    with pytest.raises(StoreError, match="cannot be read"):
        read(tmp_path / name)


def csv_of(tmp_path, text, **columns):
    (tmp_path / "own.csv").write_text(text)
    return read_csv(tmp_path / "own.csv", **{"reward_columns": ["a", "b"], **columns})


def test_columns_are_taken_by_name_in_the_order_asked_for(tmp_path):
    text = "\ufeffx,b,ca,note,a,cb,y\n1,.2,10,hi,.1,20,2\n\n3,.4,30,,.3,40,4\n"
    data = csv_of(tmp_path, text, cost_columns=["ca", "cb"], context_columns=["y", "x"])
    assert data.arms == ("a", "b")
    assert data.reward.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert data.cost.tolist() == [[10, 20], [30, 40]]
    assert data.context.tolist() == [[2, 1], [4, 3]]


def test_costs_and_contexts_may_be_left_out(tmp_path):
    data = csv_of(tmp_path, "a,b\n1,0\n")
    assert data.cost.tolist() == [[0.0, 0.0]]
    assert data.context.shape == (1, 0)


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        ("", {}, "the file is empty"),
        ("a,b\n", {}, r"context has shape \(0, 0\)"),
        ("a,c\n1,2\n", {}, "no column 'b'; the header has a, c"),
        ("a,b,b\n1,2,3\n", {}, "more than one column 'b'"),
        ("a,b\n1,2\n1\n", {}, "own.csv:3: 1 fields; expected 2"),
        ("a,b\n1,2\n1,2,3\n", {}, "own.csv:3: 3 fields; expected 2"),
        ("a,b\n1,2\n1,x\n", {}, "own.csv:3: b is 'x'; expected a finite number"),
        ("a,b\n,2\n", {}, "own.csv:2: a is ''; expected a finite number"),
        ("a,b\n1,nan\n", {}, "own.csv:2: b is 'nan'; expected a finite number"),
        ("a,b\n1,1_0\n", {}, "own.csv:2: b is '1_0'; expected a finite number"),
        ("a,b\n1,1e999\n", {}, "own.csv:2: b is '1e999'; expected a finite number"),
        ("a,b\n1,2\n\n-inf,2\n", {}, "own.csv:4: a is '-inf'; expected a finite number"),
        (
            "a,b,c\n1,2,3\n1,2,-3\n",
            {"cost_columns": ["b", "c"]},
            "own.csv:3: c is '-3'; expected a finite number, 0 or",
        ),
        ('a,b\n"1,2\n', {}, "not a readable CSV"),
        ("a,b\n1,2\n", {"reward_columns": ["a"]}, "two or more different names"),
        ("a,b\n1,2\n", {"reward_columns": ["a", "a"]}, "two or more different names"),
        ("a,b\n1,2\n", {"reward_columns": []}, "two or more different names"),
    ],
)
def test_a_csv_that_holds_no_feedback_is_refused(tmp_path, text, columns, told):
    with pytest.raises(DataError, match=told) as caught:
        csv_of(tmp_path, text, **columns)
    assert "\n" not in str(caught.value)


def test_a_csv_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "own.csv").write_bytes(b"a,b\n\xff\xfe,2\n")
    with pytest.raises(DataError, match="not a readable CSV"):
        read_csv(tmp_path / "own.csv", reward_columns=["a", "b"])


def test_as_many_costs_as_rewards(tmp_path):
    with pytest.raises(ConfigurationError, match="2 reward columns and 1 cost columns"):
        csv_of(tmp_path, "a,b,c\n1,2,3\n", cost_columns=["c"])


LONG = "id,model,q,usd,x\np,a,.1,1,7\nr,b,.4,4,8\np,b,.2,2,7\nr,a,.3,3,8.0\n"


def long_csv_of(tmp_path, text, **columns):
    (tmp_path / "own.csv").write_text(text)
    named = {"request_column": "id", "arm_column": "model", "reward_column": "q", **columns}
    return read_long_csv(tmp_path / "own.csv", **named)


def test_a_long_csv_is_a_row_for_each_pair_in_any_order(tmp_path):
    data = long_csv_of(tmp_path, LONG, cost_column="usd", context_columns=["x"])
    assert (data.name, data.arms) == ("own.csv", ("a", "b"))
    assert data.reward.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert data.cost.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert data.context.tolist() == [[7.0], [8.0]]


def test_a_long_csv_may_lack_costs_and_contexts(tmp_path):
    data = long_csv_of(tmp_path, LONG)
    assert data.cost.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert data.context.shape == (2, 0)


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        ("", {}, "the file is empty"),
        ("id,model,q\n", {}, r"the arms are \[\]; expected two or more"),
        ("id,model,q\np,a,1\n", {}, r"the arms are \['a'\]; expected two or more"),
        (LONG, {"request_column": "prompt"}, "no column 'prompt'; the header has id, model, q, usd, x"),
        (LONG, {"arm_column": "arm"}, "no column 'arm'"),
        (LONG, {"reward_column": "reward"}, "no column 'reward'"),
        (LONG, {"cost_column": "cost"}, "no column 'cost'"),
        (LONG, {"context_columns": ["y"]}, "no column 'y'"),
        (LONG + "p,a,.1,1,7\n", {}, "own.csv:6: request 'p' and arm 'a' stand in .*own.csv:2 too; expected one row"),
        (LONG + "s,b,.1,1,7\n", {}, "own.csv:6: request 's' has no row for arm 'a' .pairs missing: 1"),
        (LONG + "p,c,.1,1,7\n", {}, "own.csv:3: request 'r' has no row for arm 'c' .pairs missing: 1"),
        ("id,model,q\n" + "".join(f"p{i},m{i},1\n" for i in range(9999)), {}, "own.csv:2: .*missing: 99970002"),
        (LONG + "s,,.1,1,7\n", {}, "own.csv:6: model is ''; expected a name"),
        (LONG + ",a,.1,1,7\n", {}, "own.csv:6: id is ''; expected a name"),
        (LONG + "s,a,good,1,7\n", {}, "own.csv:6: q is 'good'; expected a finite number"),
        (LONG + "s,a,1_0,1,7\n", {}, "own.csv:6: q is '1_0'; expected a finite number"),
        (LONG + "s,a,nan,1,7\n", {}, "own.csv:6: q is 'nan'; expected a finite number"),
        (LONG + "s,a,1,-1,7\n", {"cost_column": "usd"}, "own.csv:6: usd is '-1'; expected a finite number, 0 or more"),
        (LONG + "s,a,1,1,\n", {"context_columns": ["x"]}, "own.csv:6: x is ''; expected a finite number"),
        (LONG.replace("p,b,.2,2,7", "p,b,.2,2,9"), {"context_columns": ["x"]}, "own.csv:4: x is '9'; .*own.csv:2, of"),
    ],
)
def test_a_long_csv_that_holds_no_feedback_is_refused(tmp_path, text, columns, told):
    with pytest.raises(DataError, match=told) as caught:
        long_csv_of(tmp_path, text, **columns)
    assert "\n" not in str(caught.value)


def test_an_archive_cut_anywhere_is_a_typed_error(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, **GOOD)
    data = buffer.getvalue()
    for end in range(0, len(data), 7):
        (tmp_path / "cut.npz").write_bytes(data[:end])
        with pytest.raises(ArmwiseError):
            read_npz(tmp_path / "cut.npz")
