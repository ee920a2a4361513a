"""What a layer says of one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentflow.testing.results import Miss

__all__ = ["Report", "Skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    misses: Sequence[Miss] = ()
    note: str | None = None
    """How it went, in a few words."""
    written: tuple[str, ...] = ()
    """Files of the project that were written."""
    cost_usd: str | None = None
    """Real dollars."""


class Skipped(Exception):
    """The test is not run, for the reason that is its text."""
