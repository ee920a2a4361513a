"""A second task in a session, and something said meanwhile, over real HTTP with everything going wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agentflow.local.fault_plan import AnswerFault, FaultPlan
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.driver import run_session
from agentflow.runtime.events import TokenUsage, text_of
from agentflow.runtime.notices import Notice, Said, SessionStarted
from agentflow.runtime.remarks import make_remark
from agentflow.runtime.run import Reuse, Verdict
from tests.matrix.bench import KNOBS, CaseSessions, Stage, open_stage
from tests.matrix.shapes import Shape, rate_call, turn

TALK = Shape(
    name="talk",
    turns=(
        turn("First."),
        turn("I look.", rate_call("EUR")),
        turn("Second."),
        turn("Heard."),
    ),
    changes={"outputs": {}},
)
STREAM = (
    "cut_stream_before",
    "cut_stream_within",
    "cut_stream_after",
    "clean_end_after",
    "error_frame_after",
    "silent_after",
    "duplicate_event",
)
FRAMES = (6, 21)
HOW: tuple[Mapping[str, Any], ...] = (
    {"broken": True},
    {"broken": True, "after_effect": True},
    {"status": 503, "retry_after_s": 0},
    {"status": 500, "after_effect": True},
)


def plans() -> Iterator[FaultPlan]:
    yield FaultPlan()
    for name in STREAM:
        for frame in FRAMES:
            yield FaultPlan.model_validate({name: frame})
    for number in (1, 3):
        for how in HOW:
            fault = AnswerFault.model_validate({"to": "events.send", "number": number, **how})
            yield FaultPlan(answers=[fault])
    for to in ("events.list", "events.stream", "sessions.retrieve", "files.list"):
        yield FaultPlan(answers=[AnswerFault(to=to, broken=True, times=2)])
    yield FaultPlan(late_events=2)
    yield FaultPlan(unknown_event_after=20)
    yield FaultPlan(mismatch_answers=2)
    yield FaultPlan(reannounce_pending=2)


async def broken_laws(stage: Stage, plan: FaultPlan, number: int) -> list[str]:
    """What does not hold of a first run, and of a second one in its session that the plan disturbs."""
    sessions = CaseSessions(stage.client, stage.streams, FaultPlan())
    common: dict[str, Any] = {
        "sessions": sessions,
        "ledger": stage.ledger,
        "clock": stage.clock,
        "person": None,
        "knobs": KNOBS,
        "draw": lambda: 0.0,
    }
    first = stage.request(TALK, f"first{number}", stage.root)
    begun = await run_session(first, observer=lambda notice: None, **common)
    assert begun.session_id is not None
    history = await RemoteSessions(stage.client).history(begun.session_id)
    faults = stage.service.faults_of(begun.session_id)
    faults.reset(plan)
    request = stage.request(TALK, f"second{number}", stage.root)
    object.__setattr__(
        request, "reuse", Reuse(session_id=begun.session_id, after=str(history[-1]["id"]))
    )
    said: list[str] = []

    def observe(notice: Notice) -> None:
        if isinstance(notice, SessionStarted):
            make_remark(
                stage.ledger, request.run_id, "And a chair?", steer=False, who="ann", at="2026"
            )
        elif isinstance(notice, Said):
            said.append(notice.text)

    result = await run_session(request, observer=observe, **common)
    fired = list(faults.fired)
    faults.reset()
    seen = await stage.look(begun.session_id)
    sent = [text_of(event["content"]) for event in seen.of("user.message")]
    found = {
        "verdict": (result.verdict, Verdict.COMPLETED),
        "final message": (result.final_message, "Heard."),
        "said": (said, ["I look.", "Second.", "Heard."]),
        "messages": (sent, ["Play talk.", "Play talk.", "And a chair?"]),
        "effects": (set(seen.effects.values()), {1}),
        "tokens": (
            result.tokens,
            TokenUsage(input=30, output=60, cache_read=90, cache_write=120),
        ),
        "turns": (result.turns, 3),
        "status": (seen.status, "idle"),
    }
    wrong = [
        f"{plan.model_dump(exclude_defaults=True)}: {name} is {got!r}, not {wanted!r}"
        for name, (got, wanted) in found.items()
        if got != wanted
    ]
    if plan != FaultPlan() and not fired:
        wrong.append(f"{plan.model_dump(exclude_defaults=True)} did not strike")
    return wrong


def test_a_second_run_holds_whatever_goes_wrong(tmp_path: Path) -> None:
    async def main() -> list[str]:
        at_once = asyncio.Semaphore(12)

        async def case(stage: Stage, plan: FaultPlan, number: int) -> list[str]:
            async with at_once:
                return await broken_laws(stage, plan, number)

        async with open_stage(tmp_path, [TALK]) as stage:
            cases = [case(stage, plan, number) for number, plan in enumerate(plans())]
            return [text for found in await asyncio.gather(*cases) for text in found]

    assert asyncio.run(main()) == []
