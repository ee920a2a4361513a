"""What is printed of a project does not depend on whether it was checked in parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentflow.cli.main import main
from agentflow.compiler import parts
from agentflow.operations import in_parts, lint

AGENT = """\
apiVersion: agentflow/v1
kind: Agent
name: clerk-{0}
model: claude-opus-5-5
environment: office
prompt: You count the letters of desk {0}.
tools: {{ bash: allow }}
"""
PROJECT = """\
apiVersion: agentflow/v1
kind: Project
name: post
lint: { baseline: ./known.json, severity: { AF503: error } }
---
kind: Environment
name: office
---
kind: Environment
name: cellar
"""
WORDS = (
    (),
    ("--level", "auditor"),
    ("--select", "AF5"),
    ("--ignore", "AF501"),
    ("--statistics",),
    ("--format", "json"),
    ("--format", "sarif"),
    ("--format", "github"),
    ("--exit-zero",),
    ("-t", "nowhere"),
    ("--set", "agent/clerk-2.budget.usd=3"),
    ("--set", "agent/nobody.budget.usd=3"),
    ("--var", "unheard=of"),
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each check in parts, whether the parts told."""
    answers: list[bool] = []
    find = in_parts.find_in_parts

    def found(*given: object, **options: object) -> object:
        answer = find(*given, **options)  # type: ignore[arg-type]
        answers.append(answer is not None)
        return answer

    monkeypatch.setattr(in_parts, "find_in_parts", found)
    monkeypatch.setattr(in_parts, "_take_away", lambda *, first: None)
    monkeypatch.setattr(parts, "PART_FILES", 1)
    return answers


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "desk"
    root.mkdir()
    (root / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    for number in range(9):
        text = AGENT.format(number)
        (root / f"clerk-{number}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def said(
    words: tuple[str, ...],
    *,
    many: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> tuple[int, str, str]:
    monkeypatch.setattr(lint, "_MANY", many)
    code = main(["lint", "--no-cache", *words])
    shown, error = capsys.readouterr()
    return code, re.sub(r"\(\d+ ms\)", "", shown), error


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_what_is_printed_is_the_same(
    words: tuple[str, ...],
    desk: Path,
    told: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["lint", "--write-baseline"]) == 0
    (desk / "clerk-4.yaml").write_text(AGENT.format(4) + "uncertainty: stop\n", encoding="utf-8")
    for number in range(9, 12):
        text = AGENT.format(number)
        (desk / f"clerk-{number}.yaml").write_text(text, encoding="utf-8")
    capsys.readouterr()
    whole = said(words, many=10**6, monkeypatch=monkeypatch, capsys=capsys)
    assert told == []
    assert said(words, many=1, monkeypatch=monkeypatch, capsys=capsys) == whole
    assert told == ["nowhere" not in words]
