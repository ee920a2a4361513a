"""Faults on purpose while they happen: what of a plan has struck, and what is still to come.

Every fault that happened adds its name to `fired`, so that a test can tell that it tested something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from agentflow.local.fault_plan import AnswerFault, FaultPlan, RequestFault

__all__ = ["FaultBook", "Faults"]

_COUNTED = (
    "streams_hit",
    "reannounce_pending",
    "mismatch_answers",
    "late_status",
    "late_events",
    "late_files",
    "lost_resources",
)


class Faults:
    """One plan and how far it has come."""

    def __init__(self, plan: FaultPlan | None = None, /, **fields: Any) -> None:
        """`fields` are those of a plan, where none is given."""
        self.reset(plan, **fields)

    def reset(self, plan: FaultPlan | None = None, /, **fields: Any) -> None:
        """Begin another plan, counted anew."""
        self.plan = plan or FaultPlan(**fields)
        self.fired: list[str] = []
        self._left: dict[str, int] = {name: getattr(self.plan, name) for name in _COUNTED}
        self.asked: Counter[str] = Counter()
        """Requests so far, by operation."""
        self._begun: set[int] = set()

    def hits_stream(self, name: str, frame: int) -> bool:
        """Whether a fault of streams strikes at this frame of a connection; counts it if so."""
        return getattr(self.plan, name) == frame and self.take("streams_hit", name)

    def take(self, counter: str, name: str | None = None) -> bool:
        """Whether a counted fault strikes once more. `name` is what it fires as."""
        if self._left[counter] < 1:
            return False
        self._left[counter] -= 1
        self.fired.append(name or counter)
        return True

    def answer(self, operation: str) -> AnswerFault | None:
        """What goes wrong with the answer to the request that just came. None: nothing."""
        self.asked[operation] += 1
        number = self.asked[operation]
        for fault in self.plan.answers:
            if fault.to == operation and 0 <= number - fault.number < fault.times:
                self.fired.append("answers")
                return fault
        return None

    def before_request(self, number: int) -> list[RequestFault]:
        """What happens before a model request, in order; once, also if there is no request then."""
        found = [
            fault
            for fault in self.plan.requests
            if fault.number == number and number not in self._begun
        ]
        self._begun.add(number)
        self.fired.extend("requests" for _ in found)
        return found

    def emits_unknown(self, emitted: int) -> bool:
        """Whether an event of an unknown type follows after so many."""
        strikes = self.plan.unknown_event_after == emitted
        if strikes:
            self.fired.append("unknown_event_after")
        return strikes


class FaultBook:
    """Which faults hold for a session: its own, or those of the service."""

    def __init__(self, service: Faults, record: Callable[[str], Mapping[str, Any] | None]) -> None:
        """`record` is what is kept of a session: with its plan as `_faults`, if it has one."""
        self.service = service
        self._record = record
        self._sessions: dict[str, Faults] = {}

    def attach(self, session_id: str, faults: Faults) -> None:
        self._sessions[session_id] = faults

    def of(self, session_id: str | None) -> Faults:
        """None: of requests that are about no session."""
        if session_id is None:
            return self.service
        if session_id not in self._sessions:
            record = self._record(session_id)
            if record is None:
                return self.service
            own = record.get("_faults")
            self._sessions[session_id] = (
                self.service if own is None else Faults(FaultPlan.model_validate(own))
            )
        return self._sessions[session_id]

    def drop(self, session_id: str) -> None:
        self._sessions.pop(session_id, None)
