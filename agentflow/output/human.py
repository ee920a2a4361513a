"""Diagnostics for people: place, sentence, the line with marks under it, related places, hint.

agentflow.yaml:12:9: error[AF602 ask-unanswered] Tool 'bash' asks, but nobody answers.
   |
12 |   bash: ask
   |         ^^^
   note: agentflow.yaml:20:1: the rules
   hint: Add a rule to `approvals`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.output.excerpt import excerpt, printable
from agentflow.spec.base import Secret
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import marked

__all__ = ["render_human"]

_SECRETS = frozenset({"AF901"})
"""Findings whose place holds what must not be printed, not even in an excerpt of another one."""
_KEPT = 4
"""Characters of a secret that are shown."""
_STYLES = {
    Severity.ERROR: "1;31",
    Severity.WARNING: "1;33",
    Severity.INFO: "1;36",
}
_BOLD, _GUTTER, _HINT = "1", "34", "1;32"

_Paint = Callable[[str, str], str]
_Masks = Mapping[tuple[str, int], Sequence[tuple[int, int]]]


def _ansi(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m"


def _plain(text: str, style: str) -> str:
    return text


def render_human(
    problems: Sequence[Diagnostic],
    sources: Mapping[str, str],
    *,
    color: bool,
    summary: str | None,
    show_path: Callable[[str], str] = str,
    link: Callable[[str], str | None] | None = None,
) -> str:
    """Text for a terminal, ending with a line break unless it is empty.

    Args:
        problems: in the order they are to be shown.
        sources: text by file, as spans name it; a file that is missing here has no excerpt.
        color: whether to use ANSI colours.
        summary: the last line, such as "1 error in 4 specs". None: no such line.
        show_path: from the path of a span to the one that is printed.
        link: from the path of a span to a URI that a terminal opens, or None where there is nothing
            to open. None: the terminal has no links.
    """
    paint = _ansi if color else _plain
    lines = {file: re.split(r"\r\n|\r|\n", text) for file, text in sources.items()}
    masks = _masks(problems)
    place = _placer(show_path, link)
    blocks = ["\n".join(_block(p, lines, masks, paint, place)) for p in problems]
    if summary is not None:
        blocks.append(printable(summary))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _masks(problems: Sequence[Diagnostic]) -> _Masks:
    """What to hide: character ranges by file and line."""
    found: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for problem in problems:
        hidden = [(span, 0) for span in problem.hides]
        if problem.code in _SECRETS and problem.span is not None:
            hidden.append((problem.span, _KEPT))
        for span, kept in hidden:
            for line in range(span.line, span.end_line + 1):
                start = span.column - 1 + kept if line == span.line else 0
                end = span.end_column - 1 if line == span.end_line else 2**31
                found.setdefault((span.file, line), []).append((min(start, end), end))
    return found


@cache
def _secret_value() -> re.Pattern[str]:
    """What stands behind a key that takes a secret, unless it is `${…}`.

    Where a file cannot be read as a spec, nobody says which values are secrets.
    """
    fields = (field for model in KINDS.values() for field in marked(model, Secret))
    keys = sorted({field.path[-1] for field in fields if field.mark.required} | {"token"})
    return re.compile(
        rf"""(?<![\w-])["']?(?:{"|".join(keys)})["']?\s*:\s*(?!["']?\$\{{)([^,}}]+)"""
    )


def _block(
    problem: Diagnostic,
    lines: Mapping[str, Sequence[str]],
    masks: _Masks,
    paint: _Paint,
    place_of: Callable[[Span], str],
) -> list[str]:
    style = _STYLES[problem.severity]
    place = "" if problem.span is None else paint(f"{place_of(problem.span)}: ", _BOLD)
    label = paint(f"{problem.severity}[{problem.code} {problem.name}]", style)
    block = [f"{place}{label} {printable(problem.message)}"]
    number = "" if problem.span is None else str(problem.span.line)
    if problem.span is not None:
        block += _source(problem.span, number, lines, masks, paint, style)
    indent = " " * (len(number) + 1)
    for span, caption in problem.related:
        where = f"{place_of(span)}: {printable(caption)}"
        block.append(f"{indent}{paint('note:', _BOLD)} {where}")
    if problem.hint is not None:
        first, *rest = printable(problem.hint).split("\n")
        block.append(f"{indent}{paint('hint:', _HINT)} {first}")
        block += [f"{indent}      {line}".rstrip() for line in rest]
    return block


def _placer(
    show_path: Callable[[str], str], link: Callable[[str], str | None] | None
) -> Callable[[Span], str]:
    """What stands for a place: its path, line and column, as a link if the terminal has any."""

    def place(span: Span) -> str:
        text = f"{printable(show_path(span.file))}:{span.line}:{span.column}"
        uri = link(span.file) if link is not None else None
        # https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
        return text if uri is None else f"\x1b]8;;{uri}\x1b\\{text}\x1b]8;;\x1b\\"

    return place


def _source(
    span: Span,
    number: str,
    lines: Mapping[str, Sequence[str]],
    masks: _Masks,
    paint: _Paint,
    style: str,
) -> list[str]:
    """The first line of `span` with marks under it; nothing where the text is not known."""
    text = lines.get(span.file, ())
    if span.line > len(text) or not text[span.line - 1].strip():
        return []
    line = text[span.line - 1]
    end = span.end_column - 1 if span.end_line == span.line else len(line.rstrip())
    masked = list(masks.get((span.file, span.line), ()))
    for match in _secret_value().finditer(line):
        first, last = match.span(1)
        if not any(start < last and first < end for start, end in masked):
            masked.append((first, last))
    shown = excerpt(line, span.column - 1, end, masked=masked)
    margin = " " * len(number)
    bar = paint("|", _GUTTER)
    marks = shown.marks.lstrip()
    return [
        f"{margin} {bar}",
        f"{paint(number, _GUTTER)} {bar} {shown.line}",
        f"{margin} {bar} {' ' * (len(shown.marks) - len(marks))}{paint(marks, style)}",
    ]
