"""An OpenFeature provider: flags that resolve through an allocator.

An application that asks for its flags through OpenFeature (https://openfeature.dev) changes one line::

    api.set_provider(ArmwiseProvider({"checkout-colour": allocator}))

and every evaluation takes the variant that the allocator gives the context's targeting key. This module needs the
extra ``openfeature``, and nothing else in armwise imports it.
"""

from __future__ import annotations

import copy
import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol, TypeVar, cast, runtime_checkable

from armwise._words import has_utf8, one_line, shown
from armwise.errors import ArmwiseError, ConfigurationError, MissingExtra

try:
    from openfeature.evaluation_context import EvaluationContext
    from openfeature.event import ProviderEventDetails
    from openfeature.exception import (
        FlagNotFoundError,
        GeneralError,
        InvalidContextError,
        OpenFeatureError,
        TargetingKeyMissingError,
        TypeMismatchError,
    )
    from openfeature.flag_evaluation import FlagResolutionDetails, FlagType, FlagValueType, Reason
    from openfeature.provider import AbstractProvider, Metadata
    from openfeature.track import TrackingEventDetails
except ImportError as error:
    _MSG = "the OpenFeature provider needs openfeature-sdk; install it by: pip install 'armwise[openfeature]'"
    raise MissingExtra(_MSG) from error

from armwise.experiments._flag_definition import Allocating, FlagDefinition, Targeting
from armwise.experiments.allocation import Allocator, StickyAllocator

__all__ = ["Allocating", "ArmwiseProvider", "FlagDefinition", "Recording", "Targeting"]

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


@runtime_checkable
class Recording(Protocol):
    """What the provider asks of whoever takes rewards; :class:`armwise.experiments.ExperimentManager` does."""

    def record(self, experiment_id: str, variant: str, reward: float) -> object:
        """Count one reward of a variant."""
        ...


