"""What a schema cannot say: each rule with a spec that breaks it, and the place it is reported at."""

from __future__ import annotations

import pytest

from agentflow import codes
from agentflow.diagnostics import Diagnostic
from tests.compiler.test_checks import CASES as BETWEEN
from tests.support.bad_input import CASES as BAD
from tests.support.memory_files import MemoryFiles
from tests.support.projects import PROJECT, problems_of, project

TOOLS = "def rate(currency: str): 'Rate.'\ndef bare(x: int): ...\ndef free(**more): 'Free.'\n"
CHECKS = "def ok(outputs): ...\ndef two(a, b): ...\n"


def agent(text: str) -> MemoryFiles:
    return project(text, {"desk.py": TOOLS, "checks.py": CHECKS, "data.csv": "a,b\n"})


def environment(text: str) -> MemoryFiles:
    return MemoryFiles({"agentflow.yaml": f"{PROJECT}---\nkind: Environment\nname: e\n{text}"})


def pointed_at(problem: Diagnostic, files: MemoryFiles) -> str:
    """The text that a problem points at."""
    assert problem.span is not None
    lines = files.files[problem.span.file].split("\n")
    line = lines[problem.span.line - 1]
    same = problem.span.line == problem.span.end_line
    return line[problem.span.column - 1 : problem.span.end_column - 1 if same else None]


RATE = "custom: { rate: { run: 'desk:rate' } }\n"
ASK = "custom: { rate: { run: 'desk:rate', policy: ask } }\ntools: { bash: ask, read: allow }\n"

