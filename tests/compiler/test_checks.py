"""Specs that have to fit each other: each rule with a project that breaks it, and the place."""

from __future__ import annotations

import re

import pytest

from agentflow.compiler.zones import zones
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
    ("closed", "environment: e\n" + MCP + CLOSED, "AF284", "'https://crm.dev/mcp'", "'e' does not let 'crm.dev' through", "`mcp: inferred`"),
    ("other-host", "environment: e\n" + MCP + CLOSED + "network: { hosts: ['*.crm.dev'] }", "AF284", "'https://crm.dev/mcp'", "MCP server 'crm'", "add the host"),
    ("of-a-member", "environment: e\nteam: { subagents: [b] }" + OTHER + MCP + CLOSED, "AF284", "b", "of agent 'b' cannot be used", "`mcp: inferred`"),
    ("deployed", MCP + CLOSED + "\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: e\ntask: Go.", "AF284", "e", "MCP server 'crm'", "`mcp: inferred`"),
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
    ("skill-without-read", "skills: ['anthropic/xlsx']", "AF268", "skills", "cannot read them", "read: allow"),
    ("skill-read-off", "skills: ['anthropic/xlsx']\ntools: { read: off, bash: allow }", "AF268", "skills", "cannot read them", "read: allow"),
    ("skill-twice", "skills: ['anthropic/xlsx', 'anthropic/xlsx@1']\ntools: { read: allow }", "AF268", "'anthropic/xlsx@1'", "named twice", "Remove"),
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

CALLED = "\n---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_1\n"
GO = CALLED + "task: Go.\n"
ASK = "tools: { bash: ask }"
INPUTS = "inputs: { n: { type: integer }, r: { enum: [emea, apac], default: emea }, f: { type: file, default: ./d.csv } }\ntask: '{{ inputs.n }} {{ inputs.r }} {{ inputs.f }}'"


def cron(text: str) -> str:
    return GO + f"schedule: {{ cron: '{text}', timezone: UTC }}"


