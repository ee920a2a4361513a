"""Checks of the desk's outputs."""

from pathlib import Path


def totals(outputs: dict[str, Path]) -> list[str]:
    """A report has something in it."""
    return [] if outputs["report"].read_text() else ["The report is empty."]
