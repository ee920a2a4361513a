"""What tools were called with, and what came of it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Container, Iterator

from agentflow.audit.checks.words import commands, normal_error, plural, short, tool_key, words
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.story import Story, ToolUse
from agentflow.diagnostics import Severity

__all__: list[str] = []

_KNOWN_KEYS = {
    "bash": {"command", "restart", "timeout_ms"},
    "read": {"file_path", "view_range"},
    "write": {"file_path", "content"},
    "edit": {"file_path", "old_string", "new_string", "replace_all"},
    "glob": {"pattern", "path"},
    "grep": {"pattern", "path"},
}
"""Arguments of the service's own tools: https://platform.claude.com/docs/en/managed-agents/tools"""

_NEEDED = {
    "read": {"file_path"},
    "write": {"file_path", "content"},
    "edit": {"file_path", "old_string", "new_string"},
    "glob": {"pattern"},
    "grep": {"pattern"},
}

_SAID = (
    "is a required property",
    "additional properties are not allowed",
    "is not of type",
    "is not one of",
    "does not match",
    "field required",
    "missing required",
    "unexpected keyword",
    "invalid argument",
    "invalid parameter",
    "invalid input",
    "validation error",
)
"""In lower case: how a tool says that it was called wrongly."""

OVERSIZED = 40_000
"""Characters of one result, about ten thousand tokens, which every later turn reads again."""
SAME_CALLS = 3
SAME_ERRORS = 3
SLOW_S = 60.0


