"""Which layers a spec has, in which order, and what is said of those that do not fit."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

import pytest

from agentflow.compiler import late
from agentflow.compiler.graph import Graph
from agentflow.compiler.load import load
from agentflow.compiler.resolve import resolve
from agentflow.diagnostics import Diagnostic
from agentflow.source.layers import Composed
from tests.support.memory_files import MemoryFiles

HEAD = "apiVersion: agentflow/v1\n"
PROJECT = f"{HEAD}kind: Project\nname: p\n"


def resolved(
    files: str | Mapping[str, str],
    *,
    target: str = "local",
    settings: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Graph, list[Diagnostic]]:
    """The graph of a project. Text alone follows a project document in `agentflow.yaml`."""
    if isinstance(files, str):
        text = textwrap.dedent(files)
        is_more = text.lstrip().startswith(("defaults", "targets", "vars", "secrets"))
        files = {"agentflow.yaml": PROJECT + ("" if is_more else "---\n") + text.lstrip()}
    memory = MemoryFiles(files)
    loaded, problems = load(memory)
    graph, found = resolve(
        loaded,
        memory,
        target=target,
        environ=environ or {},
        variables=variables or {},
        settings=settings,
    )
    assert graph is not None, [problem.message for problem in (*problems, *found)]
    return graph, [*problems, *found]


def values(files: str | Mapping[str, str], address: str = "agent/a", **how: Any) -> dict[str, Any]:
    """A spec as it is put together, without what says which it is; nothing may be wrong."""
    graph, problems = resolved(files, **how)
    assert problems == []
    data = graph.composed[address].data
    return {key: value for key, value in data.items() if key not in ("kind", "name", "apiVersion")}


def the_problem(files: str | Mapping[str, str], **how: Any) -> Diagnostic:
    _, problems = resolved(files, **how)
    assert len(problems) == 1, [(p.code, str(p.span), p.message) for p in problems]
    return problems[0]


EVERY_LAYER = """
defaults: { agent: { model: defaults, description: defaults, repair: 0, done: [defaults] } }
targets: { dev: { service: local }, prod: { service: local } }
---
{ kind: Agent, name: far, abstract: true, title: Far, prompt: far, scratch: /far, repair: 1, done+: [far] }
---
{ kind: Agent, name: near, extends: far, prompt: near, task: near, repair: 2 }
---
{ kind: Toolset, name: t, description: T, tools: { read: ask, bash: ask }, skills: ['anthropic/pdf'] }
---
{ kind: Agent, name: a, extends: near, use: [t], tools: { read: allow }, task: own, repair: 3 }
---
{ kind: Overlay, name: o, target: dev, patch: { agent/a: { repair: 5 }, 'agent/*': { repair: 4, budget: { turns: 1 } } } }
"""  # fmt: skip


def test_the_last_layer_wins() -> None:
    expected = {
        "model": "defaults",
        "description": "defaults",
        "repair": 3,
        "done": ["defaults", "far"],
        "prompt": "near",
        "scratch": "/far",
        "tools": {"read": "allow", "bash": "ask"},
        "skills": ["anthropic/pdf"],
        "extends": "near",
        "use": ["t"],
        "task": "own",
    }
    assert values(EVERY_LAYER) == expected
    assert values(EVERY_LAYER, target="prod") == expected
    over = {"repair": 5, "budget": {"turns": 1}}
    assert values(EVERY_LAYER, target="dev") == {**expected, **over}
    settings = [
        "agent/a.repair=6",
        "agent/a.budget.turns=2",
        "agent/a.repair=7",
        "agent/a.done+=[x]",
    ]
    assert values(EVERY_LAYER, target="dev", settings=settings) == {
        **expected,
        "repair": 7,
        "budget": {"turns": 2},
        "done": ["defaults", "far", "x"],
    }


def test_a_spec_without_layers_is_the_document_as_it_stands() -> None:
    graph, _ = resolved("{ kind: Agent, name: a, model: m, prompt: x }")
    assert not isinstance(graph.composed["agent/a"], Composed)


def test_what_a_spec_is_called_is_not_passed_on() -> None:
    text = """
    { kind: Agent, name: b, abstract: true, title: B, model: m, prompt: x }
    ---
    { kind: Agent, name: a, extends: b }
    """
    assert values(text) == {"extends": "b", "model": "m", "prompt": "x"}
    # But a target may call it differently.
    made = values(text, settings=["agent/a.title=A on this target"])
    assert made["title"] == "A on this target"


def test_the_reviewed_spec_is_the_one_without_overlays() -> None:
    graph, _ = resolved(EVERY_LAYER, target="dev", settings=["agent/near.budget.turns=9"])
    node = graph.agents["a"]
    assert node.spec.budget is not None
    assert node.reviewed is not None
    assert node.reviewed.spec.budget is None
    assert resolved(EVERY_LAYER)[0].agents["a"].reviewed is None


def test_a_base_settles_what_it_takes_from_a_toolset() -> None:
    text = """
    { kind: Toolset, name: t, tools: { bash: allow, read: allow } }
    ---
    { kind: Agent, name: b, abstract: true, model: m, prompt: x, use: [t], tools: { bash: off } }
    ---
    { kind: Agent, name: a, extends: b }
    """
    assert values(text)["tools"] == {"bash": "off", "read": "allow"}


def test_an_overlay_can_change_which_toolsets_are_used() -> None:
    text = """
    targets: { dev: { service: local } }
    ---
    { kind: Toolset, name: t, tools: { read: ask, bash: ask } }
    ---
    { kind: Toolset, name: u, tools: { glob: ask, bash: auto } }
    ---
    { kind: Agent, name: a, model: m, prompt: x, use: [t], tools: { bash: off } }
    ---
    { kind: Overlay, name: o, target: [dev], patch: { agent/a: { use+: [u], use-: [t] } } }
    """
    assert values(text)["tools"] == {"read": "ask", "bash": "off"}
    assert values(text, target="dev")["tools"] == {"glob": "ask", "bash": "off"}


TOOLSETS = """
{ kind: Toolset, name: t, tools: { bash: ask, web_fetch: { policy: ask } }, approvals: [{ tool: bash, answer: deny }] }
---
{ kind: Toolset, name: u, tools: { bash: allow, web_fetch: allow } }
---
"""  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "disagree"),
    [
        ("use: [t, u]", {"tools.bash", "tools.web_fetch.policy"}),
        ("use: [u, t]", {"tools.bash", "tools.web_fetch.policy"}),
        ("use: [t]", set()),
        ("use: [t, t]", set()),
        ("use: [t, u], tools: { bash: off }", {"tools.web_fetch.policy"}),
        ("use: [t, u], tools: { bash: off, web_fetch: ask }", set()),
        ("use: [t, u], tools: { bash: { policy: off }, web_fetch: { policy: ask } }", set()),
        ("use: [t, u], tools: { bash: null, web_fetch: null }", set()),
        ("use: [t, u], tools-: [bash, web_fetch]", set()),
        ("use: [t, u], tools: null", set()),
        # Saying something else about the same tool does not settle it.
        ("use: [t, u], tools: { bash: off, web_fetch: { domains: [a.com] } }",
         {"tools.web_fetch.policy"}),
    ],
)  # fmt: skip
def test_two_toolsets_that_disagree_are_named(agent: str, disagree: set[str]) -> None:
    text = f"{TOOLSETS}{{ kind: Agent, name: a, model: m, prompt: x, {agent} }}"
    _, problems = resolved(text)
    assert {problem.message.rsplit("`", 2)[1] for problem in problems} == disagree
    for problem in problems:
        assert problem.code == "AF221"
        assert {"'t'", "'u'"} <= set(problem.message.replace(",", " ").split())
        assert len(problem.related) == 2
        assert problem.span is not None
        assert problem.span.line == 9


def test_a_base_that_settles_it_settles_it_for_those_that_extend_it() -> None:
    base = "{ kind: Agent, name: b, model: m, prompt: x, use: [t, u], tools: { bash: off, web_fetch: off } }"
    text = f"{TOOLSETS}{base}\n---\n{{ kind: Agent, name: a, extends: b }}"
    assert values(text)["tools"]["bash"] == "off"


def test_agents_that_inherit_a_disagreement_say_it_once() -> None:
    base = "{ kind: Agent, name: b, model: m, prompt: x, use: [t, u], tools: { web_fetch: off } }"
    children = "".join(f"\n---\n{{ kind: Agent, name: a{n}, extends: b }}" for n in range(3))
    problem = the_problem(f"{TOOLSETS}{base}{children}")
    assert "both used by agent 'b'" in problem.message


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        ("{ tool: bash, answer: deny }", "{ tool: bash, answer: allow }", True),
        ("{ tool: bash, answer: deny }", "{ tool: bash, answer: deny }", False),
        ("{ tool: bash, answer: deny }", "{ tool: read, answer: allow }", False),
        ("{ tool: bash, match: { command: ls }, answer: deny }", "{ tool: bash, answer: allow }", False),
    ],
)  # fmt: skip
def test_approvals_of_two_toolsets(one: str, other: str, disagree: bool) -> None:
    text = f"""
    {{ kind: Toolset, name: t, approvals: [{one}] }}
    ---
    {{ kind: Toolset, name: u, approvals: [{other}] }}
    ---
    {{ kind: Agent, name: a, model: m, prompt: x, use: [t, u] }}
    """
    assert [p.code for p in resolved(text)[1]] == (["AF221"] if disagree else [])
    settled = text.replace("use: [t, u]", "use: [t, u], approvals: [{ tool: bash, answer: deny }]")
    assert resolved(settled)[1] == []


@pytest.mark.parametrize(
    ("one", "other", "disagree"),
    [
        ("{ repair: 1 }", "{ repair: 2 }", "repair"),
        ("{ repair: 1 }", "{ repair: 1 }", None),
        ("{ repair: 1 }", "{ repair: null }", "repair"),
        ("{ repair: 1 }", "{ scratch: /tmp }", None),
        ("{ done: [x] }", "{ done: [y] }", "done"),
        ("{ done: [x] }", "{ done+: [y] }", "done"),
        ("{ done+: [x] }", "{ done+: [y] }", None),
        ("{ done-: [q] }", "{ done-: [r] }", None),
        ("{ done-: [q] }", "{ done+: [y] }", None),
        ("{ done-: [q] }", "{ done+: [q] }", "done"),
        ("{ model: n }", "{ model: { effort: low } }", None),
        ("{ model: n }", "{ model: { id: o } }", "model.id"),
        ("{ tools: { bash: ask } }", "{ tools: { bash: { policy: ask } } }", None),
        ("{ tools: { bash: ask } }", "{ tools: { bash: { policy: off } } }", "tools.bash.policy"),
        ("{ tools: { bash: ask } }", "{ tools: { read: ask } }", None),
        ("{ tools: { bash: ask } }", "{ tools-: [read] }", "tools"),
    ],
)
def test_two_overlays_that_disagree(one: str, other: str, disagree: str | None) -> None:
    text = f"""
    targets: {{ dev: {{ service: local }} }}
    ---
    {{ kind: Agent, name: a, model: m, prompt: x, done: [q, r], tools: {{ read: ask }} }}
    ---
    {{ kind: Agent, name: b, model: m, prompt: x }}
    ---
    {{ kind: Overlay, name: o, target: dev, patch: {{ agent/a: {one} }} }}
    ---
    {{ kind: Overlay, name: n, target: dev, patch: {{ agent/a: {other} }} }}
    """
    _, problems = resolved(text, target="dev")
    assert [p.code for p in problems] == ([] if disagree is None else ["AF222"])
    for problem in problems:
        assert f"`{disagree}` of agent/a" in problem.message
        assert problem.span is not None
        lines = [problem.span.line, *(span.line for span, _ in problem.related)]
        assert sorted(lines) == [10, 12]
    assert resolved(text)[1] == []


def test_one_address_goes_before_a_glob() -> None:
    text = """
    targets: { dev: { service: local } }
    ---
    { kind: Agent, name: a, model: m, prompt: x }
    ---
    { kind: Overlay, name: z, target: dev, patch: { 'agent/*': { repair: 1, scratch: /tmp } } }
    ---
    { kind: Overlay, name: b, target: dev, patch: { agent/a: { repair: 2 } } }
    """
    made = values(text, target="dev")
    assert (made["repair"], made["scratch"]) == (2, "/tmp")


def test_overlays_that_append_do_so_by_their_names_wherever_they_stand() -> None:
    head = f"{PROJECT}targets: {{ dev: {{ service: local }} }}\n---\nkind: Agent\nname: a\nmodel: m\nprompt: x\n"
    one = "kind: Overlay\nname: one\ntarget: dev\npatch: { agent/a: { done+: [one] } }\n"
    two = "kind: Overlay\nname: two\ntarget: dev\npatch: { agent/a: { done+: [two] } }\n"
    for files in (
        {"agentflow.yaml": f"{head}---\n{one}---\n{two}"},
        {"agentflow.yaml": f"{head}---\n{two}---\n{one}"},
        {"agentflow.yaml": head, "b.yaml": HEAD + one, "a.yaml": HEAD + two},
    ):
        assert values(files, target="dev")["done"] == ["one", "two"]


@pytest.mark.parametrize(
    ("patch", "code", "message", "hint"),
    [
        ("target: dve, patch: { agent/a: { repair: 1 } }", "AF209", "no target 'dve'", "'dev'"),
        ("target: [dev, prd], patch: { agent/a: { repair: 1 } }", "AF209", "no target 'prd'", "Declare"),
        ("target: dev, patch: { agent/aa: { repair: 1 } }", "AF226", "address 'agent/aa'", "'agent/a'"),
        ("target: dev, patch: { deployment/*: { task: x } }", "AF226", "'deployment/*'", "Remove"),
        ("target: dev, patch: { agents/a: { repair: 1 } }", "AF114", "malformed", "agent/writer"),
        ("target: dev, patch: { agent/a: { name: b } }", "AF225", "cannot change 'name'", "belongs in"),
        ("target: dev, patch: { agent/a: { extends: b } }", "AF225", "cannot change 'extends'", None),
        ("target: dev, patch: { agent/a: { kind-: [b] } }", "AF225", "cannot change 'kind-'", None),
        ("target: dev, patch: { agent/a: { done-: [zz] } }", "AF224", "'zz' is not in 'done'", None),
        ("target: dev, patch: { agent/a: { model+: [zz] } }", "AF223", "'model' is none here", None),
        ("target: dev, patch: { agent/a: { repiar: 1 } }", "AF110", "'repiar'", "'repair'"),
        ("target: dev, patch: { agent/a: { dnoe+: [x] } }", "AF110", "'dnoe'", "'done'"),
        ("target: dev, patch: { agent/a: { repair: x } }", "AF112", "`repair` is 'x'", None),
    ],
)  # fmt: skip
def test_an_overlay_that_does_not_fit(
    patch: str, code: str, message: str, hint: str | None
) -> None:
    text = f"""
    targets: {{ dev: {{ service: local }} }}
    ---
    {{ kind: Agent, name: a, model: m, prompt: x, done: [y] }}
    ---
    {{ kind: Overlay, name: o, {patch} }}
    """
    problem = the_problem(text, target="dev")
    assert (problem.code, problem.span and problem.span.line) == (code, 8)
    assert message in problem.message
    assert hint is None or hint in str(problem.hint)


@pytest.mark.parametrize(
    ("key", "code"),
    [("name: x", "AF225"), ("title: x", "AF225"), ("abstract: true", "AF225"),
     ("repair: x", "AF112"), ("repiar: 1", "AF110"), ("done-: [x]", "AF224")],
)  # fmt: skip
def test_what_is_wrong_in_defaults_is_said_once(key: str, code: str) -> None:
    agents = "".join(f"---\n{{ kind: Agent, name: a{n}, model: m, prompt: x }}\n" for n in range(3))
    problem = the_problem(f"defaults: {{ agent: {{ {key} }} }}\n{agents}")
    assert (problem.code, problem.span and problem.span.line) == (code, 4)


@pytest.mark.parametrize(
    ("specs", "code", "message"),
    [
        (["a extends: a"], "AF220", "agent/a → agent/a"),
        (["a extends: b", "b extends: a"], "AF220", "agent/a → agent/b → agent/a"),
        (["c extends: b", "b extends: a", "a extends: b"], "AF220", "agent/a → agent/b → agent/a"),
        (["a extends: nobody"], "AF201", "No Agent is named 'nobody'"),
        (["a extends: id:agent_1"], "AF114", "`extends` is 'id:agent_1'"),
        (["b model: m", "a extends: b@7"], "AF114", "`extends` is 'b@7'"),
        (["a extends: [b]"], "AF112", "`extends` is a list"),
    ],
)
def test_a_chain_that_leads_nowhere(specs: Sequence[str], code: str, message: str) -> None:
    documents = []
    for spec in specs:
        name, rest = spec.split(" ", 1)
        documents.append(f"kind: Agent\nname: {name}\nmodel: m\nprompt: x\n{rest}\n")
    text = "---\n".join(documents).replace("model: m\nprompt: x\nmodel: m", "model: m\nprompt: x")
    problem = the_problem(text)
    assert problem.code == code
    assert message in problem.message


def test_a_chain_that_is_too_long() -> None:
    agents = [
        f"{{ kind: Agent, name: a{n}, model: m, prompt: x, extends: a{n + 1} }}" for n in range(34)
    ]
    agents.append("{ kind: Agent, name: a34, model: m, prompt: x }")
    problems = resolved("\n---\n".join(agents))[1]
    assert {p.code for p in problems} == {"AF220"}
    assert "'a0' extends more than 32 others" in problems[0].message


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("{ kind: Deployment, name: d, agent: a, environment: e, task: x }", 7),
        ("{ kind: Agent, name: c, model: m, prompt: x, team: { subagents: [a] } }", 7),
    ],
)
def test_an_abstract_spec_can_only_be_extended(spec: str, line: int) -> None:
    text = f"{{ kind: Agent, name: a, abstract: true, model: m }}\n---\n{spec}\n---\n{{ kind: Environment, name: e }}"
    problem = the_problem(text)
    assert (problem.code, problem.span and problem.span.line) == ("AF230", line)


@pytest.mark.parametrize("kind", ["Toolset", "Fragment", "Policy", "Vault", "MemoryStore", "Skill"])
def test_only_some_kinds_extend(kind: str) -> None:
    body = {
        "Toolset": "tools: { read: ask }",
        "Fragment": "text: x",
        "Policy": "checks: { c: { message: x, ask: [bash] } }",
        "Vault": "description: x",
        "MemoryStore": "description: x",
        "Skill": "anthropic: pdf",
    }[kind]
    problem = the_problem(
        f"{{ kind: {kind}, name: b, {body} }}\n---\n{{ kind: {kind}, name: a, extends: b, {body} }}"
    )
    assert problem.code == "AF110"
    assert "no key 'extends'" in problem.message


def test_files_are_beside_the_document_that_names_them() -> None:
    base = "kind: Agent\nname: b\nabstract: true\nprompt: ./base.md\nfiles: { f: ./f.csv }\n"
    files = {
        "agentflow.yaml": f"{PROJECT}defaults: {{ agent: {{ prompt: ./shared.md }} }}\n",
        "shared.md": "Shared.",
        "bases/base.yaml": HEAD + base,
        "bases/base.md": "Base.",
        "bases/f.csv": "a",
        "agents/a.yaml": f"{HEAD}kind: Agent\nname: a\nextends: b\nmodel: m\n",
        "agents/c.yaml": f"{HEAD}kind: Agent\nname: c\nmodel: m\n",
    }
    graph, problems = resolved(files)
    assert problems == []
    assert graph.agents["a"].prompt.name == "bases/base.md"
    assert graph.agents["c"].prompt.name == "shared.md"
    assert graph.agents["a"].file("files", "f") == "bases/base.yaml"
    # From the command line they are beside agentflow.yaml.
    graph, problems = resolved(files, settings=["agent/a.prompt=./shared.md"])
    assert problems == []
    assert graph.agents["a"].prompt.name == "shared.md"
    del files["bases/base.md"]
    problem = the_problem(files)
    assert (problem.code, str(problem.span)) == ("AF001", "bases/base.yaml:5:9")


@pytest.mark.parametrize(
    ("layer", "place"),
    [
        ("defaults", "agentflow.yaml:5:"),
        ("base", "agentflow.yaml:8:"),
        ("overlay", "agentflow.yaml:12:"),
        ("own", "agentflow.yaml:10:"),
        ("set", "--set:1:"),
    ],
)
def test_a_mistake_is_placed_where_it_was_written(layer: str, place: str) -> None:
    wrong = "budget: { usd: much }"
    text = f"""targets: {{ dev: {{ service: local }} }}
