"""What must not happen, even where nothing failed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.audit.checks.words import commands, short, words
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.story import Story, ToolUse
from agentflow.diagnostics import Severity
from agentflow.lint.rules.secrets import secrets_in

__all__: list[str] = []


@audit("AU601", "secret-in-transcript", Severity.ERROR)
def secret_in_transcript(story: Story, facts: Facts) -> Iterator[Hit]:
    """A secret stands in the transcript.

    The service keeps it as long as the session, every later turn reads it, and so does whoever may read
    the session. The secret itself is not repeated here.
    """
    for id, where, text, turn in _texts(story):
        what = _secret(text, facts)
        if what is not None:
            yield Hit(
                f"{what[0].upper()}{what[1:]} stands in {where}.",
                (id,),
                "Replace the secret, and give it to a vault or to a custom tool's header instead.",
                facts.source("prompt", "custom"),
                turn,
            )


def _texts(story: Story) -> Iterator[tuple[str, str, str, int]]:
    for message in story.messages:
        who = {"user": "a message of the user", "agent": "a message of the agent"}
        yield message.id, who.get(message.who, "a system message"), message.text, message.turn
    for call in story.calls:
        given = "\n".join(str(value) for value in call.input.values())
        yield call.id, f"the arguments of {call.name}", given, call.turn
        if call.result_id is not None:
            yield call.result_id, f"the result of {call.name}", call.result, call.turn


def _secret(text: str, facts: Facts) -> str | None:
    if any(value in text for value in facts.own_secrets):
        return "a secret of this project"
    return next((what for what, _, _ in secrets_in(text)), None)


_ORDERS = re.compile(
    r"(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?"
    r"(?:previous|prior|earlier|above)\s+(?:instructions|prompts?|rules)|"
    r"you are now (?:a|an|in)\b[^.\n]{0,40}\bmode|"
    r"(?:do not|don't) (?:tell|inform|mention (?:this|it) to) the user|"
    r"<\s*/?\s*system\s*>\s*\S",
    re.IGNORECASE,
)

_MARKS = ("ignore", "disregard", "forget", "you are now", " the user", "system")
"""In lower case: a result without any of them gives no orders."""


@audit("AU602", "orders-in-a-result", Severity.WARNING)
def orders_in_a_result(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool result contained orders to the model.

    What an agent reads may try to steer it. Look at what it did after this result.
    """
    for call in story.calls:
        lower = call.result.lower()
        if call.name in ("read", "write", "edit") or not any(map(lower.__contains__, _MARKS)):
            continue
        found = _ORDERS.search(call.result)
        if found is not None:
            later = [other.name for other in story.calls if other.seq > (call.result_seq or 0)]
            did = f" It then called {', '.join(later[:3])}." if later else ""
            yield Hit(
                f'The result of {call.name} gives orders: "{short(found[0])}".{did}',
                call.evidence[::-1],
                "Keep private data and ways out away from an agent that reads what strangers write.",
                facts.source("tools"),
                call.turn,
            )


_DESTRUCTIVE = (
    (re.compile(r"\bgit\s+push\b.*(?:--force\b|-f\b)(?!-with-lease)"), "pushes by force"),
    (re.compile(r"\b(?:drop|truncate)\s+(?:table|database|schema)\b", re.IGNORECASE), "drops data"),
    (re.compile(r"\bdelete\s+from\s+\w+\s*(?:;|[\"']|$)", re.IGNORECASE), "deletes every row"),
    (re.compile(r"\bmkfs\.|\bdd\b.*\bof=/dev/"), "writes to a disk"),
    (re.compile(r"\bgit\s+(?:reset\s+--hard|clean\s+-\w*f)"), "throws work away"),
    (re.compile(r"\b(?:curl|wget)\b.*\|\s*(?:sudo\s+)?(?:ba|z)?sh\b"), "runs what it downloads"),
)


@audit("AU603", "destructive-command", Severity.WARNING)
def destructive_command(story: Story, facts: Facts) -> Iterator[Hit]:
    """A command that destroys something ran without anybody being asked."""
    for call in story.calls:
        if call.name != "bash" or call.permission in ("ask", "deny") or call.answer_id is not None:
            continue
        what = _destroys(call)
        if what is not None:
            yield Hit(
                f"bash {what} without having been asked about: {short(call.text('command'))}",
                call.evidence,
                "Set `bash: ask`, and let rules answer for what is harmless.",
                facts.source("tools.bash"),
                call.turn,
            )


def _destroys(call: ToolUse) -> str | None:
    text = call.text("command")
    for pattern, what in _DESTRUCTIVE:
        if pattern.search(text):
            return what
    for command in commands(call) if "rm" in text else ():
        found = words(command)
        if "rm" in found[:2] and any(re.fullmatch(r"-\w*[rR]\w*|--recursive", w) for w in found):
            targets = [w for w in found[found.index("rm") + 1 :] if not w.startswith("-")]
            if any(_dear(target) for target in targets):
                return "removes whole directories"
    return None


def _dear(path: str) -> bool:
    if path in ("/", "~", "*", ".", "..", "/*") or path.startswith(("~/", "../")):
        return True
    return path.startswith("/") and not path.startswith(
        ("/tmp/", "/var/tmp/", "/mnt/session/outputs/")
    )
