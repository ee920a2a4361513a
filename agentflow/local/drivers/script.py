"""Plays the model from a YAML file, so that a run needs no key and comes out the same every time.

    agents:                      # by agent name; or `turns:` at the top, for any agent
      sales-analyst:
        turns:
          - think: true
            say: I look at the file first.
            tools:
              - { id: look, name: bash, input: { command: "head -3 /mnt/session/uploads/a.csv" } }
            usage: { input: 1200, output: 80, cache_read: 0, cache_write: 900 }
          - expect: { tool: look, contains: "order_id" }
            say: "The columns are ${result.look}."
          - stop: refusal
          - error: { type: model_overloaded_error, message: Busy., retry: retrying }

One item of `turns` is one model request, in the order of the file; the place in it is kept with each
session and survives a restart. An item may hold:

    think     true: the turn shows an `agent.thinking` event first
    say       text of the agent's message
    tools     calls, each with an `id` of its own (default: its name), `name` and `input`; with `thread`,
              a member of the agent's team makes the call, in a thread that begins with the turn and
              ends when all of its calls have been answered; with `server`, it is a tool of that MCP
              server, and `result` what the server answers: a text, or `{ text, is_error }`. Without
              `result` the server cannot be reached
    usage     tokens by class; left out, they are computed from the size of the context
    expect    what must hold before the turn is taken: one or a list of `{ tool, contains, is_error }`;
              otherwise the model request fails and says what was seen
    stop      `refusal`: the model refuses here
    error     the request fails: type, message, retry (retrying, exhausted, terminal); after
              `retrying` the next item is the next attempt

In `say`, `input` and `contains`, `${result.ID}` is the text a tool answered, `${result.ID.a.0.b}` a field of it
read as JSON (alone in a value, it keeps its type), and `${input.text}` the last message of the user.
`$${` is a plain `${`.

A script that runs out fails the request with `model_request_failed_error`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentflow.local.drivers.base import Call, ModelFailure, Result, Turn, TurnContext
from agentflow.local.drivers.script_file import (
    Expectation,
    Script,
    ScriptCall,
    ScriptTurn,
    read_script,
)
from agentflow.local.fault_plan import FaultPlan
from agentflow.local.prices import Tokens

__all__ = ["ScriptDriver"]

_REFERENCE = re.compile(r"\$?\$\{\s*([^}]*?)\s*\}")
_CHARS_PER_TOKEN = 4
_UNCACHED = 4
"""Tokens after the last cache mark: the tail that is neither read from nor written to the cache."""
_SHOWN = 300
"""Characters of a result that a failed expectation shows."""


class ScriptDriver:
    """One script for every session of a service."""

    def __init__(self, script: Script) -> None:
        self._script = script

    @property
    def faults(self) -> FaultPlan | None:
        """What goes wrong while this script is played. None: nothing on purpose."""
        return self._script.faults

    @classmethod
    def load(cls, path: Path) -> ScriptDriver:
        """Read a script.

        Raises:
            ProblemsFound: it is not one; every problem is placed.
            FileRefused: it cannot be read.
        """
        return cls(read_script(path))

    async def next_turn(self, context: TurnContext) -> Turn:
        position = int(context.state.get("turn", 0))
        step = self._step(context, position)
        prompt = _context_tokens(context)
        after = {"turn": position + 1, "cached": context.state.get("cached", 0)}
        values = _Values(context)
        for expectation in step.expectations:
            _check(expectation, context, values)
        if step.error is not None:
            error = step.error
            raise ModelFailure(error.message, type=error.type, retry=error.retry, state=after)
        text = values.text(step.say) if step.say is not None else None
        calls = tuple(
            Call(
                key=call.key,
                name=call.name,
                input=values.data(_plain(call.input)),
                thread=call.thread,
                server=call.server,
                answer=_answer(call, values),
            )
            for call in step.tools
        )
        tokens = step.tokens or _usage(prompt, after["cached"], text, calls)
        refused = {"type": "refusal", "category": None, "explanation": None}
        return Turn(
            state={"turn": position + 1, "cached": prompt},
            tokens=tokens,
            thinks=step.think,
            text=text,
            calls=calls,
            refusal=refused if step.stop == "refusal" else None,
        )

    def plays_team(self, agent: str) -> bool:
        """Whether a turn of this agent has calls in threads of sub-agents."""
        turns = self._script.turns_of(agent) or ()
        return any(call.thread is not None for turn in turns for call in turn.tools)

    def plays_server(self, agent: str, server: str) -> bool:
        """Whether a turn of this agent has an answer of this MCP server."""
        turns = self._script.turns_of(agent) or ()
        calls = (call for turn in turns for call in turn.tools)
        return any(call.server == server and call.result is not None for call in calls)

    def _step(self, context: TurnContext, position: int) -> ScriptTurn:
        name = str(context.agent["name"])
        turns = self._script.turns_of(name)
        if turns is None:
            known = ", ".join(sorted(self._script.agents or ()))
            raise ModelFailure(
                f"The model script has no turns for agent {name!r}; it has them for: {known}."
            )
        if position >= len(turns):
            raise ModelFailure(
                f"The model script has {len(turns)} turns for agent {name!r}, and all were played. "
                "Add a turn that ends the work without a tool call."
            )
        return turns[position]


def _answer(call: ScriptCall, values: _Values) -> Result | None:
    """What an MCP server says to a call. None: nothing, or it is no call of one."""
    given = call.result
    if given is None:
        return None
    if isinstance(given, str):
        return Result(values.text(given), is_error=False)
    return Result(values.text(given.text), is_error=given.is_error)


def _check(expectation: Expectation, context: TurnContext, values: _Values) -> None:
    result = context.results.get(expectation.tool)
    if result is None:
        raise ModelFailure(
            f"The model script expects a result of tool {expectation.tool!r}, which was not called."
        )
    shown = result.text if len(result.text) <= _SHOWN else result.text[:_SHOWN] + "…"
    for needle in expectation.needles:
        wanted = values.text(needle)
        if wanted not in result.text:
            raise ModelFailure(
                f"The model script expects the result of {expectation.tool!r} to contain {wanted!r}. "
                f"It was: {shown}"
            )
    if expectation.is_error is not None and expectation.is_error != result.is_error:
        wanted = "an error" if expectation.is_error else "no error"
        raise ModelFailure(
            f"The model script expects {wanted} from {expectation.tool!r}. It was: {shown}"
        )


def _plain(value: Any) -> Any:
    """Decimals as JSON numbers."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class _Values:
    """What `${…}` stands for in one turn."""

    def __init__(self, context: TurnContext) -> None:
        self._context = context

    def text(self, template: str) -> str:
        def put(match: re.Match[str]) -> str:
            if match[0].startswith("$$"):
                return match[0][1:]
            value = self._value(match[1])
            return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

        return _REFERENCE.sub(put, template)

    def data(self, value: Any) -> Any:
        if isinstance(value, str):
            whole = _REFERENCE.fullmatch(value)
            if whole and not value.startswith("$$"):
                return self._value(whole[1])
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.data(item) for item in value]
        return value

    def _value(self, name: str) -> Any:
        kind, _, rest = name.partition(".")
        if name == "input.text":
            return _last_message(self._context.history)
        key, _, path = rest.partition(".")
        if kind != "result" or key not in self._context.results:
            raise ModelFailure(f"The model script uses ${{{name}}}, which stands for nothing here.")
        text = self._context.results[key].text
        return _field(name, text, path.split(".")) if path else text


