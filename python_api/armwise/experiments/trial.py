"""One request of an experiment: what each variant would do, what is served, and with which probability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from armwise._labels import check_label
from armwise._words import one_line, shown
from armwise.errors import ConfigurationError
from armwise.experiments.experiment import Output, Phase
from armwise.protocols import ContextLike, Policy
from armwise.types import Decision, Label

__all__ = [
    "Choice",
    "Core",
    "Ignored",
    "Reason",
    "Trial",
    "ask_core",
    "ask_variants",
    "outputs_beside",
    "shadow_weights",
    "share_weights",
    "told",
]

Core: TypeAlias = Callable[[], Label | Decision] | Policy
"""Decides without the experiment: a policy, or a function that gives an arm, or a decision with its propensity."""

Reason: TypeAlias = Literal["counted", "unknown", "disabled", "stopped", "unkeyed", "outside", "inapplicable"]
"""Whether a request takes part in an experiment, and why not."""

Ignored: TypeAlias = Reason | Literal["repeated"]
"""Why a reward is not counted: its request took no part, or its trial is recorded already."""

_LARGEST: Final = 1e70


@dataclass(frozen=True, slots=True)
class Trial:
    """One request: what was served, and what is needed to learn from its reward.

    Attributes
    ----------
    arm : Label
        What is served.
    experiment_id : str
        The experiment that was asked.
    reason : str
        ``"counted"`` where the request takes part; else why it does not: there is no such experiment (unknown), it
        is switched off (disabled) or stopped, the context names nobody (unkeyed), the key is not covered (outside), or
        a variant's arm is not among the candidates (inapplicable).
    variant : str or None
        Whose output acts; None where the request takes no part.
    allocated : str or None
        The variant of its key, which acts only while the experiment is active.
    phase : {"shadow", "active", "stopped"} or None
        Where the experiment stood.
    decision : Decision or None
        What was decided, where a policy or the core did and says how.
    propensity : float or None
        The probability in (0, 1] of what was served: the core's in the shadow, the share of the variants that would
        have served it in action; None where it is not known.
    outputs : mapping of str to Label
        What each variant would have served; without those whose policy raised.
    weights : mapping of str to float
        1 / propensity for the variants that agree with what was served, 0 for the others of `outputs`; empty where
        the propensity is not known.
    context : array_like, mapping or None
        The features, without the fields that name somebody.
    of_core : tuple of str
        The variants that serve what the core does: they have no output of their own, or the very policy that the core
        is. They learn where the core does.
    """

    arm: Label
    experiment_id: str
    reason: Reason
    variant: str | None = None
    allocated: str | None = None
    phase: Phase | None = None
    decision: Decision | None = None
    propensity: float | None = None
    outputs: Mapping[str, Label] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    context: ContextLike | None = None
    of_core: tuple[str, ...] = ()
    # Taking the last entry of a list is one step, whoever else asks at the same time, under whichever lock.
    _unclaimed: list[None] = field(default_factory=lambda: [None], init=False, repr=False, compare=False)

    def claim(self) -> bool:
        """Whether nobody has recorded the trial yet: True once, for one caller, of all threads and managers.

        :meth:`ExperimentManager.record_trial` asks.

        Examples
        --------
        >>> trial = Trial("a", "policy::route", "counted")
        >>> trial.claim(), trial.claim()
        (True, False)
        """
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True

    @property
    def metadata(self) -> dict[str, str]:
        """``experiment`` and ``variant``, as a decision log takes them; empty where the request takes no part."""
        if self.reason != "counted" or self.variant is None:
            return {}
        return {"experiment": self.experiment_id, "variant": self.variant}


class Choice(NamedTuple):
    """What a variant or the core would serve.

    Attributes
    ----------
    arm : Label
        Which arm.
    decision : Decision or None
        How it was decided, where a policy did.
    propensity : float or None
        The probability in (0, 1] with which it was chosen; None where it is not known.
    """

    arm: Label
    decision: Decision | None = None
    propensity: float | None = None


def ask_core(core: Core | None, candidates: Sequence[Label] | None, context: ContextLike | None) -> Choice:
    """What the core chooses; the first candidate where there is no core.

    Raises
    ------
    ConfigurationError
        If there is neither a core nor a candidate, or the core gives no arm, or none of the candidates.
    """
    if core is None:
        if not candidates:
            msg = "there are neither candidates nor a core; give at least one candidate"
            raise ConfigurationError(msg)
        return Choice(candidates[0], propensity=1.0)
    if isinstance(core, Policy):
        return _among(candidates, _decided(core.decide(candidates, context)), "the core")
    if not callable(core):
        msg = f"core is {shown(core)}; expected a policy, or a function that gives an arm or a Decision"
        raise ConfigurationError(msg)
    answer = core()
    choice = _decided(answer) if isinstance(answer, Decision) else Choice(check_label(answer, "what the core chose"))
    return _among(candidates, choice, "the core")


def outputs_beside(core: Core | None, variants: Mapping[str, Output]) -> dict[str, Output]:
    """What each variant does beside a core: None for what the core chooses, be the variant given as the very policy.

    Asked again, that policy would draw again, and what it chose twice could not be compared; taught where the core is
    and for its variant, it would learn each reward twice.
    """
    return {
        name: output if isinstance(output, (str, int, float)) or output is not core else None
        for name, output in variants.items()
    }


def ask_variants(
    outputs: Mapping[str, Output],
    candidates: Sequence[Label] | None,
    context: ContextLike | None,
    core: Callable[[], Choice],
    acting: str | None,
) -> tuple[dict[str, Choice], dict[str, str]]:
    """What each variant would serve, and of those that raised, what; a policy that stands for several is asked once.

    What a variant that does not act raises is not the request's concern. What acts raises through.
    """
    asked: dict[int, Choice | str] = {}
    choices: dict[str, Choice] = {}
    failures: dict[str, str] = {}
    for name, output in outputs.items():
        if isinstance(output, (str, int, float)):
            choices[name] = Choice(output, propensity=1.0)
            continue
        acts = acting is not None and outputs[acting] is output
        if id(output) not in asked:
            try:
                asked[id(output)] = core() if output is None else _chosen(output, candidates, context, acts=acts)
            except Exception as error:  # a policy may be anybody's, and raise anything
                if acts:
                    raise
                asked[id(output)] = told(error)
        answer = asked[id(output)]
        if isinstance(answer, str):
            failures[name] = answer
        else:
            choices[name] = answer
    return choices, failures


def told(error: Exception) -> str:
    """What an error of somebody else's says, on one line."""
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - it is not ours
        words = "it does not say why"
    return one_line(f"{type(error).__name__}: {words}")


