"""Files of the official CLI's `apply`: which they are, what they say in our words, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.compiler import late
from agentflow.compiler.ant.recognise import ant_kind, ant_name
from agentflow.compiler.manifest import Compiled, canonical_json
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Span
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from tests.support.golden import check_golden
from tests.support.memory_files import MemoryFiles
from tests.support.projects import PROJECT, directory
from tests.support.sdk_types import problems_of

CASE = Path(__file__).parents[1] / "cases" / "ant" / "desk"
BODY = "name: X\nmodel: claude-opus-5-5\n"
SUBAGENT = "name: x\ndescription: y\ntools: Read, Grep\nmodel: claude-opus-5-5\n"


def page(head: str, text: str = "") -> str:
    return f"---\n{head}---\n{text}"


def inputs() -> dict[str, str]:
    found = directory(CASE).files
    return {path: text for path, text in found.items() if not path.startswith("expected/")}


def compiled(files: dict[str, str]) -> Compiled:
    built, problems = build(MemoryFiles({"agentflow.yaml": PROJECT, **files}))
    assert problems == ()
    assert built.compiled is not None
    return built.compiled


def payload(files: dict[str, str], address: str) -> dict[str, Any]:
    resource = compiled(files).manifest.resource(address)
    assert resource is not None
    found: dict[str, Any] = json.loads(canonical_json(late.readable(resource.payload)))
    return found


# Which files


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("agents/x.md", page(BODY), "agent"),
        ("x.md", page(BODY), "agent"),
        ("docs/deep/x.markdown", page(BODY), "agent"),
        ("agents/x.yaml", BODY, "agent"),
        ("agents/x.yml", "\ufeff" + BODY, "agent"),
        ("agents/x.json", '{"name": "X", "model": {"id": "m"}}', "agent"),
        ("agents/x.yaml", "name: X\nmodel:\n  id: other\n", "agent"),
        ("agents/x.yaml", "name: X\nmodle: m\ntools:\n- type: mcp_toolset\n", "agent"),
        ("agent-x.yaml", BODY, "agent"),
        ("agent.yaml", BODY, "agent"),
        ("x.yaml", f"type: agent\n{BODY}", "agent"),
        ("environments/x.md", page(f"type: agent\n{BODY}"), "agent"),
        ("environments/x.yaml", "name: X\n", "environment"),
        ("environments/x.yaml", "name: X\nconfig: {type: cloud}\nkeys: 1\n", "environment"),
        ("environment.prod.yaml", "name: X\n", "environment"),
        ("x.yaml", "type: environment\nname: X\n", "environment"),
        ("memory_stores/x.md", page("name: X\n"), "memory_store"),
        ("memory-store.yaml", "name: X\n", "memory_store"),
        ("deployments/x.md", page("name: X\nagent: a\nenvironment_id: e\n"), "deployment"),
        ("deployments/x.yaml", "name: X\nagent: a\n", "deployment"),
        # For somebody else
        ("x.yaml", BODY, None),
        ("x.json", '{"name": "X", "model": "claude-opus-5-5"}', None),
        ("agents/x.txt", BODY, None),
        ("agents/x.yaml", f"kind: Agent\n{BODY}", None),
        ("agents/x.yaml", f"apiVersion: v1\n{BODY}", None),
        ("agents/x.yaml", "model: claude-opus-5-5\n", None),
        ("agents/x.json", '["name"]', None),
        ("agents/x.json", '{"name": ', None),
        ("agents/x.json", "[" * 100_000, None),
        ("agents/x.md", BODY, None),
        ("agents/x.md", f"---\n{BODY}", None),
        ("agents/x.md", page(SUBAGENT), None),
        ("agents/x.md", page("name: x\ndescription: y\nmodel: sonnet\n"), None),
        ("agents/x.md", page("name: x\ndescription: y\n"), None),
        ("skills/x/SKILL.md", page(BODY), None),
        ("README.md", page("title: x\nname: y\n"), None),
        ("environments/x.yaml", "name: prod\nconfig: {db: x}\n", None),
        ("environments/x.yaml", "name: prod\nreplicas: 2\n", None),
        ("deployments/x.yaml", "name: web\nimage: x\n", None),
        ("deployments/x.yaml", "name: web\nagent: x\nimage: y\n", None),
        ("memory_stores/x.yaml", "name: x\nsize: 1\n", None),
        ("agentless.yaml", "name: x\n", None),
    ],
)
def test_a_file_is_taken_only_where_it_is_certain(path: str, text: str, kind: str | None) -> None:
    assert ant_kind(path, text) == kind


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("agents/analyst.md", "analyst"),
        ("agents/Market Analyst.md", "market-analyst"),
        ("desk/agents/analyst.md", "desk-analyst"),
        ("analyst.v2.json", "analyst-v2"),
        ("agents/a--b.yaml", "a--b"),
        ("skills/report.style", "report-style"),
        (".claude/skills/charts", "claude-charts"),
        ("agents", "agents"),
    ],
)
def test_a_name_is_from_the_path(path: str, name: str) -> None:
    assert ant_name(path) == name


@given(st.text(min_size=1), st.text(min_size=1))
def test_every_path_has_a_name_of_its_own_or_is_close(one: str, other: str) -> None:
    from agentflow.spec.memory import MemoryStoreSpec

    long = f"agents/{'x' * 60}{one}"
    for path in (one, long):
        MemoryStoreSpec.model_validate({"kind": "MemoryStore", "name": ant_name(path)})
    assert ant_name(f"agents/{'x' * 70}{one}") != ant_name(f"agents/{'x' * 70}{other}y" + one)


# What they say


def test_a_folder_of_the_tool_compiles_as_it_stands() -> None:
    data = json.loads(canonical_json(late.readable(compiled(inputs()).manifest.to_json())))
    text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    check_golden(CASE / "expected" / "manifest.json", text)


def test_every_payload_is_what_the_sdk_takes() -> None:
    names = {"memorystore": "memory_store"}
    for resource in compiled(inputs()).manifest.resources:
        body: Any = late.fill(
            resource.payload, lambda address, field: "7" if field == "version" else "x_01"
        )
        if resource.kind == "skill":
            body["files"] = [file.name for file in resource.files] or ["charts/SKILL.md"]
        assert problems_of(names.get(resource.kind, resource.kind), body) == []


@pytest.mark.parametrize(
    "text",
    [
        "{{ x }} {% y %} {# z #}",
        "${HOME} $${x} ${var.x} ${",
        "./prompt.md",
        "prompt.md",
        "fragment/x",
        "done",
        "    indented\n\n\ttab",
    ],
)
def test_texts_are_what_they_are(text: str) -> None:
    files = {
        "agents/a.md": page(BODY, f"\n{text}\n"),
        "agents/b.json": json.dumps({"name": "B", "model": "claude-opus-5-5", "system": text}),
        "environments/e.json": json.dumps({"name": text, "description": text}),
        "deployments/d.json": json.dumps(
            {
                "name": "D",
                "agent": "../agents/a.md",
                "environment_id": "../environments/e.json",
                "initial_events": [
                    {"type": "user.message", "content": [{"type": "text", "text": text}]},
                    {
                        "type": "user.define_outcome",
                        "description": text,
                        "rubric": {"type": "text", "content": text},
                    },
                ],
            }
        ),
    }
    assert payload(files, "agent/a")["system"] == text
    assert payload(files, "agent/b")["system"] == text
    environment = payload(files, "environment/e")
    assert (environment["name"], environment["description"]) == (text, text)
    first, outcome = payload(files, "deployment/d")["initial_events"]
    assert first["content"] == [{"type": "text", "text": text}]
    assert (outcome["description"], outcome["rubric"]["content"]) == (text, text)


def test_an_agent_that_is_told_nothing_has_no_system_prompt() -> None:
    assert payload({"agents/a.yaml": BODY}, "agent/a")["system"] is None
    assert payload({"agents/a.yaml": f"{BODY}system: ''\n"}, "agent/a")["system"] is None


def test_what_is_declared_beside_the_file_reaches_the_agent_once() -> None:
    project = PROJECT + "defaults: {agent: {done: [All is counted.], budget: {usd: 1}}}\n"
    files = {"agentflow.yaml": project, "agents/a.md": page(BODY, "Count {{ all }}.\n")}
    system = payload(files, "agent/a")["system"]
    assert system.startswith("Count {{ all }}.\n\n# Working rules\n\n## When the work is done")
    assert system.count("All is counted.") == 1
    assert "## Tools" not in system


def test_an_overlay_may_give_it_a_prompt_of_ours() -> None:
    project = (
        f"{PROJECT}targets: {{local: {{service: local}}}}\nvars: {{x: {{default: one}}}}\n---\n"
        "kind: Overlay\nname: o\ntarget: local\npatch: {agent/a: {prompt: 'Say ${var.x}.'}}\n"
    )
    files = {"agentflow.yaml": project, "agents/a.md": page(f"{BODY}description: ${{x}}\n", "Y\n")}
    found = payload(files, "agent/a")
    assert found["system"].startswith("Say one.\n")
    assert found["description"] == "${x}"


def test_both_spellings_refer_to_each_other() -> None:
    ours = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: ours\nmodel: claude-opus-5-5\n"
        "prompt: Work.\ntools: {read: allow}\nskills: [style]\nenvironment: box\n"
        "files: {f: {path: 'id:file_01A'}}\n"
    )
    files = {
        "specs/ours.yaml": ours,
        "specs/all.yaml": "apiVersion: agentflow/v1\nkind: Skill\nname: style\nfolder: ../s\n---\n"
        "kind: Deployment\nname: d\nagent: theirs\nenvironment: box\ntask: Go.\n",
        "s/SKILL.md": "---\nname: style\ndescription: How.\n---\nSo.\n",
        "agents/theirs.md": page(
            f"{BODY}tools: [{{type: agent_toolset_20260401}}]\nskills: [../s]\n"
        ),
        "environments/box.yaml": "name: Box\n",
        "deployments/e.md": page(
            "name: E\nagent: ../specs/ours.yaml\nenvironment_id: ../environments/box.yaml\n", "Go."
        ),
    }
    assert payload(files, "deployment/d")["agent"]["id"] == "${ref.agent.theirs.id}"
    theirs = payload(files, "deployment/e")
    assert theirs["agent"]["id"] == "${ref.agent.ours.id}"
    assert theirs["resources"] == []
    assert payload(files, "agent/theirs")["skills"][0]["skill_id"] == "${ref.skill.style.id}"
    addresses = [resource.address for resource in compiled(files).manifest.resources]
    assert [address for address in addresses if address.startswith("skill/")] == ["skill/style"]


def test_a_text_that_looks_like_a_template_is_linted_as_text() -> None:
    text = "{% include './secret.md' %} {{ fragment('x') }} {{ TODO"
    project = f"{PROJECT}---\nkind: Fragment\nname: x\ntext: X.\n"
    files = MemoryFiles({"agentflow.yaml": project, "agents/a.md": page(BODY, text)})
    built, problems = build(files)
    assert built.graph is not None
    context = Context(graph=built.graph, compiled=built.compiled, files=files)
    (agent,) = context.agents
    assert [(field, prose.text) for field, prose in context.texts(agent)] == [
        ("prompt", text.lower())
    ]
    unused = [
        p
        for p in lint(context, found=problems)
        if "Fragment" in p.message or "fragment" in p.message
    ]
    assert len(unused) == 1


# Where


def test_a_value_is_placed_where_it_was_written() -> None:
    sources = compiled(inputs()).sources
    assert sources["agent/analyst"] == Span("agents/analyst.md", 2, 7, 2, 21)
    assert sources["agent/analyst#tools.bash"].line == 14
    assert sources["agent/analyst#mcp.tickets"].line == 39
    assert sources["agent/analyst#prompt"] == Span("agents/analyst.md", 53, 1, 53, 17)
    assert sources["agent/clerk#model"].file == "agents/clerk.json"
    assert sources["skill/report-style"] == Span("agents/analyst.md", 44, 11, 44, 33)


HEAD = "name: X\nmodel: claude-opus-5-5\n"


@pytest.mark.parametrize(
    ("path", "text", "code", "place", "message"),
    [
        ("agents/a.yaml", f"{HEAD}toolz: []\n", "AF110", "3:1", "has no key 'toolz'"),
        ("agents/a.yaml", f"{HEAD}tools: {{}}\n", "AF112", "3:8", "`tools` is a mapping"),
        ("agents/a.yaml", f"{HEAD}tools: [x]\n", "AF112", "3:9", "has to be a mapping"),
        ("agents/a.yaml", f"{HEAD}tools: [{{type: x}}]\n", "AF113", "3:16", "`tools[0].type`"),
        (
            "agents/a.yaml",
            f"{HEAD}mcp_servers: [{{type: url, name: x}}]\n",
            "AF111",
            "3:15",
            "'url'",
        ),
        (
            "agents/a.yaml",
            f"{HEAD}tools: [{{type: mcp_toolset, mcp_server_name: x}}]\n",
            "AF201",
            "3:46",
            "called 'x'",
        ),
        (
            "agents/a.yaml",
            f"{HEAD}tools: [{{type: agent_toolset_20260401, configs: [{{name: bsh}}]}}]\n",
            "AF113",
            "3:57",
            "'bsh'",
        ),
        (
            "agents/a.yaml",
            f"{HEAD}tools: [{{type: agent_toolset_20260401}}, {{type: agent_toolset_20260401}}]\n",
            "AF114",
            "3:41",
            "second time",
        ),
        (
            "agents/a.yaml",
            f"{HEAD}tools: [{{type: agent_toolset_20260401, default_config: {{enabled: 1}}}}]\n",
            "AF112",
            "3:66",
            "true or false",
        ),
        (
            "agents/a.yaml",
            f"{HEAD}skills: ['https://github.com/a/b/tree/main/c']\n",
            "AF114",
            "3:10",
            "pinned",
        ),
        ("agents/a.yaml", f"{HEAD}skills: ['https://example.com/c']\n", "AF114", "3:10", "GitHub"),
        (
            "agents/a.yaml",
            f"{HEAD}tools: [{{type: agent_toolset_20260401}}]\nskills: [../none]\n",
            "AF001",
            "4:10",
            "no folder 'none'",
        ),
        ("agents/a.yaml", f"{HEAD}multiagent: {{type: x}}\n", "AF113", "3:20", "`multiagent.type`"),
        ("agents/a.yaml", f"{HEAD}multiagent: {{}}\n", "AF111", "3:13", "'type'"),
        (
            "agents/a.yaml",
            "name: X\nmodel: {id: m, effort: 3}\n",
            "AF112",
            "2:24",
            "has to be text",
        ),
        ("agents/a.yaml", "name: X\nmodel: {id: m}\nsystem: 3\n", "AF112", "3:9", "`system`"),
        ("agents/a.md", page(f"{HEAD}system: a\n", "b\n"), "AF025", "4:1", "'system'"),
        ("agents/a.md", page(HEAD + "x: [\n", "b\n"), "AF010", "5:1", ""),
        ("agents/a.yaml", f"{HEAD}---\nname: Y\n", "AF105", "4:1", "several documents"),
        (
            "environments/a.yaml",
            "name: X\nconfig: {type: cloud, networking: {type: x}}\n",
            "AF113",
            "2:42",
            "",
        ),
        ("memory_stores/a.yaml", "name: 3\n", "AF112", "1:7", "`name` is 3"),
        (
            "deployments/a.md",
            page("name: X\nagent: ../agents/b.md\nenvironment_id: env_1\n", "Go"),
            "AF201",
            "3:8",
            "'agents/b.md'",
        ),
        (
            "deployments/a.yaml",
            "name: X\nagent: agent_1\nenvironment_id: env_1\n",
            "AF111",
            "1:1",
            "'initial_events'",
        ),
        (
            "deployments/a.md",
            page(
                "name: X\nagent: agent_1\nenvironment_id: env_1\nresources:\n- type: github_repository\n"
                "  url: https://github.com/a/b\n  authorization_token: ghp_x\n",
                "Go",
            ),
            "AF208",
            "8:24",
            "plain text",
        ),
    ],
)
def test_a_mistake_is_reported_in_the_words_of_the_file(
    path: str, text: str, code: str, place: str, message: str
) -> None:
    _, problems = build(MemoryFiles({"agentflow.yaml": PROJECT, path: text}))
    (problem,) = problems
    assert (problem.code, str(problem.span)) == (code, f"{path}:{place}")
    assert message in problem.message


AGENT = f"agents/a.yaml {HEAD}"
TOOLSET = "tools: [{type: agent_toolset_20260401, configs: [%s]}]\n"
SERVER = "{type: url, name: m, url: 'https://m.example.com'}"
DEPLOYMENT = (
    "deployments/d.yaml name: X\nagent: agent_1\nenvironment_id: env_1\ninitial_events: []\n"
)


@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        (f"{AGENT}execution_identity: x\n", "AF112", "`execution_identity` is 'x'"),
        (f"{AGENT}execution_identity: {{type: x}}\n", "AF113", "`execution_identity.type`"),
        (f"{AGENT}skills: [{{type: custom}}]\n", "AF111", "`skills[0]` has no 'skill_id'"),
        (f"{AGENT}skills: [3]\n", "AF112", "`skills[0]` is 3"),
        (f"{AGENT}skills: [{{type: x, skill_id: y}}]\n", "AF113", "`skills[0].type`"),
        (f"{AGENT}multiagent: []\n", "AF112", "`multiagent` is a list"),
        (
            f"{AGENT}multiagent: {{type: coordinator, agents: [{{type: agent}}]}}\n",
            "AF111",
            "`multiagent.agents[0]` has no 'id'",
        ),
        (
            f"{AGENT}multiagent: {{type: coordinator, agents: [{{type: robot, id: agent_1}}]}}\n",
            "AF113",
            "`multiagent.agents[0].type`",
        ),
        (
            f"{AGENT}multiagent: {{type: multiagent_20261001, subagents: yes}}\n",
            "AF112",
            "`multiagent.subagents` is 'yes'",
        ),
        (f"{AGENT}mcp_servers: [{SERVER}, {SERVER}]\n", "AF114", "a second server 'm'"),
        (f"{AGENT}tools: [{{type: mcp_toolset}}]\n", "AF111", "no 'mcp_server_name'"),
        (AGENT + TOOLSET % "{name: bash, max_content_tokens: 3}", "AF110", "'bash' has no"),
        (
            AGENT + TOOLSET % "{name: web_fetch, url_sources: {user_input: some}}",
            "AF113",
            "user_input",
        ),
        (AGENT + TOOLSET % "3", "AF112", "`tools[0].configs[0]` is 3"),
        (
            "environments/e.yaml name: X\nconfig: {type: cloud, x: 1}\n",
            "AF110",
            "`config` has no key 'x'",
        ),
        (
            "environments/e.yaml name: X\nconfig: {networking: {type: cloud}}\n",
            "AF111",
            "`config` has no 'type'",
        ),
        (
            f"{AGENT}tools: [{{type: custom, name: x, description: y}}]\n",
            "AF111",
            "`tools[0]` has no 'input_schema'",
        ),
        (f"{DEPLOYMENT}resources: [x]\n", "AF112", "`resources[0]` is 'x'"),
        (
            f"{DEPLOYMENT}resources: [{{type: file, file_id: file_1, path: ./x}}]\n",
            "AF110",
            "'path'",
        ),
        (f"{DEPLOYMENT}resources: [{{type: memory_store}}]\n", "AF111", "'memory_store_id'"),
        (f"{DEPLOYMENT}resources: [{{type: disk}}]\n", "AF113", "`resources[0].type`"),
        (f"{DEPLOYMENT}vault_ids: [{{}}]\n", "AF111", "`vault_ids[0]` has no 'path'"),
        (f"{DEPLOYMENT}schedule: daily\n", "AF112", "`schedule` is 'daily'"),
    ],
)
def test_one_mistake_is_one_problem(written: str, code: str, message: str) -> None:
    path, _, text = written.partition(" ")
    _, problems = build(MemoryFiles({"agentflow.yaml": PROJECT, path: text}))
    assert [problem.code for problem in problems] == [code]
    assert message in problems[0].message
    assert problems[0].span is not None
    assert problems[0].span.file == path


def test_a_file_of_two_agents_is_no_address() -> None:
    ours = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: A.\n"
    files = {
        "agentflow.yaml": PROJECT,
        "both.yaml": ours + "---\n" + ours.partition("\n")[2].replace("name: a", "name: b"),
        "deployments/d.yaml": "name: X\nagent: ../both.yaml\nenvironment_id: env_1\n"
        "initial_events: []\n",
    }
    (problem,) = build(MemoryFiles(files)).problems
    assert "'both.yaml' declares 2 of them" in problem.message


@pytest.mark.parametrize(
    "budget",
    [
        {"type": "limit", "max_list_cost": {"amount": "0", "currency": "USD"}},
        {"type": "limit", "max_list_cost": {"amount": "1.5", "currency": "USD"}},
        {"type": "limit", "max_list_cost": {"amount": "100", "currency": "EUR"}},
        {"type": "unlimited"},
    ],
)
def test_what_has_no_word_is_sent_as_it_stands(budget: dict[str, Any]) -> None:
    path, _, text = DEPLOYMENT.partition(" ")
    files = {path: f"{text}budget: {json.dumps(budget)}\n"}
    assert payload(files, "deployment/d")["budget"] == budget


def test_an_overlay_counts_for_an_agent_with_custom_tools_too() -> None:
    custom = "{type: custom, name: book, description: Books., input_schema: {type: object}}"
    project = f"{PROJECT}targets: {{local: {{service: local}}}}\n---\n"
    project += "kind: Overlay\nname: o\ntarget: local\npatch: {agent/a: {tools: {bash: 'off'}}}\n"
    tools = f"tools: [{custom}, {{type: agent_toolset_20260401}}]\n"
    files = {"agentflow.yaml": project, "agents/a.yaml": HEAD + tools}
    toolset, sent = payload(files, "agent/a")["tools"]
    assert [(t["name"], t["enabled"]) for t in toolset["configs"]][:2] == [
        ("bash", False),
        ("read", True),
    ]
    assert (sent["type"], sent["name"]) == ("custom", "book")


def test_somebody_has_to_run_the_custom_tools_of_a_deployment() -> None:
    custom = "{type: custom, name: book, description: Books., input_schema: {type: object}}"
    path, _, text = DEPLOYMENT.partition(" ")
    files = {
        "agentflow.yaml": PROJECT,
        "agents/a.yaml": f"{HEAD}tools: [{custom}]\n",
        path: text.replace("agent_1", "../agents/a.yaml"),
    }
    (problem,) = build(MemoryFiles(files)).problems
    assert (problem.code, str(problem.related[0][0])) == ("AF279", "agents/a.yaml:3:9")
    assert "the custom tool book has to be run" in problem.message


def test_a_key_of_specs_is_told_from_a_misspelt_one() -> None:
    files = MemoryFiles({"agentflow.yaml": PROJECT, "agents/a.yaml": f"{HEAD}budget: {{usd: 1}}\n"})
    (problem,) = build(files).problems
    assert "in the words of `ant apply`" in str(problem.hint)


def test_two_files_of_one_name_are_reported() -> None:
    files = {"agentflow.yaml": PROJECT, "agents/a.md": page(BODY, "x"), "a.md": page(BODY, "y")}
    (problem,) = build(MemoryFiles(files)).problems
    assert (problem.code, str(problem.span)) == ("AF106", "agents/a.md:2:7")


# Whatever stands there

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
WORDS = st.sampled_from(
    [
        "type",
        "name",
        "id",
        "path",
        "enabled",
        "disabled",
        "agent",
        "self",
        "custom",
        "agent_toolset_20260401",
        "mcp_toolset",
        "configs",
        "default_config",
        "permission_policy",
        "always_ask",
        "bash",
        "web_fetch",
        "url_sources",
        "only",
        "tools",
        "model",
        "multiagent",
        "multiagent_20261001",
        "coordinator",
        "subagents",
        "agents",
        "skills",
        "../s",
        "system",
        "metadata",
        "mcp_servers",
        "url",
        "initial_events",
        "user.message",
        "content",
        "text",
        "rubric",
        "resources",
        "file_id",
        "file",
        "budget",
        "config",
        "cloud",
        "networking",
        "limited",
        "agent_1",
        "environment_id",
        "env_1",
    ]
)
TREES = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["agent", "environment", "memory_store", "deployment"]),
    st.dictionaries(
        st.sampled_from(
            [
                "description",
                "system",
                "tools",
                "mcp_servers",
                "skills",
                "multiagent",
                "config",
                "agent",
                "environment_id",
                "initial_events",
                "schedule",
                "budget",
                "resources",
                "vault_ids",
                "metadata",
                "execution_identity",
                "scope",
                "x",
            ]
        ),
        TREES,
        max_size=6,
    ),
)
def test_no_file_makes_a_stage_raise(kind: str, data: dict[str, Any]) -> None:
    known: dict[str, Any] = {"type": kind, "name": "X"}
    extra: dict[str, dict[str, Any]] = {
        "agent": {"model": "claude-opus-5-5"},
        "environment": {"config": {"type": "cloud"}},
    }
    extra["deployment"] = {"agent": "agent_1", "environment_id": "env_1"}
    body = {**known, **extra.get(kind, {}), **data}
    text = json.dumps(body, ensure_ascii=True)
    build(MemoryFiles({"agentflow.yaml": PROJECT, "files/x.json": text, "files/x.yaml": "a: 1\n"}))
    build(MemoryFiles({"agentflow.yaml": PROJECT, f"{kind}s/x.yaml": text}))