DEPLOYMENTS = [
    ("cron-short", cron("0 9 * *"), "AF275", "0 9 * *", "'0 9 * *' has 4", "minute, hour"),
    ("cron-seconds", cron("0 0 9 * * *"), "AF275", "0 0 9 * * *", "has 6", "no seconds"),
    ("cron-shortcut", cron("@daily"), "AF275", "@daily", "no shortcuts", '"0 0 * * *"'),
    ("cron-reboot", cron("@reboot"), "AF275", "@reboot", "no shortcuts", "0 9"),
    ("cron-hour", cron("0 24 * * *"), "AF275", "24", "'24' is no hour", "0 to 23"),
    ("cron-last", cron("0 9 L * *"), "AF275", "L", "no L, W, #", "1 to 31"),
    ("cron-weekday", cron("0 9 15W * *"), "AF275", "15W", "no L, W, #", "1 to 31"),
    ("cron-nth", cron("0 9 * * 1#2"), "AF275", "1#2", "no L, W, #", "SUN"),
    ("cron-any", cron("0 9 ? * 1"), "AF275", "?", "no L, W, #", "*"),
    ("cron-backwards", cron("0 17-9 * * *"), "AF275", "17-9", "goes backwards", "smaller one first"),
    ("cron-step", cron("5/10 * * * *"), "AF275", "5/10", "no range", "5-59/10"),
    ("cron-zero", cron("*/0 * * * *"), "AF275", "*/0", "is zero", "at least 1"),
    ("cron-name", cron("0 9 * * MO"), "AF275", "MO", "'MO' is no day of week", "SUN"),
    ("cron-in-list", cron("0 9,10,25 * * *"), "AF275", "25", "'25' is no hour", ""),
    ("cron-empty-item", cron("0 9,,10 * * *"), "AF275", "9,,10", "has an empty item", "comma"),
    ("cron-never", cron("0 9 31 2,4 *"), "AF275", "31", "never comes", "another month"),
    ("zone", GO + "schedule: { cron: '0 9 * * *', timezone: Europe/Berlim }", "AF276", "Europe/Berlim", "'Europe/Berlim'", "'Europe/Berlin'"),
    ("zone-offset", GO + "schedule: { cron: '0 9 * * *', timezone: '+02:00' }", "AF276", "'+02:00'", "'+02:00'", "UTC"),
    ("no-task", CALLED, "AF277", "d", "has no task, and neither has agent 'a'", "`task:`"),
    ("no-environment", "task: Go.\n---\nkind: Deployment\nname: d\nagent: a\n", "AF277", "d", "names no environment, and neither does agent 'a'", "`environment:`"),
    ("no-task-elsewhere", CALLED.replace("agent: a", "agent: id:agent_1"), "AF277", "d", "has no task.", "`task:`"),
    ("input-unknown", INPUTS + CALLED + "inputs: { n: 1, reg: emea }", "AF278", "reg", "has no input 'reg'", "n, r and f"),
    ("input-near", "inputs: { region: { default: x } }\ntask: '{{ inputs.region }}'" + CALLED + "inputs: { regoin: y }", "AF278", "regoin", "no input 'regoin'", "'region'"),
    ("input-none", GO + "inputs: { n: 1 }", "AF278", "n", "no input 'n'", "takes none"),
    ("input-type", INPUTS + CALLED + "inputs: { n: three }", "AF278", "three", "of type integer, and 'three' is not", "type integer"),
    ("input-text", INPUTS + CALLED + "inputs: { n: 1, r: 2 }", "AF278", "2", "of type string, and 2 is not", 'Quote it: "2"'),
    ("input-choice", INPUTS + CALLED + "inputs: { n: 1, r: apec }", "AF278", "apec", "'apec' is not among the choices", "'apac'"),
    ("input-missing", INPUTS + CALLED, "AF278", "kind: Deployment", "input 'n' of agent 'a' has no value", "below `inputs`"),
    ("input-missing-too", INPUTS + CALLED + "inputs: { r: apac }", "AF278", "inputs", "input 'n' of agent 'a' has no value", "default"),
    ("input-file", INPUTS + CALLED + "inputs: { n: 1, f: ./e.csv }", "AF001", "./e.csv", "e.csv", ""),
    ("asks", ASK + GO, "AF279", "a", "nobody answers for deployment 'd': bash asks.", "`answered_by:`"),
    ("asks-mcp", "mcp: { crm: { url: 'https://crm.dev', others: ask, tools: { add: ask } } }" + GO, "AF279", "a", "crm.add asks and other tools of crm ask", "`answered_by:`"),
    ("asks-custom", "custom: { t: { command: [date], description: Now., input_schema: { type: object } } }" + GO, "AF279", "a", "the custom tool t has to be run", "`answered_by:`"),
    ("asks-back", "uncertainty: ask" + GO, "AF279", "a", "it may ask a question", "`answered_by:`"),
    ("asks-in-team", "team: { subagents: [b] }" + OTHER + ASK + GO, "AF279", "a", "bash asks (b)", "`answered_by:`"),
    ("deployment-metadata", GO + "metadata: { agentflow.target: x }", "AF168", "agentflow.target", "belongs to agentflow", "prefix"),
    ("deployed-input-mount", "files: { d: ./x/d.csv }\ninputs: { f: { type: file } }\ntask: '{{ inputs.f }}'" + CALLED + "inputs: { f: ./y/d.csv }", "AF272", "./y/d.csv", "The input 'f' and the file 'd'", "`mount`"),
]  # fmt: skip

RULES = "approvals: [{ tool: T, answer: deny }]"
ADD = "mcp: { crm: { url: 'https://crm.dev', tools: { search: allow, add: ask, drop: off } } }\n"
APPROVALS = [
    ("unknown-tool", ADD + RULES.replace("T", "crm.ad"), "AF254", "crm.ad", "No tool of this agent is named 'crm.ad'", "'crm.add'"),
    ("unknown-server", ADD + RULES.replace("T", "crn.*"), "AF254", "crn.*", "'crn.*'", ""),
    ("mcp-allowed", ADD + RULES.replace("T", "crm.search"), "AF254", "crm.search", "never asks", "search: ask"),
    ("mcp-off", ADD + RULES.replace("T", "crm.drop"), "AF254", "crm.drop", "which is off", "drop: ask"),
    ("mcp-taken", ADD + "approvals: [{ tool: 'crm.*', answer: deny }, { tool: crm.add, answer: allow }]", "AF256", "{ tool: crm.add, answer: allow }", "never reached", "narrower"),
    ("others-allowed", ADD.replace("tools:", "others: allow, tools:") + RULES.replace("T", "crm.more"), "AF254", "crm.more", "never asks", "others: ask"),
]  # fmt: skip