def _field(name: str, text: str, path: Sequence[str]) -> Any:
    try:
        value = json.loads(text)
        for part in path:
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (ValueError, LookupError, TypeError):
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        raise ModelFailure(
            f"The model script uses ${{{name}}}, but the result has no such field: {shown}"
        ) from None
    return value


def _text_of(content: object) -> str:
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, Mapping))


def _last_message(history: Sequence[Mapping[str, Any]]) -> str:
    for event in reversed(history):
        if event["type"] == "user.message":
            return _text_of(event["content"])
    return ""


def _context_tokens(context: TurnContext) -> int:
    """A size like that of the real prompt: system, tools, and all that was said and answered."""
    agent = context.agent
    size = len(agent["system"] or "") + len(json.dumps(agent["tools"]))
    for event in context.history:
        if "content" in event:
            size += len(_text_of(event["content"]))
        elif "input" in event:
            size += len(json.dumps(event["input"]))
    return size // _CHARS_PER_TOKEN + 1


def _usage(prompt: int, cached: int, text: str | None, calls: Sequence[Call]) -> Tokens:
    """As with prompt caching on: what was there at the last request is read, the rest is written."""
    said = len(text or "") + sum(len(json.dumps(call.input)) + len(call.name) for call in calls)
    read = min(cached, max(prompt - _UNCACHED, 0))
    return Tokens(
        input=min(_UNCACHED, prompt - read),
        output=said // _CHARS_PER_TOKEN + 1,
        cache_read=read,
        cache_write=max(prompt - read - _UNCACHED, 0),
    )
