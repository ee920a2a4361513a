"""The JSON Schemas for editors accept what the compiler accepts, short forms and `${…}` included."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentflow.spec.kinds import KINDS
from agentflow.spec.schema import SCHEMAS
from tests.spec.support import documents, plain, schema

AGENT = """\
apiVersion: agentflow/v1
kind: Agent
name: sales-analyst
description: Turns a month of orders into a report.
model: { id: "${var.model}", effort: medium }
environment: analytics
vars:
  company: { type: string, default: Northwind }
inputs:
  orders: { type: file, description: CSV with one row per order }
  region: { type: string, enum: [emea, apac, amer], default: emea }
prompt: ./prompts/analyst.md
task: Analyse {{ inputs.orders }} for {{ inputs.region }}.
tools:
  read: allow
  bash: ask
  web_fetch: { policy: auto, domains: [docs.python.org], max_tokens: 50000 }
custom:
  currency_rate:
    run: "desk.tools:currency_rate"
    timeout: 10s
    max_calls: 50
    idempotent: true
    arguments: { currency: { deny: ["*TEST*"] } }
outputs:
  report: { path: report.md, sections: [Findings, Appendix] }
  totals: { path: totals.json, schema: ./schemas/totals.json }
scratch: /tmp
done:
  - The script runs without errors.
  - check: desk.checks:totals_add_up
uncertainty: assume
repair: 1
approvals:
  - { tool: bash, match: { command: "python3 *" }, answer: allow }
  - { tool: currency_rate, ask: person, wait: 2h, on_timeout: halt }
budget: { usd: 2.50, tokens: 400k, turns: 60, active: 20m, wall: 1h, warn_at: 80% }
"""
ENVIRONMENT = """\
kind: Environment
name: analytics
network: { hosts: [docs.python.org], packages: true, mcp: inferred }
packages: { pip: [pandas==2.3.3] }
"""
PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: shop
vars: { model: { default: claude-opus-5-5 } }
targets:
  local: { service: local, driver: { script: ./turns.yaml } }
  prod: { service: "${env.URL}", workspace: wrkspc_1, vars: { model: x } }
lint: { ignore: [AF801] }
"""


def read(text: str) -> Any:
    (document,) = documents(text)
    return plain(document.data)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_one_and_is_the_same_each_time(name: str) -> None:
    text = SCHEMAS[name]()
    loaded = json.loads(text)
    Draft202012Validator.check_schema(loaded)
    assert loaded["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert loaded["$id"]
    assert loaded["description"]
    assert SCHEMAS[name]() == text
    assert text.endswith("}\n")


def test_there_is_one_for_each_kind_and_one_for_all() -> None:
    assert set(SCHEMAS) == {f"{kind.lower()}.json" for kind in KINDS} | {"agentflow.json"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("agent", AGENT), ("environment", ENVIRONMENT), ("project", PROJECT)],
)
def test_full_specs_are_valid(name: str, text: str) -> None:
    assert list(schema(f"{name}.json").iter_errors(read(text))) == []
    assert list(schema("agentflow.json").iter_errors(read(text))) == []


@pytest.mark.parametrize(
    "body",
    [
        "model: claude-opus-5-5",
        "uncertainty: { mode: ask, record: report.md }",
        "uncertainty: ${var.mode}",
        "tools: { bash: off, web_search: ask, read: '${var.read}' }",
        "repair: ${var.n}",
        "outputs: { r: { path: r.md, required: '${var.strict}' } }",
        "budget: { usd: '${var.usd}', turns: '${var.turns}', wall: '${env.WALL:-1h}' }",
        "outputs: { r: { path: r.json, schema: { type: object } } }",
        "scratch: ${var.tmp}",
        "metadata: { owner: ann }",
    ],
)
def test_short_forms_and_substitutions_are_valid(body: str) -> None:
    text = f"kind: Agent\nname: a\nmodel: m\nprompt: Work.\n{body}\n"
    data = read(text) if not body.startswith("model") else read(text.replace("model: m\n", ""))
    assert list(schema("agent.json").iter_errors(data)) == []


def test_an_open_network_is_one_word() -> None:
    text = "kind: Environment\nname: e\nnetwork: open\n"
    assert schema("environment.json").is_valid(read(text))
    assert not schema("environment.json").is_valid(read(text.replace("open", "closed")))


@pytest.mark.parametrize(
    "body",
    [
        "promt: x",
        "repair: many",
        "repair: 11",
        "tools: { bash: deny }",
        "tools: { zsh: allow }",
        "budget: { wall: 20 }",
        "budget: { usd: $2 }",
        "uncertainty: guess",
        "done: [{ chek: x }]",
        "name: Sales",
        "name: ${var.x}",
    ],
)
def test_what_the_compiler_refuses_is_invalid(body: str) -> None:
    name = "" if body.startswith("name") else "name: a\n"
    data = read(f"kind: Agent\n{name}model: m\nprompt: Work.\n{body}\n")
    assert not schema("agent.json").is_valid(data)
    assert not schema("agentflow.json").is_valid(data)


def defaults(node: Any, path: str = "") -> list[tuple[str, Any, dict[str, Any]]]:
    found = []
    if isinstance(node, dict):
        if "default" in node and "properties" not in node:
            found.append((path, node["default"], node))
        for key, value in node.items():
            found += defaults(value, f"{path}/{key}")
    return found


def test_defaults_are_written_as_a_spec_has_them() -> None:
    loaded = json.loads(SCHEMAS["agent.json"]())
    checked = 0
    for path, default, node in defaults(loaded):
        rest = {"$defs": loaded["$defs"], **{k: v for k, v in node.items() if k != "default"}}
        if not isinstance(default, dict):
            assert Draft202012Validator(rest).is_valid(default), (path, default)
            checked += 1
    assert checked > 5