WRITER = "outputs: { report: { path: r.md }, totals: { path: t.json } }\ninputs: { topic: {} }\n"
FLOW = "\n---\nkind: Flow\nname: f\ninputs: { x: { enum: [a, b] } }\n"
ONE = "one: { agent: a, inputs: { topic: t } }"
TWO = "two: { agent: a, inputs: { topic: t }, "


def flow(steps: str) -> str:
    return f"{WRITER}{FLOW}steps: {{ {steps} }}"


def when(condition: str) -> str:
    return flow(f'{ONE}, {TWO}needs: [one], when: "{condition}" }}')


FLOWS = [
    ("needs-unknown", flow(ONE + ", " + TWO + "needs: [on] }"), "AF280", "on", "no step 'on'", "'one'"),
    ("needs-twice", flow(ONE + ", " + TWO + "needs: [one, one] }"), "AF280", "one", "needs 'one' twice", "Remove"),
    ("needs-itself", flow(TWO + "needs: [two] }"), "AF280", "[two]", "two → two", "out of `needs`"),
    ("needs-circle", flow(f"{TWO}needs: [three] }}, three: {{ agent: a, inputs: {{ topic: t }}, needs: [two] }}"), "AF280", "[three]", "two → three → two", "out of `needs`"),
    ("agent-input", flow("one: { agent: a, inputs: { topik: t, topic: t } }"), "AF278", "topik", "no input 'topik'", "'topic'"),
    ("agent-input-missing", flow("one: { agent: a }"), "AF278", "{ agent: a }", "input 'topic' of agent 'a' has no value", "below `inputs`"),
    ("from-nowhere", flow("one: { agent: a, inputs: { topic: { from: input.x } } }"), "AF281", "input.x", "'input.x' is no path", "`inputs.`"),
    ("from-text", flow("one: { agent: a, inputs: { topic: { from: 'the report' } } }"), "AF281", "'the report'", "is no path", "steps.NAME.outputs.OUTPUT"),
    ("from-number", flow("one: { agent: a, inputs: { topic: { from: 3 } } }"), "AF281", "3", "This is no path", "inputs.NAME"),
    ("from-and-more", flow("one: { agent: a, inputs: { topic: { from: inputs.x, default: a } } }"), "AF281", "{ from: inputs.x, default: a }", "nothing else", "alone"),
    ("from-input", flow("one: { agent: a, inputs: { topic: { from: inputs.y } } }"), "AF281", "inputs.y", "no input 'y'", "x"),
    ("from-inside-input", flow("one: { agent: a, inputs: { topic: { from: inputs.x.y } } }"), "AF281", "inputs.x.y", "is a string", "inputs.x"),
    ("from-step", flow(ONE + ", two: { agent: a, needs: [one], inputs: { topic: { from: steps.oen.outputs.report } } }"), "AF281", "steps.oen.outputs.report", "no step 'oen'", "'one'"),
    ("from-not-needed", flow(ONE + ", two: { agent: a, inputs: { topic: { from: steps.one.outputs.report } } }"), "AF281", "steps.one.outputs.report", "may not have run", "Add one to its `needs`"),
    ("from-later", flow("one: { agent: a, inputs: { topic: { from: steps.two.outputs.report } } }, " + TWO + "needs: [one] }"), "AF281", "steps.two.outputs.report", "runs later", "before it"),
    ("from-itself", flow("one: { agent: a, inputs: { topic: { from: steps.one.outputs.report } } }"), "AF281", "steps.one.outputs.report", "runs later", "before it"),
    ("from-no-output", flow(ONE + ", two: { agent: a, needs: [one], inputs: { topic: { from: steps.one.report } } }"), "AF281", "steps.one.report", "leads to no output", "steps.one.outputs.report"),
    ("from-output", flow(ONE + ", two: { agent: a, needs: [one], inputs: { topic: { from: steps.one.outputs.reprt } } }"), "AF281", "steps.one.outputs.reprt", "no output 'reprt'", "'report'"),
    ("from-inside", flow(ONE + ", two: { agent: a, needs: [one], inputs: { topic: { from: steps.one.outputs.report.title } } }"), "AF281", "steps.one.outputs.report.title", "only of JSON files", "steps.one.outputs.report"),
    ("from-approval", flow("ok: { approve: { message: Go on } }, two: { agent: a, needs: [ok], inputs: { topic: { from: steps.ok.outputs.answer } } }"), "AF281", "steps.ok.outputs.answer", "is an approval", "before it"),
    ("foreach", flow(ONE + ", " + TWO + "needs: [one], foreach: { in: steps.one.outputs.total, max: 9 } }"), "AF281", "steps.one.outputs.total", "no output 'total'", "'totals'"),
    ("item", flow("one: { agent: a, inputs: { topic: { from: item } } }"), "AF281", "item", "not run for each", "`foreach`"),
    ("show", flow(ONE + ", ok: { needs: [one], approve: { message: Go on, show: [steps.one.outputs.x] } }"), "AF281", "steps.one.outputs.x", "no output 'x'", "report and totals"),
    ("show-input", flow("ok: { approve: { message: Go on, show: [inputs.x] } }"), "AF281", "inputs.x", "is no output", "steps.NAME"),
    ("python", flow("one: { python: 'desk:f' }"), "AF250", "'desk:f'", "desk.py", "project directory"),
    ("when", when("steps.one.outputs.totals.sum = 3"), "AF282", "=", "'=' has no meaning", "`==`"),
    ("when-path", when("steps.one.outputs.total.sum == 3"), "AF281", "steps.one.outputs.total.sum", "no output 'total'", "'totals'"),
    ("when-item", when("item == 3"), "AF281", "item", "not run for each", "foreach"),
    ("flow-input", WRITER + FLOW.replace("[a, b]", "[a, 1]") + "steps: { " + ONE + " }", "AF164", "1", "not of type string", "Quote"),
    ("flow-budget", WRITER + FLOW + "budget: { active: 2h, wall: 1h }\nsteps: { " + ONE + " }", "AF165", "2h", "longer than the wall time", "Lower"),
]  # fmt: skip

