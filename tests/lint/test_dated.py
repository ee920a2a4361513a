"""The table of what is dated or disputed about the service: it is used, and nothing else has dates."""

from __future__ import annotations

import ast
import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler import dated
from agentflow.compiler.dated import FACTS, MODELS, RESTRICTED_MODELS, RETIRED_MODELS
from agentflow.lint import lifecycle
from agentflow.lint.costs import PRICES
from agentflow.lint.engine import KNOWN
from agentflow.lint.registry import RULES
from agentflow.lint.rules import access, networking
from agentflow.runtime import prices
from agentflow.runtime.budget import can_warn_agent
from tests.lint.support import codes_in, lint_text

PACKAGE = Path(__file__).parents[2] / "agentflow"
JUDGES = [
    path
    for folder in ("lint", "lint/rules", "compiler/checks", "compiler")
    for path in sorted((PACKAGE / folder).glob("*.py"))
    if path != PACKAGE / "compiler/dated.py"
]
MODEL = r"claude-[a-z]+-\d[\w.-]*|claude-\d[\w.-]*"


@pytest.mark.parametrize("id", FACTS)
def test_a_fact_says_where_it_is_from_and_what_rests_on_it(id: str) -> None:
    fact = FACTS[id]
    day = datetime.date.fromisoformat(fact.as_of)
    assert datetime.date(2026, 1, 1) <= day
    assert fact.claim.endswith(".")
    assert fact.contrary == "" or fact.contrary.endswith(".")
    assert re.match(r"https://\S+$|[a-z]", fact.source)
    assert fact.codes
    assert set(fact.codes) <= set(KNOWN)
    assert id == next(n for n, f in vars(dated).items() if f is fact).lower().replace("_", "-")


def test_every_fact_is_in_the_table() -> None:
    facts = [value for value in vars(dated).values() if isinstance(value, dated.Fact)]
    assert [id(fact) for fact in facts] == [id(fact) for fact in FACTS.values()]


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in JUDGES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_every_value_is_used_by_somebody() -> None:
    used = {
        node.id if isinstance(node, ast.Name) else node.attr
        for _, tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
    }
    with_value = {name for name, fact in vars(dated).items() if isinstance(fact, dated.Fact) and fact.value is not None}  # fmt: skip
    assert with_value <= used


def _docstrings(tree: ast.Module) -> set[int]:
    """Lone strings: they tell, and nothing is computed with them."""
    return {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}


def test_what_judges_has_no_model_and_no_date_and_no_page_of_its_own() -> None:
    """A date or a source that stands elsewhere would not be found when the service changes."""
    found = []
    for path, tree in _trees():
        told = _docstrings(tree)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in told
            ):
                in_lint = "lint" in path.parts
                source = in_lint and "platform.claude.com" in node.value
                if re.fullmatch(rf"{MODEL}|20\d\d-\d\d-\d\d", node.value) or source:
                    found.append(f"{path.name}:{node.lineno} {node.value}")
    assert found == []


def test_a_rule_on_the_network_of_web_tools_goes_when_the_fact_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = {rule.code.id: rule for rule in RULES}
    for id in dated.WEB_TOOLS_FOLLOW_NETWORK.codes:
        assert id in codes_in(lint_text(rules[id].bad))
    other: Any = dated.WEB_TOOLS_FOLLOW_NETWORK._replace(value=False)
    for module in (networking, access):
        monkeypatch.setattr(module, "WEB_TOOLS_FOLLOW_NETWORK", other)
    for id in dated.WEB_TOOLS_FOLLOW_NETWORK.codes:
        assert id not in codes_in(lint_text(rules[id].bad))


def test_what_is_said_of_models_fits_together() -> None:
    current = set(MODELS.value) | RESTRICTED_MODELS.value
    assert not current & set(RETIRED_MODELS.value)
    assert set(lifecycle.RETIRING) <= current
    for retirement in (*lifecycle.RETIRED.values(), *lifecycle.RETIRING.values()):
        datetime.date.fromisoformat(retirement.on)
        assert retirement.instead in current - set(lifecycle.RETIRING)
    assert {model for model in current if not re.search(r"-\d{8}$", model)} == set(PRICES)


def test_the_runtime_has_the_same_facts() -> None:
    """It keeps tables of its own, with all tiers and with models in the middle of a session."""
    assert set(prices.known_models()) >= set(PRICES)
    for model, facts in MODELS.value.items():
        assert can_warn_agent(model) == facts.system_messages, model
    for model, price in PRICES.items():
        lowest = prices.rows(model)[0]
        told = (lowest["input"], lowest["cache_read"], lowest["output"])
        assert tuple(map(float, told)) == tuple(map(float, price)), model
