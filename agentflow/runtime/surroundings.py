"""[io] What a process that runs somebody's code gets of our environment."""

from __future__ import annotations

import os
from pathlib import Path

from agentflow.runtime.worker import SECRET_WORDS

__all__ = ["WORKER", "import_environment", "tool_environment"]

WORKER = Path(__file__).with_name("worker.py")
"""The script that runs code of a project; it is told the project's directory."""


def tool_environment() -> dict[str, str]:
    """Ours, without what calls the service: that is not the business of a tool."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANTHROPIC_") and name != "AGENTFLOW_TOKEN"
    }


def import_environment() -> dict[str, str]:
    """The same without what looks like a secret, for code that nobody has decided to run.

    To look at what a function takes, its module is imported: also in a checkout of somebody else's.
    """
    return {
        name: value
        for name, value in tool_environment().items()
        if not any(word in name.upper() for word in SECRET_WORDS)
    }
