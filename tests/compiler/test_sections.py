"""The policy sections in a project's own words, compiled."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agentflow.compiler.pipeline import build
from agentflow.compiler.sections import HEADING, section_data, section_texts
from agentflow.compiler.template import SECTION_DATA, SECTIONS
from agentflow.diagnostics import Diagnostic
from agentflow.source.yaml import parse
from agentflow.spec.agent import AgentSpec
from agentflow.spec.twin import twin
from tests.support.projects import project

AGENT = """\
vars: { company: { default: Northwind } }
inputs: { region: {} }
tools:
  read: allow
  bash: ask
  web_search: { policy: allow, blocked: [b.com] }
  web_fetch: { policy: auto, domains: [a.com] }
outputs:
  report: { path: report.md, description: The report, sections: [Findings (short)] }
  totals: { path: totals.json, required: false, schema: { type: object } }
done: [It is right.]
approvals: [{ tool: bash, answer: allow }]
"""
BARE = "tools: { read: allow }\n"


def compiled(
    agent: str, files: Mapping[str, str] | None = None
) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """The system prompt of an agent, and all problems."""
    result = build(project(agent, files))
    if result.value.compiled is None:
        return None, result.problems
    [resource] = result.value.compiled.manifest.resources
    return resource.payload["system"], result.problems


def system(agent: str, files: Mapping[str, str] | None = None) -> str:
    text, problems = compiled(agent, files)
    assert problems == ()
    assert text is not None
    return text


def test_a_wording_takes_the_place_of_ours() -> None:
    text = system(BARE + "sections: { tools: 'Use {{ tools[0].name }} alone.' }\n")
    assert text.startswith(f"Work.\n\n{HEADING}\n\nUse read alone.\n\n## Working alone\n\n")


def test_a_wording_can_wrap_ours() -> None:
    plain = system(BARE)
    wrapped = system(BARE + 'sections: { tools: "Mind this.\\n\\n{{ standard }}\\n\\nReally." }\n')
    assert wrapped == plain.replace("## Tools", "Mind this.\n\n## Tools").replace(
        "- `read`\n", "- `read`\n\nReally.\n"
    )


@pytest.mark.parametrize(
    ("section", "template", "expected"),
    [
        ("outputs", "{% for o in outputs %}{{ o.name }} {{ o.path }} {{ o.required }} {{ o.description }} "
         "{{ o.sections | join }} {{ o.schema }};{% endfor %}{{ repair }}",
         "report /mnt/session/outputs/report.md true The report Findings (short) null;"
         "totals /mnt/session/outputs/totals.json false null  {\"type\":\"object\"};1"),
        ("tools", "{% for t in tools %}{{ t.name }} {{ t.policy }} {{ t.restriction }};{% endfor %}",
         "bash ask null;read allow null;web_search allow not b.com;web_fetch auto only a.com;"),
        ("done", "{{ done | join(' ') }} {{ uncertainty }} {{ scratch }}", "It is right. null null"),
        ("autonomy", "{{ agent }} works for {{ vars.company }}.", "a works for Northwind."),
        ("autonomy", "No tags.", "No tags."),
    ],
)  # fmt: skip
def test_a_wording_sees_the_policies_as_data(section: str, template: str, expected: str) -> None:
    text = system(f"{AGENT}sections:\n  {section}: |\n    {template}\n")
    assert f"\n\n{expected}" in text


TEAM = """\
tools: { read: allow, bash: ask }
mcp:
  desk: { url: "https://desk.example.com/mcp", tools: { search: allow, note: ask, wipe: "off" }, others: auto }
  open: { url: "https://open.example.com/mcp", others: allow }
  none: { url: "https://none.example.com/mcp" }
