"""`# agentflow: ignore[AF501] reason`: take out what a comment covers, and judge the comments.

A comment that suppresses nothing is a finding too, because it would hide the next problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from agentflow.compiler.graph import Graph, TemplateText
from agentflow.diagnostics import Code, Diagnostic, Edit, Fix, Span
from agentflow.lint.comments import Comment, Entry, comments
from agentflow.lint.own import UNEXPLAINED_SUPPRESSION, UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION
from agentflow.nearest import Meant, did_you_mean
from agentflow.records import NamedTuple

__all__ = ["may_be_foreign", "suppress"]


class _Used(NamedTuple):
    comment: int
    code: str


def suppress(
    graph: Graph,
    found: Sequence[Diagnostic],
    *,
    templates: Iterable[TemplateText],
    known: Mapping[str, Code],
    active: Callable[[], frozenset[str]],
    every_code: bool = True,
) -> tuple[Diagnostic, ...]:
    """What is left of `found`, and what is wrong with the comments.

    Args:
        graph: whose files are searched for comments.
        templates: the texts of its agents, which are searched too.
        found: findings; those without a place cannot be suppressed.
        known: every code that exists, by id.
        active: tells the codes that were looked for: only for them can a comment be unused.
        every_code: false if there are codes of plugins that are not known.
    """
    written = tuple(comments(graph, templates))
    if not written:
        return tuple(found)
    looked_for = active()
    used: set[_Used] = set()
    left = [problem for problem in found if not _covering(problem, written, used)]
    unfinished = _unfinished_files(graph)
    for number, comment in enumerate(written):
        left.extend(_unknown(comment, known, every_code=every_code))
        if comment.entries and not comment.reason:
            left.append(_unexplained(comment))
        if comment.span.file not in unfinished:
            idle = [
                entry
                for entry in comment.entries
                if entry.code in looked_for and _Used(number, entry.code) not in used
            ]
            left.extend(_unused(comment, entry).on(known[entry.code]) for entry in idle)
    return tuple(left)


def _covering(problem: Diagnostic, written: Sequence[Comment], used: set[_Used]) -> bool:
    """Whether a comment covers it. Every one that does counts as used."""
    if problem.span is None:
        return False
    covered = False
    for number, comment in enumerate(written):
        if comment.holds(problem.span) and any(e.code == problem.code for e in comment.entries):
            used.add(_Used(number, problem.code))
            covered = True
    return covered


def _unfinished_files(graph: Graph) -> frozenset[str]:
    """Files with a document that has errors: what its comments are for cannot be known yet."""
    documents = (graph.project.document, *(bound.document for bound in graph.all()))
    whole = {(document.file, document.index) for document in documents}
    return frozenset(
        document.file
        for document in graph.documents
        if (document.file, document.index) not in whole
    )


def may_be_foreign(selector: str) -> bool:
    """Whether it could mean a code of a plugin: ours begin with AF."""
    return not selector.startswith("AF")


def _unknown(
    comment: Comment, known: Mapping[str, Code], *, every_code: bool
) -> Iterator[Diagnostic]:
    if not comment.entries:
        yield UNKNOWN_SUPPRESSION.at(
            comment.span,
            "This comment names no code that is to be ignored.",
            hint="Write `# agentflow: ignore[AF501]`, with the code of the finding.",
        )
    names = {code.name: code.id for code in known.values()}
    for entry in comment.entries:
        if entry.code in known or (not every_code and may_be_foreign(entry.code)):
            continue
        hint = (
            Meant(
                f"Write {names[entry.code]}, its code.",
                word=entry.code,
                near=names[entry.code],
                safe=True,
            )
            if entry.code in names
            else did_you_mean(entry.code, known) or "Codes are listed by: agentflow explain"
        )
        yield UNKNOWN_SUPPRESSION.at(entry.span, f"There is no code {entry.code!r}.", hint=hint)


def _unexplained(comment: Comment) -> Diagnostic:
    return UNEXPLAINED_SUPPRESSION.at(
        comment.span,
        "This comment does not say why.",
        hint="Write the reason behind the brackets.",
    )


def _unused(comment: Comment, entry: Entry) -> Diagnostic:
    fix = None
    if len(comment.entries) > 1 and entry.cut.line == entry.cut.end_line:
        fix = Fix(f"Remove {entry.code}", (Edit(entry.cut, ""),), safe=True)
    elif len(comment.entries) == 1 and comment.cut is not None:
        fix = Fix("Remove the comment", (Edit(comment.cut, ""),), safe=True)
    return UNUSED_SUPPRESSION.at(
        _visible(entry.span, comment.span),
        f"{entry.code} is not found here, so ignoring it does nothing.",
        hint="Remove it.",
        fix=fix,
    )


def _visible(span: Span, whole: Span) -> Span:
    """The entry, or the comment where YAML does not tell the place of single characters."""
    return span if span.line == span.end_line else whole
