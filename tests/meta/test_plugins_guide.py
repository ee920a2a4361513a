"""docs/plugins.md: what it shows is the example, and what it lists is what is public."""

from __future__ import annotations

import re
import tomllib

from agentflow.cli.main import COMMANDS, parser_of
from agentflow.compiler.pipeline import build
from agentflow.lint import api, testing
from agentflow.lint.engine import KNOWN
from agentflow.operations.plugins import GROUP
from tests.support.cli import ROOT
from tests.support.memory_files import MemoryFiles

TEXT = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "docs/plugin-example"


def _block(language: str, number: int = 0) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.M | re.S)
    return found[number]


def test_the_project_that_is_shown_names_the_example() -> None:
    result = build(MemoryFiles({"agentflow.yaml": _block("yaml")}))
    assert result.problems == ()
    assert result.value.graph is not None
    shown = tomllib.loads(_block("toml"))["project"]
    assert result.value.graph.project.spec.lint.plugins == [shown["name"]]


def test_what_is_shown_of_the_example_is_in_it() -> None:
    assert _block("python") in (EXAMPLE / "acme_rules/hosts.py").read_text(encoding="utf-8")
    whole = tomllib.loads((EXAMPLE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    shown = tomllib.loads(_block("toml"))["project"]
    assert shown.items() <= whole.items()
    assert list(shown["entry-points"]) == [GROUP]
    tests = (EXAMPLE / "tests/test_rules.py").read_text(encoding="utf-8")
    assert _block("python", 1).partition("def test_the_place")[2] in tests


def test_the_public_names_are_those_in_the_table() -> None:
    table = TEXT.partition("## What a rule may use")[2]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(api.__all__)
    assert f"`agentflow.lint.api.API` is {api.API};" in TEXT
    assert {"check_rule", "findings"} <= set(testing.__all__)


def test_the_members_of_the_context_exist() -> None:
    [row] = [row for row in TEXT.splitlines() if row.startswith("| `Context`")]
    for name in re.findall(r"`(\w+)`", row)[1:]:
        assert hasattr(api.Context, name)


def test_the_codes_and_options_that_are_named_exist() -> None:
    assert set(re.findall(r"\bAF\d{3,4}\b", TEXT)) <= set(KNOWN)
    parser, _ = parser_of(next(command for command in COMMANDS if command.name == "lint"))
    for option in set(re.findall(r"`(?:agentflow lint )?(--[a-z-]+)", TEXT)):
        assert option in parser.format_help()
