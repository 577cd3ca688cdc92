"""The bits of the C kernels: the same on every instruction set, on aarch64, and in the oracle.

``conform.c`` prints what it computes, case by case, in hexadecimal. Every build and instruction set must
print the same text. The oracle in plain Python (tests/conformance/naive.py) repeats the cases that it knows
from the same inputs, which fixtures.h makes of small whole numbers.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
SIZES = [1, 2, 3, 7, 8, 9, 17, 100, 1000]
REGIMES = ["warm", "cold", "small", "skewed"]
SEED, STREAM, FROM = 20240229, 7, 2**32 - 3


def load_oracle(name: str = "naive"):
    if name not in sys.modules:  # one oracle imports another by its name
        spec = importlib.util.spec_from_file_location(name, HERE.parent / "conformance" / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


naive = load_oracle()
KEY = naive.stream_key(SEED, STREAM)


def shapes(regime: str, arms: int) -> tuple[list[float], list[float]]:
    """Twin of shape_a and shape_b in fixtures.h."""
    match regime:
        case "warm":
            return [5.0 + i * 7 % 31 for i in range(arms)], [20.0 + i * 13 % 101 for i in range(arms)]
        case "cold":
            return [1.0] * arms, [1.0] * arms
        case "small":
            return [0.25 + 0.125 * (i % 7) for i in range(arms)], [0.5 + 0.5 * (i % 3) for i in range(arms)]
    leader = arms // 2
    return (
        [400.0 if i == leader else 2.0 + i % 3 for i in range(arms)],
        [100.0 if i == leader else 200.0 + i % 50 for i in range(arms)],
    )


def slots(arms: int) -> list[int]:
    return [3 * i + 1 for i in range(arms)]


def run(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def conform(build):
    return build("conform")


@pytest.fixture(scope="session")
def reference(conform):
    """The text of the scalar build on this machine."""
    return run(conform, "scalar")


@pytest.fixture(scope="session")
def cases(reference):
    """Its lines, by name: the words as integers."""
    lines = (line.split() for line in reference.splitlines())
    return {name: [int(word, 16) for word in words] for name, *words in lines}


def test_every_instruction_set_of_this_cpu_prints_the_same(conform, reference):
    isas = run(conform).split()
    assert isas[0] == "scalar"
    assert [isa for isa in isas if run(conform, isa) != reference] == []


def test_unoptimised_build_prints_the_same(build, reference):
    assert run(build("conform", None, "-O0"), "scalar") == reference


def test_build_without_products_of_128_bits_prints_the_same(build, reference):
    assert run(build("conform", None, "-U__SIZEOF_INT128__"), "scalar") == reference


def test_aarch64_prints_the_same(build, reference):
    program = build("conform", "aarch64-linux-gnu-gcc", "-static")
    if shutil.which("qemu-aarch64") is None:
        pytest.skip("no qemu-aarch64 here (bash .ci/install-debian.sh installs it)")
    isas = run("qemu-aarch64", program).split()
    assert isas == ["scalar", "neon"]
    assert [isa for isa in isas if run("qemu-aarch64", program, isa) != reference] == []


def bits(numbers) -> list[int]:
    return [naive.bits_of(number) for number in numbers]


def test_oracle_agrees_on_elementary_functions(cases):
    x = [(i + 1) / 64.0 for i in range(600)]
    x[:4] = [2.0**-1022, 1.7976931348623157e308, 1.0 - 2.0**-53, 1.0 + 2.0**-52]
    x[2] = float.fromhex("0x1.fffffffffffffp-1")
    assert cases["log"] == bits(map(naive.log, x))
    assert cases["exp"] == bits(naive.exp((i - 300) * 2.359375) for i in range(600))
    a = [(1 + i * 37 % 997) / 16.0 for i in range(600)]
    b = [(1 + i * 91 % 499) / 8.0 for i in range(600)]
    a[:4], b[:4] = [1e6, 0.05, 1e6, 0.05], [0.05, 1e6, 1e6, 0.05]
    assert cases["log_beta"] == bits(map(naive.log_beta, a, b))


def test_oracle_agrees_on_keys_and_normals(cases):
    keys = [KEY, naive.stream_key(2**64 - 1, 2**64 - 1)]
    assert cases["stream_key"] == [low | high << 32 for low, high in keys]
    for n in range(1, 20):
        assert cases[f"normal_draws/{n}"] == bits(naive.normal_draws(n, seed=SEED, stream=STREAM, decision=FROM))


@pytest.mark.parametrize("regime", REGIMES)
def test_oracle_agrees_on_beta_draws(cases, regime):
    for arms in SIZES:
        rows = naive.beta_draws(*shapes(regime, arms), seed=SEED, stream=STREAM, decision=FROM, n=3)
        assert cases[f"beta_draws/{regime}/{arms}"] == bits(x for row in rows for x in row), arms


@pytest.mark.parametrize("regime", REGIMES)
def test_oracle_agrees_on_selections(cases, regime):
    for arms in SIZES:
        alpha, beta = shapes(regime, arms)
        words = cases[f"select/{regime}/{arms}"]
        chosen, scores = words[::2], words[1::2]
        assert cases[f"select_many/{regime}/{arms}"] == chosen
        decisions = 70 if arms <= 100 else 5
        for t in range(decisions):
            expected = naive.thompson_scores(alpha, beta, slots(arms), FROM + t, KEY)
            assert chosen[t] == naive.argmax(expected), (arms, t)
            assert scores[t] == naive.bits_of(expected[chosen[t]]), (arms, t)


@pytest.mark.parametrize("arms", [100, 1000])
def test_oracle_agrees_on_the_block_path(cases, arms):
    path, count, total, level, _, _, *rest = cases[f"index/fresh/{arms}"]
    assert path == 1, "the skewed posterior takes the block path"
    leaders, rates, level = rest[:count], rest[count:], naive.float_of(level)
    alpha, beta = shapes("skewed", arms)
    expected = [
        0 if i in leaders else naive.rate(a, b, level) for i, (a, b) in enumerate(zip(alpha, beta, strict=True))
    ]
    assert [0 if i in leaders else rate for i, rate in enumerate(rates)] == expected
    assert total == sum(expected)
    for t in range(400 if arms == 100 else 60):
        chosen = naive.block_select(alpha, beta, slots(arms), leaders, level, FROM + t, KEY)
        assert cases[f"block/fresh/{arms}"][t] == chosen, t


def test_oracle_agrees_on_epsilon_greedy_and_ucb1(cases):
    means, counts = [0.0] * 17, [0.0] * 17
    for t, word in enumerate(cases["ucb1"][:200]):
        i = naive.ucb1_select(means, counts, t)
        assert word == i, t
        counts[i] += 1.0
        means[i] += (t + i) * 7 % 9 / 8.0 / counts[i] - means[i] / counts[i]
    assert cases["ucb1"][200:] == bits(means)
    chosen = [naive.epsilon_greedy_select(means, 0.25, FROM + t, KEY) for t in range(200)]
    assert cases["epsilon_greedy"] == chosen


def octets(n: int) -> bytes:
    """Twin of fill_octets in conform.c."""
    return bytes((i * 131 + (i >> 3) * 17 + n) % 256 for i in range(n))


def test_oracle_agrees_on_hashes(cases):
    xxh3, allocation = load_oracle("naive_xxh3").xxh3, load_oracle("naive_allocation")
    lengths = [int(name.partition("/")[2]) for name in cases if name.startswith("hashes/")]
    assert max(lengths) > 3000
    for n in lengths:
        data = octets(n)
        hashes = [xxh3(data, seed) for seed in (0, 1, 2**32, 2**64 - 1, 0x9E3779B185EBCA87)]
        assert cases[f"hashes/{n}"] == [*hashes, allocation.fnv1a32(data), allocation.murmur3(data, n)], n


@pytest.mark.parametrize("modulo", [0, 5000])
def test_oracle_agrees_on_allocations(cases, modulo):
    load_oracle("naive_xxh3")
    code = load_oracle("naive_allocation").code
    bounds = [2**50, 3 * 2**56, 2**60, 2**60 + 1, 2**62, 5 * 2**61, 13 * 2**60, 15 * 2**60, 2**64 - 1]
    if modulo:
        bounds = [1, 5, 77, 78, 500, 1000, 1001, 4000, 2**64 - 1]
    spec = SEED, bounds, [0, 1, -1, 2, 0, 3, -1, 1, 4], (), modulo, (STREAM, 2**61, 7 * 2**61)
    keys = [i * 0x10001 for i in range(-300, 300)] + [octets(n) for n in range(300)]
    assert cases[f"allocations/{int(modulo > 0)}"] == [code(spec, key) % 2**64 for key in keys]
