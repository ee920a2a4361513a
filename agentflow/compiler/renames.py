"""Fixes for what was misspelt: a hint that names what was meant, at a place that says what was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Edit, Fix, Span
from agentflow.errors import FileRefused
from agentflow.nearest import Meant
from agentflow.patterns import regex
from agentflow.records import replace
from agentflow.source.text import SourceText

__all__ = ["with_renames"]

_PLAIN = regex(r"[A-Za-z0-9_.][\w./@:*+-]*(?<!:)")
"""What is the same text in YAML with quotes and without, unless it is another value."""
_VALUES = regex(r"(?i:null|true|false|[-+.\d][\d_.eExXoO+-]*)")


def with_renames(
    problems: Iterable[Diagnostic], read: Callable[[str], str]
) -> Iterator[Diagnostic]:
    """The problems, each with a fix where what was probably meant can be written in its place.

    Args:
        problems: of any stage.
        read: the text of a file; raises `FileRefused` where there is none.
    """
    sources: dict[str, SourceText] = {}
    for problem in problems:
        edit = None
        if isinstance(problem.hint, Meant) and problem.fix is None and problem.span is not None:
            edit = _edit(problem.span, problem.hint, read, sources)
        if edit is None:
            yield problem
        else:
            assert isinstance(problem.hint, Meant)
            fix = Fix(f"Write {problem.hint.near!r}", (edit,), safe=problem.hint.safe)
            yield replace(problem, fix=fix)


def _edit(
    span: Span, hint: Meant, read: Callable[[str], str], sources: dict[str, SourceText]
) -> Edit | None:
    """The word replaced, where the place says it exactly once. None: nobody knows where it stands."""
    if span.file == SETTINGS_FILE or span.line != span.end_line or not _is_plain(hint.near):
        return None
    if span.file not in sources:
        try:
            sources[span.file] = SourceText(span.file, read(span.file))
        except FileRefused:
            return None
    source = sources[span.file]
    try:
        start = source.offset(span.line, span.column)
        written = source.text[start : source.offset(span.end_line, span.end_column)]
    except ValueError:
        return None
    found = [match.start() for match in re.finditer(_whole(hint.word), written)]
    if len(found) != 1:
        return None
    at = start + found[0]
    return Edit(source.span(at, at + len(hint.word)), hint.near)


def _is_plain(text: str) -> bool:
    if text.startswith("${var."):
        return True  # where braces could stand before
    return bool(_PLAIN.fullmatch(text)) and not _VALUES.fullmatch(text)


def _whole(word: str) -> str:
    return rf"(?<![\w-]){re.escape(word)}(?![\w-])"
