from __future__ import annotations

import sys

import pytest

from armwise.telemetry.trace import DecisionTracer
from armwise.telemetry.trace.active_span import span_reader
from armwise.types import Decision


def test_the_active_span_is_the_parent(tmp_path):
    trace = pytest.importorskip("opentelemetry.trace")
    read = span_reader()
    assert read() is None
    context = trace.SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=trace.TraceFlags(1))
    path = tmp_path / "traces.jsonl"
    with DecisionTracer(path) as tracer, trace.use_span(trace.NonRecordingSpan(context)):
        assert read() == context
        decision = Decision("a", 0, "0-0-0", 0, 1.0, "exact")
        tracer.decided("route", decision, candidates=["a"], context=None, phase="off", time_ns=1)
    assert f'"traceId":"{0xABC:032x}"' in path.read_text()
    assert f'"parentSpanId":"{0xDEF:016x}"' in path.read_text()


def test_without_opentelemetry_there_is_never_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert span_reader()() is None
