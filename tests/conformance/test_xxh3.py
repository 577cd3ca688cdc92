"""XXH3-64, FNV-1a and MurmurHash3 on every backend: published answers, the reference implementation, the oracle."""

from __future__ import annotations

import json
import random
from pathlib import Path

import naive_allocation
import naive_xxh3 as naive
import numpy as np
import pytest

HERE = Path(__file__).resolve().parent


KNOWN = json.loads((HERE / "vectors" / "xxh3_64_kat.json").read_text(encoding="utf-8"))["rows"]
# Where one way of the algorithm ends, and where stripes and blocks do.
EDGES = [
    *(0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 36, 63, 64, 65, 95, 96, 97, 127, 128),
    *(129, 130, 143, 144, 145, 159, 160, 175, 176, 191, 192, 207, 208, 223, 224, 239, 240, 241, 255, 256, 257),
    *(319, 320, 321, 511, 512, 513, 1023, 1024, 1025, 1087, 1088, 1089, 2047, 2048, 2049, 2112, 2113, 3072, 5000),
]
SEEDS = [0, 1, 0x9E3779B185EBCA87, 2**32 - 1, 2**32, 2**63, 2**64 - 1]
# L. C. Noll's test vectors for 32-bit FNV-1a (test_fnv.c of his distribution, public domain).
FNV = {
    b"": 0x811C9DC5,
    b"a": 0xE40C292C,
    b"b": 0xE70C2DE5,
    b"c": 0xE60C2C52,
    b"fo": 0x6222E842,
    b"foo": 0xA9F37ED7,
    b"foob": 0x3F5076EF,
    b"fooba": 0x39AAA18A,
    b"foobar": 0xBF9CF968,
    b"chongo was here!\n": 0xD49930D5,
}


@pytest.mark.parametrize("backend", ["kernels", "oracle"])
def test_known_answers_under_seeds_by_salts(kernels, backend):
    xxh3 = kernels.xxh3 if backend == "kernels" else lambda data, seed=0: naive.xxh3(data, seed)
    assert len(KNOWN) == 195
    for salt, key, answer, _ in KNOWN:
        assert f"{xxh3(key.encode(), seed=xxh3(salt.encode())):016x}" == answer, (salt, key)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_and_edge_has_the_bits_of_the_oracle(kernels, seed):
    rng = random.Random(seed)
    for size in EDGES:
        data = rng.randbytes(size)
        assert kernels.xxh3(data, seed=seed) == naive.xxh3(data, seed), size


def test_every_length_has_the_bits_of_the_reference_implementation(kernels):
    xxhash = pytest.importorskip("xxhash")
    rng = random.Random(3)
    for size in [*range(2001), 4096, 10_007, 1 << 17]:
        data, seed = rng.randbytes(size), rng.getrandbits(64)
        assert kernels.xxh3(data, seed=seed) == xxhash.xxh3_64_intdigest(data, seed), size
    for size in range(0, 2001, 7):
        data, seed = rng.randbytes(size), rng.getrandbits(64)
        assert naive.xxh3(data, seed) == xxhash.xxh3_64_intdigest(data, seed), size


def test_a_key_may_begin_at_any_address(kernels):
    data = random.Random(4).randbytes(600)
    for begin in range(16):
        for size in (3, 8, 16, 36, 200, 500):
            piece = memoryview(data)[begin : begin + size]
            assert kernels.xxh3(piece, seed=5) == naive.xxh3(bytes(piece), 5)


def test_any_contiguous_buffer_will_do(kernels):
    data = bytes(range(48))
    found = {
        kernels.xxh3(given, seed=9)
        for given in (
            data,
            bytearray(data),
            memoryview(data),
            np.frombuffer(data, np.uint8),
            np.frombuffer(data, "<u4"),
        )
    }
    assert found == {naive.xxh3(data, 9)}


@pytest.mark.parametrize("name", ["xxh3", "fnv1a32", "murmur3"])
def test_what_is_no_buffer_is_refused(kernels, name):
    for wrong in ("text", 7, None, memoryview(b"abcd")[::2]):
        with pytest.raises(TypeError, match="data: expected bytes or a contiguous buffer"):
            getattr(kernels, name)(wrong)


def test_seeds_are_of_the_hashs_width(kernels):
    for wrong in (-1, 2**64):
        with pytest.raises(ValueError, match="seed"):
            kernels.xxh3(b"", seed=wrong)
    for wrong in (-1, 2**32):
        with pytest.raises(ValueError, match="seed"):
            kernels.murmur3(b"", seed=wrong)
    for wrong in (True, 1.0, "1"):
        with pytest.raises(TypeError):
            kernels.xxh3(b"", seed=wrong)


def test_fnv_known_answers(kernels):
    for data, answer in FNV.items():
        assert kernels.fnv1a32(data) == naive_allocation.fnv1a32(data) == answer
    for size in range(80):
        data = random.Random(size).randbytes(size)
        assert kernels.fnv1a32(data) == naive_allocation.fnv1a32(data)


def test_murmur_has_smhashers_verification_value(kernels):
    # SMHasher, VerificationTest: keys 0 .. i-1 under seed 256 - i, and the hash of the hashes
    for murmur3 in (kernels.murmur3, lambda data, *, seed=0: naive_allocation.murmur3(data, seed)):
        hashes = b"".join(murmur3(bytes(range(i)), seed=256 - i).to_bytes(4, "little") for i in range(256))
        assert murmur3(hashes) == 0xB0F57EE3


def test_murmur_has_the_bits_of_the_oracle(kernels):
    rng = random.Random(6)
    for size in range(300):
        data, seed = rng.randbytes(size), rng.getrandbits(32)
        assert kernels.murmur3(data, seed=seed) == naive_allocation.murmur3(data, seed), size
