"""What holds for every test: one Hypothesis profile, and no skipping where a run promises everything."""

from __future__ import annotations

import os

import hypothesis
import pytest

# Deadlines would be timings of a shared machine. The default profile finds the same examples on every run.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=300, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

NO_SKIPS = bool(os.environ.get("ARMWISE_NO_SKIPS"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Turn a skip into a failure where ARMWISE_NO_SKIPS is set: CI has all that a test could ask for."""
    report = yield
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped, and ARMWISE_NO_SKIPS is set: {call.excinfo}"
    return report
