"""Diagnostics for code scanning: SARIF 2.1.0, one run.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Excerpts are left out,
because what is uploaded must not hold what a spec should not have held.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import quote

from agentflow import __version__
from agentflow.diagnostics import SETTINGS_FILE, Code, Diagnostic, Fix, Severity, Span
from agentflow.lint.baseline import fingerprint

if TYPE_CHECKING:
    from agentflow.lint.plugins import Plugin

__all__ = ["render_sarif"]

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render_sarif(
    problems: Sequence[Diagnostic],
    codes: Mapping[str, Code],
    *,
    plugins: Sequence[Plugin] = (),
    show_path: Callable[[str], str] = str,
) -> str:
    """A SARIF log with the problems in the order given, and the codes they have as rules.

    Args:
        codes: by id, every code there is.
        plugins: whose rules were run. Codes of theirs stand in extensions of the tool.
        show_path: from the path of a span to one relative to where the log is read: the root of the
            repository. What lies outside is named by an absolute URI.
    """
    ids = sorted({problem.code for problem in problems})
    owner = {rule.code.id: number for number, plugin in enumerate(plugins) for rule in plugin.rules}
    own = [id for id in ids if id not in owner]
    foreign = [[id for id in ids if owner.get(id) == number] for number in range(len(plugins))]
    places: dict[str, dict[str, Any]] = {id: {"ruleIndex": number} for number, id in enumerate(own)}
    for extension, listed in enumerate(foreign):
        for number, id in enumerate(listed):
            component = {"index": extension}
            places[id] = {"rule": {"id": id, "index": number, "toolComponent": component}}
    tool: dict[str, Any] = {"driver": _component("agentflow", __version__, own, codes)}
    if plugins:
        tool["extensions"] = [
            _component(plugin.name, plugin.version, listed, codes)
            for plugin, listed in zip(plugins, foreign, strict=True)
        ]
    run = {
        "tool": tool,
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, places[problem.code], show_path) for problem in problems],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


def _component(
    name: str, version: str, ids: Sequence[str], codes: Mapping[str, Code]
) -> dict[str, Any]:
    return {"name": name, "version": version, "rules": [_rule(codes[id]) for id in ids]}


def _rule(code: Code) -> dict[str, Any]:
    text = "\n\n".join(part for part in (code.title, code.explanation) if part)
    return {
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.title},
        "fullDescription": {"text": text},
        "help": {"text": f"{text}\n\nMore: agentflow explain {code.id}"},
        "defaultConfiguration": {"level": _LEVELS[code.severity]},
    }


def _result(
    problem: Diagnostic, rule: Mapping[str, Any], show: Callable[[str], str]
) -> dict[str, Any]:
    text = problem.message if problem.hint is None else f"{problem.message}\n{problem.hint}"
    result: dict[str, Any] = {
        "ruleId": problem.code,
        **rule,
        "level": _LEVELS[problem.severity],
        "message": {"text": text},
        "partialFingerprints": {"agentflow/v1": fingerprint(problem)},
    }
    if _is_on_disk(problem.span):
        result["locations"] = [{"physicalLocation": _place(problem.span, show)}]
    related = [
        {"id": number, "message": {"text": caption}, "physicalLocation": _place(span, show)}
        for number, (span, caption) in enumerate(problem.related)
        if _is_on_disk(span)
    ]
    if related:
        result["relatedLocations"] = related
    if problem.fix is not None and all(_is_on_disk(edit.span) for edit in problem.fix.edits):
        result["fixes"] = [_fix(problem.fix, show)]
    return result


def _is_on_disk(span: Span | None) -> TypeGuard[Span]:
    return span is not None and span.file != SETTINGS_FILE


def _place(span: Span, show: Callable[[str], str]) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(span.file, show)}, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _uri(file: str, show: Callable[[str], str]) -> str:
    """A relative reference; an absolute one for what is not below the working directory."""
    path = show(file)
    if path == ".." or path.startswith((f"..{os.sep}", "/")):
        return f"file://{quote(os.path.abspath(path), errors='surrogatepass')}"  # noqa: PTH100
    return quote(path.replace(os.sep, "/"), errors="surrogatepass")


def _fix(fix: Fix, show: Callable[[str], str]) -> dict[str, Any]:
    by_file: dict[str, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        by_file.setdefault(edit.span.file, []).append(replacement)
    title = fix.title if fix.safe else f"{fix.title} (changes what the spec means)"
    return {
        "description": {"text": title},
        "artifactChanges": [
            {"artifactLocation": {"uri": _uri(file, show)}, "replacements": replacements}
            for file, replacements in by_file.items()
        ],
    }
