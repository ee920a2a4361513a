"""Text that nobody sees, data that can be talked out of an agent, and credentials that go too far."""

from __future__ import annotations

import pytest

from tests.lint.projects import found_in
from tests.lint.support import CODE, PROJECT, lint_files

SECRETS = {"agentflow.yaml": PROJECT + "secrets: { crm: 'env:CRM' }\n"}
OPEN = "environment: lab\n---\nkind: Environment\nname: lab\nnetwork: open\n"
SHUT = "environment: lab\n---\nkind: Environment\nname: lab\n"
MEMORY = "---\nkind: MemoryStore\nname: notes\n"
ORDERS = "inputs: { orders: { type: file } }\ntask: Look at {{ inputs.orders }}.\n"
MCP = 'mcp: {{ crm: {{ url: "https://crm.dev/mcp", tools: {{ {} }} }} }}\n'
NOTES = "memory: [{ store: notes, access: read_write }]\n"
HIDDEN = ["\u200b", "\u202e", "\u2066", "\U000e0041\U000e0042", "\u2060"]
VISIBLE = [
    "\u2013 \u201cfine\u201d",
    "\U0001f469\u200d\U0001f52c",  # a scientist: two signs and a joiner
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
    "\u05e9\u05dc\u05d5\u05dd \u2067\u05d0\u2069",
    "\u0646\u200c\u0645",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_what_nobody_sees_is_found_once(text: str) -> None:
    (message,) = found_in(f"description: Sells{text} things.", "AF907")
    assert all(f"U+{ord(char):04X}" in message for char in text)


def test_what_nobody_sees_is_found_in_the_file_of_a_prompt() -> None:
    files = {"agents/a.md.txt": "Look at\u200b the orders.\n"}
    assert len(found_in("prompt: ./a.md.txt", "AF907", files=files)) == 1


def test_its_place_counts_from_the_first_line_also_if_that_is_empty() -> None:
    files = {**CODE, "agentflow.yaml": PROJECT, "p.txt": "\nLook at\u200b it.\n"}
    files["a.yaml"] = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: ./p.txt\n"
    )
    [found] = [problem for problem in lint_files(files) if problem.code == "AF907"]
    assert str(found.span).startswith("p.txt:2:8")


def test_an_escape_hides_nothing_from_the_linter() -> None:
    assert len(found_in('prompt: "Look at\\u202E the orders."', "AF907")) == 1
    assert found_in('prompt: "Look at\\u2013 the orders."', "AF907") == []


@pytest.mark.parametrize("text", VISIBLE)
def test_what_belongs_into_text_is_fine(text: str) -> None:
    assert found_in(f"description: Sells {text} things.", "AF907") == []


