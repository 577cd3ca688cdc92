"""The C surface's own assertions (test_main.c), under AddressSanitizer and UndefinedBehaviorSanitizer."""

from __future__ import annotations

import subprocess


def test_assertions_hold_under_sanitizers(build):
    program = build("test_main", None, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    result = subprocess.run([program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(" 0 failures\n")
