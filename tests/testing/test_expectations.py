"""Every expectation holds where it should, and any that is changed makes the test fail, at its line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow.operations.check import open_project
from agentflow.spec.declare import SpecModel
from agentflow.spec.expect import ExpectSpec
from agentflow.spec.walk import fields, step_into
from agentflow.testing import loop
from agentflow.testing.bench import Bench
from agentflow.testing.results import Result
from agentflow.testing.stage import Played, Scene, play
from agentflow.testing.suite import run_cases
from agentflow.testing.workers import Programs
from tests.testing.desk import TEST, make_desk

GOOD = [
    "verdict: completed",
    "reason: verified",
    "stop_reason: end_turn",
    "outputs: valid",
    "outputs: { report: ./golden-report.md }",
    "outputs: { report: { exists: true } }",
    "outputs: { chart: { exists: false } }",
    "outputs: { report: { contains: [total is 42] } }",
    "outputs: { report: { matches: ['is [0-9]+'] } }",
    "outputs: { report: { sections: [Findings, Appendix] } }",
    "outputs: { totals: { schema: ./totals.json } }",
    "outputs: { report: { equals: ./golden-report.md } }",
    "outputs: { totals: { sha256: {sha} } }",
    "tools: { must: [read, { tool: rate, arguments: { currency: 'E*' } }] }",
    "tools: { must: [{ tool: bash, result: '42' }] }",
    "tools: { must: [{ tool: bash, failed: true }] }",
    "tools: { order: [read, bash, write] }",
    "tools: { never: [{ tool: rate, arguments: { currency: USD } }] }",
    "tools: { counts: { write: 2, bash: { at_least: 1, at_most: 2 } } }",
    "approvals: [{ tool: bash, answer: allow, by: rule 1 }, { tool: bash, answer: deny, by: default }]",
    "messages: [Done, { matches: 'is [0-9]+' }, { never: sorry }]",
    "limits: { usd: 1, tokens: 10k, turns: 4, tool_calls: 6, wall: 1m }",
    "repairs: 0",
    "warnings: []",
    "findings: { must: ['*'], never: [AU999] }",
    "prompt: { sections: once, contains: [You analyse], never: [TODO] }",
    "checks: ['shop.tools:odd']",
]

BAD = [
    # expectation, what is said of it
    ("verdict: budget", "ended otherwise"),
    ("reason: because", "another reason"),
    ("stop_reason: refusal", "another reason"),
    ("outputs: { report: ./other-report.md }", "is another one"),
    ("outputs: { report: { exists: false } }", "was delivered"),
    ("outputs: { chart: { exists: true } }", "was not delivered"),
    ("outputs: { report: { contains: [total is 43] } }", "lacks a text"),
    ("outputs: { report: { matches: ['is [a-z]+'] } }", "matches"),
    ("outputs: { report: { sections: [Appendix, Findings] } }", "not the form"),
    ("outputs: { totals: { schema: ./other-totals.json } }", "not the form"),
    ("outputs: { report: { equals: ./other-report.md } }", "is another one"),
    ("outputs: { totals: { sha256: {other} } }", "bytes"),
    ("tools: { must: [{ tool: read, result: nothing }] }", "missing"),
    ("tools: { must: [{ tool: rate, arguments: { currency: 'U*' } }] }", "missing"),
    ("tools: { must: [{ tool: rate, arguments: { code: '*' } }] }", "missing"),
    ("tools: { must: [{ tool: bash, result: '43' }] }", "missing"),
    ("tools: { must: [{ tool: read, failed: true }] }", "missing"),
    ("tools: { must: [{ tool: read, failed: true }], never: [grep] }", "missing"),
    ("tools: { order: [write, read] }", "does not come"),
    ("tools: { never: [bash] }", "was called"),
    ("tools: { never: [{ tool: '*', arguments: { command: 'rm *' } }] }", "was called"),
    ("tools: { counts: { write: 1 } }", "another number"),
    ("tools: { counts: { bash: { at_least: 3 } } }", "another number"),
    ("tools: { counts: { bash: { at_most: 1 } } }", "another number"),
    ("approvals: []", "A tool asked"),
    ("approvals: [{ tool: bash, answer: allow, by: person }]", "answered otherwise"),
    ("approvals: [{ tool: read, answer: allow }]", "did not ask"),
    ("approvals: [{ tool: bash, answer: deny, by: rule 1 }]", "answered otherwise"),
    ("messages: [Gone]", "No message holds"),
    ("messages: [{ contains: Gone }]", "No message holds"),
    ("messages: [{ matches: 'was [0-9]+' }]", "No message matches"),
    ("messages: [{ never: Done }]", "A message holds"),
    ("limits: { usd: 0.0001 }", "used more"),
    ("limits: { tokens: 10 }", "used more"),
    ("limits: { turns: 3 }", "used more"),
    ("limits: { tool_calls: 5 }", "used more"),
    ("repairs: 1", "another number"),
    ("warnings: [a warning]", "warning is missing"),
    ("findings: { must: [AU999] }", "does not find"),
    ("findings: { never: ['*'] }", "finds it"),
    ("prompt: { contains: [You dance] }", "lacks a text"),
    ("prompt: { never: [You analyse] }", "holds a text"),
    ("checks: ['shop.tools:never']", "does not hold"),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """Every test of both tables. They differ in what they expect alone, so one run is enough for all."""
    sha = hashlib.sha256(b'{"total": 42}').hexdigest()
    root = make_desk(tmp_path_factory.mktemp("desk"))
    texts = []
    for kind, table in (("good", GOOD), ("bad", [row[0] for row in BAD])):
        for number, expect in enumerate(table):
            text = expect.replace("{sha}", sha).replace("{other}", sha[::-1])
            texts.append(TEST.format(name=f"{kind}-{number}", expect=f"  {text}"))
    (root / "tests.yaml").write_text("---\n".join(texts), encoding="utf-8")
    bench = Bench.of(open_project(root))
    played: list[Played] = []

    async def once(scene: Scene, directory: Path, programs: Programs) -> Played:
        if not played:
            played.append(await play(scene, root / "played", programs))
        return played[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "play", once)
        return {result.name: result for result in run_cases(bench, bench.cases(), jobs=1)}


@pytest.mark.parametrize("number", range(len(GOOD)), ids=GOOD)
def test_what_holds_passes(number: int, results: dict[str, Result]) -> None:
    result = results[f"good-{number}"]
    assert result.outcome == "passed", result.failures


@pytest.mark.parametrize("number", range(len(BAD)), ids=[row[0] for row in BAD])
def test_what_does_not_hold_fails_at_its_line(number: int, results: dict[str, Result]) -> None:
    expect, words = BAD[number]
    result = results[f"bad-{number}"]
    assert result.outcome == "failed"
    [failure] = result.failures
    assert words in failure.message
    assert failure.expected
    assert failure.got
    assert failure.span is not None
    assert failure.span.file == "tests.yaml"
    # The line of the expectation, in its own document.
    assert failure.span.line == result.span.line + 8, expect


def _keys(model: type[SpecModel]) -> Iterator[str]:
    for name in fields(model):
        yield name
        for inner in step_into(model, name):
            yield from _nested(inner)


def _nested(annotation: object) -> Iterator[str]:
    from typing import get_args

    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        yield from _keys(annotation)
    for part in get_args(annotation):
        yield from _nested(part)


def test_both_tables_use_every_word_there_is() -> None:
    words = set(_keys(ExpectSpec))
    assert "at_most" in words, "the models are walked"
    for table in (GOOD, [row[0] for row in BAD]):
        text = "\n".join(table)
        known = {word for word in words if re.search(rf"\b{word}\b", text)}
        # A section that is twice in a prompt, or missing, cannot be compiled: see test_prompts.
        # Time of its own is in a test of waiting.
        assert words - known <= {"wall", "sections"}, words - known
