"""[io] Cassettes: all that a client saw and sent in one session, one JSON object per line.

    {"cassette": 2, "agent": "agent/greeter", "session": {…}, …}        the head
    {"at": "…", "op": "create", "in": {…}, "out": {…}}                  a request and its answer
    {"at": "…", "op": "stream"}                                         a stream was opened
    {"at": "…", "op": "event", "out": {…}}                              it brought this event
    {"at": "…", "op": "stream_end", "error": {…}}                       it broke; without `error` it ended
    {"at": "…", "op": "send", "in": […], "error": {"type": "Unavailable", …}}

`session` in the head is what the service said of it: agent, version, model. `copied` says that the cassette was made
of a session afterwards: of uploads and of the body of the session there is nothing on it. `imported` says that it was
made of an export, and what that could not hold.

Nothing secret gets into one: known values are masked, and so is what looks like a key. The last line lists what stands
in their place, which a replay takes for any text. Bytes that are no text are base64; of contents that could not
be looked into, and of those that an export has not, only `omitted` is there.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from agentflow import codes
from agentflow.compiler.manifest import AgentPolicy, canonical_json, digest
from agentflow.errors import FileRefused
from agentflow.lint.rules.secrets import secrets_in
from agentflow.ports import Clock
from agentflow.secret import LEAST, mask, protect

__all__ = [
    "FORMAT",
    "CassetteWriter",
    "Line",
    "Slot",
    "Tape",
    "digests",
    "field_digests",
    "hide",
    "protect_environment",
    "read_tape",
]

FORMAT = 2
"""Of what is written. The first had no contents that are left out; both are read."""
HIDDEN = "[hidden]"
"""What stands in the place of what looks like a secret and has no name."""

_BRACKETS = re.compile(r"\[[^\[\]]+\]")
_SECRET_NAME = re.compile(r"(?i)(?:key|token|secret|password|passwd|credential)s?$")


def protect_environment(environ: Mapping[str, str] | None = None) -> None:
    """Have every variable masked whose name says that it is a secret."""
    for name, value in (os.environ if environ is None else environ).items():
        if _SECRET_NAME.search(name) and len(value) >= LEAST:
            protect(name, value)


def hide(value: Any) -> Any:
    """Data without secrets, in its keys too."""
    if isinstance(value, str):
        return _hide_text(value)
    if isinstance(value, Mapping):
        return {_hide_text(str(key)): hide(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [hide(item) for item in value]
    return value


def _hide_text(text: str) -> str:
    text = mask(text)
    for _, start, end in sorted(secrets_in(text), key=lambda found: -found[1]):
        text = text[:start] + HIDDEN + text[end:]
    return text


def digests(payload: Mapping[str, Any], policy: AgentPolicy) -> dict[str, dict[str, str]]:
    """What the specs are, a digest for each field: so that a replay can tell which changed."""
    fields = json.loads(canonical_json(asdict(policy)))
    return {"payload": field_digests(payload), "policy": field_digests(fields)}


def field_digests(fields: Mapping[str, Any]) -> dict[str, str]:
    return {key: digest(value) for key, value in sorted(fields.items())}


class Slot:
    """The place of a line that is written later: of a request, where it was made."""

    def __init__(self) -> None:
        self.line: Mapping[str, Any] | None = None
        """None: its answer is not there yet."""


class CassetteWriter:
    """Appends to a cassette. What a request brings about stands after it, also if its answer is late."""

    def __init__(
        self, path: Path, clock: Clock, head: Mapping[str, Any], *, whole: bool = False
    ) -> None:
        """Start a cassette at `path`, in place of one that is there.

        Args:
            path: its directory is made if it is absent.
            clock: tells when a line was written.
            head: what the first line holds beside the format.
            whole: after an exception there is none. Else it is there as far as it came.
        """
        self._whole = whole
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._file = self._part.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
        self._clock = clock
        self._masked: set[str] = set()
        self._head = {"cassette": FORMAT, "at": clock.now().isoformat(), **head}
        # It is written once the session is known, and everything else behind it.
        self._first: Slot | None = Slot()
        self._waiting: list[Slot] = [self._first]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """The cassette is there now: whole, or as far as the session came."""
        if kind is not None and self._whole:
            self._file.close()
            self._part.unlink()
            return
        self.knows()
        self._flush(all_of_it=True)
        self._write({"op": "end", "masked": sorted(self._masked)})
        self._file.close()
        self._part.replace(self._path)

    def knows(self, **facts: Any) -> None:
        """Complete the head. The first word counts: what is told later is not heard."""
        if self._first is not None:
            self._first.line = {**self._head, **facts}
            self._first = None
            self._flush()

    def add(self, op: str, **fields: Any) -> None:
        """One line. What is None is left out."""
        self.fill(self.reserve(), op, **fields)

    def reserve(self) -> Slot:
        """A place in the order of what happens, for `fill`."""
        slot = Slot()
        self._waiting.append(slot)
        return slot

    def fill(self, slot: Slot, op: str, **fields: Any) -> None:
        given = {key: value for key, value in fields.items() if value is not None}
        slot.line = {"at": self._clock.now().isoformat(), "op": op, **given}
        self._flush()

    def drop(self, slot: Slot) -> None:
        """Nobody will ever know what the answer was."""
        self._waiting.remove(slot)
        self._flush()

    def _flush(self, *, all_of_it: bool = False) -> None:
        """Write what is known, up to the first line that is not; at the end all others too."""
        while self._waiting and (all_of_it or self._waiting[0].line is not None):
            line = self._waiting.pop(0).line
            if line is not None:
                self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        shown = hide(line)
        if shown != line:
            self._masked |= _names(shown) - _names(line)
        self._file.write(json.dumps(shown, ensure_ascii=False, default=str) + "\n")


def _names(value: Any) -> set[str]:
    """Everything in brackets in the texts of some data."""
    if isinstance(value, str):
        return set(_BRACKETS.findall(value))
    items = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, (Mapping, list, tuple)):
        return set()
    return set().union(*map(_names, items))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    number: int
    """In the file, from 1."""
    op: str
    given: Any
    """What was sent. None: nothing."""
    answer: Any
    """None: nothing, or it went wrong."""
    error: Mapping[str, Any] | None
    """What went wrong: `type` of the exception, `message`. None: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """A cassette that was read."""

    path: Path
    head: Mapping[str, Any]
    lines: Sequence[Line] = field(repr=False)

    masked: tuple[str, ...] = ()
    """What stands in the place of secrets, such as `[token]`."""

    def of(self, op: str) -> Iterator[Line]:
        return (line for line in self.lines if line.op == op)


