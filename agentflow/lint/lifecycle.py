"""Which models run agents, and until when.

Data of 2026-11-23, from the service's list of model deprecations. A date is an ISO date; what is
retired after that day stands under `RETIRING` until a release of agentflow moves it, so that the
verdict on a project does not depend on the day it is linted.
"""

from __future__ import annotations

from typing import NamedTuple

from agentflow.compiler.models import MODELS

__all__ = ["KNOWN", "RETIRED", "RETIRING", "Retirement"]


class Retirement(NamedTuple):
    on: str
    instead: str
    """The model that takes its place."""


RETIRED: dict[str, Retirement] = {
    "claude-2.0": Retirement("2025-07-21", "claude-sonnet-5-5"),
    "claude-2.1": Retirement("2025-07-21", "claude-sonnet-5-5"),
    "claude-3-sonnet-20240229": Retirement("2025-07-21", "claude-sonnet-5-5"),
    "claude-3-opus-20240229": Retirement("2026-01-05", "claude-opus-5-5"),
    "claude-3-5-haiku-20241022": Retirement("2026-02-19", "claude-haiku-5-5"),
    "claude-3-5-haiku-latest": Retirement("2026-02-19", "claude-haiku-5-5"),
    "claude-3-7-sonnet-20250219": Retirement("2026-02-19", "claude-sonnet-5-5"),
    "claude-3-7-sonnet-latest": Retirement("2026-02-19", "claude-sonnet-5-5"),
    "claude-opus-4-0": Retirement("2026-06-15", "claude-opus-5-5"),
    "claude-opus-4-20250514": Retirement("2026-06-15", "claude-opus-5-5"),
    "claude-sonnet-4-0": Retirement("2026-06-15", "claude-sonnet-5-5"),
    "claude-sonnet-4-20250514": Retirement("2026-06-15", "claude-sonnet-5-5"),
    "claude-mythos-preview": Retirement("2026-06-30", "claude-mythos-5-2"),
}

RETIRING: dict[str, Retirement] = {
    "claude-sonnet-4-5": Retirement("2026-11-30", "claude-sonnet-5-5"),
    "claude-sonnet-4-5-20250929": Retirement("2026-11-30", "claude-sonnet-5-5"),
}

KNOWN: frozenset[str] = frozenset(MODELS) | {
    # Only for some organisations, so not in the compiler's table.
    "claude-mythos-5",
    "claude-mythos-5-1",
    "claude-mythos-5-2",
}