REPORTED = [
    ("AF908", ORDERS + "tools: { read: allow, bash: auto }\n" + OPEN),
    ("AF908", ORDERS + "tools: { read: allow, web_fetch: allow }\n" + SHUT),
    ("AF908", "files: { f: 'id:file_1' }\ntools: { read: allow, web_fetch: allow }\n"),
    (
        "AF908",
        ORDERS + "tools: { read: allow }\n" + MCP.format("list_issues: allow, create_issue: allow"),
    ),
    (
        "AF908",
        ORDERS
        + "tools: { read: allow, web_search: allow }\n"
        + "custom: { send_mail: { run: 'desk.tools:pay', timeout: 9s, max_calls: 2 } }",
    ),
    ("AF909", NOTES + "tools: { read: allow, edit: allow, web_search: allow }\n" + MEMORY),
    ("AF909", NOTES + "tools: { bash: allow }\n" + OPEN + MEMORY),
    (
        "AF909",
        "tools: { bash: allow }\ntask: Go.\n"
        + OPEN
        + MEMORY
        + f"---\nkind: Deployment\nname: d\nagent: a\n{NOTES}",
    ),
    ("AF913", "repositories: { it: { url: 'https://github.com/o/it' } }"),
    (
        "AF913",
        "environment: other\ntask: Go.\n---\nkind: Deployment\nname: d\nagent: a\n"
        "repositories: { it: { url: 'https://github.com/o/it', branch: next } }",
    ),
    ("AF912", 'mcp: { crm: { url: "http://crm.dev/mcp" } }'),
]
HARMLESS = [
    ("AF908", ORDERS + "tools: { read: allow, bash: ask }\napprovals: []\n" + OPEN),
    ("AF908", ORDERS + "tools: { read: allow, bash: allow }\n" + SHUT),
    ("AF908", ORDERS + "tools: { read: allow, web_search: allow }"),
    ("AF908", "tools: { read: allow, web_fetch: allow, bash: allow }\n" + OPEN),
    (
        "AF908",
        ORDERS + "tools: { read: allow, web_fetch: { policy: allow, domains: [python.org] } }",
    ),
    ("AF908", ORDERS + MCP.format("list_issues: allow, create_issue: ask")),
    ("AF908", ORDERS + MCP.format("get_price: allow, create_issue: allow")),
    (
        "AF908",
        ORDERS
        + "tools: { read: allow, web_search: allow }\n"
        + "custom: { send_mail: { run: 'desk.tools:pay', timeout: 9s, "
        + "arguments: { amount: { allow: ['1'] } } } }",
    ),
    ("AF909", NOTES + "tools: { read: allow, edit: allow, bash: allow }\n" + SHUT + MEMORY),
    ("AF909", "memory: [notes]\ntools: { read: allow, web_fetch: allow }\n" + MEMORY),
    (
        "AF913",
        "repositories: { it: { url: 'https://github.com/o/it', commit: '" + "0" * 40 + "' } }",
    ),
    ("AF912", 'mcp: { crm: { url: "http://127.0.0.1:8000/mcp" } }'),
]


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_what_is_not_safe(code: str, text: str) -> None:
    assert len(found_in(text, code)) == 1


@pytest.mark.parametrize(("code", "text"), HARMLESS)
def test_what_is_safe_enough(code: str, text: str) -> None:
    assert found_in(text, code) == []


def test_the_path_of_the_data_is_spelled_out() -> None:
    (message,) = found_in(ORDERS + "tools: { read: allow, bash: allow }\n" + OPEN, "AF908")
    assert "the input 'orders' is in the same session" in message
    assert message.endswith("it can leave by bash with an open network.")


VAULT = """\
vaults: [desk]
{agent}
---
kind: Vault
name: desk
credentials: {{ crm: {{ {credential} }} }}
"""
URL = 'url: "https://crm.dev{}", bearer: "${{secret.crm}}"'


@pytest.mark.parametrize(
    ("agent", "credential", "count"),
    [
        ('mcp: { crm: { url: "https://crm.dev/" } }', URL.format(""), 0),
        ('mcp: { crm: { url: "https://crm.dev/a" } }', URL.format("/b"), 1),
        ("description: x", URL.format("/b"), 1),
        ("raw: { mcp_servers: [] }", URL.format("/b"), 0),
    ],
)
def test_a_credential_is_for_some_server(agent: str, credential: str, count: int) -> None:
    text = VAULT.format(agent=agent, credential=credential)
    assert len(found_in(text, "AF911", files=SECRETS)) == count


def test_a_deployment_of_a_foreign_agent_may_use_any_credential() -> None:
    text = VAULT.format(agent="description: x", credential=URL.format("/b"))
    text += "---\nkind: Deployment\nname: d\nagent: id:agent_1\nenvironment: other\ntask: Go.\n"
    assert found_in(text, "AF911", files=SECRETS) == []


@pytest.mark.parametrize(("hosts", "count"), [("any", 1), ("[crm.dev]", 0)])
def test_a_variable_is_for_some_hosts(hosts: str, count: int) -> None:
    variable = f'variable: {{ name: CRM, value: "${{secret.crm}}", hosts: {hosts} }}'
    lab = "environment: lab\n"
    text = VAULT.format(agent=lab, credential=variable)
    text += "---\nkind: Environment\nname: lab\nnetwork: { hosts: [crm.dev] }\n"
    assert len(found_in(text, "AF910", files=SECRETS)) == count


TEAM = """\
mcp: { crm: { url: "https://crm.dev/mcp", auth: own.crm, tools: { find: allow } } }
vaults: [own]
environment: lab
team: { subagents: [finder, poster] }
---
kind: Agent
name: finder
description: Finds things.
model: claude-opus-5-5
prompt: Find things.
tools: { web_search: allow }
---
kind: Agent
name: poster
description: Posts things.
model: claude-opus-5-5
prompt: Post things.
custom: { send_mail: { run: 'desk.tools:pay', timeout: 9s, max_calls: 2 } }
---
kind: Vault
name: own
credentials: { crm: { url: "https://crm.dev/mcp", bearer: "${secret.crm}" } }
---
kind: Environment
name: lab
network: { mcp: inferred }
"""


