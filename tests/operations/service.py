"""The embedded service and a client of it whose connection can be made to fail."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import anthropic
import httpx2

from agentflow.compiler.manifest import Manifest
from agentflow.compiler.plan import DriftPolicy, Plan
from agentflow.local.server import ServiceConfig, start
from agentflow.operations.apply import ApplyOutcome, Progress, apply_plan
from agentflow.operations.plan import make_plan
from agentflow.remote.client import make_client
from agentflow.remote.resources import RemoteResources
from agentflow.state.store import StateStore

T = TypeVar("T")


@dataclass
class TurnedClock:
    """Time that passes only when somebody sleeps."""

    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


@dataclass
class Fault:
    """What happens to one request: the first that matches and has not been hit."""

    method: str
    path: str
    how: str
    """`lost before`, `lost after`, `429`, `500 before`, `500 after`, `refused`."""
    retry_after: str | None = None
    hits: int = 1


@dataclass
class Wire:
    """A middleware of the SDK's client: it records requests, and fails as it is told."""

    faults: list[Fault] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[str, str], Awaitable[None]] | None = None
    """Called before each request is sent, for somebody else to be quicker."""

    async def __call__(self, request: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        self.sent.append((request.method.upper(), request.url))
        if self.before is not None:
            await self.before(request.method.upper(), request.url)
        fault = self._fault(request.method.upper(), request.url)
        if fault is None:
            return await call_next(request)
        if fault.how.endswith("after"):
            await call_next(request)
        raw = httpx2.Request(request.method, f"http://service.test{request.url}")
        if fault.how.startswith("lost"):
            raise anthropic.APIConnectionError(request=raw) from httpx2.ReadError("it broke")
        status = {"429": 429, "refu": 400}.get(fault.how[:4], 500)
        headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
        response = httpx2.Response(status, request=raw, headers=headers)
        kind = {429: anthropic.RateLimitError, 400: anthropic.BadRequestError}.get(
            status, anthropic.InternalServerError
        )
        raise kind("made up", response=response, body=None)

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.hits and fault.method == method and path.startswith(fault.path):
                fault.hits -= 1
                return fault
        return None

    def count(self, method: str, path: str) -> int:
        return sum(m == method and p.startswith(path) for m, p in self.sent)


@dataclass
class Bench:
    """One service, one project directory, one event loop that every call runs in."""

    base_url: str
    token: str
    directory: Path
    wire: Wire = field(default_factory=Wire)
    clock: TurnedClock = field(default_factory=TurnedClock)
    progress: list[Progress] = field(default_factory=list)
    loop: asyncio.Runner = field(default_factory=asyncio.Runner)

    @functools.cached_property
    def client(self) -> anthropic.AsyncAnthropic:
        """Nothing goes wrong on this one."""
        return make_client(self.base_url, self.token)

    def close(self) -> None:
        self.loop.run(self.client.close())
        self.loop.close()

    @property
    def store(self) -> StateStore:
        return StateStore(self.directory / "state", project="p", target="local")

    def run(self, call: Callable[[RemoteResources], Awaitable[T]]) -> T:
        """Over the connection that fails as it is told."""

        async def main() -> T:
            return await call(self.resources(self.wire))

        return self.loop.run(main())

    def resources(self, wire: Wire) -> RemoteResources:
        return RemoteResources(self.client.with_options(middleware=[wire]))

    def plan(self, wanted: Manifest, drift: DriftPolicy = DriftPolicy.BLOCK) -> Plan:
        return self.run(lambda r: make_plan(wanted, r, self.store, drift=drift))

    def apply(self, made: Plan) -> ApplyOutcome:
        return self.run(
            lambda r: apply_plan(made, r, self.store, self.progress.append, clock=self.clock)
        )

    def apply_all(self, wanted: Manifest) -> ApplyOutcome:
        outcome = self.apply(self.plan(wanted))
        outcome.raise_failure()
        return outcome

    def by_hand(self, kind: str, id: str, **fields: Any) -> None:
        """Somebody changes it in the Console."""
        resources = RemoteResources(self.client)
        self.loop.run(resources.update(kind, id, fields, expected_version=None))

    def names(self, kind: str) -> list[str]:
        return sorted(record.name for record in self.list(kind))

    def list(self, kind: str) -> list[Any]:
        return list(self.loop.run(RemoteResources(self.client).list(kind)))

    def body(self, kind: str, name: str) -> Mapping[str, Any]:
        (record,) = [record for record in self.list(kind) if record.name == name]
        body: Mapping[str, Any] = record.body
        return body


@contextlib.contextmanager
def embedded(directory: Path) -> Iterator[Bench]:
    service = start(ServiceConfig(root=directory / "service", driver=None, token=None))
    try:
        bench = Bench(base_url=service.base_url, token=service.token, directory=directory)
        yield bench
        bench.close()
    finally:
        service.stop()
