from __future__ import annotations

import threading

import pytest

from armwise import EpsilonGreedy, ThompsonSampling
from armwise.errors import ConfigurationError, UnknownDomain
from armwise.learning import PolicyRegistry


@pytest.fixture
def registry():
    registry = PolicyRegistry()
    registry.register("route", ThompsonSampling(["a", "b"], seed=1))
    return registry


def test_what_was_registered_comes_back(registry):
    policy = EpsilonGreedy(["x"], seed=1)
    registry.register("prompt", policy)
    assert registry.get("prompt") is policy
    assert list(registry) == ["route", "prompt"]
    assert dict(registry.items())["prompt"] is policy
    assert len(registry) == 2
    assert "prompt" in registry
    assert repr(registry) == "PolicyRegistry('route', 'prompt')"


@pytest.mark.parametrize("domain", ["rout", None, ["route"], {}, pytest.param(10**5000, id="huge"), "\ud800"])
def test_a_domain_that_nobody_registered(registry, domain):
    assert domain not in registry
    with pytest.raises(UnknownDomain, match=r"no domain .*; there are 'route'; register it first"):
        registry.get(domain)


def test_the_error_names_a_few():
    registry = PolicyRegistry()
    with pytest.raises(UnknownDomain, match="there are none yet"):
        registry.get("route")
    for number in range(12):
        registry.register(f"d{number}", ThompsonSampling(["a"], seed=1))
    with pytest.raises(KeyError, match=r"'d9', \.\.\.;"):
        registry.get("route")


@pytest.mark.parametrize(
    "domain", ["", " a", "a\n", "a" * 201, "\ud800", None, 3, True, pytest.param(10**5000, id="huge")]
)
def test_what_no_domain_is_called(registry, domain):
    with pytest.raises(ConfigurationError, match=r"domain is .*expected 1 to 200 printable"):
        registry.register(domain, ThompsonSampling(["a"], seed=1))
    assert len(registry) == 1


@pytest.mark.parametrize("policy", [None, "thompson", ThompsonSampling, object(), 3])
def test_what_is_no_policy(registry, policy):
    with pytest.raises(ConfigurationError, match=r"the policy of domain 'x' is .*methods of Policy"):
        registry.register("x", policy)
    assert "x" not in registry


def test_a_second_policy_is_refused(registry):
    held = registry.get("route")
    with pytest.raises(ConfigurationError, match="'route' has a policy already"):
        registry.register("route", ThompsonSampling(["a"], seed=2))
    assert registry.get("route") is held


def test_domains_may_come_in_while_they_are_gone_through(registry):
    seen = []
    for domain, policy in registry.items():
        registry.register(f"{domain}.next", policy)
        seen.append(domain)
    for domain in registry:
        registry.register(f"{domain}.more", ThompsonSampling(["a"], seed=1))
    assert seen == ["route"]
    assert len(registry) == 4


def test_of_many_threads_one_registers():
    registry = PolicyRegistry()
    refused = []
    start = threading.Barrier(8)

    def register():
        policy = ThompsonSampling(["a"], seed=1)
        start.wait()
        try:
            registry.register("route", policy)
        except ConfigurationError as error:
            refused.append(error)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert list(registry) == ["route"]
