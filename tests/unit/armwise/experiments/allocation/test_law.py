"""Seeds and thresholds, as docs/allocation.md writes them."""

from __future__ import annotations

from fractions import Fraction

from armwise.experiments.allocation._law import SPACE, part, seed_of, threshold, thresholds
from armwise_kernels import load


def test_parts_do_not_run_into_each_other():
    assert part("") == b"\0\0\0\0"
    assert part("ä") == b"\2\0\0\0\xc3\xa4"
    assert part("x" * 300)[:4] == b"\x2c\1\0\0"
    assert part("a") + part("bc") != part("ab") + part("c")


def test_seeds_depend_on_all_they_are_made_of():
    kernels = load()
    seeds = {
        seed_of(kernels, "variant", "ranking"),
        seed_of(kernels, "namespace", "ranking"),
        seed_of(kernels, "variant", "ranking", "salt"),
        seed_of(kernels, "variant", "rankings", "alt"),
    }
    assert len(seeds) == 4
    expected = b"\x0a\0\0\0armwise.v1\7\0\0\0variant\7\0\0\0ranking\0\0\0\0"
    assert seed_of(kernels, "variant", "ranking") == kernels.xxh3(expected)


def test_thresholds_round_up():
    assert threshold(Fraction(0)) == 0
    assert threshold(Fraction(1)) == SPACE
    assert threshold(Fraction(1, 3)) == SPACE // 3 + 1
    assert thresholds([1, 1, 1], Fraction(1)) == [
        (0, SPACE // 3 + 1),
        (SPACE // 3 + 1, 2 * SPACE // 3 + 1),
        (2 * SPACE // 3 + 1, SPACE),
    ]
    assert thresholds([1, 0, 1], Fraction(1, 2)) == [
        (0, SPACE // 4),
        (SPACE // 2, SPACE // 2),
        (SPACE // 2, 3 * SPACE // 4),
    ]
