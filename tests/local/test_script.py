"""The model script: its shape with every problem placed, what it substitutes and what it expects."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import FileRefused, ProblemsFound
from agentflow.local.drivers.base import ModelFailure, Result, Turn, TurnContext
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.drivers.script_file import parse_script, script_schema
from agentflow.local.fault_plan import faults_schema, read_faults

AGENT = {"name": "helper", "system": "Be kind.", "tools": [], "model": {"id": "claude-opus-5-5"}}


def context(
    *, results: dict[str, str] | None = None, said: str = "hello", state: Any = None
) -> TurnContext:
    message = {"type": "user.message", "content": [{"type": "text", "text": said}]}
    return TurnContext(
        session_id="sesn_1",
        agent=AGENT,
        history=[message],
        results={key: Result(text, False) for key, text in (results or {}).items()},
        state=state or {},
    )


def play(text: str, given: TurnContext) -> Turn:
    return asyncio.run(ScriptDriver(parse_script("s.yaml", text)).next_turn(given))


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", "1:1", "has 0", None),
        ("a: [", "1:", "", None),
        ("{}", "1:1", "needs `agents` or `turns`", None),
        ("turns: []", "1:8", "at least 1 item", None),
        ("turns:\n  - {}", "2:5", "needs `say`, `tools`, `stop` or `error`", None),
        ("turns:\n  - sya: hi", "2:5", "no field 'sya' here", "Did you mean 'say'?"),
        ("turns:\n  - say: 3", "2:10", "valid string", None),
        ("turns:\n  - tools: [{ id: a b, name: x }]", "2:19", "pattern", None),
        ("turns:\n  - tools: [{ id: a }]", "2:13", "field required", None),
        ("turns:\n  - { stop: refused }", "2:13", "'refusal'", None),
        ("turns:\n  - error: { retry: never }", "2:21", "'retrying'", None),
        ("turns:\n  - { say: x, error: {} }", "2:5", "says nothing", None),
        ("turns:\n  - { stop: refusal, tools: [{ name: x }] }", "2:5", "calls no tools", None),
        ("turns: [{ say: x, usage: { input: -1 } }]", "1:35", "greater than or equal to 0", None),
        (
            "agents:\n  helper:\n    turn: []",
            "3:5",
            "no field 'turn' here",
            "Did you mean 'turns'?",
        ),
        ("turns: [{ say: x }]\n---\nturns: []", "1:1", "this file has 2", None),
    ],
)
def test_a_script_with_a_mistake(text: str, place: str, message: str, hint: str | None) -> None:
    with pytest.raises(ProblemsFound) as caught:
        parse_script("s.yaml", text)
    matching = [
        problem
        for problem in caught.value.problems
        if str(problem.span).startswith(f"s.yaml:{place}") and message in problem.message
    ]
    assert matching, [(str(p.span), p.message) for p in caught.value.problems]
    assert hint is None or matching[0].hint == hint
    assert not message or matching[0].code == "AF140"


def test_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"turns: \xff")
    for name in ("absent", ".", "latin"):
        with pytest.raises(FileRefused, match="cannot be read"):
            ScriptDriver.load(tmp_path / name)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${result.a}", "plain"),
        ("<${result.a}> ${ input.text }", "<plain> hello"),
        ("${result.j.rate}", 1.5),
        ("${result.j.list.1.x}", True),
        ("at ${result.j.list}", 'at [0, {"x": true}]'),
        ("$${result.a} stays", "${result.a} stays"),
        ("$${result.a}", "${result.a}"),
        ("costs $5 {x}", "costs $5 {x}"),
        (3, 3),
        (["${result.a}"], ["plain"]),
    ],
)
def test_values_are_put_into_inputs(template: Any, expected: Any) -> None:
    results = {"a": "plain", "j": '{"rate": 1.5, "list": [0, {"x": true}]}'}
    script = parse_script("s.yaml", "turns: [{ tools: [{ name: t }] }]")
    assert script.turns is not None
    call = script.turns[0].tools[0].model_copy(update={"input": {"v": template}})
    turn = script.turns[0].model_copy(update={"tools": [call]})
    driver = ScriptDriver(script.model_copy(update={"turns": [turn]}))
    played = asyncio.run(driver.next_turn(context(results=results)))
    assert played.calls[0].input == {"v": expected}


def test_numbers_with_a_fraction_are_json_numbers() -> None:
    turn = play("turns: [{ tools: [{ name: t, input: { a: [1.5], b: 2 } }] }]", context())
    assert turn.calls[0].input == {"a": [1.5], "b": 2}
    assert turn.calls[0].key == "t"


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ("{ expect: { tool: a, contains: other }, say: x }", "It was: plain"),
        ("{ expect: [{ tool: a }, { tool: b }], say: x }", "'b', which was not called"),
        ("{ expect: { tool: a, is_error: true }, say: x }", "expects an error from 'a'"),
        ("{ expect: { tool: a, contains: [pl, ain, '${input.text}'] }, say: x }", "'hello'"),
        ("{ say: '${result.b}' }", "stands for nothing here"),
        ("{ say: '${vars.b}' }", "stands for nothing here"),
        ("{ say: '${result.a.x}' }", "has no such field: plain"),
        ("{ error: { message: Busy. } }", "Busy."),
    ],
)
def test_a_turn_that_does_not_fit_fails_the_request(turn: str, message: str) -> None:
    with pytest.raises(ModelFailure) as caught:
        play(f"turns: [{turn}]", context(results={"a": "plain"}))
    assert message in caught.value.message


def test_a_met_expectation_and_a_turn_by_agent_name() -> None:
    text = "agents: { helper: { turns: [{ expect: { tool: a, contains: pl, is_error: false }, say: x }] } }"
    assert play(text, context(results={"a": "plain"})).text == "x"
    with pytest.raises(ModelFailure, match="has them for: other"):
        play("agents: { other: { turns: [{ say: x }] } }", context())


def test_usage_is_as_stated_or_grows_like_a_cached_prompt() -> None:
    stated = play("turns: [{ say: x, usage: { input: 7, cache_read: 8 } }]", context())
    assert (stated.tokens.input, stated.tokens.output, stated.tokens.cache_read) == (7, 0, 8)
    text = "turns: [{ say: One. }, { say: Two. }]"
    first = play(text, context(said="x" * 4000))
    again = context(said="x" * 8000, state=first.state)
    second = play(text, again)
    assert first.tokens.cache_read == 0
    assert first.tokens.cache_write > 990
    assert second.tokens.cache_read == sum(
        (first.tokens.input, first.tokens.cache_read, first.tokens.cache_write)
    )
    assert second.tokens.cache_write > 990
    assert play(text, again) == second


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["agents", "turns", "say", "tools", "id", "name", "input", "expect", "stop", "x"]), inner, max_size=4), max_leaves=12))  # fmt: skip
def test_any_yaml_is_a_script_or_placed_problems(data: Any) -> None:
    problems = None
    try:
        parse_script("s.yaml", json.dumps(data))
    except ProblemsFound as found:
        problems = found.problems
    assert problems is None or (problems and all(problem.span for problem in problems))


def test_the_schema_describes_the_script() -> None:
    schema = json.loads(script_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"turns": [{"say": "x"}]})
    assert not validator.is_valid({"turns": [{"sya": "x"}]})


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "cut_stream_afer: 3",
            "1:1",
            "no field 'cut_stream_afer'",
            "Did you mean 'cut_stream_after'?",
        ),
        ("cut_stream_before: 0", "1:20", "greater than or equal to 1", None),
        ("answers: [{ to: events.sent, status: 500 }]", "1:17", "'events.send'", None),
        ("answers: [{ to: events.send }]", "1:11", "one of `status`, `broken`", None),
        ("answers: [{ to: events.send, broken: true, status: 500 }]", "1:11", "one of", None),
        ("answers: [{ to: events.send, slow_s: 1, retry_after_s: 1 }]", "1:11", "goes with", None),
        (
            "answers: [{ to: events.send, slow_s: 1, after_effect: true }]",
            "1:11",
            "goes with",
            None,
        ),
        ("answers: [{ to: events.send, slow_s: soon }]", "1:38", "valid number", None),
        ("requests: [{ number: 1 }]", "1:12", "one of `error`", None),
        ("requests: [{ number: 1, stop: refusal, reschedule: true }]", "1:12", "one of", None),
        ("second_answers: maybe", "1:17", "'refuse'", None),
        ("- cut", "1:1", "valid dictionary", None),
    ],
)
def test_problems_of_faults_are_placed(
    tmp_path: Path, text: str, place: str, message: str, hint: str | None
) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsFound) as caught:
        read_faults(path)
    [problem] = caught.value.problems
    assert problem.span is not None
    assert f"{problem.span.line}:{problem.span.column}" == place
    assert message in problem.message
    assert problem.hint == hint
    with pytest.raises(ProblemsFound):
        parse_script("s.yaml", f"turns: [{{ say: Hi. }}]\nfaults: {{ {text} }}")


def test_a_script_may_hold_faults() -> None:
    text = "turns: [{ say: Hi. }]\nfaults: { answers: [{ to: events.list, slow_s: 0.5 }] }"
    faults = parse_script("s.yaml", text).faults
    assert faults is not None
    assert faults.answers[0].slow_s == 0.5
    schema = json.loads(faults_schema())
    jsonschema.Draft202012Validator(schema).validate(faults.model_dump())
