"""Write vectors/allocation.json: assignments by the oracle, frozen for ever. Run only to add cases, never to change.

python tests/conformance/make_allocation_vectors.py
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from naive_allocator import assign  # noqa: E402

KEYS: list[str | int | dict[str, str]] = [
    *(f"user-{i}" for i in range(24)),
    "",
    "a",
    "7",
    7,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    "naïve",
    "日本語",
    "😀",
    "a\0b",
    "x" * 17,
    "x" * 129,
    "x" * 241,
    "x" * 1500,
    "0d9f6b9e-4b0e-4a52-9e0a-6a3a0c3f2f11",
    {"bytes": "00ff80"},
    {"bytes": ""},
]

CASES: list[dict[str, object]] = [
    {"experiment_id": "ranking", "variants": {"control": 50, "b": 50}},
    {"experiment_id": "ranking", "variants": {"control": 50, "b": 30, "c": 20}},
    {"experiment_id": "ranking", "variants": {"control": 50, "b": 50}, "seed_salt": "again"},
    {"experiment_id": "", "variants": {"x": 1, "y": 1, "z": 1}},
    {"experiment_id": "größe/日本", "variants": {"ä": 0.1, "ö": 0.2, "ü": 0.7}, "seed_salt": "☃"},
    {"experiment_id": "rare", "variants": {"most": 9999, "rare": 1, "none": 0}},
    {"experiment_id": "ramp", "variants": {"control": 1, "b": 1}, "coverage": "1/10"},
    {"experiment_id": "ramp", "variants": {"control": 1, "b": 1}, "coverage": "1/2"},
    {"experiment_id": "page", "variants": {"control": 1, "b": 2}, "namespace": ["search", "0", "1/2"]},
    {"experiment_id": "page", "variants": {"control": 1, "b": 2}, "namespace": ["search", "1/2", "1"]},
    {"experiment_id": "old", "variants": {"control": 50, "b": 50}, "law": "modulo"},
    {"experiment_id": "old", "variants": {"control": 50, "b": 51}, "law": "modulo"},
    {"experiment_id": "many", "variants": {f"v{i}": i + 1 for i in range(40)}},
]


def key_of(written):
    return bytes.fromhex(written["bytes"]) if isinstance(written, dict) else written


def main():
    cases = []
    for case in CASES:
        settings = dict(case)
        if "coverage" in settings:
            settings["coverage"] = Fraction(settings["coverage"])
        picks = [assign(key=key_of(key), **settings) for key in KEYS]
        names = list(case["variants"])
        cases.append({**case, "codes": [-1 if pick is None else names.index(pick) for pick in picks]})
    content = {
        "what": "The codes that allocators give keys: frozen, an assignment never changes",
        "provenance": "tests/conformance/make_allocation_vectors.py: tests/conformance/naive_allocator.py on the xxhash"
        " package 4.1.0 (xxHash 0.8.4); made for this project",
        "keys": KEYS,
        "cases": cases,
    }
    path = HERE / "vectors" / "allocation.json"
    path.write_text(json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace("},{", "},\n{") + "\n")
    print(f"{path.name}: {len(cases)} cases of {len(KEYS)} keys")


if __name__ == "__main__":
    main()
