"""The words of the session machine: its state, what it is told, and what it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from agentflow.compiler.manifest import SAME_ERROR
from agentflow.runtime.breaker import Streak
from agentflow.runtime.budget import Limits, Usage
from agentflow.runtime.events import Event, SessionError, SessionUsage, StatusIdle
from agentflow.runtime.notices import Notice
from agentflow.runtime.run import LimitHit, Verdict
from agentflow.runtime.seen import GrowingSet

__all__ = [
    "AnswerConfirmed",
    "Call",
    "CheckOutputs",
    "Command",
    "ConnectionLost",
    "Decide",
    "Decided",
    "Ending",
    "Finish",
    "History",
    "Input",
    "Interrupted",
    "LimitReached",
    "Notify",
    "Outcome",
    "OutputsChecked",
    "Phase",
    "ReadHistory",
    "Remark",
    "RemarkKept",
    "RemarkRefused",
    "RemarkSent",
    "Resumed",
    "Reused",
    "RunTool",
    "SendConfirmation",
    "SendConfirmed",
    "SendFailed",
    "SendInterrupt",
    "SendMessage",
    "SendRemark",
    "SendResult",
    "Sent",
    "SessionGone",
    "Setup",
    "Stage",
    "Started",
    "State",
    "StopTimedOut",
    "Tick",
    "ToolFinished",
]


class Phase(StrEnum):
    NEW = "new"
    WORKING = "working"
    VERIFYING = "verifying"
    """The turn is over; what it delivered is being looked at."""
    STOPPING = "stopping"
    """An interrupt is on its way; the next rest is the end."""
    ENDED = "ended"


class Stage(StrEnum):
    """How far a tool call is, as far as we are concerned."""

    SEEN = "seen"
    """Not ours to act on, at least not yet."""
    WAITING = "waiting"
    """Ours, and not begun."""
    DECIDING = "deciding"
    RUNNING = "running"
    HALTED = "halted"
    """It waits for a person who is not there."""
    ANSWERING = "answering"
    ANSWERED = "answered"
    """The service took our answer."""
    CONFIRMED = "confirmed"
    """The service shows a confirmation, ours or another; its own result will follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a custom tool came to; a failure is an outcome for the agent, not an exception."""

    text: str
    is_error: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call of the agent."""

    id: str
    """Of the event that announced it; answers name it."""
    name: str
    input: Mapping[str, Any]
    custom: bool
    """It runs on our side and is answered with a result; else with a confirmation."""
    server: str | None
    """The MCP server. None: a built-in or a custom tool."""
    stage: Stage
    began_s: float
    """On the run's clock."""
    approved: bool = False
    """A custom tool that asks: it was allowed."""
    answer: Outcome | Decided | None = None
    """What was sent, or will be."""
    change: str | None = None
    """A unified diff of what it would change, for whoever is asked. None: none was made."""
    answered_seq: int = 0
    """The place in the session's order at which the service took our answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    verdict: Verdict
    reason: str
    hint: str | None = None
    limit: LimitHit | None = None
    leave: bool = False
    """The session is left as it is, because somebody goes on with it."""
    error: str | None = None
    """As in `RunResult`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What stays the same for a whole run."""

    task: str
    repairs: int
    limits: Limits
    asks: frozenset[str] = frozenset()
    """Custom tools whose calls are approved one by one."""
    detach: Ending | None = None
    """How the run ends once the task is sent. None: it is followed to its end."""
    run_id: str = ""
    """For commands that hints name."""
    same_error: int | None = SAME_ERROR
    """Turns in a row with the same error of a tool that stop the run. None: none do."""
    required_servers: frozenset[str] = frozenset()
    """MCP servers that the run does not go on without."""
    warns_agent: bool = False
    """The model takes a `system.message` in the middle of a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A user message the service has shown us."""

    seq: int
    processed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something that a person says to the agent while a run goes on. Also what the machine is told."""

    id: int
    text: str
    steer: bool
    """It joins the running turn. False: it begins one of its own."""
    who: str