AGENTS = [
    # id, spec, code, text at the place, part of the message, part of the hint
    ("module", "custom: { t: { run: 'gone:f' } }", "AF250", "'gone:f'", "'gone.py'", "package.module"),
    ("function", "custom: { t: { run: 'desk:rat' } }", "AF251", "'desk:rat'", "'rat'", "'rate'"),
    ("no-description", "custom: { t: { run: 'desk:bare' } }", "AF162", "t", "no description", "bare()"),
    ("built-in-name", "custom: { bash: { run: 'desk:rate' } }", "AF160", "bash", "built-in", "another name"),
    ("ask-user-name", "custom: { ask_user: { run: 'desk:rate' } }\nuncertainty: ask", "AF160", "ask_user", "`uncertainty: ask` adds", "another"),
    ("schema-type", "custom: { t: { run: 'desk:free', input_schema: { type: string } } }", "AF161", "string", "not of type object", "type: object"),
    ("schema-top-union", "custom: { t: { run: 'desk:free', input_schema: { type: object, anyOf: [{}] } } }", "AF161", "anyOf", "'anyOf' at the top", "inside"),
    ("schema-ref", "custom: { t: { run: 'desk:free', input_schema: { type: object, properties: { a: { $ref: '#/x' } } } } }", "AF161", "$ref", "$ref", "in its place"),
    ("schema-property", "custom: { t: { run: 'desk:free', input_schema: { type: object, properties: { 'a b': {} } } } }", "AF161", "'a b'", "'a b'", "Use letters"),
    ("schema-metaschema", "custom: { t: { run: 'desk:free', input_schema: { type: object, required: a } } }", "AF161", "a", "not valid JSON Schema", ""),
    ("schema-extra", "custom: { rate: { run: 'desk:rate', input_schema: { type: object, properties: { currency: {}, curency: {} }, required: [currency] } } }", "AF260", "curency", "takes no argument 'curency'", "'currency'"),
    ("schema-not-required", "custom: { rate: { run: 'desk:rate', input_schema: { type: object, properties: { currency: {} } } } }", "AF260", "'desk:rate'", "needs 'currency'", "required"),
    ("argument", "custom: { rate: { run: 'desk:rate', arguments: { curency: { deny: [x] } } } }", "AF257", "curency", "no argument 'curency'", "'currency'"),
    ("no-schema", "custom: { t: { command: [date], description: Now. } }", "AF169", "t", "no input schema", "`command`"),
    ("command-schema", "custom: { t: { command: [date], description: Now., input_schema: { type: string } } }", "AF161", "string", "not of type object", "type: object"),
    ("command-argument", "custom: { t: { command: [date], description: Now., input_schema: { type: object, properties: { zone: {} } }, arguments: { zoen: { allow: [x] } } } }", "AF257", "zoen", "no argument 'zoen'", "'zone'"),
    ("argument-empty", "custom: { rate: { run: 'desk:rate', arguments: { currency: {} } } }", "AF163", "currency", "nothing", "allow"),
    ("check-module", "done: [{ check: 'gone:f' }]", "AF250", "'gone:f'", "'gone.py'", "project directory"),
    ("check-function", "done: [{ check: checks.okk }]", "AF251", "checks.okk", "'okk'", "'ok'"),
    ("check-call", "done: [{ check: 'checks:two' }]", "AF260", "'checks:two'", "one argument", "def two(outputs)"),
    ("fast", "model: { id: claude-haiku-5-5, speed: fast }", "AF166", "fast", "no fast mode", "claude-opus-5"),
    ("input-default", "inputs: { n: { type: integer, default: three } }", "AF164", "three", "not of type integer", "type integer"),
    ("input-default-text", "inputs: { n: { default: 3 } }", "AF164", "3", "not of type string", 'Quote it: "3"'),
    ("input-bool", "inputs: { n: { type: integer, default: true } }", "AF164", "true", "not of type integer", ""),
    ("input-choice", "inputs: { r: { enum: [a, 1] } }", "AF164", "1", "choice 1", "Quote it"),
    ("input-not-a-choice", "inputs: { r: { enum: [a, b], default: c } }", "AF164", "c", "not among its choices", "'a' or 'b'"),
    ("input-file-choices", "inputs: { f: { type: file, enum: [a] } }", "AF164", "enum", "no choices", "Remove"),
    ("input-file-gone", "inputs: { f: { type: file, default: ./gone.csv } }", "AF001", "./gone.csv", "gone.csv", ""),
    ("budget-empty", "budget: { warn_at: 50% }", "AF165", "budget", "no limit", "usd"),
    ("budget-time", "budget: { active: 2h, wall: 1h }", "AF165", "2h", "longer than the wall time", "Lower"),
    ("metadata", "metadata: { agentflow.project: x }", "AF168", "agentflow.project", "belongs to agentflow", "prefix"),
    ("metadata-raw", "raw: { metadata: { agentflow.digest: x } }", "AF168", "agentflow.digest", "belongs to agentflow", "prefix"),
    ("domain-scheme", "tools: { web_fetch: { policy: allow, domains: ['https://a.com/x'] } }", "AF151", "'https://a.com/x'", "scheme", "Write a.com."),
    ("domain-wildcard", "tools: { web_fetch: { policy: allow, domains: ['*.a.com'] } }", "AF151", "'*.a.com'", "without a wildcard", "Write a.com."),
    ("domain-path", "tools: { web_fetch: { policy: allow, domains: [a.com/x] } }", "AF151", "a.com/x", "without a path", "Write a.com."),
    ("domain-ip", "tools: { web_fetch: { policy: allow, domains: [10.0.0.1] } }", "AF151", "10.0.0.1", "IP address", ""),
    ("domain-private", "tools: { web_search: { policy: allow, blocked: [x.internal] } }", "AF151", "x.internal", "not a public", ""),
    ("domain-label", "tools: { web_search: { policy: allow, domains: [intranet] } }", "AF151", "intranet", "single label", ""),
    ("domain-twice", "tools: { web_search: { policy: allow, domains: [a.com, A.com] } }", "AF151", "A.com", "twice", ""),
    ("domain-unicode", "tools: { web_search: { policy: allow, domains: [bücher.de] } }", "AF151", "bücher.de", "ASCII", "xn--bcher-kva.de"),
    ("output-outside", "outputs: { r: { path: /tmp/r.md } }", "AF154", "/tmp/r.md", "'/tmp/r.md'", "file name"),
    ("output-parent", "outputs: { r: { path: ../r.md } }", "AF154", "../r.md", "'../r.md'", "file name"),
    ("output-directory", "outputs: { r: { path: reports/ } }", "AF154", "reports/", "'reports/'", "file name"),
    ("output-nested", "outputs: { r: { path: a/r.md } }", "AF154", "a/r.md", "subdirectory", "`path: r.md`"),
    ("output-same", "outputs: { a: { path: r.md }, b: { path: /mnt/session/outputs/R.md } }", "AF155", "/mnt/session/outputs/R.md", "'a' and 'b'", "another file name"),
    ("output-schema-format", "outputs: { r: { path: r.md, schema: { type: object } } }", "AF156", "schema", "no JSON file", ".json"),
    ("output-sections-format", "outputs: { r: { path: r.json, sections: [A] } }", "AF156", "sections", "no Markdown", ".md"),
    ("output-section-empty", "outputs: { r: { path: r.md, sections: [(short)] } }", "AF156", "(short)", "no heading", "Heading"),
    ("output-section-twice", "outputs: { r: { path: r.md, sections: [A, a (x)] } }", "AF156", "a (x)", "named twice", "Remove"),
    ("output-schema-bad", "outputs: { r: { path: r.json, schema: { type: objet } } }", "AF158", "objet", "'objet'", ""),
    ("output-schema-dangling", "outputs: { r: { path: r.json, schema: { $ref: '#/$defs/x' } } }", "AF158", "'#/$defs/x'", "names no part", "below `$defs`"),
    ("output-schema-dynamic", "outputs: { r: { path: r.json, schema: { $dynamicRef: 'https://x.com/s.json' } } }", "AF158", "'https://x.com/s.json'", "leads out", ""),
    ("output-schema-remote", "outputs: { r: { path: r.json, schema: { $ref: 'https://x.com/s.json' } } }", "AF158", "'https://x.com/s.json'", "leads out", ""),
    ("output-schema-file", "outputs: { r: { path: r.json, schema: ./data.csv } }", "AF259", "./data.csv", "not one JSON object", "JSON Schema"),
    ("record", "uncertainty: { mode: assume, record: reprt }\noutputs: { report: { path: r.md } }", "AF258", "reprt", "no output", "'report'"),
    ("record-none", "uncertainty: { mode: assume, record: r.md }", "AF258", "r.md", "no output", "Declare it"),
    ("scratch-outputs", "scratch: /mnt/session/outputs/tmp", "AF157", "/mnt/session/outputs/tmp", "delivered", "/tmp"),
    ("scratch-uploads", "scratch: /mnt/session/uploads", "AF157", "/mnt/session/uploads", "read-only", "/tmp"),
    ("approval-unknown", ASK + "approvals: [{ tool: bsh, answer: deny }]", "AF254", "bsh", "'bsh'", "'bash'"),
    ("approval-off", ASK + "approvals: [{ tool: grep, answer: deny }]", "AF254", "grep", "does not have", "grep: ask"),
    ("approval-allowed", ASK + "approvals: [{ tool: read, answer: deny }]", "AF254", "read", "never asks", "read: ask"),
    ("approval-custom-allowed", RATE + "approvals: [{ tool: rate, answer: deny }]", "AF254", "rate", "never asks", "policy: ask"),
    ("approval-no-tools", "approvals: [{ tool: '*', answer: deny }]", "AF254", "'*'", "'*'", "no tools"),
    ("approval-argument", ASK + "approvals: [{ tool: bash, match: { comand: x }, answer: deny }]", "AF255", "comand", "'comand'", "'command'"),
    ("approval-custom-argument", ASK + "approvals: [{ tool: rate, match: { day: x }, answer: deny }]", "AF255", "day", "'day'", "currency"),
    ("approval-unreachable", ASK + "approvals:\n- { tool: '*', answer: allow }\n- { tool: bash, answer: deny }", "AF256", "{ tool: bash, answer: deny }", "Rule 2 is never reached", "narrower"),
    ("approval-twice", ASK + "approvals:\n- { tool: bash, match: { command: x }, answer: allow }\n- { tool: bash, match: { command: x }, answer: deny }", "AF256", "{ tool: bash, match: { command: x }, answer: deny }", "rule 1 takes", "narrower"),
    ("prompt-long", "prompt: " + "x" * 100_001, "AF150", "x" * 100_001, "100,", "file"),
]  # fmt: skip