@audit("AU101", "wrong-parameters", Severity.WARNING)
def wrong_parameters(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool was called with parameters it does not take.

    Each such call is a turn that did nothing but teach the model the tool's shape. The description
    of the tool, or of the argument, does not say enough; for a tool of your own, an example in its
    description ends it in most cases.
    """
    found: dict[str, list[tuple[ToolUse, str]]] = defaultdict(list)
    for call in story.calls:
        why = _wrong(call)
        if why:
            found[call.name].append((call, why))
    for name, calls in found.items():
        first, why = calls[0]
        yield Hit(
            f"{name} was called with wrong parameters {_times(len(calls))}: {why}",
            tuple(id for call, _ in calls for id in call.evidence),
            f"Say in the description of {name} what it takes, with an example."
            if first.kind == "custom"
            else f"Tell the agent in its prompt how {name} is called here.",
            facts.source(f"custom.{name}" if first.kind == "custom" else tool_key(name)),
            first.turn,
        )


def _wrong(call: ToolUse) -> str | None:
    if call.kind == "built-in" and call.name in _KNOWN_KEYS:
        unknown = sorted(set(call.input) - _KNOWN_KEYS[call.name])
        missing = sorted(_NEEDED.get(call.name, set()) - set(call.input))
        if unknown or missing:
            parts = [f"{key!r} is not known" for key in unknown]
            return ", ".join([*parts, *(f"{key!r} is missing" for key in missing)]) + "."
    if call.is_error and any(said in call.result.lower() for said in _SAID):
        return short(call.result, 120)
    return None


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


@audit("AU102", "same-call-again", Severity.WARNING)
def same_call_again(story: Story, facts: Facts) -> Iterator[Hit]:
    """The same call was made again and again, and its result was the same.

    The model goes in a circle: what it reads does not tell it what it wants to know. Nothing but a
    limit ends such a run.
    """
    groups: dict[tuple[str, str, str], list[ToolUse]] = defaultdict(list)
    for call in story.calls:
        if call.result_id is None or call.is_error:
            continue
        arguments = json.dumps(call.input, sort_keys=True, default=str)
        groups[call.name, arguments, call.result].append(call)
    for (name, _, _), calls in groups.items():
        if len(calls) >= SAME_CALLS:
            yield Hit(
                f"{name} was called {len(calls)} times with the same arguments, and the result was the "
                "same each time.",
                tuple(id for call in calls for id in call.evidence),
                "Say in the prompt what to do when nothing changes, and limit `budget.tool_calls`.",
                facts.source("budget.tool_calls", "prompt"),
                calls[-1].turn,
            )


@audit("AU103", "same-error-again", Severity.ERROR)
def same_error_again(story: Story, facts: Facts) -> Iterator[Hit]:
    """The same error came back several times in a row.

    The model repeats what cannot work. Each attempt costs a turn that reads the whole context again.
    """
    streaks: dict[str, list[ToolUse]] = {}
    for call in story.calls:
        if call.result_id is None:
            continue
        last = streaks.get(call.name, [])
        if call.is_error and last and normal_error(last[-1].result) == normal_error(call.result):
            last.append(call)
            continue
        yield from _streak(last, facts)
        streaks[call.name] = [call] if call.is_error else []
    for calls in streaks.values():
        yield from _streak(calls, facts)


def _streak(calls: list[ToolUse], facts: Facts) -> Iterator[Hit]:
    if len(calls) < SAME_ERRORS:
        return
    first = calls[0]
    yield Hit(
        f"{first.name} failed {len(calls)} times in a row with the same error: {short(first.result)}",
        tuple(id for call in calls for id in call.evidence),
        "Mend what it says, or say in the prompt what to do instead of trying again.",
        facts.source(f"custom.{first.name}" if first.kind == "custom" else tool_key(first.name)),
        first.turn,
    )


@audit("AU104", "denied-again", Severity.WARNING)
def denied_again(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool was tried again after it had been denied.

    The agent does not know what it may do: the prompt asks for something that the permissions forbid.
    """
    denied: dict[str, list[ToolUse]] = defaultdict(list)
    for call in story.calls:
        if call.permission == "deny" or call.answer == "deny":
            denied[call.name].append(call)
    for name, calls in denied.items():
        if len(calls) >= 2:
            yield Hit(
                f"{name} was denied {len(calls)} times, and tried again.",
                tuple(id for call in calls for id in (call.id, call.answer_id) if id),
                f"Turn {name} off, or allow what the prompt asks for; a `message` in the rule tells the "
                "agent what to do instead.",
                facts.source("approvals", tool_key(name)),
                calls[0].turn,
            )


@audit("AU105", "oversized-result", Severity.WARNING)
def oversized_result(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool result was very large.

    Every later turn reads it again, from the cache at best. Above 100,000 characters the service
    writes it to a file and shows the model a preview.
    """
    for call in story.calls:
        if len(call.result) >= OVERSIZED:
            later = sum(turn.number > call.turn for turn in story.turns)
            yield Hit(
                f"{call.name} returned {len(call.result):,} characters, which {plural(later, 'turn')} "
                "read after it.",
                call.evidence[::-1],
                "Return less, or a file and a summary."
                if call.kind != "built-in"
                else "Tell the agent to read parts: `view_range`, `head`, or a pattern.",
                facts.source(
                    f"custom.{call.name}" if call.kind == "custom" else tool_key(call.name)
                ),
                call.turn,
            )


@audit("AU106", "slow-tool", Severity.INFO)
def slow_tool(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool took long, and the session ran meanwhile.

    Time in which a session runs is billed. A custom tool that takes minutes is better started by one
    call and asked for by another.
    """
    for call in story.calls:
        took = call.seconds
        if took is None or call.answer_id is not None or call.permission == "ask":
            continue
        if took >= SLOW_S:
            yield Hit(
                f"{call.name} took {took:,.0f} s.",
                call.evidence,
                "Give it a shorter `timeout`, or split it."
                if call.kind == "custom"
                else "Have it work on less at once, or in the background.",
                facts.source(
                    f"custom.{call.name}.timeout" if call.kind == "custom" else tool_key(call.name)
                ),
                call.turn,
            )


@audit("AU107", "no-result", Severity.ERROR)
def no_result(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool call of the service never got its result, and the session came to rest.

    What the call did is not known. A custom tool or an approval that nobody answered is AU401.
    """
    waited = {id for wait in story.waits for id in wait.event_ids}
    for call in story.calls:
        rested = any(stop.seq > call.seq for stop in story.stops) or story.terminated is not None
        if call.result_id is None and rested and call.id not in waited and call.kind != "custom":
            yield Hit(
                f"{call.name} has no result, though the session went on to rest.",
                (call.id,),
                "Look at what it was to change before the run is repeated.",
                facts.source(tool_key(call.name)),
                call.turn,
            )


@audit("AU108", "undeclared-tool", Severity.ERROR)
def undeclared_tool(story: Story, facts: Facts) -> Iterator[Hit]:
    """A tool was used that the spec does not turn on.

    The session runs another agent than the spec describes: an older version, one changed elsewhere, or
    one whose `tools` were replaced in the session.
    """
    policy = facts.policy
    if policy is None:
        return
    found: dict[str, list[ToolUse]] = defaultdict(list)
    for call in story.calls:
        if not _declared(call, policy.tools, policy.custom):
            found[call.name].append(call)
    for name, calls in found.items():
        yield Hit(
            f"{name} was called {_times(len(calls))}, and the spec does not turn it on.",
            tuple(call.id for call in calls),
            "Compare the agent with its spec: agentflow plan",
            facts.source("tools"),
            calls[0].turn,
        )


def _declared(call: ToolUse, tools: Container[str], custom: Container[str]) -> bool:
    if call.kind == "custom":
        return call.name in custom
    server = call.name.partition(".")[0]
    return call.name in tools or (call.kind == "mcp" and f"{server}.*" in tools)


_INSTALLS = (
    ("pip", "install"),
    ("pip3", "install"),
    ("uv", "add"),
    ("npm", "install"),
    ("npm", "i"),
    ("yarn", "add"),
    ("apt-get", "install"),
    ("apt", "install"),
    ("cargo", "install"),
    ("gem", "install"),
    ("go", "install"),
)

_INSTALLING = re.compile(r"\b(?:install|add|i)\b")
"""Few commands have such a word, and taking one apart takes long."""


@audit("AU109", "installed-at-run-time", Severity.WARNING)
def installed_at_run_time(story: Story, facts: Facts) -> Iterator[Hit]:
    """Packages were installed by the agent itself.

    Every session does it anew and pays for it in turns and tokens. An environment that declares its
    packages has them from the start.
    """
    calls = [
        call
        for call in story.calls
        if _INSTALLING.search(call.text("command")) and any(map(_installs, commands(call)))
    ]
    if calls:
        what = next(line for line in commands(calls[0]) if _installs(line))
        yield Hit(
            f"Packages were installed by the agent {_times(len(calls))}: {short(what)}",
            tuple(id for call in calls for id in call.evidence),
            "Declare them in the environment: `packages: { pip: [name==version] }`.",
            facts.source("environment"),
            calls[0].turn,
        )


def _installs(command: str) -> bool:
    found = [word for word in words(command) if not word.startswith("-")]
    if found[:1] == ["sudo"]:
        found = found[1:]
    if len(found) > 2 and found[0].startswith("python") and found[1] == "pip":
        found = found[1:]
    return len(found) > 2 and (found[0], found[1]) in _INSTALLS
