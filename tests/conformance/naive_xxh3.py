"""XXH3-64 in plain Python, section by section as its specification has it: bytes, slices, and masks of 64 bits.

Y. Collet, "xxHash fast digest algorithm", doc/xxhash_spec.md of the xxHash repository, "XXH3 Algorithm Overview" on.
It imports nothing of armwise; every backend is compared with it.
"""

from __future__ import annotations

MASK = (1 << 64) - 1
LOW = (1 << 32) - 1

PRIME32_1, PRIME32_2, PRIME32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
PRIME64_1, PRIME64_2, PRIME64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
PRIME64_4, PRIME64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
PRIME_MX1, PRIME_MX2 = 0x165667919E3779F9, 0x9FB21C651E98DF25

DEFAULT_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
STRIPE, STRIPES_PER_BLOCK = 64, (len(DEFAULT_SECRET) - 64) // 8
BLOCK = STRIPE * STRIPES_PER_BLOCK


def word(data: bytes, at: int, size: int = 8) -> int:
    """A little-endian number of ``size`` bytes."""
    piece = data[at : at + size]
    assert len(piece) == size
    return int.from_bytes(piece, "little")


def swapped(x: int, size: int) -> int:
    return int.from_bytes(x.to_bytes(size, "little"), "big")


def rotated(x: int, bits: int) -> int:
    return (x << bits | x >> (64 - bits)) & MASK


def folded(a: int, b: int) -> int:
    product = a * b
    return product & MASK ^ product >> 64


def avalanche(x: int) -> int:
    x = (x ^ x >> 37) * PRIME_MX1 & MASK
    return x ^ x >> 32


def avalanche_xxh64(x: int) -> int:
    x = (x ^ x >> 33) * PRIME64_2 & MASK
    x = (x ^ x >> 29) * PRIME64_3 & MASK
    return x ^ x >> 32


def derived(seed: int) -> bytes:
    """The secret of a seed, for large inputs."""
    words = [word(DEFAULT_SECRET, at) + (-seed if at % 16 else seed) for at in range(0, len(DEFAULT_SECRET), 8)]
    return b"".join((w & MASK).to_bytes(8, "little") for w in words)


def of_1_to_3(data: bytes, seed: int) -> int:
    n = len(data)
    combined = data[-1] | n << 8 | data[0] << 16 | data[n // 2] << 24
    return avalanche_xxh64((word(DEFAULT_SECRET, 0, 4) ^ word(DEFAULT_SECRET, 4, 4)) + seed & MASK ^ combined)


def of_4_to_8(data: bytes, seed: int) -> int:
    n = len(data)
    modified = seed ^ swapped(seed & LOW, 4) << 32
    combined = word(data, n - 4, 4) | word(data, 0, 4) << 32
    x = (word(DEFAULT_SECRET, 8) ^ word(DEFAULT_SECRET, 16)) - modified & MASK ^ combined
    x ^= rotated(x, 49) ^ rotated(x, 24)
    x = x * PRIME_MX2 & MASK
    x ^= (x >> 35) + n
    x = x * PRIME_MX2 & MASK
    return x ^ x >> 28


def of_9_to_16(data: bytes, seed: int) -> int:
    n = len(data)
    low = (word(DEFAULT_SECRET, 24) ^ word(DEFAULT_SECRET, 32)) + seed & MASK ^ word(data, 0)
    high = (word(DEFAULT_SECRET, 40) ^ word(DEFAULT_SECRET, 48)) - seed & MASK ^ word(data, n - 8)
    return avalanche(n + swapped(low, 8) + high + folded(low, high) & MASK)


def mix_step(data: bytes, at: int, offset: int, seed: int) -> int:
    first = word(data, at) ^ word(DEFAULT_SECRET, offset) + seed & MASK
    second = word(data, at + 8) ^ word(DEFAULT_SECRET, offset + 8) - seed & MASK
    return folded(first, second)


def of_17_to_128(data: bytes, seed: int) -> int:
    n = len(data)
    total = n * PRIME64_1
    for i in reversed(range((n - 1 >> 5) + 1)):
        total += mix_step(data, 16 * i, 32 * i, seed)
        total += mix_step(data, n - 16 * i - 16, 32 * i + 16, seed)
    return avalanche(total & MASK)


def of_129_to_240(data: bytes, seed: int) -> int:
    n = len(data)
    total = n * PRIME64_1
    for i in range(8):
        total += mix_step(data, 16 * i, 16 * i, seed)
    total = avalanche(total & MASK)
    for i in range(8, n >> 4):
        total += mix_step(data, 16 * i, 16 * (i - 8) + 3, seed)
    total += mix_step(data, n - 16, 119, seed)
    return avalanche(total & MASK)


def of_more(data: bytes, seed: int) -> int:
    secret = derived(seed)
    sums = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1]

    def accumulate(at: int, offset: int) -> None:
        for i in range(8):
            value = word(data, at + 8 * i)
            keyed = value ^ word(secret, offset + 8 * i)
            sums[i ^ 1] = sums[i ^ 1] + value & MASK
            sums[i] = sums[i] + (keyed & LOW) * (keyed >> 32) & MASK

    blocks = (len(data) - 1) // BLOCK
    for block in range(blocks):
        for stripe in range(STRIPES_PER_BLOCK):
            accumulate(BLOCK * block + STRIPE * stripe, 8 * stripe)
        for i in range(8):
            mixed = sums[i] ^ sums[i] >> 47 ^ word(secret, len(secret) - 64 + 8 * i)
            sums[i] = mixed * PRIME32_1 & MASK
    for stripe in range((len(data) - BLOCK * blocks - 1) // STRIPE):
        accumulate(BLOCK * blocks + STRIPE * stripe, 8 * stripe)
    accumulate(len(data) - STRIPE, len(secret) - 71)
    total = len(data) * PRIME64_1
    for i in range(0, 8, 2):
        total += folded(sums[i] ^ word(secret, 11 + 8 * i), sums[i + 1] ^ word(secret, 19 + 8 * i))
    return avalanche(total & MASK)


def xxh3(data: bytes, seed: int = 0) -> int:
    """XXH3-64 of bytes under a seed."""
    n = len(data)
    if n == 0:
        return avalanche_xxh64(seed ^ word(DEFAULT_SECRET, 56) ^ word(DEFAULT_SECRET, 64))
    for most, function in ((3, of_1_to_3), (8, of_4_to_8), (16, of_9_to_16), (128, of_17_to_128), (240, of_129_to_240)):
        if n <= most:
            return function(data, seed)
    return of_more(data, seed)