ENVIRONMENTS = [
    ("scheme", "network: { hosts: ['https://a.com'] }", "AF152", "'https://a.com'", "scheme", "Write a.com."),
    ("port", "network: { hosts: ['a.com:443'] }", "AF152", "'a.com:443'", "port", "Write a.com."),
    ("path", "network: { hosts: [a.com/x] }", "AF152", "a.com/x", "path", "Write a.com."),
    ("wildcard", "network: { hosts: ['a.*.com'] }", "AF152", "'a.*.com'", "only at the start", "bare host"),
    ("wildcard-all", "network: { hosts: ['*'] }", "AF152", "'*'", "only at the start", "bare host"),
    ("wildcard-tld", "network: { hosts: ['*.com'] }", "AF152", "'*.com'", "subdomains of a domain", ""),
    ("not-a-host", "network: { hosts: ['a b'] }", "AF152", "'a b'", "not a host name", ""),
    ("unicode", "network: { hosts: [bücher.de] }", "AF152", "bücher.de", "ASCII", "xn--bcher-kva.de"),
    ("packages", "packages: { pip: [pandas], apt: [jq] }", "AF153", "packages", "apt and pip cannot install", "`packages: true`"),
    ("open", "network: { open: true, hosts: [a.com] }", "AF167", "hosts", "restrict nothing", "network: open"),
    ("metadata", "metadata: { agentflow.target: x }", "AF168", "agentflow.target", "belongs to agentflow", "prefix"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "code", "text", "message", "hint"),
    [row[1:] for row in AGENTS],
    ids=[r[0] for r in AGENTS],
)
def test_an_agent_that_cannot_work(
    spec: str, code: str, text: str, message: str, hint: str
) -> None:
    _expect(agent(spec), code, text, message, hint)


