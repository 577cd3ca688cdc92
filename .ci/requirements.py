"""Print what pyproject.toml asks for: the dependencies, and those of the extras named, one a line.

It lets an environment be filled before the package is built, and the wheel be installed with --no-deps.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

pyproject = Path(__file__).parents[1] / "pyproject.toml"
project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
requirements = set(project["dependencies"])
for extra in sys.argv[1:]:
    requirements.update(project["optional-dependencies"][extra])
print("\n".join(sorted(requirements)))
