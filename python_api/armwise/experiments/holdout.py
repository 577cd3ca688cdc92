"""A holdout: a share of users who are never explored on, to measure what exploration costs and brings.

The held-out users are the control of an experiment: they get the arm that has earned most so far, without
exploration. Everybody else is the treatment, which is the bandit as it runs.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from armwise._labels import check_label, listed
from armwise._words import has_utf8, shown
from armwise.errors import ConfigurationError
from armwise.experiments.allocation import Allocator
from armwise.experiments.experiment import check_id
from armwise.experiments.identity import identify
from armwise.flags import truth
from armwise.protocols import ContextLike
from armwise.types import Decision, Label

__all__ = ["Holdout", "HoldoutAssignment", "HoldoutChoice", "HoldoutConfig", "empirical_best"]

HoldoutVariant: TypeAlias = Literal["control", "treatment"]

_PREFIX: Final = "BANDIT_EXPERIMENT_"
_NUMBER: Final = re.compile(r"([0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})\s*(%?)", re.ASCII)
_IDENTITIES: Final = ("user_id", "request_id")


@dataclass(frozen=True, slots=True)
class HoldoutConfig:
    """Who is held out, and where.

    Parameters
    ----------
    enabled : bool
        Whether there is a holdout at all.
    fraction : int, float or Fraction
        The share of users that are held out, in [0, 1].
    surfaces : tuple of str
        Where it holds; everywhere if there are none.
    label : str
        The experiment's id, as decisions and rewards carry it.

    Raises
    ------
    ConfigurationError
        If an argument is not as described.

    Examples
    --------
    >>> config = HoldoutConfig.from_environment({
    ...     "BANDIT_EXPERIMENT_ENABLED": "true",
    ...     "BANDIT_EXPERIMENT_HOLDOUT_PERCENT": "10%",
    ...     "BANDIT_EXPERIMENT_SURFACES": "home,cart",
    ... })
    >>> config.fraction, config.surfaces, config.label
    (Fraction(1, 10), ('home', 'cart'), 'bandit_holdout')
    """

    enabled: bool = True
    fraction: Fraction | float = Fraction(0)
    surfaces: tuple[str, ...] = ()
    label: str = "bandit_holdout"

    def __post_init__(self) -> None:
        if not isinstance(self.enabled, bool):
            msg = f"enabled is {shown(self.enabled)}; expected True or False"
            raise ConfigurationError(msg)
        share = self.fraction
        if isinstance(share, bool) or not isinstance(share, (int, float, Fraction)) or not 0 <= share <= 1:
            msg = f"fraction is {shown(share)}; expected a share of users in [0, 1]: write 0.1 for a tenth"
            raise ConfigurationError(msg)
        object.__setattr__(self, "fraction", Fraction(share))
        given: object = self.surfaces
        if not isinstance(given, (tuple, list, set, frozenset)) or not all(
            isinstance(name, str) and name and has_utf8(name) for name in given
        ):
            msg = f"surfaces are {shown(given)}; expected names, such as ('home', 'cart'), without lone surrogates"
            raise ConfigurationError(msg)
        object.__setattr__(self, "surfaces", tuple(self.surfaces))
        check_id(self.label)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> HoldoutConfig:
        """Read the variables ``BANDIT_EXPERIMENT_*``.

        ``ENABLED``: 1, true, yes or on; off without it. ``HOLDOUT_PERCENT``: a fraction from 0 to 1, or a percentage
        with its sign: 0.1 and 10% are the same; 0 without it. ``SURFACES``: names between commas; all without it.
        ``LABEL``: the experiment's id; ``bandit_holdout`` without it.

        Parameters
        ----------
        environ : mapping of str to str, optional
            In place of ``os.environ``.

        Raises
        ------
        ConfigurationError
            If a variable cannot be meant: a bare number over 1 among them, which may be a percentage without its
            sign or a slip of the point.
        """
        given = os.environ if environ is None else environ
        if not isinstance(given, Mapping):
            msg = f"environ is {shown(given)}; expected a mapping of variables to text, such as os.environ"
            raise ConfigurationError(msg)
        enabled = truth(f"{_PREFIX}ENABLED", _word(given, "ENABLED"))
        share = _share(_word(given, "HOLDOUT_PERCENT"))
        surfaces = tuple(name for part in _word(given, "SURFACES").split(",") if (name := part.strip()))
        label = _word(given, "LABEL").strip()
        return cls(enabled, share, surfaces, label) if label else cls(enabled, share, surfaces)


class HoldoutAssignment(NamedTuple):
    """What holds for one request.

    Attributes
    ----------
    experiment : str or None
        The holdout's label; None where the request takes no part.
    variant : {"control", "treatment"} or None
        Which side; None where the request takes no part.
    explore : bool
        Whether the bandit may explore. False for control, and where the holdout holds but nobody is named.
    """

    experiment: str | None
    variant: HoldoutVariant | None
    explore: bool

    @property
    def metadata(self) -> dict[str, str]:
        """``experiment`` and ``variant``, for decisions and rewards; empty where the request takes no part."""
        if self.experiment is None or self.variant is None:
            return {}
        return {"experiment": self.experiment, "variant": self.variant}

    @property
    def extras(self) -> dict[str, str]:
        """The same as ``bandit_experiment`` and ``bandit_variant``, for a decision tracer."""
        return {f"bandit_{name}": value for name, value in self.metadata.items()}


class HoldoutChoice(NamedTuple):
    """An arm, and what its decision and its reward carry.

    Attributes
    ----------
    arm : Label
        What is served.
    assignment : HoldoutAssignment
        Which side the request is on, and whether it was explored.
    decision : Decision or None
        The bandit's decision, where it took one.
    """

    arm: Label
    assignment: HoldoutAssignment
    decision: Decision | None = None


class Holdout:
    """Holds a share of users out of exploration.

    Parameters
    ----------
    config : HoldoutConfig, optional
        Who and where; read from the environment without it, once.

    Attributes
    ----------
    config : HoldoutConfig
        Who and where.

    Notes
    -----
    A user is on the same side on every surface and in every process: the side is that of an
    :class:`~armwise.experiments.Allocator` for the label. Raising the share moves nobody out of control, lowering it
    nobody in.

    Examples
    --------
    >>> from armwise import EpsilonGreedy
    >>> policy = EpsilonGreedy(["a", "b"], epsilon=0.5, seed=1)
    >>> policy.update_many(["a", "b"], [0.2, 0.9])
    >>> holdout = Holdout(HoldoutConfig(fraction=1.0, surfaces=("home",)))
    >>> choice = holdout.choose("home", {"user_id": "u-1"}, policy, ["a", "b"])
    >>> choice.arm, choice.assignment.explore, choice.assignment.metadata
    ('b', False, {'experiment': 'bandit_holdout', 'variant': 'control'})
    >>> holdout.assign("search", {"user_id": "u-1"}).metadata
    {}
    """

    def __init__(self, config: HoldoutConfig | None = None) -> None:
        if config is not None and not isinstance(config, HoldoutConfig):
            msg = f"config is {shown(config)}; expected a HoldoutConfig, or None to read the environment"
            raise ConfigurationError(msg)
        self.config = HoldoutConfig.from_environment() if config is None else config
        share = Fraction(self.config.fraction)
        self._active = self.config.enabled and share > 0
        self._allocator = Allocator(self.config.label, {"control": share, "treatment": 1 - share})
        self._guard = threading.Lock()
        self._unkeyed = 0

    @property
    def unkeyed(self) -> int:
        """How many requests named nobody: they were served without exploration, and take no part."""
        return self._unkeyed

    def assign(self, surface: str, context: ContextLike | None) -> HoldoutAssignment:
        """The side of a request, by its user_id, else its request_id.

        Parameters
        ----------
        surface : str
            Where it is served.
        context : mapping, array_like or None
            Names who asks.

        Raises
        ------
        ConfigurationError
            If the surface is no name, or an id is neither text, bytes nor an integer.
        """
        if not isinstance(surface, str) or not surface:
            msg = f"surface is {shown(surface)}; expected a name"
            raise ConfigurationError(msg)
        surfaces = self.config.surfaces
        if not self._active or (surfaces and surface not in surfaces):
            return HoldoutAssignment(None, None, explore=True)
        key = identify(context, _IDENTITIES)
        if key is None:
            with self._guard:
                self._unkeyed += 1
            return HoldoutAssignment(None, None, explore=False)
        if self._allocator.allocate(key) == "control":
            return HoldoutAssignment(self.config.label, "control", explore=False)
        return HoldoutAssignment(self.config.label, "treatment", explore=True)

    def choose(
        self,
        surface: str,
        context: ContextLike | None,
        policy: Bandit,
        candidates: Iterable[Label],
        *,
        best: Callable[[tuple[Label, ...]], Label] | None = None,
    ) -> HoldoutChoice:
        """Serve a request: the empirical best for control, what the bandit decides for the rest.

        Parameters
        ----------
        surface : str
            Where it is served.
        context : mapping, array_like or None
            Names who asks, and holds what the bandit takes.
        policy : Bandit
            Decides for the treatment.
        candidates : list or tuple of labels
            Among which to choose.
        best : callable, optional
            Gives the empirical best of the candidates; :func:`empirical_best` of the policy without it.

        Raises
        ------
        ConfigurationError
            If there are no candidates, or the policy does not say what its arms earned and `best` is not given.
        """
        labels = listed(candidates, "candidates")
        if not labels:
            msg = "candidates is empty; expected at least one label"
            raise ConfigurationError(msg)
        assignment = self.assign(surface, context)
        if assignment.explore:
            decision = policy.decide(labels, context)
            return HoldoutChoice(decision.arm, assignment, decision)
        arm = empirical_best(policy, labels) if best is None else check_label(best(labels), "what best chose")
        return HoldoutChoice(arm, assignment)


class Bandit(Protocol):
    """What a holdout asks of a policy."""

    def decide(self, candidates: Iterable[Label] | None = None, context: ContextLike | None = None) -> Decision:
        """Choose among the candidates."""
        ...


@runtime_checkable
class _HasMeans(Protocol):
    """A policy that keeps the mean and the number of the rewards of each arm."""

    def means(self) -> dict[Label, tuple[float, int]]: ...


@runtime_checkable
class _HasShapes(Protocol):
    """A policy that keeps a Beta posterior for each arm."""

    @property
    def prior(self) -> tuple[float, float]: ...
    def posterior(self) -> dict[Label, tuple[float, float]]: ...


def empirical_best(policy: object, candidates: Iterable[Label]) -> Label:
    """The candidate whose rewards have the highest mean.

    A candidate without rewards is chosen only where none has any, and the first one then: to try what nobody has
    tried is to explore. Ties go to the one with more rewards behind it, then to the first.

    Parameters
    ----------
    policy : ThompsonSampling, EpsilonGreedy or UCB1
        Or another policy with ``means()``, or with ``posterior()`` and ``prior``. What is not a policy's prior is
        evidence; where it decays, as much as is left of it.
    candidates : list or tuple of labels
        At least one.

    Raises
    ------
    ConfigurationError
        If the policy does not say what its arms earned: a contextual one has no single best arm.

    Examples
    --------
    >>> from armwise import ThompsonSampling
    >>> policy = ThompsonSampling(["a", "b", "new"], seed=1)
    >>> policy.update_many(["a"] * 10 + ["b"] * 10, [0.0] * 9 + [1.0] + [0.0] * 8 + [1.0] * 2)
    >>> empirical_best(policy, ["a", "b", "new"])  # b earned 0.2; new is at its prior, 0.5
    'b'
    """
    labels = listed(candidates, "candidates")
    if not labels:
        msg = "candidates is empty; expected at least one label"
        raise ConfigurationError(msg)
    seen: dict[Label, tuple[float, float]] = {}
    if isinstance(policy, _HasMeans):
        seen = {arm: (mean, float(n)) for arm, (mean, n) in policy.means().items()}
    elif isinstance(policy, _HasShapes):
        alpha0, beta0 = policy.prior
        for arm, (alpha, beta) in policy.posterior().items():
            evidence = (alpha - alpha0) + (beta - beta0)
            seen[arm] = ((alpha - alpha0) / evidence if evidence > 0.0 else 0.0, evidence)
    else:
        msg = f"{type(policy).__name__} does not say what its arms earned; give best=, a function of the candidates"
        raise ConfigurationError(msg)
    known = [arm for arm in labels if seen.get(arm, (0.0, 0.0))[1] > 0.0]
    return max(known, key=lambda arm: seen[arm]) if known else labels[0]


def _word(environ: Mapping[str, str], name: str) -> str:
    """What a variable says; nothing where it is not there."""
    word: object = environ.get(f"{_PREFIX}{name}", "")
    if not isinstance(word, str):
        msg = f"{_PREFIX}{name} is {shown(word)}; expected text, as an environment holds"
        raise ConfigurationError(msg)
    return word


def _share(word: str) -> Fraction:
    """A share as it stands in the environment."""
    text = word.strip()
    if not text:
        return Fraction(0)
    name = f"{_PREFIX}HOLDOUT_PERCENT"
    match = _NUMBER.fullmatch(text)
    if match is None:
        msg = f"{name} is {word!r}; expected a fraction such as 0.1, or a percentage with its sign such as 10%"
        raise ConfigurationError(msg)
    given = Fraction(match[1])
    number = given / 100 if match[2] else given
    if number > 1:
        advice = "expected at most 1, or 100%"
        if given <= 100:
            advice = f"for a percentage, write {match[1]}% or {float(given / 100):g}"
        msg = f"{name} is {word!r}, which is more than everybody; {advice}"
        raise ConfigurationError(msg)
    return number
