"""docs/lint.md: its project is one, its options exist, and its workflow runs commands that exist."""

from __future__ import annotations

import re
import shlex

import pytest

from agentflow.cli.main import COMMANDS, parser_of
from agentflow.compiler.pipeline import build
from agentflow.lint.engine import scan
from agentflow.lint.rule import Context
from agentflow.spec.project import LintSpec
from tests.support.cli import ROOT
from tests.support.memory_files import MemoryFiles

TEXT = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
PROJECT, COMMENT = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.M | re.S)
COMMANDS_SHOWN = re.findall(r"^\$ agentflow lint (.*)$", TEXT, re.M)


def test_the_project_that_is_shown_is_sound() -> None:
    built = build(MemoryFiles({"agentflow.yaml": PROJECT}))
    assert built.problems == ()
    assert built.value.graph is not None
    assert scan(Context(built.value.graph, None)) == ()


def test_every_key_is_told() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", TEXT.partition("## One finding")[0], re.M))
    assert rows == set(LintSpec.model_fields)


def test_the_comment_that_is_shown_does_something() -> None:
    agent = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"
    )
    project = "apiVersion: agentflow/v1\nkind: Project\nname: p\n"
    codes = []
    for text in (COMMENT, COMMENT.partition("#")[0]):
        built = build(MemoryFiles({"agentflow.yaml": project, "a.yaml": agent + text}))
        assert built.value.graph is not None
        codes.append({p.code for p in scan(Context(built.value.graph, None))})
    assert codes[1] - codes[0] == {"AF802"}
    assert not codes[0] - codes[1]


@pytest.mark.parametrize("words", COMMANDS_SHOWN)
def test_a_command_that_is_shown_is_one(words: str) -> None:
    parser, _ = parser_of(next(command for command in COMMANDS if command.name == "lint"))
    parser.parse_args(shlex.split(words.partition(" < ")[0]))
