"""A desk with custom tools: calls go to a real host with real processes, and a ledger on disk."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import CustomToolPolicy
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.people import People
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.results import Results
from agentflow.runtime.session import Call, Outcome, Stage
from agentflow.runtime.tools import ToolHost
from agentflow.secret import SecretText
from tests.runtime.support import HandClock, write_module

MODULE = """
import asyncio, os, sys, time, subprocess
from pathlib import Path

HERE = Path(__file__).parent
calls = 0

def rate(currency="EUR"):
    global calls
    calls += 1
    with open(HERE / "calls.txt", "a") as file:
        file.write(currency + "\\n")
    print("noise on standard output")
    return {"currency": currency, "rate": 1.1, "call": calls}

def text(): return "plain"
def nothing(): return None
def surroundings(): return dict(os.environ)
def big(): return "x" * 200_000
def odd(): return {Path("a"), 1}
def quits(): sys.exit(3)
def dies(): os._exit(9)
def leaks(): raise RuntimeError("key " + os.environ["SHOP_API_KEY"])
def spins():
    while True: pass
def sleeps():
    child = subprocess.Popen(["sleep", "600"])
    (HERE / "pids.txt").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(600)
def detaches():
    if os.fork() == 0:
        os.setsid()
        (HERE / "pids.txt").write_text(str(os.getpid()))
        time.sleep(600)
    while not (HERE / "pids.txt").exists():
        time.sleep(0.01)
    return "detached"
def keys(): return {(1, 2): 3}
def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value
def nested(n):
    value = []
    for _ in range(n):
        value = [value]
    return value
def endless(): return "x" * (64 << 20)
class Mute:
    def __str__(self): raise KeyError(os.environ["SHOP_API_KEY"])
def mute(): return Mute()
async def later(n):
    await asyncio.sleep(0)
    return n + 1
"""


def call(name: str = "rate", id: str = "sevt_1", **input: Any) -> Call:
    return Call(
        id=id, name=name, input=input, custom=True, server=None, stage=Stage.RUNNING, began_s=0.0
    )


class Bench:
    def __init__(self, root: Path) -> None:
        self.root = root
        write_module(root, {"shop/__init__.py": "", "shop/tools.py": MODULE})
        self.ledger = Ledger.open(root / "ledger.db")
        begin(self.ledger)

    def run(
        self,
        *calls: Call,
        person: Any = None,
        secrets: Mapping[str, SecretText] | None = None,
        **tools: CustomToolPolicy,
    ) -> list[Outcome]:
        return asyncio.run(self._run(calls, tools, person, secrets or {}))

    async def _run(
        self,
        calls: tuple[Call, ...],
        tools: dict[str, CustomToolPolicy],
        person: Any,
        secrets: Mapping[str, SecretText],
    ) -> list[Outcome]:
        pool = WorkerPool(self.root)
        host = ToolHost(
            tools,
            run_id="run1",
            session_id="sesn_1",
            pool=pool,
            ledger=self.ledger,
            clock=HandClock(),
            people=People(
                run_id="run1",
                session_id="sesn_1",
                ledger=self.ledger,
                clock=HandClock(),
                person=person,
                tell=lambda notice: None,
            ),
            secrets=secrets,
            results=Results(self.root / "runs/run1/results"),
        )
        try:
            return [await host.run(one) for one in calls]
        finally:
            await pool.close()

    @property
    def effects(self) -> list[str]:
        path = self.root / "shop/calls.txt"
        return path.read_text().split() if path.exists() else []


def begin(ledger: Ledger, run_id: str = "run1") -> None:
    ledger.begin_run(run_id, agent="agent/a", agent_id="agent_1", agent_version=1, at="2026")


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie that nobody has collected yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        os.sched_yield()
