"""Runs in processes of their own that are killed outright at one point: at a write of the ledger or at a request.

Started as a program it reads an `Order` per line, as JSON, and forks a process for each, so that what
takes long, which is to import everything, is done once. It answers with a line: the exit code, or the
negative number of the signal. What the process printed is in `printed.txt` of its directory.

Points are counted from 1; each write and each request is two of them, one before it takes place and
one after. With `fatal` 0 nothing happens, and the number of points and the verdict are printed.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentflow.operations.clock import SystemClock
from agentflow.ports import SessionInfo
from agentflow.remote.client import make_client
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.driver import resume_session, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.record import _policies, read_record
from tests.runtime.counter import QUICK

__all__ = ["Order", "Runner"]


class Points:
    def __init__(self, fatal: int) -> None:
        self.fatal = fatal
        self.passed = 0

    def reach(self) -> None:
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


class FragileLedger(Ledger):
    points = Points(0)

    def _execute(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        # How long a run has been followed is written by the clock, not by what happens.
        if not sql.startswith(("INSERT", "UPDATE")) or "wall_s=?" in sql:
            return super()._execute(sql, values)
        self.points.reach()
        found = super()._execute(sql, values)
        self.points.reach()
        return found


class FragileSessions(RemoteSessions):
    points = Points(0)

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        self.points.reach()
        made = await super().create(body)
        self.points.reach()
        return made

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        self.points.reach()
        sent = await super().send(session_id, events)
        self.points.reach()
        return sent


class Order(NamedTuple):
    base_url: str
    key: str
    directory: str
    """Holds `record.json`, as `write_record` makes it."""
    run_id: str
    fatal: int
    """The point to die at."""


async def _run(order: Order, record: Mapping[str, Any]) -> str:
    points = FragileLedger.points = FragileSessions.points = Points(order.fatal)
    root = Path(order.directory)
    recorded = read_record(order.run_id, record, root=root, secrets={})
    client, streams = make_client(order.base_url, order.key), make_client(order.base_url, order.key)
    with FragileLedger.open(root / "ledger.db") as ledger:
        more: dict[str, Any] = {
            "sessions": FragileSessions(client, streams),
            "ledger": ledger,
            "clock": SystemClock(),
            "observer": lambda notice: None,
            "person": None,
            "knobs": QUICK,
            "draw": lambda: 0.0,
        }
        if ledger.run(order.run_id) is None:
            result = await run_session(recorded.request, **more)
        else:
            result = await resume_session(recorded, **more)
    await streams.close()
    await client.close()
    return f"{points.passed} {result.verdict}"


def _child(order: Order) -> int:
    root = Path(order.directory)
    try:
        text = asyncio.run(_run(order, json.loads((root / "record.json").read_text("utf-8"))))
    except BaseException:
        (root / "printed.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return 1
    (root / "printed.txt").write_text(text, encoding="utf-8")
    return 0


def _warm_up() -> None:
    """Have loaded what is loaded late."""
    import jsonschema  # noqa: F401
    import referencing  # noqa: F401

    beta = make_client("http://127.0.0.1:9", "key").beta
    RemoteSessions(make_client("http://127.0.0.1:9", "key"))
    assert beta.sessions.events.with_streaming_response
    assert beta.files.with_raw_response
    assert _policies()


def _serve() -> None:
    _warm_up()
    for line in sys.stdin:
        order = Order(*json.loads(line))
        process = os.fork()
        if process == 0:
            os._exit(_child(order))
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class Runner:
    """The program, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.crash_runner"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: Order) -> int:
        """The exit code of the process; -9: it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=30)


if __name__ == "__main__":
    _serve()