defaults: {{ agent: {{ {wrong if layer == "defaults" else ""} }} }}
---
# the base
{{ kind: Agent, name: b, abstract: true, model: m, prompt: x, {wrong if layer == "base" else ""} }}
---
{{ kind: Agent, name: a, extends: b, {wrong if layer == "own" else ""} }}
---
{{ kind: Overlay, name: o, target: dev, patch: {{ agent/a: {{ {wrong if layer == "overlay" else ""} }} }} }}
"""
    settings = ["agent/a.budget.usd=much"] if layer == "set" else []
    problem = the_problem(text, target="dev", settings=settings)
    assert problem.code == "AF114"
    assert str(problem.span).startswith(place)


@pytest.mark.parametrize(
    ("setting", "code", "message", "hint"),
    [
        ("x", "AF228", "not an address, a path and a value", "agent/NAME"),
        ("agent/a=1", "AF228", "not an address", "agent/NAME"),
        ("agent/a.=1", "AF228", "not an address", "agent/NAME"),
        ("agent/a..x=1", "AF228", "an empty step", "agent/NAME"),
        ("agent/a.repair=[", "AF228", "not YAML", "agent/NAME"),
        ("agent/a.repair=1\n---\n2", "AF228", "not YAML", "agent/NAME"),
        ("agent/b.repair=1", "AF226", "no spec has the address 'agent/b'", "'agent/a'"),
        ("agnet/a.repair=1", "AF226", "no spec has the address 'agnet/a'", "'agent/a'"),
        ("toolset/t.tools=1", "AF228", "a Toolset cannot be changed", "Agent, Environment"),
        ("agent/a.name=b", "AF225", "cannot change 'name'", "belongs in"),
        ("agent/a.repiar=1", "AF110", "'repiar'", "'repair'"),
        ("agent/a.done-=[z]", "AF224", "'z' is not in 'done'", None),
        ("agent/a.budget.usd=-1", "AF114", "not an amount above zero", None),
    ],
)
def test_a_setting_that_does_not_fit(
    setting: str, code: str, message: str, hint: str | None
) -> None:
    text = (
        "{ kind: Agent, name: a, model: m, prompt: x, done: [y] }\n---\n{ kind: Toolset, name: t }"
    )
    problem = the_problem(text, settings=[setting])
    assert problem.code == code
    assert problem.span is None or problem.span.file == "--set"
    assert message in problem.message
    assert hint is None or hint in str(problem.hint)


@pytest.mark.parametrize(
    ("setting", "path", "expected"),
    [
        ("agent/a.description=", "description", ""),
        ("agent/a.description='#1'", "description", "#1"),
        ("agent/a.done=[a, b]", "done", ["a", "b"]),
        ("agent/a.tools={ read: ask }", "tools", {"read": "ask"}),
        ("agent/a.metadata.team=x=y", "metadata", {"team": "x=y"}),
        ("agent/a.scratch=null", "scratch", None),
        ("agent/a.task=${var.v}!", "task", "w!"),
    ],
)
def test_the_value_of_a_setting_is_yaml(setting: str, path: str, expected: Any) -> None:
    text = "vars: { v: { default: w } }\n---\n{ kind: Agent, name: a, model: m, prompt: x, scratch: /tmp }"
    graph, _ = resolved(text, settings=[setting])
    assert graph.composed["agent/a"].data.get(path) == expected


# Variables and secrets of layers


def test_layers_see_the_variables_of_the_spec_they_become_part_of() -> None:
    text = """
    vars: { desk: { default: north } }
    defaults: { agent: { description: "${var.desk}/${var.own}" } }
    targets: { dev: { service: local } }
    ---
    { kind: Agent, name: a, model: m, prompt: x, vars: { own: { default: mine } } }
    ---
    { kind: Overlay, name: o, target: dev, patch: { agent/a: { task: "${var.own}", vars: { own: { default: theirs } } } } }
    """  # fmt: skip
    assert values(text)["description"] == "north/mine"
    made = values(text, target="dev")
    assert (made["description"], made["task"]) == ("north/theirs", "theirs")
    assert values(text, variables={"own": "given"})["description"] == "north/given"


def test_whoever_extends_a_spec_gives_it_its_variables() -> None:
    text = """
    { kind: Agent, name: b, abstract: true, model: m, vars: { v: { type: string } }, prompt: "For {{ vars.v }}" }
    ---
    { kind: Agent, name: a, extends: b, vars: { v: { default: x } } }
    """  # fmt: skip
    assert values(text)["vars"] == {"v": {"type": "string", "default": "x"}}
    problem = the_problem(text.replace(", vars: { v: { default: x } }", ""))
    assert problem.code == "AF205"


def test_an_overlay_of_another_target_lacks_nothing_here() -> None:
    text = """
    secrets: { token: 'env:TOKEN' }
    targets: { dev: { service: local }, prod: { service: local } }
    ---
    { kind: Agent, name: a, model: m, prompt: x }
    ---
    { kind: Vault, name: v, credentials: { c: { url: "https://x.com", bearer: "${secret.token}" } } }
    ---
    { kind: Overlay, name: o, target: prod, patch: { agent/a: { description: "${env.ONLY_THERE}" },
        vault/v: { credentials: { c: { bearer: "${secret.token}" } } } } }
    """
    assert resolved(text, target="dev")[1] == []
    assert the_problem(text, target="prod").code == "AF204"
    graph, problems = resolved(text, target="prod", environ={"ONLY_THERE": "x"})
    assert problems == []
    assert late.secrets(graph.composed["vault/v"].data) == {"token"}


def test_a_secret_of_defaults_is_legal_where_it_ends_up() -> None:
    text = """
    secrets: { token: 'env:TOKEN' }
    defaults: { agent: { repositories: { r: { url: "https://github.com/a/b", token: "${secret.token}" } } } }
    ---
    { kind: Agent, name: a, model: m, prompt: x }
    """
    graph, problems = resolved(text)
    assert problems == []
    assert late.secrets(graph.composed["agent/a"].data) == {"token"}


def test_twice_the_specs_take_twice_the_work() -> None:
    """And not four times: nothing looks through all specs for each of them."""

    def project(count: int) -> dict[str, str]:
        head = f"""{PROJECT}targets: {{ dev: {{ service: local }} }}
