"""Findings while somebody types."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
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


def test_the_files_of_a_project_are_judged_together_as_they_are_open(
    client: Client, new_project: Make
) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX})
    uri = client.open(root / "a.yaml")
    client.until(uri, lambda found: found == [])
    box = client.open(root / "box.yaml", BOX.replace("box", "bx"))
    client.until(uri, lambda found: "AF201" in found)
    # What is closed without being saved is as it is on disk.
    client.close(box)
    client.until(uri, lambda found: found == [])


def test_a_file_that_is_not_open_has_findings_too(client: Client, new_project: Make) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX.replace("box", "crate")})
    other = (root / "a.yaml").as_uri()
    uri = client.open(root / "box.yaml")
    client.until(other, lambda found: "AF201" in found)
    assert client.published[other][-1].version is None
    client.close(uri)
    # Nothing of the project is open: it is no business of ours any more.
    client.until(other, lambda found: found == [])


def test_a_prompt_that_a_spec_names_is_judged(client: Client, new_project: Make) -> None:
    agent = AGENT.replace("prompt: You sort letters.", "prompt: ./p.md")
    root = new_project({"a.yaml": agent, "box.yaml": BOX, "p.md": "Sort letters.\n"})
    uri = client.open(root / "p.md", "Sort 😀 {{ vars.nobody }}\n", "markdown")
    (problem,) = client.until(uri, lambda found: "AF306" in found or len(found) == 1)
    start = problem.range.start
    assert (start.line, start.character) == (0, 16)  # the emoji counts twice
    client.change(uri, "Sort letters.\n")
    client.until(uri, lambda found: found == [])


@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 24), ("utf-16", 20), ("utf-32", 19)])
def test_columns_are_counted_as_was_agreed(new_project: Make, encoding: str, column: int) -> None:
    text = f"{BOX}description: 'é😀e\u0301 ${{var.no}}'\r\n".replace("\n", "\r\n")
    root = new_project({"box.yaml": text.replace("\r\r", "\r")})
    client = Client(root, encodings=(encoding, "utf-16"))
    assert client.answer.capabilities.position_encoding == encoding
    uri = client.open(root / "box.yaml")
    (problem,) = [p for p in client.until(uri, bool) if "'no'" in p.message]
    assert problem.range.start == lsp.Position(3, column)
    assert problem.range.end.character - problem.range.start.character == len("${var.no}")
    assert client.stop() == 0


def test_a_text_that_is_no_yaml_is_survived(client: Client, new_project: Make) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX})
    uri = client.open(root / "a.yaml")
    client.until(uri, lambda found: found == [])
    broken = AGENT.replace("model: claude-opus-5-5", "model: [claude\n  - x: }")
    client.change(uri, broken)
    assert codes(client.until(uri, bool))[0] == "AF010"
    # Around what is broken all is known that was known before.
    place = client.at(uri, broken[: broken.index("box")].count("\n"), 14)
    found = client.ask(lsp.TEXT_DOCUMENT_DEFINITION, lsp.DefinitionParams(**place))
    assert [x.uri for x in found] == [(root / "box.yaml").as_uri()]
    said = client.ask(lsp.TEXT_DOCUMENT_HOVER, lsp.HoverParams(**place))
    assert "environment/box" in said.contents.value
    client.change(uri, AGENT)
    client.until(uri, lambda found: found == [])


def test_a_project_file_that_is_broken_or_not_saved_yet(client: Client, new_project: Make) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX}, project=None)
    uri = client.open(root / "a.yaml")
    alone = client.until(uri, lambda found: "AF201" in found)  # the box is another file
    assert alone
    project = client.open(root / "agentflow.yaml", f"{HEAD}kind: Project\nname: p\n")
    client.until(uri, lambda found: found == [])
    client.change(project, f"{HEAD}kind: [Project\n")
    assert codes(client.until(project, bool)) == ["AF010"]
    client.close(project)
    client.until(project, lambda found: found == [])
    client.until(uri, lambda found: "AF201" in found)


def test_what_changes_on_disk_is_seen(client: Client, new_project: Make) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX})
    (watch,) = client.watched
    assert watch.method == lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
    uri = client.open(root / "a.yaml")
    client.until(uri, lambda found: found == [])
    (root / "box.yaml").unlink()
    client.touched(root / "box.yaml", lsp.FileChangeType.Deleted)
    client.until(uri, lambda found: "AF201" in found)
    (root / "box.yaml").write_text(BOX, encoding="utf-8")
    client.touched(root / "box.yaml", lsp.FileChangeType.Created)
    client.until(uri, lambda found: found == [])


def test_files_that_are_no_specs_are_left_alone(client: Client, new_project: Make) -> None:
    root = new_project({"compose.yaml": "services: { web: { image: x } }\n"}, project=None)
    uri = client.open(root / "compose.yaml")
    probe = client.open(root / "agent.yaml", f"{HEAD}kind: Agent\n")
    client.until(probe, bool)
    assert uri not in client.published
    for method, params in [
        (lsp.TEXT_DOCUMENT_HOVER, lsp.HoverParams(**client.at(uri, 0, 3))),
        (lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionParams(**client.at(uri, 0, 3))),
    ]:
        assert client.ask(method, params) is None
    unsaved = lsp.TextDocumentItem("untitled:1", "yaml", 1, AGENT)
    client.tell(lsp.TEXT_DOCUMENT_DID_OPEN, lsp.DidOpenTextDocumentParams(unsaved))
    assert (
        client.ask(lsp.TEXT_DOCUMENT_HOVER, lsp.HoverParams(**client.at("untitled:1", 0, 3)))
        is None
    )


def test_a_spec_without_a_project_is_judged_by_itself(client: Client, new_project: Make) -> None:
    agent = AGENT.replace("environment: box\n", "").replace("You sort letters.", "./p.md")
    root = new_project({"a.yaml": agent}, project=None)
    uri = client.open(root / "a.yaml")
    client.until(uri, lambda found: "AF001" in found)
    prompt = client.open(root / "p.md", "You sort letters.", "markdown")
    client.until(uri, lambda found: "AF001" not in found)
    client.close(prompt)
    client.until(uri, lambda found: "AF001" in found)


def test_a_huge_file_is_refused(client: Client, new_project: Make) -> None:
    root = new_project({"box.yaml": BOX})
    uri = client.open(root / "box.yaml", BOX + "# " + "x" * (1 << 20))
    assert codes(client.until(uri, bool)) == ["AF004"]
    client.change(uri, BOX)
    client.until(uri, lambda found: "AF004" not in found)


def test_code_is_read_and_never_run(client: Client, new_project: Make) -> None:
    agent = AGENT.replace("environment: box\n", "") + (
        "custom:\n  price: { run: 'shop:price', timeout: 5s, idempotent: true }\n"
        "  rate: { run: 'shop:rate', timeout: 5s, idempotent: true }\n"
    )
    trap = "import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n"
    code = (
        f"{trap}from decimal import Decimal as D\n\n\n"
        'def price(item: \'elsewhere.Item\') -> D:\n    """Tell the price."""\n\n\n'
        "rate = __import__('functools').partial(price)\n"
    )
    root = new_project({"a.yaml": agent, "shop.py": code})
    uri = client.open(root / "a.yaml")
    assert client.problems(uri) == []
    assert not (root / "ran").exists()


def test_findings_come_with_related_places_and_tags(client: Client, new_project: Make) -> None:
    twice = f"{BOX}---\nkind: Environment\nname: box\n"
    root = new_project({"a.yaml": twice, "b.yaml": f"{HEAD}kind: Environment\nname: b\n"})
    uri = client.open(root / "a.yaml")
    second = next(p for p in client.until(uri, bool) if p.related_information)
    assert second.related_information is not None
    [related] = second.related_information
    assert related.location.uri == uri
    assert related.location.range.start == lsp.Position(2, 6)
    client.change(uri, f"{BOX}network: {{ hosts: [] }} # agentflow: ignore[AF701] as agreed\n")
    found = client.until(uri, lambda found: "AF091" in found)
    unused = next(p for p in found if p.code == "AF091")
    assert list(unused.tags or ()) == [lsp.DiagnosticTag.Unnecessary]


def test_projects_beside_each_other_are_apart(client: Client, new_project: Make) -> None:
    one = new_project({"a.yaml": AGENT, "box.yaml": BOX})
    other = new_project({"a.yaml": AGENT.replace("box", "nothing")})
    first, second = client.open(one / "a.yaml"), client.open(other / "a.yaml")
    client.until(second, lambda found: "AF201" in found)
    client.until(first, lambda found: found == [])


def test_findings_of_an_older_text_are_dropped(client: Client, new_project: Make) -> None:
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX})
    uri = client.open(root / "a.yaml")
    for number in range(20):
        client.change(uri, AGENT.replace("environment: box", f"environment: b{number}"))
    last = client.change(uri, AGENT)
    assert client.problems(uri, last) == []
    versions = [x.version for x in client.published[uri] if x.version is not None]
    assert versions == sorted(versions)


def test_the_target_can_be_chosen(new_project: Make) -> None:
    project = f"{HEAD}kind: Project\nname: p\ntargets: {{ prod: {{ service: anthropic }} }}\n"
    overlay = (
        f"{HEAD}kind: Overlay\nname: o\ntarget: prod\n"
        "patch: { agent/writer: { environment: gone } }\n"
    )
    root = new_project({"a.yaml": AGENT, "box.yaml": BOX, "o.yaml": overlay}, project=project)
    client = Client(root, options={"target": "prod"})
    client.open(root / "a.yaml")
    client.until((root / "o.yaml").as_uri(), lambda found: "AF201" in found)
    assert client.stop() == 0
