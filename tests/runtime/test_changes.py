"""What a call would change, as far as the session has shown what is there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.runtime.changes import DIFF_LIMIT, change_of, last_shown

PATH = "/workspace/a.md"


def use(id: str, name: str, path: str = PATH, **input: Any) -> dict[str, Any]:
    given = {"file_path": path, **input}
    return {"type": "agent.tool_use", "id": id, "name": name, "input": given}


def done(id: str, text: str = "ok", *, is_error: bool = False) -> dict[str, Any]:
    content = [{"type": "text", "text": text}]
    return {
        "type": "agent.tool_result",
        "tool_use_id": id,
        "content": content,
        "is_error": is_error,
    }


EDITED = use("c", "edit", old_string="b", new_string="B")

SHOWN: list[tuple[str, list[dict[str, Any]], str | None]] = [
    ("nothing", [], None),
    ("read", [use("a", "read"), done("a", "one\ntwo\n")], "one\ntwo\n"),
    ("numbered", [use("a", "read"), done("a", "     1\tone\n     2\ttwo")], "one\ntwo\n"),
    ("part", [use("a", "read", view_range=[1, 2]), done("a", "one")], None),
    ("written", [use("a", "write", content="x"), done("a")], "x"),
    ("not yet written", [use("a", "write", content="x")], None),
    ("failed", [use("a", "write", content="x"), done("a", is_error=True)], None),
    ("elsewhere", [use("a", "write", "/b", content="x"), done("a")], None),
    ("edited", [use("a", "write", content="abab"), done("a"), EDITED, done("c")], "aBab"),
    (
        "edited everywhere",
        [
            use("a", "write", content="abab"),
            done("a"),
            use("c", "edit", old_string="b", new_string="B", replace_all=True),
            done("c"),
        ],
        "aBaB",
    ),
    ("edited unseen", [EDITED, done("c")], None),
    (
        "in parallel",
        [use("a", "read"), use("b", "read", "/b"), done("b", "B"), done("a", "A")],
        "A",
    ),
]


@pytest.mark.parametrize(
    ("events", "content"), [row[1:] for row in SHOWN], ids=[r[0] for r in SHOWN]
)
def test_what_a_session_has_shown_of_a_file(events: Any, content: str | None) -> None:
    assert last_shown(events, PATH) == content


def change(tool: str, before: str | None, **input: Any) -> str | None:
    return change_of(tool, {"file_path": PATH, **input}, lambda path: before)


def test_a_write_is_told_by_what_is_different() -> None:
    text = change("write", "a\nb\nc\n", content="a\nB\nc\n")
    assert text is not None
    assert text.splitlines()[0] == f"--- {PATH} (as last shown)"
    assert "-b\n+B" in text
    new = change("write", None, content="a\n")
    assert new is not None
    assert "(not shown in this session)" in new
    assert "+a" in new
    assert change("write", "a", content="a") == f"{PATH}: nothing would change (as last shown)."


def test_an_edit_is_told_with_what_is_around_it() -> None:
    text = change("edit", "one\ntwo\nthree\n", old_string="two", new_string="2")
    assert text is not None
    assert " one\n-two\n+2\n three" in text
    alone = change("edit", None, old_string="two", new_string="2")
    assert alone is not None
    assert "(only the part that is replaced)" in alone
    every = change("edit", "x y x", old_string="x", new_string="z", replace_all=True)
    assert every is not None
    assert "+z y z" in every


@pytest.mark.parametrize(
    ("tool", "input"),
    [
        ("bash", {"command": "ls"}),
        ("write", {"content": 7}),
        ("edit", {"old_string": "a"}),
        ("write", {"file_path": 7, "content": "a"}),
    ],
)
def test_what_changes_no_file_has_no_diff(tool: str, input: dict[str, Any]) -> None:
    assert change_of(tool, {"file_path": PATH, **input}, lambda path: "b") is None


def test_a_diff_has_a_limit_and_says_so() -> None:
    text = change("write", "", content="x\n" * DIFF_LIMIT)
    assert text is not None
    assert text.endswith("characters more")
    assert len(text) < DIFF_LIMIT + 100


def test_a_name_cannot_be_two_lines() -> None:
    input = {"file_path": "/a\n+++ b", "content": "x"}
    text = change_of("write", input, lambda path: None)
    assert text is not None
    assert text.splitlines()[0] == "--- /a +++ b (not shown in this session)"


@given(st.text(alphabet="ab\n", max_size=30), st.text(alphabet="ab\n", max_size=30))
def test_a_diff_holds_every_line_that_comes_and_goes(before: str, after: str) -> None:
    text = change("write", before, content=after) or ""
    added = {line[1:] for line in text.splitlines()[2:] if line.startswith("+")}
    assert set(after.splitlines()) - set(before.splitlines()) <= added