@pytest.mark.parametrize(
    ("spec", "code", "text", "message", "hint"),
    [row[1:] for row in ENVIRONMENTS],
    ids=[r[0] for r in ENVIRONMENTS],
)
def test_an_environment_that_is_refused(
    spec: str, code: str, text: str, message: str, hint: str
) -> None:
    _expect(environment(spec), code, text, message, hint)


def _expect(files: MemoryFiles, code: str, text: str, message: str, hint: str) -> None:
    problems = problems_of(files)
    assert [p.code for p in problems] == [code]
    assert pointed_at(problems[0], files) == text
    assert message in problems[0].message
    assert hint in (problems[0].hint or "")


@pytest.mark.parametrize(
    "spec",
    [
        "network: { hosts: [docs.python.org, '*.example.com', LOCALHOST, 10.0.0.1] }",
        "network: open\npackages: { pip: [pandas] }",
        "network: { packages: true }\npackages: { npm: [express] }",
    ],
)
def test_an_environment_that_is_fine(spec: str) -> None:
    assert problems_of(environment(spec)) == ()


@pytest.mark.parametrize(
    "spec",
    [
        RATE + "outputs: { r: { path: /mnt/session/outputs/r.md, sections: [A, B] } }\nuncertainty: { mode: assume, record: /mnt/session/outputs/r.md }",
        ASK + "approvals:\n- { tool: bash, match: { command: 'ls *' }, answer: allow }\n- { tool: '*', answer: deny }",
        "custom: { t: { run: 'desk:free', description: D, input_schema: { type: object, properties: { a: { properties: { $ref: { type: string } } } } } } }",
        "tools: { web_search: { policy: allow, domains: [a.com/x] }, web_fetch: { policy: auto } }\napprovals: [{ tool: 'web_*', match: { url: x }, answer: deny }]",
        "inputs: { f: { type: file, default: ./data.csv }, n: { type: number, default: 1 }, r: { enum: [a], default: a } }",
        "model: { id: claude-opus-5, speed: fast }\nmetadata: { agentflow: x }",
        "done: [{ check: 'checks:ok' }]\nbudget: { active: 1h, wall: 1h }",
    ],
)  # fmt: skip
def test_an_agent_that_is_fine(spec: str) -> None:
    assert problems_of(agent(spec)) == ()


def test_a_schema_file_is_blamed_at_its_own_line() -> None:
    files = project(
        "outputs: { r: { path: r.json, schema: ./s.json } }", {"s.json": '{\n  "type": "objet"\n}'}
    )
    [problem] = problems_of(files)
    assert str(problem.span) == "s.json:2:11"


def test_a_schema_file_with_broken_json_is_a_problem_of_that_file() -> None:
    files = project("outputs: { r: { path: r.json, schema: ./s.json } }", {"s.json": '{"a": [}'})
    problems = problems_of(files)
    assert {p.span.file for p in problems if p.span} == {"s.json"}


def test_a_shared_file_is_reported_once() -> None:
    second = "outputs: { r: { path: r.json, schema: ./s.json } }\n---\nkind: Agent\nname: b\nmodel: m\nprompt: x\noutputs: { r: { path: r.json, schema: ./s.json } }"
    files = project(second, {"s.json": '{"type": "objet"}'})
    assert len([p for p in problems_of(files) if p.span and p.span.file == "s.json"]) == 1


def test_an_agent_with_errors_stops_no_other() -> None:
    files = project(
        "scratch: /mnt/session/outputs\n---\nkind: Agent\nname: b\nmodel: m\nprompt: '{{ nope }}'\n"
        "---\nkind: Environment\nname: e\nnetwork: { hosts: ['a:1'] }\n"
    )
    assert [p.code for p in problems_of(files)] == ["AF157", "AF302", "AF152"]


def test_every_code_of_these_stages_is_met_by_a_test() -> None:
    met = {row[2] for row in (*AGENTS, *ENVIRONMENTS, *BETWEEN)} | {case.code for case in BAD}
    # test_callables.py, test_pipeline.py, operations/test_callables.py and test_policies.py
    elsewhere = {"AF252", "AF253", "AF261", "AF262", "AF270"}
    own = {id for id in codes.CODES if "AF150" <= id <= "AF199" or "AF250" <= id <= "AF299"}
    assert own - elsewhere <= met
