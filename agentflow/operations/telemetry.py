"""[io] Whether runs are told to OpenTelemetry, and where it sends them.

Telemetry is on where somebody says where it goes: an application that has set up OpenTelemetry itself,
`telemetry` of the target, `telemetry` of the project, or `OTEL_EXPORTER_OTLP_ENDPOINT`, in this order.
`OTEL_SDK_DISABLED=true` turns it off. Where nobody does, nothing of OpenTelemetry's SDK is imported.

How it is sent (headers, certificates, compression, sampling, what a service is called) is what
OpenTelemetry's own variables say. The protocol is OTLP over HTTP.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import logging
import os
import re
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentflow import __version__
from agentflow.compiler.manifest import Target
from agentflow.errors import UsageError
from agentflow.operations.clock import SystemClock
from agentflow.secret import mask, masked

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from agentflow.runtime.telemetry import Telemetry

__all__ = ["Place", "open_telemetry", "place_of"]

_log = logging.getLogger("agentflow.telemetry")

EXTRA = "pip install 'agentflow[otel]'"
FLUSH_S = 5
"""What the end of a command waits for spans that have not been sent, unless a variable says otherwise."""

_ENDPOINTS = {
    "traces": ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    "metrics": ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
}
_SWITCHES = {"traces": "OTEL_TRACES_EXPORTER", "metrics": "OTEL_METRICS_EXPORTER"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where telemetry goes."""

    endpoint: str | None
    """A base URL. None: where the variables say."""
    signals: frozenset[str]
    """`traces`, `metrics`, or both."""


def place_of(target: Target) -> Place | None:
    """Where the runs of a target are told to. None: nowhere."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    signals = frozenset(
        signal
        for signal, names in _ENDPOINTS.items()
        if (target.telemetry is not None or any(os.environ.get(name) for name in names))
        and os.environ.get(_SWITCHES[signal], "otlp").strip() != "none"
    )
    return Place(endpoint=target.telemetry, signals=signals) if signals else None


@asynccontextmanager
async def open_telemetry(target: Target) -> AsyncIterator[Telemetry | None]:
    """What records the runs of a command. None: nobody is told. At the end all is sent.

    Raises:
        UsageError: the project asks for it, and the packages are not installed.
    """
    if _has_own_provider():
        yield _of_application(target)
        return
    place = place_of(target)
    if place is None or not _is_installed(place):
        yield None
        return
    trouble = _Trouble()
    providers = _providers(target, place)
    try:
        yield _recording(providers, target)
    finally:
        await asyncio.gather(*(asyncio.to_thread(p.shutdown) for p in providers))
        trouble.tell(place)


def _has_own_provider() -> bool:
    """Whether the application that we are part of has set up OpenTelemetry."""
    if "opentelemetry.sdk.trace" not in sys.modules:
        return False
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    return isinstance(trace.get_tracer_provider(), TracerProvider)


def _of_application(target: Target) -> Telemetry:
    from opentelemetry import metrics, trace

    return _recording((trace.get_tracer_provider(), metrics.get_meter_provider()), target)


def _recording(providers: tuple[Any, Any], target: Target) -> Telemetry:
    from agentflow.runtime.telemetry import Sink, Telemetry

    tracers, meters = providers
    sink = Sink(tracers=tracers, meters=meters, content=target.telemetry_content)
    return Telemetry(sink, clock=SystemClock())


def _is_installed(place: Place) -> bool:
    """Whether it can be sent.

    Raises:
        UsageError: it cannot, and the project asks for it.
    """
    try:
        found = importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        found = False
    if not found and place.endpoint is not None:
        raise UsageError(
            "The project says where telemetry goes, and what sends it is not installed.",
            hint=f"{EXTRA}, or set OTEL_SDK_DISABLED=true.",
        )
    if not found:
        # The variable may be meant for other programs, so the run goes on.
        _log.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, and nothing is sent there: %s", EXTRA)
    return found


def _providers(target: Target, place: Place) -> tuple[Any, Any]:
    """The tracer provider and the meter provider; each sends nothing if its signal is not wanted."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    facts: dict[str, str] = {"service.version": __version__, "agentflow.target": target.name}
    if not os.environ.get("OTEL_SERVICE_NAME"):
        facts["service.name"] = "agentflow"
    resource = Resource.create(facts)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    if "traces" in place.signals:
        exporter = OTLPSpanExporter(_url(place, "traces"), timeout=_timeout("TRACES"))
        tracers.add_span_processor(BatchSpanProcessor(_masking(exporter)))
    readers = []
    if "metrics" in place.signals:
        sender = OTLPMetricExporter(_url(place, "metrics"), timeout=_timeout("METRICS"))
        readers.append(PeriodicExportingMetricReader(sender))
    return tracers, MeterProvider(readers, resource=resource, shutdown_on_exit=False)


def _url(place: Place, signal: str) -> str | None:
    return None if place.endpoint is None else f"{place.endpoint.rstrip('/')}/v1/{signal}"


def _timeout(signal: str) -> float | None:
    """None: a variable says it."""
    names = (f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
    return None if any(os.environ.get(name) for name in names) else float(FLUSH_S)


def _masking(exporter: SpanExporter) -> SpanExporter:
    """Sends spans without known secrets, also those that other libraries have made."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    def clean(span: ReadableSpan) -> ReadableSpan:
        told = (span.name, dict(span.attributes or {}), span.status.description)
        name, attributes, text = masked(told)
        if (name, attributes, text) == told:
            return span
        return ReadableSpan(
            name,
            context=span.get_span_context(),
            parent=span.parent,
            resource=span.resource,
            attributes=attributes,
            events=span.events,
            links=span.links,
            kind=span.kind,
            status=type(span.status)(span.status.status_code, text),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    class Masking(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return exporter.export([clean(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return Masking()


class _Trouble(logging.Handler):
    """What OpenTelemetry logs of exports that failed: many lines, of which one is told, at the end."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: list[str] = []
        self._logger = logging.getLogger("opentelemetry")
        self._propagated, self._logger.propagate = self._logger.propagate, False
        self._logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())

    def tell(self, place: Place) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._propagated
        if self._said:
            where = place.endpoint or "the collector"
            _log.warning("Telemetry could not be sent to %s: %s.", where, _reason(self._said))


def _reason(said: Sequence[str]) -> str:
    """What the system says, if it is among the many words of several libraries."""
    found = (re.search(r"\[Errno -?\d+\] ([A-Z][A-Za-z ]+)", text) for text in said)
    return next((match[1] for match in found if match), mask(said[0])[:300].rstrip("."))
