"""A running local service for tests, driven by the unmodified SDK over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic

from agentflow.local.drivers.base import ModelDriver, Retry, Turn, TurnContext
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.drivers.script_file import parse_script
from agentflow.local.fault_plan import AnswerFault, RequestError, RequestFault
from agentflow.local.faults import Faults
from agentflow.local.paths import Places
from agentflow.local.server import RunningService, ServiceConfig, start
from agentflow.local.toolset import ToolOutcome

__all__ = [
    "Bench",
    "EchoTools",
    "HangingDriver",
    "Running",
    "message",
    "only",
    "request_error",
    "running_service",
    "script",
    "send_fault",
    "types",
    "until_stop",
]

TOOLSET = {"type": "agent_toolset_20260401"}
ASKING = {**TOOLSET, "default_config": {"permission_policy": {"type": "always_ask"}}}
CUSTOM = {
    "type": "custom",
    "name": "rate",
    "description": "Looks up a rate.",
    "input_schema": {"type": "object", "properties": {"currency": {"type": "string"}}},
}

AGENT: dict[str, Any] = {"name": "helper", "model": "claude-opus-5-5"}


class Running:
    def __init__(self, service: RunningService) -> None:
        self.service = service
        self._own: anthropic.Anthropic | None = None

    @property
    def own(self) -> anthropic.Anthropic:
        """A client that lasts as long as the service."""
        if self._own is None:
            self._own = self.client()
        return self._own

    def close(self) -> None:
        if self._own is not None:
            self._own.close()

    @property
    def base_url(self) -> str:
        return self.service.base_url

    @property
    def token(self) -> str:
        return self.service.token

    @property
    def faults(self) -> Faults:
        return self.service.faults

    def client(self, **options: Any) -> anthropic.Anthropic:
        """The SDK, validating every answer against its own types. Close it, or use it in `with`."""
        chosen: dict[str, Any] = {"_strict_response_validation": True, "max_retries": 0, **options}
        return anthropic.Anthropic(base_url=self.base_url, api_key=self.token, **chosen)

    def async_client(self, **options: Any) -> anthropic.AsyncAnthropic:
        chosen: dict[str, Any] = {"_strict_response_validation": True, "max_retries": 0, **options}
        return anthropic.AsyncAnthropic(base_url=self.base_url, api_key=self.token, **chosen)

    def session(
        self,
        *,
        agent: Mapping[str, Any] | None = None,
        environment: Mapping[str, Any] | None = None,
        **body: Any,
    ) -> str:
        """Id of a new session, with a new agent and environment."""
        client = self.own
        made = client.beta.agents.create(**{**AGENT, **(agent or {})})
        place = client.beta.environments.create(**{"name": "place", **(environment or {})})
        return client.beta.sessions.create(agent=made.id, environment_id=place.id, **body).id

    def turn(self, session_id: str, *events: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Send events with a stream open; what came, up to the next stop."""
        with self.own.beta.sessions.events.stream(session_id) as stream:
            self.own.beta.sessions.events.send(session_id, events=list(events))  # type: ignore[arg-type]
            return until_stop(stream)

    def history(self, session_id: str) -> list[dict[str, Any]]:
        listed = self.own.beta.sessions.events.list(session_id)
        return [event.model_dump(mode="json") for event in listed]


def script(text: str) -> ScriptDriver:
    """A model that plays the turns of a YAML text."""
    return ScriptDriver(parse_script("script.yaml", text))


@contextmanager
def running_service(
    root: Path,
    *,
    script: str | None = None,
    driver: ModelDriver | None = None,
    faults: Faults | None = None,
    **config: Any,
) -> Iterator[Running]:
    """Serve from `root` while the context lasts. `script` is YAML, as the script driver reads it."""
    if script is not None:
        driver = ScriptDriver(parse_script("script.yaml", script))
    service = start(ServiceConfig(root=root, driver=driver, faults=faults, **config))
    running = Running(service)
    try:
        yield running
    finally:
        running.close()
        service.stop()


def send_fault(number: int = 1, **how: Any) -> AnswerFault:
    """How the answer to one POST of events goes wrong."""
    return AnswerFault(to="events.send", number=number, **how)


def request_error(number: int, retry: Retry) -> RequestFault:
    """An overloaded model in place of one request."""
    return RequestFault(number=number, error=RequestError(retry=retry))


def message(text: str) -> dict[str, Any]:
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def until_stop(stream: Iterable[Any]) -> list[dict[str, Any]]:
    """Events of a stream, up to and with the one that stops the session, as JSON data."""
    found = []
    for event in stream:
        found.append(event.model_dump(mode="json"))
        if event.type in ("session.status_idle", "session.status_terminated", "session.deleted"):
            break
    return found


def types(events: Iterable[Mapping[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


def only(events: Iterable[Mapping[str, Any]], type: str) -> Mapping[str, Any]:
    """The one event of a type."""
    [event] = [event for event in events if event["type"] == type]
    return event


class EchoTools:
    """Tools without a sandbox: `bash` answers with its command, or as the command's first word says.

    `fail …` is an error; `long N` answers N characters; `hang` waits for ever.
    """

    def __init__(self, root: Path, hosts: tuple[str, ...] | None, layer: Path | None) -> None:
        self.root = root
        self.hosts = hosts
        self.layer = layer
        self.calls: list[str] = []
        self.cancelled = 0
        self.closed = False

    async def call(self, name: str, input: Mapping[str, Any]) -> ToolOutcome:
        command = str(input.get("command", name))
        self.calls.append(command)
        word, _, rest = command.partition(" ")
        if word == "fail":
            return ToolOutcome(rest, True)
        if word == "long":
            return ToolOutcome("x" * int(rest))
        if word == "hang":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if word == "deliver":
            target = Places(self.root).outputs.host / rest
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(f"delivered {rest}", encoding="utf-8")
        return ToolOutcome(command)

    async def close(self) -> None:
        self.closed = True


class Bench:
    """Makes `EchoTools` and remembers them, in the order of the sessions that needed them."""

    def __init__(self) -> None:
        self.made: list[EchoTools] = []

    def __call__(self, root: Path, hosts: tuple[str, ...] | None, layer: Path | None) -> EchoTools:
        Places(root).create()
        self.made.append(EchoTools(root, hosts, layer))
        return self.made[-1]


class HangingDriver:
    """A model that never answers."""

    async def next_turn(self, context: TurnContext) -> Turn:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")
