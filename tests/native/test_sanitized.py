"""The C surface's own assertions, under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import subprocess

import pytest


@pytest.mark.parametrize("name", ["test_main", "test_allocate", "test_shared"])
def test_assertions_hold_under_sanitizers(build, name):
    program = build(name, None, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    result = subprocess.run([program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(" 0 failures\n")


def test_words_are_touched_by_atomic_steps_alone(build):
    program = build("test_shared", None, "-O1", "-g", "-pthread", "-fsanitize=thread")
    result = subprocess.run([program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(" 0 failures\n")