TESTED = (
    WRITER
    + ASK
    + "\ncustom: { t: { command: [date], description: Now., input_schema: { type: object, properties: { zone: {} }, required: [zone] } } }\n---\nkind: Test\nname: t\nagent: a\n"
)
LOOP = TESTED + "layer: loop\nscript: ./x/d.csv\ninputs: { topic: t }\n"
HANDLER = TESTED + "layer: handler\n"
TESTS = [
    ("test-input", TESTED + "layer: loop\nscript: ./x/d.csv\ninputs: { topik: t, topic: t }", "AF278", "topik", "no input 'topik'", "'topic'"),
    ("test-input-missing", TESTED + "layer: loop\nscript: ./x/d.csv", "AF278", "kind: Test", "input 'topic'", "below `inputs`"),
    ("test-script", TESTED + "layer: loop\nscript: ./z.yaml\ninputs: { topic: t }", "AF001", "./z.yaml", "z.yaml", ""),
    ("test-target", TESTED + "layer: live\ntarget: prod\ninputs: { topic: t }", "AF209", "prod", "no target 'prod'", "local"),
    ("test-order", LOOP + "expect: { tools: { order: [bash, bsh] } }", "AF283", "bsh", "has no tool 'bsh'", "'bash'"),
    ("test-order-off", LOOP + "expect: { tools: { order: [read] } }", "AF283", "read", "has no tool 'read'", "bash and t"),
    ("test-count", LOOP + "expect: { tools: { counts: { 'x*': 2 } } }", "AF283", "'x*'", "has no tool 'x*'", "bash and t"),
    ("test-never", LOOP + "expect: { tools: { never: [web_serch] } }", "AF283", "web_serch", "has no tool 'web_serch'", "'web_search'"),
    ("test-fault", LOOP + "faults: [{ fault: tool_crash, tool: tt }]", "AF283", "tt", "has no tool 'tt'", ""),
    ("test-output", LOOP + "expect: { outputs: { reprt: ./d.csv } }", "AF283", "reprt", "no output 'reprt'", "'report'"),
    ("test-no-outputs", "\n---\nkind: Test\nname: t\nagent: a\nlayer: loop\nscript: ./d.csv\nexpect: { outputs: valid }", "AF283", "valid", "declares no outputs", "Declare them"),
    ("test-check", LOOP + "expect: { checks: ['desk:f'] }", "AF250", "'desk:f'", "desk.py", "project directory"),
    ("test-call", HANDLER + "calls: [{ tool: tt, result: 1 }]", "AF283", "tt", "no custom tool 'tt'", "'t'"),
    ("test-argument", HANDLER + "calls: [{ tool: t, arguments: { zone: x, zoen: x }, result: 1 }]", "AF283", "zoen", "no argument 'zoen'", "'zone'"),
    ("test-argument-missing", HANDLER + "calls: [{ tool: t, result: 1 }]", "AF283", "{ tool: t, result: 1 }", "lacks the argument 'zone'", "`error`"),
]  # fmt: skip

