"""An experiment: who takes part, what each variant does, and when it begins to act and to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Final, Literal, TypeAlias

from armwise._fields import COUNTS
from armwise._labels import check_label
from armwise._words import NAME, has_utf8, shown
from armwise.errors import ConfigurationError
from armwise.experiments.allocation import Allocator, Namespace, Share, StickyAllocator
from armwise.experiments.identity import KeyFunction
from armwise.experiments.sequential_test import SequentialTest
from armwise.protocols import Policy
from armwise.types import Label

__all__ = ["PHASES", "Experiment", "Output", "Phase", "Split", "check_id", "check_name", "later", "table_of"]

Phase: TypeAlias = Literal["shadow", "active", "stopped"]
"""shadow: watches and does not act; active: the allocated variant acts; stopped: control serves again, for good."""

PHASES: Final[tuple[Phase, ...]] = ("shadow", "active", "stopped")
"""The phases, in the only order in which they follow each other."""

Output: TypeAlias = Label | Policy | None
"""What a variant does: an arm, what a policy chooses, or None for what the core chooses."""

Split: TypeAlias = Allocator | StickyAllocator
"""What divides the traffic."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Compares variants with a control, first in the shadow and then in action.

    Parameters
    ----------
    id : str
        At most 200 printable characters. ``policy::{domain}`` is asked by the learning engine of that domain.
    control : str
        The variant that stands for what is done without the experiment.
    variants : mapping of str to label, policy or None
        What each variant does: it serves an arm, or what a policy chooses, or (None) what the core chooses. Control
        is among them.
    weights : mapping of str to int, float or Fraction, optional
        Shares of the traffic, in proportion; one for each variant, equal without it.
    phase : {"shadow", "active", "stopped"}
        Where it begins. Phases follow each other in this order only.
    auto_activate_after : int, optional
        From this many pulls of control on, the experiment activates itself.
    guard : SequentialTest or None
        Withholds automatic activation while it shows a variant to be worse than the baseline, or can show nothing of
        one as its rewards are all alike; None switches it off.
    stopping : SequentialTest, optional
        Stops the experiment once it shows a variant to be worse or better than the baseline in action; without it,
        the experiment goes on until it is stopped.
    baseline : str
        Whose mean reward regret is measured against, and whom others must beat; control without it.
    coverage : int, float or Fraction
        The share of all traffic that takes part, in [0, 1]; at 0 nobody does, yet. Growing it moves nobody who takes
        part already.
    namespace : Namespace, optional
        A part of the traffic that this experiment shares with no other.
    allocator : Allocator or StickyAllocator, optional
        Divides the traffic in place of weights, coverage and namespace: a table that was reallocated, a dialect, or
        one that remembers who is where. It is taken as it is, the same for every tenant.
    key_fn : callable, optional
        Makes the key of a request from its context, in place of user_id, session_id and request_id.
    by_candidates : bool
        Divide by the candidate set too: a user may then have one variant for each set.
    description : str
        What it is for.

    Raises
    ------
    ConfigurationError
        If an option cannot be meant, or the options do not go together.

    Examples
    --------
    >>> experiment = Experiment(
    ...     "policy::route",
    ...     control="control",
    ...     variants={"control": "small", "bold": "large"},
    ...     weights={"control": 9, "bold": 1},
    ... )
    >>> experiment.phase, experiment.baseline
    ('shadow', 'control')
    >>> {name: str(share) for name, share in experiment.split().shares.items()}
    {'control': '9/10', 'bold': '1/10'}
    """

    id: str
    _: KW_ONLY
    control: str
    variants: Mapping[str, Output]
    weights: Mapping[str, Share] | None = None
    phase: Phase = "shadow"
    auto_activate_after: int | None = None
    guard: SequentialTest | None = field(default_factory=SequentialTest)
    stopping: SequentialTest | None = None
    baseline: str = ""
    coverage: Share = 1
    namespace: Namespace | None = None
    allocator: Split | None = None
    key_fn: KeyFunction | None = None
    by_candidates: bool = False
    description: str = ""

    def __post_init__(self) -> None:
        check_id(self.id)
        _check_variants(self.variants)
        _set(self, "variants", dict(self.variants))
        _set(self, "baseline", self.control if isinstance(self.baseline, str) and not self.baseline else self.baseline)
        for role in ("control", "baseline"):
            name = getattr(self, role)
            if not isinstance(name, str) or name not in self.variants:
                msg = f"{role} is {shown(name)}; expected one of the variants: {_names(self.variants)}"
                raise ConfigurationError(msg)
        if not isinstance(self.phase, str) or self.phase not in PHASES:
            msg = f"phase is {shown(self.phase)}; expected 'shadow', 'active' or 'stopped'"
            raise ConfigurationError(msg)
        self._check_activation()
        if self.key_fn is not None and not callable(self.key_fn):
            msg = f"key_fn is {shown(self.key_fn)}; expected a function from a context to a key"
            raise ConfigurationError(msg)
        if not isinstance(self.by_candidates, bool):
            msg = f"by_candidates is {shown(self.by_candidates)}; expected True or False"
            raise ConfigurationError(msg)
        if not isinstance(self.description, str) or not has_utf8(self.description):
            msg = f"description is {shown(self.description)}; expected text, without lone surrogates"
            raise ConfigurationError(msg)
        self._check_split()

    def split(self, salt: str = "") -> Split:
        """What divides the traffic: the allocator that was given, or one made of the weights.

        Parameters
        ----------
        salt : str
            Whose traffic: tenants that differ in it are divided independently of each other.

        Raises
        ------
        ConfigurationError
            If the weights or the coverage cannot be meant.
        """
        if self.allocator is not None:
            return self.allocator
        weights = dict.fromkeys(self.variants, 1) if self.weights is None else self.weights
        return Allocator(
            self.id,
            {name: weights[name] for name in self.variants},
            seed_salt=salt,
            coverage=self.coverage,
            namespace=self.namespace,
        )

    def _check_activation(self) -> None:
        after = self.auto_activate_after
        if after is not None and (not isinstance(after, int) or isinstance(after, bool) or not 1 <= after <= COUNTS):
            msg = f"auto_activate_after is {shown(after)}; expected a whole number of pulls, at least 1, or None"
            raise ConfigurationError(msg)
        for name, test in (("guard", self.guard), ("stopping", self.stopping)):
            if test is not None and not isinstance(test, SequentialTest):
                msg = f"{name} is {shown(test)}; expected a SequentialTest, or None"
                raise ConfigurationError(msg)
        if len({test.bounds for test in (self.guard, self.stopping) if test is not None and test.bounds}) > 1:
            msg = f"guard and stopping have other bounds of the rewards, {self.guard!r} and {self.stopping!r}"
            raise ConfigurationError(msg)

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Least and greatest reward, where a test depends on them."""
        tests = (self.guard, self.stopping)
        return next((test.bounds for test in tests if test is not None and test.bounds), None)

    def _check_split(self) -> None:
        if self.allocator is None:
            if self.weights is not None:
                if not isinstance(self.weights, Mapping) or self.weights.keys() != self.variants.keys():
                    msg = f"weights are {shown(self.weights)}; expected one for each variant: {_names(self.variants)}"
                    raise ConfigurationError(msg)
                _set(self, "weights", dict(self.weights))
            self.split()
            return
        if self.weights is not None or self.coverage != 1 or self.namespace is not None:
            msg = (
                f"experiment {self.id!r} has an allocator beside weights, coverage or a namespace; give one of the two"
            )
            raise ConfigurationError(msg)
        if not isinstance(self.allocator, (Allocator, StickyAllocator)):
            msg = f"allocator is {shown(self.allocator)}; expected an Allocator or a StickyAllocator"
            raise ConfigurationError(msg)
        table = table_of(self.allocator)
        sharing = {name for name, share in table.shares.items() if share}
        if table.experiment_id != self.id or not sharing <= self.variants.keys():
            msg = (
                f"the allocator divides {table.experiment_id!r} between {_names(table.variants)}; "
                f"expected {self.id!r} between {_names(self.variants)}"
            )
            raise ConfigurationError(msg)


