"""A policy that earns less than the rule by more than the margin is activated with probability alpha at most.

Requests are tried by all arms or served by the rule alone, in turn, so that both kinds of evidence are looked at. In
each of 150 runs the policy earns exactly the margin less, which is the hardest case, with rewards of the greatest
variance there is. With alpha at 0.2 more than 46 runs are activated with probability below 0.001 (binomial), even where
each sequence is wrong as often as it may be.
"""

from __future__ import annotations

import numpy as np
import pytest

from armwise.learning import Activation
from armwise.learning._shadow import Evidence

pytestmark = pytest.mark.statistical

RUNS, REQUESTS, ALPHA = 150, 2000, 0.2


@pytest.mark.parametrize("margin", [0.3, 0.05])
def test_a_policy_at_the_margin_is_rarely_activated(margin):
    rng = np.random.default_rng(20261120)
    activated = 0
    for _ in range(RUNS):
        evidence = Evidence(Activation(margin=margin, alpha=ALPHA, minimum=1))
        # The rule is right with probability 1/2, the policy's arm that much less often; it never takes the rule's.
        of_rule, of_policy = rng.random((2, REQUESTS)) < np.array([[0.5], [0.5 - margin]])
        # Served alone, the rule earns what the policy, which would take it with this probability, is charged with.
        earned = rng.random(REQUESTS) < 0.5
        for i in range(REQUESTS):
            if evidence.tried([float(of_rule[i]), float(of_policy[i])], [0.0, 1.0], default=0) or evidence.served(
                float(earned[i]), 1.0 - 2.0 * margin
            ):
                activated += 1
                break
    print(f"{activated} of {RUNS} activated")  # shown by pytest -s
    assert activated <= 46
