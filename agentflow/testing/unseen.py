"""What a cassette does not have, and what a replay of it can decide all the same.

An export has no files, and of a file that could not be searched for secrets only size and hash are kept. An output
whose contents are not on the tape is not verified, and what is expected of it is a failure, not a success.
What was said to the session is then taken from the tape too, because what is found in outputs decides about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentflow.compiler.manifest import AgentPolicy
from agentflow.runtime.cassette import Line, Tape
from agentflow.runtime.events import text_of
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.outputs import base_name
from agentflow.runtime.remarks import make_remark
from agentflow.spec.expect import ExpectSpec, OutputExpected
from agentflow.testing.results import Miss

__all__ = ["Unseen", "Voice", "decidable", "first_message", "note_of", "unseen_outputs", "without"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """An output whose contents are not on the tape."""

    name: str
    why: str
    sha256: str | None
    """Of the contents. None: that is not known either."""
    listed: bool
    """It is known that it was delivered."""


def unseen_outputs(tape: Tape, policy: AgentPolicy) -> dict[str, Unseen]:
    """By name, the outputs of an agent that the tape cannot show."""
    listed = [one.answer for one in tape.of("files") if one.answer is not None]
    imported = tape.head.get("imported") is not None
    names = {str(file["id"]): str(file["filename"]) for file in (listed[-1] if listed else ())}
    bodies = {
        base_name(names[str(line.given)]): line.answer
        for line in tape.of("download")
        if str(line.given) in names and isinstance(line.answer, dict)
    }
    found = {}
    for name, output in policy.outputs.items():
        body = bodies.get(base_name(output.path))
        if body is not None and "omitted" in body:
            why, digest = str(body["omitted"]), body.get("sha256")
            found[name] = Unseen(name=name, why=why, sha256=digest, listed=True)
        elif imported and not listed:
            why = "the export has no list of files"
            found[name] = Unseen(name=name, why=why, sha256=None, listed=False)
    return found


def without(policy: AgentPolicy, unseen: Mapping[str, Unseen]) -> AgentPolicy:
    """A policy whose outputs can all be verified. Checks need all outputs, or are not run."""
    if not unseen:
        return policy
    seen = {name: output for name, output in policy.outputs.items() if name not in unseen}
    return replace(policy, outputs=seen, done=())


def decidable(expect: ExpectSpec, unseen: Mapping[str, Unseen]) -> tuple[ExpectSpec, list[Miss]]:
    """What is expected that can be decided, and a miss for each of the other expectations."""
    if not unseen:
        return expect, []
    found: list[Miss] = []
    wanted = expect.outputs
    if wanted == "valid":
        found += [_miss(("expect", "outputs"), one, "valid") for one in unseen.values()]
    elif wanted is not None:
        for name in [name for name in wanted if name in unseen]:
            found += _output_misses(wanted[name], unseen[name])
        wanted = {name: one for name, one in wanted.items() if name not in unseen}
    if expect.checks:
        names = ", ".join(unseen)
        message = f"The checks were not run: not on the tape are {names}."
        found.append(Miss(("expect", "checks"), message, "they hold", "nobody knows"))
    return _changed(expect, outputs=wanted, checks=[]), found


def _changed(expect: ExpectSpec, **fields: Any) -> ExpectSpec:
    rest = object.__new__(ExpectSpec)
    vars(rest).update({**vars(expect), **fields})
    object.__setattr__(rest, "model_fields_set", expect.model_fields_set)
    return rest


def _output_misses(wanted: OutputExpected, one: Unseen) -> Iterator[Miss]:
    path = ("expect", "outputs", one.name)
    said = [name for name in wanted.model_fields if name in wanted.model_fields_set]
    if not one.listed:
        yield _miss(path, one, ", ".join(said) or "a file")
        return
    if wanted.exists is False:
        yield Miss(path, f"The output {one.name!r} was delivered.", "nothing", "a file")
    if wanted.sha256 is not None and one.sha256 is not None:
        said.remove("sha256")
        if wanted.sha256 != one.sha256:
            message = f"The bytes of the output {one.name!r} are others."
            yield Miss((*path, "sha256"), message, wanted.sha256, one.sha256)
    others = [name for name in said if name != "exists"]
    if others:
        yield _miss(path, one, ", ".join(others))


def _miss(path: tuple[str | int, ...], one: Unseen, expected: str) -> Miss:
    message = f"The output {one.name!r} is not on the tape, so it was not verified: {one.why}."
    return Miss(path, message, expected, "contents that nobody knows")


def note_of(tape: Tape, unseen: Mapping[str, Unseen]) -> str:
    """What was not decided, for the line of the test."""
    parts = []
    if tape.head.get("imported") is not None:
        parts.append("recorded elsewhere")
    if unseen:
        parts.append(f"not on the tape, so not verified: {', '.join(unseen)}")
    return "".join(f"; {part}" for part in parts)


def first_message(tape: Tape) -> str:
    """The task of the session on a tape. Empty: nothing was said to it."""
    return next((text_of(event.get("content")) for event in _messages(tape)), "")


def _messages(tape: Tape) -> Iterator[Mapping[str, Any]]:
    for line in tape.of("send"):
        for event in line.given or ():
            if event.get("type") == "user.message":
                yield event


class Voice:
    """Says to a run what was said to the session behind the task, whenever the tape waits for it.

    An interrupt too: a run that would send one by itself has decided so before.
    """

    def __init__(self, ledger: Ledger, run_id: str, stop: asyncio.Event) -> None:
        self._ledger = ledger
        self._run_id = run_id
        self._stop = stop
        self._said: set[int] = set()

    def __call__(self, line: Line, *, at_rest: bool) -> None:
        """The next thing on the tape is this request."""
        sent = line.given or ()
        if any(one.get("type") == "user.interrupt" for one in sent):
            self._stop.set()
        messages = [one for one in sent if one.get("type") == "user.message"]
        if messages and line.number not in self._said:
            self._said.add(line.number)
            text = text_of(messages[0].get("content"))
            make_remark(
                self._ledger, self._run_id, text, steer=not at_rest, who="the tape", at="then"
            )
