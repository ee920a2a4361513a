"""One function per layer of tests: it runs a case and says what was missed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from agentflow.testing.bench import Case
from agentflow.testing.handler import run_handler
from agentflow.testing.live import run_live
from agentflow.testing.loop import run_loop
from agentflow.testing.render import run_render
from agentflow.testing.replay import run_replay
from agentflow.testing.report import Report

__all__ = ["LAYERS", "Layer"]

Layer = Callable[[Case], Awaitable[Report]]

LAYERS: Mapping[str, Layer] = {
    "handler": run_handler,
    "render": run_render,
    "loop": run_loop,
    "replay": run_replay,
    "live": run_live,
}
"""From the cheapest to the dearest."""
