"""Workers of real servers that share one table: requests to each, rewards summed exactly, one killed and replaced."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from armwise.policies import SharedThompsonSampling

pytestmark = pytest.mark.integration

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LIMIT = 60.0
ROUNDS = 40
UVICORN = ["uvicorn", "--workers", "2", "--app-dir", str(EXAMPLES), "--log-level", "warning", "shared_workers:asgi"]
GUNICORN = ["gunicorn", "--workers", "2", "--chdir", str(EXAMPLES), "--log-level", "warning", "shared_workers:wsgi"]
SERVERS = {
    "uvicorn": [*UVICORN, "--fd"],
    "gunicorn": [*GUNICORN, "--bind"],
    "gunicorn-preload": [*GUNICORN, "--preload", "--bind"],
}


class Client:
    """One connection for each request, so that the workers take turns."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.process = port, process

    def ask(self, method: str = "POST", **body: object) -> dict:
        """The answer; a worker that was killed may take a connection with it, and then the next one is asked."""
        deadline = time.monotonic() + LIMIT
        while True:
            assert self.process.poll() is None, "the server ended"
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
            try:
                connection.request(method, "/", json.dumps(body))
                response = connection.getresponse()
                return json.loads(response.read()) | {"status": response.status}
            except (ConnectionError, http.client.RemoteDisconnected):
                assert time.monotonic() < deadline, "no worker answers"
            finally:
                connection.close()

    def decisions(self, until) -> list[dict]:
        """Decisions until the workers that took them are as wanted."""
        deadline, taken = time.monotonic() + LIMIT, []
        while not until({decision["worker"] for decision in taken}):
            taken.append(self.ask())
            assert time.monotonic() < deadline, "not every worker answers"
        return taken


@contextmanager
def serving(command, table, log):
    """A server on a socket that listens before it starts, so that nobody has to wait until it is up."""
    pytest.importorskip(command[0])
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        number = listener.fileno()
        where = f"fd://{number}" if "--bind" in command else str(number)
        path = os.pathsep.join(part for part in sys.path if part)
        process = subprocess.Popen(
            [sys.executable, "-m", *command, where],
            pass_fds=[number],
            env=os.environ | {"SHARED_TABLE": str(table), "PYTHONPATH": path},
            stdout=log,
            stderr=log,
        )
        try:
            yield Client(listener.getsockname()[1], process)
        finally:
            process.terminate()
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.mark.parametrize("server", SERVERS)
def test_workers_learn_together(server, tmp_path):
    table = tmp_path / "models.table"
    with (tmp_path / "log").open("w+b") as log:
        try:
            with serving(SERVERS[server], table, log) as client:
                learn_together(client, table)
        except BaseException:
            log.seek(0)
            print(log.read().decode())
            raise


def learn_together(client, table):
    taken = client.decisions(lambda workers: len(workers) == 2)
    given = dict.fromkeys(["small", "medium", "large"], (0, 0.0))

    def reward(arm, value):
        assert client.ask(arm=arm, reward=value) == {"status": 200}
        count, total = given[arm]
        given[arm] = count + 1, total + value

    for i in range(ROUNDS):
        taken.append(client.ask())
        reward(taken[-1]["arm"], (i % 5) / 4)
    assert client.ask(arm="small", reward=250.0)["status"] == 400
    assert client.ask(arm="tiny", reward=0.5)["status"] == 400

    first, second = {decision["worker"] for decision in taken}
    os.kill(first, signal.SIGKILL)
    after = client.decisions(lambda workers: bool(workers - {first, second}) and second in workers)
    assert first not in {decision["worker"] for decision in after}
    for i in range(ROUNDS):
        after.append(client.ask())
        reward(after[-1]["arm"], (i % 3) / 2)

    ids = [decision["id"] for decision in taken + after]
    assert len(set(ids)) == len(ids)
    assert len({name.partition("-")[0] for name in ids}) == 3
    wanted = {arm: [1.0 + total, 1.0 + count - total] for arm, (count, total) in given.items()}
    assert client.ask("GET")["posterior"] == wanted
    assert {arm: list(shapes) for arm, shapes in SharedThompsonSampling(table).posterior().items()} == wanted
