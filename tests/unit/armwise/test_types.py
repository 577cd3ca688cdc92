from __future__ import annotations

from armwise.types import Decision


def test_a_decision_reads_by_name_and_by_place():
    decision = Decision("small", 1, "0-2a-7", 7, 0.25, "exact")
    arm, index, decision_id, version, propensity, kind = decision
    assert (decision.arm, decision.index, decision.decision_id) == (arm, index, decision_id)
    assert (decision.policy_version, decision.propensity, decision.propensity_kind) == (
        version,
        propensity,
        kind,
    )
