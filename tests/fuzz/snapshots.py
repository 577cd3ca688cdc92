"""Coverage-guided fuzzing of snapshots and of the states in them: nothing loads half, nothing crashes.

    python tests/fuzz/snapshots.py -max_total_time=60 -rss_limit_mb=2048 [corpus]

Each input is the bytes of a snapshot, which an engine with a domain of every policy restores. It must refuse them with
a SnapshotError and be as before, or be as they say; then it is saved, decides and learns. The corpus begins with the
snapshots of trained engines: bare, as no checksum keeps changed ones out, and sealed.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from warnings import simplefilter

import atheris

with atheris.instrument_imports(include=["armwise"]):
    from armwise import UCB1, EpsilonGreedy, LinTS, LinTSDiag, ThompsonSampling
    from armwise.errors import ConfigurationError, SnapshotError
    from armwise.learning import Flags, LearningEngine, TenantContext, open_snapshot, seal

DOMAINS = {
    "t": lambda: ThompsonSampling(seed=1),
    "h": lambda: ThompsonSampling(["a", "b"], half_life=60, seed=1),
    "e": lambda: EpsilonGreedy(["a", "b"], seed=1),
    "u": lambda: UCB1(seed=1),
    "d": lambda: LinTSDiag(dim=2, half_life=60, seed=1),
    "l": lambda: LinTS(["a", "b"], dim=2, seed=1),
}
LINEAR = {"d", "l"}
ODD = (None, True, 0, 1, -1, 1 << 62, 1 << 63, 10**400, -0.0, 5e-324, 1e300, -1e300, "", "a", "b", [], [0], {}, [[1.0]])
FLAGS = Flags({f"ENABLE_RL_{name.upper()}": True for name in (*DOMAINS, "global", "lints")})


def engine() -> LearningEngine:
    made = LearningEngine(flags=FLAGS)
    for name, policy in DOMAINS.items():
        made.register_domain(name, policy())
        made.activate(name)
    return made


def context(name: str) -> dict[str, str | float] | None:
    return {"tokens": 2.0} if name in LINEAR else None


def restore(data: bytes) -> None:
    """Restore one input."""
    made = engine()
    before = made.snapshot()
    try:
        report = made.restore(data)
    except SnapshotError:
        assert made.snapshot() == before
        return
    again = engine()
    again.restore(seal(made.snapshot(), TenantContext()))
    assert again.snapshot() == made.snapshot()
    for name in report.restored:
        # The state's arms may be others, or have as many rewards as can be counted.
        with suppress(ConfigurationError, KeyError):
            made.record(name, context(name), made.recommend(name, context(name), ["a", "b"]), 0.5)
    made.snapshot()


def places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in what was read, as the keys and positions that lead there."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inner:
        yield from places(held, (*path, key))


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Change one place and leave it JSON, or any bytes: these seldom come past the reader of JSON."""
    rng = random.Random(seed)
    try:
        snapshot = json.loads(data)
        path = rng.choice(list(places(snapshot)))
    except (ValueError, RecursionError, IndexError):
        return atheris.Mutate(data, most)
    if rng.random() < 0.25:
        return atheris.Mutate(data, most)
    held = snapshot
    for key in path[:-1]:
        held = held[key]
    if rng.random() < 0.1:
        del held[path[-1]]
    else:
        held[path[-1]] = rng.choice([*ODD, rng.random(), rng.getrandbits(64), held[path[-1]]])
    return json.dumps(snapshot).encode()[:most]


def trained(rounds: int) -> LearningEngine:
    made = engine()
    for name in DOMAINS:
        for turn in range(rounds):
            made.record(name, context(name), "ab"[turn % 2], turn % 4 / 4)
    return made


def seeds(folder: Path) -> None:
    """Write what the corpus begins with."""
    for rounds in (0, 1, 30):
        snapshot = trained(rounds).snapshot()
        (folder / f"bare-{rounds}").write_text(json.dumps(snapshot))
        (folder / f"sealed-{rounds}").write_bytes(seal(snapshot, TenantContext()))
        for name, state in snapshot.items():
            (folder / f"{name}-{rounds}").write_text(json.dumps({name: state}))
    assert all(open_snapshot(path.read_bytes()).policies for path in folder.iterdir())


def main() -> None:
    """Fuzz until the time is over, an input fails, or for ever."""
    simplefilter("ignore")
    logging.getLogger("armwise.learning").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="armwise-fuzz-"))
    seeds(folder)
    atheris.Setup([*sys.argv, str(folder)], restore, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
