"""The decision tracer: each decision and each reward as a span, in files that OpenTelemetry's collector reads.

Examples
--------
>>> import json, pathlib, tempfile
>>> from armwise.types import Decision
>>> path = pathlib.Path(tempfile.mkdtemp()) / "traces.jsonl"
>>> with DecisionTracer(path, service_name="router") as tracer:
...     decision = Decision("small", 0, "0-2a-7", 7, 0.25, "exact")
...     tracer.decided("route", decision, candidates=["small", "large"], context=None, phase="active", time_ns=1)
...     tracer.rewarded("route", "0-2a-7", "small", 0.9, "applied", time_ns=2)
>>> (request,) = [json.loads(line) for line in path.read_text().splitlines()]
>>> [span["name"] for span in request["resourceSpans"][0]["scopeSpans"][0]["spans"]]
['armwise.decision', 'armwise.reward']
"""

from __future__ import annotations

from armwise.telemetry.trace.tracer import DecisionTracer

__all__ = ["DecisionTracer"]
