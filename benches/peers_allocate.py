"""Allocation as one would write it by hand over a hash from the shelf, and as GrowthBook's SDK does it."""

from __future__ import annotations

import itertools
import random
import uuid
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

import numpy as np

__all__ = ["SEED", "VARIANTS", "growthbook", "hashlib", "identifiers", "mmh3", "pandas", "xxhash"]

Names = dict[str, object]
Allocate = Callable[[str], str]

VARIANTS: Final = {"control": 50, "b": 30, "c": 20}
SEED: Final = 0x5EED
_NAMES: Final = tuple(VARIANTS)


def _last(bits: int) -> list[int]:
    """The last hash of each variant, of so many bits."""
    total = sum(VARIANTS.values())
    return [-(-c * 2**bits // total) - 1 for c in itertools.accumulate(VARIANTS.values())]


def identifiers(n: int) -> list[str]:
    """UUIDs as they stand in requests: 36 characters each."""
    rng = random.Random(1)
    return [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(n)]


def xxhash() -> Names:
    """XXH3-64, thresholds, a bisection: the same law as ours."""
    from xxhash import xxh3_64_intdigest

    last = _last(64)

    def allocate(key: str) -> str:
        return _NAMES[bisect_left(last, xxh3_64_intdigest(key.encode(), SEED))]

    return {"allocate": allocate, "intdigest": xxh3_64_intdigest, "last": last, "bisect": bisect_left, "seed": SEED}


def mmh3() -> Names:
    """MurmurHash3 of 32 bits, thresholds, a bisection."""
    from mmh3 import hash as murmur

    last = _last(32)

    def allocate(key: str) -> str:
        return _NAMES[bisect_left(last, murmur(key, SEED, signed=False))]

    return {"allocate": allocate, "murmur": murmur, "last": last, "bisect": bisect_left, "seed": SEED}


def hashlib() -> Names:
    """Without a package: the head of an MD5, modulo the sum of the weights."""
    from hashlib import md5

    last = [c - 1 for c in itertools.accumulate(VARIANTS.values())]
    total = sum(VARIANTS.values())

    def allocate(key: str) -> str:
        h = int.from_bytes(md5(key.encode(), usedforsecurity=False).digest()[:8], "little")
        return _NAMES[bisect_left(last, h % total)]

    return {"allocate": allocate}


def growthbook() -> Names:
    """GrowthBook's own functions under its present law, without conditions, attributes or tracking."""
    from growthbook.core import chooseVariation, gbhash, getBucketRanges

    total = sum(VARIANTS.values())
    ranges = getBucketRanges(len(_NAMES), 1.0, [weight / total for weight in VARIANTS.values()])

    def allocate(key: str) -> str:
        return _NAMES[chooseVariation(gbhash("checkout", key, 2), ranges)]

    return {"allocate": allocate}


def pandas() -> Names:
    """The vectorised hash that pandas has, and a binary search: for arrays of whole numbers."""
    from pandas.util import hash_array

    return {"hash_array": hash_array, "np": np, "last": np.array(_last(64), np.uint64)}
