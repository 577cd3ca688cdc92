from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from armwise_kernels import jit

WORDS = [0, 1, 0xFFFFFFFF, 0x100000000, 0x123456789ABCDEF0, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF]


def some_words(rng, n=200):
    return [*WORDS, *(int(word) for word in rng.integers(0, 1 << 64, n, dtype=np.uint64))]


def u64(value):
    return np.uint64(value)


# Random123, kat_vectors: philox4x32-10.
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers(counter, key, expected):
    r1, r2 = jit.philox(
        u64(counter[0]), u64(counter[2] << 32 | counter[1]), u64(counter[3]), u64(key[1] << 32 | key[0])
    )
    assert (r1 >> 32, r1 & 0xFFFFFFFF, r2 >> 32, r2 & 0xFFFFFFFF) == expected


def test_philox_equals_the_oracle_at_every_kind_of_address(naive, rng):
    for decision in some_words(rng, 50):
        slot, attempt, purpose = (int(n) for n in rng.integers(0, (1 << 32, 1 << 24, 5)))
        key = tuple(int(word) for word in rng.integers(0, 1 << 32, 2))
        found = jit.philox(u64(slot), u64(decision), u64(purpose << 24 | attempt), u64(key[1] << 32 | key[0]))
        assert found == naive.words(slot, decision, purpose, attempt, key)


def test_uniforms_and_normals_equal_the_oracle(naive, rng):
    words = some_words(rng)
    for r1, r2 in zip(words, reversed(words), strict=True):
        assert jit.unit53(u64(r1)) == naive.unit53(r1)
        assert jit.unit24(u64(r1)) == naive.unit24(r1)
        assert 0.0 < jit.unit24(u64(r1)) < 1.0
        assert jit.box_muller(u64(r1), u64(r2)) == naive.box_muller(r1, r2)


def test_below_is_the_high_word_of_the_product(naive, rng):
    for r in some_words(rng):
        for n in (1, 2, 3, 1000, (1 << 62) + 12345, (1 << 64) - 1):
            assert jit.below(u64(r), u64(n)) == naive.below(r, n)


def test_elementary_functions_equal_the_oracle(naive, rng):
    for x in [
        1.0,
        2.0**-1022,
        1.7976931348623157e308,
        0.70710678118654757,
        *np.exp(rng.uniform(-700, 700, 200)),
    ]:
        assert jit.log(float(x)) == naive.log(float(x))
    for x in [0.0, -0.0, 708.0, -708.0, 1e-300, *rng.uniform(-708.0, 708.0, 200)]:
        assert jit.exp(float(x)) == naive.exp(float(x))
    for x in [0.0, 1.0, 1e-300, *rng.uniform(0.0, 1.0, 200)]:
        assert jit.log1p(float(x)) == naive.log1p(float(x))
    for x in [0.0, -0.0, 1e300, -1e300, 800.0, -800.0, *rng.uniform(-50.0, 50.0, 200)]:
        assert jit.softplus(float(x)) == naive.softplus(float(x))


def test_elementary_functions_are_accurate(rng):
    for x in rng.uniform(-700.0, 700.0, 200):
        assert jit.exp(float(x)) == pytest.approx(math.exp(x), rel=3e-16)
        assert jit.log(math.exp(x)) == pytest.approx(math.log(math.exp(x)), rel=3e-16)
        assert jit.softplus(float(x)) == pytest.approx(np.logaddexp(0.0, x), rel=1e-15)


def test_clamp():
    assert [jit.clamp(x, -1.0, 2.0) for x in (-5.0, -1.0, 0.5, 2.0, 7.0, -math.inf, math.inf)] == [
        -1.0,
        -1.0,
        0.5,
        2.0,
        2.0,
        -1.0,
        2.0,
    ]


@pytest.fixture
def uncached(monkeypatch):
    """Kernels of a test are compiled in it, and leave nothing behind."""
    monkeypatch.setattr(jit, "CACHE_FOLDER", "")


@pytest.mark.usefixtures("uncached")
def test_bits_come_and_go():
    @jit.kernel
    def negated(x):
        return jit.float_of(jit.bits_of(x) ^ jit.SIGN)

    assert negated(1.5) == -1.5
    assert math.copysign(1.0, negated(0.0)) == -1.0


@pytest.mark.usefixtures("uncached")
def test_division_by_zero_is_infinite():
    @jit.kernel
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 0.0) == math.inf


class TestCache:
    def test_is_below_the_folder_that_numba_is_given(self, monkeypatch, tmp_path):
        monkeypatch.setitem(jit._SETTINGS, "CACHE_DIR", str(tmp_path))
        folder = Path(jit._cache_folder())
        assert folder.parent == tmp_path
        assert folder.is_dir()

    def test_is_else_in_the_users_cache(self, monkeypatch, tmp_path):
        monkeypatch.setitem(jit._SETTINGS, "CACHE_DIR", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert Path(jit._cache_folder()).parent == tmp_path / "armwise" / "numba"
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path))
        assert Path(jit._cache_folder()).parent == tmp_path / ".cache" / "armwise" / "numba"

    def test_is_done_without_where_it_cannot_be_written(self, monkeypatch, tmp_path):
        (tmp_path / "taken").write_text("a file stands here")
        monkeypatch.setitem(jit._SETTINGS, "CACHE_DIR", str(tmp_path / "taken"))
        assert jit._cache_folder() == ""

    @pytest.mark.usefixtures("uncached")
    def test_is_not_needed(self):
        @jit.kernel
        def twice(x):
            return x + x

        assert twice(2.0) == 4.0
        assert twice.stats.cache_path is None

    def test_is_done_without_where_there_is_no_home(self, monkeypatch):
        monkeypatch.setitem(jit._SETTINGS, "CACHE_DIR", "")
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(Path, "expanduser", lambda _: (_ for _ in ()).throw(RuntimeError("no home")))
        assert jit._cache_folder() == ""

    def test_holds_the_kernels_and_leaves_numbas_setting_alone(self, monkeypatch, tmp_path):
        monkeypatch.setitem(jit._SETTINGS, "CACHE_DIR", "elsewhere")
        monkeypatch.setattr(jit, "CACHE_FOLDER", str(tmp_path))

        @jit.kernel
        def half(x):
            return 0.5 * x

        assert jit._SETTINGS["CACHE_DIR"] == "elsewhere"
        assert half(3.0) == 1.5
        assert list(tmp_path.rglob("*.nbi"))

    def test_is_never_in_the_package(self):
        assert not list(Path(jit.__file__).parent.rglob("*.nb[ic]"))
