"""[io] Custom tools: what the agent calls and this machine runs.

A call is checked (schema, argument rules, number of calls), written to the ledger, run with a time limit
(a function or a program in a worker process, a request from here), and its outcome written before it is
sent. Every way it can go wrong is an
outcome the agent can read, never an exception for us.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.manifest import ArgumentPolicy, CustomToolPolicy
from agentflow.ports import Clock
from agentflow.runtime.ledger import Claim, Ledger
from agentflow.runtime.people import People
from agentflow.runtime.pool import CallFailed, WorkerPool
from agentflow.runtime.post import post
from agentflow.runtime.results import Results
from agentflow.runtime.session import Call, Outcome
from agentflow.secret import SecretText, mask

__all__ = ["NeedsPerson", "ToolHost", "argument_problem"]


class NeedsPerson(Exception):
    """A call waits for somebody who is not there. Its text is a sentence."""


class ToolHost:
    """The custom tools of one run."""

    def __init__(
        self,
        tools: Mapping[str, CustomToolPolicy],
        *,
        run_id: str,
        session_id: str,
        pool: WorkerPool,
        ledger: Ledger,
        clock: Clock,
        people: People,
        secrets: Mapping[str, SecretText],
        results: Results,
    ) -> None:
        """The tools of a run by name; `secrets` by name too, of those that their headers need."""
        self._tools = tools
        self._run_id = run_id
        self._session_id = session_id
        self._pool = pool
        self._ledger = ledger
        self._clock = clock
        self._people = people
        self._secrets = secrets
        self._results = results

    async def run(self, call: Call) -> Outcome:
        """What the call came to. It runs at most once, whoever asks and however often.

        Raises:
            StateError: the ledger cannot be written, so running it would not be safe.
            NeedsPerson: it is a question, and nobody is there.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            return Outcome(text=f"There is no tool {call.name!r} here.", is_error=True)
        refusal = argument_problem(tool, call.input)
        if refusal is not None:
            return Outcome(text=self._results.fitted(call.id, refusal), is_error=True)
        entry = self._ledger.claim_call(
            run_id=self._run_id,
            session_id=self._session_id,
            call_id=call.id,
            tool=call.name,
            input=call.input,
            # A question may be asked again; whoever has answered it is not.
            idempotent=tool.idempotent or not _has_code(tool),
            at=self._clock.now().isoformat(),
        )
        if entry.outcome is not None:
            return entry.outcome
        if entry.claim is Claim.UNFINISHED:
            outcome = Outcome(
                text="Whether this call took place is not known: it was begun before a crash and "
                "cannot safely be repeated. Check its effect before you call it again.",
                is_error=True,
            )
        elif tool.max_calls is not None and entry.calls > tool.max_calls:
            text = (
                f"{call.name} may be called {tool.max_calls} times in a run, and that is used up."
            )
            outcome = Outcome(text=text, is_error=True)
        else:
            outcome = await self._execute(call, tool)
        at = self._clock.now().isoformat()
        self._ledger.finish_call(self._session_id, call.id, outcome, at=at)
        return outcome

    async def _execute(self, call: Call, tool: CustomToolPolicy) -> Outcome:
        began = self._clock.monotonic()
        try:
            text, is_error = await self._result(call, tool)
        except CallFailed as error:
            text, is_error = f"{call.name} failed. {error}", True
        seconds = self._clock.monotonic() - began
        # Code of the project may know a secret from elsewhere; the agent is not to learn it.
        text = self._results.fitted(call.id, mask(text), limit=tool.max_result)
        return Outcome(text=text, is_error=is_error, seconds=seconds)

    async def _result(self, call: Call, tool: CustomToolPolicy) -> tuple[str, bool]:
        """The text of the result, and whether it is an error."""
        value: object
        if tool.http is not None:
            value = await post(
                tool.http,
                call.input,
                call_id=call.id,
                secrets=self._secrets,
                timeout_s=tool.timeout_s,
            )
        elif tool.run is not None or tool.command is not None:
            runs = {"run": tool.run} if tool.run is not None else {"command": tool.command}
            request = {**runs, "input": dict(call.input), "env": self._environment(tool)}
            value = await self._pool.call(request, timeout_s=tool.timeout_s)
        else:
            return await self._ask(call)
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text, False

    def _environment(self, tool: CustomToolPolicy) -> dict[str, str]:
        """What goes through the pipe to the worker, and is in no argument and no file."""
        values = {name: secret.reveal() for name, secret in self._secrets.items()}
        revealed: dict[str, str] = late.revealed(dict(tool.env), values)
        if any("\0" in value for value in revealed.values()):
            raise CallFailed("A secret that it is given holds a NUL, which no variable can.")
        return revealed

    async def _ask(self, call: Call) -> tuple[str, bool]:
        """A tool without code is a question to a person.

        Raises:
            NeedsPerson: nobody is there; the question stays open.
        """
        reply = await self._people.answer(call, str(call.input.get("question", "")))
        if reply is not None and reply.text is not None:
            return reply.text, False
        if not self._people.here:
            raise NeedsPerson("The agent asked a question, and nobody is there to answer it.")
        self._people.close(call)
        return (
            "Nobody is there to answer. Decide yourself, and write down what you assumed.",
            True,
        )


def _has_code(tool: CustomToolPolicy) -> bool:
    return tool.http is not None or tool.run is not None or tool.command is not None


def argument_problem(tool: CustomToolPolicy, input: Mapping[str, Any]) -> str | None:
    """Why these arguments are refused, for the agent to read. None: they are fine."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry

    # Without a registry of its own, a validator fetches what a schema refers to.
    validator = Draft202012Validator(dict(tool.input_schema), registry=Registry())
    error = best_match(validator.iter_errors(dict(input)))
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path)
        return (
            f"The arguments do not fit the schema: {f'{where}: ' if where else ''}{error.message}"
        )
    for name, rule in tool.arguments.items():
        for text in _texts(input.get(name)) if name in input else ():
            if not _permits(rule, text):
                return f"The project does not allow the value {text!r} for {name!r}."
    return None


def _permits(rule: ArgumentPolicy, text: str) -> bool:
    if any(fnmatchcase(text, pattern) for pattern in rule.deny):
        return False
    return rule.allow is None or any(fnmatchcase(text, pattern) for pattern in rule.allow)


def _texts(value: object) -> list[str]:
    """What globs are held against: each item of a list, and anything but text as JSON."""
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
