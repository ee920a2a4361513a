"""Plain data as YAML, for tests that make specs."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["yaml_text"]


def yaml_text(data: Any) -> str:
    """JSON is YAML: one document on one line."""
    return json.dumps(data, ensure_ascii=False)
