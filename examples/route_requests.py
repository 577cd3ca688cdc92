"""Route requests to the model that succeeds most often, learning from each outcome.

The three models here are simulated: each answers well with a fixed probability that the router does not know.
"""

from __future__ import annotations

import random

from armwise import ThompsonSampling

SUCCESS = {"small": 0.55, "medium": 0.62, "large": 0.71}
REQUESTS = 5000

world = random.Random(20240229)
router = ThompsonSampling(list(SUCCESS), seed=7)
served = dict.fromkeys(SUCCESS, 0)

for _ in range(REQUESTS):
    model = router.select()
    answered_well = world.random() < SUCCESS[model]
    router.update(model, float(answered_well))
    served[model] += 1

for model, count in served.items():
    print(f"{model:8s} {count / REQUESTS:6.1%} of requests")
