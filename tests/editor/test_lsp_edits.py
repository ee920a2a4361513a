"""What an editor changes on demand: quick fixes, comments that suppress, and the layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from lsprotocol import types as lsp

from tests.support.language_client import Client

Make = Callable[..., Path]

AGENT = (
    "apiVersion: agentflow/v1\nkind: Agent\nname: writer\nmodel: claude-opus-5-5\n"
    "prompt: You sort letters.\ntools: { write: allow }\noutputs: { r: { path: r.md } }\n"
    "done: [The letters are sorted.]\nuncertainty: assume\nbudget: { usd: 1 }\n"
)
LONG = AGENT.replace(
    "prompt: You sort letters.", "prompt: |\n  Hello 😀.\n  TODO: say what to do.\n  End."
)


def applied(text: str, edits: Iterable[lsp.TextEdit]) -> str:
    """A text with edits made, as an editor that counts in UTF-16 makes them."""
    lines = text.encode("utf-16-le").split("\n".encode("utf-16-le"))

    def offset(position: lsp.Position) -> int:
        return sum(len(line) + 2 for line in lines[: position.line]) + 2 * position.character

    data = text.encode("utf-16-le")
    for edit in sorted(edits, key=lambda e: offset(e.range.start), reverse=True):
        start, end = offset(edit.range.start), offset(edit.range.end)
        data = data[:start] + edit.new_text.encode("utf-16-le") + data[end:]
    return data.decode("utf-16-le")


def actions(
    client: Client, uri: str, problem: lsp.Diagnostic, only: list[str] | None = None
) -> dict[str, lsp.CodeAction]:
    context = lsp.CodeActionContext(diagnostics=[problem], only=only)
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), problem.range, context)
    return {action.title: action for action in client.ask(lsp.TEXT_DOCUMENT_CODE_ACTION, params)}


def edited(uri: str, text: str, action: lsp.CodeAction) -> str:
    assert action.edit is not None
    assert action.edit.changes is not None
    return applied(text, action.edit.changes[uri])


def test_a_fix_is_offered_and_mends(client: Client, new_project: Make) -> None:
    text = AGENT.removeprefix("apiVersion: agentflow/v1\n")
    root = new_project({"a.yaml": text})
    uri = client.open(root / "a.yaml")
    (problem,) = client.until(uri, bool)
    action = actions(client, uri, problem)["Add `apiVersion: agentflow/v1`"]
    assert action.is_preferred
    assert action.kind == lsp.CodeActionKind.QuickFix
    client.change(uri, mended := edited(uri, text, action))
    assert mended == AGENT
    client.until(uri, lambda found: found == [])


def test_all_safe_fixes_of_a_file_are_one_action(client: Client, new_project: Make) -> None:
    text = AGENT.removeprefix("apiVersion: agentflow/v1\n")
    uri = client.open(new_project({"a.yaml": text}) / "a.yaml")
    (problem,) = client.until(uri, bool)
    (action,) = actions(client, uri, problem, only=["source.fixAll"]).values()
    assert edited(uri, text, action) == AGENT
    client.change(uri, AGENT)
    client.until(uri, lambda found: found == [])
    assert actions(client, uri, problem, only=["source.fixAll"]) == {}


@pytest.mark.parametrize("break_", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("text", "code", "comment"),
    [
        (
            AGENT.replace("budget: { usd: 1 }\n", "budget: { usd: 1, turns: 1 }\n"),
            None,
            "}  # agentflow: ignore[",
        ),
        (LONG, "AF5", "do. {# agentflow: ignore["),
    ],
)
def test_a_comment_suppresses_what_it_is_offered_for(
    client: Client, new_project: Make, text: str, code: str | None, comment: str, break_: str
) -> None:
    text = text.replace("\n", break_)
    uri = client.open(new_project({"a.yaml": text}) / "a.yaml")
    found = client.problems(uri)
    problem = next(p for p in found if str(p.code).startswith(code or "AF8"))
    action = actions(client, uri, problem)[f"Ignore {problem.code} here, with a comment"]
    after = edited(uri, text, action)
    assert f"{comment}{problem.code}]" in after
    assert after.count("\n") == text.count("\n")
    client.change(uri, after)
    left = client.problems(uri)
    assert problem.code not in [p.code for p in left]


def test_a_second_code_goes_into_the_comment_that_is_there(
    client: Client, new_project: Make
) -> None:
    text = AGENT.replace(
        "budget: { usd: 1 }", "budget: { usd: 1, turns: 1 } # agentflow: ignore[AF999] for now"
    )
    uri = client.open(new_project({"a.yaml": text}) / "a.yaml")
    problem = next(p for p in client.problems(uri) if str(p.code).startswith("AF8"))
    action = actions(client, uri, problem)[f"Ignore {problem.code} here, with a comment"]
    assert f"ignore[AF999, {problem.code}] for now\n" in edited(uri, text, action)


def test_a_prompt_gets_a_comment_of_its_own_kind(client: Client, new_project: Make) -> None:
    agent = AGENT.replace("You sort letters.", "./p.md")
    prompt = "Sort 😀 letters.\n\nTODO: more.\n"
    uri = client.open(new_project({"a.yaml": agent, "p.md": prompt}) / "p.md", language="markdown")
    problem = next(iter(client.until(uri, bool)))
    action = actions(client, uri, problem)[f"Ignore {problem.code} here, with a comment"]
    after = edited(uri, prompt, action)
    assert f"TODO: more. {{# agentflow: ignore[{problem.code}] #}}\n" in after
    client.change(uri, after)
    client.until(uri, lambda found: problem.code not in found)


def test_errors_that_no_comment_takes_away_have_none(client: Client, new_project: Make) -> None:
    uri = client.open(new_project({"a.yaml": AGENT + "environment: gone\n"}) / "a.yaml")
    problem = next(p for p in client.until(uri, bool) if p.code == "AF201")
    assert not [title for title in actions(client, uri, problem) if title.startswith("Ignore")]


@pytest.mark.parametrize("break_", ["\n", "\r\n"])
def test_the_layout_is_made(client: Client, new_project: Make, break_: str) -> None:
    text = AGENT.replace("model:", "task:    Sort 😀.  # now\nmodel:").replace("\n", break_)
    uri = client.open(new_project({"a.yaml": text}) / "a.yaml")
    options = lsp.FormattingOptions(tab_size=2, insert_spaces=True)
    params = lsp.DocumentFormattingParams(lsp.TextDocumentIdentifier(uri), options)
    (edit,) = client.ask(lsp.TEXT_DOCUMENT_FORMATTING, params)
    after = applied(text, [edit])
    assert f"task: Sort 😀. # now{break_}" in after.replace("  #", " #")
    assert after.count("\r\n") == (after.count("\n") if break_ == "\r\n" else 0)
    client.change(uri, after)
    assert list(client.ask(lsp.TEXT_DOCUMENT_FORMATTING, params)) == []
    client.change(uri, "a: [")
    assert client.ask(lsp.TEXT_DOCUMENT_FORMATTING, params) is None


def test_a_page_is_shown_for_the_code_in_a_comment(client: Client, new_project: Make) -> None:
    text = AGENT + "# 😀 agentflow: ignore[AF602] as agreed\n"
    uri = client.open(new_project({"a.yaml": text}) / "a.yaml")
    params = lsp.HoverParams(**client.at(uri, 10, text.splitlines()[10].index("AF602") + 2))
    found = client.ask(lsp.TEXT_DOCUMENT_HOVER, params)
    assert "AF602 " in found.contents.value
    start = len("# 😀 agentflow: ignore[".encode("utf-16-le")) // 2
    assert found.range == lsp.Range(lsp.Position(10, start), lsp.Position(10, start + 5))
