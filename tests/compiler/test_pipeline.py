"""All stages together: policies reach the model once, nothing is lost between stages, nothing raises."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler import late
from agentflow.compiler.manifest import canonical_json
from agentflow.compiler.pipeline import build
from agentflow.compiler.render.raw import merge
from agentflow.compiler.sections import HEADING
from agentflow.compiler.template import SECTIONS
from agentflow.diagnostics import has_errors
from tests.support.memory_files import MemoryFiles
from tests.support.projects import PROJECT, problems_of, project

FULL = """
tools: { bash: ask, read: allow }
outputs: { report: { path: report.md, sections: [Summary] } }
scratch: /tmp
done: [All rows are counted.]
uncertainty: { mode: assume, record: report }
approvals: [{ tool: bash, answer: deny }]
budget: { usd: 1 }
"""
HEADINGS = {
    "outputs_section": "## Outputs",
    "scratch_section": "## Scratch files",
    "done_section": "## When the work is done",
    "uncertainty_section": "## When something is unclear",
    "tools_section": "## Tools",
    "autonomy_section": "## Working alone",
}


def system(files: MemoryFiles, name: str = "a") -> str:
    result = build(files)
    assert result.problems == ()
    assert result.value.compiled is not None
    resource = result.value.compiled.manifest.resource(f"agent/{name}")
    assert resource is not None
    return str(resource.payload["system"])


@settings(deadline=None)
@given(st.permutations(SECTIONS), st.integers(0, len(SECTIONS)))
def test_each_declared_policy_reaches_the_model_once(order: list[str], count: int) -> None:
    placed = "".join(f"\n\n  {{{{ {name} }}}}" for name in order[:count])
    text = system(project(f"prompt: |\n  Work.{placed}\n{FULL}"))
    lines = text.split("\n")
    assert {heading: lines.count(heading) for heading in HEADINGS.values()} == dict.fromkeys(
        HEADINGS.values(), 1
    )
    assert lines.count(HEADING) == (0 if count == len(SECTIONS) else 1)
    appended = [h for h in HEADINGS.values() if h not in {HEADINGS[n] for n in order[:count]}]
    assert sorted(appended, key=lines.index) == appended


def test_what_is_not_declared_is_not_told() -> None:
    text = system(project("prompt: Work.\n"))
    assert [h for h in HEADINGS.values() if h in text] == ["## Tools", "## Working alone"]
    assert "You have no tools." in text


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("uncertainty: ask", "the tool `ask_user`"),
        ("uncertainty: stop", "stop: do not guess"),
        ("uncertainty: assume", "in your last message"),
        ("outputs: { r: { path: r.txt } }\nrepair: 0", "There is no second attempt"),
        ("outputs: { r: { path: r.txt } }\nrepair: 3", "up to 3 times"),
        ("outputs: { r: { path: r.txt, required: false } }", "(optional;"),
        ("tools: { bash: auto }", "`bash`; each call is judged"),
        ("tools: { web_fetch: { policy: allow, domains: [a.com] } }", "`web_fetch`; only a.com"),
    ],
)
def test_the_wording_follows_the_policy(spec: str, told: str) -> None:
    assert told in system(project(spec))


def test_a_long_schema_is_named_and_not_shown() -> None:
    properties = ", ".join(
        f"key_{n}: {{ type: string, description: {'x' * 50} }}" for n in range(60)
    )
    spec = f"outputs: {{ r: {{ path: r.json, schema: {{ type: object, required: [key_1], properties: {{ {properties} }} }} }} }}"
    text = system(project(spec))
    assert "with the required keys `key_1`." in text
    assert "The keys it knows: `key_0`, `key_1`" in text
    assert "xxxxx" not in text


def test_ask_adds_a_tool_that_agentflow_answers() -> None:
    compiled = build(project("uncertainty: ask")).value.compiled
    assert compiled is not None
    resource, policy = compiled.manifest.resources[0], compiled.manifest.agents["agent/a"]
    assert [tool.get("name") for tool in resource.payload["tools"]] == [None, "ask_user"]
    assert policy.custom["ask_user"].run is None


def test_an_agent_without_tools_gets_the_toolset_switched_off() -> None:
    compiled = build(project("prompt: x\n")).value.compiled
    assert compiled is not None
    [toolset] = compiled.manifest.resources[0].payload["tools"]
    assert toolset["default_config"]["enabled"] is False
    assert [config["enabled"] for config in toolset["configs"]] == [False] * 8


def test_references_order_the_resources() -> None:
    files = project(
        "prompt: x\nmetadata: { env: '${ref.environment.e.id}' }\n---\nkind: Environment\nname: e\n"
    )
    compiled = build(files).value.compiled
    assert compiled is not None
    by_address = {resource.address: resource.depends_on for resource in compiled.manifest.resources}
    assert by_address == {"agent/a": ("environment/e",), "environment/e": ()}


@pytest.mark.parametrize(
    ("first", "second", "message", "line"),
    [
        ("b", "a", "agent/a needs agent/b needs agent/a", 14),
        ("a", "x", "agent/a needs its own id", 8),
    ],
)
def test_a_circle_of_references_is_placed(first: str, second: str, message: str, line: int) -> None:
    files = project(
        f"metadata: {{ x: '${{ref.agent.{first}.id}}' }}\nprompt: x\n---\nkind: Agent\nname: b\n"
        f"model: m\nprompt: 'ask ${{ref.agent.{second}.id}}'\n"
        "---\nkind: Agent\nname: x\nmodel: m\nprompt: x\n"
    )
    [problem] = build(files).problems
    assert problem.code == "AF261"
    assert message in problem.message
    assert problem.span is not None
    assert problem.span.line == line


def test_what_looks_like_a_reference_in_a_prompt_file_is_text() -> None:
    files = project("prompt: ./p.md\n", {"p.md": "Write ${ref.agent.nobody.id} as it is."})
    compiled = build(files).value.compiled
    assert compiled is not None
    assert compiled.manifest.resources[0].depends_on == ()


def test_only_a_reference_is_filled_in() -> None:
    files = project(
        "description: 'is $${ref.environment.e.id}'\nprompt: ./p.md\n"
        "metadata: { env: '${ref.environment.e.id}' }\n---\nkind: Environment\nname: e\n",
        {"p.md": "Write ${ref.environment.e.id} as it is."},
    )
    compiled = build(files).value.compiled
    assert compiled is not None
    agent = compiled.manifest.resources[0]
    assert agent.depends_on == ("environment/e",)
    filled = late.fill(agent.payload, lambda address, field: f"<{address} {field}>")
    assert filled["metadata"] == {"env": "<environment/e id>"}
    assert filled["description"] == "is ${ref.environment.e.id}"
    assert "Write ${ref.environment.e.id} as it is." in filled["system"]
    assert late.readable(agent.payload)["metadata"] == {"env": "${ref.environment.e.id}"}


def test_templates_in_yaml_include_files_beside_the_yaml() -> None:
    files = project(
        "prompt: 'See {% include \"./part.md\" %}'\ntask: '{% include \"./part.md\" %}'\n",
        {"part.md": "{{ vars.nope }}\r\n"},
    )
    problems = build(files).problems
    assert [p.message.split()[1] for p in problems] == ["prompt", "task"]
    assert {str(p.span) for p in problems} == {"part.md:1:9"}


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("prompt: a {{ nope }}", "agentflow.yaml:8:14"),
        ("prompt: 'a {{ nope }}'", "agentflow.yaml:8:15"),
        ("prompt: |\n  a\n    {{ nope }}", "agentflow.yaml:10:8"),
        ("prompt: >\n  a\n  {{ nope }}", "agentflow.yaml:10:6"),
    ],
)
def test_a_template_in_yaml_is_blamed_in_the_yaml(prompt: str, place: str) -> None:
    [problem] = build(project(prompt + "\n")).problems
    assert str(problem.span) == place


def test_a_failure_inside_an_include_is_placed_in_it() -> None:
    files = project(
        "prompt: ./p.md\n", {"p.md": "{% include './q.md' %}", "q.md": "a\n{{ 1 + 'a' }}"}
    )
    [problem] = build(files).problems
    assert (problem.code, str(problem.span)) == ("AF309", "q.md:2:1")


def test_more_tools_than_the_service_takes() -> None:
    tools = "".join(f"  t{n}: {{ run: 'm:f' }}\n" for n in range(128))
    [problem] = build(project(f"custom:\n{tools}", {"m.py": "def f(): 'F.'\n"})).problems
    assert problem.code == "AF160"


def test_a_section_in_the_prompt_of_yaml_is_blamed_in_the_yaml() -> None:
    files = project("prompt: |\n  Work.\n  {{ tools_section }}\n  {{ tools_section }}\n")
    [problem] = build(files).problems
    assert problem.code == "AF310"
    assert str(problem.span) == "agentflow.yaml:11:6"


def test_sources_say_where_limits_were_written() -> None:
    compiled = build(project(FULL)).value.compiled
    assert compiled is not None
    lines = PROJECT.count("\n") + 5 + FULL.split("usd")[0].count("\n")
    assert compiled.sources["agent/a#budget.usd"].line == lines + 1
    for key in ("agent/a", "agent/a#outputs.report", "agent/a#approvals.0", "agent/a#done.0"):
        assert key in compiled.sources


def test_an_error_anywhere_leaves_nothing_to_apply() -> None:
    result = build(project("prompt: '{{ nope }}'\n"))
    assert result.value.compiled is None
    assert result.value.graph is not None
    assert list(result.value.graph.agents) == ["a"]


def test_no_project_is_no_build() -> None:
    result = build(MemoryFiles({}))
    assert result.value == (None, None)


def test_only_reports_on_the_files_asked_for() -> None:
    other = "apiVersion: agentflow/v1\nkind: Agent\nname: b\nmodel: m\nprompt: '{{ nope }}'\n"
    files = project("scratch: /mnt/session/outputs\n", {"b.yaml": other})
    assert [p.code for p in build(files, only=["b.yaml"]).problems] == ["AF302"]
    assert [p.code for p in build(files).problems] == ["AF157", "AF302"]


def test_raw_is_merged_last_and_named() -> None:
    merged = merge({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": None}, "d": [], "e/f~": {"g": 1}})
    assert merged.payload == {"a": {"b": None, "c": 2}, "d": [], "e/f~": {"g": 1}}
    assert merged.pointers == ("/a/b", "/d", "/e~1f~0")


VALID: dict[str, Any] = {
    "agentflow.yaml": [
        {"apiVersion": "agentflow/v1", "kind": "Project", "name": "p", "vars": {"v": {"default": "x"}}},
        {
            "kind": "Agent",
            "name": "a",
            "model": {"id": "claude-opus-5", "effort": "low", "speed": "fast"},
            "environment": "e",
            "vars": {"w": {"type": "integer", "default": 2}},
            "inputs": {"f": {"type": "file"}, "n": {"type": "integer", "default": 1, "enum": [1, 2]}},
            "prompt": "Work for {{ vars.v }}.\n{% include './part.md' %}\n{{ tools_section }}",
            "task": "Do {{ inputs.n }} of {{ vars.w }} with ${var.v}.",
            "tools": {
                "bash": "ask",
                "web_fetch": {"policy": "auto", "domains": ["a.com"], "max_tokens": "5k"},
                "web_search": {"policy": "allow", "location": {"country": "DE"}},
            },
            "custom": {
                "t": {"run": "m:f", "timeout": "5s", "arguments": {"x": {"deny": ["a*"]}}},
                "u": {"run": "m:f", "input_schema": {"type": "object", "properties": {"x": {}}, "required": ["x"]}},
            },
            "outputs": {
                "r": {"path": "r.md", "sections": ["A (short)", "B"]},
                "s": {"path": "s.json", "schema": {"type": "object", "required": ["k"]}},
                "t": {"path": "t.json", "schema": "./s.json"},
            },
            "scratch": "/tmp",
            "done": ["It works.", {"check": "m:g"}],
            "uncertainty": {"mode": "assume", "record": "r"},
            "approvals": [{"tool": "bash", "match": {"command": "ls"}, "answer": "allow"}],
            "budget": {"usd": 2, "tokens": "4k", "wall": "1h", "warn_at": "50%"},
            "metadata": {"team": "x"},
            "raw": {"multiagent": None},
        },
        {
            "kind": "Environment",
            "name": "e",
            "network": {"hosts": ["a.com"], "packages": True},
            "packages": {"pip": ["x==1"]},
            "raw": {"scope": "organization"},
        },
    ]
}  # fmt: skip
BESIDE = {
    "part.md": "Part {{ vars.w }}.",
    "s.json": '{"type": "object"}',
    "m.py": "def f(x: str):\n    'F.'\ndef g(outputs): ...\n",
}

junk = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        "",
        " ",
        "x",
        "./x",
        "./s.json",
        "./m.py",
        "../..",
        "{{",
        "{{ vars.v }}",
        "{% x %}",
        "${var.v}",
        "${",
        "*",
        "a:b",
        "m:f",
        "m:zz",
        "\x00",
        "é😀",
        "1h",
        "50%",
        "e",
        "id:env_1",
        [],
        {},
        [1],
        ["x"],
        {"x": 1},
        {"type": "object"},
        {"$ref": "#/a"},
        {"policy": "ask"},
        10**30,
        "x" * 3000,
    ]
)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(p for key, item in children for p in paths_of(item, (*path, key)))]


PATHS = [path for path in paths_of(VALID["agentflow.yaml"]) if len(path) > 1]


def mutated(changes: list[tuple[tuple[Any, ...], str, Any]]) -> MemoryFiles:
    """The valid project after changes: a value replaced or removed, or a key added beside it."""
    documents = copy.deepcopy(VALID["agentflow.yaml"])
    for path, how, value in changes:
        parent: Any = documents
        try:
            for step in path[:-1]:
                parent = parent[step]
            if how == "remove":
                del parent[path[-1]]
            elif how == "add" and isinstance(parent, dict):
                parent["added"] = copy.deepcopy(value)
            else:
                parent[path[-1]] = copy.deepcopy(value)
        except (LookupError, TypeError):
            continue  # an earlier change took the place away
    text = "\n---\n".join(json.dumps(document) for document in documents)
    return MemoryFiles({"agentflow.yaml": text, **BESIDE})


changes = st.lists(
    st.tuples(st.sampled_from(PATHS), st.sampled_from(["replace", "remove", "add"]), junk),
    max_size=3,
)


def test_the_project_that_is_mutated_is_valid() -> None:
    assert build(mutated([])).problems == ()


@settings(deadline=None)
@given(changes)
def test_no_mutation_makes_a_stage_raise(made: list[tuple[tuple[Any, ...], str, Any]]) -> None:
    files = mutated(made)
    result = build(files)
    assert has_errors(result.problems) == (result.value.compiled is None)
    for problem in result.problems:
        assert problem.message.endswith((".", "?", "!", "`", "'", "…")), problem.message
        if problem.span is not None:
            assert problem.span.file in files.files
            assert problem.span.line <= files.files[problem.span.file].count("\n") + 1
    assert build(files).problems == result.problems
    if result.value.compiled is not None:
        manifest = result.value.compiled.manifest
        assert json.loads(canonical_json(manifest.to_json()))["project"] == manifest.project


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_no_single_wrong_value_makes_a_stage_raise(path: tuple[Any, ...]) -> None:
    for value in (None, 7, "x", [], {}, ["x"], {"x": "y"}, True):
        build(mutated([(path, "replace", value)]))
    build(mutated([(path, "remove", None)]))


def test_templates_are_checked_though_the_spec_has_errors() -> None:
    """One run says everything; what only follows from another problem is not said."""
    files = project(
        "vars: { desk: { type: strin, default: x } }\ninputs: { file: { type: file } }\n"
        "prompt: |\n  Hello {{ vars.desk }}, today is {{ today }}.\n"
        "task: Sort {{ inputs.file }} and {{ inputs.fle }}.\ntools: { write: alow }\n"
    )
    built, problems = build(files)
    assert built.compiled is None
    found = [(problem.code, problem.message.split(".")[0]) for problem in problems]
    assert [code for code, _ in found] == ["AF113", "AF302", "AF302", "AF113"], found
    assert "'today'" in problems[1].message
    assert "inputs.fle" in problems[2].message


def test_a_task_is_checked_though_the_prompt_is_missing() -> None:
    files = project("prompt: ./none.md\ntask: Sort {{ inputs.fle }}.\n")
    _, problems = build(files)
    assert [problem.code for problem in problems] == ["AF001", "AF302"]


def test_templates_are_checked_though_their_agent_has_other_errors() -> None:
    body = 'prompt: "{{ vars.nope }}"\ntask: "{{ inputs.x }"\noutputs: { r: { path: ../r.md } }\n'
    found = {problem.code for problem in problems_of(project(body))}
    assert found == {"AF154", "AF302", "AF301"}


def test_what_a_template_makes_of_a_value_at_fault_is_not_reported() -> None:
    body = (
        "vars: { n: { type: integer, default: 3 } }\n"
        'prompt: "{% for i in range(vars.n) %}{{ i }}{% endfor %}"\n'
    )
    assert problems_of(project(body)) == ()
    [problem] = problems_of(project(body), variables={"n": "x"})
    assert problem.code == "AF207"


def test_a_module_that_is_no_python_is_reported_once_for_all_its_tools() -> None:
    tool = "{ run: 'tools:f', description: A tool. }"
    files = project(f"custom: {{ a: {tool}, b: {tool} }}\n", {"tools.py": "def f(:\n"})
    [problem] = problems_of(files)
    assert problem.code == "AF253"
    assert len(problem.related) == 1


@pytest.mark.parametrize("value", ["\udcff", "\ufdd0secret.desk\ufdd1"])
def test_the_environment_holds_text_or_is_refused(value: str) -> None:
    files = project("description: 'for ${env.WHO}'\nprompt: x\n")
    [problem] = build(files, environ={"WHO": value}).problems
    assert problem.code == "AF019"
    assert "The environment variable 'WHO' holds U+" in problem.message
