"""A collector on loopback: it takes OTLP over HTTP and keeps what it decodes."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

__all__ = ["Collected", "Told", "collector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A span."""

    name: str
    id: str
    parent: str
    trace: str
    kind: int
    began_ns: int
    ended_ns: int
    failed: bool
    facts: Mapping[str, Any]
    scope: str
    links: tuple[str, ...]
    """Ids of other spans."""


@dataclass
class Collected:
    url: str
    spans: list[Told] = field(default_factory=list)
    metrics: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """By name, the attributes of each data point, with its `sum` and `count`."""
    resource: dict[str, Any] = field(default_factory=dict)
    raw: bytes = b""
    """Every body, as it came."""

    def named(self, name: str) -> list[Told]:
        return [span for span in self.spans if span.name == name]


def _facts(pairs: Any) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        kind = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


def _take_spans(kept: Collected, body: bytes) -> None:
    request = ExportTraceServiceRequest.FromString(body)
    for group in request.resource_spans:
        kept.resource |= _facts(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                kept.spans.append(
                    Told(
                        name=span.name,
                        id=span.span_id.hex(),
                        parent=span.parent_span_id.hex(),
                        trace=span.trace_id.hex(),
                        kind=span.kind,
                        began_ns=span.start_time_unix_nano,
                        ended_ns=span.end_time_unix_nano,
                        failed=span.status.code == 2,
                        facts=_facts(span.attributes),
                        scope=scope.scope.name,
                        links=tuple(link.span_id.hex() for link in span.links),
                    )
                )


def _take_metrics(kept: Collected, body: bytes) -> None:
    request = ExportMetricsServiceRequest.FromString(body)
    for group in request.resource_metrics:
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                points = kept.metrics.setdefault(metric.name, [])
                for point in metric.histogram.data_points:
                    numbers = {"sum": point.sum, "count": point.count}
                    points.append({**_facts(point.attributes), **numbers})


_ROUTES = {"/v1/traces": _take_spans, "/v1/metrics": _take_metrics}


@contextmanager
def collector() -> Iterator[Collected]:
    kept = Collected(url="")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            kept.raw += body
            _ROUTES[self.path](kept, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
