"""Worker processes of a web server that learn together: one posterior, in a file that each of them maps.

    uvicorn --workers 2 --app-dir examples shared_workers:asgi
    gunicorn --workers 2 --chdir examples shared_workers:wsgi      (with --preload too)

POST / chooses a model; POST / with {"arm": ..., "reward": ...} says how good its answer was; GET / shows what is known.
Run as a script, it plays two such workers without a server.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

from armwise.errors import ArmwiseError
from armwise.policies import SharedThompsonSampling

MODELS = {"small": 0.4, "medium": 0.5, "large": 0.7}
"""How often each is right; only the script, which stands in for users, looks at it."""

Message = MutableMapping[str, object]


@cache
def policy() -> SharedThompsonSampling:
    """Return this process's view of the table; the first process to ask makes the file."""
    path = os.environ.get("SHARED_TABLE", Path(tempfile.gettempdir()) / "shared_workers.table")
    return SharedThompsonSampling(path, list(MODELS))


def answer(method: str, body: bytes) -> tuple[int, Mapping[str, object]]:
    """What a request gets: a status and JSON."""
    if method == "GET":
        return 200, {"posterior": policy().posterior()}
    try:
        given = json.loads(body or b"{}")
        if "reward" in given:
            policy().update(given["arm"], given["reward"])
            return 200, {}
    except (ArmwiseError, ValueError, KeyError, TypeError) as error:
        return 400, {"error": str(error)}
    decision = policy().decide()
    return 200, {"id": decision.decision_id, "arm": decision.arm, "worker": os.getpid()}


def wsgi(
    environ: Mapping[str, object], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """The application for gunicorn."""
    size = int(cast("str", environ.get("CONTENT_LENGTH")) or 0)
    status, found = answer(cast("str", environ["REQUEST_METHOD"]), cast("BinaryIO", environ["wsgi.input"]).read(size))
    start_response("200 OK" if status == 200 else "400 Bad Request", [("Content-Type", "application/json")])
    return [json.dumps(found).encode()]


async def asgi(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """The application for uvicorn."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += cast("bytes", message.get("body", b""))
        more = bool(message.get("more_body", False))
    status, found = answer(cast("str", scope["method"]), body)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


def play(requests: int) -> list[str]:
    """Serve requests in this process, and say how good each answer was."""
    users, ids = random.Random(os.getpid()), []
    for _ in range(requests):
        decision = policy().decide()
        ids.append(decision.decision_id)
        policy().update(decision.arm, float(users.random() < MODELS[cast("str", decision.arm)]))
    return ids


def main() -> None:
    """Two workers, one posterior."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SHARED_TABLE"] = str(Path(folder) / "models.table")
        with multiprocessing.get_context("spawn").Pool(2) as workers:
            ids = [name for part in workers.map(play, [1000, 1000], chunksize=1) for name in part]
        policy.cache_clear()
        known = policy().posterior()
        print("rewards of both in one posterior:", round(sum(a + b - 2 for a, b in known.values())))
        print("every decision id once:", len(set(ids)) == len(ids))
        print("best by what both have learnt:", max(known, key=lambda arm: known[arm][0] / sum(known[arm])))


if __name__ == "__main__":
    main()
else:
    policy()  # a server that loads the application before it forks hands its workers the mapping; each takes a stream
