"""[io] What shall go wrong on purpose, as data: for `serve --faults`, a script's `faults:`, and a request header.

    cut_stream_after: 7                        # frames of one connection, counted from 1
    answers:
      - { to: events.send, number: 2, broken: true, after_effect: true }
    requests:
      - { number: 3, error: { type: model_overloaded_error, retry: retrying } }

Faults are counted, not drawn, so that the same plan makes the same things happen every time. Where a plan
comes from says what it holds for: of the service, every session without a plan of its own; of the request
that creates a session, that session; of any other request, that request alone.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from agentflow.local.drivers.base import Retry
from agentflow.local.placed import Shape, read_as

__all__ = [
    "FAULT_MODELS",
    "HEADER",
    "OPERATIONS",
    "AnswerFault",
    "FaultPlan",
    "RequestError",
    "RequestFault",
    "faults_schema",
    "plan_from_header",
    "read_faults",
]

HEADER = "agentflow-faults"
"""Of a request: a plan as JSON."""

Operation = Literal[
    "agents.archive",
    "agents.create",
    "agents.list",
    "agents.retrieve",
    "agents.update",
    "agents.versions",
    "environments.archive",
    "environments.create",
    "environments.delete",
    "environments.list",
    "environments.retrieve",
    "environments.update",
    "environments.work_stats",
    "events.list",
    "events.list_thread_events",
    "events.list_threads",
    "events.retrieve_thread",
    "events.send",
    "events.stream",
    "events.stream_thread",
    "files.delete",
    "files.download",
    "files.list",
    "files.retrieve",
    "files.upload",
    "models.list",
    "models.retrieve",
    "mounts.add",
    "mounts.delete",
    "mounts.list",
    "mounts.retrieve",
    "sessions.archive",
    "sessions.create",
    "sessions.delete",
    "sessions.list",
    "sessions.retrieve",
    "sessions.update",
]
OPERATIONS: tuple[str, ...] = get_args(Operation)

_Number = Annotated[int, Field(ge=1)]
_Count = Annotated[int, Field(ge=0)]


def _plain(value: object) -> object:
    """Numbers of YAML come as decimals."""
    return float(value) if isinstance(value, Decimal) else value


_Seconds = Annotated[float, BeforeValidator(_plain), Field(ge=0, le=3600)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AnswerFault(_Part):
    """How the answer to one request of a client goes wrong: exactly one of `status`, `broken`, `slow_s`."""

    to: Operation = Field(description="Which request.")
    number: _Number = Field(
        default=1, description="The first of these requests that is hit, counted from 1."
    )
    times: _Number = Field(default=1, description="How many in a row are hit.")
    status: Annotated[int, Field(ge=400, le=599)] | None = Field(
        default=None, description="The status of the answer."
    )
    broken: bool = Field(default=False, description="The connection breaks without an answer.")
    slow_s: _Seconds | None = Field(
        default=None, description="Seconds until the first byte of the answer, which is right."
    )
    after_effect: bool = Field(
        default=False, description="The request takes place, and only its answer goes wrong."
    )
    retry_after_s: _Seconds | None = Field(
        default=None, description="With `status`: sent as `retry-after`."
    )

    @model_validator(mode="after")
    def _does_one_thing(self) -> AnswerFault:
        if (self.status is not None) + self.broken + (self.slow_s is not None) != 1:
            raise ValueError("an answer needs one of `status`, `broken` and `slow_s`")
        if self.retry_after_s is not None and self.status is None:
            raise ValueError("`retry_after_s` goes with `status`")
        if self.after_effect and self.slow_s is not None:
            raise ValueError("`after_effect` goes with `status` or `broken`")
        return self


class RequestError(_Part):
    """A `session.error`. Those about MCP servers leave the model request alone, all others take its place."""

    type: Literal[
        "unknown_error",
        "model_overloaded_error",
        "model_rate_limited_error",
        "model_request_failed_error",
        "billing_error",
        "tool_use_limit_reached_error",
        "compaction_limit_reached_error",
        "mcp_connection_failed_error",
        "mcp_authentication_failed_error",
    ] = Field(default="model_overloaded_error", description="As the service names it.")
    message: str = Field(default="A fault that was asked for.", description="Its text.")
    retry: Retry = Field(
        default="retrying",
        description="retrying: the service tries again. exhausted: the turn is dead. terminal: the "
        "session is.",
    )
    mcp_server_name: str | None = Field(default=None, description="With `mcp_…`: which.")

    @property
    def is_about_mcp(self) -> bool:
        return self.type.startswith("mcp_")


class RequestFault(_Part):
    """What happens right before one request to the model: exactly one of its fields but `number`."""

    number: _Number = Field(
        description="Of the model request in its session, counted from 1; one that fails counts too."
    )
    error: RequestError | None = Field(default=None, description="A `session.error`.")
    stop: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="The session goes idle with this stop reason and makes no request: `refusal`, "
        "`budget_reached`, `retries_exhausted`, or one that nobody knows.",
    )
    reschedule: bool = Field(
        default=False, description="The session is rescheduled, and runs again by itself."
    )
    message: str | None = Field(
        default=None, description="Somebody else's message, which joins the running turn."
    )
    slow_s: _Seconds | None = Field(default=None, description="Seconds that it takes longer.")

    @model_validator(mode="after")
    def _does_one_thing(self) -> RequestFault:
        given = (self.error, self.stop, self.message, self.slow_s)
        if sum(one is not None for one in given) + self.reschedule != 1:
            raise ValueError(
                "a model request needs one of `error`, `stop`, `reschedule`, `message` and `slow_s`"
            )
        return self


class FaultPlan(_Part):
    """Everything that shall go wrong. What is not set goes right."""

    cut_stream_before: _Number | None = Field(
        default=None, description="The connection breaks when this frame is due, and without it."
    )
    cut_stream_within: _Number | None = Field(
        default=None, description="The connection breaks in the middle of this frame."
    )
    cut_stream_after: _Count | None = Field(
        default=None,
        description="The connection breaks right after this frame; 0: before the first is due.",
    )
    clean_end_after: _Count | None = Field(
        default=None,
        description="The stream ends properly after this frame, with the session going on.",
    )
    error_frame_after: _Count | None = Field(
        default=None, description="After this frame an `event: error` frame comes, and the end."
    )
    silent_after: _Count | None = Field(
        default=None,
        description="Nothing more is sent after this frame, and the connection stays open.",
    )
    streams_hit: _Number = Field(
        default=1,
        description="How many connections the faults above hit, from the first one that they do.",
    )
    duplicate_event: _Number | None = Field(
        default=None, description="This frame is sent twice, on each connection."
    )
    answers: list[AnswerFault] = Field(
        default=[], description="Answers to requests that go wrong; the first that fits counts."
    )
    requests: list[RequestFault] = Field(
        default=[], description="What happens before model requests; all that fit happen, in order."
    )
    unknown_event_after: _Number | None = Field(
        default=None,
        description="An event of an unknown type follows this many events of the service.",
    )
    reannounce_pending: _Count = Field(
        default=0,
        description="So often, an answer to a pending call is first met by another "
        "`requires_action` that names the call.",
    )
    mismatch_answers: _Count = Field(
        default=0,
        description="So many answers to pending calls get the passing 400 that no such call is known.",
    )
    second_answers: Literal["refuse", "accept", "ignore"] = Field(
        default="refuse",
        description="What becomes of a second answer to a call. refuse: 400. accept: it is kept, and "
        "wakes the session for nothing. ignore: 200, and it is not kept.",
    )
    event_id_window: _Number | None = Field(
        default=5, description="How many calls `requires_action` names at most; null: all."
    )
    late_status: _Count = Field(
        default=0, description="So many reads of a session say `running` after it went idle."
    )
    late_events: _Count = Field(
        default=0,
        description="So many lists of events lack the last one of a session that went idle.",
    )
    old_work_s: _Seconds | None = Field(
        default=None,
        description="The work queue of self-hosted environments has an item that is so old, and no "
        "worker.",
    )
    lost_resources: _Count = Field(
        default=0,
        description="So many of the resources that a session is created with are not mounted.",
    )
    late_files: _Count = Field(
        default=0, description="So many lists of a session's files lack what it delivered."
    )


FAULT_MODELS: tuple[type[BaseModel], ...] = (FaultPlan, AnswerFault, RequestFault, RequestError)


def read_faults(path: Path) -> FaultPlan:
    """The plan in a YAML file.

    Raises:
        ProblemsFound: it is none.
        FileRefused: it cannot be read.
    """
    return read_as(FaultPlan, Shape("file of faults", FAULT_MODELS), path)


def plan_from_header(text: str) -> FaultPlan:
    """The plan in a header's value.

    Raises:
        ValueError: it is none; the message says what is wrong with the first wrong field.
    """
    try:
        return FaultPlan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join([HEADER, *map(str, first["loc"])])
        raise ValueError(f"{where}: {first['msg']}") from None


def faults_schema() -> str:
    """The JSON Schema of a file of faults, as text."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **FaultPlan.model_json_schema(),
    }
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
