"""The layout of a Markdown file that is a spec: of its head. The text below is left as it is."""

from __future__ import annotations

from agentflow import codes
from agentflow.compiler.formatting.text import format_text
from agentflow.diagnostics import Checked, Span
from agentflow.source.markdown import split

__all__ = ["format_page"]


def format_page(file: str, text: str) -> Checked[str]:
    """The file with its head in the layout of the documentation; as it was, where it cannot be read.

    Args:
        file: project-relative path, for the places.
        text: with frontmatter. A byte order mark at its start is dropped, and lines end as in YAML.
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    page = split(plain)
    if page is None:
        message = "The frontmatter does not end."
        hint = "Write a line `---` below its last key."
        return Checked(text, (codes.FRONTMATTER.at(Span.start_of(file), message, hint=hint),))
    start, end = page.front
    # With a line for the opening fence, so that places are those of the file.
    head, problems = format_text(file, "\n" + plain[start:end])
    if problems:
        return Checked(text, problems)
    return Checked(plain[:start] + head.lstrip("\n") + plain[end:], ())
