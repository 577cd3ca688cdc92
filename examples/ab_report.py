"""An A/B/C test from the first request to the verdict: allocate, record, log, and write the report."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from armwise.experiments import Experiment, ExperimentManager
from armwise.flags import StaticFlags
from armwise.runners.experiment_report import report_on
from armwise.stores import StateFile
from armwise.telemetry.log import DecisionLog
from armwise.telemetry.report import render_page
from armwise.types import Decision

BUTTONS = {"control": "grey", "blue": "blue", "huge": "huge"}
CLICKS = {"grey": 0.10, "blue": 0.14, "huge": 0.10}
NOON, MINUTE = 1_760_000_000 * 10**9, 60 * 10**9

folder = Path(tempfile.mkdtemp())
manager = ExperimentManager(
    [Experiment("checkout-button", control="control", variants=BUTTONS, phase="active")],
    store=StateFile(folder / "experiments.json"),
    flags=StaticFlags({"ENABLE_EXPERIMENT_HARNESS": True}),
)
rng = random.Random(7)
with DecisionLog(folder / "decisions.jsonl", sync="none") as log:
    for visit in range(12_000):
        user, now = f"user-{visit}", NOON + visit * MINUTE
        variant = manager.assign("checkout-button", user)
        if variant is None:  # outside the experiment, where it does not cover all traffic
            continue
        button = BUTTONS[variant]
        # What an armwise policy would have decided; here the allocator did, so the id is made by hand.
        decision = Decision(button, 0, f"0-{visit:x}-0", 0, 1 / 3, "exact")
        log.decision(decision, seed=0, time=now, experiment="checkout-button", variant=variant, user=user)
        clicked = float(rng.random() < CLICKS[button])
        manager.record("checkout-button", variant, clicked, now=now)
        log.update(button, clicked, policy_version=0, decision_id=decision.decision_id, time=now)
manager.save()

report = report_on(folder).report
page = folder / "report.html"
page.write_text(render_page(report), encoding="utf-8")

print(f"{report.experiment}: {report.verdict}")
for reason in report.reasons:
    print("-", reason)
for row in report.variants:
    print(f"{row.name}: {row.pulls} rewards, mean {row.mean:.3f}")
print(f"one page of {page.stat().st_size // 1000} kB, which asks the network for nothing: {page}")
print(f"from the shell: armwise experiment report {folder}")
