"""Models' errors in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from agentflow.compiler.load import load
from agentflow.compiler.resolve import resolve
from agentflow.compiler.shape_words import MEANT_KEY, MEANT_WORD, PATTERN_WORDS
from agentflow.diagnostics import Diagnostic
from agentflow.spec.agent import AgentSpec
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.kinds import KINDS
from agentflow.spec.project import ProjectSpec
from agentflow.spec.twin import twin
from agentflow.spec.walk import known_keys
from tests.support.memory_files import MemoryFiles

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: m\nprompt: Work.\n"
ENVIRONMENT = "apiVersion: agentflow/v1\nkind: Environment\nname: e\n"


def problems_of(text: str) -> tuple[Diagnostic, ...]:
    files = MemoryFiles({"agentflow.yaml": PROJECT, "a.yaml": text})
    loaded, found = load(files)
    assert found == ()
    return resolve(loaded, files, target="local", environ={}, variables={}).problems


def only(text: str) -> Diagnostic:
    problems = problems_of(text)
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    ("body", "code", "message", "hint"),
    [
        ("tools: {bsh: allow}", "AF110", "`tools` has no key 'bsh'.", "Did you mean 'bash'?"),
        (
            "tools: {web_fetch: {policy: allow, allowed_domains: [x]}}",
            "AF110",
            "`tools.web_fetch` has no key 'allowed_domains'.",
            "Did you mean 'domains'?",
        ),
        ("budget: {instructions: x}", "AF110", "no key 'instructions'", "Known keys are usd"),
        ("inputs: {a: {config: x}}", "AF110", "no key 'config'", "Known keys are type"),
        ("allowed_hosts: [x]", "AF110", "Agent has no key", "'network.hosts' of an Environment?"),
        ("max_turns: 3", "AF110", "Agent has no key 'max_turns'.", "'budget.turns'"),
        ("budget: {max_turns: 3}", "AF110", "`budget` has no key 'max_turns'.", "'turns'"),
        ("zzz: 1", "AF110", "Agent has no key 'zzz'.", "Known keys are apiVersion, kind, name"),
        ("outputs: {r: {schema_: {}}}", "AF110", "no key 'schema_'", "'schema'"),
        ("outputs: {r: {pth: r.md}}", "AF110", "no key 'pth'", "'path'"),
        ("outputs: {r: {}}", "AF111", "`outputs.r` has no 'path'.", "Add `path: …`."),
        ("done: [{chek: 'm:f'}]", "AF110", "`done[0]` has no key 'chek'.", "'check'"),
        ("done: [{check: m}]", "AF114", "`done[0].check` is 'm'", "package.module:function"),
        ("done: [7]", "AF112", "`done[0]` is the number 7", "text or a mapping"),
        ("done: [[]]", "AF112", "`done[0]` is a list", "text or a mapping"),
        ("done: ['']", "AF115", "`done[0]` is empty.", "Write the text"),
        ("outputs: {r: {path: r, schema: 3}}", "AF112", "`outputs.r.schema` is the number 3", ""),
        ("outputs: {r: {path: r, schema: x}}", "AF114", "`outputs.r.schema` is 'x'", "'./'"),
        ("repair: true", "AF112", "`repair` is true, and it has to be a whole number", ""),
        ("repair: 1.5", "AF112", "`repair` is the number 1.5", ""),
        ("repair: '1'", "AF112", "`repair` is '1'", "without quotes"),
        ("budget: {usd: '2.50'}", "AF114", "'2.50' is text. Write the number without quotes;", ""),
        ("budget: {turns: '5'}", "AF114", "comes by a variable of the type integer", ""),
        ("abstract: 'true'", "AF112", "`abstract` is 'true'", "the type boolean"),
        ("description: 5", "AF112", "and it has to be text", "Quote it"),
        ("done: x", "AF112", "`done` is 'x', and it has to be a list.", "brackets"),
        ("outputs: x", "AF112", "`outputs` is 'x', and it has to be a mapping.", "key: value"),
        ("budget: x", "AF112", "`budget` is 'x', and it has to be a mapping.", "key: value"),
        ("tools: {bash: 3}", "AF112", "it has to be allow, ask, auto, off or a mapping", "Write"),
        ("tools: {bash: allways}", "AF113", "`tools.bash` cannot be 'allways'.", "'allow'?"),
        ("uncertainty: guess", "AF113", "`uncertainty` cannot be 'guess'.", "'assume'?"),
        ("uncertainty: zzz", "AF113", "cannot be 'zzz'", "Write assume, ask or stop."),
        ("uncertainty: {mode: 3}", "AF112", "`uncertainty.mode` is the number 3", "assume"),
        ("vars: {1a: {default: x}}", "AF114", "The key '1a' is malformed.", "a digit"),
        ("custom: {'a b': {run: 'm:f'}}", "AF114", "The key 'a b' is malformed.", "Tool names"),
        ("custom: {mcp__x: {run: 'm:f'}}", "AF114", "a prefix that the service reserves", None),
        ("scratch: tmp", "AF114", "`scratch` is 'tmp'", "absolute path"),
        ("environment: E x", "AF114", "`environment` is 'E x'", "name of an Environment"),
        ("approvals: [{tool: bash}]", "AF114", "exactly one of `answer` and `ask`", None),
        ("metadata: {a: 5}", "AF112", "`metadata.a` is the number 5", "Quote it"),
        (
            f"description: {'x' * 2049}",
            "AF115",
            "`description` has 2049 characters, and at most 2048 are allowed.",
            "Shorten it.",
        ),
        (
            "metadata: {" + ", ".join(f"k{n}: v" for n in range(13)) + "}",
            "AF115",
            "`metadata` has 13 entries, and at most 12 are allowed.",
            "Shorten it.",
        ),
        ("repair: -1", "AF115", "it has to be at least 0", "at least 0"),
        (
            "tools: {web_fetch: {policy: allow, domains: []}}",
            "AF115",
            "`tools.web_fetch.domains` has 0 entries, and it needs at least 1.",
            "Add what is missing.",
        ),
        ("budget: {turns: 0}", "AF114", "0 is not a whole number above zero", None),
        ("budget: {turns: [1]}", "AF114", "A list is not a whole number", None),
        ("budget: {usd: 1.234}", "AF114", "finer than a cent", None),
        ("budget: {warn_at: 120%}", "AF114", "'120%' is not a share such as 80%.", None),
    ],
)
def test_what_does_not_fit_an_agent(body: str, code: str, message: str, hint: str | None) -> None:
    problem = next(item for item in problems_of(f"{AGENT}{body}\n") if item.code == code)
    assert message in problem.message
    if hint is None:
        assert problem.hint is None
    else:
        assert hint in (problem.hint or "")
    for jargon in ("Input", "pydantic", "valid string", "instance of", "Extra"):
        assert jargon not in problem.message


@pytest.mark.parametrize(
    ("body", "message", "hint"),
    [
        ("network: limited", "`network` is 'limited', and it has to be the word open", "Write"),
        ("allowed_hosts: [x]", "no key 'allowed_hosts'", "'network.hosts'"),
        ("network: {allowed_hosts: [x]}", "no key 'allowed_hosts'", "'hosts'"),
        ("network: {max_redirects: 3}", "no key 'max_redirects'", "no such setting"),
        ("system: x", "Environment has no key 'system'", "'prompt' of an Agent?"),
        ("config: {}", "no key 'config'", "directly in the document"),
        ("networking: {}", "no key 'networking'", "'network'"),
    ],
)
def test_what_does_not_fit_an_environment(body: str, message: str, hint: str) -> None:
    problem = only(f"{ENVIRONMENT}{body}\n")
    assert message in problem.message
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    "body",
    [
        f"done: [{', '.join('1' for _ in range(5_000))}]\n",
        "".join(f"x{n}: 1\n" for n in range(5_000)),
        f"done: ['{'${x}' * 5_000}']\n",
        "done:\n" + "".join(f"  - ${{x{n}}}\n" for n in range(5_000)),
    ],
    ids=["values", "keys", "one-text", "many-texts"],
)
def test_a_mistake_made_very_often_is_cut_short(body: str) -> None:
    problems = problems_of(AGENT + body)
    assert len(problems) == 101
    assert [item.code for item in problems].count("AF023") == 1


def test_the_place_is_the_key_of_an_unknown_key_and_the_value_of_others() -> None:
    problems = problems_of(AGENT + "tools:\n  bash: nope\n  zsh: allow\n")
    assert [str(problem.span) for problem in problems] == ["a.yaml:7:9", "a.yaml:8:3"]


def test_a_misspelt_key_can_be_renamed_by_a_fix() -> None:
    problem = only(AGENT + "repairs: 1\n")
    assert problem.fix is not None
    assert not problem.fix.safe
    assert [(str(edit.span), edit.text) for edit in problem.fix.edits] == [("a.yaml:6:1", "repair")]


def test_a_key_that_is_there_already_is_not_suggested() -> None:
    assert "'prompt'" not in str(only(AGENT + "promt: x\n").hint).partition("Known")[0]


def test_a_misspelt_key_is_not_missing_as_well() -> None:
    assert only(AGENT.replace("prompt:", "promt:")).code == "AF110"
    assert only(AGENT.replace("prompt:", "system:")).code == "AF110"


def test_known_keys_are_found_through_mappings_lists_and_unions() -> None:
    assert known_keys(AgentSpec, ("model",)) == ["id", "effort", "speed", "geo"]
    assert known_keys(AgentSpec, ("done", 3)) == ["check"]
    assert known_keys(AgentSpec, ("outputs", "x"))[:3] == ["path", "description", "schema"]
    assert known_keys(AgentSpec, ("tools", "web_fetch"))[-1] == "max_tokens"
    assert known_keys(ProjectSpec, ("targets", "prod", "driver")) == ["script"]
    assert known_keys(AgentSpec, ("prompt", "x")) == []


def patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if schema.get("type") == "string" and "pattern" in schema:
            yield schema["pattern"]
        for key, value in schema.items():
            if key == "propertyNames" and "pattern" in value:
                yield value["pattern"]
            yield from patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value)


def test_every_pattern_is_explained_in_words() -> None:
    # Durations, counts, shares, URLs, headers, variables and secrets say it themselves.
    by_validators = re.compile(r"\\d|\(\?[=!]|\[!-~\]|u0000|secret")
    for model in KINDS.values():
        for pattern in patterns(twin(model).model_json_schema()):
            assert pattern in PATTERN_WORDS or by_validators.search(pattern), pattern


def reachable(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from reachable(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from reachable(value)


def test_suggestions_name_keys_and_words_that_exist() -> None:
    keys = {key for model in KINDS.values() for key in reachable(twin(model).model_json_schema())}
    for wrong, meant in MEANT_KEY.items():
        assert set(meant.key.split(".")) - {""} <= keys, wrong
        assert meant.key or meant.note
    text = "".join(str(twin(model).model_json_schema()) for model in KINDS.values())
    for wrong, word in MEANT_WORD.items():
        assert f"'{word}'" in text, wrong
    assert known_keys(EnvironmentSpec, ("network",)) == ["open", "hosts", "packages", "mcp"]
