"""Stage 1: which documents are specs, whatever the files they are in."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agentflow.compiler.load import Loaded, load
from agentflow.diagnostics import Checked
from agentflow.errors import FileRefused
from tests.support.memory_files import MemoryFiles

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: {name}\n"


def loaded(**files: str) -> Checked[Loaded]:
    named = {f"{name}.yaml": text for name, text in files.items()}
    return load(MemoryFiles({"agentflow.yaml": PROJECT, **named}))


def test_specs_are_ordered_by_file_and_place() -> None:
    second = "---\nkind: Environment\nname: e\n"
    value, problems = loaded(b=AGENT.format(name="b") + second, a=AGENT.format(name="a"))
    assert problems == ()
    assert [spec.address for spec in value.specs] == [
        "agent/a",
        "project/shop",
        "agent/b",
        "environment/e",
    ]
    assert value.project is not None
    assert value.project.name == "shop"
    assert value.complete


def test_the_version_is_needed_once_a_file_and_empty_documents_do_not_count() -> None:
    text = "---\n---\n" + AGENT.format(name="a") + "---\nkind: Agent\nname: b\n---\n"
    value, problems = loaded(a=text)
    assert problems == ()
    assert [spec.name for spec in value.specs if spec.kind == "Agent"] == ["a", "b"]


def test_a_missing_version_has_a_safe_fix_that_adds_the_line() -> None:
    (problem,) = loaded(a="# note\nkind: Agent\nname: a\n").problems
    assert problem.code == "AF101"
    assert problem.fix is not None
    assert problem.fix.safe
    (edit,) = problem.fix.edits
    assert edit.text == "apiVersion: agentflow/v1\n"
    assert (edit.span.line, edit.span.column) == (2, 1)
    assert (edit.span.end_line, edit.span.end_column) == (2, 1)


def test_a_misspelt_version_or_kind_is_reported_once() -> None:
    assert loaded(a=AGENT.format(name="a").replace("apiVersion", "apiVersoin")).problems == ()
    (problem,) = loaded(a=AGENT.format(name="a").replace("kind", "knid")).problems
    assert problem.code == "AF103"
    assert problem.hint == "Write `kind` for 'knid'."


def test_a_document_in_braces_has_no_fix() -> None:
    files = MemoryFiles({"agentflow.yaml": PROJECT, "a.yaml": "{kind: Agent, name: a}\n"})
    (problem,) = load(files, only=["a.yaml"]).problems
    assert problem.code == "AF101"
    assert problem.fix is None


def test_the_first_of_two_with_one_address_is_kept() -> None:
    value, problems = loaded(a=AGENT.format(name="x"), b=AGENT.format(name="x"))
    assert [problem.code for problem in problems] == ["AF106"]
    assert [spec.document.file for spec in value.specs if spec.kind == "Agent"] == ["a.yaml"]


def test_an_agent_and_an_environment_may_share_a_name() -> None:
    text = AGENT.format(name="x") + "---\nkind: Environment\nname: x\n"
    assert loaded(a=text).problems == ()


def test_specs_without_a_usable_name_are_all_kept() -> None:
    text = "apiVersion: agentflow/v1\nkind: Agent\n---\nkind: Agent\nname: 7\n"
    value, problems = loaded(a=text)
    assert problems == ()
    assert [spec.name for spec in value.specs if spec.kind == "Agent"] == [None, None]


@pytest.mark.parametrize("line", ["kind: Agnet", "kind: Agent\nname: [", "kind: Agent"])
def test_a_spec_that_cannot_be_read_makes_the_rest_incomplete(line: str) -> None:
    value, _ = loaded(a=f"apiVersion: agentflow/v1\n{line}\n")
    assert not value.complete


def test_a_duplicate_key_leaves_the_rest_complete() -> None:
    value, problems = loaded(a=AGENT.format(name="a") + "repair: 1\nrepair: 2\n")
    assert [problem.code for problem in problems] == ["AF012"]
    assert value.complete


def test_only_some_files_can_be_reported_on() -> None:
    files = MemoryFiles(
        {"agentflow.yaml": PROJECT, "a.yaml": AGENT.format(name="a") + "a: 1\na: 1\n"}
        | {"b.yaml": AGENT.format(name="b") + "b: 1\nb: 1\n"}
    )
    value, problems = load(files, only=["b.yaml"])
    assert [problem.span and problem.span.file for problem in problems] == ["b.yaml"]
    assert {spec.address for spec in value.specs} == {"project/shop", "agent/a", "agent/b"}


def test_a_file_that_was_asked_for_and_is_no_spec_is_read_all_the_same() -> None:
    files = MemoryFiles({"agentflow.yaml": PROJECT, "note.yaml": "a: 1\n"})
    problems = load(files, only=["note.yaml"]).problems
    assert [problem.code for problem in problems] == ["AF101", "AF103"]


def test_a_directory_that_cannot_be_listed_is_a_problem() -> None:
    class Unlisted(MemoryFiles):
        def specs(self) -> Sequence[str]:
            raise FileRefused("AF006", "agents", "'agents' cannot be read: Permission denied.")

    value, problems = load(Unlisted({}))
    assert [problem.code for problem in problems] == ["AF006"]
    assert value.specs == ()
