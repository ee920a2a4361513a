"""What overlays and `--set` may make wider, and where it is reported."""

from __future__ import annotations

from typing import Any

import pytest

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from tests.compiler.test_checks import pointed_at
from tests.support.memory_files import MemoryFiles

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: p
secrets: { s: "env:S" }
targets: { prod: { service: local, loosen: [] } }
"""
AGENT = "---\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"
OVERLAY = "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: prod\npatch:\n"
CODE = "def f(x: int):\n    'Do.'\n\n\ndef g(x: int):\n    'Do.'\n"
TOOL = "custom: { t: { run: 'desk:f' } }"
LIMITED = "custom: { t: { run: 'desk:f', max_calls: 3, arguments: { x: { deny: ['1', '2'] } } } }"
FETCH = "tools: { web_fetch: { policy: ask, domains: [docs.dev] } }"
CRM = "mcp: { crm: { url: 'https://crm.dev', tools: { add: ask } } }"
RULES = "tools: { bash: ask, write: ask }\napprovals:\n- { tool: bash, match: { command: 'rm *' }, answer: deny }\n- { tool: bash, answer: allow }\n- { tool: write, answer: allow }"
TWO = "approvals: [{ tool: bash, answer: allow }, { tool: write, answer: allow }]"
EMPTY = "---\nkind: Environment\nname: e\n"
BUDGET = "budget: { usd: 2, turns: 10, wall: 1h }"


def files_of(base: str, patch: str, project: str = PROJECT) -> MemoryFiles:
    """A project whose overlay patches `agent/a`, or what `patch` names itself."""
    agent = base if base.startswith("---") else AGENT + base
    body = patch if "/" in patch.split(":", 1)[0] else f"  agent/a: {patch}"
    files = {"agentflow.yaml": project + agent, "o.yaml": f"{OVERLAY}{body}\n", "desk.py": CODE}
    return MemoryFiles(files)


def problems(files: MemoryFiles, **options: Any) -> tuple[Diagnostic, ...]:
    return build(files, **{"target": "prod", **options}).problems


VAULT = "---\nkind: Vault\nname: v\ncredentials:\n  c: { url: 'https://crm.dev', bearer: '${secret.s}' }\n  t: { variable: { name: T, value: '${secret.s}', hosts: [api.dev] } }\n"

LOOSENED = [
    ("variable", "vars: { cap: { type: integer, default: 2 } }\nbudget: { usd: '${var.cap}' }", "{ vars: { cap: { default: 200 } } }", "budget", None, "is $200, and was $2"),
    ("credential-url", VAULT, "  vault/v: { credentials: { c: { url: 'https://evil.dev' } } }", "hosts", "'https://evil.dev'", "'c' is sent to another URL"),
    ("credential-host", VAULT, "  vault/v: { credentials: { t: { variable: { hosts+: [evil.dev] } } } }", "hosts", "evil.dev", "to 'evil.dev', and was not"),
    ("credential-any", VAULT, "  vault/v: { credentials: { t: { variable: { hosts: any } } } }", "hosts", "any", "to every host"),
    ("from-nothing", EMPTY + "hosting: self-hosted\nnetwork: { hosts: [a.dev] }", "  environment/e: { hosting: cloud, network: { hosts: null, open: true } }", "hosts", "{ hosts: null, open: true }", "is open, and was limited"),
    # id, spec, patch, topic, text at the place, part of the message
    ("new-tool", "", "{ tools: { bash: ask } }", "tools", "ask", "`tools.bash` is ask, and was off"),
    ("policy", "tools: { bash: ask }", "{ tools: { bash: allow } }", "tools", "allow", "`tools.bash` is allow, and was ask"),
    ("auto", "tools: { bash: ask }", "{ tools: { bash: auto } }", "tools", "auto", "is auto, and was ask"),
    ("domain", FETCH, "{ tools: { web_fetch: { domains+: [x.dev] } } }", "tools", "x.dev", "reaches 'x.dev', and did not"),
    ("domains-gone", FETCH, "{ tools: { web_fetch: { domains: null } } }", "tools", "null", "reaches every domain, and was limited to docs.dev"),
    ("blocked-gone", "tools: { web_search: { policy: ask, blocked: [x.dev, y.dev] } }", "{ tools: { web_search: { blocked-: [x.dev] } } }", "tools", "blocked-", "reaches 'x.dev', which was blocked"),
    ("sources", "tools: { web_fetch: { policy: ask, sources: { user: none } } }", "{ tools: { web_fetch: { sources: { user: all } } } }", "tools", "all", "sources.user` lets more through"),
    ("server", "", "{ mcp: { crm: { url: 'https://crm.dev' } } }", "tools", "{ url: 'https://crm.dev' }", "server 'crm' is new"),
    ("server-url", CRM, "{ mcp: { crm: { url: 'https://evil.dev' } } }", "hosts", "'https://evil.dev'", "is at 'https://evil.dev', and was at 'https://crm.dev'"),
    ("server-tool", CRM, "{ mcp: { crm: { tools: { add: allow } } } }", "tools", "allow", "`mcp.crm.tools.add` is allow, and was ask"),
    ("server-others", CRM, "{ mcp: { crm: { others: ask } } }", "tools", "ask", "`mcp.crm.others` is ask, and was off"),
    ("server-others-by-name", CRM.replace("tools:", "others: allow, tools:"), "{ mcp: { crm: { tools-: [add] } } }", "tools", "tools-", "`mcp.crm.tools.add` is allow, and was ask"),
    ("custom", "", "{ custom: { t: { run: 'desk:f' } } }", "tools", "{ run: 'desk:f' }", "custom tool 't' is new"),
    ("custom-code", TOOL, "{ custom: { t: { run: 'desk:g' } } }", "tools", "'desk:g'", "runs something else"),
    ("custom-policy", "custom: { t: { run: 'desk:f', policy: ask } }\napprovals: [{ tool: t, answer: deny }]", "{ custom: { t: { policy: allow } }, approvals: [] }", "tools", "allow", "`custom.t.policy` is allow, and was ask"),
    ("custom-calls", LIMITED, "{ custom: { t: { max_calls: 4 } } }", "tools", "4", "may be called 4 times, and was 3 times"),
    ("custom-calls-gone", LIMITED, "{ custom: { t: { max_calls: null } } }", "tools", "null", "without limit, and was 3"),
    ("custom-rule-gone", LIMITED, "{ custom: { t: { arguments: null } } }", "tools", "null", "rule for 'x'"),
    ("custom-rule", LIMITED, "{ custom: { t: { arguments: { x: { deny: ['1'] } } } } }", "tools", "{ deny: ['1'] }", "lets more through"),
    ("approval", "tools: { bash: ask }", "{ approvals: [{ tool: bash, answer: allow }] }", "tools", "{ tool: bash, answer: allow }", "rule for 'bash' allows, and there was none"),
    ("approval-uncovered", RULES, "{ " + TWO + " }", "tools", "{ tool: bash, answer: allow }", "allows what a rule before it took"),
    ("team", "team: { subagents: [self] }", "{ team: { subagents: [self, 'id:agent_1'] } }", "tools", "[self, 'id:agent_1']", "has 'id:agent_1', and had not"),
    ("team-inline", "team: { subagents: { agents: [self] } }", "{ team: { subagents: { inline: true } } }", "tools", "{ inline: true }", "agents of its own"),
    ("team-new", "", "{ team: { workflows: [self] } }", "tools", "[self]", "`team.workflows` is new"),
    ("raw", "", "{ raw: { tools: [] } }", "tools", "[]", "`raw.tools` says more"),
    ("usd", BUDGET, "{ budget: { usd: 3.50 } }", "budget", "3.50", "`budget.usd` is $3.50, and was $2"),
    ("turns-gone", BUDGET, "{ budget: { turns: null } }", "budget", "null", "`budget.turns` is not limited, and was 10"),
    ("wall", BUDGET, "{ budget: { wall: 2h } }", "budget", "2h", "is 7200 seconds, and was 3600 seconds"),
    ("host", EMPTY, "  environment/e: { network: { hosts: [x.dev] } }", "hosts", "x.dev", "'x.dev' is reached, and was not"),
    ("wildcard", EMPTY + "network: { hosts: [x.dev] }", "  environment/*: { network: { hosts: ['*.x.dev', x.dev] } }", "hosts", "'*.x.dev'", "'*.x.dev' is reached"),
    ("open", EMPTY, "  environment/e: { network: { open: true } }", "hosts", "{ open: true }", "is open, and was limited"),
    ("packages", EMPTY, "  environment/e: { network: { packages: true } }", "hosts", "true", "Package managers"),
    ("inferred", EMPTY, "  environment/e: { network: { mcp: inferred } }", "hosts", "inferred", "all MCP servers"),
    ("hosting", EMPTY, "  environment/e: { hosting: self-hosted }", "hosts", "self-hosted", "self-hosted environment"),
    ("other-environment", AGENT + "environment: e\n" + EMPTY + EMPTY.replace("e\n", "f\n").replace("nam\n", "nam") + "network: open", "{ environment: f }", "hosts", "f", "may reach more than 'e' did"),
    ("deployment-budget", AGENT + "task: Go.\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\nbudget: { usd: 1 }", "  deployment/d: { budget: { usd: 2 } }", "budget", "2", "is $2, and was $1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("base", "patch", "topic", "at", "message"),
    [c[1:] for c in LOOSENED],
    ids=[c[0] for c in LOOSENED],
)
def test_making_a_spec_wider_needs_permission(
    base: str, patch: str, topic: str, at: str | None, message: str
) -> None:
    """`at` None: the value itself stands in the spec."""
    files = files_of(base, patch)
    (problem,) = problems(files)
    assert problem.code == "AF227"
    assert message in problem.message
    assert problem.span is not None
    assert problem.span.file == ("o.yaml" if at else "agentflow.yaml")
    assert at is None or pointed_at(problem, files) == at
    assert problem.hint is not None
    assert f"`loosen: [{topic}]` in the target 'prod'" in problem.hint
    assert all(span.file == "agentflow.yaml" for span, _ in problem.related)
    allowed = PROJECT.replace("loosen: []", f"loosen: [{topic}]")
    assert problems(files_of(base, patch, allowed)) == ()
    if "hosting: self-hosted" not in base:  # which is no spec without the overlay
        assert problems(files, target="local") == ()


def test_a_pool_that_is_not_drawn_from_any_more_limits_less() -> None:
    pools = "pools: { desk: { usd: 9, per: day }, team: { usd: 9, per: day } }\n"
    base = "budget: { usd: 2, pools: [desk, team] }"
    (problem,) = problems(files_of(base, "{ budget: { pools: [team] } }", PROJECT + pools))
    assert problem.code == "AF227"
    assert "Runs do not draw from the pool 'desk', and did" in problem.message
    more = "{ budget: { pools: [team, desk] } }"
    assert problems(files_of("budget: { usd: 2, pools: [desk] }", more, PROJECT + pools)) == ()


NARROWER = [
    ("off", "tools: { bash: allow, read: allow }", "{ tools: { bash: ask, read: off } }"),
    ("off-with-rule", RULES, "{ tools: { bash: off } }"),
    ("taken-out-with-rule", RULES, "{ tools-: [bash] }"),
    ("server-with-rule", CRM + "\napprovals: [{ tool: crm.add, answer: allow }]", "{ mcp: { crm: { tools: { add: off } } } }"),
    ("custom-with-rule", "custom: { t: { run: 'desk:f', policy: ask } }\napprovals: [{ tool: t, answer: allow }]", "{ custom: null }"),
    ("subdomain", FETCH, "{ tools: { web_fetch: { domains: [a.docs.dev] } } }"),
    ("limited", "tools: { web_search: ask }", "{ tools: { web_search: { domains: [a.dev] } } }"),
    ("blocked-to-list", "tools: { web_search: { policy: ask, blocked: [a.dev] } }", "{ tools: { web_search: { blocked: null, domains: [b.dev] } } }"),
    ("same-url", CRM, "{ mcp: { crm: { url: 'https://CRM.dev/' } } }"),
    ("named-off", CRM.replace("tools:", "others: ask, tools:"), "{ mcp: { crm: { tools: { drop: off } } } }"),
    ("fewer-calls", LIMITED, "{ custom: { t: { max_calls: 1, arguments: { x: { deny+: ['3'] } } } } }"),
    ("denied", RULES, "{ approvals: [{ tool: bash, match: { command: 'rm *' }, answer: deny }, { tool: write, answer: allow }] }"),
    ("budget", BUDGET, "{ budget: { usd: 1, tokens: 5k } }"),
    ("first-budget", "", "{ budget: { usd: 1 } }"),
    ("hosts", EMPTY + "network: { hosts: ['*.x.dev'] }", "  environment/e: { network: { hosts: [a.x.dev] } }"),
    ("closed", EMPTY + "network: open", "  environment/e: { network: { open: false, hosts: [x.dev] } }"),
    ("smaller-environment", AGENT + "environment: e\n" + EMPTY + "network: open\n---\nkind: Environment\nname: f\n", "{ environment: f }"),
    ("other-things", BUDGET, "{ model: claude-haiku-5-5, description: x }"),
]  # fmt: skip


@pytest.mark.parametrize(("base", "patch"), [c[1:] for c in NARROWER], ids=[c[0] for c in NARROWER])
def test_making_a_spec_narrower_is_always_fine(base: str, patch: str) -> None:
    assert problems(files_of(base, patch)) == ()


def test_a_rule_that_an_overlay_adds_needs_its_tool() -> None:
    patch = "{ tools: { bash: off }, approvals+: [{ tool: bash, match: { command: x }, answer: deny }] }"
    files = files_of(RULES, patch)
    (problem,) = problems(files)
    assert problem.code == "AF254"
    assert problem.span is not None
    assert problem.span.file == "o.yaml"


def test_the_command_line_needs_permission_too() -> None:
    files = MemoryFiles({"agentflow.yaml": PROJECT + AGENT + BUDGET})
    (problem,) = problems(files, settings=["agent/a.budget.usd=3"])
    assert problem.code == "AF227"
    assert "is $3, and was $2" in problem.message
    assert problem.hint is not None
    assert "loosen: [budget]" in problem.hint


def test_all_permissions_are_shown_together() -> None:
    project = PROJECT.replace("loosen: []", "loosen: [tools]")
    (problem,) = problems(files_of(BUDGET, "{ budget: { usd: 9 } }", project))
    assert problem.hint is not None
    assert "`loosen: [tools, budget]`" in problem.hint


def test_a_toolset_that_an_overlay_adds_makes_a_spec_wider() -> None:
    toolset = "---\nkind: Toolset\nname: t\ntools: { bash: allow }\n"
    (problem,) = problems(files_of(toolset + AGENT, "{ use+: [t] }"))
    assert problem.code == "AF227"
    assert "`tools.bash` is allow, and was off" in problem.message


INHERITED = PROJECT + "defaults:\n  agent: { budget: { usd: 2, turns: 10 } }\n"


@pytest.mark.parametrize(
    ("patch", "there"),
    [
        ("{ budget: { turns: 99 } }", "99"),
        ("{ budget: { turns: null } }", "null"),
        ("{ budget-: [turns] }", "budget-"),
    ],
)
def test_what_was_inherited_is_shown_where_it_is_written(patch: str, there: str) -> None:
    files = files_of("", patch, INHERITED)
    [found] = problems(files)
    assert found.span is not None
    assert found.span.file == "o.yaml"
    assert pointed_at(found, files) == there
    [(before, _)] = found.related
    assert (before.file, before.line) == ("agentflow.yaml", 7)
