"""Streams after forks; that forked processes draw differently is shown in tests/integration/test_fork.py."""

from __future__ import annotations

import pytest

import armwise_kernels
from armwise import BackendUnavailable
from armwise.policies._seeds import fresh_stream


def test_streams_are_fresh():
    streams = {fresh_stream() for _ in range(100)}
    assert len(streams) == 100
    assert all(0 <= stream < 1 << 63 for stream in streams)


def test_the_parent_goes_on_and_the_child_starts_anew(make):
    policy, twin = make.train(make()), make.train(make())
    now = make.now(29)
    policy._before_fork()
    policy._after_fork(child=False)
    assert policy.decide(context=make.context, now=now) == twin.decide(context=make.context, now=now)
    state = policy.state_dict()
    policy._before_fork()
    lock = policy._lock
    policy._after_fork(child=True)
    lock.release()
    assert policy.stream != 0
    assert policy.counter == 0
    assert policy.state_dict() == state | {"rng": state["rng"] | {"stream": policy.stream, "counter": 0}}
    policy.update("a", 0.5, make.context, now)
    assert policy.decide(["a"], make.context, now).decision_id.startswith(f"{policy.stream:x}-0-")
    policy.add_arm("born")
    policy.remove_arm("a")


@pytest.mark.parametrize("error", [ImportError("no backend"), ValueError("no such backend")])
def test_without_a_backend(make, monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(armwise_kernels, "load", fail)
    with pytest.raises(BackendUnavailable, match=str(error)):
        make()
