"""What the YAML parser says about broken syntax, in plain words.

The one place where its errors are read.
"""

from __future__ import annotations

from typing import Any

from agentflow import codes
from agentflow.diagnostics import Diagnostic, Span
from agentflow.patterns import regex
from agentflow.source.text import SourceText

__all__ = ["explain_syntax"]

_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "A ':' stands where no key can be.",
        "Quote text that holds ': ', and check the indentation of this line.",
    ),
    (
        "block sequence entries are not allowed",
        "A list cannot start here.",
        "Put the first '- ' on a line of its own, indented below its key.",
    ),
    (
        "could not find expected ':'",
        "A key without a ':' was found.",
        "Write `key: value`, or indent the line if it continues the text above.",
    ),
    (
        "did not find expected key",
        "The indentation does not fit the lines above, or a quote or bracket is not closed.",
        "Align the keys of one mapping, and quote text that starts with a special character.",
    ),
    (
        "did not find expected '-' indicator",
        "A list ends where its indentation does not.",
        "Start each entry with '- ', in one column.",
    ),
    (
        "did not find expected ',' or ']'",
        "A list in brackets is not closed.",
        "Add the missing ',' or ']'.",
    ),
    (
        "did not find expected ',' or '}'",
        "A mapping in braces is not closed.",
        "Add the missing ',' or '}'.",
    ),
    (
        "found unexpected end of stream",
        "The file ends inside a quoted text.",
        "Close the quote that is opened here.",
    ),
    (
        "unknown escape character",
        "The double-quoted text has an escape that YAML does not know.",
        "Use single quotes if the backslash is meant literally.",
    ),
    (
        "did not find expected alphabetic or numeric character",
        "An anchor or an alias without a name stands here.",
        "Quote text that starts with '*' or '&'.",
    ),
    (
        "found undefined tag handle",
        "A tag with an unknown prefix stands here.",
        "Quote the text if the '!' is meant literally.",
    ),
    (
        "found incompatible YAML document",
        "Specs are YAML 1.2, and this file declares another version.",
        "Remove the %YAML line.",
    ),
    (
        "did not find expected <document start>",
        "The document ended in the line above, and this is more.",
        "Check the indentation, or separate documents by a line with `---`.",
    ),
    (
        "did not find expected node content",
        "A value was expected here.",
        "Remove the extra ',' or write the value.",
    ),
    (
        "did not find expected comment or line break",
        "Nothing else may stand on this line.",
        "Move the text to the next line, indented.",
    ),
)


def explain_syntax(source: SourceText, error: Any) -> Diagnostic:
    """The diagnostic for a `MarkedYAMLError`."""
    problem = str(error.problem or error.context or "the syntax is not YAML")
    mark = error.problem_mark or error.context_mark
    if "end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark  # where the text starts that is never closed
    offset = min(mark.index if mark else 0, len(source.text))
    tab = _tab_in_indentation(source, offset)
    if tab is not None:
        span = source.span(tab, tab + 1)
        message = "A tab indents this line, and YAML allows only spaces."
        return codes.TAB.at(span, message, hint="Replace each tab by two spaces.")
    span = source.span(offset, min(offset + 1, len(source.text)))
    char = source.text[offset : offset + 1]
    context = error.context_mark
    begun = context.index if context is not None and context.index < offset else None
    related: tuple[tuple[Span, str], ...] = ()
    if begun is not None:
        related = ((source.span(begun, begun + 1), "what was being read starts here"),)
    if "found unexpected ':'" in problem or (
        "did not find expected ','" in problem and char == "?"
    ):
        message = f"A {char!r} stands inside a text that is not quoted, between braces or brackets."
        hint = f"Quote the whole text{_quoted(source, offset)}."
        return codes.YAML_SYNTAX.at(span, message, hint=hint, related=related)
    if "cannot start any token" in problem:
        message = f"A value cannot start with {char!r}."
        return codes.YAML_SYNTAX.at(span, message, hint="Quote the text.")
    for pattern, message, hint in _KNOWN:
        if pattern in problem:
            return codes.YAML_SYNTAX.at(span, message, hint=hint, related=related)
    return codes.YAML_SYNTAX.at(span, f"The YAML cannot be read: {problem}.")


_IN_BRACES = regex(r"(?:[\[{,]|:[ \t])[ \t]*(?P<text>(?:(?!:[ \t])[^\[\]{},\"'\n])+)")
"""What stands as one text in a line, after a bracket, a comma or a key."""


def _quoted(source: SourceText, offset: int) -> str:
    """`: "https://a.org"`, the unquoted text around `offset` as it has to be; empty if that is not clear."""
    start, end = source.line_bounds(source.position(offset)[0])
    for match in _IN_BRACES.finditer(source.text[start:end]):
        if match.start("text") <= offset - start < match.end("text"):
            return f': "{match["text"].rstrip()}"'
    return ""


def _tab_in_indentation(source: SourceText, offset: int) -> int | None:
    """The offset of a tab before the first character of the line of `offset`, or of the one above.

    The parser often notices a tab only at what follows it.
    """
    line = source.position(offset)[0]
    for number in (line, line - 1):
        if number >= 1:
            start, end = source.line_bounds(number)
            text = source.text[start:end]
            indent = text[: len(text) - len(text.lstrip())]
            if "\t" in indent and text.strip():
                return start + indent.index("\t")
    return None