class ArmwiseProvider(AbstractProvider):
    """Resolves flags of the OpenFeature SDK through allocators.

    What an evaluation gives, by the SDK's own reasons and error codes:

    ==========================  ================================================================================
    SPLIT                       the value of the variant that the allocator gives the targeting key
    STATIC                      the value of a variant that has all traffic; no targeting key is needed
    TARGETING_MATCH             the value of the variant that the flag's `targeting` names
    DEFAULT                     the application's default: the key is outside the experiment's coverage
    DISABLED                    the application's default: the flag is not enabled
    FLAG_NOT_FOUND              an error: no such flag
    TYPE_MISMATCH               an error: the flag has values of another type; whole numbers are floats too
    TARGETING_KEY_MISSING       an error: the context has none, or an empty one
    INVALID_CONTEXT             an error: the key is no string, or not one that UTF-8 can say
    GENERAL                     an error: `targeting` raised, or it or the allocator named what is no variant
    ==========================  ================================================================================

    With an error the application gets its default, as always in OpenFeature. One provider may serve many threads
    and event loops: an evaluation takes no lock and does no input or output, so the asynchronous calls are the
    synchronous ones.

    Parameters
    ----------
    flags : mapping of str to FlagDefinition, Allocator, StickyAllocator or Allocating
        By flag key. An allocator alone is a string flag, whose values are the names of the variants.
    manager : Recording, optional
        Takes the rewards of tracked events, such as an ``ExperimentManager``: ``client.track(event, context,
        details)`` records the details' value, or 1 without one, for the variant of the context's targeting key,
        in each enabled flag that has this `event`. The variant is computed again rather than remembered, so the
        event may come from another process than the evaluation.

    Raises
    ------
    ConfigurationError
        If a flag is not as described, or has an event while there is no manager.

    Examples
    --------
    >>> from openfeature import api
    >>> from openfeature.evaluation_context import EvaluationContext
    >>> from armwise.experiments import Allocator
    >>> api.set_provider_and_wait(ArmwiseProvider({"checkout-colour": Allocator("checkout", ["red", "green"])}))
    >>> details = api.get_client().get_string_details("checkout-colour", "red", EvaluationContext("user-7"))
    >>> details.value == details.variant, details.reason.value
    (True, 'SPLIT')
    """

    def __init__(
        self,
        flags: Mapping[str, FlagDefinition | Allocator | StickyAllocator | Allocating],
        *,
        manager: Recording | None = None,
    ) -> None:
        super().__init__()
        if not (manager is None or isinstance(manager, Recording)):
            msg = f"manager is {shown(manager)}; expected an ExperimentManager, or an object with its record()"
            raise ConfigurationError(msg)
        self._manager = manager
        self._flags = self._checked(flags)
        self._untracked: Counter[str] = Counter()
        self._counting = threading.Lock()

    @property
    def flags(self) -> Mapping[str, FlagDefinition]:
        """The flags by key."""
        return MappingProxyType(self._flags)

    @property
    def untracked(self) -> dict[str, int]:
        """How many tracked events were not recorded, by why.

        ``no_flag``: no flag has such an event. ``no_key``: the context had no targeting key. ``outside``: the key is
        outside the experiment, or was targeted. ``refused``: the key or the reward was; the logger of this module
        says what was wrong, for OpenFeature's clients do not raise.
        """
        with self._counting:
            return dict(self._untracked)

    def set_flags(self, flags: Mapping[str, FlagDefinition | Allocator | StickyAllocator | Allocating]) -> None:
        """Replace all flags, as one change that every later evaluation sees.

        Applications that handle PROVIDER_CONFIGURATION_CHANGED are told which flags came, went or changed.

        Raises
        ------
        ConfigurationError
            As the class; nothing is changed then.
        """
        new = self._checked(flags)
        old, self._flags = self._flags, new
        changed = sorted(key for key in old.keys() | new.keys() if old.get(key) is not new.get(key))
        if changed:
            self.emit_provider_configuration_changed(ProviderEventDetails(flags_changed=changed))

    def get_metadata(self) -> Metadata:
        """The provider's name: armwise."""
        return Metadata(name="armwise")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - the SDK's signature
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Resolve a flag whose values are booleans."""
        return self._resolved(FlagType.BOOLEAN, flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Resolve a flag whose values are strings."""
        return self._resolved(FlagType.STRING, flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Resolve a flag whose values are whole numbers."""
        return self._resolved(FlagType.INTEGER, flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Resolve a flag whose values are numbers."""
        details = self._resolved(FlagType.FLOAT, flag_key, default_value, evaluation_context)
        if details.reason not in {Reason.DEFAULT, Reason.DISABLED}:
            details.value = float(details.value)
        return details

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Resolve a flag whose values are objects; each evaluation gives a copy of its own."""
        details = self._resolved(FlagType.OBJECT, flag_key, default_value, evaluation_context)
        if details.value is not default_value:
            details.value = copy.deepcopy(details.value)
        return details

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Record a reward for the variant of the context's targeting key; see the class."""
        flags = [flag for flag in self._flags.values() if flag.enabled and flag.event == tracking_event_name]
        if not flags:
            self._count("no_flag")
        value = None if tracking_event_details is None else tracking_event_details.value
        for flag in flags:
            try:
                self._record(flag, evaluation_context, 1.0 if value is None else value)
            except (ArmwiseError, OpenFeatureError) as error:
                self._count("refused")
                _log.warning("event %r of experiment %r: %s", tracking_event_name, flag.experiment_id, error)

    def _record(self, flag: FlagDefinition, context: EvaluationContext | None, reward: float) -> None:
        """Hand one reward to the manager, or count why there is none."""
        key = _key(context)
        if key is None and flag.sole is None:
            self._count("no_key")
        elif _targeted(flag, key, context) is not None or (variant := _allocated(flag, key)) is None:
            self._count("outside")
        else:
            cast("Recording", self._manager).record(flag.experiment_id, variant, reward)

    def _count(self, why: str) -> None:
        with self._counting:
            self._untracked[why] += 1

    def _checked(self, flags: object) -> dict[str, FlagDefinition]:
        """The definitions of a mapping of flags; one that was held already stays the same object."""
        if not isinstance(flags, Mapping):
            msg = f"flags is {shown(flags)}; expected a mapping of flag key to FlagDefinition or Allocator"
            raise ConfigurationError(msg)
        checked = {}
        for key, flag in flags.items():
            if not (isinstance(key, str) and key and has_utf8(key)):
                msg = f"a flag key is {shown(key)}; expected a string that is not empty, without lone surrogates"
                raise ConfigurationError(msg)
            definition = flag if isinstance(flag, FlagDefinition) else FlagDefinition(flag)
            if definition.event is not None and self._manager is None:
                msg = f"flag {key!r} has the event {definition.event!r} and nobody takes its reward; give a manager"
                raise ConfigurationError(msg)
            checked[key] = definition
        return checked

    def _resolved(
        self, wanted: FlagType, flag_key: str, default_value: T, context: EvaluationContext | None
    ) -> FlagResolutionDetails[T]:
        """One evaluation; see the class."""
        flag = self._flags.get(flag_key) if isinstance(flag_key, str) else None
        if flag is None:
            msg = f"there is no flag {shown(flag_key)}"
            raise FlagNotFoundError(msg)
        if not flag.enabled:
            return FlagResolutionDetails(default_value, reason=Reason.DISABLED, flag_metadata=flag.metadata)
        if flag.type != wanted and not (flag.type == FlagType.INTEGER and wanted == FlagType.FLOAT):
            msg = f"flag {flag_key!r} has values of type {flag.type.value}, not {wanted.value}"
            raise TypeMismatchError(msg)
        variant, reason = _chosen(flag_key, flag, context)
        if variant is None:
            return FlagResolutionDetails(default_value, reason=reason, flag_metadata=flag.metadata)
        value = cast("T", flag.values[variant])
        return FlagResolutionDetails(value, reason=reason, variant=variant, flag_metadata=flag.metadata)


def _chosen(flag_key: str, flag: FlagDefinition, context: EvaluationContext | None) -> tuple[str | None, Reason]:
    """The variant of a context, and why it is that one."""
    key = _key(context)
    if (target := _targeted(flag, key, context)) is not None:
        return target, Reason.TARGETING_MATCH
    if flag.sole is not None:
        return flag.sole, Reason.STATIC
    if key is None:
        msg = f"flag {flag_key!r} is split by targeting key; set targeting_key in the evaluation context"
        raise TargetingKeyMissingError(msg)
    variant = _allocated(flag, key)
    return variant, Reason.DEFAULT if variant is None else Reason.SPLIT


def _targeted(flag: FlagDefinition, key: str | None, context: EvaluationContext | None) -> str | None:
    """The variant that the flag's targeting names; None where there is none, or it leaves it to the allocator."""
    if flag.targeting is None:
        return None
    try:
        target = flag.targeting(key, {} if context is None else context.attributes)
    except Exception as error:  # the application's own code may raise whatever it likes
        msg = f"the targeting of {flag.experiment_id!r} raised {type(error).__name__}: {one_line(str(error))}"
        raise GeneralError(msg) from error
    return None if target is None else _known(flag, target, "targeting")


def _allocated(flag: FlagDefinition, key: str | None) -> str | None:
    """The variant of a key; None outside the experiment."""
    if flag.sole is not None or key is None:
        return flag.sole
    try:
        variant = flag.allocate(key)
    except ConfigurationError as error:
        raise InvalidContextError(str(error)) from error
    return None if variant is None else _known(flag, variant, "allocator")


def _known(flag: FlagDefinition, variant: object, whose: str) -> str:
    """A variant that the flag has a value for."""
    if not isinstance(variant, str) or variant not in flag.values:
        msg = f"the {whose} of {flag.experiment_id!r} named {shown(variant)}; its variants are {', '.join(flag.values)}"
        raise GeneralError(msg)
    return variant


def _key(context: EvaluationContext | None) -> str | None:
    """The targeting key; None without one. The SDK takes an empty one for none when it merges contexts."""
    key: object = None if context is None else context.targeting_key
    if key is not None and not isinstance(key, str):
        msg = f"the targeting key is {shown(key)}; expected a string"
        raise InvalidContextError(msg)
    return key or None
