"""What the demo's linear settings are worth on prompts that nobody looked at to choose them.

    python benches/held_out.py [--splits 20] [--seeds 30]

Each split halves the bundled prompts at random. On the first half every setting of a grid is played and the one
that earns most is chosen, for `LinTS` and for `LinTSDiag`; on the second half the chosen one plays beside the
demo's settings, the classes' own defaults and Thompson sampling. The gap is to the best fixed arm of that half,
known in hindsight. Intervals are over splits, which share prompts: they tell how the choice varies on these
prompts, not what other prompts would give. A half is also a shorter game than the demo's, and so a costlier one
a request: what is lost while learning is shared by half as many.

What was chosen most often then plays beside the demo's settings on all prompts, for their utilities and for
yes-or-no rewards, 1 where the utility is at least 0.9: a setting that trusts a few rewards is soon right where
they vary little, and stays wrong where they vary much.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from armwise.evaluation import mean_interval
from armwise.runners.contestants import CONTESTANTS, Contestant, RunningMean, linear_features
from armwise.runners.dataset import bundled
from armwise.types import FloatArray

THOMPSON, DIAGONAL, FULL = CONTESTANTS[:3]
COST_WEIGHT: Final = 20.0
STUCK: Final = 0.05  # a run that loses this much a request stayed with a worse arm


class Setting(NamedTuple):
    """One way to play a linear policy; an intercept always stands beside the features."""

    sigma: float
    prior_precision: float
    scaled: bool
    centred: bool

    def __str__(self) -> str:
        """The setting in a table."""
        treatment = [name for name, on in (("scaled", self.scaled), ("centred", self.centred)) if on]
        return ", ".join([f"sigma {self.sigma:g}", f"precision {self.prior_precision:g}", *treatment])


DEFAULTS: Final = Setting(0.5, 1.0, scaled=False, centred=False)
DEMO: Final = Setting(0.2, 1.0, scaled=True, centred=True)
GRID: Final = tuple(
    Setting(*one)
    for one in itertools.product((0.02, 0.05, 0.1, 0.2, 0.5, 1.0), (0.1, 1.0, 10.0), (False, True), (False, True))
)


class Half:
    """Some of the prompts, and what a policy earns on them over some seeds.

    No two halves share a seed: a setting that was lucky with its draws must not meet the same draws again.
    """

    def __init__(self, context: FloatArray, utility: FloatArray, seeds: range) -> None:
        self._seeds = seeds
        self._utility = utility
        self._arms = tuple(range(utility.shape[1]))
        plain = np.ascontiguousarray(np.column_stack([context, np.ones(len(context))]))
        self._features = {False: plain, True: linear_features(context)}
        self.best = float(utility.mean(axis=0).max())

    def earned(self, kind: Contestant, setting: Setting | None) -> float:
        """Return a policy's mean utility; without a setting, that of one which takes no contexts, by its defaults."""
        return float(np.mean([self.play(kind, setting, seed) for seed in self._seeds]))

    def lost(self, kind: Contestant, setting: Setting) -> list[float]:
        """Return what each seed lost a request against the best arm."""
        return [self.best - self.play(kind, setting, seed) for seed in self._seeds]

    def play(self, kind: Contestant, setting: Setting | None, seed: int) -> float:
        """Play once, as `run_routing` does it, but for the treatment."""
        features = self._features[setting is not None and setting.scaled]
        if setting is not None:
            settings = {"sigma": setting.sigma, "prior_precision": setting.prior_precision}
            kind = Contestant(kind.name, kind.make, settings)
        policy = kind.build(self._arms, dim=features.shape[1], seed=seed)
        mean, total = RunningMean(), 0.0
        for row in np.random.default_rng(seed).permutation(len(self._utility)):
            context = None if setting is None else features[row]
            arm = int(policy.select(None, context))
            reward = float(self._utility[row, arm])
            policy.update(arm, mean.centre(reward) if setting is not None and setting.centred else reward, context)
            total += reward
        return total / len(self._utility)


