"""[io] The machine's clock, and times as the service writes them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from agentflow.local.errors import invalid

__all__ = ["SystemClock", "read_time", "write_time"]


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: texts of one length, so that they sort as times do."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_time(text: str, name: str) -> str:
    """A time of a query, in the form of `write_time`.

    Raises:
        ApiError: 400, it is no RFC 3339 time with an offset; `name` is the parameter.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{name}: {text!r} is not an RFC 3339 time.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return write_time(moment)
