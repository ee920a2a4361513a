"""Findings while somebody types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lsprotocol import types as lsp

from tests.support.language_client import Client

Make = Callable[..., Path]

HEAD = "apiVersion: agentflow/v1\n"
BOX = f"{HEAD}kind: Environment\nname: box\n"
AGENT = (
    f"{HEAD}kind: Agent\nname: writer\nmodel: claude-opus-5-5\nenvironment: box\n"
    "prompt: You sort letters.\ntools: { write: allow }\noutputs: { r: { path: r.md } }\n"
    "done: [The letters are sorted.]\nuncertainty: assume\nbudget: { usd: 1 }\n"
)


def codes(problems: list[lsp.Diagnostic]) -> list[str]:
    return [str(problem.code) for problem in problems]


def test_an_unsaved_change_is_judged(client: Client, new_project: Make) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX})
    uri = client.open(root / "a.yaml", AGENT.replace("environment: box", "environment: bx"))
    (problem,) = client.until(uri, lambda found: "AF201" in found)
    assert problem.range == lsp.Range(lsp.Position(4, 13), lsp.Position(4, 15))
    assert problem.severity == lsp.DiagnosticSeverity.Error
    assert problem.source == "agentflow"
    assert problem.message == "No Environment is named 'bx'.\nDid you mean 'box'?"
    assert problem.code_description is not None
    page = Path(problem.code_description.href.removeprefix("file://"))
    assert page.read_text(encoding="utf-8").startswith("AF201 ")
    client.change(uri, AGENT)
    client.until(uri, lambda found: found == [])