defaults: {{ agent: {{ model: m, budget: {{ usd: 1 }}, tools: {{ read: ask }} }} }}
---
{{ kind: Toolset, name: t, tools: {{ bash: ask }}, approvals: [{{ tool: bash, answer: deny }}] }}
---
{{ kind: Agent, name: base, abstract: true, prompt: x, use: [t], done: [y] }}
---
{{ kind: Environment, name: e }}
---
"""
        agents = [f"{{ kind: Agent, name: a{n}, extends: base, done+: [z] }}" for n in range(count)]
        patches = ", ".join(f"agent/a{n}: {{ repair: 2 }}" for n in range(count))
        deployments = [
            f"{{ kind: Deployment, name: d{n}, agent: a{n}, environment: e }}" for n in range(count)
        ]
        overlay = f"{{ kind: Overlay, name: o, target: dev, patch: {{ {patches} }} }}"
        return {"agentflow.yaml": head + "\n---\n".join([*agents, *deployments, overlay])}

    def calls(count: int) -> int:
        """Of functions, which unlike seconds are the same on any machine."""
        files = MemoryFiles(project(count))
        loaded, _ = load(files)
        made = 0

        def count_calls(frame: FrameType, event: str, value: object) -> None:
            nonlocal made
            made += event in ("call", "c_call")

        before = sys.getprofile()
        sys.setprofile(count_calls)
        try:
            graph, found = resolve(loaded, files, target="dev", environ={}, variables={})
        finally:
            sys.setprofile(before)
        assert graph is not None
        assert found == ()
        assert len(graph.agents) == count
        return made

    calls(10)  # what is made once
    assert calls(400) < 4 * calls(100) * 1.1