def test_a_team_is_looked_at_as_one_session() -> None:
    (message,) = found_in(TEAM, "AF908", files=SECRETS)
    assert message == (
        "The team of agent 'a' can be talked into giving data away: what strangers write comes in by "
        "web_search on any site of 'finder', the MCP server 'crm' is in the same session, and it can "
        "leave by send_mail of 'poster'."
    )


@pytest.mark.parametrize(
    ("open_", "limited"),
    [
        (", auth: own.crm", ""),
        ("web_search: allow", "web_search: ask"),
        ("web_search: allow", "web_search: { policy: allow, domains: [usgs.gov] }"),
        ("max_calls: 2", "max_calls: 2, policy: ask"),
        ("max_calls: 2", "arguments: { amount: { deny: ['9*'] } }"),
        ("[finder, poster]", "[finder]"),
        ("[finder, poster]", "[poster]"),
    ],
)
def test_a_limit_of_one_member_is_one_of_the_team(open_: str, limited: str) -> None:
    assert open_ in TEAM
    assert found_in(TEAM.replace(open_, limited), "AF908", files=SECRETS) == []


def test_a_member_that_is_lethal_alone_is_told_of_alone() -> None:
    text = TEAM.replace("web_search: allow", "web_search: allow, read: allow, web_fetch: allow")
    text = text.replace("name: finder", "name: finder\nfiles: { f: 'id:file_1' }")
    (message,) = found_in(text, "AF908", files=SECRETS)
    assert message.startswith("Agent 'finder' can be")


def test_what_a_deployment_adds_is_looked_at_too() -> None:
    text = (
        "environment: lab\ntools: { read: allow, web_fetch: allow }\ntask: Go.\n---\nkind: Environment\n"
        "name: lab\n---\nkind: Deployment\nname: d\nagent: a\nfiles: { f: 'id:file_1' }\n"
    )
    (message,) = found_in(text, "AF908")
    assert message.startswith("A session of deployment/d can be")
    both = text.replace("task: Go.", "task: Go.\nfiles: { g: 'id:file_2' }")
    (message,) = found_in(both, "AF908")
    assert message.startswith("Agent 'a' can be")


def test_a_host_of_anybody_is_a_way_out() -> None:
    text = ORDERS + "tools: { read: allow, web_search: allow, bash: allow }\n" + SHUT
    assert found_in(text + "network: { hosts: [orders.northwind.dev] }", "AF908") == []
    assert len(found_in(text + "network: { hosts: ['*.vercel.app'] }", "AF908")) == 1


GITHUB = """\
environment: lab
vaults: [own]
---
kind: Environment
name: lab
network: {{ hosts: [{reached}] }}
---
kind: Vault
name: own
credentials:
  it: {{ variable: {{ name: GH_TOKEN, value: "${{secret.crm}}", hosts: [{hosts}] }} }}
"""


@pytest.mark.parametrize(
    ("hosts", "reached", "missed"),
    [
        ("github.com", "github.com, api.github.com", "api.github.com"),
        ("GitHub.com", "github.com, API.github.com", "API.github.com"),
        (
            "github.com, api.github.com",
            "github.com, api.github.com, raw.github.com",
            "raw.github.com",
        ),
        ("github.com, api.github.com", "github.com, api.github.com", None),
        ("github.com, '*.github.com'", "github.com, '*.github.com', api.github.com", None),
        ("api.github.com", "github.com, api.github.com", None),
        ("github.com", "github.com, notgithub.com", None),
        ("github.com", "github.com, '*.github.com'", None),
    ],
)
def test_a_credential_that_misses_a_host(hosts: str, reached: str, missed: str | None) -> None:
    text = GITHUB.format(hosts=hosts, reached=reached)
    found = found_in(text, "AF914", files=SECRETS)
    assert [missed in message for message in found if missed] == ([True] if missed else [])
    assert bool(found) == bool(missed)
