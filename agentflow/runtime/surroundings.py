"""[io] What a process that runs somebody's code gets of our environment."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["WORKER", "tool_environment"]

WORKER = Path(__file__).with_name("worker.py")
"""The script that runs code of a project; it is told the project's directory."""


def tool_environment() -> dict[str, str]:
    """Ours, without what calls the service: that is not the business of a tool."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANTHROPIC_") and name != "AGENTFLOW_TOKEN"
    }
