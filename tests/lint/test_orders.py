"""Teams, schedules, flows and `raw`: what starts what, how often, and with which words."""

from __future__ import annotations

import pytest

from tests.lint.projects import found_in

MEMBER = "team: {{ {} }}\n---\nkind: Agent\nname: m\nmodel: claude-opus-5-5\nprompt: Work.\n"
START = (
    "environment: other\ntask: Go.\n{}\n---\nkind: Deployment\nname: d\nagent: a\n"
    "schedule: {{ cron: '{}', timezone: UTC }}\n"
)
FLOW = "{}\n---\nkind: Flow\nname: f\nbudget: {{ usd: 3 }}\nsteps:\n  one: {{ agent: a{} }}\n"
PAY = "custom: {{ pay: {{ run: 'desk.tools:pay', timeout: 9s, {} }} }}\n"
MCP = 'mcp: {{ crm: {{ url: "https://crm.dev", tools: {{ {} }} }} }}\n'
RETRY = ", retry: { attempts: 2 }"

REPORTED = [
    (
        "AF1003",
        MCP.format("find: auto")
        + "environment: id:env_1\ntask: Go.\n---\nkind: Deployment\nname: d\nagent: a\n",
    ),
    (
        "AF1016",
        PAY.format("max_calls: 1") + "\n---\nkind: Flow\nname: f\nbudget: { usd: 3 }\n"
        "steps: { zero: { agent: a }, one: { agent: a, retry: { attempts: 2 } } }",
    ),
    ("AF1008", MEMBER.format("subagents: [m, self]")),
    ("AF1008", MEMBER.format("workflows: { agents: [m], inline: true }")),
    ("AF1009", MEMBER.format("subagents: ['agent/m@3']")),
    ("AF1010", MEMBER.format("coordinator: ['id:agent_7'], advisor: claude-opus-5-5")),
    ("AF1011", START.format("budget: { usd: 1, wall: 31m }", "0,30 * * * *")),
    ("AF1011", START.format("budget: { usd: 1, wall: 2h }", "0 0,23 * * *")),
    ("AF1011", START.format("budget: { usd: 1, wall: 25h }", "0 9 * * *")),
    ("AF1011", START.format("budget: { usd: 1, wall: 1441m }", "0 9 * * *")),
    ("AF1012", START.format("", "0 9 30 * *")),
    ("AF1012", START.format("", "0 9 31 4,5 *")),
    (
        "AF1013",
        "description: x\n---\nkind: Flow\nname: f\nsteps: { one: { agent: a } }",
    ),
    ("AF1014", FLOW.format("budget: { usd: 3.01 }", "")),
    (
        "AF1015",
        "description: x\n---\nkind: Flow\nname: f\n"
        "steps: { one: { approve: { message: Go on, on_timeout: approve } } }",
    ),
    ("AF1016", FLOW.format(PAY.format("max_calls: 1"), RETRY)),
    ("AF1016", FLOW.format(MCP.format("send_mail: auto"), RETRY)),
    ("AF1017", "raw: { system: Do nothing. }"),
    ("AF1017", "tools: { read: allow }\nraw: { tools: [] }"),
    (
        "AF1017",
        "description: x\n---\nkind: Environment\nname: lab\nnetwork: { hosts: [a.dev] }\n"
        "raw: { config: { networking: { type: unrestricted } } }",
    ),
    (
        "AF1017",
        "environment: other\ntask: Go.\n---\nkind: Deployment\nname: d\nagent: a\n"
        "vaults: []\nraw: { vault_ids: [] }",
    ),
]
HARMLESS = [
    (
        "AF1006",
        "metadata: { store: '${ref.memorystore.notes.id}' }\n---\nkind: MemoryStore\nname: notes\n",
    ),
    ("AF1008", MEMBER.format("subagents: [m]") + "description: Works.\n"),
    ("AF1008", MEMBER.format("subagents: [m]") + "raw: { description: Works. }\n"),
    ("AF1008", MEMBER.format("advisor: claude-opus-5-5")),
    ("AF1009", MEMBER.format("subagents: ['id:agent_7@3', m]")),
    ("AF1010", MEMBER.format("subagents: ['id:agent_7@3', m, self]")),
    ("AF1011", START.format("budget: { usd: 1, wall: 30m }", "0,30 * * * *")),
    ("AF1011", START.format("budget: { usd: 1, wall: 2h }", "0 0,23 * * 1")),
    ("AF1011", START.format("budget: { usd: 1, wall: 24h }", "0 9 * * *")),
    ("AF1011", START.format("budget: { usd: 1 }", "* * * * *")),
    ("AF1012", START.format("", "0 9 28 * *")),
    ("AF1012", START.format("", "0 9 31 1,12 *")),
    ("AF1012", START.format("", "0 9 15,31 * *")),
    ("AF1012", START.format("", "0 9 31 * 1")),
    (
        "AF1013",
        "description: x\n---\nkind: Flow\nname: f\nsteps: { one: { python: 'desk.tools:pay' } }",
    ),
    ("AF1014", FLOW.format("budget: { usd: 3 }", "")),
    ("AF1014", FLOW.format("budget: { turns: 3 }", "")),
    (
        "AF1015",
        "description: x\n---\nkind: Flow\nname: f\nsteps: { one: { approve: { message: Go on } } }",
    ),
    ("AF1016", FLOW.format(PAY.format("max_calls: 1"), "")),
    ("AF1016", FLOW.format(PAY.format("max_calls: 1"), ", retry: { attempts: 1 }")),
    ("AF1016", FLOW.format(PAY.format("idempotent: true"), RETRY)),
    ("AF1016", FLOW.format(MCP.format("send_mail: ask"), RETRY)),
    ("AF1017", "raw: { betas: [x], tools: [] }"),
    (
        "AF1017",
        "environment: lab\n---\nkind: Environment\nname: lab\nnetwork: { hosts: [a.dev] }\nraw: { config: none }",
    ),
    (
        "AF1017",
        "environment: lab\n---\nkind: Environment\nname: lab\nnetwork: { hosts: [a.dev] }\nraw: { note: x }",
    ),
    ("AF1017", "metadata: { a: b }\nraw: { metadata: { c: d } }"),
    (
        "AF1017",
        "description: x\n---\nkind: Environment\nname: lab\nnetwork: { hosts: [a.dev] }\n"
        "raw: { config: { packages: { pip: [x] } } }",
    ),
]


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_what_does_not_go_together(code: str, text: str) -> None:
    assert len(found_in(text, code)) == 1


@pytest.mark.parametrize(("code", "text"), HARMLESS)
def test_what_does(code: str, text: str) -> None:
    assert found_in(text, code) == []


def test_the_months_without_a_session_are_named() -> None:
    (message,) = found_in(START.format("", "0 9 31 4-7 *"), "AF1012")
    assert message == "Deployment 'd' never starts in April and June."


def test_times_are_told_as_people_do() -> None:
    (message,) = found_in(START.format("budget: { usd: 1, wall: 25h30m }", "0 8,9 * * *"), "AF1011")
    assert "every 1h at the least" in message
    assert message.endswith("may take 25h30m.")
    (message,) = found_in(START.format("budget: { usd: 1, wall: 25h }", "5,50 * * * *"), "AF1011")
    assert "every 15m at the least" in message


def test_what_is_replaced_is_told_by_its_first_name() -> None:
    text = "tools: { read: allow }\n" + PAY.format("max_calls: 1") + "raw: { tools: [] }"
    (message,) = found_in(text, "AF1017")
    assert message == "`raw.tools` of agent/a replaces what `tools` declares."
