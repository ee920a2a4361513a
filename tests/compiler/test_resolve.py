"""Stage 2: substitution, variables, targets and references."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler import late
from agentflow.compiler.graph import AgentNode, Graph
from agentflow.compiler.load import load
from agentflow.compiler.resolve import resolve, resolve_path
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.source.yaml import parse
from agentflow.spec.agent import AgentSpec
from tests.support.memory_files import MemoryFiles

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: m\nprompt: Work.\n"


def resolved(
    files: Mapping[str, str],
    *,
    target: str = "local",
    environ: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    only: list[str] | None = None,
) -> Checked[Graph | None]:
    memory = MemoryFiles({"agentflow.yaml": PROJECT, **files})
    loaded, found = load(memory, only=only)
    graph, more = resolve(
        loaded, memory, target=target, environ=environ or {}, variables=variables or {}
    )
    return Checked(graph, (*found, *more))


def graph_of(files: Mapping[str, str], **options: Any) -> Graph:
    graph, problems = resolved(files, **options)
    assert problems == ()
    assert graph is not None
    return graph


def agent(body: str, project: str = "", **options: Any) -> AgentNode:
    return graph_of(
        {"agentflow.yaml": PROJECT + project, "a.yaml": AGENT + body}, **options
    ).agents["a"]


def codes(problems: tuple[Diagnostic, ...]) -> list[str]:
    return [problem.code for problem in problems]


# Variables


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("description: ${var.name}", "Northwind"),
        ("description: At ${var.name}.", "At Northwind."),
        ("description: '${var.days} days, ${var.rate}, ${var.live}'", "3 days, 2.50, true"),
        ("description: $${var.name}", "${var.name}"),
        ("description: a $$ and $5 {x}", "a $$ and $5 {x}"),
        ("description: ${env.USER_X}", "ann"),
        ("description: ${env.NONE:-some text}", "some text"),
        ("description: 'x${env.NONE:-}'", "x"),
        ("description: ${env.EMPTY:-default}", "default"),
        ("description: 'x${env.EMPTY}'", "x"),
        ("description: ${env.USER_X:?needed}", "ann"),
        ("description: ${ref.agent.a.version}", late.mark("agent", "a", "version")),
        ("description: $${ref.agent.a.version}", "${ref.agent.a.version}"),
    ],
)
def test_text_is_substituted(body: str, expected: str) -> None:
    project = (
        "vars:\n  name: {default: Northwind}\n  days: {type: integer, default: 3}\n"
        "  rate: {type: number, default: 2.50}\n  live: {type: boolean, default: true}\n"
    )
    node = agent(body + "\n", project, environ={"USER_X": "ann", "EMPTY": ""})
    assert node.spec.description == expected


def test_a_whole_value_keeps_its_type() -> None:
    node = agent(
        "repair: ${var.n}\nbudget: {usd: '${var.usd}'}\nraw: {live: '${var.live}'}\n"
        "vars:\n  n: {type: integer, default: 3}\n  usd: {type: number, default: 1.25}\n"
        "  live: {type: boolean, default: false}\n"
    )
    assert node.spec.repair == 3
    assert node.spec.budget is not None
    assert node.spec.budget.usd == Decimal("1.25")
    assert node.spec.raw == {"live": False}


def test_the_command_line_wins_over_the_target_over_the_default() -> None:
    project = (
        "vars: {x: {default: project}, y: {default: project}, z: {default: project}}\n"
        "targets: {prod: {service: anthropic, vars: {y: target, z: target}}}\n"
    )
    node = agent("", project, target="prod", variables={"z": "line"})
    assert node.vars == {"x": "project", "y": "target", "z": "line"}


def test_an_agent_overrides_what_the_project_declares() -> None:
    node = agent("vars: {x: {default: mine}}\n", "vars: {x: {default: shared}}\n")
    assert node.vars == {"x": "mine"}


def test_defaults_may_use_other_variables_in_any_order() -> None:
    body = 'vars: {a: {default: "${var.b}!"}, b: {default: "${var.c}?"}, c: {default: x}}\n'
    assert agent(body).vars == {"a": "x?!", "b": "x?", "c": "x"}


def test_a_default_of_the_project_does_not_see_variables_of_an_agent() -> None:
    graph, problems = resolved(
        {
            "agentflow.yaml": PROJECT + 'vars: {x: {default: "${var.y}"}}\n',
            "a.yaml": AGENT + "vars: {y: {default: z}}\n",
        }
    )
    assert codes(problems) == ["AF203"]
    assert graph is not None
    assert graph.agents["a"].vars == {"x": None, "y": "z"}


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("string", "007", "007"),
        ("integer", "-7", -7),
        ("number", "2.50", Decimal("2.50")),
        ("number", "3", 3),
        ("boolean", "true", True),
        ("boolean", "false", False),
    ],
)
def test_values_from_the_command_line_have_the_declared_type(
    type_: str, text: str, expected: Any
) -> None:
    node = agent(f"vars: {{x: {{type: {type_}}}}}\n", variables={"x": text})
    assert node.vars["x"] == expected
    assert type(node.vars["x"]) is type(expected)


@pytest.mark.parametrize(
    ("type_", "default", "expected"),
    [
        ("integer", "${env.N}", 5),
        ("integer", "${env.NONE:-7}", 7),
        ("number", "${env.N}.50", Decimal("5.50")),
        ("boolean", "${env.B}", True),
        ("string", "${env.N}", "5"),
    ],
)
def test_values_from_the_environment_have_the_declared_type(
    type_: str, default: str, expected: Any
) -> None:
    text = f"vars: {{x: {{type: {type_}, default: '{default}'}}}}\n"
    node = agent(text, environ={"N": "5", "B": "true"})
    assert node.vars["x"] == expected
    assert type(node.vars["x"]) is type(expected)


@pytest.mark.parametrize(("type_", "name"), [("integer", "B"), ("boolean", "N")])
def test_other_values_from_the_environment_are_refused(type_: str, name: str) -> None:
    text = f"{AGENT}vars: {{x: {{type: {type_}, default: '${{env.{name}}}'}}}}\n"
    problems = resolved({"a.yaml": text}, environ={"N": "5", "B": "true"}).problems
    assert codes(problems) == ["AF207"]


@pytest.mark.parametrize(
    ("type_", "text"),
    [("integer", "2.5"), ("integer", "x"), ("number", "1e9"), ("boolean", "yes")],
)
def test_other_values_from_the_command_line_are_refused(type_: str, text: str) -> None:
    problems = resolved(
        {"a.yaml": f"{AGENT}vars: {{x: {{type: {type_}}}}}\n"}, variables={"x": text}
    ).problems
    assert codes(problems) == ["AF207"]


@pytest.mark.parametrize(
    ("type_", "default"),
    [("string", "5"), ("integer", "true"), ("number", "x"), ("boolean", "1"), ("string", "[a]")],
)
def test_a_default_of_another_type_is_refused(type_: str, default: str) -> None:
    body = f"vars: {{x: {{type: {type_}, default: {default}}}}}\n"
    assert codes(resolved({"a.yaml": AGENT + body}).problems) == ["AF207"]


def test_a_circle_is_reported_once() -> None:
    body = 'vars: {a: {default: "${var.b}"}, b: {default: "${var.a}"}}\ndescription: ${var.a}\n'
    assert codes(resolved({"a.yaml": AGENT + body}).problems) == ["AF206"]


def test_a_misspelt_default_causes_no_second_problem() -> None:
    problems = resolved({"a.yaml": AGENT + "vars: {x: {defualt: y}}\n"}).problems
    assert codes(problems) == ["AF110"]


def test_a_failed_value_causes_no_second_problem() -> None:
    body = "repair: ${var.nope}\nbudget: {wall: '${env.NOPE}'}\n"
    assert codes(resolved({"a.yaml": AGENT + body}).problems) == ["AF203", "AF204"]


def test_all_problems_of_one_text_are_reported() -> None:
    body = "description: ${var.nope} ${env.NOPE} ${HOME} ${secret.x}\n"
    problems = resolved({"a.yaml": AGENT + body}).problems
    assert codes(problems) == ["AF203", "AF204", "AF202", "AF208"]
    assert [problem.span and problem.span.column for problem in problems] == [14, 26, 38, 46]


@pytest.mark.parametrize(
    "body",
    [
        "${}",
        "${var}",
        "${var.}",
        "${var.a.b}",
        "${ref.agent.a}",
        "${ref.agent.a.name}",
        "${ref.environment.e.version}",
        "${ref.tool.a.id}",
        "${env.a b}",
        "${x.y}",
    ],
)
def test_malformed_substitutions_are_refused(body: str) -> None:
    problems = resolved({"a.yaml": f"{AGENT}description: '{body}'\n"}).problems
    assert codes(problems) == ["AF202"]


def test_what_identifies_a_spec_is_not_substituted() -> None:
    text = AGENT.replace("name: a", "name: ${var.x}")
    problems = resolved({"a.yaml": text}).problems
    assert codes(problems) == ["AF114"]


# Targets


def test_local_always_exists() -> None:
    assert graph_of({}).target.service == "local"


def test_local_can_be_declared() -> None:
    project = PROJECT + "targets: {local: {service: local, driver: {script: ./turns.yaml}}}\n"
    graph = graph_of({"agentflow.yaml": project, "turns.yaml": "turns: []"})
    assert graph.target.driver is not None
    assert graph.target_name == "local"


def test_a_missing_script_of_a_driver_is_reported() -> None:
    project = PROJECT + "targets: {local: {service: local, driver: {script: ./turns.yaml}}}\n"
    assert codes(resolved({"agentflow.yaml": project}).problems) == ["AF001"]


def test_another_target_may_lack_its_environment_variables() -> None:
    project = (
        PROJECT + "targets:\n  prod: {service: '${env.PROD_URL}'}\n  staging: {service: local}\n"
    )
    graph = graph_of({"agentflow.yaml": project}, target="staging")
    assert set(graph.project.spec.targets) == {"staging"}
    assert codes(resolved({"agentflow.yaml": project}, target="prod").problems) == ["AF204"]


def test_a_malformed_target_is_reported_whichever_is_chosen() -> None:
    project = PROJECT + "targets: {prod: {service: '${nope}'}}\n"
    assert codes(resolved({"agentflow.yaml": project}).problems) == ["AF202"]


def test_a_project_with_mistakes_does_not_stop_the_agents() -> None:
    graph, problems = resolved(
        {
            "agentflow.yaml": PROJECT + "nope: 1\nlint: {ignore: x}\nvars: {v: {default: w}}\n",
            "a.yaml": AGENT + "description: ${var.v}\nrepairs: 2\n",
            "b.yaml": AGENT.replace("name: a", "name: b"),
        }
    )
    assert codes(problems) == ["AF112", "AF110", "AF110"]
    assert graph is not None
    assert graph.project.spec.vars["v"].default == "w"
    assert list(graph.agents) == ["b"]


def test_without_a_project_the_other_specs_are_still_checked() -> None:
    text = AGENT + "description: ${var.shared}\nrepairs: 2\n"
    graph, problems = resolved({"agentflow.yaml": "apiVersion: [\n", "a.yaml": text})
    assert graph is None
    assert codes(problems) == ["AF010", "AF110"]


# References


@pytest.mark.parametrize("name", ["e", "environment/e"])
def test_an_environment_is_found_by_its_name(name: str) -> None:
    node = agent(f"environment: {name}\n---\nkind: Environment\nname: e\n")
    assert node.environment == "environment/e"


def test_an_environment_may_be_named_by_id() -> None:
    assert agent("environment: id:env_01\n").environment == "id:env_01"


def test_an_environment_with_mistakes_is_not_unknown() -> None:
    text = AGENT + "environment: e\n---\nkind: Environment\nname: e\nnetwrk: open\n"
    graph, problems = resolved({"a.yaml": text})
    assert codes(problems) == ["AF110"]
    assert graph is not None
    assert graph.agents["a"].environment is None


def test_nothing_is_unknown_while_a_file_is_broken() -> None:
    graph, problems = resolved(
        {"a.yaml": AGENT + "environment: e\n", "b.yaml": "kind: Environment\nname: [\n"}
    )
    assert codes(problems) == ["AF010"]
    assert graph is not None


def test_a_prompt_in_a_file_keeps_its_places() -> None:
    text = AGENT.replace("prompt: Work.", "prompt: ../prompts/a.md")
    graph = graph_of({"agents/a.yaml": text, "prompts/a.md": "One.\r\n\r\nTwo {{ x }}.\r\n"})
    prompt = graph.agents["a"].prompt
    assert prompt.name == "prompts/a.md"
    assert prompt.text == "One.\n\nTwo {{ x }}.\n"
    start = prompt.text.index("{{")
    assert str(prompt.span(start, start + 7)) == "prompts/a.md:3:5"


def test_a_prompt_in_the_spec_keeps_its_places() -> None:
    node = agent("task: |\n  Do\n  {{ inputs.x }}\n")
    assert node.task is not None
    start = node.task.text.index("inputs")
    assert str(node.task.span(start, start + 6)) == "a.yaml:8:6"


def test_references_are_checked_although_the_shape_is_wrong() -> None:
    body = "repairs: 2\nenvironment: nope\noutputs: {r: {path: r, schema: ./nope.json}}\n"
    assert codes(resolved({"a.yaml": AGENT + body}).problems) == ["AF110", "AF201", "AF001"]


def test_only_some_files_are_reported_on_and_the_others_are_known() -> None:
    files = {
        "a.yaml": AGENT + "environment: e\nrepairs: 1\n",
        "b.yaml": AGENT.replace("name: a", "name: b") + "repairs: 1\n",
        "e.yaml": "apiVersion: agentflow/v1\nkind: Environment\nname: e\nnope: 1\n",
    }
    graph, problems = resolved(files, only=["a.yaml"])
    assert [str(problem.span) for problem in problems] == ["a.yaml:7:1"]
    assert graph is not None
    assert list(graph.agents) == []


def test_paths_are_relative_to_the_file_that_names_them() -> None:
    assert resolve_path("agents/a.yaml", "./p.md") == "agents/p.md"
    assert resolve_path("agents/a.yaml", "../p.md") == "p.md"
    assert resolve_path("a.yaml", "../p.md") == "../p.md"


def test_the_order_of_files_does_not_matter() -> None:
    one = {"a.yaml": AGENT, "b.yaml": AGENT.replace("name: a", "name: b")}
    two = {"y.yaml": one["b.yaml"], "z.yaml": one["a.yaml"]}
    assert list(graph_of(one).agents) == list(graph_of(two).agents) == ["a", "b"]


# Whatever is written

KEYS = [*AgentSpec.model_fields, "promt", "x", "schema"]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["./p.md", "${var.x}", "${", "$${x}", "ask", "env", "id:env_1", "20m", ""])
    | st.decimals(allow_nan=False, allow_infinity=False, places=2).map(float)
    | st.text(alphabet="ab ${}.:é{%", max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES), st.sampled_from(["Agent", "Project"]))
def test_no_document_makes_the_stages_raise(body: dict[str, Any], kind: str) -> None:
    text = json.dumps(
        {**body, "apiVersion": "agentflow/v1", "kind": kind, "name": "a"}, ensure_ascii=False
    )
    assert parse("a.yaml", text).problems == ()
    path = "a.yaml" if kind == "Agent" else "agentflow.yaml"
    graph, problems = resolved({path: text})
    assert graph is not None or problems
    for problem in problems:
        assert problem.message
        assert problem.span is None or problem.span.file
