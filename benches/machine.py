"""What the figures were measured on, in words that name no machine: processor, compiler, versions, load."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import armwise_kernels

__all__ = ["describe"]

_PEERS: Final = (
    "numpy",
    "scipy",
    "numba",
    "mabwiser",
    "river",
    "vowpalwabbit",
    "paretobandit",
    "growthbook",
    "mmh3",
    "xxhash",
    "pandas",
)


def describe() -> dict[str, str]:
    """What stands at the top of the page, by name."""
    kernels = armwise_kernels.describe()
    load = os.getloadavg()[0]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{_processor()}, {os.cpu_count()} cores, one of them used",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "load when the run began": f"{load:.1f} of {os.cpu_count()} cores busy",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "armwise": f"{_version('armwise')}, {kernels['backend']} kernels, {kernels['isa']}, {kernels['compiler']}",
        "beside": ", ".join(f"{name} {_version(name)}" for name in _PEERS),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    """The model as the kernel names it; the architecture where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
