"""An engine as snapshots, and back: nothing is touched before every domain has been checked."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

from armwise.clock import nanoseconds
from armwise.learning._domains import EngineDomains
from armwise.learning._restoring import RestoreReport, sorted_out, take_on
from armwise.types import State

__all__ = ["SavedEngine"]


class SavedEngine(EngineDomains):
    """An engine that can be saved and restored."""

    def snapshot(self) -> dict[str, State]:
        """The state of every domain as plain JSON; :meth:`restore` takes it.

        Each domain is whole: its policy, statistics and evidence agree. Domains are read one after the other.
        """
        return {name: domain.state_dict() for name, domain in self._present()}

    def restore(self, snapshot: Mapping[str, object] | bytes, policies: Iterable[str] | None = None) -> RestoreReport:
        """Become what a snapshot says: policies go on from its streams and counters, as they would have gone on then.

        Parameters
        ----------
        snapshot : mapping or bytes
            As :meth:`snapshot` gave it, or in its envelope.
        policies : iterable of str, optional
            The domains to restore; all without it.

        Returns
        -------
        RestoreReport
            Which domains are restored, and why others are not. Domains of a newer version are skipped, and once the
            others are restored a warning tells of them.

        Raises
        ------
        SnapshotError
            If it is no snapshot, is torn, of another tenant or workspace, or holds a state that cannot be its
            domain's. No domain has changed then.
        """
        loads, report = sorted_out(snapshot, self.tenant, dict(self._present()), policies)
        take_on(loads)
        # Told when all is done: where warnings are errors, this is one.
        if report.skipped:
            told = "; ".join(f"domain {domain!r} is not restored: {why}" for domain, why in report.skipped.items())
            warnings.warn(told, stacklevel=2)
        return report

    def save(self, *, keep: int = 3) -> None:
        """Write a snapshot to the store, where domains that are not registered here stay as they were.

        Of several threads that save, one does at a time, so that no older snapshot takes the place of a newer one.
        Requests and rewards do not wait for it.

        Parameters
        ----------
        keep : int
            How many earlier snapshots stay beside it.

        Raises
        ------
        ConfigurationError
            If there is no store.
        StoreError
            If it cannot be written; the last one stands.
        """
        with self._saving.held():
            states = self.snapshot()
            self._keeping.write(states, nanoseconds(), keep=keep)
            self._say_saved(states)

    def status(self) -> dict[str, State]:
        """What stands where, for people: for each domain its policy, phase, and each arm's mean `q` and number `n`.

        Beside them stand what serves (``off``, ``shadow`` or ``active``), since when and why, and the evidence.
        """
        return {name: domain.status() for name, domain in self._present()}
