"""What an agent is given and can do nothing with, and limits that cannot hold."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from agentflow.lint.costs import PRICES, prompt_tokens, run_floor_usd
from agentflow.lint.lifecycle import KNOWN
from agentflow.runtime.events import TokenUsage
from agentflow.runtime.prices import known_models, request_cost_usd
from tests.lint.projects import found_in
from tests.lint.support import lint_text

MEMORY = "memory: [{{ store: notes, access: {} }}]\n---\nkind: MemoryStore\nname: notes\n"
FETCH = "web_fetch: {{ policy: allow, sources: {{ {} }} }}"
PAY = "custom: {{ pay: {{ run: 'desk.tools:pay', {} }} }}\n"
ASKS = "tools: {{ bash: ask }}\napprovals: [{{ tool: bash, {} }}]\n"
REPOSITORY = "repositories: { it: { url: 'https://github.com/o/it' } }\n"
CRM = 'mcp: {{ crm: {{ url: "https://crm.dev/mcp", tools: {{ {} }} }} }}\n'
OTHERS = 'mcp: { crm: { url: "https://crm.dev/mcp", others: ask } }\n'
MEMBERS = """\
---
kind: Agent
name: reader
model: claude-opus-5-5
description: Reads orders.
prompt: Read the orders.
"""

REPORTED = [
    ("AF620", REPOSITORY + "tools: { glob: allow, write: allow }"),
    ("AF620", "files: { f: 'id:file_1' }\ntools: { read: off }"),
    ("AF620", MEMORY.format("read_only")),
    ("AF621", "tools: { read: allow, glob: allow }\n" + MEMORY.format("read_write")),
    ("AF622", f"tools: {{ {FETCH.format('user: none, server: none')}, web_search: allow }}"),
    ("AF622", f"tools: {{ {FETCH.format('user: none, server: { but: [web_search] }')} }}"),
    (
        "AF622",
        PAY.format("max_calls: 1")
        + f"tools: {{ {FETCH.format('user: none, custom: { but: [pay] }')} }}",
    ),
    ("AF623", ASKS.format("ask: person, wait: 1h") + "budget: { usd: 1, wall: 1h }"),
    ("AF623", "uncertainty: { mode: ask, wait: 1h }\nbudget: { usd: 1, wall: 1h }"),
    ("AF623", PAY.format("timeout: 2h, max_calls: 1") + "budget: { usd: 1, wall: 1h }"),
    ("AF624", ASKS.format("ask: person")),
    ("AF625", "tools: { read: allow }\nskills: ['id:skill_1']"),
    (
        "AF625",
        "tools: { read: allow }\nskills: [sheets]\n---\nkind: Skill\nname: sheets\nanthropic: xlsx",
    ),
    ("AF626", "prompt: Call the `slope` tool."),
    ("AF626", "prompt: Use your tool `find_x`.\n" + CRM.format("find_x: off")),
    ("AF806", "budget: { usd: 0.01 }"),
    ("AF806", "model: claude-sonnet-4-5-20250929\nbudget: { usd: 0.01 }"),
    (
        "AF806",
        "environment: other\ntask: Go.\nbudget: { usd: 1 }\n---\nkind: Deployment\nname: d\n"
        "agent: a\nbudget: { usd: 0.02 }",
    ),
    ("AF807", "budget: { usd: 1, tokens: 60k, turns: 60 }"),
    ("AF808", "budget: { usd: 1, turns: 1 }\n" + PAY.format("max_calls: 1")),
    ("AF808", "budget: { usd: 1, turns: 1 }\nraw: { tools: [] }"),
    ("AF809", "budget: { usd: 1, turns: 13, tool_calls: 10 }"),
    ("AF810", "team: { subagents: [reader] }\nbudget: { usd: 0.04 }\n" + MEMBERS),
    ("AF811", "budget: { usd: 59, tokens: 400k }"),
    ("AF811", "model: claude-haiku-5-5\nbudget: { usd: 25, tokens: 1M }"),
    ("AF812", "model: my-own\nbudget: { usd: 1 }"),
    ("AF812", "team: { advisor: my-own }\nbudget: { usd: 1 }"),
    (
        "AF812",
        "team: { subagents: [m] }\nbudget: { usd: 1 }\n---\nkind: Agent\nname: m\nmodel: my-own\nprompt: Work.\n",
    ),
    ("AF802", "budget: { turns: 5 }"),
    ("AF626", "prompt: Use the tool `find_it`.\n" + PAY.format("max_calls: 1")),
]
HARMLESS = [
    ("AF620", REPOSITORY + "tools: { grep: allow }"),
    ("AF620", REPOSITORY + "raw: { tools: [] }"),
    ("AF620", REPOSITORY + "team: { subagents: { inline: true } }"),
    ("AF620", "inputs: { x: { type: string } }\ntask: Look at {{ inputs.x }}."),
    ("AF621", "tools: { read: allow, edit: ask }\n" + MEMORY.format("read_write")),
    ("AF621", "tools: { read: allow }\n" + MEMORY.format("read_only")),
    ("AF622", f"tools: {{ {FETCH.format('user: none')}, web_search: allow }}"),
    ("AF622", f"tools: {{ {FETCH.format('user: all, server: none')} }}"),
    ("AF622", PAY.format("max_calls: 1") + f"tools: {{ {FETCH.format('user: none')} }}"),
    ("AF622", "tools: { web_fetch: { policy: off, sources: { user: none } } }"),
    ("AF623", ASKS.format("ask: person, wait: 59m") + "budget: { usd: 1, wall: 1h }"),
    ("AF623", PAY.format("max_calls: 1") + "budget: { usd: 1, wall: 60s }"),
    ("AF623", ASKS.format("ask: person, wait: 59m") + "budget: { usd: 1 }"),
    ("AF624", ASKS.format("ask: person") + "budget: { usd: 1, wall: 1h }"),
    ("AF624", ASKS.format("ask: person, wait: 1h")),
    ("AF624", ASKS.format("answer: deny")),
    ("AF625", "tools: { read: allow }\nskills: ['id:skill_1@7']"),
    (
        "AF625",
        "tools: { read: allow }\nskills: [sheets]\n---\nkind: Skill\nname: sheets\n"
        "anthropic: xlsx\nversion: '7'",
    ),
    (
        "AF626",
        "prompt: Call the `Pay` tool.\n" + PAY.format("max_calls: 1").replace("pay:", "Pay:"),
    ),
    ("AF626", "prompt: Use the tool `find_x`.\n" + CRM.format("find_x: ask")),
    ("AF626", "prompt: Use the tool `crm.find_x`.\n" + CRM.format("find_x: ask")),
    ("AF626", "prompt: Use the tool `find_y`.\n" + OTHERS),
    ("AF626", "prompt: Use the tool `bash`."),
    ("AF626", "prompt: Use the tool `ask_user`.\nuncertainty: ask"),
    ("AF626", "prompt: Do not look for a tool `slope`."),
    ("AF626", "prompt: Use the tool `slope`.\nraw: { tools: [] }"),
    ("AF806", "budget: { usd: 0.05 }"),
    ("AF806", "model: claude-haiku-5-5\nbudget: { usd: 0.01 }"),
    ("AF806", "model: my-own\nbudget: { usd: 0.01 }"),
    ("AF811", "budget: { usd: 57, tokens: 400k }"),
    (
        "AF810",
        "team: { subagents: [m] }\nbudget: { usd: 0.04 }\n---\nkind: Agent\nname: m\nmodel: my-own\nprompt: x\n",
    ),
    ("AF811", "budget: { usd: 500 }"),
    ("AF811", "model: my-own\nbudget: { usd: 500, tokens: 1k }"),
    (
        "AF811",
        "model: claude-haiku-5-5\nteam: { advisor: claude-fable-5-1 }\nbudget: { usd: 25, tokens: 1M }",
    ),
    ("AF812", "model: claude-opus-4-5-20251101\nbudget: { usd: 1 }"),
    ("AF812", "model: my-own\nbudget: { tokens: 90k }"),
    ("AF812", "model: claude-opus-5.5\nbudget: { usd: 1 }"),
    ("AF812", "model: claude-2.1\nbudget: { usd: 1 }"),
    ("AF802", "model: my-own\nbudget: { turns: 5 }"),
    ("AF802", "budget: { turns: 5, usd: 1 }"),
    ("AF807", "budget: { usd: 1, tokens: 100k, turns: 60 }"),
    ("AF807", "budget: { usd: 1, turns: 60 }"),
    ("AF808", "budget: { usd: 1, turns: 1 }"),
    ("AF808", "budget: { usd: 1, turns: 2 }\ntools: { read: allow }"),
    ("AF809", "budget: { usd: 1, turns: 12, tool_calls: 10 }"),
    ("AF809", "budget: { usd: 1, turns: 14, tool_calls: 10 }\nrepair: 3"),
    ("AF810", "team: { subagents: [reader] }\nbudget: { usd: 0.06 }\n" + MEMBERS),
    ("AF810", "team: { subagents: [reader] }\nbudget: { usd: 0.01 }\n" + MEMBERS),
]


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_what_cannot_be(code: str, text: str) -> None:
    assert len(found_in(text, code)) == 1


@pytest.mark.parametrize(("code", "text"), HARMLESS)
def test_what_can(code: str, text: str) -> None:
    assert found_in(text, code) == []


def test_a_session_with_a_long_prompt_needs_more() -> None:
    long = f"prompt: {'Read the orders. ' * 2000}\nbudget: {{ usd: 0.05 }}"
    assert len(found_in(long, "AF806")) == 1


@pytest.mark.parametrize("model", sorted(PRICES))
def test_prices_are_those_a_run_is_counted_with(model: str) -> None:
    def of(**tokens: int) -> Decimal | None:
        used = {"input": 0, "output": 0, "cache_read": 0, "cache_write": 0, **tokens}
        return request_cost_usd(model, TokenUsage(**used))

    price = PRICES[model]
    thousand = (price.input / 1000, price.cache_read / 1000, price.output / 1000)
    assert (of(input=1000), of(cache_read=1000), of(output=1000)) == thousand


def test_every_model_with_a_price_is_there() -> None:
    # A snapshot costs what its model costs.
    assert set(PRICES) == {re.sub(r"-\d{8}$", "", model) for model in known_models()}
    assert all(run_floor_usd(model, 0) for model in KNOWN)


def test_a_longer_prompt_costs_more() -> None:
    assert prompt_tokens(5000) == prompt_tokens(0) + 1000
    short, long = run_floor_usd("claude-opus-5-5", 0), run_floor_usd("claude-opus-5-5", 5000)
    assert short is not None
    assert long is not None
    assert long - short == Decimal(
        "0.0044"
    )  # 1,000 tokens at $4, and twice from the cache at $0.20


def test_no_tool_that_acts_is_proposed_for_one_that_looks() -> None:
    crm = "mcp: {{ crm: {{ url: 'https://crm.dev/mcp', tools: {{ {}: ask }} }} }}\napprovals: [{{ tool: '*', ask: person, wait: 1h }}]"
    for tool, name, hint in (
        ("delete_customer", "find_customer", "Declare find_customer"),
        ("delete_customer", "delete_customers", "Did you mean 'delete_customer'?"),
        ("find_customers", "find_customer", "Did you mean 'find_customers'?"),
    ):
        text = f"kind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Use the tool `{name}`.\n"
        found = lint_text("apiVersion: agentflow/v1\n" + text + crm.format(tool))
        (problem,) = [p for p in found if p.code == "AF626"]
        assert (problem.hint or "").startswith(hint)


def test_a_tool_of_a_member_is_one_of_the_team() -> None:
    text = (
        "prompt: Have the clerk use the tool `pay`.\nteam: { subagents: [clerk] }\n---\nkind: Agent\n"
        "name: clerk\ndescription: Pays.\nmodel: claude-opus-5-5\nprompt: Pay.\n"
    )
    assert len(found_in(text, "AF626")) == 1
    assert found_in(text + PAY.format("max_calls: 1"), "AF626") == []
