"""The text of a file of specs in the layout of the documentation, or why it is left alone.

What a file says never changes. That is not only meant but checked: the result is read again, and its
data and comments are compared.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from agentflow import codes
from agentflow.compiler.formatting.comments import attach, words
from agentflow.compiler.formatting.layout import lay_out
from agentflow.compiler.formatting.order import sort_keys
from agentflow.compiler.formatting.tree import Comment, Page, read_pages
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.source.text import SourceText
from agentflow.source.tree import Document
from agentflow.source.yaml import parse
from agentflow.spec.kinds import KINDS

__all__ = ["format_text"]

_LINE_BREAK = re.compile(r"\r\n?")
_ODD_BREAK = re.compile("[\x85\u2028\u2029]")
"""The parser ends a line at these, and no editor does."""


def format_text(file: str, text: str, *, kind: str | None = None) -> Checked[str]:
    """The text in its layout; as it was, with the reasons, where it cannot be read.

    Args:
        file: project-relative path, for the places.
        text: YAML of any number of documents, all of them mappings or empty. A byte order mark at
            its start is dropped.
        kind: of documents that do not say it, such as the head of a Markdown file.
    """
    documents, problems = parse(file, text)
    if problems:
        return Checked(text, problems)
    for document in documents:
        if document.data is not None and not isinstance(document.data, dict):
            return Checked(text, (_not_a_mapping(document),))
    before = _LINE_BREAK.sub("\n", text.removeprefix("\ufeff"))
    odd = _ODD_BREAK.search(before)
    if odd is not None:
        return Checked(text, (_oddly_broken(SourceText(file, before), odd),))
    pages, tokens, comments = read_pages(before)
    attach(pages, tokens, comments)
    for page, document in zip(pages, documents, strict=bool(documents)):
        _sort(page, document.data, kind)
    after = lay_out(pages)
    if after == text or _says_the_same(file, after, documents, comments):
        return Checked(after, ())
    message = "Formatting would change what the file says, so it is left as it is."
    hint = "This is a bug in agentflow. Report it with the file."
    return Checked(text, (codes.NOT_FORMATTED.at(Span.start_of(file), message, hint=hint),))


def _not_a_mapping(document: Document) -> Diagnostic:
    message = "A spec is a mapping of keys to values, and this document is not."
    hint = "Start it with `kind: Agent` and `name: …`."
    return codes.NOT_A_MAPPING.at(document.span(()), message, hint=hint)


def _oddly_broken(source: SourceText, match: re.Match[str]) -> Diagnostic:
    message = f"The file holds the line break U+{ord(match[0]):04X}, so it is left as it is."
    hint = "Write it as an escape in double quotes, or as an ordinary line break."
    return codes.NOT_FORMATTED.at(source.span(*match.span()), message, hint=hint)


def _sort(page: Page, data: Any, kind: str | None) -> None:
    if page.root is not None and isinstance(data, dict):
        named = data.get("kind", kind)
        sort_keys(page.root.value, KINDS.get(named) if isinstance(named, str) else None)


def _says_the_same(
    file: str, after: str, documents: Sequence[Document], comments: Sequence[Comment]
) -> bool:
    """Whether the result has the data and the comments of what it was made from."""
    again, problems = parse(file, after)
    if problems or _data(again) != _data(documents):
        return False
    _, _, kept = read_pages(after)
    return _said(kept) == _said(comments)


def _data(documents: Sequence[Document]) -> list[Any]:
    return [document.data for document in documents if document.data is not None]


def _said(comments: Sequence[Comment]) -> Counter[str]:
    return Counter(words(comment.text) for comment in comments)
