"""Gates that let everything through, and prohibitions that nothing holds."""

from __future__ import annotations

import pytest

from agentflow.lint.abilities import acts, words_of
from tests.lint.projects import found_in

SHUT = "environment: lab\n---\nkind: Environment\nname: lab\n"
HOST = SHUT + "network: { hosts: [db.northwind.dev] }\n"
MCP = 'mcp: {{ crm: {{ url: "https://crm.dev/mcp", tools: {{ {} }} }} }}\n'
ASKS = (
    "tools: {{ bash: ask }}\napprovals: [{{ tool: bash, match: {{ command: {} }}, answer: {} }}]\n"
)
PAY = "custom: {{ {}: {{ run: 'desk.tools:pay', timeout: 9s, {} }} }}\n"

RAW_SERVER = "raw: {{ tools: [{{ type: mcp_toolset, mcp_server_name: crm{} }}] }}\n"

WIDE = "environment: lab\n---\nkind: Environment\nname: lab\nnetwork: open\n"
FETCH = "tools: {{ bash: {}, web_fetch: {{ policy: {}{} }} }}\n"
ASKED = "approvals: [{ tool: '*', ask: person, wait: 1h }]\n"

REPORTED = [
    ("AF628", FETCH.format("allow", "allow", ", domains: [a.dev]") + WIDE),
    ("AF628", FETCH.format("auto", "ask", "") + ASKED + WIDE),
    ("AF603", "tools: { write: ask, bash: auto }\n" + ASKED),
    ("AF611", "prompt: Do not force-push.\ntools: { bash: allow }"),
    ("AF611", "prompt: You must not drop any tables.\ntools: { bash: allow }\n" + HOST),
    ("AF611", "prompt: Never delete the production database.\ntools: { bash: allow }"),
    ("AF611", "prompt: Don't use `sudo`.\ntools: { bash: allow }"),
    (
        "AF611",
        "prompt: Never push.\ntools: { bash: allow }\n"
        "repositories: { it: { url: 'https://github.com/o/it' } }\n" + SHUT,
    ),
    ("AF612", "prompt: Never merge pull requests.\n" + MCP.format("merge_pull_request: allow")),
    ("AF612", "prompt: Do not close or delete issues.\n" + MCP.format("closeIssue: allow")),
    ("AF612", "prompt: Never send an invoice.\n" + PAY.format("send_invoice", "max_calls: 1")),
    ("AF613", ASKS.format("'**'", "allow")),
    ("AF613", PAY.format("pay", "arguments: { amount: { allow: ['1', '*'] } }")),
    ("AF614", "raw: { tools: [{ type: agent_toolset_20260401 }] }"),
    (
        "AF614",
        "raw: { tools: [{ type: agent_toolset_20260401, default_config: { enabled: true } }] }",
    ),
    ("AF615", 'mcp: { crm: { url: "https://crm.dev/mcp", tools: { a: off }, others: allow } }'),
    ("AF616", ASKS.format("'bash *'", "allow")),
    ("AF616", ASKS.format("'/usr/bin/env *'", "allow")),
    ("AF616", ASKS.format("'python3 -c *'", "allow")),
    ("AF616", ASKS.format("'sh -ec *'", "allow")),
    ("AF616", ASKS.format("'* --help'", "allow")),
    ("AF617", PAY.format("sendInvoice", "policy: allow")),
    ("AF617", PAY.format("pay", "idempotent: true")),
    ("AF618", PAY.format("transfer_funds", "idempotent: true")),
    ("AF619", MCP.format("get: allow, drop_table: allow")),
    ("AF627", RAW_SERVER.format("")),
    (
        "AF627",
        RAW_SERVER.format(", configs: [{ name: find, permission_policy: { type: always_allow } }]"),
    ),
    (
        "AF627",
        RAW_SERVER.format(
            ", default_config: { enabled: false }, configs: [{ name: find, enabled: true }]"
        ),
    ),
]
HARMLESS = [
    ("AF628", FETCH.format("ask", "allow", ", domains: [a.dev]") + ASKED + WIDE),
    ("AF628", FETCH.format("allow", "allow", "") + WIDE),
    ("AF628", FETCH.format("allow", "allow", ", domains: [a.dev]") + HOST),
    ("AF628", "tools: { web_fetch: { policy: allow, domains: [a.dev] } }\n" + WIDE),
    ("AF612", "prompt: Never email customers.\n" + PAY.format("pay", "max_calls: 1")),
    ("AF627", "raw: { tools: [{ type: custom, name: find }] }"),
    ("AF627", RAW_SERVER.format(", default_config: { permission_policy: { type: always_allow } }")),
    ("AF627", RAW_SERVER.format(", default_config: { enabled: false }, configs: [{ name: find }]")),
    (
        "AF627",
        RAW_SERVER.format(
            ", default_config: { enabled: false },"
            " configs: [{ name: find, enabled: true, permission_policy: { type: always_allow } }]"
        ),
    ),
    ("AF611", "prompt: Never push.\ntools: { bash: allow }\n" + SHUT),
    ("AF611", "prompt: Never push.\ntools: { bash: auto }"),
    ("AF611", "prompt: Never push.\ntools: { read: allow }"),
    ("AF611", "prompt: Push when the tests pass.\ntools: { bash: allow }"),
    ("AF611", "prompt: Never push people to decide.\ntools: { bash: allow }"),
    ("AF611", "prompt: Never commit to an opinion.\ntools: { bash: allow }"),
    ("AF612", "prompt: Never merge pull requests.\n" + MCP.format("merge_pull_request: off")),
    ("AF612", "prompt: Never merge branches.\n" + MCP.format("merge_tags: allow")),
    ("AF612", "prompt: Merge pull requests.\n" + MCP.format("merge_pull_request: allow")),
    ("AF612", "prompt: Never close issues.\n" + MCP.format("list_issues: allow")),
    ("AF613", ASKS.format("'git *'", "allow")),
    ("AF613", ASKS.format("'*'", "deny")),
    ("AF613", PAY.format("pay", "arguments: { amount: { deny: ['*'] } }")),
    (
        "AF614",
        "raw: { tools: [{ type: agent_toolset_20260401, default_config: { enabled: false } }] }",
    ),
    ("AF614", "raw: { tools: [{ type: custom, name: x }, 7] }"),
    ("AF614", "raw: { tools: none }"),
    (
        "AF614",
        "raw: { tools: [{ type: agent_toolset_20260401, configs: [{ name: bash, enabled: false }] }] }",
    ),
    ("AF615", 'mcp: { crm: { url: "https://crm.dev/mcp", tools: { a: allow }, others: auto } }'),
    ("AF616", ASKS.format("'git log *'", "allow")),
    ("AF616", ASKS.format("'bash /tmp/run.sh *'", "allow")),
    ("AF616", ASKS.format("'bash /tmp/run.sh'", "allow")),
    ("AF616", ASKS.format("'python3 /tmp/*'", "allow")),
    ("AF616", ASKS.format("'sudo *'", "deny")),
    ("AF616", ASKS.format("'env'", "allow")),
    ("AF616", ASKS.format("'*'", "allow")),
    ("AF617", PAY.format("pay", "max_calls: 3")),
    ("AF617", PAY.format("pay", "arguments: { amount: { deny: ['*000'] } }")),
    ("AF617", PAY.format("refund_status", "policy: allow")),
    ("AF617", PAY.format("payments", "policy: allow")),
    ("AF618", PAY.format("publish", "idempotent: true")),
    ("AF618", PAY.format("pay", "idempotent: false")),
    ("AF618", PAY.format("lookup", "idempotent: true")),
    ("AF619", MCP.format("get: allow, drop_table: auto")),
    ("AF619", MCP.format("refund_history: allow, draft: allow")),
]


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_a_gate_that_is_none(code: str, text: str) -> None:
    assert len(found_in(text, code)) == 1


@pytest.mark.parametrize(("code", "text"), HARMLESS)
def test_a_gate_that_holds(code: str, text: str) -> None:
    assert found_in(text, code) == []


def test_names_are_taken_apart() -> None:
    assert words_of("deleteOldIssue") == ["delete", "old", "issue"]
    assert words_of("crm-send_mail") == ["crm", "send", "mail"]
    assert words_of("___") == ["___"]
    assert acts("dropTable")
    assert not acts("drop_report")
    assert not acts("mail_send")
