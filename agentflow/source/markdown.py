"""A Markdown file with frontmatter as one document: the keys of the frontmatter, and the text below it.

    ---
    kind: Agent
    name: writer
    ---
    You write reports.

Both keep their places in the file: the frontmatter is read in a copy of the text in which the line
above it is blank, so that lines, columns and offsets stay what they are.
"""

from __future__ import annotations

import re

from agentflow import codes
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.patterns import regex
from agentflow.records import NamedTuple
from agentflow.source.layers import Composed
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Origin
from agentflow.source.yaml import parse

__all__ = ["Page", "has_frontmatter", "parse_markdown", "split"]

_OPENING = regex(r"---[ \t]*\r?\n")
_CLOSING = regex(r"^---[ \t]*\r?$", re.MULTILINE)


class Page(NamedTuple):
    """Where the parts of a Markdown file stand, as offsets."""

    front: tuple[int, int]
    """Of the frontmatter, without its fences."""
    body: tuple[int, int]
    """Of the text below it, without blank lines around it."""


def has_frontmatter(text: str) -> bool:
    return _OPENING.match(text.removeprefix("\ufeff")) is not None


def split(text: str) -> Page | None:
    """Tell frontmatter and text apart. None: there is no frontmatter, or it does not end.

    Args:
        text: without a byte order mark.
    """
    opening = _OPENING.match(text)
    closing = _CLOSING.search(text, opening.end()) if opening else None
    if opening is None or closing is None:
        return None
    start, end = closing.end(), len(text.rstrip())
    rest = text[start:end]
    # Whole blank lines are dropped; the first line of the text keeps its indentation.
    lead = re.match(r"(?:[ \t]*\r?\n)*", rest)
    start += lead.end() if lead else 0
    return Page((opening.end(), closing.start()), (start, max(start, end)))


def parse_markdown(
    file: str, text: str, *, body_key: str = "prompt"
) -> Checked[tuple[Document, ...]]:
    """The one document of a Markdown file with frontmatter; none if it has no frontmatter.

    Args:
        file: project-relative path, for the places.
        text: what the file holds. A byte order mark at its start is ignored.
        body_key: the key that the text below the frontmatter stands for.
    """
    text = text.removeprefix("\ufeff")
    page = split(text)
    if page is None:
        message = "The frontmatter does not end."
        hint = "Write a line `---` below its last key."
        problem = codes.FRONTMATTER.at(Span.start_of(file), message, hint=hint)
        return Checked((), (problem,) if has_frontmatter(text) else ())
    end = page.front[1]
    # The opening fence would start a document of its own.
    documents, problems = parse(file, " " * 3 + text[3:end])
    if len(documents) > 1:
        message = "The frontmatter has several documents; a Markdown file is one spec."
        hint = "Move the others to a YAML file."
        problem = codes.FRONTMATTER.at(documents[1].span(()), message, hint=hint)
        return Checked((), (*problems, problem))
    found = tuple(_with_body(document, text, page, body_key) for document in documents)
    problems += tuple(
        problem for document in documents for problem in _twice(document, page, body_key)
    )
    return Checked(found, problems)


def _twice(document: Document, page: Page, key: str) -> tuple[Diagnostic, ...]:
    data = document.data
    if not isinstance(data, dict) or key not in data or page.body[0] == page.body[1]:
        return ()
    message = f"The frontmatter has {key!r}, and there is text below it, which is the {key} too."
    hint = f"Keep one of the two: remove {key!r}, or the text."
    return (codes.FRONTMATTER.at(document.span((key,), key=True), message, hint=hint),)


def _with_body(document: Document, text: str, page: Page, key: str) -> Document:
    start, end = page.body
    data = document.data
    if not isinstance(data, dict) or key in data or start == end:
        return document
    body = text[start:end]
    written = Document(SourceText(document.file, text), document.index, body, (start, end, None))
    return Composed(
        document, {**data, key: body.replace("\r\n", "\n")}, {(key,): Origin(written, ())}
    )
