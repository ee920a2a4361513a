"""The payload of a memory store: https://platform.claude.com/docs/en/managed-agents/memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentflow.spec.memory import MemoryStoreSpec

__all__ = ["memory_payload"]


def memory_payload(spec: MemoryStoreSpec) -> dict[str, Any]:
    return {
        "name": spec.title or spec.name,
        # The service has an empty text where nothing is said, and no null.
        "description": spec.description or "",
        "metadata": dict(sorted(spec.metadata.items())),
    }
