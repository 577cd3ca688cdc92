from __future__ import annotations

import random

import pytest

from armwise.errors import LogError
from armwise.runners.log_order import WINDOW, by_version
from armwise.telemetry.log import Checkpoint, DecisionRecord, UpdateRecord


def decision(version, domain="route", counter=0):
    name = f"0-{counter:x}-{version:x}"
    return DecisionRecord(
        decision_id=name,
        time=0,
        domain=domain,
        candidates=None,
        context=None,
        arm="a",
        propensity=None,
        kind="none",
        policy_version=version,
        seed=0,
        stream=0,
        counter=counter,
        experiment=None,
        variant=None,
        user=None,
    )


def update(version, domain="route"):
    return UpdateRecord(None, 0, domain, "a", 1.0, 1.0, None, version)


START = Checkpoint(0, "route", {})
ORDERED = [START] + [
    record
    for version in range(100)
    for record in (decision(version), decision(version, counter=1), update(version + 1))
]


def test_what_is_in_order_stays_so():
    assert list(by_version(ORDERED)) == ORDERED


@pytest.mark.parametrize("seed", range(5))
def test_what_threads_mixed_up_is_sorted(seed):
    rng = random.Random(seed)
    late = sorted(ORDERED[1:], key=lambda record: record.policy_version * 3 + rng.uniform(0, 40))
    found = list(by_version([START, *late]))
    version = 0
    for record in found[1:]:
        if isinstance(record, UpdateRecord):
            version += 1
        assert record.policy_version == version
    assert sorted(map(repr, found)) == sorted(map(repr, ORDERED))


def test_domains_do_not_mix():
    here = [decision(1), update(2), decision(2)]
    there = [decision(7, "prompt"), update(8, "prompt")]
    found = list(by_version([here[2], there[1], here[1], there[0], here[0]]))
    assert [record for record in found if record.domain == "route"] == here
    assert [record for record in found if record.domain == "prompt"] == there


def test_a_checkpoint_parts_what_is_before_from_what_is_behind():
    records = [START, update(5), decision(4), START, decision(1), START]
    assert list(by_version(records)) == [START, decision(4), update(5), START, decision(1), START]


def test_a_record_that_comes_far_too_late_is_an_error():
    def late():
        yield START
        for version in range(1, WINDOW + 3):
            yield update(version)
        yield decision(0)

    with pytest.raises(LogError, match=f"decision 0-0-0 of version 0 comes more than {WINDOW} records late"):
        list(by_version(late()))
