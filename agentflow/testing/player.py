"""A cassette in place of a service: what was recorded happens again, and nothing else can.

Events come in the order in which they came, but none before what had been sent by then has been sent again.
What is sent is looked for among what was recorded: a request that is not on the tape is a miss,
refused and remembered. Nothing here reaches for a network.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from agentflow import errors
from agentflow.errors import NotFound, Rejected, ServiceError, StreamLost, Unavailable
from agentflow.ports import RemoteFile, SessionInfo
from agentflow.runtime.cassette import Line, Tape, hide
from agentflow.runtime.events import text_of
from agentflow.runtime.file_bodies import file_body, tape_bytes
from agentflow.testing.clock import working

__all__ = ["CassetteSessions", "TapeMiss"]


class TapeMiss(NamedTuple):
    """A request that is not on the tape."""

    what: str
    asked: str
    on_tape: str
    """What comes next there."""


_Lines = list[Line]


class Prompter(Protocol):
    """Told of what has to be sent before the tape goes on."""

    def __call__(self, line: Line, *, at_rest: bool) -> None: ...


class CassetteSessions:
    """`ports.Sessions` of one recorded session."""

    def __init__(self, tape: Tape) -> None:
        self.prompter: Prompter | None = None
        """None: whoever is connected knows by itself what to send."""
        self._lines = [*tape.lines]
        self._masks = tape.masked
        self._copied = tape.head.get("copied") is True
        self._omitted = {
            line.given
            for line in tape.of("download")
            if isinstance(line.answer, dict) and "omitted" in line.answer
        }
        """Files whose contents are not there."""
        self._sent: set[int] = set()
        """Lines whose requests were made again."""
        self._used: set[int] = set()
        self._moved = asyncio.Event()
        self._connections = 0
        self.misses: list[TapeMiss] = []

    # What was sent

    async def create(self, body: Mapping[str, Any]) -> SessionInfo:
        line = next((one for one in self._lines if one.op == "create" and one.error is None), None)
        if line is None:
            raise self._miss("a session is created", body, "no session is created there")
        if line.given is not None:
            wanted, asked = _comparable(line.given), _comparable(body)
            if not self._same(wanted, asked):
                raise self._miss("the session is created with another body", asked, _text(wanted))
        return _info(line.answer)

    async def send(
        self, session_id: str, events: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        asked = [dict(event) for event in events]
        for line in self._lines:
            if line.op != "send" or line.number in self._sent:
                continue
            if self._same_events(line.given, asked):
                self._sent.add(line.number)
                self._moved.set()
                if line.error is not None:
                    raise _raised(line.error)
                return list(line.answer or ())
        following = self._next_send()
        shown = "nothing more is sent there" if following is None else _text(following.given)
        raise self._miss("something else is sent", asked, shown)

    def _next_send(self) -> Line | None:
        sends = (one for one in self._lines if one.op == "send" and one.number not in self._sent)
        return next(sends, None)

    @property
    def unsent(self) -> Line | None:
        """What was sent when it was recorded, and was not sent now. None: all of it was."""
        return self._next_send()

    async def upload(self, path: Path, *, filename: str) -> RemoteFile:
        for line in self._lines:
            if line.op != "upload" or line.number in self._used or line.error is not None:
                continue
            if line.given["filename"] == filename:
                self._used.add(line.number)
                data = await asyncio.to_thread(path.read_bytes)
                if not self._same_file(data, line.given["sha256"]):
                    what = f"the file {filename!r} is another one"
                    raise self._miss(what, "other bytes", f"sha256 {line.given['sha256']}")
                return _file(line.answer)
        if self._copied:
            size = (await asyncio.to_thread(path.stat)).st_size
            return RemoteFile(
                id=f"file_{filename}",
                filename=filename,
                size_bytes=size,
                mime_type="",
                downloadable=False,
                created_at="",
            )
        raise self._miss("a file is uploaded", filename, "it is not uploaded there")

    def _same_file(self, data: bytes, wanted: str) -> bool:
        return bool(self._masks) or file_body(data)["sha256"] == wanted

    async def update(self, session_id: str, body: Mapping[str, Any]) -> SessionInfo:
        return _info(self._recorded("update", body).answer)

    async def add_resource(self, session_id: str, body: Mapping[str, Any]) -> None:
        self._recorded("add_resource", body)

    async def archive(self, session_id: str) -> None:
        self._recorded("archive", None)

    def _recorded(self, op: str, body: Mapping[str, Any] | None) -> Line:
        line = next((one for one in self._lines if one.op == op and one.error is None), None)
        if line is None:
            raise self._miss(f"the request {op!r} is made", body, "it is not made there")
        return line

    # What was seen

    @property
    def _horizon(self) -> int:
        """The line of the next request to be made again: nothing behind it has happened yet."""
        following = self._next_send()
        return self._lines[-1].number + 1 if following is None else following.number

    def _so_far(self, op: str) -> _Lines:
        horizon = self._horizon
        return [one for one in self._lines if one.op == op and one.number < horizon]

    def _events(self) -> list[Mapping[str, Any]]:
        """Every event so far as it was last seen, in the order of the last list that has it."""
        found: dict[str, Mapping[str, Any]] = {}
        for line in self._lines:
            if line.number >= self._horizon:
                break
            if line.op == "event":
                event = line.answer
                known = found.get(event["id"])
                if known is None or event.get("processed_at") is not None:
                    found[event["id"]] = event
            elif line.op == "history" and line.error is None:
                listed = {event["id"]: event for event in line.answer}
                found = {**listed, **{id: e for id, e in found.items() if id not in listed}}
        return list(found.values())

    async def retrieve(self, session_id: str) -> SessionInfo:
        answers = [one for one in self._so_far("retrieve") if one.error is None]
        if answers:
            return _info(answers[-1].answer)
        created = next((one for one in self._lines if one.op == "create"), None)
        if created is None or created.answer is None:
            raise NotFound("The cassette has no session.")
        info = dict(created.answer)
        statuses = [e["type"] for e in self._events() if e["type"].startswith("session.status_")]
        if statuses:
            info["status"] = statuses[-1].removeprefix("session.status_")
        return _info(info)

    async def list(self, *, statuses: Sequence[str] = ()) -> Sequence[SessionInfo]:
        created = [one for one in self._lines if one.op == "create" and one.answer is not None]
        return [_info(one.answer) for one in created]

    @asynccontextmanager
    async def stream(self, session_id: str) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        number, self._connections = self._connections, self._connections + 1
        lines = self._connection(number)
        if lines and lines[0].op == "stream_end":
            raise _raised(lines[0].error or {})  # it could not be opened
        yield self._heard(lines)

    def _connection(self, number: int) -> _Lines:
        """The lines of one stream; those of a connection that was not made then are none."""
        found: list[_Lines] = []
        is_open = False
        for line in self._lines:
            if line.op == "stream":
                found.append([])
                is_open = True
            elif line.op == "stream_end":
                if is_open:
                    found[-1].append(line)
                else:
                    found.append([line])
                is_open = False
            elif line.op == "event" and is_open:
                found[-1].append(line)
        return found[number] if number < len(found) else []

    async def _heard(self, lines: Sequence[Line]) -> AsyncIterator[Mapping[str, Any]]:
        at_rest = True
        for place, line in enumerate(lines):
            while line.number > self._horizon:
                self._moved.clear()
                await self._moved.wait()
            if line.op == "event":
                # What is sent next is decided by what was read: give it a turn to be sent.
                await asyncio.sleep(0)
                status = str(line.answer.get("type", ""))
                if status.startswith("session.status_"):
                    at_rest = status == "session.status_idle"
                if place + 1 < len(lines) and lines[place + 1].number > self._horizon:
                    self._prompt(at_rest=at_rest)
                yield line.answer
            elif line.error is not None:
                raise _raised(line.error)
            else:
                return
        await asyncio.Event().wait()  # a stream stays open until the client has heard enough

    def _prompt(self, *, at_rest: bool) -> None:
        following = self._next_send()
        if self.prompter is not None and following is not None:
            self.prompter(following, at_rest=at_rest)

    async def history(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        return self._events()

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        found = [one for one in self._lines if one.op == "files" and one.error is None]
        now = [one for one in found if one.number < self._horizon] or found
        return (
            [_file(one) for one in now[-1].answer if one["id"] not in self._omitted] if now else []
        )

    async def download(self, file_id: str, to: Path) -> None:
        for line in self._lines:
            if line.op == "download" and line.given == file_id and line.error is None:
                with working():
                    await asyncio.to_thread(to.write_bytes, tape_bytes(line.answer))
                return
        raise self._miss("a file is downloaded", file_id, "it is not downloaded there")

    # Comparing

    def _same(self, recorded: Any, asked: Any) -> bool:
        one, other = _text(recorded), _text(hide(asked))
        if one == other:
            return True
        if not self._masks:
            return False
        # Where a secret stood, the tape has its name, and we may have the secret.
        pattern = re.escape(one)
        for name in self._masks:
            pattern = pattern.replace(re.escape(name), ".*?")
        return re.fullmatch(pattern, _text(asked), re.DOTALL) is not None

    def _same_events(self, recorded: Any, asked: Sequence[Mapping[str, Any]]) -> bool:
        if not self._copied or len(recorded or ()) != len(asked):
            return self._same(recorded, asked)
        # What a service lists of what was sent has more fields, and other spellings.
        pairs = [(_plain(one), _plain(other)) for one, other in zip(recorded, asked, strict=True)]
        for one, other in pairs:
            if "deny_message" not in one:
                other.pop("deny_message", None)
        return self._same([one for one, _ in pairs], [other for _, other in pairs])

    def _miss(self, what: str, asked: Any, on_tape: str) -> ServiceError:
        miss = TapeMiss(what, asked if isinstance(asked, str) else _text(asked), on_tape)
        self.misses.append(miss)
        return Rejected(f"The cassette does not have this request: {what}.", status=400)


def _comparable(body: Mapping[str, Any]) -> dict[str, Any]:
    """A session's body without what is another one every time: ids, and who asks."""
    resources = [
        {key: value for key, value in resource.items() if not key.endswith("_id")}
        for resource in body.get("resources", ())
    ]
    found = {
        "title": body.get("title"),
        "budget": body.get("budget"),
        "resources": resources,
        "vaults": len(body.get("vault_ids", ())),
    }
    return {key: value for key, value in found.items() if value}


def _plain(event: Mapping[str, Any]) -> dict[str, Any]:
    """What an event that is sent says, however it is written."""
    found = {key: value for key, value in event.items() if value not in (None, False, "")}
    if "content" in found:
        found["content"] = text_of(found["content"]).strip()
    return found


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _raised(error: Mapping[str, Any]) -> Exception:
    """The exception that was raised then."""
    message, name = str(error.get("message", "")), str(error.get("type", ""))
    if name == "StreamLost":
        return StreamLost(message)
    kind = getattr(errors, name, ServiceError)
    more = {"status": error.get("status")}
    if kind is Unavailable:
        more["retry_after_s"] = error.get("retry_after_s")
    if not (isinstance(kind, type) and issubclass(kind, ServiceError)):
        kind = ServiceError
    raised: Exception = kind(message, **more)
    return raised


def _info(answer: Mapping[str, Any]) -> SessionInfo:
    known = SessionInfo.__dataclass_fields__
    return SessionInfo(**{key: value for key, value in answer.items() if key in known})


def _file(answer: Mapping[str, Any]) -> RemoteFile:
    known = RemoteFile.__dataclass_fields__
    return RemoteFile(**{key: value for key, value in answer.items() if key in known})
