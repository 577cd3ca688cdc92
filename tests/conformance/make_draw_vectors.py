"""Write vectors/draws.json from the oracle: run once a change of the law, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import naive

HERE = Path(__file__).resolve().parent
ALPHA = [0.05, 0.5, 1.0, 2.0, 30.0, 1e6]
BETA = [1.0, 0.3, 1.0, 50.0, 70.0, 3e6]


def main() -> None:
    beta, normal = [], []
    for where in (
        {"seed": 0},
        {"seed": 42, "stream": 3, "decision": 2**33},
        {"seed": 2**64 - 1, "stream": 2**63},
    ):
        drawn = naive.beta_draws(ALPHA, BETA, **where, n=3)
        beta.append(
            {
                "alpha": ALPHA,
                "beta": BETA,
                "where": {**where, "n": 3},
                "hex": [x.hex() for row in drawn for x in row],
            }
        )
        normal.append({"n": 9, "where": where, "hex": [x.hex() for x in naive.normal_draws(9, **where)]})
    document = {
        "provenance": "tests/conformance/naive.py by make_draw_vectors.py; made for this project",
        "beta": beta,
        "normal": normal,
    }
    (HERE / "vectors" / "draws.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