def table_of(split: Split) -> Allocator:
    """The table by which traffic is divided; a sticky one knows who was divided by another before."""
    return split.allocator if isinstance(split, StickyAllocator) else split


def later(first: Phase, second: Phase) -> Phase:
    """The phase that follows the other."""
    return first if PHASES.index(first) >= PHASES.index(second) else second


def check_id(experiment_id: object) -> str:
    """Return an experiment's id.

    Raises
    ------
    ConfigurationError
        If it is not 1 to 200 printable characters without a blank at either end.
    """
    return check_name(experiment_id, "experiment id")


def check_name(name: object, what: str) -> str:
    """Return a name: ids and variants are labels of metrics, keys of states and words of a command line.

    Raises
    ------
    ConfigurationError
        As for :func:`check_id`.
    """
    if not isinstance(name, str) or NAME.fullmatch(name) is None:
        msg = f"{what} is {shown(name)}; expected 1 to 200 printable characters, no blank at either end"
        raise ConfigurationError(msg)
    return name


def _check_variants(variants: object) -> None:
    if not isinstance(variants, Mapping) or len(variants) < 2:
        msg = f"variants are {shown(variants)}; expected a mapping of at least two names to an arm, a policy or None"
        raise ConfigurationError(msg)
    for name, output in variants.items():
        check_name(name, "a variant's name")
        # A class has the methods of its objects, and passes for one.
        if output is not None and (isinstance(output, type) or not isinstance(output, Policy)):
            check_label(output, f"variant {name!r}")
        if hasattr(output, "objectives"):
            msg = (
                f"variant {name!r} is a {type(output).__name__}, which learns from one reward for each objective; an "
                "experiment compares by one: give a policy that takes it"
            )
            raise ConfigurationError(msg)


def _names(variants: Mapping[str, object] | tuple[str, ...]) -> str:
    return ", ".join(map(repr, variants))


def _set(experiment: Experiment, name: str, value: object) -> None:
    object.__setattr__(experiment, name, value)
