"""What came of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from agentflow.diagnostics import Span
from agentflow.source.tree import Path

__all__ = ["Evidence", "Failure", "Miss", "Outcome", "Result"]

Outcome = Literal["passed", "failed", "error", "skipped"]
"""error: the test could not be run."""


class Evidence(NamedTuple):
    """The event that decided."""

    id: str
    number: int
    """Its place in the history of the session, from 1."""
    text: str
    """What it is, in a few words."""

    def __str__(self) -> str:
        return f"event {self.number} ({self.id}): {self.text}"


class Miss(NamedTuple):
    """Something that was expected, and was not so."""

    path: Path
    """Of the expectation, in the document of the test."""
    message: str
    expected: str
    got: str
    evidence: Evidence | None = None
    """None: nothing that happened decided it, but that something did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A `Miss` at its place."""

    message: str
    expected: str | None = None
    """None, here and below: there is nothing to tell."""
    got: str | None = None
    span: Span | None = None
    evidence: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    name: str
    layer: str
    agent: str
    outcome: Outcome
    seconds: float
    """On the clock of this machine."""
    span: Span
    """Of the test."""
    failures: Sequence[Failure] = ()
    note: str | None = None
    """How it went, in a few words. None: there is nothing to say."""
    written: tuple[str, ...] = ()
    """Files of the project that `--update` wrote."""
    cost_usd: str | None = None
    """What it cost in dollars that are real, as decimal text. None: it cost nothing."""

    @property
    def is_bad(self) -> bool:
        return self.outcome in ("failed", "error")