def shadow_weights(
    core: Core | None, outputs: Mapping[str, Output], choices: Mapping[str, Choice], served: Choice
) -> dict[str, float]:
    """Weights of each variant by the core's propensity, in [0, 1e70]; none where it is not known.

    A variant that is the core agrees with it whatever it chose, so its weight is 1. Where a variant's policy draws the
    very numbers that the core draws, what the one chose tells what the other did: matching would be biased.
    """
    alike = isinstance(core, Policy) and any(
        isinstance(output, Policy) and (output.seed, output.stream) == (core.seed, core.stream)
        for output in outputs.values()
    )
    if served.propensity is None or alike:
        return {}
    match = min(1.0 / served.propensity, _LARGEST)
    return {
        name: 1.0 if outputs[name] is None else match if choice.arm == served.arm else 0.0
        for name, choice in choices.items()
    }


def share_weights(
    parts: Mapping[str, int], choices: Mapping[str, Choice], served: Choice
) -> tuple[float | None, dict[str, float]]:
    """The share of the traffic whose variant would have served this arm, and the weights that it gives.

    `parts` are the shares as whole numbers, so that their sum and ratios are exact until the one division. No variant
    with a share serves an arm that only a sticky assignment to an earlier table does: its share is not known. Nor is it
    where a variant does not say what it would have served.
    """
    if parts.keys() != choices.keys():
        return None, {}
    agreeing = sum(parts[name] for name, choice in choices.items() if choice.arm == served.arm)
    if not agreeing:
        return None, {}
    total = sum(parts.values())
    match = total / agreeing
    return agreeing / total, {name: match if choice.arm == served.arm else 0.0 for name, choice in choices.items()}


def _decided(decision: Decision) -> Choice:
    propensity = decision.propensity
    if propensity is not None and not 0.0 < propensity <= 1.0:
        msg = (
            f"the core's propensity is {propensity!r}; expected a probability in (0, 1], or None where it is not known"
        )
        raise ConfigurationError(msg)
    return Choice(decision.arm, decision, propensity)


def _chosen(policy: Policy, candidates: Sequence[Label] | None, context: ContextLike | None, *, acts: bool) -> Choice:
    # Only what acts is logged: a decision states its propensity, which a choice does not pay for.
    if acts:
        return _among(candidates, _decided(policy.decide(candidates, context)), "a policy")
    return _among(
        candidates, Choice(check_label(policy.select(candidates, context), "what a policy chose")), "a policy"
    )


def _among(candidates: Sequence[Label] | None, choice: Choice, who: str) -> Choice:
    """The choice, which is one of the candidates."""
    if candidates is not None and choice.arm not in candidates:
        msg = f"{who} chose {shown(choice.arm)}; expected one of the candidates {shown(candidates)}"
        raise ConfigurationError(msg)
    return choice
