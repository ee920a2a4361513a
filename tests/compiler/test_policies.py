"""Policies of a project: each demand, met and unmet, and how far it reaches."""

from __future__ import annotations

from typing import Any

import pytest

from agentflow.compiler.checks.policies import forbidden
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from tests.compiler.test_checks import pointed_at
from tests.support.memory_files import MemoryFiles

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: p
secrets: { s: "env:S" }
targets: { prod: { service: local, loosen: [tools, hosts, budget] } }
"""
AGENT = "---\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"
ENVIRONMENT = "---\nkind: Environment\nname: e\n"
DEPLOYMENT = "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\ntask: Go.\n"
FLOW = "---\nkind: Flow\nname: f\nsteps: { one: { agent: a } }\n"
HEAD = "apiVersion: agentflow/v1\nkind: Policy\nname: house\nchecks:\n  rule:\n    message: Ask the desk.\n"
HOSTS = "forbid_hosts: [evil.dev, '*.cn']"


def files_of(specs: str, demand: str, overlay: str = "") -> MemoryFiles:
    files = {"agentflow.yaml": PROJECT + specs, "policy.yaml": f"{HEAD}    {demand}\n"}
    if overlay:
        head = "apiVersion: agentflow/v1\nkind: Overlay\nname: o\ntarget: prod\npatch:\n"
        files["o.yaml"] = f"{head}  {overlay}\n"
    return MemoryFiles(files)


def problems(files: MemoryFiles, **options: Any) -> tuple[Diagnostic, ...]:
    return build(files, **options).problems


UNMET = [
    # id, specs, demand, text at the place, part of the message
    ("no-budget", AGENT, "max_budget: { usd: 5 }", "a", "agent/a has no `budget.usd`, and needs one of $5 at most"),
    ("budget", AGENT + "budget: { usd: 5.01 }", "max_budget: { usd: 5 }", "5.01", "`budget.usd` of agent/a is $5.01"),
    ("other-limit", AGENT + "budget: { usd: 5 }", "max_budget: { wall: 1h }", "{ usd: 5 }", "no `budget.wall`, and needs one of 3600 seconds"),
    ("turns", AGENT + "budget: { turns: 2000 }", "max_budget: { turns: 1k }", "2000", "is 2,000, and may be 1,000"),
    ("deployment-budget", AGENT + "budget: { usd: 1 }\n" + DEPLOYMENT + "budget: { usd: 9 }", "max_budget: { usd: 5, turns: 5 }\n    applies: ['deployment/*']", "9", "`budget.usd` of deployment/d is $9"),
    ("deployment-of-nobody", DEPLOYMENT.replace("agent: a", "agent: id:agent_1"), "max_budget: { usd: 5 }", "d", "deployment/d has no `budget.usd`"),
    ("deployment-raw", DEPLOYMENT + "budget: { usd: 1 }\nraw: { budget: null }\n" + AGENT + "budget: { usd: 1 }", "max_budget: { usd: 5 }", "null", "`raw.budget` sets the budget"),
    ("flow-budget", AGENT + FLOW, "max_budget: { usd: 5 }\n    applies: ['flow/*']", "f", "flow/f has no `budget.usd`"),
    ("model", AGENT, "models: ['claude-haiku-*']", "claude-opus-5-5", "agent/a uses the model 'claude-opus-5-5'"),
    ("advisor", AGENT.replace("opus-5-5", "haiku-4-5") + "team: { advisor: claude-opus-5-5 }", "models: ['claude-haiku-*']", "claude-opus-5-5", "uses the model"),
    ("raw-model", AGENT + "raw: { model: x }", "models: ['claude-opus-*']", "x", "`raw.model` sets the model, which no policy can check"),
    ("host", ENVIRONMENT + "network: { hosts: [a.dev, evil.dev] }", HOSTS, "evil.dev", "environment/e reaches 'evil.dev'"),
    ("host-glob", ENVIRONMENT + "network: { hosts: [A.CN] }", HOSTS, "A.CN", "reaches 'A.CN'"),
    ("host-wildcard", ENVIRONMENT + "network: { hosts: ['*.dev'] }".replace("*.dev", "*.b.cn"), HOSTS, "'*.b.cn'", "reaches '*.b.cn'"),
    ("host-open", ENVIRONMENT + "network: open", HOSTS, "open", "reaches every host, also evil.dev, *.cn"),
    ("host-raw", ENVIRONMENT + "raw: { config: {} }", HOSTS, "{}", "`raw.config` sets the network"),
    ("domain", AGENT + "tools: { web_fetch: { policy: ask, domains: [x.dev, evil.dev] } }", HOSTS, "evil.dev", "agent/a reaches 'evil.dev'"),
    ("domain-above", AGENT + "tools: { web_search: { policy: ask, domains: [evil.dev/x] } }", "forbid_hosts: [api.evil.dev]", "evil.dev/x", "reaches 'evil.dev'"),
    ("domain-any", AGENT + "tools: { web_search: ask }", HOSTS, "ask", "web_search of agent/a reaches every domain"),
    ("domain-blocked", AGENT + "tools: { web_search: { policy: ask, blocked: [evil.dev] } }", HOSTS, "{ policy: ask, blocked: [evil.dev] }", "every domain, also *.cn"),
    ("server", AGENT + "mcp: { m: { url: 'https://evil.dev/mcp' } }", HOSTS, "'https://evil.dev/mcp'", "reaches 'evil.dev'"),
    ("credential", "---\nkind: Vault\nname: v\ncredentials: { c: { url: 'https://evil.dev', bearer: '${secret.s}' } }", HOSTS, "'https://evil.dev'", "vault/v reaches 'evil.dev'"),
    ("variable", "---\nkind: Vault\nname: v\ncredentials: { c: { variable: { name: T, value: '${secret.s}', hosts: [a.cn] } } }", HOSTS, "a.cn", "vault/v reaches 'a.cn'"),
    ("own-workers", ENVIRONMENT + "hosting: self-hosted", "network: limited", "self-hosted", "environment/e is self-hosted, and its network is that of its workers"),
    ("open", ENVIRONMENT + "network: open", "network: limited", "open", "The network of environment/e is open"),
    ("ask", AGENT + "tools: { bash: allow }", "ask: [bash]", "allow", "The tool 'bash' of agent/a is allow, and has to ask"),
    ("ask-auto", AGENT + "tools: { bash: auto }", "ask: ['b*']", "auto", "is auto, and has to ask"),
    ("ask-mcp", AGENT + "mcp: { m: { url: 'https://m.dev', tools: { add: allow, get: ask } } }", "ask: ['m.*']", "allow", "The tool 'm.add'"),
    ("ask-others", AGENT + "mcp: { m: { url: 'https://m.dev', others: allow } }", "ask: [m.add]", "allow", "The tool 'm.*'"),
    ("ask-custom", AGENT + "custom: { t: { command: [date], description: Now., input_schema: { type: object } } }", "ask: [t]", "{ command: [date], description: Now., input_schema: { type: object } }", "The tool 't'"),
    ("off", AGENT + "tools: { web_fetch: ask }", "forbid_tools: ['web_*']", "ask", "has the tool 'web_fetch', which has to be off"),
    ("off-raw", AGENT + "raw: { tools: [] }", "forbid_tools: ['web_*']", "[]", "`raw.tools` sets tools"),
    ("require", AGENT, "require: [done]", "a", "agent/a has no `done`"),
    ("require-inside", AGENT + "metadata: { team: x }", "require: [metadata.owner]", "a", "agent/a has no `metadata.owner`"),
    ("require-empty", AGENT + "done: []", "require: [done]", "a", "agent/a has no `done`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("specs", "demand", "at", "message"), [c[1:] for c in UNMET], ids=[c[0] for c in UNMET]
)
def test_an_unmet_demand_is_an_error(specs: str, demand: str, at: str, message: str) -> None:
    files = files_of(specs, demand)
    (problem,) = problems(files)
    assert problem.code == "AF270"
    assert message in problem.message
    assert problem.message.endswith("(policy 'house', rule).")
    assert problem.hint == "Ask the desk."
    assert pointed_at(problem, files) == at
    ((span, caption),) = problem.related
    assert (str(span), caption) == ("policy.yaml:5:3", "policy 'house'")


MET = [
    ("budget", AGENT + "budget: { usd: 5 }", "max_budget: { usd: 5 }"),
    ("deployment-inherits", AGENT + "budget: { usd: 5, turns: 3 }\n" + DEPLOYMENT, "max_budget: { usd: 5, turns: 5 }"),
    ("flow", AGENT + "budget: { usd: 5 }\n" + FLOW, "max_budget: { usd: 5 }"),
    ("environment", ENVIRONMENT, "max_budget: { usd: 5 }"),
    ("model", AGENT, "models: ['claude-opus-*', x]"),
    ("hosts", ENVIRONMENT + "network: { hosts: [not-evil.dev, '*.evil.dev', cn.dev] }", HOSTS),
    ("closed", ENVIRONMENT, HOSTS),
    ("blocked", AGENT + "tools: { web_search: { policy: ask, blocked: [evil.dev] } }", "forbid_hosts: [evil.dev, a.evil.dev]"),
    ("off", AGENT + "tools: { web_search: off }", HOSTS),
    ("limited", ENVIRONMENT + "network: { hosts: [a.dev] }", "network: limited"),
    ("ask", AGENT + "tools: { bash: ask, read: allow, write: off }", "ask: [bash, write]"),
    ("forbidden-off", AGENT + "tools: { bash: off }", "forbid_tools: [bash]"),
    ("require", AGENT + "done: [Good.]\nmetadata: { owner: x }", "require: [done, metadata.owner]"),
    ("require-of-others", ENVIRONMENT, "require: [done]"),
    ("require-inherited", AGENT + "budget: { usd: 1 }\n" + DEPLOYMENT, "require: [budget.usd]"),
    ("other-spec", AGENT, "models: [x]\n    applies: ['agent/b*']"),
    ("other-target", AGENT, "models: [x]\n    targets: [prod]"),
]  # fmt: skip


@pytest.mark.parametrize(("specs", "demand"), [c[1:] for c in MET], ids=[c[0] for c in MET])
def test_a_demand_that_is_met_says_nothing(specs: str, demand: str) -> None:
    assert problems(files_of(specs, demand)) == ()


def test_an_overlay_is_judged_where_it_breaks_a_policy() -> None:
    files = files_of(
        AGENT + "tools: { bash: ask }", "ask: [bash]", "agent/a: { tools: { bash: allow } }"
    )
    assert problems(files) == ()
    (problem,) = problems(files, target="prod")
    assert problem.code == "AF270"
    assert str(problem.span) == "o.yaml:6:29"


def test_a_policy_holds_also_when_only_another_file_is_looked_at() -> None:
    files = files_of(AGENT, "models: [x]")
    assert [p.code for p in problems(files, only=["agentflow.yaml"])] == ["AF270"]
    assert problems(files, only=["policy.yaml"]) == ()


@pytest.mark.parametrize(
    ("host", "glob", "subdomains", "expected"),
    [
        ("evil.dev", "evil.dev", False, True),
        ("EVIL.dev", "evil.DEV", False, True),
        ("api.evil.dev", "evil.dev", False, False),
        ("*.evil.dev", "api.evil.dev", False, True),
        ("*.evil.dev", "evil.dev", False, False),
        ("evil.dev", "api.evil.dev", True, True),
        ("evil.dev", "api.evil.dev", False, False),
        ("*.cn", "*.cn", False, True),
        ("a.b.cn", "*.cn", False, True),
        ("*.b.cn", "*.cn", False, True),
        ("*.dev", "*.evil.dev", False, True),
        ("*.dev", "evil.*", False, True),
        ("a.dev", "evil.*", False, False),
        ("*.a.dev", "*.b.dev", False, False),
    ],
)
def test_a_forbidden_host(host: str, glob: str, subdomains: bool, expected: bool) -> None:
    assert forbidden(host, glob, subdomains=subdomains) is expected
