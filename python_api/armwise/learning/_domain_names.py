"""What a domain can be called."""

from __future__ import annotations

from armwise._words import NAME, shown
from armwise.errors import ConfigurationError

__all__ = ["check_domain"]


def check_domain(domain: object) -> str:
    """Return the name of a domain.

    Raises
    ------
    ConfigurationError
        If it is not 1 to 200 printable characters, without a blank at either end.

    Examples
    --------
    >>> check_domain("route.model.select::summarise")
    'route.model.select::summarise'
    """
    if not isinstance(domain, str) or NAME.fullmatch(domain) is None:
        msg = f"domain is {shown(domain)}; expected 1 to 200 printable characters, such as 'route'"
        raise ConfigurationError(msg)
    return domain
