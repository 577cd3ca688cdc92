"""A forked worker with a Pareto policy: a stream of its own, and no lock that nobody will release."""

from __future__ import annotations

import json
import os
import threading

import pytest

from armwise.experiments.pareto import ParetoThompsonSampling

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


def forked(work):
    """What `work` returns in a forked process, through JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(writing, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(text)


def drawn(policy):
    """Where a policy stands, and what it chooses."""
    return [policy.stream, policy.counter, policy.decide().decision_id, policy.select_many(50).tolist()]


def test_a_child_draws_from_a_stream_of_its_own():
    policy = ParetoThompsonSampling(range(4), objectives={"x": (0.0, 1.0), "y": (0.0, 1.0)}, seed=1)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            policy.update(policy.select(), {"x": 0.5, "y": 0.25})

    thread = threading.Thread(target=work)
    thread.start()
    try:
        children = [forked(lambda: drawn(policy)) for _ in range(5)]
    finally:
        stop.set()
        thread.join()
    assert policy.stream == 0
    assert len({stream for stream, *_ in children} | {0}) == 6
    assert len({tuple(choices) for *_, choices in children}) == 5
    for stream, counter, decision_id, _ in children:
        assert counter == 0
        assert decision_id.startswith(f"{stream:x}-0-")
