"""(method, path) -> handler: every endpoint of the service, in one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.responses import Response

from agentflow.local.call import Call, Service
from agentflow.local.handlers import agents, environments, events, files, models, mounts, sessions
from agentflow.local.not_emulated import NOT_EMULATED
from agentflow.local.store import Document

__all__ = ["ROUTES", "Handler", "Route", "left_out"]

Handler = Callable[[Service, Call], Awaitable[Document | Response]]


class Route(NamedTuple):
    method: str
    path: str
    handler: Handler
    beta: bool = True
    """The managed-agents beta header is needed."""

    @property
    def operation(self) -> str:
        """As a plan of faults names it: `module.function` of the handler."""
        module = self.handler.__module__.rpartition(".")[2]
        return f"{module}.{self.handler.__name__.rstrip('_')}"


_AGENT = "/v1/agents/{agent_id}"
_ENVIRONMENT = "/v1/environments/{environment_id}"
_SESSION = "/v1/sessions/{session_id}"
_THREAD = f"{_SESSION}/threads/{{thread_id}}"
_RESOURCE = f"{_SESSION}/resources/{{resource_id}}"

ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/agents", agents.create),
    Route("GET", "/v1/agents", agents.list_),
    Route("GET", _AGENT, agents.retrieve),
    Route("POST", _AGENT, agents.update),
    Route("POST", f"{_AGENT}/archive", agents.archive),
    Route("GET", f"{_AGENT}/versions", agents.versions),
    Route("POST", "/v1/environments", environments.create),
    Route("GET", "/v1/environments", environments.list_),
    Route("GET", _ENVIRONMENT, environments.retrieve),
    Route("POST", _ENVIRONMENT, environments.update),
    Route("DELETE", _ENVIRONMENT, environments.delete),
    Route("POST", f"{_ENVIRONMENT}/archive", environments.archive),
    Route("GET", f"{_ENVIRONMENT}/work/stats", environments.work_stats),
    Route("POST", "/v1/sessions", sessions.create),
    Route("GET", "/v1/sessions", sessions.list_),
    Route("GET", _SESSION, sessions.retrieve),
    Route("POST", _SESSION, sessions.update),
    Route("DELETE", _SESSION, sessions.delete),
    Route("POST", f"{_SESSION}/archive", sessions.archive),
    Route("GET", f"{_SESSION}/events", events.list_),
    Route("POST", f"{_SESSION}/events", events.send),
    Route("GET", f"{_SESSION}/events/stream", events.stream),
    Route("GET", f"{_SESSION}/resources", mounts.list_),
    Route("POST", f"{_SESSION}/resources", mounts.add),
    Route("GET", _RESOURCE, mounts.retrieve),
    Route("DELETE", _RESOURCE, mounts.delete),
    Route("GET", f"{_SESSION}/threads", events.list_threads),
    Route("GET", _THREAD, events.retrieve_thread),
    Route("GET", f"{_THREAD}/events", events.list_thread_events),
    Route("GET", f"{_THREAD}/stream", events.stream_thread),
    Route("POST", "/v1/files", files.upload, beta=False),
    Route("GET", "/v1/files", files.list_, beta=False),
    Route("GET", "/v1/files/{file_id}", files.retrieve, beta=False),
    Route("GET", "/v1/files/{file_id}/content", files.download, beta=False),
    Route("DELETE", "/v1/files/{file_id}", files.delete, beta=False),
    Route("GET", "/v1/models", models.list_, beta=False),
    Route("GET", "/v1/models/{model_id}", models.retrieve, beta=False),
)


def left_out(method: str, path: str) -> str | None:
    """What of the hosted service this endpoint belongs to. None: to nothing that is left out."""
    for item in NOT_EMULATED:
        for pattern in item.paths:
            verb, _, place = pattern.partition(" ")
            if verb in ("*", method) and _matches(place.split("/"), path.split("/")):
                return item.what
    return None


def _matches(pattern: list[str], parts: list[str]) -> bool:
    if pattern[-1] == "**":
        pattern, rest = pattern[:-1], len(parts) - len(pattern) + 1
        parts = parts[: len(pattern)] if rest > 0 else []
    return len(pattern) == len(parts) and all(
        want in ("*", have) for want, have in zip(pattern, parts, strict=True)
    )
