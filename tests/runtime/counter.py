"""A whole shop counter: the embedded service over HTTP, an agent, a custom tool that leaves traces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import AgentPolicy, OutputPolicy
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.faults import Faults
from agentflow.local.server import RunningService, ServiceConfig, start
from agentflow.operations.clock import SystemClock
from agentflow.remote.client import make_client
from agentflow.remote.resources import RemoteResources
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.driver import Knobs, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Notice
from agentflow.runtime.run import RunRequest, RunResult
from tests.runtime.support import MODEL, agent_policy, custom_policy, rule, write_module

SCRIPT = """
turns:
  - think: true
    say: Rates first.
    tools:
      - { id: eur, name: rate, input: { currency: EUR } }
      - { id: usd, name: rate, input: { currency: USD } }
      - { id: note, name: edit, input: { file_path: /workspace/none.txt, old_string: a, new_string: b } }
    usage: { input: 100, output: 20, cache_read: 0, cache_write: 300 }
  - expect: { tool: note, is_error: true }
    say: Now the report.
    tools:
      - id: report
        name: write
        input: { file_path: /mnt/session/outputs/report.md, content: "# Rates\\n${result.eur} ${result.usd}\\n" }
    usage: { input: 10, output: 30, cache_read: 300, cache_write: 50 }
  - expect: { tool: report, is_error: false }
    say: The report is written.
    usage: { input: 5, output: 10, cache_read: 350, cache_write: 0 }
"""

RATE = """
from pathlib import Path

def rate(currency):
    with open(Path(__file__).parent / "calls.txt", "a") as file:
        file.write(currency + "\\n")
    return {"EUR": "1.00", "USD": "1.16"}[currency]
"""

RATE_SCHEMA = {
    "type": "object",
    "properties": {"currency": {"type": "string"}},
    "required": ["currency"],
}

QUICK = Knobs(
    silence_s=0.6, give_up_s=20.0, stop_wait_s=10.0, settle_s=4.0, settle_stopped_s=0.5, tick_s=0.05
)


def counter_policy(**changes: Any) -> AgentPolicy:
    values: dict[str, Any] = {
        "task": "Write down the rates.",
        "custom": {"rate": custom_policy(input_schema=RATE_SCHEMA)},
        "outputs": {
            "report": OutputPolicy(
                path="report.md", required=True, schema=None, sections=("Rates",)
            )
        },
        "approvals": (rule("edit", match={"file_path": "/workspace/*"}),),
        "tools": {"write": "allow", "edit": "ask"},
    }
    return agent_policy(**{**values, **changes})


def _agent_payload() -> dict[str, Any]:
    def tool(name: str, policy: str) -> dict[str, Any]:
        return {"name": name, "enabled": True, "permission_policy": {"type": policy}}

    return {
        "name": "teller",
        "model": {"id": MODEL},
        "system": "You write down rates.",
        "tools": [
            {
                "type": "agent_toolset_20260401",
                "default_config": {"enabled": False},
                "configs": [tool("write", "always_allow"), tool("edit", "always_ask")],
            },
            {
                "type": "custom",
                "name": "rate",
                "description": "The rate of a currency.",
                "input_schema": RATE_SCHEMA,
            },
        ],
    }


@dataclass
class Counter:
    """One service with one agent. Every run has a directory of its own."""

    service: RunningService
    root: Path
    agent_id: str = ""
    environment_id: str = ""
    runs: int = 0
    notices: list[Notice] = field(default_factory=list)

    def reset_faults(self, **faults: Any) -> Faults:
        """Switch off what the last test switched on, and these on."""
        self.service.faults.reset(**faults)
        return self.service.faults

    async def open(self) -> None:
        client = make_client(self.service.base_url, self.service.token)
        try:
            resources = RemoteResources(client)
            environment = {"name": "desk", "config": {"type": "cloud"}}
            self.environment_id = (await resources.create("environment", environment)).id
            self.agent_id = (await resources.create("agent", _agent_payload())).id
        finally:
            await client.close()

    def run(self, policy: AgentPolicy | None = None, **more: Any) -> RunResult:
        return asyncio.run(self.go(policy, **more))

    async def go(self, policy: AgentPolicy | None = None, **more: Any) -> RunResult:
        self.runs += 1
        self.notices = []
        write_module(self.directory, {"shop/__init__.py": "", "shop/tools.py": RATE})
        request = RunRequest(
            run_id=f"run{self.runs}",
            agent="agent/teller",
            agent_id=self.agent_id,
            agent_version=1,
            environment_id=self.environment_id,
            policy=policy or counter_policy(),
            inputs={},
            out_dir=self.directory / "out",
            project_root=self.directory,
        )
        client = make_client(self.service.base_url, self.service.token)
        streams = make_client(self.service.base_url, self.service.token)
        given: dict[str, Any] = {
            "clock": SystemClock(),
            "observer": self.notices.append,
            "person": None,
            "knobs": QUICK,
            "draw": lambda: 0.0,
        }
        try:
            with Ledger.open(self.directory / "ledger.db") as ledger:
                return await run_session(
                    request,
                    sessions=RemoteSessions(client, streams),
                    ledger=ledger,
                    **{**given, **more},
                )
        finally:
            await streams.close()
            await client.close()

    def session_status(self, session_id: str) -> str:
        async def ask() -> str:
            client = make_client(self.service.base_url, self.service.token)
            try:
                return (await RemoteSessions(client).retrieve(session_id)).status
            finally:
                await client.close()

        return asyncio.run(ask())

    @property
    def directory(self) -> Path:
        return self.root / f"run{self.runs}"

    @property
    def effects(self) -> list[str]:
        """What the custom tool did, in the order it did it."""
        path = self.directory / "shop/calls.txt"
        return path.read_text().split() if path.exists() else []

    def history(self, session_id: str) -> list[Mapping[str, Any]]:
        async def ask() -> list[Mapping[str, Any]]:
            client = make_client(self.service.base_url, self.service.token)
            try:
                return list(await RemoteSessions(client).history(session_id))
            finally:
                await client.close()

        return asyncio.run(ask())


@contextmanager
def open_counter(root: Path, script: str = SCRIPT) -> Iterator[Counter]:
    path = root / "script.yaml"
    path.write_text(script, encoding="utf-8")
    service = start(ServiceConfig(root=root / "service", driver=ScriptDriver.load(path)))
    try:
        counter = Counter(service, root)
        asyncio.run(counter.open())
        yield counter
    finally:
        service.stop()