skills: ['anthropic/xlsx@20250101', house]
team: { subagents: [helper, self], workflows: { inline: true }, advisor: claude-opus-5-5 }
"""


def scope(agent: str) -> AgentSpec:
    """The spec of an agent, without a project around it."""
    [document] = parse("a.yaml", "kind: Agent\nname: a\nmodel: m\nprompt: Work.\n" + agent).value
    return AgentSpec.model_validate(document.data)


def test_servers_skills_and_team_are_told_and_are_data() -> None:
    spec = scope(TEAM)
    text = section_texts(spec, paths={}, schemas={}, headings={})["tools_section"]
    data = section_data(spec, paths={}, schemas={}, headings={})
    assert [(t["name"], t["policy"], t["restriction"]) for t in data["tools"]] == [
        ("bash", "ask", None),
        ("read", "allow", None),
        ("desk.note", "ask", None),
        ("desk.search", "allow", None),
        ("desk.*", "auto", "not wipe"),
        ("open.*", "allow", None),
    ]
    assert all(f"- `{tool['name']}`" in text for tool in data["tools"])
    assert data["skills"] == ["xlsx", "house"]
    assert data["team"] == {
        "subagents": ["helper", "self"],
        "workflows": [],
        "inline": ["workflows"],
        "advisor": "claude-opus-5-5",
    }
    assert all(f"`{name}`" in text for name in ("xlsx", "house", "helper", "claude-opus-5-5"))
    assert set(data) == {*SECTION_DATA} - {"standard"}


def test_an_agent_without_tools_may_have_a_team() -> None:
    spec = scope("team: { coordinator: [self], advisor: m }\n")
    text = section_texts(spec, paths={}, schemas={}, headings={})["tools_section"]
    assert text.startswith("## Tools\n\nYou have no tools of your own.\n\n")
    assert "copies of yourself" in text


def test_uncertainty_and_scratch_are_data() -> None:
    more = "scratch: /tmp/\nuncertainty: { mode: assume, record: report }\n"
    wording = "{{ uncertainty.mode }} {{ uncertainty.record }} {{ scratch }}"
    text = system(f"{AGENT}{more}sections: {{ scratch: '{wording}' }}\n")
    assert "\n\nassume /mnt/session/outputs/report.md /tmp\n\n" in text


def test_a_wording_may_be_a_file_or_a_fragment() -> None:
    fragment = "---\nkind: Fragment\nname: alone\nparams: { p: { default: P } }\n"
    fragment += "text: |\n  Alone {{ params.p }} {{ agent }}.\n"
    files = {"own/tools.md": "\nFile {{ tools | length }}.\n{% include './part.md' %}\n"}
    files["own/part.md"] = "Part {{ agent }}."
    sections = "sections: { tools: ./own/tools.md, autonomy: fragment/alone }\n"
    text = system(BARE + sections + fragment, files)
    assert text == f"Work.\n\n{HEADING}\n\nFile 1.\nPart a.\n\nAlone P a."


def test_the_prompt_places_the_wording() -> None:
    prompt = 'prompt: "Begin\\n{{ tools_section }}\\nend"\n'
    text = system(f"{BARE}{prompt}sections: {{ tools: Mine. }}\n")
    assert text.startswith("Begin\nMine.\nend\n\n")
    assert text.count("Mine.") == 1


def test_two_sections_may_have_the_same_words() -> None:
    prompt = 'prompt: "{{ tools_section }} {{ autonomy_section }} Mine."\n'
    assert (
        system(f"{BARE}{prompt}sections: {{ tools: Mine., autonomy: Mine. }}\n")
        == "Mine. Mine. Mine."
    )


def test_a_wording_of_what_is_not_declared_is_not_told() -> None:
    assert "Scratch!" not in system(BARE + "sections: { scratch: Scratch! }\n")
    assert system(BARE + "sections: { done: '{{ 1 + agent }}' }\n") == system(BARE)


@pytest.mark.parametrize(
    ("section", "code", "message", "hint"),
    [
        ("tools: ' '", "AF310", "The section 'tools' says nothing", "{{ standard }}"),
        ("autonomy: '{# nothing #}'", "AF310", "The section 'autonomy' says nothing", "{{ standard }}"),
        ("tools: '{% if false %}x{% endif %}'", "AF310", "says nothing", "{{ standard }}"),
        ("tools: '{{ standart }}'", "AF302", "The section 'tools' uses 'standart'", "Did you mean standard?"),
        ("scratch: '{{ nope }}'", "AF302", "The section 'scratch' uses 'nope'", "`standard`, `agent`"),
        ("tools: '{{ inputs.region }}'", "AF303", "The section 'tools' uses inputs", "`task`"),
        ("tools: '{{ tools_section }}'", "AF302", "uses 'tools_section'", ""),
        ("tools: '{% if %}'", "AF301", "cannot be parsed", "Close every"),
        ("tools: '{{ 1 + agent }}'", "AF309", "TypeError", "types"),
        ("tools: '{{ range(10000) | join(agent * 1000) }}'", "AF308", "", ""),
        ("tools: '{% set agent = 1 %}'", "AF306", "'agent'", "another name"),
        ("tools: fragment/toosl", "AF201", "No Fragment is named 'toosl'", "Did you mean 'tools'?"),
        ("tools: fragment/asks", "AF312", "needs a value for its parameter 'p'", 'fragment("asks", p=…)'),
    ],
)  # fmt: skip
def test_a_wrong_wording_is_one_problem_in_its_place(
    section: str, code: str, message: str, hint: str
) -> None:
    fragments = "---\nkind: Fragment\nname: tools\ntext: x\n"
    fragments += "---\nkind: Fragment\nname: asks\nparams: { p: {} }\ntext: '{{ params.p }}'\n"
    _, problems = compiled(f"{AGENT}sections: {{ {section} }}\n{fragments}")
    [problem] = problems
    assert problem.code == code
    assert problem.span is not None
    assert (problem.span.file, problem.span.line) == ("agentflow.yaml", 21)
    assert message in problem.message
    assert hint in (problem.hint or "")


def test_a_mistake_in_the_fragment_of_a_section_names_who_uses_it() -> None:
    fragment = "---\nkind: Fragment\nname: own\ntext: '{{ standard }} {{ region }}'\n"
    _, [problem] = compiled(f"{BARE}sections: {{ tools: fragment/own }}\n{fragment}")
    assert (problem.code, str(problem.span)) == ("AF302", "agentflow.yaml:14:26")
    assert [(str(span), text) for span, text in problem.related] == [
        ("agentflow.yaml:10:20", "included from here")
    ]


def test_the_names_of_sections_are_those_of_the_spec() -> None:
    annotation = twin(AgentSpec).model_json_schema()["properties"]["sections"]["propertyNames"][
        "enum"
    ]
    assert tuple(f"{name}_section" for name in annotation) == SECTIONS
    assert SECTION_DATA[0] == "standard"


def test_what_goes_beyond_the_limit_with_its_sections_is_refused() -> None:
    long = "x" * 60_000
    _, [problem] = compiled(f"prompt: {long}\nsections: {{ autonomy: {long} }}\n")
    assert problem.code == "AF109" or "100,000" in problem.message


def test_the_wordings_of_a_spec_with_errors_are_checked_all_the_same() -> None:
    sections = "sections: { tools: '{{ nope }}', nope: x, done: fragment/nope, scratch: 1 }\n"
    _, problems = compiled(f"{BARE}repair: many\n{sections}")
    assert sorted(p.code for p in problems) == ["AF112", "AF112", "AF113", "AF201", "AF302"]
