"""A run as it happens, for programs: one JSON object per line, shapes promised by schemas/events.json.

Known secrets are masked. Every record has `type`, `seq` (counted from 0), `at` (RFC 3339, UTC) and `run_id`, which is null
until the run has one. New types and new fields may be added; a reader skips what it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field

from agentflow.output.run import (
    OutputReport,
    RunReport,
    TokenReport,
    output_report,
    report_of,
    token_report,
)
from agentflow.runtime.notices import (
    Approval,
    Ended,
    Failed,
    FindingsFound,
    Note,
    Notice,
    OutputVerified,
    Received,
    Reconnecting,
    RepairSent,
    RunStarted,
    Said,
    SessionStarted,
    Spent,
    Stage,
    Thinking,
    ToolEnded,
    ToolStarted,
    Verifying,
)
from agentflow.secret import mask

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["EventLog", "Record", "events_schema"]


@dataclass(frozen=True, kw_only=True)
class _Record:
    seq: int
    """Counted from 0, without gaps."""
    at: datetime
    run_id: str | None
    """Null until the run has one."""


@dataclass(frozen=True, kw_only=True)
class StageRecord(_Record):
    """Something that is done around the run: lint, compile, plan, apply, resume."""

    type: Literal["stage"] = "stage"
    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class FindingRecord(_Record):
    """What the linter says of the project, one record for each finding."""

    type: Literal["finding"] = "finding"
    code: str
    severity: str
    message: str
    source: str | None
    """`file:line:column`."""
    hint: str | None


@dataclass(frozen=True, kw_only=True)
class RunRecord(_Record):
    """The run is in the ledger. Its session comes next."""

    type: Literal["run.started"] = "run.started"
    agent: str
    agent_version: int
    target: str
    resumed: bool
    """Another process began it."""


@dataclass(frozen=True, kw_only=True)
class SessionRecord(_Record):
    type: Literal["session.started"] = "session.started"
    session_id: str
    agent: str
    agent_version: int


@dataclass(frozen=True, kw_only=True)
class EventRecord(_Record):
    """An event of the service, as it came."""

    type: Literal["event"] = "event"
    event: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class MessageRecord(_Record):
    """What the agent says."""

    type: Literal["message"] = "message"
    text: str


@dataclass(frozen=True, kw_only=True)
class ToolStartedRecord(_Record):
    type: Literal["tool.started"] = "tool.started"
    id: str
    name: str
    input: Mapping[str, Any]
    custom: bool
    """It runs on our side."""


@dataclass(frozen=True, kw_only=True)
class ToolEndedRecord(_Record):
    type: Literal["tool.ended"] = "tool.ended"
    id: str
    name: str
    is_error: bool
    seconds: float
    text: str


@dataclass(frozen=True, kw_only=True)
class ApprovalRecord(_Record):
    """A tool asked, and was answered."""

    type: Literal["approval"] = "approval"
    id: str
    name: str
    input: Mapping[str, Any]
    allowed: bool
    by: str
    """`rule 1`, `person`, `webhook`, `default` or `timeout`."""
    message: str | None


@dataclass(frozen=True, kw_only=True)
class UsageRecord(_Record):
    """Totals so far, after a model request."""

    type: Literal["usage"] = "usage"
    turns: int
    tokens: TokenReport
    cost_usd: str | None
    """Decimal text. Null: the model has no known price."""
    cost_is_estimate: bool


@dataclass(frozen=True, kw_only=True)
class VerifyingRecord(_Record):
    """The agent is done; its outputs are being looked at."""

    type: Literal["verifying"] = "verifying"


@dataclass(frozen=True, kw_only=True)
class RepairRecord(_Record):
    type: Literal["repair"] = "repair"
    attempt: int
    of: int
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReconnectingRecord(_Record):
    type: Literal["reconnecting"] = "reconnecting"
    attempt: int
    delay_s: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoteRecord(_Record):
    type: Literal["note"] = "note"
    text: str


@dataclass(frozen=True, kw_only=True)
class WarningRecord(_Record):
    type: Literal["warning"] = "warning"
    text: str


@dataclass(frozen=True, kw_only=True)
class OutputRecord(_Record):
    """An output as it was found at the end."""

    type: Literal["output"] = "output"
    output: OutputReport


@dataclass(frozen=True, kw_only=True)
class VerdictRecord(_Record):
    """The last record of a run; `result` has the shape of schemas/run.json."""

    type: Literal["verdict"] = "verdict"
    result: RunReport


@dataclass(frozen=True, kw_only=True)
class FailedRecord(_Record):
    """The last record where there was no run, or none that came to a verdict."""

    type: Literal["failed"] = "failed"
    error: str
    """Its type, such as `UsageError`, `ProblemsFound` or `Unavailable`."""
    message: str
    hint: str | None


Record = Annotated[
    StageRecord
    | FindingRecord
    | RunRecord
    | SessionRecord
    | EventRecord
    | MessageRecord
    | ToolStartedRecord
    | ToolEndedRecord
    | ApprovalRecord
    | UsageRecord
    | VerifyingRecord
    | RepairRecord
    | ReconnectingRecord
    | NoteRecord
    | WarningRecord
    | OutputRecord
    | VerdictRecord
    | FailedRecord,
    Field(discriminator="type"),
]

_Fields = tuple[type[_Record], Mapping[str, Any]]


def _shared(notice: Any, *names: str) -> Mapping[str, Any]:
    return {name: getattr(notice, name) for name in names}


def _usage(notice: Spent) -> _Fields:
    cost = notice.cost_usd
    return UsageRecord, {
        "turns": notice.turns,
        "tokens": token_report(notice.tokens),
        "cost_usd": None if cost is None else str(cost),
        "cost_is_estimate": notice.cost_is_estimate,
    }


def _fields(notice: Notice) -> list[_Fields]:
    """The records of a notice, without what all records have. Most have one."""
    match notice:
        case FindingsFound(problems=problems):
            return [
                (
                    FindingRecord,
                    {
                        **_shared(found, "code", "message", "hint"),
                        "severity": found.severity.value,
                        "source": None if found.span is None else str(found.span),
                    },
                )
                for found in problems
            ]
        case SessionStarted():
            fields = {**_shared(notice, "session_id", "agent"), "agent_version": notice.version}
            return [(SessionRecord, fields)]
        case Spent():
            return [_usage(notice)]
        case Note():
            level = WarningRecord if notice.level == "warning" else NoteRecord
            return [(level, {"text": notice.text})]
        case OutputVerified():
            return [(OutputRecord, {"output": output_report(notice.output)})]
        case Ended():
            return [(VerdictRecord, {"result": report_of(notice.result)})]
        case Failed(error=error):
            fields = {"error": type(error).__name__, "message": error.message, "hint": error.hint}
            return [(FailedRecord, fields)]
        case Thinking():
            return []  # the event says all of it
        case _:
            found = _AS_THEY_ARE.get(type(notice))
            return [(found[0], _shared(notice, *found[1]))] if found else []


_AS_THEY_ARE: Mapping[type[Any], tuple[type[_Record], tuple[str, ...]]] = {
    Stage: (StageRecord, ("label", "text")),
    RunStarted: (RunRecord, ("agent", "agent_version", "target", "resumed")),
    Received: (EventRecord, ("event",)),
    Said: (MessageRecord, ("text",)),
    ToolStarted: (ToolStartedRecord, ("id", "name", "input", "custom")),
    ToolEnded: (ToolEndedRecord, ("id", "name", "is_error", "seconds", "text")),
    Approval: (ApprovalRecord, ("id", "name", "input", "allowed", "by", "message")),
    Verifying: (VerifyingRecord, ()),
    RepairSent: (RepairRecord, ("attempt", "of", "problems")),
    Reconnecting: (ReconnectingRecord, ("attempt", "delay_s", "reason")),
}


class EventLog:
    """An `Observer` that writes records to a binary stream, each as a whole line, at once."""

    def __init__(self, stream: IO[bytes], *, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._now = now
        self._seq = 0
        self._run_id: str | None = None

    def __call__(self, notice: Notice) -> None:
        if isinstance(notice, RunStarted):
            self._run_id = notice.run_id
        for kind, fields in _fields(notice):
            base: dict[str, Any] = {"seq": self._seq, "at": self._now(), "run_id": self._run_id}
            self._seq += 1
            self._stream.write(_line(kind(**base, **fields)))
        self._stream.flush()


def _line(record: _Record) -> bytes:
    # Half a character, as a tool of the agent may pass on, has no UTF-8.
    data = _adapter(cast(Any, type(record))).dump_python(record)
    head = {"type": data.pop("type"), **data, "at": record.at.isoformat()}
    text = json.dumps(head, ensure_ascii=False, default=str)
    return mask(text).encode("utf-8", "replace") + b"\n"


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def events_schema() -> str:
    """JSON Schema of one record."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Record).json_schema(mode="serialization")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
