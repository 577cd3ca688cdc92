"""What the integration tests share."""

from __future__ import annotations

import sys
from pathlib import Path

# Helpers are modules of this folder, which pytest's importlib mode puts on no path.
sys.path.insert(0, str(Path(__file__).resolve().parent))
