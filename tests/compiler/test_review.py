"""What a reviewer is told of a spec: never less than it may do."""

from __future__ import annotations

import pytest

from agentflow.compiler.review import review
from agentflow.source.yaml import parse

VAULT = """
kind: Vault
name: desk
credentials:
  wiki: { url: "https://wiki.example.com/mcp", bearer: "${secret.wiki}" }
  pager: { variable: { name: PAGER, value: "${secret.pager}", hosts: [pager.example.com] } }
"""
AGENT = """
kind: Agent
name: writer
environment: office
budget: { turns: 3 }
"""


def answers(address: str, *texts: str) -> dict[str, tuple[str, ...]]:
    documents = [parse("a.yaml", text)[0][0] for text in texts]
    specs = {f"{item.data['kind'].lower()}/{item.data['name']}": item for item in documents}
    return {answer.question: answer.lines for answer in review(address, specs)}


def test_a_session_has_every_credential_of_a_vault_that_one_server_takes_one_of() -> None:
    agent = (
        f"{AGENT}mcp: {{ wiki: {{ url: 'https://wiki.example.com/mcp', auth: vault/desk.wiki }} }}"
    )
    touch = answers("agent/writer", agent, VAULT)["may touch"]
    assert "credentials of desk: wiki, pager" in touch
    touch = answers("agent/writer", f"{AGENT}vaults: [desk, 'id:vlt_1']", VAULT)["may touch"]
    assert "credentials of desk: wiki, pager" in touch
    assert "credentials of id:vlt_1, which is not managed here" in touch


def test_what_raw_may_overrule_is_said() -> None:
    raw = "raw: { tools: [], system: Do it. }\n"
    said = "what `raw` says, unchecked, of tools, system"
    assert said in answers("agent/writer", AGENT + raw)["may touch"]
    environment = f"kind: Environment\nname: office\n{raw}"
    assert said in answers("environment/office", environment)["may touch"]
    deployment = "kind: Deployment\nname: daily\nagent: writer\nraw: { vault_ids: [vlt_1] }"
    touch = answers("deployment/daily", AGENT + raw, deployment)["may touch"]
    assert "what `raw` of its agent says, unchecked, of tools, system" in touch
    assert "what `raw` says, unchecked, of vault_ids" in touch
    assert not any("raw" in line for line in answers("agent/writer", AGENT)["may touch"])


@pytest.mark.parametrize(
    ("written", "shown"), [("2", "$2"), ("0.5", "$0.50"), ("2.50", "$2.50"), ("0.005", "$0.005")]
)
def test_dollars_have_no_digit_or_two(written: str, shown: str) -> None:
    spec = f"kind: Agent\nname: writer\nbudget: {{ usd: {written} }}"
    assert answers("agent/writer", spec)["may spend"] == (shown,)


def test_a_deployment_stops_at_the_one_limit_that_the_service_keeps() -> None:
    deployment = "kind: Deployment\nname: daily\nagent: writer\n"
    found = answers("deployment/daily", AGENT, deployment)
    assert found["may spend"] == ("without a limit",)
    assert "stops when" not in found
    found = answers("deployment/daily", AGENT, f"{deployment}budget: {{ usd: 1.5 }}")
    assert found["may spend"] == ("$1.50",)
    assert found["stops when"] == ("a limit is reached",)
