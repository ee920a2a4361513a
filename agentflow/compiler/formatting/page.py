"""The layout of a Markdown file that is a spec: of its head. The text below is left as it is."""

from __future__ import annotations

from agentflow import codes
from agentflow.compiler.formatting.text import format_text
from agentflow.diagnostics import Checked, Span
from agentflow.source.markdown import parse_markdown, split

__all__ = ["format_page"]


def format_page(file: str, text: str) -> Checked[str]:
    """The file with its head in the layout of the documentation; as it was, where it cannot be read.

    Args:
        file: project-relative path, for the places.
        text: with frontmatter. A byte order mark at its start is dropped, and lines end as in YAML.
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n")
    page, said = split(plain), parse_markdown(file, plain)
    if page is None or said.problems:
        return Checked(text, said.problems)
    start, end = page.front
    # With a line for the opening fence, so that places are those of the file.
    head, problems = format_text(file, "\n" + plain[start:end])
    if problems:
        return Checked(text, problems)
    after = plain[:start] + head.lstrip("\n") + plain[end:]
    if [x.data for x in parse_markdown(file, after).value] != [x.data for x in said.value]:
        message = "Formatting would change what the file says, so it is left as it is."
        hint = "Keep `---`, `...` and `%` at the start of a line out of the frontmatter."
        return Checked(text, (codes.NOT_FORMATTED.at(Span.start_of(file), message, hint=hint),))
    return Checked(after, ())
