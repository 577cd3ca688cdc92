"""The allocator against its oracle, and against assignments that are frozen, on every backend and instruction set."""

from __future__ import annotations

import json
import random
import string
from fractions import Fraction
from pathlib import Path

import naive_allocator as naive
import numpy as np
import pytest

from armwise.experiments import Allocator, Namespace
from armwise.experiments.allocation import allocator as module

HERE = Path(__file__).resolve().parent
FROZEN = json.loads((HERE / "vectors" / "allocation.json").read_text())
KEYS = [bytes.fromhex(key["bytes"]) if isinstance(key, dict) else key for key in FROZEN["keys"]]


@pytest.fixture(autouse=True)
def _this_backend(kernels, monkeypatch):
    monkeypatch.setattr(module, "load", lambda: kernels)


def made(case):
    namespace = case.get("namespace")
    return Allocator(
        case["experiment_id"],
        case["variants"],
        seed_salt=case.get("seed_salt", ""),
        coverage=Fraction(case.get("coverage", 1)),
        namespace=namespace and Namespace(namespace[0], Fraction(namespace[1]), Fraction(namespace[2])),
        law=case.get("law", "range"),
    )


@pytest.mark.parametrize("case", FROZEN["cases"], ids=lambda case: case["experiment_id"])
def test_assignments_are_frozen(case):
    allocator = made(case)
    assert [allocator.code(key) for key in KEYS] == case["codes"]
    assert allocator.allocate_many(KEYS).tolist() == case["codes"]
    names = [*allocator.variants, None]
    assert [allocator.allocate(key) for key in KEYS] == [names[code] for code in case["codes"]]
    again = Allocator.from_state(json.loads(json.dumps(allocator.state_dict())))
    assert again.allocate_many(KEYS).tolist() == case["codes"]


def any_text(rng, most):
    letters = string.printable + "äöü☃日本語😀\0"
    return "".join(rng.choice(letters) for _ in range(rng.randrange(most)))


def any_weight(rng):
    return rng.choice([0, 1, rng.randrange(1000), rng.random(), Fraction(rng.randrange(1, 50), rng.randrange(1, 50))])


@pytest.mark.parametrize("law", ["range", "modulo"])
def test_allocators_are_those_of_the_oracle(law):
    rng = random.Random(f"{law} on any backend")
    for _ in range(40):
        variants = {f"v{i}": any_weight(rng) for i in range(rng.randrange(1, 9))} | {"last": 1}
        coverage = rng.choice([1, 0, Fraction(1, 3), 0.1, 0.99])
        if law == "modulo":
            variants, coverage = {name: int(weight) for name, weight in variants.items()}, 1
        salt, identity = any_text(rng, 9), any_text(rng, 20)
        namespace = rng.choice([None, ("n", 0.25, 0.75), ("other", 0, Fraction(1, 3))])
        allocator = Allocator(
            identity,
            variants,
            seed_salt=salt,
            coverage=coverage,
            law=law,
            namespace=namespace and Namespace(*namespace),
        )
        keys = [
            rng.choice([any_text(rng, 300), any_text(rng, 40).encode(), rng.getrandbits(64) - 2**63]) for _ in range(30)
        ]
        expected = [
            naive.assign(identity, variants, key, seed_salt=salt, coverage=coverage, namespace=namespace, law=law)
            for key in keys
        ]
        assert [allocator.allocate(key) for key in keys] == expected, (identity, variants, salt)


def test_every_way_to_pass_keys_gives_the_same():
    allocator = Allocator("ways", {"a": 3, "b": 2, "c": 1}, coverage=0.9)
    texts = [f"key-{i:05d}-☃" for i in range(500)]
    codes = [allocator.code(text) for text in texts]
    encoded = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, encoded)])
    for keys in (
        texts,
        tuple(texts),
        encoded,
        iter(texts),
        np.array(texts),
        np.array(encoded),
        np.array(texts, dtype=object),
        (ends.astype(np.int32), b"".join(encoded)),
        (ends.astype(np.int64), np.frombuffer(b"".join(encoded), np.uint8)),
        (ends.tolist(), bytearray(b"".join(encoded))),
    ):
        assert allocator.allocate_many(keys).tolist() == codes
    numbers = [0, 1, 127, 2, 3]
    codes = [allocator.code(number) for number in numbers]
    for dtype in (np.int8, np.int32, np.int64, np.uint16, np.uint64, ">i8"):
        assert allocator.allocate_many(np.array(numbers, dtype=dtype)).tolist() == codes
