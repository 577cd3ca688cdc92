from __future__ import annotations

import inspect
import pickle
import re

import pytest

from armwise import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("error", CLASSES)
def test_message_reads_as_it_was_written(error):
    assert str(error("no arm 'c'; this policy has 'a'")) == "no arm 'c'; this policy has 'a'"


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_has_the_one_base(error):
    assert issubclass(error, errors.ArmwiseError)


def test_the_drawn_tree_is_the_tree():
    drawn = dict(re.findall(r"[├└]── (\w+)\((\w+)\)", errors.__doc__))
    real = {error.__name__: error.__bases__[-1].__name__ for error in CLASSES if error is not errors.ArmwiseError}
    assert drawn == real


def test_everything_defined_is_exported():
    defined = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    assert defined == set(errors.__all__)


def test_unknown_arm_is_a_key_error_without_quotes():
    error = errors.UnknownArm("no arm 'c'")
    assert isinstance(error, KeyError)
    assert str(error) == "no arm 'c'"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({}, "torn"),
        ({"path": "run.jsonl"}, "run.jsonl: torn"),
        ({"path": "run.jsonl", "line": 3}, "run.jsonl:3: torn"),
    ],
)
def test_log_error_names_its_place(place, shown):
    assert str(errors.LogError("torn", **place)) == shown


def test_log_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(errors.LogError("torn", path="run.jsonl", line=3)))  # noqa: S301
    assert (str(error), error.path, error.line) == ("run.jsonl:3: torn", "run.jsonl", 3)
