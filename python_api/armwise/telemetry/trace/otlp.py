"""Decisions and rewards as spans of OTLP/JSON.

A line is one ``ExportTraceServiceRequest`` in the JSON encoding of the OpenTelemetry protocol, version 1: fields in
lowerCamelCase, ids in hexadecimal, 64-bit integers as strings, kinds as numbers.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from armwise._words import has_utf8
from armwise.types import JSON, Decision, Label
from armwise_kernels import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

__all__ = ["CANDIDATES", "Decided", "Event", "Rewarded", "Scribe"]

CANDIDATES: Final = 64
"""How many candidates of a decision are written; beside them stands how many there were."""

_LONGEST: Final = 1024
_INTERNAL: Final = 1


class Decided(NamedTuple):
    """A decision, as it was told."""

    domain: str
    decision: Decision
    candidates: tuple[Label, ...]
    candidate_count: int
    phase: str
    time: int
    parent: SpanContext | None


class Rewarded(NamedTuple):
    """A reward, as it was told."""

    domain: str
    decision_id: str | None
    arm: Label
    reward: float
    status: str
    time: int
    parent: SpanContext | None


Event: TypeAlias = Decided | Rewarded
"""What becomes a span."""


class Scribe:
    """Writes spans, and lines of them.

    Parameters
    ----------
    service_name : str
        Who decides.
    process : int
        Its id.

    Examples
    --------
    >>> scribe = Scribe("router", 7)
    >>> span = json.loads(scribe.span(Rewarded("route", "0-2a-7", "small", 0.5, "applied", 9, None)))
    >>> span["name"], span["startTimeUnixNano"], span["attributes"][2]
    ('armwise.reward', '9', {'key': 'armwise.arm', 'value': {'stringValue': 'small'}})
    """

    __slots__ = ("_head", "_key")

    def __init__(self, service_name: str, process: int) -> None:
        # Ids of decisions are counted: two services count alike, and must not share a trace.
        self._key = secrets.token_bytes(16)
        self._head = ""
        self.named(service_name, process)

    def named(self, service_name: str, process: int) -> None:
        """Write in the name of this service and process from now on."""
        resource = _attributes({"service.name": service_name, "process.pid": process})
        scope = {"name": "armwise", "version": __version__}
        plain = json.dumps({"attributes": resource}), json.dumps(scope)
        self._head = f'{{"resourceSpans":[{{"resource":{plain[0]},"scopeSpans":[{{"scope":{plain[1]},"spans":['

    def line(self, spans: list[str]) -> bytes:
        """One line with these spans."""
        return f"{self._head}{','.join(spans)}]}}]}}]}}\n".encode("ascii")

    def span(self, event: Event) -> str:
        """The span of a decision or a reward."""
        if isinstance(event, Rewarded):
            return self._span("armwise.reward", event, event.decision_id, _of_reward(event))
        return self._span("armwise.decision", event, event.decision.decision_id, _of_decision(event))

    def gap(self, dropped: int, time: int) -> str:
        """A span that says how many were dropped before it."""
        return _span("armwise.dropped", secrets.token_hex(16), time, None, {"armwise.dropped": dropped})

    def _span(self, name: str, event: Event, decision_id: str | None, attributes: dict[str, JSON]) -> str:
        parent = event.parent
        if parent is not None:
            trace = f"{parent.trace_id:032x}"
        elif decision_id is not None:
            # So a decision and its reward are in one trace, and nothing need be remembered in between.
            words = f"{event.domain}\0{decision_id}".encode("utf-8", "surrogatepass")
            trace = hashlib.blake2b(words, digest_size=16, key=self._key).hexdigest()
        else:
            trace = secrets.token_hex(16)
        return _span(name, trace, event.time, None if parent is None else f"{parent.span_id:016x}", attributes)


def _of_decision(event: Decided) -> dict[str, JSON]:
    decision = event.decision
    told: dict[str, JSON] = {
        "armwise.domain": event.domain,
        "armwise.decision_id": decision.decision_id,
        "armwise.arm": decision.arm,
        "armwise.index": decision.index,
        "armwise.policy_version": decision.policy_version,
        "armwise.propensity_kind": decision.propensity_kind,
        "armwise.phase": event.phase,
        "armwise.candidates": list(event.candidates),
        "armwise.candidate_count": event.candidate_count,
    }
    return told if decision.propensity is None else told | {"armwise.propensity": decision.propensity}


def _of_reward(event: Rewarded) -> dict[str, JSON]:
    told: dict[str, JSON] = {
        "armwise.domain": event.domain,
        "armwise.status": event.status,
        "armwise.arm": event.arm,
        "armwise.reward": event.reward,
    }
    return told if event.decision_id is None else told | {"armwise.decision_id": event.decision_id}


def _span(name: str, trace: str, time: int, parent: str | None, attributes: dict[str, JSON]) -> str:
    span = {
        "traceId": trace,
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": _INTERNAL,
        "startTimeUnixNano": str(time),
        "endTimeUnixNano": str(time),
        "attributes": _attributes(attributes),
    }
    return json.dumps(span if parent is None else span | {"parentSpanId": parent}, separators=(",", ":"))


def _attributes(told: dict[str, JSON]) -> list[JSON]:
    return [{"key": key, "value": _value(value)} for key, value in told.items()]


def _value(value: JSON) -> JSON:
    """A value with its type, as OTLP has it."""
    if isinstance(value, str):
        return {"stringValue": _text(value)}
    if isinstance(value, int):
        return {"intValue": str(int(value))}
    if isinstance(value, float):
        return {"doubleValue": float(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    msg = f"an attribute is of type {type(value).__name__}; expected text, a number, or a list of these"
    raise TypeError(msg)


def _text(value: str) -> str:
    """A text that JSON can hold whatever reads it: cut where it is long, halves of surrogate pairs escaped."""
    cut = str.__str__(value)[:_LONGEST]
    return cut if has_utf8(cut) else cut.encode("utf-8", "backslashreplace").decode()
