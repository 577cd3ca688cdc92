"""Where an engine goes on from: its workspace's snapshot, pending decisions and streams; or nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from armwise._fields import Loaded
from armwise._words import shown
from armwise.errors import ConfigurationError
from armwise.learning._restoring import opened
from armwise.learning.tenant import TenantContext
from armwise.policies._seeds import fresh_stream
from armwise.protocols import EngineStore
from armwise.rewards import DelayedRewards
from armwise.types import State

__all__ = ["Keeping"]


class Keeping:
    """What is kept for one workspace, as it was when the engine was made.

    Parameters
    ----------
    tenant : TenantContext
        Whose it is.
    store : EngineStore or None
        A state directory; nothing is kept without it.

    Raises
    ------
    ConfigurationError
        If `store` is none.
    SnapshotError
        If what is kept is torn, or of another tenant or workspace.
    StoreError
        If it cannot be read.
    """

    def __init__(self, tenant: TenantContext, store: EngineStore | None) -> None:
        self._tenant = tenant
        self._workspace = None
        self._states: dict[str, Loaded] = {}
        if store is None:
            return
        if not callable(getattr(store, "workspace", None)):
            msg = f"store is {shown(store)}; expected one such as armwise.stores.StateDirectory"
            raise ConfigurationError(msg)
        self._workspace = store.workspace(tenant.tenant, tenant.workspace)
        data = self._workspace.read()
        if data is not None:
            self._states = dict(opened(data, tenant, self._workspace.previous()))

    @property
    def kept(self) -> bool:
        """Whether there is a store."""
        return self._workspace is not None

    def pending(self) -> DelayedRewards:
        """The decisions that wait for their rewards: in the store, else in memory."""
        return DelayedRewards() if self._workspace is None else DelayedRewards(self._workspace.pending)

    def take_stream(self) -> int:
        """A stream that nobody has had: counted by the store, else by chance."""
        return fresh_stream() if self._workspace is None else self._workspace.take_streams(1)

    @property
    def states(self) -> Mapping[str, Loaded]:
        """What is kept of each domain, still to be checked."""
        return self._states

    def write(self, states: Mapping[str, State], created_at: int, *, keep: int) -> None:
        """Write the states of domains beside those of domains that nobody has registered here.

        Raises
        ------
        ConfigurationError
            If there is no store, or `keep` is no whole number of at least 0.
        StoreError
            If they cannot be written.
        """
        from armwise.learning.snapshot import seal  # noqa: PLC0415 - pydantic_core only where it is used

        if self._workspace is None:
            msg = "there is nowhere to save to: give the engine a store, such as armwise.stores.StateDirectory()"
            raise ConfigurationError(msg)
        others = {name: state for name, state in self._states.items() if name not in states}
        data = seal({**others, **states}, self._tenant, created_at)  # type: ignore[dict-item]  # JSON, as it was read
        self._workspace.write(data, keep=keep)
