"""[io] Ctrl-C while a run is followed: the first interrupts the session and collects, the second leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from types import FrameType

from agentflow.errors import EXIT_INTERRUPTED
from agentflow.runtime.notices import Notice, RunStarted, SessionStarted

__all__ = ["Interrupting"]


class Interrupting:
    """Listens to signals, and knows what is left behind by leaving."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        """Set: end the run in order."""
        self._run_id: str | None = None
        self._session_id: str | None = None

    def listen(self) -> None:
        """From now on, in the running event loop."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._first)
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)

    def __call__(self, notice: Notice) -> None:
        if isinstance(notice, RunStarted):
            self._run_id = notice.run_id
        elif isinstance(notice, SessionStarted):
            self._session_id = notice.session_id

    def left_behind(self) -> str:
        """What is said by whoever leaves without waiting."""
        if self._session_id is None:
            return "Left at once, before there was a session."
        return (
            f"Left at once. Session {self._session_id} may still be at work, and nobody follows it.\n"
            f"End it: agentflow sessions interrupt {self._run_id}\n"
            f"Or go on: agentflow run --resume {self._run_id}"
        )

    def _first(self) -> None:
        # Not by the loop: it may be what hangs. And before it is said, so that it holds.
        signal.signal(signal.SIGINT, self._second)
        self.stop.set()
        print("\nInterrupting the session; Ctrl-C again leaves at once.", file=sys.stderr)

    def _second(self, number: int, frame: FrameType | None) -> None:
        # Past every buffer and lock, one of which this thread may hold.
        os.write(2, f"\n{self.left_behind()}\n".encode())
        os._exit(EXIT_INTERRUPTED)