@dataclass(frozen=True, kw_only=True)
class State:
    """What is known of a session. It has no slots, so that it can be `changed` quickly."""

    setup: Setup
    phase: Phase = Phase.NEW
    seq: int = 0
    """Events taken in so far; their place in the session's order."""
    seen: GrowingSet = field(default_factory=GrowingSet)
    queued: frozenset[str] = frozenset()
    """Client events seen only as queued: the one kind that means something twice."""
    unknown: frozenset[str] = frozenset()
    """Unknown event types and stop reasons that were noted."""
    calls: Mapping[str, Call] = field(default_factory=dict)
    """Tool calls without a result yet, by id, in order. Never changed in place."""
    closed: GrowingSet = field(default_factory=GrowingSet)
    """Ids of calls that have their result: whoever names them again changes nothing."""
    messages: Mapping[str, Sent] = field(default_factory=dict)
    expected: str | None = None
    """The id of our last message. None: it is on its way."""
    running: bool = False
    """The last status was running, or a message of ours is on its way."""
    idle: StatusIdle | None = None
    """The last status, if it is idle and came after our last message was sent."""
    idle_seq: int = 0
    status_id: str | None = None
    """The event that says whether the session runs. None: our message does."""
    looked_up: frozenset[str] = frozenset()
    """Blocking ids we asked the history for, since the last idle."""
    gone: str | None = None
    """`terminated` or `deleted`, once it is."""
    primary: str | None = None
    """The first thread that showed itself."""
    threads: frozenset[str] = frozenset()
    """Other threads that are running."""
    error: SessionError | None = None
    """The last error the service did not recover from, in this turn."""
    usage: Usage = field(default_factory=Usage)
    base: SessionUsage | None = None
    """What earlier runs had used in this session. None: nothing, or nobody said."""
    warned: frozenset[str] = frozenset()
    warning: str | None = None
    """What the agent is to be told with the next tool result."""
    streaks: Mapping[str, Streak] = field(default_factory=dict)
    """Errors that a tool repeats. Never changed in place."""
    shared_limit: LimitHit | None = None
    """A limit that runs share, and that leaves nothing for another turn."""
    repairs: int = 0
    continued: int = 0
    """How often the agent was told to go on after a limit was raised."""
    remarks: tuple[Remark, ...] = ()
    """What was said and not sent yet, in order."""
    remarking: Remark | None = None
    """What is on its way."""
    final_message: str = ""
    stop: Ending | None = None
    """Why the session is being stopped."""
    halt: Ending | None = None
    """Why the run ends as soon as nothing goes on without a person."""
    ending: Ending | None = None

    @property
    def lost_server(self) -> SessionError | None:
        """The error that takes an MCP server away that the run does not go on without."""
        error = self.error
        needed = error is not None and error.server in self.setup.required_servers
        return error if needed else None

    @property
    def at_rest(self) -> bool:
        """Nothing runs and nothing is blocked: no need to interrupt, and nothing costs money."""
        if self.gone is not None or self.phase is Phase.NEW:
            return True
        if self.remarking is not None:
            return False
        return not self.running and self.idle is not None and self.idle.reason != "requires_action"


# What the machine is told, beside events.


@dataclass(frozen=True, slots=True)
class Started:
    """The session exists and its stream is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """An earlier process has come so far with this run; the stream is open again."""

    events: tuple[Event, ...]
    """All events of the session, in list order."""
    at_s: tuple[float, ...]
    """When each took place, after the start of the run."""
    now_s: float
    """Since the start of the run, with the time that nobody followed it."""
    wall_s: float
    """Without that time: what the limit on wall time is held against."""
    message: str | None
    """The id of the last message of ours that the history shows. None: nothing was sent."""
    repairs: int
    """Its number, 0 for the task."""
    verify: bool
    """A repair was about to be sent and was not: look at the outputs again."""
    warned: bool
    """The agent has had its warning."""
    continued: int = 0
    """How often it was told to go on."""
    go_on: bool = False
    """A limit stopped the run, and was raised: the agent is told to go on, unless it does by itself."""


@dataclass(frozen=True, slots=True)
class Reused:
    """Earlier runs took place in this session; told before everything else."""

    events: tuple[Event, ...]
    """Theirs, in list order."""


@dataclass(frozen=True, slots=True)
class LimitReached:
    """A limit that is kept outside: what runs share."""

    limit: LimitHit


@dataclass(frozen=True, slots=True)
class SendConfirmed:
    """The service took our message."""

    event_id: str


@dataclass(frozen=True, slots=True)
class AnswerConfirmed:
    """The service took our result or confirmation."""

    call_id: str


@dataclass(frozen=True, slots=True)
class RemarkSent:
    """The service took what was said."""

    id: int
    event_id: str


@dataclass(frozen=True, slots=True)
class RemarkKept:
    """It came too late to steer the turn, and is for its end."""

    id: int


@dataclass(frozen=True, slots=True)
class RemarkRefused:
    """It cannot be sent."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True)
