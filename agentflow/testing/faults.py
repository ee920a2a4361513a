"""What a test has go wrong: some of it the service does, the rest befalls the client here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from agentflow.local.fault_plan import AnswerFault, FaultPlan, RequestError, RequestFault
from agentflow.spec.test import FaultSpec

__all__ = ["Misfortune", "plan_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfortune:
    """What a service plan cannot say."""

    delays: tuple[tuple[int, float], ...] = ()
    """Frame of the run, counted over all connections, and by how many seconds it is late."""
    kills: tuple[int, ...] = ()
    """After how many frames the client dies."""
    crashes: tuple[tuple[str, int], ...] = ()
    """Tool as a glob, and how many of its calls crash."""


def _drop(fault: FaultSpec) -> dict[str, Any]:
    if fault.before is not None:
        return {"cut_stream_before": fault.before, "streams_hit": fault.times}
    return {"cut_stream_after": fault.after or 1, "streams_hit": fault.times}


def _duplicate(fault: FaultSpec) -> dict[str, Any]:
    return {"duplicate_event": fault.after or fault.before or 1}


_ANSWERS: dict[str, dict[str, Any]] = {
    "rate_limit": {"status": 429, "retry_after_s": 1.0},
    "server_error": {"status": 500},
    "lost_answer": {"broken": True, "after_effect": True},
}


def _answer(fault: FaultSpec) -> AnswerFault:
    return AnswerFault(
        to=fault.to or "events.send",
        number=fault.number or 1,
        times=fault.times,
        **_ANSWERS[fault.fault],
    )


_REQUESTS: dict[str, Callable[[FaultSpec], dict[str, Any]]] = {
    "error_event": lambda fault: {"error": RequestError(retry=fault.retry or "retrying")},
    "refusal": lambda fault: {"stop": "refusal"},
    "budget": lambda fault: {"stop": "budget_reached"},
}


def _place(fault: FaultSpec) -> int:
    """The number of the frame that comes right after what happens."""
    return fault.before if fault.before is not None else (fault.after or 0) + 1


def plan_of(
    faults: Iterable[FaultSpec], base: FaultPlan | None = None
) -> tuple[FaultPlan, Misfortune]:
    """What the service does wrong, over what its script says, and what befalls the client."""
    base = base or FaultPlan()
    fields: dict[str, Any] = {}
    answers, requests = list(base.answers), list(base.requests)
    delays: list[tuple[int, float]] = []
    kills: list[int] = []
    crashes: list[tuple[str, int]] = []
    for fault in faults:
        match fault.fault:
            case "drop":
                fields |= _drop(fault)
            case "duplicate":
                fields |= _duplicate(fault)
            case "rate_limit" | "server_error" | "lost_answer":
                answers.append(_answer(fault))
            case "error_event" | "refusal" | "budget":
                made = _REQUESTS[fault.fault](fault)
                requests.append(RequestFault(number=fault.number or 1, **made))
            case "delay":
                first = _place(fault)
                delays += [(first + n, fault.delay or 0.0) for n in range(fault.times)]
            case "kill_client":
                kills.append(_place(fault) - 1)
            case "tool_crash":
                crashes.append((fault.tool or "*", fault.times))
    fields |= {"answers": answers, "requests": requests}
    misfortune = Misfortune(
        delays=tuple(delays), kills=tuple(sorted(kills)), crashes=tuple(crashes)
    )
    return base.model_copy(update=fields), misfortune