def read_tape(path: Path, *, name: str | None = None) -> Tape:
    """The cassette in a file. `name` is what messages call it; None: its path.

    Raises:
        FileRefused: there is none, it is damaged, or of a newer version.
    """
    shown = name or str(path)
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise FileRefused(
            codes.FILE_MISSING.id,
            shown,
            f"There is no cassette {shown!r}.",
            hint=f"Record one: agentflow run --record {shown}",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(shown, 1, str(error)) from None
    values = [_parsed(shown, number, text) for number, text in enumerate(texts, start=1) if text]
    found = values[0].get("cassette") if values else None
    if found not in range(1, FORMAT + 1):
        what = "it is empty or none" if found is None else f"its format is {found}"
        raise _damaged(shown, 1, f"{what}; this version reads formats 1 to {FORMAT}")
    lines = tuple(_line(shown, number, value) for number, value in enumerate(values[1:], start=2))
    masked = values[-1].get("masked", ()) if lines and lines[-1].op == "end" else ()
    return Tape(path=path, head=values[0], lines=lines, masked=tuple(map(str, masked)))


def _parsed(path: str, number: int, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, number, str(error)) from None
    if not isinstance(value, dict):
        raise _damaged(path, number, "the line is no JSON object")
    return value


def _line(path: str, number: int, value: Mapping[str, Any]) -> Line:
    op, answer = value.get("op"), value.get("out")
    if not isinstance(op, str):
        raise _damaged(path, number, "the line has no `op`")
    if isinstance(answer, dict) and "base64" in answer:
        try:
            base64.b64decode(str(answer["base64"]), validate=True)
        except binascii.Error as error:
            raise _damaged(path, number, str(error)) from None
    wrong = value.get("error")
    return Line(
        number=number,
        op=op,
        given=value.get("in"),
        answer=answer,
        error=wrong if isinstance(wrong, dict) else None,
    )


def _damaged(path: str, number: int, why: str) -> FileRefused:
    return FileRefused(
        codes.FILE_UNREADABLE.id,
        path,
        f"The cassette {path!r} cannot be read: line {number}: {why}.",
        hint="Record it again: agentflow run --record FILE",
    )
