"""The layer `handler`: custom tools called as an agent would call them, without a session."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentflow.compiler import late
from agentflow.compiler.manifest import CustomToolPolicy
from agentflow.operations.orders import tool_secrets
from agentflow.operations.secrets import read_secrets
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.people import People
from agentflow.runtime.results import Results
from agentflow.runtime.session import Call, Outcome, Stage
from agentflow.runtime.tools import ToolHost
from agentflow.spec.test import HandlerCall
from agentflow.testing.bench import Case, scratch_directory
from agentflow.testing.clock import HandClock
from agentflow.testing.report import Report, Skipped
from agentflow.testing.results import Miss
from agentflow.testing.seen import shown
from agentflow.testing.values import plain_data
from agentflow.testing.workers import TestPool

__all__ = ["run_handler"]

_ID = "test"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


async def run_handler(case: Case) -> Report:
    """Make every call, with the schema, the rules for arguments and the limits of its tool.

    Raises:
        Skipped: a call would leave this machine, and nobody said that it may.
        SecretUnavailable: a request needs one that cannot be read.
    """
    calls = case.spec.calls or []
    used = {call.tool: case.policy.custom[call.tool] for call in calls}
    _refuse_to_leave(case, used)
    pool = TestPool(case.bench.root, case.bench.programs)
    found: list[Miss] = []
    try:
        with scratch_directory() as directory, Ledger.open(Path(":memory:")) as ledger:
            host = _host(case, used, pool, ledger, directory)
            for index, call in enumerate(calls):
                outcome = await host.run(_call(index, call))
                found += _misses(index, call, outcome)
    finally:
        await pool.close()
    return Report(misses=found, note=f"{len(calls)} calls")


def _refuse_to_leave(case: Case, used: Mapping[str, CustomToolPolicy]) -> None:
    for name, tool in used.items():
        if tool.http is not None and not case.bench.live:
            host = urlsplit(tool.http.url).hostname
            if host not in _LOOPBACK:
                raise Skipped(f"{name} is a request to {host}: --live lets it be made")


def _host(
    case: Case,
    used: Mapping[str, CustomToolPolicy],
    pool: TestPool,
    ledger: Ledger,
    directory: Path,
) -> ToolHost:
    clock = HandClock()
    ledger.begin_run(_ID, agent=case.agent, agent_id="", agent_version=1, at="")
    sources = case.bench.graph.project.spec.secrets
    people = People(
        run_id=_ID,
        session_id=_ID,
        ledger=ledger,
        clock=clock,
        person=None,
        tell=lambda notice: None,
    )
    return ToolHost(
        used,
        run_id=_ID,
        session_id=_ID,
        pool=pool,
        ledger=ledger,
        clock=clock,
        people=people,
        secrets=read_secrets(sorted(late.secrets(tool_secrets(used))), sources, case.bench.root),
        results=Results(directory / "results"),
    )


def _call(index: int, call: HandlerCall) -> Call:
    return Call(
        id=f"call{index}",
        name=call.tool,
        input=plain_data(call.arguments),
        custom=True,
        server=None,
        stage=Stage.RUNNING,
        began_s=0.0,
    )


def _misses(index: int, call: HandlerCall, outcome: Outcome) -> list[Miss]:
    path: tuple[str | int, ...] = ("calls", index)
    got = shown(outcome.text)
    if call.error is not None:
        if not outcome.is_error:
            return [Miss((*path, "error"), "The call does not fail.", call.error, got)]
        if call.error not in outcome.text:
            return [Miss((*path, "error"), "It fails for another reason.", call.error, got)]
        return []
    if outcome.is_error:
        return [Miss(path, "The call fails.", "a result", got)]
    found = []
    if call.result is not None and plain_data(call.result) != _value(outcome.text, call.result):
        expected = shown(json.dumps(plain_data(call.result), ensure_ascii=False))
        found.append(Miss((*path, "result"), "It returns something else.", expected, got))
    for number, needle in enumerate(call.contains or ()):
        if needle not in outcome.text:
            message = "Its result lacks a text."
            found.append(Miss((*path, "contains", number), message, needle, got))
    return found


def _value(text: str, wanted: object) -> Any:
    """A result as it was returned: text where text is wanted, else the data in it."""
    if isinstance(wanted, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
