"""Which policy decides in which domain."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator

from armwise._words import shown
from armwise.errors import ConfigurationError, UnknownDomain
from armwise.learning._domain_names import check_domain
from armwise.protocols import Policy

__all__ = ["PolicyRegistry"]

_NAMED = 10


class PolicyRegistry:
    """Policies by the names of their domains, in the order in which they were registered.

    Threads may share it: who iterates goes through the domains as they stood when it began.

    Examples
    --------
    >>> from armwise import ThompsonSampling
    >>> registry = PolicyRegistry()
    >>> registry.register("route", ThompsonSampling(["small", "large"], seed=1))
    >>> "route" in registry, len(registry), list(registry)
    (True, 1, ['route'])
    >>> registry.get("route").arms
    ('small', 'large')
    >>> registry.get("rout")
    Traceback (most recent call last):
    ...
    armwise.errors.UnknownDomain: no domain 'rout'; there are 'route'; register it first
    """

    __slots__ = ("_policies",)

    def __init__(self) -> None:
        self._policies: dict[str, Policy] = {}

    def register(self, domain: str, policy: Policy) -> None:
        """Let a policy decide in a domain that has none.

        Parameters
        ----------
        domain : str
            Its name: 1 to 200 printable characters.
        policy : Policy
            What decides there.

        Raises
        ------
        ConfigurationError
            If the domain cannot be called so or has a policy already, or if `policy` is none.
        """
        check_domain(domain)
        if isinstance(policy, type) or not isinstance(policy, Policy):
            msg = f"the policy of domain {domain!r} is {shown(policy)}; expected an object with the methods of Policy"
            raise ConfigurationError(msg)
        # One step, so that of two threads which register the same domain one is refused.
        if self._policies.setdefault(domain, policy) is not policy:
            msg = f"domain {domain!r} has a policy already; give the other one another name, or use another registry"
            raise ConfigurationError(msg)

    def get(self, domain: str) -> Policy:
        """The policy of a domain.

        Raises
        ------
        UnknownDomain
            If nobody registered the domain; the error names those there are.
        """
        try:
            return self._policies[domain]
        except (KeyError, TypeError):
            names = list(self._policies)
            there = ", ".join(map(repr, names[:_NAMED])) + ", ..." * (len(names) > _NAMED) if names else "none yet"
            msg = f"no domain {shown(domain)}; there are {there}; register it first"
            raise UnknownDomain(msg) from None

    def items(self) -> ItemsView[str, Policy]:
        """Domains with their policies, as they stand now."""
        return self._policies.copy().items()

    def __contains__(self, domain: object) -> bool:
        """Whether the domain is registered."""
        return isinstance(domain, str) and domain in self._policies

    def __iter__(self) -> Iterator[str]:
        """The names of the domains."""
        return iter(tuple(self._policies))

    def __len__(self) -> int:
        """The number of domains."""
        return len(self._policies)

    def __repr__(self) -> str:
        return f"PolicyRegistry({', '.join(map(repr, self))})"
