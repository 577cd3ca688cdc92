"""Route by quality and cost at once: keep every model that no other beats in both, and drop the rest.

The requests are the 1,785 real prompts that come with armwise. Beside the three models there are three ways of
asking two of them and serving either answer: paid twice, so mostly worse than asking one. Latency is not in these
data, and none is made up; a third objective is one more entry of OBJECTIVES.

Three figures tell policies apart, each over the last half of the requests. The hypervolume of the arms in use
(those that serve 5% and more) against that of all arms: is every trade-off still on offer? The share of requests
served by arms that no other beats. And the regret, how far the served arm falls short of them in the objective
where it comes closest, as a share of that objective's range.
"""

from __future__ import annotations

import numpy as np

from armwise import ThompsonSampling
from armwise.experiments.pareto import ParetoThompsonSampling, hypervolume, pareto_front
from armwise.runners.dataset import bundled

SEEDS = 5
# The models' costs differ by a factor of 500 on average, so they are counted in powers of ten of a USD: 1 to 0.000001.
OBJECTIVES = {"quality": (0.0, 1.0), "cost": (0.0, -6.0)}
MORE_IS_BETTER = [True, False]
WORST = [0.5, -1.0]

data = bundled()
models = [name.partition("/")[2].partition("-")[0] for name in data.arms]
pairs = [(0, 1), (0, 2), (1, 2)]
arms = models + [f"{models[i]}+{models[j]}" for i, j in pairs]
quality = np.column_stack([data.reward, *((data.reward[:, i] + data.reward[:, j]) / 2 for i, j in pairs)])
cost = np.log10(np.column_stack([data.cost, *(data.cost[:, i] + data.cost[:, j] for i, j in pairs)]))

means = {arm: (quality[:, k].mean(), cost[:, k].mean()) for k, arm in enumerate(arms)}
front = pareto_front(means, maximise=MORE_IS_BETTER)
whole = hypervolume(means, WORST, maximise=MORE_IS_BETTER)
print("not beaten in both:", ", ".join(front))


def shortfall(arm: str) -> float:
    """How much an arm must gain, in every objective, so that no other beats it."""
    ranges = [abs(best - worst) for worst, best in OBJECTIVES.values()]
    q, c = means[arm]
    return max(0.0, *(min((means[b][0] - q) / ranges[0], (c - means[b][1]) / ranges[1]) for b in front))


def serve(name: str, seed: int) -> list[str]:
    """The arms that served the requests, in a shuffled order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(quality))
    if name == "uniform random":
        return [arms[k] for k in rng.integers(0, len(arms), len(order))]
    served = []
    several = ParetoThompsonSampling(arms, objectives=OBJECTIVES, seed=seed)
    one = ThompsonSampling(arms, seed=seed)
    for request in order:
        if name == "Pareto Thompson":
            arm = several.select()
            k = arms.index(arm)
            several.update(arm, {"quality": quality[request, k], "cost": cost[request, k]})
        else:
            arm = one.select()
            one.update(arm, quality[request, arms.index(arm)])
        served.append(arm)
    return served


print(f"{'':26s}{'hypervolume':>12s}{'on the front':>14s}{'regret':>9s}")
for name in ("uniform random", "Thompson on quality", "Pareto Thompson"):
    kept, share, regret = [], [], []
    for seed in range(SEEDS):
        late = serve(name, seed)[len(quality) // 2 :]
        in_use = {arm: means[arm] for arm in arms if late.count(arm) >= 0.05 * len(late)}
        kept.append(hypervolume(in_use, WORST, maximise=MORE_IS_BETTER) / whole)
        share.append(np.mean([arm in front for arm in late]))
        regret.append(np.mean([shortfall(arm) for arm in late]))
    print(f"{name:26s}{np.mean(kept):12.1%}{np.mean(share):14.1%}{np.mean(regret):9.5f}")
