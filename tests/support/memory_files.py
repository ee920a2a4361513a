"""A project in memory: the `Files` that tests of the compiler and the linter read from."""

from __future__ import annotations

from agentflow.lint.testing import MemoryFiles

__all__ = ["MemoryFiles"]
