"""A run in the log: what happens, with the ids of run and session, and nothing of what is said.

Records go to the logger `agentflow.run` of the standard library, so an application that uses agentflow
has them in its own log. Each has `run_id`, `session_id` and `facts`, a mapping of JSON data.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from agentflow.runtime.notices import (
    Approval,
    Ended,
    Note,
    Notice,
    OutputVerified,
    Received,
    Reconnecting,
    RepairSent,
    SessionStarted,
    Spent,
    ToolEnded,
    ToolStarted,
    Verifying,
)
from agentflow.runtime.run import Verdict

__all__ = ["RunLog"]

_log = logging.getLogger("agentflow.run")
# Who has set up no logging watches the run in another way, and is not told the same again.
_log.addHandler(logging.NullHandler())

_ENDED_WELL = frozenset({Verdict.COMPLETED, Verdict.DETACHED})


class RunLog:
    """An `Observer` that logs one run."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._session_id: str | None = None

    def __call__(self, notice: Notice) -> None:
        match notice:
            case Received(event=event) if _log.isEnabledFor(logging.DEBUG):
                facts = {"type": event.get("type"), "id": event.get("id")}
                self._say(logging.DEBUG, "event", facts)
            case SessionStarted(session_id=id):
                self._session_id = id
                self._say(logging.INFO, "session started", {})
            case ToolStarted():
                facts = {"tool": notice.name, "call": notice.id, "ours": notice.custom}
                self._say(logging.INFO, "tool started", facts)
            case ToolEnded():
                self._tool_ended(notice)
            case Approval():
                facts = {"tool": notice.name, "call": notice.id, "by": notice.by}
                self._say(logging.INFO, "allowed" if notice.allowed else "denied", facts)
            case Spent():
                self._spent(notice)
            case Verifying():
                self._say(logging.INFO, "verifying outputs", {})
            case OutputVerified(output=output):
                level = logging.WARNING if output.problems else logging.INFO
                facts = {"output": output.name, "sha256": output.sha256}
                self._say(level, "output", {**facts, "problems": list(output.problems)})
            case RepairSent():
                facts = {"attempt": notice.attempt, "problems": list(notice.problems)}
                self._say(logging.WARNING, "repair sent", facts)
            case Reconnecting():
                facts = {"attempt": notice.attempt, "delay_s": notice.delay_s}
                self._say(logging.WARNING, "reconnecting", {**facts, "reason": notice.reason})
            case Note(level=level, text=text):
                self._say(logging.WARNING if level == "warning" else logging.INFO, text, {})
            case Ended():
                self._ended(notice)
            case _:
                pass

    def started(self, agent: str, version: int) -> None:
        self._say(logging.INFO, "run started", {"agent": agent, "version": version})

    def failed(self, error: BaseException) -> None:
        """The run came to no verdict."""
        self._say(logging.ERROR, "run failed", {"error": type(error).__name__, "text": str(error)})

    def _tool_ended(self, notice: ToolEnded) -> None:
        level = logging.WARNING if notice.is_error else logging.INFO
        facts = {"tool": notice.name, "call": notice.id, "failed": notice.is_error}
        self._say(level, "tool ended", {**facts, "seconds": round(notice.seconds, 3)})

    def _spent(self, notice: Spent) -> None:
        cost = None if notice.cost_usd is None else str(notice.cost_usd)
        facts = {"turns": notice.turns, "tokens": notice.tokens.total, "cost_usd": cost}
        self._say(logging.INFO, "spent", facts)

    def _ended(self, notice: Ended) -> None:
        result = notice.result
        level = logging.INFO if result.verdict in _ENDED_WELL else logging.WARNING
        facts = {"verdict": result.verdict.value, "reason": result.reason}
        self._say(level, "run ended", {**facts, "wall_s": round(result.wall_s, 3)})

    def _say(self, level: int, message: str, facts: Mapping[str, Any]) -> None:
        if _log.isEnabledFor(level):
            ids = {"run_id": self._run_id, "session_id": self._session_id}
            # As an argument, a per cent sign in a message is none of a format.
            _log.log(level, "%s", message, extra={**ids, "facts": facts})
