"""Whether an agent gets nowhere: a tool that gives the same error turn after turn. Pure.

Counted are turns, not calls: five addresses that are refused in one turn are one try. A tool that gives
another result, or another error, in between has got somewhere. What is volatile in an error, such as
numbers and ids, is no difference; names and paths are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Streak", "count", "ending_text", "error_of", "tripped"]


class _Known(NamedTuple):
    signs: tuple[str, ...]
    """One of them is in every text that the pattern finds: looking for them costs next to nothing."""
    pattern: re.Pattern[str]
    name: str
    advice: str


_KNOWN = (
    _Known(
        ("url_not_in_prior_context",),
        re.compile(r"\burl_not_in_prior_context\b"),
        "url_not_in_prior_context",
        "web_fetch takes only addresses that stand in the conversation: name them in the task, or "
        "give the agent `web_search`.",
    ),
    _Known(
        ("url_not_allowed",),
        re.compile(r"\burl_not_allowed\b"),
        "url_not_allowed",
        "The address is not allowed: add its host to `network.hosts` of the environment and to "
        "`domains` of the tool, or tell the agent to do without.",
    ),
    _Known(
        ("x-deny-reason", "host_not_allowed", "403"),
        re.compile(
            r"x-deny-reason|host_not_allowed|connect tunnel failed, response 403"
            r"|\b403\b[^\n]{0,80}\b(?:proxy|egress)\b|\b(?:proxy|egress)\b[^\n]{0,80}\b403\b"
        ),
        "blocked by the network (403)",
        "The environment does not let this host through: add it to `network.hosts`, or tell the "
        "agent to do without.",
    ),
)
"""Errors that come as ordinary results: nothing else says that the tool failed."""

_SHORT = 4_000
"""Characters of a result that can be nothing but such an error; a longer one may only speak of it."""

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_VOLATILE = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\b|\d+")


@dataclass(frozen=True, slots=True)
class Streak:
    """The same error of a tool, in turns that follow each other."""

    error: str
    """Without what is volatile."""
    shown: str
    """The last one, as far as it fits a sentence."""
    turns: int
    last: int
    """The turn that was counted last."""


def error_of(text: str, *, is_error: bool) -> str | None:
    """What kind of error a result is, the same text for the same error. None: it is none."""
    lowered = _COLOURS.sub("", text[: _SHORT + 1]).lower()
    if is_error or len(text) <= _SHORT:
        for known in _KNOWN:
            if any(sign in lowered for sign in known.signs) and known.pattern.search(lowered):
                return known.name
    if not is_error:
        return None
    return " ".join(_VOLATILE.sub("#", lowered).split()) or "an error without a text"


def count(
    streaks: Mapping[str, Streak], tool: str, text: str, *, is_error: bool, turn: int
) -> Mapping[str, Streak]:
    """Take in one result. `turn`: how many model requests have started; 0: that is not known."""
    error, before = error_of(text, is_error=is_error), streaks.get(tool)
    if error is None:
        return {name: one for name, one in streaks.items() if name != tool} if before else streaks
    turns = 1
    if before is not None and before.error == error:
        turns = before.turns + (turn == 0 or turn != before.last)
    shown = error if any(error == known.name for known in _KNOWN) else _first_line(text)
    return {**streaks, tool: Streak(error, shown, turns, turn)}


def tripped(streaks: Mapping[str, Streak], limit: int | None) -> tuple[str, Streak] | None:
    """The tool that has given the same error too often. None: none has, or nobody counts."""
    if limit is None or not streaks:
        return None
    return next(((tool, one) for tool, one in streaks.items() if one.turns >= limit), None)


def ending_text(tool: str, streak: Streak) -> tuple[str, str]:
    """Why the run ends, and what to do."""
    reason = (
        f"The tool {tool!r} gave the same error in {streak.turns} turns in a row: {streak.shown}"
    )
    advice = next((known.advice for known in _KNOWN if known.name == streak.error), None)
    own = "To let it try more often: `budget: { same_error: 20 }`, or `off`."
    return reason, f"{advice or 'Mend what the error names, or tell the agent another way.'}\n{own}"


def _first_line(text: str) -> str:
    lines = [line.strip() for line in _COLOURS.sub("", text).splitlines() if line.strip()]
    if not lines:
        return "an error without a text"
    # A traceback says at its end what is wrong, most other errors at their beginning.
    said = lines[-1] if lines[0].startswith("Traceback") else lines[0]
    return said if len(said) <= 200 else f"{said[:200]}…"
