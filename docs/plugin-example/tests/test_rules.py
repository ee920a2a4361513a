"""Each rule is held to its own examples, and asked about projects of its tests."""

import pytest
from acme_rules import RULES
from acme_rules.hosts import internal_host

from agentflow.lint.api import Rule
from agentflow.lint.testing import check_rule, findings

AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: ./a.md\n"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.id)
def test_a_rule_keeps_to_its_examples(rule: Rule) -> None:
    check_rule(rule)


def test_the_place_is_that_of_the_host() -> None:
    prompt = "Read this.\n\nAsk wiki.corp.acme.example or acme.example.\n"
    [found] = findings(internal_host, {"a.yaml": AGENT, "a.md": prompt})
    assert str(found.span) == "a.md:3:5"