def halves(split: int, seeds: int) -> tuple[Half, Half]:
    """Return the half to choose on and the half to measure on."""
    data = bundled()
    utility = data.utility(COST_WEIGHT)
    order = np.random.default_rng([split, 7]).permutation(len(utility))
    first, second = (
        Half(data.context[rows], utility[rows], range(turn * seeds, (turn + 1) * seeds))
        for turn, rows in enumerate(np.array_split(order, 2), start=2 * split)
    )
    return first, second


def main(arguments: Sequence[str] | None = None) -> None:
    """Play every split and print what came of it."""
    parser = argparse.ArgumentParser(description="What settings chosen on half of the prompts earn on the others.")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=30, help="orders of a half, in each of which every policy plays")
    options = parser.parse_args(arguments)
    rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
    chosen: dict[str, Counter[Setting]] = {kind.title: Counter() for kind in (FULL, DIAGONAL)}
    for split in track(range(options.splits), "splits", console=Console(stderr=True)):
        choose, measure = halves(split, options.seeds)
        plays: list[tuple[Contestant, str, Setting | None]] = [(THOMPSON, "its defaults", None)]
        for kind in (FULL, DIAGONAL):
            earned = [choose.earned(kind, setting) for setting in GRID]
            best = GRID[int(np.argmax(earned))]
            chosen[kind.title][best] += 1
            plays += [(kind, "chosen elsewhere", best), (kind, "the demo's", DEMO)]
            plays += [(kind, "the class's defaults", DEFAULTS)]
        for kind, name, setting in plays:
            utility = measure.earned(kind, setting)
            rows.setdefault((kind.title, name), []).append((utility, measure.best - utility))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    console.print(_held_out(rows))
    console.print(_chosen(chosen))
    console.print(_risk(chosen, 7 * options.seeds))


def _held_out(rows: dict[tuple[str, str], list[tuple[float, float]]]) -> Table:
    table = _table("On the half that was held out", "policy", "settings", "utility", "lost: best arm", "± 95%")
    for (title, name), figures in rows.items():
        utility, gap = (mean_interval(column) for column in zip(*figures, strict=True))
        table.add_row(title, name, f"{utility.mean:.4f}", f"{gap.mean:+.4f}", f"{gap.half_width:.4f}")
    return table


def _chosen(chosen: dict[str, Counter[Setting]]) -> Table:
    table = _table(f"Chosen among {len(GRID)}", "policy", "settings", "splits")
    for title, counts in chosen.items():
        for setting, count in counts.most_common():
            table.add_row(title, str(setting), str(count))
    return table


def _risk(chosen: dict[str, Counter[Setting]], seeds: int) -> Table:
    """Play the demo's settings and the favourite of the splits on all prompts, for two kinds of rewards."""
    data = bundled()
    utility = data.utility(COST_WEIGHT)
    title = f"On all prompts, {seeds} seeds"
    table = _table(title, "policy", "rewards", "settings", "lost: best arm", "± 95%", f"lost > {STUCK:g}")
    for name, reward in (("utilities", utility), ("yes or no", (utility >= 0.9).astype(np.float64))):
        whole = Half(data.context, reward, range(seeds))
        for kind in (FULL, DIAGONAL):
            for settings, setting in (
                ("the demo's", DEMO),
                ("chosen most often", chosen[kind.title].most_common(1)[0][0]),
            ):
                lost = whole.lost(kind, setting)
                gap, stuck = mean_interval(lost), np.mean(np.array(lost) > STUCK)
                figures = (f"{gap.mean:+.4f}", f"{gap.half_width:.4f}", f"{stuck:.1%}")
                table.add_row(kind.title, name, settings, *figures)
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in headings:
        table.add_column(
            heading, no_wrap=True, justify="left" if heading in {"policy", "rewards", "settings"} else "right"
        )
    return table


if __name__ == "__main__":
    main()
