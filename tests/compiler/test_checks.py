"""Specs that have to fit each other: each rule with a project that breaks it, and the place."""

from __future__ import annotations

import pytest

from agentflow.diagnostics import Diagnostic
from tests.support.memory_files import MemoryFiles
from tests.support.projects import problems_of

PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: p
secrets: { s: "env:S", t: "env:T" }
"""
OTHER = "\n---\nkind: Agent\nname: b\nmodel: claude-opus-5-5\nprompt: Work.\n"
MCP = "mcp: { crm: { url: 'https://crm.dev/mcp', tools: { search: allow } } }\n"
CLOSED = "\n---\nkind: Environment\nname: e\n"
OWN = CLOSED + "hosting: self-hosted\n"
VAULT = "\n---\nkind: Vault\nname: v\ncredentials:\n"
BEARER = "  c: { url: 'https://crm.dev/mcp', bearer: '${secret.s}' }\n"
VARIABLE = "  c: { variable: { name: TOKEN, value: '${secret.s}', hosts: [api.dev] } }\n"
STORE = "\n---\nkind: MemoryStore\nname: m\n"


def built(agent: str) -> MemoryFiles:
    """A project with an agent `a` that goes on with `agent`, and the documents behind it."""
    head = "---\nkind: Agent\nname: a\n"
    own = agent.split("\n---", 1)[0]
    head += "" if "model:" in own else "model: claude-opus-5-5\n"
    head += "" if "prompt:" in own else "prompt: Work.\n"
    files = {"agentflow.yaml": PROJECT + head + agent}
    return MemoryFiles({**files, "x/d.csv": "1\n", "y/d.csv": "2\n", "d.csv": "3\n"})


def pointed_at(problem: Diagnostic, files: MemoryFiles) -> str:
    """The text that a problem points at."""
    assert problem.span is not None
    lines = files.files[problem.span.file].split("\n")
    line = lines[problem.span.line - 1]
    same = problem.span.line == problem.span.end_line
    return line[problem.span.column - 1 : problem.span.end_column - 1 if same else None]


def many(count: int, entry: str) -> str:
    return ", ".join(entry.replace("N", str(number)) for number in range(count))


SERVERS = [
    # id, agent and further documents, code, text at the place, part of the message, of the hint
    ("closed", "environment: e\n" + MCP + CLOSED, "AF262", "'https://crm.dev/mcp'", "'e' does not let 'crm.dev' through", "`mcp: inferred`"),
    ("other-host", "environment: e\n" + MCP + CLOSED + "network: { hosts: ['*.crm.dev'] }", "AF262", "'https://crm.dev/mcp'", "MCP server 'crm'", "add the host"),
    ("of-a-member", "environment: e\nteam: { subagents: [b] }" + OTHER + MCP + CLOSED, "AF262", "b", "of agent 'b' cannot be used", "`mcp: inferred`"),
    ("deployed", MCP + CLOSED + "\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: e\ntask: Go.", "AF262", "e", "MCP server 'crm'", "`mcp: inferred`"),
    ("too-many", "mcp: { " + many(21, "s-N: { url: 'https://h-N.dev' }") + " }", "AF264", "mcp", "21 MCP servers", "takes 20"),
    ("too-many-tools", "mcp: { crm: { url: 'https://crm.dev', tools: { " + many(250, "t-N: allow") + " } } }", "AF264", "mcp", "names 258 tools", "256"),
    ("same-url", "mcp: { a: { url: 'https://x.dev/mcp' }, b: { url: 'https://X.dev:443/mcp/' } }", "AF264", "'https://X.dev:443/mcp/'", "'a' and 'b' are one", "Keep one"),
    ("auth-path", "mcp: { crm: { url: 'https://crm.dev', auth: v.c } }" + VAULT + BEARER, "AF263", "v.c", "is for 'https://crm.dev/mcp'", "same URL"),
    ("auth-port", "mcp: { crm: { url: 'https://crm.dev:8443/mcp', auth: v.c } }" + VAULT + BEARER, "AF263", "v.c", "does not send it to 'crm'", "same URL"),
    ("auth-variable", "mcp: { crm: { url: 'https://api.dev', auth: v.c } }" + VAULT + VARIABLE, "AF263", "v.c", "is a variable", "bearer"),
]  # fmt: skip

TEAMS = [
    ("twice", "team: { subagents: [b, agent/b] }" + OTHER, "AF265", "agent/b", "in the team twice", "Remove one"),
    ("twice-pinned", "team: { subagents: [b, b@3] }" + OTHER, "AF265", "b@3", "in the team twice", "Remove one"),
    ("itself", "team: { coordinator: [a] }", "AF265", "a", "in its own team by its name", "`self`"),
    ("depth", "team: { workflows: [b] }" + OTHER + "team: { subagents: [self] }", "AF265", "b", "'b' has a team itself", "remove `team` from 'b'"),
    ("roster-with-advisor", "team: { advisor: claude-opus-5-5, coordinator: [" + many(20, "'id:agent_N'") + "] }", "AF265", "coordinator", "21 members", "takes 20"),
    ("geo", "model: { id: claude-opus-5-5, geo: us }\nteam: { subagents: [b] }" + OTHER, "AF266", "b", "'b' runs wherever its workspace says, and 'a' in 'us'", "`geo: us`"),
    ("advisor", "team: { advisor: claude-haiku-4-5 }", "AF267", "claude-haiku-4-5", "less capable than 'claude-opus-5-5'", "at least as capable"),
    ("advisor-older", "team: { advisor: claude-opus-4-8 }", "AF267", "claude-opus-4-8", "less capable", "at least"),
    ("skill-without-read", "skills: ['anthropic:xlsx']", "AF268", "skills", "cannot read them", "read: allow"),
    ("skill-read-off", "skills: ['anthropic:xlsx']\ntools: { read: off, bash: allow }", "AF268", "skills", "cannot read them", "read: allow"),
    ("skill-twice", "skills: ['anthropic:xlsx', 'anthropic:xlsx@1']\ntools: { read: allow }", "AF268", "'anthropic:xlsx@1'", "named twice", "Remove"),
]  # fmt: skip

SESSIONS = [
    ("own-files", "environment: e\nfiles: { d: ./d.csv }" + OWN, "AF271", "files", "No files are mounted: environment 'e' is self-hosted", "hosting: cloud"),
    ("own-repositories", "environment: e\nrepositories: { r: { url: 'https://github.com/o/r' } }" + OWN, "AF271", "repositories", "No repositories", "workers"),
    ("own-outputs", "environment: e\noutputs: { r: { path: r.md } }" + OWN, "AF271", "outputs", "No outputs are collected", "workers"),
    ("own-input", "environment: e\ninputs: { f: { type: file } }" + OWN, "AF271", "f", "input 'f' is not mounted", "workers"),
    ("own-variable", "environment: e\nvaults: [v]" + OWN + VAULT + VARIABLE, "AF271", "v", "variable 'TOKEN' of a vault is not put in", "workers"),
    ("own-deployed", "files: { d: ./d.csv }" + OWN + "\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: e\ntask: Go.", "AF271", "e", "No files are mounted", "hosting: cloud"),
    ("variable-host", "environment: e\nvaults: [v]" + CLOSED + "network: { hosts: [x.api.dev] }" + VAULT + VARIABLE, "AF273", "v", "'TOKEN' is for 'api.dev', which environment 'e'", "Add api.dev"),
    ("same-name", "files: { one: ./x/d.csv, two: ./y/d.csv }", "AF272", "./y/d.csv", "The file 'two' and the file 'one' are mounted at the same place: /mnt/session/uploads/d.csv.", "`mount`"),
    ("same-mount", "files: { one: { path: ./x/d.csv, mount: /in/a }, two: { path: ./y/d.csv, mount: /mnt/session/uploads/in/a } }", "AF272", "{ path: ./y/d.csv, mount: /mnt/session/uploads/in/a }", "same place", "`mount`"),
    ("inside", "files: { one: { path: ./x/d.csv, mount: /d.csv/x }, two: ./d.csv }", "AF272", "./d.csv", "one inside of the other: /mnt/session/uploads/d.csv and", "`mount`"),
    ("around", "files: { two: ./d.csv, one: { path: ./x/d.csv, mount: /d.csv/x } }", "AF272", "{ path: ./x/d.csv, mount: /d.csv/x }", "one inside of the other", "`mount`"),
    ("input-too", "files: { two: ./x/d.csv }\ninputs: { f: { type: file, default: ./d.csv } }\ntask: '{{ inputs.f }}'", "AF272", "./d.csv", "The input 'f' and the file 'two'", "`mount`"),
    ("repositories", "repositories: { one: { url: 'https://github.com/o/r' }, two: { url: 'https://github.com/p/r' } }", "AF272", "{ url: 'https://github.com/p/r' }", "/workspace/r", "`mount`"),
    ("memory-twice", "memory: [m, memorystore/m]" + STORE, "AF274", "memorystore/m", "named twice", "Remove"),
    ("resources", "repositories: { " + many(501, "r-N: { url: 'https://github.com/o/r-N' }") + " }", "AF274", "repositories", "is given 501 files", "500"),
    ("vaults", "vaults: [" + many(51, "'id:vlt_N'") + "]", "AF274", "vaults", "is given 51 vaults", "50"),
    ("credential-url", VAULT + BEARER + "  d: { url: 'https://CRM.dev/mcp/', bearer: '${secret.t}' }", "AF269", "'https://CRM.dev/mcp/'", "'c' and 'd' are for the same server", "vault of its own"),
    ("credential-name", VAULT + VARIABLE + "  d: { variable: { name: TOKEN, value: '${secret.t}', hosts: any } }", "AF269", "TOKEN", "'c' and 'd' are for the same variable", "Remove"),
    ("credential-host", VAULT + "  c: { variable: { name: TOKEN, value: '${secret.s}', hosts: ['https://api.dev'] } }", "AF152", "'https://api.dev'", "it has a scheme", "bare host"),
    ("vault-metadata", "\n---\nkind: Vault\nname: v\nmetadata: { agentflow.target: x }", "AF168", "agentflow.target", "belongs to agentflow", "prefix"),
    ("store-metadata", STORE + "metadata: { agentflow.target: x }", "AF168", "agentflow.target", "belongs to agentflow", "prefix"),
]  # fmt: skip

CASES = (*SERVERS, *TEAMS, *SESSIONS)


@pytest.mark.parametrize(
    ("spec", "code", "at", "message", "hint"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_mistake_is_found_at_its_place(
    spec: str, code: str, at: str, message: str, hint: str
) -> None:
    files = built(spec)
    (problem,) = problems_of(files)
    assert problem.code == code
    assert pointed_at(problem, files) == at
    assert message in problem.message
    assert problem.message.endswith(".")
    assert hint in (problem.hint or "")


FINE = [
    ("inferred", "environment: e\n" + MCP + CLOSED + "network: { mcp: inferred }"),
    ("listed", "environment: e\n" + MCP + CLOSED + "network: { hosts: [CRM.dev] }"),
    ("wildcard", "environment: e\nmcp: { c: { url: 'https://a.crm.dev' } }" + CLOSED + "network: { hosts: ['*.crm.dev'] }"),
    ("open", "environment: e\n" + MCP + CLOSED + "network: open"),
    ("own-machines", "environment: e\n" + MCP + OWN),
    ("elsewhere", "environment: id:env_1\n" + MCP),
    ("auth", "mcp: { crm: { url: 'https://CRM.dev:443/mcp/', auth: v.c } }" + VAULT + BEARER),
    ("auth-elsewhere", "mcp: { crm: { url: 'https://crm.dev', auth: 'id:vlt_1' } }"),
    ("team", "team: { subagents: [b, self], workflows: [b] }" + OTHER),
    ("geo", "model: { id: claude-opus-5-5, geo: us }\nteam: { subagents: [b] }" + OTHER.replace("claude-opus-5-5", "{ id: m, geo: us }")),
    ("advisor-newer", "model: claude-opus-4-8\nteam: { advisor: claude-opus-5-5 }"),
    ("advisor-unsure", "model: claude-opus-4-5\nteam: { advisor: claude-sonnet-5-5 }"),
    ("advisor-same", "team: { advisor: claude-opus-5-5 }"),
    ("advisor-unknown", "team: { advisor: some-model }"),
    ("skills", "skills: ['anthropic:xlsx', 'anthropic:pdf']\ntools: { read: ask }"),
    ("mounts", "files: { one: ./x/d.csv, two: { path: ./y/d.csv, mount: /d.csv.2 } }"),
    ("variable", "environment: e\nvaults: [v]" + CLOSED + "network: { hosts: ['*.api.dev'] }" + VAULT + VARIABLE.replace("api.dev", "'*.eu.api.dev'")),
]  # fmt: skip


@pytest.mark.parametrize("spec", [c[1] for c in FINE], ids=[c[0] for c in FINE])
def test_what_fits_is_not_reported(spec: str) -> None:
    assert problems_of(built(spec)) == ()


def test_a_team_may_be_written_in_full() -> None:
    files = built(
        "team: { subagents: { agents: [b], inline: true } }" + OTHER + "team: { advisor: m }"
    )
    (problem,) = problems_of(files)
    assert problem.code == "AF265"
    assert pointed_at(problem, files) == "b"


def test_one_mistake_of_an_agent_is_not_repeated_for_its_deployments() -> None:
    deployed = "\n---\nkind: Deployment\nname: d\nagent: a\ntask: Go.\n"
    for spec, code in (("environment: e\n" + MCP + CLOSED, "AF262"), (SESSIONS[7][1], "AF272")):
        assert [p.code for p in problems_of(built(spec + deployed))] == [code]
