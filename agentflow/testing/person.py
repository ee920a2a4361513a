"""Somebody at the terminal who says what a test says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from agentflow.runtime.approvals import Answer, tool_name
from agentflow.runtime.session import Call

__all__ = ["ScriptedPerson"]


@dataclass(slots=True)
class ScriptedPerson:
    """`approvals.Person` who answers from lists, and is silent about all else."""

    allow: Sequence[str] = ()
    """Tools, as globs."""
    deny: Sequence[str] = ()
    replies: Sequence[str] = ()
    """To questions of the agent, in order."""
    asked: list[str] = field(default_factory=list)
    """What has been asked so far: tools and questions."""
    _replied: int = 0

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        tool = tool_name(call.name, call.server)
        self.asked.append(tool)
        for globs, allowed in ((self.deny, False), (self.allow, True)):
            if any(fnmatchcase(tool, glob) for glob in globs):
                return Answer(allowed, None if allowed else "The person said no.")
        return None

    async def answer(self, question: str) -> str | None:
        self.asked.append(question)
        if self._replied >= len(self.replies):
            return None
        self._replied += 1
        return self.replies[self._replied - 1]
