"""[io] Ask the person at the terminal, without holding up the run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from agentflow.output.asked import call_lines
from agentflow.output.text import clean
from agentflow.runtime.approvals import Answer
from agentflow.runtime.session import Call

__all__ = ["TerminalPerson"]

_WHOLE = "agentflow sessions show last --format json"


class TerminalPerson:
    """`runtime.approvals.Person` at standard input. One question at a time."""

    def __init__(self, quiet: Callable[[], AbstractContextManager[None]]) -> None:
        """`quiet` stops whatever else writes to the terminal, while the context lasts."""
        self._quiet = quiet
        self._one_at_a_time = asyncio.Lock()

    async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
        lines = [f"\n{clean(call.name)} asks to run:"]
        lines += call_lines(call.name, call.input, call.change, whole=_WHOLE, indent="  ")
        lines.append("Allow it? y, or n followed by what the agent is told: ")
        reply = await self._ask("\n".join(lines), wait_s)
        if reply is None:
            return None
        word, _, message = reply.partition(" ")
        return Answer(allow=word.lower() in ("y", "yes"), message=message.strip() or None)

    async def answer(self, question: str) -> str | None:
        reply = await self._ask(f"\nThe agent asks: {clean(question)}\nYour answer: ", None)
        return reply or None

    async def _ask(self, text: str, wait_s: float | None) -> str | None:
        """The line that was typed. None: not in time, or standard input has ended."""
        async with self._one_at_a_time:
            with self._quiet():
                sys.stderr.write(text)
                sys.stderr.flush()
                return await _line(wait_s)


async def _line(wait_s: float | None) -> str | None:
    """A line of standard input, read by the loop so that nothing is left blocked in a thread."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        if not arrived.done():
            arrived.set_result(sys.stdin.readline())

    loop.add_reader(sys.stdin.fileno(), read)
    try:
        text = await asyncio.wait_for(arrived, wait_s)
    except TimeoutError:
        return None
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return text.strip() if text else None
