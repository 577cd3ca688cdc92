"""Every dialect on what its own system published, on every backend."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import pytest

from armwise.experiments import Allocator, Namespace, bucket
from armwise.experiments.allocation import allocator as allocators
from armwise.experiments.allocation.dialects import DIALECTS, growthbook
from armwise.experiments.allocation.dialects import _known as known

VECTORS = json.loads((Path(__file__).resolve().parent / "vectors" / "dialects.json").read_text())


@pytest.fixture(autouse=True)
def _this_backend(kernels, monkeypatch):
    monkeypatch.setattr(known, "load", lambda: kernels)
    monkeypatch.setattr(allocators, "load", lambda: kernels)


def near(ranges):
    """As GrowthBook's own tests compare: to six decimals."""
    return [[round(start, 6), round(end, 6)] for start, end in ranges]


@pytest.mark.parametrize(("seed", "key", "version", "expected"), VECTORS["growthbook"]["hash"])
def test_growthbook_hashes(seed, key, version, expected):
    if expected is None:
        assert f"growthbook_v{version}" not in DIALECTS
    else:
        assert bucket(f"growthbook_v{version}", key, seed) == expected


@pytest.mark.parametrize(("name", "arguments", "expected"), VECTORS["growthbook"]["getBucketRange"])
def test_growthbook_ranges(name, arguments, expected):
    variations, coverage, weights = arguments
    assert near(growthbook.bucket_ranges(variations, coverage, weights)) == expected, name


@pytest.mark.parametrize(("name", "n", "ranges", "expected"), VECTORS["growthbook"]["chooseVariation"])
def test_growthbook_chooses(name, n, ranges, expected):
    assert growthbook.choose_variation(n, ranges) == expected, name


@pytest.mark.parametrize(("name", "key", "namespace", "expected"), VECTORS["growthbook"]["inNamespace"])
def test_growthbook_namespaces(name, key, namespace, expected, kernels):
    assert growthbook.in_namespace(kernels, key, *namespace) is expected, name
    within = Allocator("any", {"a": 1}, namespace=Namespace(*namespace), dialect="growthbook_v2")
    assert within.allocate(key) == ("a" if expected else None)


@pytest.mark.parametrize(("variations", "expected"), VECTORS["growthbook"]["getEqualWeights"])
def test_growthbook_equal_weights(variations, expected):
    assert [round(weight, 8) for weight in growthbook.equal_weights(variations)] == [round(w, 8) for w in expected]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("weights", [[0.4, 0.6], [0.2, 0.3, 0.5], [0.4, 0.5999], [1 / 3] * 3])
@pytest.mark.parametrize("coverage", [1.0, 0.5, 0.1, 0.0])
def test_growthbook_allocators_choose_as_the_sdk(version, weights, coverage):
    """Hash, ranges and choice are each published; here they are put together as its SDKs do."""
    ranges = growthbook.bucket_ranges(len(weights), coverage, weights)
    variants = {f"v{i}": weight for i, weight in enumerate(weights)}
    allocator = Allocator("my-test", variants, coverage=coverage, dialect=f"growthbook_v{version}")
    for i in range(300):
        n = bucket(f"growthbook_v{version}", str(i), "my-test")
        assert allocator.code(str(i)) == growthbook.choose_variation(n, ranges)


@pytest.mark.parametrize(("key", "parent", "expected"), VECTORS["optimizely"]["bucket"])
def test_optimizely(key, parent, expected):
    assert bucket("optimizely", key, parent) == bucket("optimizely", key, int(parent)) == expected
    # The range that ends at a bucket is before it, and the one that begins there holds it.
    held = Allocator(parent, {"before": expected, "at": 1, "after": 9_999 - expected}, dialect="optimizely")
    assert held.allocate(key) == "at"


def test_optimizely_groups_and_empty_ranges():
    key, group = "ppid2", Namespace("1886780722", Fraction(2434, 10_000), Fraction(2435, 10_000))
    inside = Allocator("1886780721", ["a", "b"], namespace=group, dialect="optimizely")
    assert inside.allocate(key) == "a"  # 4299
    beside = Namespace("1886780722", Fraction(2435, 10_000), 1)
    assert Allocator("1886780721", ["a", "b"], namespace=beside, dialect="optimizely").allocate(key) is None
    for coverage, expected in ((0.5, None), (Fraction(8598, 10_000), None), (Fraction(8600, 10_000), "a")):
        ramped = Allocator("1886780721", ["a", "b"], coverage=coverage, dialect="optimizely")
        assert ramped.allocate(key) == expected


@pytest.mark.parametrize(("dialect", "name"), [("unleash", "number"), ("unleash_variant", "variant_number")])
def test_unleash_numbers(dialect, name):
    for key, group, expected in VECTORS["unleash"][name]:
        assert bucket(dialect, key, group) == expected


@pytest.mark.parametrize(("key", "group", "percent", "expected"), VECTORS["unleash"]["rollout"])
def test_unleash_rollouts(key, group, percent, expected):
    rolled = Allocator(group, ["on"], coverage=Fraction(percent, 100), dialect="unleash")
    assert (rolled.allocate(key) == "on") is expected


@pytest.mark.parametrize(("key", "group", "weights", "expected"), VECTORS["unleash"]["variant"])
def test_unleash_variants(key, group, weights, expected):
    assert Allocator(group, weights, dialect="unleash").allocate(key) == expected
    assert Allocator("flag", weights, seed_salt=group, dialect="unleash").allocate(key) == expected


@pytest.mark.parametrize(("dialect", "name"), [("split", "murmur"), ("split_legacy", "legacy")])
def test_split(dialect, name):
    for seed, key, _, expected in VECTORS["split"][name]:
        assert bucket(dialect, key, seed) == bucket(dialect, key, str(seed)) == expected
        sizes = {"before": expected - 1, "at": 1, "after": 100 - expected}
        assert Allocator("flag", sizes, seed_salt=str(seed), dialect=dialect).allocate(key) == "at"
        for allocated, served in ((expected - 1, None), (expected, "on")):
            salt = f"1,{seed}"  # the second seed says who is in
            partly = Allocator("flag", ["on"], seed_salt=salt, coverage=Fraction(allocated, 100), dialect=dialect)
            assert partly.allocate(key) == (served if allocated < 100 else "on")


@pytest.mark.parametrize(("key", "prefix", "expected"), VECTORS["launchdarkly"]["share"])
def test_launchdarkly(key, prefix, expected):
    assert bucket("launchdarkly", key, prefix) == pytest.approx(expected)
    # The SDK's own test: a rollout whose second part just holds the share.
    place = int(bucket("launchdarkly", key, prefix) * 100_000)
    weights = {"before": place, "at": 1, "after": 99_999 - place}
    flag, salt = ("any", f"seed:{prefix}") if isinstance(prefix, int) else prefix.split(".")
    assert Allocator(flag, weights, seed_salt=salt, dialect="launchdarkly").allocate(key) == "at"


def test_launchdarkly_leaves_out_the_untracked_rest():
    allocator = Allocator("hashKey", ["a", "b"], seed_salt="saltyA", coverage=0.5, dialect="launchdarkly")
    ends = list(accumulate([0.25, 0.25, 0.25, 0.25]))
    served = ["a", None, "b", None]
    for i in range(200):
        place = bucket("launchdarkly", i, "hashKey.saltyA")
        assert allocator.allocate(i) == next(arm for end, arm in zip(ends, served, strict=True) if place < end)
