"""Programs that fork, each in a process of its own.

Forking the process that runs the tests would fork pytest's threads and files as well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

FORKED = """
import json, os, sys, threading, time

def forked(work):
    '''Run work in a forked child and return what it returns, or None where it died or did not end.'''
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        status = 1
        try:
            os.write(writer, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    deadline = time.monotonic() + 60
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.001)
    with os.fdopen(reader, "rb") as file:
        text = file.read()
    return json.loads(text) if text else None
"""


def run(prelude, program, seconds):
    """Run `program` after :data:`FORKED` and the prelude, and return the JSON that it prints."""
    # Python 3.12 warns of forks beside threads, which is what is tested here.
    source = FORKED + prelude + textwrap.dedent(program)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", source]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
