"""Everything that can go wrong with a run of a shape, at every place where it can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentflow.local.fault_plan import FaultPlan
from agentflow.runtime.run import Verdict
from tests.matrix.bench import AnsweredBefore, AnsweredBehind, CaseSessions, Played

__all__ = ["GROUPS", "Case", "cases_of"]

JOINING = "Somebody else says: be brief."

_ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "500": {"status": 500},
    "500-after": {"status": 500, "after_effect": True},
    "503": {"status": 503},
    "529": {"status": 529},
    "429": {"status": 429},
    "429-wait": {"status": 429, "retry_after_s": 0.01},
    "429-after": {"status": 429, "after_effect": True},
    "lost": {"broken": True},
    "lost-after": {"broken": True, "after_effect": True},
    "slow": {"slow_s": 0.05},
}
_READS = ("500", "429", "429-wait", "lost", "slow")
_MCP = {"mcp_server_name": "warehouse"}
_REQUESTS: Mapping[str, Mapping[str, Any]] = {
    "overloaded": {"error": {"type": "model_overloaded_error", "retry": "retrying"}},
    "rate-limited": {"error": {"type": "model_rate_limited_error", "retry": "retrying"}},
    "mcp-lost": {"error": {"type": "mcp_connection_failed_error", "retry": "retrying", **_MCP}},
    "mcp-refused": {
        "error": {"type": "mcp_authentication_failed_error", "retry": "exhausted", **_MCP}
    },
    "rescheduled": {"reschedule": True},
    "joined": {"message": JOINING},
    "slow-model": {"slow_s": 0.05},
}
_ENDINGS: Mapping[str, tuple[Mapping[str, Any], Verdict]] = {
    "exhausted": ({"error": {"retry": "exhausted"}}, Verdict.FAILED),
    "terminal": ({"error": {"retry": "terminal"}}, Verdict.FAILED),
    "refusal": ({"stop": "refusal"}, Verdict.REFUSED),
    "budget": ({"stop": "budget_reached"}, Verdict.BUDGET),
    "gave-up": ({"stop": "retries_exhausted"}, Verdict.FAILED),
    "unknown-stop": ({"stop": "tea_break"}, Verdict.FAILED),
}
_SESSIONS: Mapping[str, Mapping[str, Any]] = {
    "announced-again": {"reannounce_pending": 1},
    "announced-often": {"reannounce_pending": 4},
    "unknown-call": {"mismatch_answers": 1},
    "unknown-calls": {"mismatch_answers": 3},
    "second-accepted": {"second_answers": "accept"},
    "second-ignored": {"second_answers": "ignore"},
    "window-1": {"event_id_window": 1},
    "no-window": {"event_id_window": None},
    "late-file": {"late_files": 1},
    "late-files": {"late_files": 2},
    "late-event": {"late_events": 1},
    "duplicate": {"duplicate_event": 3},
    "cut-thrice": {"streams_hit": 3},
    "all-answers-lost": {
        "answers": [
            {"to": "events.send", "number": 1, "times": 99, **_ANSWERS["lost-after"]},
        ]
    },
}
_WITH_CALLS = ("announced", "unknown-call")
"""Faults of answers to calls: nothing to sessions without."""
_STRIDE = 3
"""Two faults at once: each pair at every third position, so that every position has a third of them."""


@dataclass(frozen=True)
class Case:
    name: str
    plan: FaultPlan
    verdict: Verdict | None = None
    """None: that of the run without faults, and everything else as there too."""
    failed_requests: int = 0
    """Model requests that come in addition."""
    joined: bool = False
    """A message of somebody else is in the history."""
    fires: bool = True
    """The service tells that it happened."""
    client: type[CaseSessions] = CaseSessions
    """Through which the run sees the service: others answer the same calls."""


def _case(name: str, *parts: Mapping[str, Any], **more: Any) -> Case:
    plan: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            plan[key] = [*plan[key], *value] if key in plan and key in _LISTS else value
    return Case(name, FaultPlan.model_validate(plan), **more)


_LISTS = ("answers", "requests")


def _answer(to: str, number: int, kind: str) -> dict[str, Any]:
    return {"answers": [{"to": to, "number": number, **_ANSWERS[kind]}]}


def _disturbed(kind: str, number: int, *parts: Mapping[str, Any]) -> Case:
    plan = {"requests": [{"number": number, **_REQUESTS[kind]}]}
    return _case(
        f"{kind}@{number}",
        plan,
        *parts,
        failed_requests=kind in ("overloaded", "rate-limited"),
        joined=kind == "joined",
    )


def _ended(kind: str, number: int, *parts: Mapping[str, Any]) -> Case:
    fault, verdict = _ENDINGS[kind]
    plan = {"requests": [{"number": number, **fault}]}
    return _case(f"{kind}@{number}", plan, *parts, verdict=verdict)


def _positions(kind: str, first: int) -> Callable[[Played], Iterator[Case]]:
    def cases(base: Played) -> Iterator[Case]:
        last = base.frames
        if kind == "unknown_event_after":
            last = sum(not event["type"].startswith("user.") for event in base.history)
        for n in range(first, last + 1):
            yield _case(f"{kind}={n}", {kind: n})

    return cases


def _sends(base: Played) -> Iterator[Case]:
    for kind in _ANSWERS:
        for number in range(1, base.asked["events.send"] + 1):
            yield _case(f"send-{kind}@{number}", _answer("events.send", number, kind))
        # It is told of the session that was not created.
        yield _case(f"create-{kind}", _answer("sessions.create", 1, kind), fires=False)


def _reads(base: Played) -> Iterator[Case]:
    for kind in _READS:
        for to in ("events.stream", "files.list", "files.download"):
            yield _case(f"{to}-{kind}", _answer(to, 1, kind))


def _requests(base: Played) -> Iterator[Case]:
    for number in range(1, base.model_requests + 1):
        for kind in _REQUESTS:
            yield _disturbed(kind, number)
        for kind in _ENDINGS:
            yield _ended(kind, number)


def _session_faults(base: Played) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, plan in _SESSIONS.items():
        if base.has_calls or not name.startswith(_WITH_CALLS):
            yield name, plan


def _sessions(base: Played) -> Iterator[Case]:
    for name, plan in _session_faults(base):
        if name not in ("late-event", "cut-thrice"):  # those need a cut
            yield _case(name, plan, fires=not name.startswith(("second", "window", "no-window")))


def _cuts(base: Played) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for n in range(base.frames + 1):
        yield n, {"cut_stream_after": n}


def _cut_and_answers(base: Played) -> Iterator[Case]:
    sends = base.asked["events.send"]
    pairs = [("events.list", kind) for kind in _READS]
    pairs += [("events.stream", kind) for kind in _READS]
    pairs += [("events.send", kind) for kind in _ANSWERS]
    for n, cut in _cuts(base):
        for index, (to, kind) in enumerate(pairs):
            if (index + n) % _STRIDE:
                continue
            number = {"events.list": 1, "events.stream": 2}.get(to, 1 + n % sends)
            yield _case(f"cut={n} {to}-{kind}@{number}", cut, _answer(to, number, kind))


def _cut_and_requests(base: Played) -> Iterator[Case]:
    for n, cut in _cuts(base):
        number = 1 + n % base.model_requests
        for index, kind in enumerate([*_REQUESTS, *_ENDINGS]):
            if (index + n) % _STRIDE:
                continue
            make = _disturbed if kind in _REQUESTS else _ended
            case = make(kind, number, cut)
            yield Case(**{**case.__dict__, "name": f"cut={n} {case.name}"})


def _cut_and_sessions(base: Played) -> Iterator[Case]:
    for n, cut in _cuts(base):
        for index, (name, plan) in enumerate(_session_faults(base)):
            if (index + n) % _STRIDE == 0:
                yield _case(f"cut={n} {name}", cut, plan)


def _second_answers(base: Played) -> Iterator[Case]:
    """Somebody else answers too: the service refuses, takes or ignores the second answer."""
    if not base.effects:
        return
    index = 0
    for n, cut in _cuts(base):
        for client in (AnsweredBefore, AnsweredBehind):
            for mode in ("refuse", "accept", "ignore"):
                index += 1
                if (index + n) % _STRIDE == 0:
                    name = f"cut={n} {client.__name__}-{mode}"
                    yield _case(name, cut, {"second_answers": mode}, client=client)


GROUPS: Mapping[str, Callable[[Played], Iterator[Case]]] = {
    "cut-before": _positions("cut_stream_before", 1),
    "cut-within": _positions("cut_stream_within", 1),
    "cut-after": _positions("cut_stream_after", 0),
    "clean-end": _positions("clean_end_after", 0),
    "error-frame": _positions("error_frame_after", 0),
    "silence": _positions("silent_after", 0),
    "duplicate": _positions("duplicate_event", 1),
    "unknown-event": _positions("unknown_event_after", 1),
    "sends": _sends,
    "reads": _reads,
    "requests": _requests,
    "sessions": _sessions,
    "cut-and-answers": _cut_and_answers,
    "cut-and-requests": _cut_and_requests,
    "cut-and-sessions": _cut_and_sessions,
    "second-answers": _second_answers,
}


def cases_of(base: Played, group: str | None = None) -> list[Case]:
    """The cases of a group, or of all; `base` is the run without faults."""
    groups = GROUPS.values() if group is None else (GROUPS[group],)
    return [case for make in groups for case in make(base)]
