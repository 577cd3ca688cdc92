"""The span that a caller is in, where OpenTelemetry is there to say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

__all__ = ["span_reader"]


def span_reader() -> Callable[[], SpanContext | None]:
    """What tells the active span of the thread or task that calls it; None where there is none.

    OpenTelemetry's API is imported here, once, if it is installed; without it there is never an active span.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - optional, and paid for by those alone who trace
    except ImportError:
        return _nothing
    current = trace.get_current_span

    def read() -> SpanContext | None:
        context = current().get_span_context()
        return context if context.is_valid else None

    return read


def _nothing() -> None:
    return None
