"""Blocking work on behalf of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_thread"]

_T = TypeVar("_T")


async def in_thread(
    work: Callable[..., _T],
    *arguments: Any,
    on_cancel: Callable[[], object] | None = None,
    discard: Callable[[_T], object] | None = None,
) -> _T:
    """Run `work` in a thread, and never leave it behind.

    If we are cancelled, `on_cancel` has to make it end soon (None: it does so by itself), we wait for
    that, and what it made all the same goes to `discard`.
    """
    task = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if on_cancel is not None:
            on_cancel()
        await asyncio.wait([task])
        if discard is not None and task.exception() is None:
            discard(task.result())
        raise
