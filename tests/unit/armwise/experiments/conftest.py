from __future__ import annotations

import pytest

from armwise.flags import StaticFlags

FLAG = "ENABLE_EXPERIMENT_HARNESS"


class Heard:
    """Metrics that remember what they were told."""

    def __init__(self):
        self.told = []

    def allocated(self, *what):
        self.told.append(("allocated", *what[2:]))

    def rewarded(self, *what):
        self.told.append(("rewarded", *what[2:]))

    def phase(self, *what):
        self.told.append(("phase", *what[2:]))

    def ignored(self, *what):
        self.told.append(("ignored", *what[2:]))

    def of(self, kind):
        return [what[1:] for what in self.told if what[0] == kind]


@pytest.fixture
def on():
    return StaticFlags({FLAG: True})


@pytest.fixture
def heard():
    return Heard()
