"""Spans are what OpenTelemetry's own messages hold."""

from __future__ import annotations

import base64
import json

import pytest

from armwise.telemetry.trace.otlp import Decided, Rewarded, Scribe
from armwise.types import Decision

DECISION = Decision("small", 1, "0-2a-7", 7, 0.25, "exact")


def decided(**changes):
    told = Decided("route", DECISION, ("large", "small", 3, 0.5), 4, "active", 1_700_000_000_123_456_789, None)
    return told._replace(**changes)


def parsed(line):
    """A line as the protocol's own messages read it; OTLP has ids in hexadecimal where JSON of protobuf has base64."""
    json_format = pytest.importorskip("google.protobuf.json_format")
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    request = json.loads(line)
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in {"traceId", "spanId", "parentSpanId"} & span.keys():
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    return json_format.ParseDict(request, service.ExportTraceServiceRequest())


def plain(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    return getattr(value, kind)


def attributes(span):
    return {one.key: plain(one.value) for one in span.attributes}


def test_a_line_is_one_request_that_the_protocol_reads():
    scribe = Scribe("router", 42)
    reward = Rewarded("route", "0-2a-7", "small", 0.9, "applied", 5, None)
    request = parsed(scribe.line([scribe.span(decided()), scribe.span(reward), scribe.gap(3, 6)]))
    (resource,) = request.resource_spans
    assert attributes(resource.resource) == {"service.name": "router", "process.pid": 42}
    (scope,) = resource.scope_spans
    assert scope.scope.name == "armwise"
    first, second, gap = scope.spans
    assert (first.name, second.name, gap.name) == ("armwise.decision", "armwise.reward", "armwise.dropped")
    assert first.start_time_unix_nano == first.end_time_unix_nano == 1_700_000_000_123_456_789
    assert first.kind == first.SPAN_KIND_INTERNAL
    assert len(first.span_id) == 8
    assert first.parent_span_id == b""
    assert attributes(first) == {
        "armwise.domain": "route",
        "armwise.decision_id": "0-2a-7",
        "armwise.arm": "small",
        "armwise.index": 1,
        "armwise.policy_version": 7,
        "armwise.propensity": 0.25,
        "armwise.propensity_kind": "exact",
        "armwise.phase": "active",
        "armwise.candidates": ["large", "small", 3, 0.5],
        "armwise.candidate_count": 4,
    }
    assert attributes(second) == {
        "armwise.domain": "route",
        "armwise.decision_id": "0-2a-7",
        "armwise.arm": "small",
        "armwise.reward": 0.9,
        "armwise.status": "applied",
    }
    assert attributes(gap) == {"armwise.dropped": 3}


def span_of(scribe, event):
    return json.loads(scribe.span(event))


def test_a_decision_and_its_reward_share_a_trace_and_no_other_does():
    scribe = Scribe("router", 1)
    first, again = span_of(scribe, decided()), span_of(scribe, decided())
    reward = span_of(scribe, Rewarded("route", "0-2a-7", "small", 0.9, "applied", 5, None))
    assert first["traceId"] == reward["traceId"]
    assert len({first["spanId"], again["spanId"], reward["spanId"]}) == 3
    others = [
        span_of(scribe, decided(domain="prompt")),
        span_of(scribe, decided(decision=DECISION._replace(decision_id="0-2b-7"))),
        span_of(Scribe("router", 1), decided()),
        span_of(scribe, Rewarded("route", None, "small", 0.9, "applied", 5, None)),
        span_of(scribe, Rewarded("route", None, "small", 0.9, "applied", 5, None)),
    ]
    assert len({first["traceId"], *(one["traceId"] for one in others)}) == 6


def test_what_is_not_known_is_not_written():
    scribe = Scribe("router", 1)
    unsure = decided(decision=DECISION._replace(propensity=None, propensity_kind="none"))
    keys = {one["key"] for one in span_of(scribe, unsure)["attributes"]}
    assert "armwise.propensity" not in keys
    assert "armwise.propensity_kind" in keys
    keys = {one["key"] for one in span_of(scribe, Rewarded("route", None, "a", 1.0, "applied", 5, None))["attributes"]}
    assert "armwise.decision_id" not in keys


def test_labels_of_any_kind_are_written_so_that_any_reader_takes_them():
    class Name(str):
        __slots__ = ()

        def __str__(self):
            return "another"

    scribe = Scribe("router", 1)
    for arm, expected in [
        ("\ud800", {"stringValue": "\\ud800"}),
        ("Größe\n", {"stringValue": "Größe\n"}),
        ("x" * 5000, {"stringValue": "x" * 1024}),
        (Name("small"), {"stringValue": "small"}),
        (2**62, {"intValue": str(2**62)}),
        (0.1, {"doubleValue": 0.1}),
    ]:
        reward = Rewarded("route", "1", arm, 1.0, "applied", 5, None)
        span = span_of(scribe, reward)
        assert {"key": "armwise.arm", "value": expected} in span["attributes"]
        parsed(scribe.line([scribe.span(reward)]))


def test_an_attribute_of_no_kind_is_refused():
    with pytest.raises(TypeError, match="expected text"):
        Scribe("router", 1).span(Rewarded("route", "1", b"small", 1.0, "applied", 5, None))
