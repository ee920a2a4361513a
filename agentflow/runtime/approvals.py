"""Who answers when a tool asks. Rules are held against a call in order; nothing matching means deny.

A pattern is a glob over the whole argument, case-sensitive: `*`, `?`, `[abc]`, `[!abc]`.

Shell commands need more care, because `python3 *` would also match `python3 x.py; rm -rf /`. So for
`command` of `bash` the operators of the command (`;`, `&&`, `|`, newline, redirections, `$(`, backticks
and so on, outside of quotes) must be the very ones of the pattern, in the same order. A pattern
without operators therefore matches one simple command and nothing else; `* | head *` matches one
pipe. To allow every command, leave `match` out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Protocol

from agentflow.compiler.manifest import ApprovalPolicy, WebhookPolicy
from agentflow.runtime.session import Call

__all__ = [
    "Allow",
    "Answer",
    "AskPerson",
    "Deny",
    "Person",
    "decide",
    "shell_operators",
    "tool_name",
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said."""

    allow: bool
    message: str | None = None


class Person(Protocol):
    """Somebody who can be asked while a run waits."""

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        """Whether a call may run. None: no answer within `wait_s` (None: no limit)."""
        ...

    async def answer(self, question: str) -> str | None:
        """The answer to a question of the agent. None: there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Allow:
    by: str
    """`rule 1`: counted from 1, as in the spec."""


@dataclass(frozen=True, slots=True)
class Deny:
    message: str
    by: str
    """`rule 1`, or `default`."""


@dataclass(frozen=True, slots=True)
class AskPerson:
    by: str
    wait_s: float | None
    """None: as long as it takes."""
    on_timeout: str
    """`deny` or `halt`."""
    message: str | None
    """What the agent is told when denied."""
    webhook: WebhookPolicy | None = None
    """Asked beside the people at terminals. None: only they are."""


def tool_name(name: str, server: str | None) -> str:
    """How rules call a tool: `bash`, or `warehouse.add_note` for one of an MCP server."""
    return f"{server}.{name}" if server else name


def decide(
    rules: Sequence[ApprovalPolicy], tool: str, input: Mapping[str, Any]
) -> Allow | Deny | AskPerson:
    """The answer of the first rule that matches."""
    for number, rule in enumerate(rules, start=1):
        if not fnmatchcase(tool, rule.tool) or not _matches(rule.match, tool, input):
            continue
        by = f"rule {number}"
        if rule.answer == "allow":
            return Allow(by)
        if rule.answer == "deny":
            return Deny(rule.message or f"The project does not allow this use of {tool}.", by)
        return AskPerson(by, rule.wait_s, rule.on_timeout, rule.message, rule.webhook)
    return Deny(_no_rule(tool, input), "default")


def _matches(patterns: Mapping[str, str], tool: str, input: Mapping[str, Any]) -> bool:
    for argument, pattern in patterns.items():
        if argument not in input:
            return False
        value = input[argument]
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if not fnmatchcase(text, pattern):
            return False
        if (tool, argument) == ("bash", "command") and (
            shell_operators(text) != shell_operators(pattern)
        ):
            return False
    return True


def _no_rule(tool: str, input: Mapping[str, Any]) -> str:
    """Says which rule would allow the call; the agent and whoever reads the log both see it."""
    example = ""
    command = input.get("command")
    if tool == "bash" and isinstance(command, str) and command.split():
        if shell_operators(command):
            return (
                "No approval rule matches. A rule matches one simple command at a time: "
                "send the commands one by one."
            )
        example = f', match: {{ command: "{command.split()[0]} *" }}'
    return (
        f"No approval rule matches. A rule such as "
        f"`{{ tool: {tool}{example}, answer: allow }}` would allow it."
    )


_OPERATOR = re.compile(r"&&|\|\||;;|<<|>>|\$\(|\$\{|\$\[|\$'|\$\"|[;&|\n\r<>()`#]")
_IN_DOUBLE_QUOTES = re.compile(r"\$\(|\$\{|\$\[|`")


def shell_operators(command: str) -> tuple[str, ...]:
    """What makes a shell command more than one simple command, in order, outside of quotes.

    Inside double quotes only substitutions count, inside single quotes nothing. `$'…'` counts as an
    operator, because its quoting rules are others; so do `#`, behind which a quote is no quote, and
    a quote that is never closed. When in doubt the answer is an operator more, never one less.
    """
    found: list[str] = []
    quote = ""
    at = 0
    while at < len(command):
        char = command[at]
        if quote == "'":
            quote = "" if char == "'" else quote
        elif char == "\\":
            at += 1
            if command[at : at + 1] in ("\n", "\r", ""):
                found.append("\\")
        elif quote == '"' and char == '"':
            quote = ""
        elif match := (_IN_DOUBLE_QUOTES if quote else _OPERATOR).match(command, at):
            found.append(match.group())
            at = match.end() - 1
            if match.group() in ("$'", '$"'):
                quote = match.group()[1]
        elif not quote and char in "'\"":
            quote = char
        at += 1
    return (*found, quote) if quote else tuple(found)
