"""Faults on purpose: what goes wrong between a client and the service, counted and repeatable.

Set on a service when it starts or while it runs (`service.faults`). Every fault that happened adds its
name to `fired`, so that a test can tell that it tested something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentflow.local.drivers.base import Retry

__all__ = ["Faults", "SendFault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFault:
    """How one POST of events goes wrong."""

    status: int | None
    """The answer instead of 200. None: the connection breaks without one."""
    after_effect: bool = False
    """The events were taken, and only the answer is wrong."""
    retry_after_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Faults:
    """None, zero or empty switches a fault off. Frames count data frames of one connection, from 1."""

    cut_stream_after: int | None = None
    """Break the connection after this frame; 0: before the first."""
    clean_end_after: int | None = None
    """End the stream properly after this frame, with the session still going."""
    silent_after: int | None = None
    """Send nothing more after this frame, and keep the connection open."""
    streams_hit: int = 1
    """How many connections the three faults above hit, counted from when the first is hit."""
    duplicate_event: int | None = None
    """Send this frame twice, on each connection."""
    reannounce_pending: int = 0
    """So often, an answer to a pending call is first met by another `requires_action` that names it."""
    unknown_event_after: int | None = None
    """Emit an event of an unknown type after this many events of a session."""
    error_before_request: Mapping[int, Retry] = field(default_factory=dict)
    """By number of the model request in its session, from 1: `session.error` in its place."""
    fail_send: Mapping[int, SendFault] = field(default_factory=dict)
    """By number of the POST of events since the start of the service, from 1."""
    mismatch_answers: int = 0
    """So many answers to pending calls get the passing 400 that no such call is known."""
    accept_second_answers: bool = False
    """A second answer to a call is taken and wakes the session for nothing, instead of a 400."""
    late_status: int = 0
    """So many reads of a session still say `running` after it went idle."""
    late_files: int = 0
    """So many lists of a session's files still lack what it delivered."""
    event_id_window: int | None = 5
    """How many ids `requires_action` names at most, as the hosted service does. None: all."""

    fired: list[str] = field(default_factory=list)
    sends: int = 0
    """POSTs of events so far."""

    def hits_stream(self, name: str) -> bool:
        """Whether a stream fault strikes now; counts it if so."""
        if self.streams_hit < 1:
            return False
        self.streams_hit -= 1
        self.fired.append(name)
        return True

    def take(self, name: str) -> bool:
        """Whether a counted fault (`late_status`, …) strikes once more."""
        left: int = getattr(self, name)
        if left < 1:
            return False
        setattr(self, name, left - 1)
        self.fired.append(name)
        return True

    def next_send(self) -> SendFault | None:
        self.sends += 1
        fault = self.fail_send.get(self.sends)
        if fault is not None:
            self.fired.append("fail_send")
        return fault
