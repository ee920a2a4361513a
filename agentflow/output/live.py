"""A run as it happens: a line per fact, and in a terminal a status line with the totals so far."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.text import Text

from agentflow.output.text import clean, count, dollars, one_line, seconds
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

if TYPE_CHECKING:
    from rich.status import Status

__all__ = ["LiveView"]

_LABEL = 9
_RESULT_WIDTH = 96


def arguments(values: Mapping[str, Any]) -> str:
    """`file_path=/mnt/x view_range=[1, 6]`: each argument cut to what fits a line."""
    shown = []
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        shown.append(f"{name}={one_line(text, 72)}")
    return "  ".join(shown)


class _Footer:
    """The status line, made anew each time it is drawn, so that the time in it moves."""

    def __init__(self, text: Callable[[], str]) -> None:
        self._text = text

    def __rich__(self) -> Text:
        return Text(self._text())


class LiveView:
    """An `Observer` that writes to `stream`. Use it as a context manager: leaving ends the status."""

    def __init__(self, stream: TextIO, *, color: bool, interactive: bool) -> None:
        """`interactive` shows the status line; without it every fact is a plain line."""
        self._console = Console(
            file=stream,
            force_terminal=color or interactive,
            no_color=not color,
            highlight=False,
            soft_wrap=True,
        )
        self._interactive = interactive
        self._status: Status | None = None
        self._started = time.monotonic()
        self._doing = "starting"
        self._spent = ""

    def __enter__(self) -> LiveView:
        if self._interactive:
            self._status = self._console.status(_Footer(self._footer), spinner="dots")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """No status line while somebody is asked something."""
        if self._status is None:
            yield
            return
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()

    def __call__(self, notice: Notice) -> None:
        match notice:
            case SessionStarted():
                self._line(
                    "session", f"{notice.session_id}  {notice.agent} v{notice.version}", "cyan"
                )
            case Thinking():
                self._doing = "thinking"
            case Said():
                self._block("says", notice.text)
            case ToolStarted():
                self._doing = f"running {notice.name}"
                where = "ours" if notice.custom else "tool"
                self._line(where, f"{notice.name}  {arguments(notice.input)}", "magenta")
            case ToolEnded():
                self._ended(notice)
            case Approval():
                self._approval(notice)
            case Spent():
                self._totals(notice)
            case Verifying():
                self._doing = "verifying outputs"
                self._line("verify", "looking at what was delivered", "cyan")
            case RepairSent():
                self._line("repair", f"sent back, {notice.attempt} of {notice.of}:", "yellow")
                for problem in notice.problems:
                    self._line("", f"- {one_line(problem, 160)}", "yellow")
            case Reconnecting():
                wait = seconds(notice.delay_s)
                reason = one_line(notice.reason, 120).rstrip(".")
                text = f"{reason}. The session goes on; connecting again in {wait}"
                self._line("network", text, "yellow")
            case Note():
                style = "yellow" if notice.level == "warning" else "dim"
                self._line("note", one_line(notice.text, 400), style)
            case Stage():
                self._line(notice.label, notice.text, "cyan")
            case _:
                pass  # what the closing summary says, or nobody can read

    def _ended(self, notice: ToolEnded) -> None:
        self._doing = "thinking"
        mark, style = ("failed", "red") if notice.is_error else ("ok", "green")
        result = one_line(notice.text, _RESULT_WIDTH)
        self._line(mark, f"{notice.name}  {seconds(notice.seconds)}  {result}", style)

    def _approval(self, notice: Approval) -> None:
        answer, style = ("allowed", "green") if notice.allowed else ("denied", "red")
        why = f": {one_line(notice.message, 160)}" if notice.message else ""
        self._line(answer, f"{notice.name}  by {notice.by}{why}", style)

    def _totals(self, notice: Spent) -> None:
        cost = dollars(notice.cost_usd)
        about = "about " if notice.cost_is_estimate and notice.cost_usd is not None else ""
        tokens = count(notice.tokens.total, "token")
        self._spent = f"{count(notice.turns, 'turn')} · {tokens} · {about}{cost}"
        if not self._interactive:
            self._line("spent", self._spent, "dim")

    def _footer(self) -> str:
        passed = f"{time.monotonic() - self._started:.0f} s"
        return " · ".join(part for part in (self._doing, self._spent, passed) if part)

    def _block(self, label: str, text: str) -> None:
        lines = clean(text).rstrip().split("\n")
        self._line(label, lines[0], "bold")
        for line in lines[1:]:
            self._line("", line, "bold")

    def _line(self, label: str, text: str, style: str) -> None:
        line = Text(f"{label:>{_LABEL}}  ", style=style)
        line.append(clean(text), style="default" if style != "dim" else "dim")
        self._console.print(line)
