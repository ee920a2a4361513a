"""Blocking work on behalf of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_thread"]

_T = TypeVar("_T")


async def in_thread(
    work: Callable[..., _T], *arguments: Any, on_cancel: Callable[[], object]
) -> _T:
    """Run `work` in a thread. If we are cancelled, `on_cancel` has to end it, and we wait for that."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        on_cancel()
        await asyncio.wait([task])
        raise
