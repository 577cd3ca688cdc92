"""Route by what is known of a request: two linear policies, one that keeps covariances and one that does not.

The rewards are simulated: a cheap model does well on short prompts, an expensive one on long ones with code.
"""

from __future__ import annotations

import numpy as np

from armwise import LinTS, LinTSDiag

MODELS = ["cheap", "expensive"]
REQUESTS = 4000


def reward(model: str, length: float, code: float, noise: float) -> float:
    """What a model earns on a request; the policies do not know this."""
    if model == "cheap":
        return 0.8 - 0.5 * length - 0.2 * code + noise
    return 0.45 + 0.1 * length + 0.1 * code + noise


for policy in (LinTSDiag(MODELS, dim=3, sigma=0.3, seed=7), LinTS(MODELS, dim=3, sigma=0.3, seed=7)):
    world = np.random.default_rng(20240229)
    earned = best = 0.0
    for _ in range(REQUESTS):
        length, code, noise = world.random(), float(world.random() < 0.3), 0.3 * world.standard_normal()
        context = np.array([1.0, length, code])  # the policies add no bias: the first column is one
        model = policy.select(context=context)
        got = reward(model, length, code, noise)
        policy.update(model, got, context=context)
        earned += got - noise
        best += max(reward(candidate, length, code, 0.0) for candidate in MODELS)
    print(f"{type(policy).__name__:10s} regret per request {(best - earned) / REQUESTS:.4f}")
