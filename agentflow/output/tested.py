"""Results of tests: for people as they come, as JSON, and as JUnit XML for CI."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from agentflow.output.text import clean, count, seconds
from agentflow.testing.results import Failure, Result
from agentflow.testing.telling import failure_lines

__all__ = [
    "render_case",
    "render_junit",
    "render_list",
    "render_tests_json",
    "render_totals",
    "tests_schema",
]

_MARKS = {
    "passed": ("ok", "32"),
    "failed": ("FAILED", "1;31"),
    "error": ("ERROR", "1;31"),
    "skipped": ("skipped", "33"),
}


def _paint(text: str, style: str, *, color: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if color else text


def _no_place(path: str) -> str:
    return path


def render_case(result: Result, *, color: bool, show_path: Callable[[str], str] = _no_place) -> str:
    """One line, and below it what was missed."""
    word, style = _MARKS[result.outcome]
    took = f"{result.seconds * 1000:.0f} ms" if result.seconds < 1 else seconds(result.seconds)
    head = f"{_paint(f'{word:8}', style, color=color)}{result.layer:8}{result.name}  ({took})"
    if result.note is not None:
        head += f"  {clean(result.note)}"
    return "\n".join([head, *_failures(result, show_path)])


def _failures(result: Result, show_path: Callable[[str], str]) -> Iterator[str]:
    for line in failure_lines(result, show_path):
        yield f"    {clean(line)}"


def render_totals(results: Sequence[Result], took_s: float, *, color: bool) -> str:
    """`3 passed, 1 failed in 0.42 s`."""
    counts = Counter(result.outcome for result in results)
    words = [
        f"{counts[kind]} {kind}"
        for kind in ("passed", "failed", "error", "skipped")
        if counts[kind]
    ]
    style = "1;31" if any(result.is_bad for result in results) else "1;32"
    text = f"{', '.join(words) or 'no tests'} in {seconds(took_s)}"
    return _paint(text, style, color=color)


def render_list(results: Sequence[tuple[str, str, str, str | None]]) -> str:
    """Layer, name, agent and description of tests that were not run."""
    width = max((len(name) for _, name, _, _ in results), default=0)
    lines = [
        f"{layer:8}{name:{width}}  {agent}{'' if text is None else f': {clean(text)}'}"
        for layer, name, agent, text in results
    ]
    return "\n".join([*lines, count(len(results), "test")])


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureReport:
    message: str
    expected: str | None
    got: str | None
    file: str | None
    line: int | None
    column: int | None
    decided_by: str | None
    """The event that decided it. None: no event did."""
    hint: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    name: str
    layer: Literal["handler", "render", "loop", "replay", "live"]
    agent: str
    outcome: Literal["passed", "failed", "error", "skipped"]
    seconds: float
    file: str
    line: int
    note: str | None
    failures: tuple[FailureReport, ...]
    written: tuple[str, ...]
    """Files that `--update` wrote."""
    cost_usd: str | None
    """Decimal text: real dollars, of the layer `live`. None: it cost nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsReport:
    """The shape of `agentflow test --format json`; its JSON Schema is `schemas/tests.json`."""

    __test__ = False

    passed: int
    failed: int
    error: int
    skipped: int
    seconds: float
    tests: tuple[CaseReport, ...]


def _failure_report(failure: Failure) -> FailureReport:
    span = failure.span
    return FailureReport(
        message=failure.message,
        expected=failure.expected,
        got=failure.got,
        file=None if span is None else span.file,
        line=None if span is None else span.line,
        column=None if span is None else span.column,
        decided_by=failure.evidence,
        hint=failure.hint,
    )


def _report(results: Sequence[Result], took_s: float) -> TestsReport:
    counts = Counter(result.outcome for result in results)
    return TestsReport(
        passed=counts["passed"],
        failed=counts["failed"],
        error=counts["error"],
        skipped=counts["skipped"],
        seconds=round(took_s, 3),
        tests=tuple(
            CaseReport(
                name=result.name,
                layer=result.layer,  # type: ignore[arg-type]  # checked by the spec
                agent=result.agent,
                outcome=result.outcome,
                seconds=round(result.seconds, 4),
                file=result.span.file,
                line=result.span.line,
                note=result.note,
                failures=tuple(_failure_report(failure) for failure in result.failures),
                written=result.written,
                cost_usd=result.cost_usd,
            )
            for result in results
        ),
    )


def render_tests_json(results: Sequence[Result], took_s: float) -> str:
    """JSON of a `TestsReport`, indented."""
    from pydantic import TypeAdapter

    data = TypeAdapter(TestsReport).dump_python(_report(results, took_s), mode="json")
    return json.dumps(data, indent=2, ensure_ascii=False)


def tests_schema() -> str:
    """JSON Schema of a `TestsReport`."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(TestsReport).json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def render_junit(results: Sequence[Result], took_s: float, *, suite: str) -> str:
    """JUnit XML, as CI services read it.

    Source: the schema of Jenkins' xUnit plugin, which the services of GitHub and GitLab follow.
    """
    counts = Counter(result.outcome for result in results)
    head = (
        f"<testsuite name={quoteattr(suite)} tests={quoteattr(str(len(results)))} "
        f'failures="{counts["failed"]}" errors="{counts["error"]}" skipped="{counts["skipped"]}" '
        f'time="{took_s:.3f}">'
    )
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<testsuites>{head}"]
    for result in results:
        lines += _junit_case(result, suite)
    return "\n".join([*lines, "</testsuite></testsuites>"]) + "\n"


def _junit_case(result: Result, suite: str) -> Iterator[str]:
    yield (
        f"  <testcase classname={quoteattr(f'{suite}.{result.layer}')} name={quoteattr(result.name)} "
        f"file={quoteattr(result.span.file)} line={quoteattr(str(result.span.line))} "
        f'time="{result.seconds:.3f}">'
    )
    if result.outcome == "skipped":
        yield f"    <skipped message={_attribute(result.note or '')}/>"
    elif result.is_bad:
        tag = "failure" if result.outcome == "failed" else "error"
        message = result.failures[0].message if result.failures else result.outcome
        text = "\n".join(_failures(result, _no_place))
        yield f"    <{tag} message={_attribute(message)}>{escape(clean(text))}</{tag}>"
    yield "  </testcase>"


def _attribute(text: str) -> str:
    return quoteattr(clean(text))
