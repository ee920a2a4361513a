"""What holds of any bytes in the files of a project: the one place that says it, for every kind of fuzzing.

A case is one text of bytes that holds several files, so that a fuzzer can change names too:

    ==> agentflow.yaml
    kind: Project
    ==> prompt.md
    Work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from agentflow.compiler.formatting.page import format_page
from agentflow.compiler.formatting.text import format_text
from agentflow.compiler.manifest import canonical_json
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic, Span, has_errors
from agentflow.errors import FileRefused
from agentflow.lint.engine import KNOWN, scan
from agentflow.lint.own import RULE_FAILED
from agentflow.lint.rule import Context
from agentflow.operations.edited import EditedFiles
from agentflow.output.github import render_github
from agentflow.output.human import render_human
from agentflow.output.json import render_json
from agentflow.output.sarif import render_sarif
from agentflow.source.edits import apply_edits
from agentflow.source.text import SourceText
from tests.support.memory_files import MemoryFiles

__all__ = ["files_in", "holds", "joined"]

_HEAD = re.compile(rb"^==> ([\x21-\x7e]{1,80})\n", re.M)
_PROJECT = (
    b"apiVersion: agentflow/v1\nkind: Project\nname: p\ntargets: { prod: { service: local } }\n"
)


def files_in(case: bytes) -> dict[str, bytes]:
    """The files of a case, with a project if it has none."""
    parts = _HEAD.split(case)
    files = {"a.yaml": parts[0]} if parts[0] else {}
    for name, data in zip(parts[1::2], parts[2::2], strict=True):
        path = name.decode("ascii")
        if not path.startswith("/") and ".." not in path.split("/"):
            files[path] = data
    return {"agentflow.yaml": _PROJECT, **files}


def joined(files: Mapping[str, bytes]) -> bytes:
    """The case that has these files."""
    return b"".join(b"==> %s\n%s" % (path.encode("ascii"), data) for path, data in files.items())


def holds(case: bytes) -> None:
    """Reading, linting, showing and formatting a case ends, and what is said of it is in order.

    Raises:
        AssertionError: it is not.
    """
    files = EditedFiles(MemoryFiles({}), files_in(case))
    problems = _linted(files)
    assert problems == _linted(files), "a second look says something else"
    sources = {path: _text(files, path) for path in files.edited}
    for problem in problems:
        _is_in_order(problem, sources)
    readable = {path: text for path, text in sources.items() if text is not None}
    _shown(problems, readable)
    for problem in problems:
        for edit in problem.fix.edits if problem.fix is not None else ():
            text = readable[edit.span.file]
            assert apply_edits(SourceText(edit.span.file, text), [edit]) != text, problem
    for path, text in readable.items():
        _formatted(path, text)


def _linted(files: EditedFiles) -> tuple[Diagnostic, ...]:
    result = build(files, environ={})
    built = result.value
    if built.graph is None:
        assert has_errors(result.problems), "nothing was understood, and nothing said"
        return tuple(result.problems)
    if built.compiled is not None:
        assert json.loads(canonical_json(built.compiled.manifest.to_json()))
    return scan(Context(built.graph, built.compiled, files=files), found=result.problems)


def _is_in_order(problem: Diagnostic, sources: Mapping[str, str | None]) -> None:
    assert problem.code in KNOWN, problem
    assert problem.code != RULE_FAILED.id, problem
    assert problem.message.strip(), problem
    for span in (problem.span, *(place for place, _ in problem.related)):
        if span is not None and sources.get(span.file) is not None:
            _is_within(span, str(sources[span.file]), problem)


def _is_within(span: Span, text: str, problem: Diagnostic) -> None:
    lines = re.split(r"\r\n|\r|\n", text)
    assert 1 <= span.line <= span.end_line <= len(lines), problem
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1, problem
    assert (span.line, span.column) <= (span.end_line, span.end_column), problem
    # What is missing at the end of a line is shown by one column behind it.
    behind = span.end_column == span.column + 1 and span.column == len(lines[span.line - 1]) + 1
    assert behind or span.end_column <= len(lines[span.end_line - 1]) + 1, problem


def _shown(problems: tuple[Diagnostic, ...], sources: Mapping[str, str]) -> None:
    shown = render_human(problems, sources, color=False, summary="end")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", shown), (
        "a terminal obeys it"
    )
    assert len(json.loads(render_json(problems))["problems"]) == len(problems)
    assert len(json.loads(render_sarif(problems, KNOWN))["runs"][0]["results"]) == len(problems)
    assert render_github(problems).count("\n") == len(problems)


def _formatted(path: str, text: str) -> None:
    formats = format_page if path.endswith(".md") else format_text
    after, problems = formats(path, text)
    if problems:
        assert after == text, "what cannot be formatted is left alone"
        assert all("bug in agentflow" not in str(problem.hint) for problem in problems), problems
    else:
        assert formats(path, after) == (after, ()), "formatting twice is formatting once"


def _text(files: EditedFiles, path: str) -> str | None:
    """None: it cannot be read."""
    try:
        return files.read(path)
    except FileRefused:
        return None