CASES = (*FLOWS, *TESTS, *SERVERS, *TEAMS, *SESSIONS, *DEPLOYMENTS, *APPROVALS)


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
    ("flow", flow(f"{ONE}, {TWO}needs: [one], when: \"steps.one.outputs.totals.sum > 3 and inputs.x in ['a']\" }}, three: {{ agent: a, needs: [two], inputs: {{ topic: {{ from: steps.one.outputs.totals.0.name }} }} }}")),
    ("foreach", flow(f"{ONE}, two: {{ agent: a, needs: [one], foreach: {{ in: steps.one.outputs.totals.parts, max: 3 }}, inputs: {{ topic: {{ from: item.name }} }} }}")),
    ("flow-elsewhere", flow("one: { agent: 'id:agent_1', inputs: { z: 1 } }, ok: { needs: [one], approve: { message: Go on, show: [steps.one.outputs.any] } }")),
    ("test", LOOP + "expect: { tools: { order: [bash, 't*'], never: [web_search, read], counts: { t: 1 } }, outputs: valid }"),
    ("handler", HANDLER + "calls: [{ tool: t, arguments: { zone: x }, result: 1 }, { tool: t, error: zone }]"),
    ("test-of-others", "\n---\nkind: Test\nname: t\nagent: 'id:agent_1'\nlayer: live\nexpect: { tools: { never: [x] } }"),
    ("rule-for-others", ADD.replace("tools:", "others: ask, tools:") + "approvals: [{ tool: crm.add, answer: allow }, { tool: crm.more, match: { id: '1' }, answer: allow }, { tool: 'crm.m*', answer: deny }]"),
    ("rule-by-ending", ADD + RULES.replace("T", "'*.add'")),
    ("scheduled", cron("*/15,3 8-18/2 1,15 JAN-MAR,12 mon-fri")),
    ("sunday", cron("0 9 * * 0,7")),
    ("day-or-weekday", cron("0 9 31 2 1")),
    ("answered", ASK + GO + "answered_by: the desk"),
    ("auto", "tools: { bash: auto }" + GO),
    ("inputs", INPUTS + CALLED + "inputs: { n: 1, r: apac, f: ./x/d.csv }"),
    ("input-unused", INPUTS + GO),
    ("all-inputs", "inputs: { n: {} }\ntask: '{% for name in inputs %}{{ name }}{% endfor %}'" + CALLED + "inputs: { n: x }"),
    ("agent-elsewhere", GO.replace("agent: a", "agent: id:agent_1") + "inputs: { x: 1 }"),
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
    ("skills", "skills: ['anthropic/xlsx', 'anthropic/pdf']\ntools: { read: ask }"),
    ("mounts", "files: { one: ./x/d.csv, two: { path: ./y/d.csv, mount: /d.csv.2 } }"),
    ("variable", "environment: e\nvaults: [v]" + CLOSED + "network: { hosts: ['*.api.dev'] }" + VAULT + VARIABLE.replace("api.dev", "'*.eu.api.dev'")),
]  # fmt: skip


@pytest.mark.parametrize("spec", [c[1] for c in FINE], ids=[c[0] for c in FINE])
def test_what_fits_is_not_reported(spec: str) -> None:
    assert problems_of(built(spec)) == ()


def test_zones_are_full_names() -> None:
    for zone in ("UTC", "Etc/GMT-2", "Europe/Berlin", "America/Argentina/La_Rioja", "US/Eastern"):
        assert zone in zones()
    assert len(zones()) > 500
    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9_+/-]+", zone) for zone in zones())


def test_a_team_may_be_written_in_full() -> None:
    files = built(
        "team: { subagents: { agents: [b], inline: true } }" + OTHER + "team: { advisor: m }"
    )
    (problem,) = problems_of(files)
    assert problem.code == "AF265"
    assert pointed_at(problem, files) == "b"


def test_one_mistake_of_an_agent_is_not_repeated_for_its_deployments() -> None:
    deployed = "\n---\nkind: Deployment\nname: d\nagent: a\ntask: Go.\n"
    same = f"environment: id:env_1\n{SESSIONS[7][1]}"
    for spec, code in (("environment: e\n" + MCP + CLOSED, "AF284"), (same, "AF272")):
        assert [p.code for p in problems_of(built(spec + deployed))] == [code]
