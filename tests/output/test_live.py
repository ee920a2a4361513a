"""The live view: one line per fact, harmless for a terminal whatever an agent says."""

from __future__ import annotations

import io
from decimal import Decimal

from agentflow.output.live import LiveView
from agentflow.output.text import clean, count, dollars, one_line, seconds
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.notices import (
    Approval,
    Note,
    Notice,
    Reconnecting,
    RepairSent,
    Said,
    SessionStarted,
    Spent,
    Stage,
    Thinking,
    ToolEnded,
    ToolStarted,
    Verifying,
)

NOTICES: tuple[Notice, ...] = (
    SessionStarted(session_id="sesn_1", agent="analyst", version=3),
    Thinking(),
    Said(text="Two lines,\nand a \x1b[31mred\x1b[0m word."),
    ToolStarted(id="t", name="bash", input={"command": "ls -la"}, custom=False),
    Approval(id="t", name="bash", input={}, allowed=False, by="default", message="no rule matches"),
    ToolEnded(id="t", name="bash", is_error=True, seconds=0.25, text="denied"),
    Spent(
        turns=1,
        tokens=TokenUsage(input=1200, output=80),
        cost_usd=Decimal("0.01"),
        cost_is_estimate=True,
    ),
    Verifying(),
    RepairSent(attempt=1, of=2, problems=("report.md is missing",)),
    Reconnecting(attempt=1, delay_s=0.5, reason="the stream ended"),
    Note(level="warning", text="80 % of budget.usd is used"),
)


def shown(*, color: bool) -> str:
    stream = io.StringIO()
    with LiveView(stream, color=color, interactive=False) as view:
        view(Stage(label="lint", text="3 specs, no problems"))
        for notice in NOTICES:
            view(notice)
    return stream.getvalue()


def test_a_run_as_plain_lines() -> None:
    assert shown(color=False).splitlines() == [
        "     lint  3 specs, no problems",
        "  session  sesn_1  analyst v3",
        "     says  Two lines,",
        "           and a \N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}[0m word.",
        "     tool  bash  command=ls -la",
        "   denied  bash  by default: no rule matches",
        "   failed  bash  0.25 s  denied",
        "    spent  1 turn · 1,280 tokens · about $0.0100",
        "   verify  looking at what was delivered",
        "   repair  sent back, 1 of 2:",
        "           - report.md is missing",
        "  network  the stream ended. The session goes on; connecting again in 0.50 s",
        "     note  80 % of budget.usd is used",
    ]


def test_colour_adds_nothing_but_colour() -> None:
    import re

    text = shown(color=True)
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert plain == shown(color=False)


def test_text_is_made_harmless_and_short() -> None:
    assert clean("a\x1b]0;title\x07b\u202ec\u200ed\u2028e") == "a�]0;title�b�c�d�e"
    assert one_line("a\n  b\tc", 10) == "a b c"
    assert one_line("abcdef", 4) == "abc…"
    assert (count(1, "turn"), count(1200, "token")) == ("1 turn", "1,200 tokens")
    assert [dollars(Decimal(x)) for x in ("0.0123", "12.5")] == ["$0.0123", "$12.50"]
    assert dollars(None) == "unpriced"
    assert [seconds(x) for x in (0.5, 12, 65, 3720)] == ["0.50 s", "12 s", "1 m 05 s", "1 h 02 m"]
