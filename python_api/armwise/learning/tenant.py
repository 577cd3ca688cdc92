"""Whose engine it is: what one tenant's workspace learns stays apart from all others."""

from __future__ import annotations

from dataclasses import dataclass

from armwise._words import check_file_name

__all__ = ["TenantContext"]


@dataclass(frozen=True, slots=True)
class TenantContext:
    """A tenant and one of its workspaces.

    Attributes
    ----------
    tenant, workspace : str
        1 to 64 letters, digits, dots, underscores and hyphens of ASCII, the first a letter or a digit, no two dots
        in a row: they become the names of a folder and of a file.

    Raises
    ------
    ConfigurationError
        If one is not.

    Examples
    --------
    >>> TenantContext("acme", "production")
    TenantContext(tenant='acme', workspace='production')
    """

    tenant: str = "default"
    workspace: str = "main"

    def __post_init__(self) -> None:
        check_file_name(self.tenant, "tenant")
        check_file_name(self.workspace, "workspace")
