from __future__ import annotations

import pytest

from armwise._fields import Fields
from armwise.errors import SnapshotError
from armwise.experiments.counterfactual import Counterfactual
from armwise.experiments.statistics import LARGEST


def replayed():
    seen = Counterfactual()
    for weight, reward in [(2.0, 1.0), (0.0, 0.0), (4.0, 0.5), (0.0, 1.0)]:
        seen.add(weight=weight, reward=reward, expected=0.25, served=0.5, baseline=0.1)
    return seen


def test_nothing_seen():
    seen = Counterfactual()
    assert (seen.n, seen.mean, seen.ips, seen.dr, seen.effective_size) == (0, None, None, None, 0.0)


def test_estimates_of_a_replay():
    seen = replayed()
    assert (seen.n, seen.matched) == (4, 2)
    assert seen.mean == (2.0 + 2.0) / 6.0
    assert seen.ips == 1.0
    assert seen.dr == (0.25 + 2 * 0.5 + 0.25 + 0.25 + 4 * 0.0 + 0.25) / 4
    assert seen.lift.mean == pytest.approx(seen.dr - 0.1)
    assert seen.effective_size == 36 / 20
    assert seen.summary()["matched"] == 2


def test_a_weight_beyond_measure_stays_within_what_sums_hold():
    seen = Counterfactual()
    seen.add(weight=LARGEST, reward=LARGEST, expected=0.0, served=-LARGEST, baseline=-LARGEST)
    assert seen.ips == seen.dr == seen.lift.mean == LARGEST
    assert Counterfactual.from_state(Fields(seen.state_dict())) == seen


@pytest.mark.parametrize("change", [{"matched": 9}, {"lift": Counterfactual().lift.state_dict()}, {"scores": None}])
def test_replays_that_cannot_be_are_refused(change):
    with pytest.raises(SnapshotError):
        Counterfactual.from_state(Fields(replayed().state_dict() | change))
