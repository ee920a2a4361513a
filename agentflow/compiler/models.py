"""What is known of models, in one dated table. A model that is not in it is not wrong, only unknown.

Sources: https://platform.claude.com/docs/en/about-claude/models/overview for ids and default effort,
https://platform.claude.com/docs/en/about-claude/pricing for fast mode,
https://platform.claude.com/docs/en/managed-agents/events-and-streaming for messages of the system.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["AS_OF", "MODELS", "ModelFacts"]

AS_OF = "2026-11-22"


class ModelFacts(NamedTuple):
    default_effort: str
    """What the service uses where no effort is given."""
    fast: bool = False
    """Whether `speed: fast` is accepted."""
    system_messages: bool = True
    """Whether `system.message` is taken during a conversation; others answer 400."""


MODELS: dict[str, ModelFacts] = {
    "claude-fable-5-2": ModelFacts("high"),
    "claude-fable-5-1": ModelFacts("high"),
    "claude-fable-5": ModelFacts("high"),
    "claude-opus-5-5": ModelFacts("medium"),
    "claude-opus-5": ModelFacts("high", fast=True),
    "claude-opus-4-8": ModelFacts("high", fast=True),
    "claude-opus-4-7": ModelFacts("high", system_messages=False),
    "claude-opus-4-6": ModelFacts("high", system_messages=False),
    "claude-opus-4-5": ModelFacts("high", system_messages=False),
    "claude-opus-4-5-20251101": ModelFacts("high", system_messages=False),
    "claude-sonnet-5-5": ModelFacts("high"),
    "claude-sonnet-5": ModelFacts("high", system_messages=False),
    "claude-sonnet-4-6": ModelFacts("high", system_messages=False),
    "claude-sonnet-4-5": ModelFacts("high", system_messages=False),
    "claude-sonnet-4-5-20250929": ModelFacts("high", system_messages=False),
    "claude-haiku-5-5": ModelFacts("medium"),
    "claude-haiku-4-5": ModelFacts("high", system_messages=False),
    "claude-haiku-4-5-20251001": ModelFacts("high", system_messages=False),
}
"""By id, newest first within a line."""