class SendFailed:
    """Something could not be sent, and it is known that it did not take place."""

    what: str
    reason: str
    is_message: bool = False
    """It would have started a turn: without it the session rests."""


@dataclass(frozen=True, slots=True)
class ToolFinished:
    call_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to a call that asks."""

    call_id: str
    allow: bool
    message: str | None = None
    """What the agent is told when denied."""
    halt: bool = False
    """End the run and leave the session waiting: a person is needed."""
    hint: str | None = None
    """What the person is to do, if the run halts."""


@dataclass(frozen=True, slots=True)
class Tick:
    wall_s: float
    """Since the run started."""


@dataclass(frozen=True, slots=True)
class OutputsChecked:
    problems: tuple[str, ...]
    """What is missing or invalid, one sentence each."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody wants the run to end."""

    reason: str


@dataclass(frozen=True, slots=True)
class StopTimedOut:
    """The session did not come to rest in time after an interrupt."""


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The stream cannot be had any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class SessionGone:
    """The service says, outside the stream, that the session is `terminated` or `deleted`."""

    how: str


@dataclass(frozen=True, slots=True)
class History:
    """All events of the session, in list order."""

    events: tuple[Event, ...]


Input = (
    Event
    | Started
    | Resumed
    | Reused
    | LimitReached
    | SendConfirmed
    | AnswerConfirmed
    | Remark
    | RemarkSent
    | RemarkKept
    | RemarkRefused
    | SendFailed
    | ToolFinished
    | Decided
    | Tick
    | OutputsChecked
    | Interrupted
    | StopTimedOut
    | ConnectionLost
    | SessionGone
    | History
)


# What the machine asks for.


@dataclass(frozen=True, slots=True)
class SendMessage:
    """The task, or what is wrong with the outputs (`problems` is not empty then)."""

    text: str
    problems: tuple[str, ...] = ()
    attempt: int = 0
    """The repair it asks for, or the last one before it. 0: none."""


@dataclass(frozen=True, slots=True)
class SendRemark:
    remark: Remark


@dataclass(frozen=True, slots=True)
class RunTool:
    call: Call


@dataclass(frozen=True, slots=True)
class Decide:
    call: Call


@dataclass(frozen=True, slots=True)
class SendResult:
    call: Call
    outcome: Outcome
    warning: str | None = None
    again: bool = False
    """It was sent before and seems to be lost: only if the history lacks it."""


@dataclass(frozen=True, slots=True)
class SendConfirmation:
    call: Call
    decided: Decided
    again: bool = False
    """As for a result."""


@dataclass(frozen=True, slots=True)
class SendInterrupt:
    pass


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """An event is missing, or an answer of ours may be: read the whole list."""


@dataclass(frozen=True, slots=True)
class CheckOutputs:
    pass


@dataclass(frozen=True, slots=True)
class Notify:
    notice: Notice


@dataclass(frozen=True, slots=True)
class Finish:
    ending: Ending


Command = (
    SendMessage
    | SendRemark
    | RunTool
    | Decide
    | SendResult
    | SendConfirmation
    | SendInterrupt
    | ReadHistory
    | CheckOutputs
    | Notify
    | Finish
)
