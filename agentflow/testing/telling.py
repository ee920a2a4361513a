"""Failures of a test as lines of text, wherever they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agentflow.testing.results import Result

__all__ = ["failure_lines"]


def failure_lines(
    result: Result, show_path: Callable[[str], str] = lambda path: path
) -> Iterator[str]:
    """What was missed, each with its place, what was expected and got, and the event that decided."""
    for failure in result.failures:
        span = failure.span
        where = "" if span is None else f"{show_path(span.file)}:{span.line}:{span.column}: "
        yield f"{where}{failure.message}"
        lines = (
            ("expected", failure.expected),
            ("got", failure.got),
            ("decided by", failure.evidence),
            ("hint", failure.hint),
        )
        for label, text in lines:
            if text is not None:
                yield f"  {label:11}{text}"
