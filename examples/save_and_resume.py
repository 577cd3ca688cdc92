"""Save a policy, load it elsewhere, and go on with the very draws that the saved one would have made."""

from __future__ import annotations

import json

from armwise import ThompsonSampling

policy = ThompsonSampling(["red", "green", "blue"], seed=7)
for _ in range(100):
    policy.update(policy.select(), 1.0)

saved = json.dumps(policy.state_dict())

resumed = ThompsonSampling(["red", "green", "blue"])
resumed.load_state(json.loads(saved))

uninterrupted = [policy.select() for _ in range(1000)]
after_loading = [resumed.select() for _ in range(1000)]
print("the same 1000 decisions:", uninterrupted == after_loading)

decision = policy.decide()
print("made again from its id:", policy.replay(decision.decision_id) == decision.arm)
