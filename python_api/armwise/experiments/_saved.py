"""The state of a workspace: the ledgers of its experiments as plain JSON, and read again with suspicion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from armwise._fields import Fields
from armwise._words import suspected
from armwise.errors import SnapshotError
from armwise.experiments.ledger import Ledger
from armwise.types import State

__all__ = ["read_ledgers", "state_of"]

_FORMAT: Final = "armwise.experiments"
_VERSION: Final = 1


def state_of(tenant: str, workspace: str, ledgers: Mapping[str, Ledger]) -> State:
    """Everything that is known of experiments, as plain JSON, without loss.

    Parameters
    ----------
    tenant, workspace : str
        Whose they are.
    ledgers : mapping of str to Ledger
        Of each experiment, by its id.
    """
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "tenant": tenant,
        "workspace": workspace,
        "experiments": {name: ledgers[name].state_dict() for name in sorted(ledgers)},
    }


def read_ledgers(state: Mapping[str, object], tenant: str, workspace: str, part: str) -> dict[str, Ledger]:
    """Every ledger of a state, checked, by the ids of the experiments.

    Parameters
    ----------
    state : mapping
        What :func:`state_of` wrote.
    tenant, workspace : str
        Whose it must be.
    part : str
        The id of the part in which this process counts.

    Raises
    ------
    SnapshotError
        If it is torn, of another kind, tenant or workspace or a newer version.
    """
    with suspected():
        fields = Fields(state)
        if fields.text("format") != _FORMAT:
            fields.refuse("format", repr(_FORMAT))
        version = fields.whole("version", 1)
        if version > _VERSION:
            msg = (
                f"the state has version {version}, this armwise reads up to {_VERSION}; upgrade armwise, or restore a "
                "state that this version wrote; nothing was changed"
            )
            raise SnapshotError(msg)
        for name, mine in (("tenant", tenant), ("workspace", workspace)):
            if fields.text(name) != mine:
                fields.refuse(name, f"{mine!r}: experiments are apart for each tenant and workspace")
        entries = fields.fields("experiments")
        return {
            str(name): Ledger.from_state(str(name), entries.fields(str(name)), part)
            for name in fields.mapping("experiments")
        }
