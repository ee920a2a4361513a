"""What is known of a run that has ended, in the form in which expectations ask for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from agentflow.audit.finding import Facts, Finding, find
from agentflow.audit.story import Message, Story, ToolUse, tell
from agentflow.compiler.manifest import AgentPolicy
from agentflow.diagnostics import Span
from agentflow.runtime.run import RunResult
from agentflow.spec.expect import CallExpected
from agentflow.testing.results import Evidence

__all__ = ["Approved", "Seen", "fits", "shown", "text_of_argument"]

_SHOWN = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An answer to a tool that asked."""

    call_id: str
    tool: str
    allowed: bool
    by: str


@dataclass(kw_only=True)
class Seen:
    """One run from outside. Computed once, when it is asked for."""

    result: RunResult
    history: Sequence[Mapping[str, Any]]
    approvals: Sequence[tuple[str, str, bool, str]] = ()
    """Call, tool, whether it was allowed, and by whom."""
    agent: str
    policy: AgentPolicy
    sources: Mapping[str, Span] = field(default_factory=dict)

    @cached_property
    def story(self) -> Story:
        return tell(self.history)

    @property
    def calls(self) -> Sequence[ToolUse]:
        """All calls of tools, in order."""
        return self.story.calls

    @property
    def messages(self) -> list[Message]:
        """Of the agent."""
        return [message for message in self.story.messages if message.who == "agent"]

    @cached_property
    def answers(self) -> list[Approved]:
        return [
            Approved(call_id=id, tool=tool, allowed=allowed, by=by)
            for id, tool, allowed, by in self.approvals
        ]

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What an audit says."""
        facts = Facts(
            agent=self.agent,
            policy=self.policy,
            sources=self.sources,
            model=self.policy.model,
            files=tuple(o.filename for o in self.result.outputs if o.path is not None),
            persons={answer.call_id: answer.by for answer in self.answers},
        )
        return find(self.story, facts)

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {str(event.get("id")): n for n, event in enumerate(self.history, start=1)}

    def evidence(self, id: str, text: str) -> Evidence:
        return Evidence(id, self._numbers.get(id, 0), text)

    def call(self, call: ToolUse) -> Evidence:
        return self.evidence(call.id, described(call))

    @property
    def last_stop(self) -> Evidence | None:
        """The last time the session came to rest. None: it never did."""
        if not self.story.stops:
            return None
        stop = self.story.stops[-1]
        return self.evidence(stop.id, f"idle, {stop.reason}")

    @property
    def called(self) -> str:
        """What was called, in order: `read, write x2`."""
        counts: dict[str, int] = {}
        for call in self.calls:
            counts[call.name] = counts.get(call.name, 0) + 1
        parts = (name if n == 1 else f"{name} x{n}" for name, n in counts.items())
        return ", ".join(parts) or "no tool"


def described(call: ToolUse) -> str:
    arguments = json.dumps(call.input, ensure_ascii=False)
    return f"{call.name} {shown(arguments)}"


def shown(text: str) -> str:
    """A text in a message: not too long, on one line."""
    line = text.replace("\n", "⏎")
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}… ({len(text)} characters)"


def text_of_argument(value: object) -> str:
    """What a glob is held against."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fits(call: ToolUse, wanted: CallExpected) -> bool:
    """Whether a call is one of those that are meant."""
    return fnmatchcase(call.name, wanted.tool) and not any(differences(call, wanted))


def differences(call: ToolUse, wanted: CallExpected) -> Iterator[str]:
    """In what a call of the right tool is another one than is meant."""
    for name, glob in wanted.arguments.items():
        if name not in call.input:
            yield f"it has no argument {name!r}"
        elif not fnmatchcase(text_of_argument(call.input[name]), glob):
            yield f"{name!r} was {shown(text_of_argument(call.input[name]))!r}"
    if wanted.result is not None and wanted.result not in call.result:
        yield f"its result was {shown(call.result)!r}"
    if wanted.failed is not None and call.is_error is not wanted.failed:
        yield "its result is an error" if call.is_error else "its result is no error"
