"""The held-out experiment plays as the demo does, and prints its tables."""

from __future__ import annotations

import held_out
import pytest

from armwise.runners.dataset import bundled
from armwise.runners.routing import run_routing


@pytest.mark.parametrize(
    ("kind", "setting"),
    [(held_out.THOMPSON, None), (held_out.DIAGONAL, held_out.DEMO), (held_out.FULL, held_out.DEMO)],
)
def test_the_demos_settings_earn_what_they_earn_in_the_demo(kind, setting):
    data = bundled()
    whole = held_out.Half(data.context, data.utility(held_out.COST_WEIGHT), range(2))
    (played, _) = run_routing(data, seeds=2, cost_weight=held_out.COST_WEIGHT, contestants=[kind]).results
    assert whole.earned(kind, setting) == pytest.approx(played.utility.mean, abs=1e-12)


def test_the_tables_name_every_policy(capsys, monkeypatch):
    monkeypatch.setattr(held_out, "GRID", (held_out.DEFAULTS, held_out.DEMO))
    held_out.main(["--splits", "2", "--seeds", "1"])
    printed = capsys.readouterr().out
    for text in ("ThompsonSampling", "LinTSDiag", "chosen elsewhere", "the demo's", "Chosen among 2", "yes or no"):
        assert text in printed
