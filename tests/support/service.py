"""A running local service for tests, driven by the unmodified SDK over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic

from agentflow.local.drivers.base import ModelDriver
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.drivers.script_file import parse_script
from agentflow.local.faults import Faults
from agentflow.local.server import RunningService, ServiceConfig, start

__all__ = ["Running", "running_service", "script"]

AGENT: dict[str, Any] = {"name": "helper", "model": "claude-opus-5-5"}


@dataclass(frozen=True, slots=True)
class Running:
    service: RunningService

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
        with self.client() as client:
            made = client.beta.agents.create(**{**AGENT, **(agent or {})})
            place = client.beta.environments.create(**{"name": "place", **(environment or {})})
            session = client.beta.sessions.create(agent=made.id, environment_id=place.id, **body)
            return session.id


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
    try:
        yield Running(service)
    finally:
        service.stop()
