"""[io] Construct the SDK's client. Credentials are the SDK's business, except that none is an error.

One client serves a whole command: it holds the connection pool. Streams have clients of their own.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from agentflow.errors import UsageError
from agentflow.remote.errors import translate
from agentflow.secret import protect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Sequence

    from anthropic import AsyncAnthropic
    from anthropic._middleware import MiddlewareInput
    from anthropic._types import OpenTelemetryOptions
    from opentelemetry.trace import TracerProvider

__all__ = ["StreamClients", "make_client"]

_HOW_TO_SIGN_IN = (
    "Set ANTHROPIC_API_KEY, or name a profile with ANTHROPIC_PROFILE; "
    "`-t local` needs neither, it runs on this machine."
)


def make_client(
    base_url: str | None,
    api_key: str | None,
    *,
    workspace_id: str | None = None,
    middleware: Sequence[MiddlewareInput] = (),
    tracers: TracerProvider | None = None,
) -> AsyncAnthropic:
    """A client for one service.

    Args:
        base_url: None: the SDK's default, or what `ANTHROPIC_BASE_URL` says.
        api_key: None: the SDK looks for credentials in the environment and its profiles.
        workspace_id: only for credentials that can act on several workspaces.
        middleware: wraps every attempt of every request, innermost last.
        tracers: makes a span of each request, without contents. None: what the process has set up
            for all its libraries, if it has.

    Raises:
        UsageError: there are no credentials, or they cannot be read.
    """
    import anthropic

    headers = {"anthropic-workspace-id": workspace_id} if workspace_id else None
    try:
        client = anthropic.AsyncAnthropic(
            api_key=api_key or None,
            base_url=base_url,
            default_headers=headers,
            http_client=anthropic.DefaultAsyncHttpxClient(verify=_trust()),
            middleware=list(middleware),
            open_telemetry=_spans(tracers),
        )
    except anthropic.AnthropicError as error:
        raise UsageError(translate(error).message, hint=_HOW_TO_SIGN_IN) from error
    if not (client.api_key or client.auth_token or client.credentials):
        where = base_url or "api.anthropic.com"
        raise UsageError(f"There are no credentials for {where}.", hint=_HOW_TO_SIGN_IN)
    for name in ("api_key", "auth_token"):
        protect(name, getattr(client, name) or "")
    return client


def _spans(tracers: TracerProvider | None) -> OpenTelemetryOptions | None:
    """The SDK's option. Given one, it reads none of its variables, so those that say less are read here.

    What requests hold is never part of a span: it may be a secret that is sent to where it belongs.
    """
    if tracers is None:
        return None

    def wanted(name: str) -> bool:
        return os.environ.get(name, "").strip().lower() != "false"

    return {
        "tracer_provider": tracers,
        "propagation": wanted("ANTHROPIC_OPEN_TELEMETRY_PROPAGATION"),
        "traces": {
            "enabled": wanted("ANTHROPIC_OPEN_TELEMETRY"),
            "content_mode": "metadata_only",
        },
    }


@cache
def _trust() -> ssl.SSLContext:
    """Whom to believe: reading the certificates takes longer than all else a client needs."""
    import httpx2

    return httpx2.create_ssl_context()


class StreamClients:
    """As many clients as the open streams need, each with a connection pool of its own.

    The SDK's pool has 1,000 connections at most, for streams and requests alike, so a thousand open
    streams leave none for an answer. It also looks at each connection whenever one is opened or closed.
    """

    def __init__(self, make: Callable[[], AsyncAnthropic], *, each: int = 24) -> None:
        """`make` is called for every `each` streams that are open at the same time."""
        self._make = make
        self._each = each
        self._open: dict[AsyncAnthropic, int] = {}

    @contextmanager
    def place(self) -> Iterator[AsyncAnthropic]:
        """A client for one stream, until the context ends. It tries nothing twice."""
        found = next((client for client, n in self._open.items() if n < self._each), None)
        client = found or self._make().with_options(max_retries=0)
        self._open[client] = self._open.get(client, 0) + 1
        try:
            yield client
        finally:
            self._open[client] -= 1

    async def close(self) -> None:
        for client in self._open:
            await client.close()
        self._open.clear()
