"""Golden files: compare, or rewrite under AGENTFLOW_UPDATE=1. The diff is read before it is kept."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check_golden"]


def check_golden(path: Path, actual: str) -> None:
    if os.environ.get("AGENTFLOW_UPDATE") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(actual, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: make it with AGENTFLOW_UPDATE=1"
    assert actual == path.read_text(encoding="utf-8")
