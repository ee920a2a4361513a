"""Checks that code can make better than a reader."""

import json
from collections.abc import Mapping
from pathlib import Path


def every_source_is_in_the_answer(outputs: Mapping[str, Path]) -> list[str]:
    """What is listed as a source, and cannot be found in the answer."""
    answer = outputs["answer"].read_text(encoding="utf-8")
    sources = json.loads(outputs["sources"].read_text(encoding="utf-8"))
    missing = [source["url"] for source in sources if source["url"] not in answer]
    return [f"The answer does not name {url}." for url in missing]
