"""Fail where fewer branches were taken than a floor: `branch_coverage.py COVERAGE_JSON PERCENT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

totals = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["totals"]
taken, all_branches = totals["covered_branches"], totals["num_branches"]
share = 100.0 * taken / max(all_branches, 1)
print(f"branches taken: {taken} of {all_branches}, {share:.1f}%")
sys.exit(share < float(sys.argv[2]))
