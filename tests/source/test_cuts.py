"""What is cut out of a text is gone from its data, and nothing else is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.diagnostics import Edit
from agentflow.source.cuts import cut, insert_after
from agentflow.source.edits import apply_edits
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Path, value_at
from agentflow.source.yaml import parse


def _document(text: str) -> Document:
    (document,), problems = parse("a.yaml", text)
    assert not problems, text
    return document


def _made(text: str, edit: Edit | None) -> str:
    assert edit is not None
    return apply_edits(SourceText("a.yaml", text), [edit])


def _without(data: Any, path: Path) -> Any:
    """The data without an entry, and without what held nothing else."""
    data = copy.deepcopy(data)
    while path:
        parent = value_at(data, path[:-1])
        del parent[path[-1]]
        if parent:
            return data
        path = path[:-1]
    return None


def _paths(data: Any, path: Path = ()) -> list[Path]:
    if not isinstance(data, dict | list):
        return []
    found: list[Path] = []
    for step, child in data.items() if isinstance(data, dict) else enumerate(data):
        found += [(*path, step), *_paths(child, (*path, step))]
    return found


_WORDS = st.sampled_from(["x", "'y # z'", '"ü, 😀"', "12"])
_COMMENTS = st.sampled_from(["", " # why, [x]", "   "])


@st.composite
def _flow(draw: st.DrawFn, depth: int) -> str:
    kinds = ["word", "list", "map"] if depth else ["word"]
    kind = draw(st.sampled_from(kinds))
    if kind == "word":
        return draw(_WORDS)
    items = [draw(_flow(depth - 1)) for _ in range(draw(st.integers(1, 3)))]
    if kind == "list":
        return f"[{', '.join(items)}]"
    return f"{{ {', '.join(f'{key}: {item}' for key, item in zip('abc', items, strict=False))} }}"


@st.composite
def _block(draw: st.DrawFn, depth: int, indent: str) -> str:
    """Lines of a mapping or a list, or what stands behind a colon."""
    kind = draw(st.sampled_from(["flow", "text", "list", "map"] if depth else ["flow"]))
    if kind == "flow":
        return f" {draw(_flow(2))}{draw(_COMMENTS)}\n"
    if kind == "text":
        return f" |{draw(st.sampled_from(['', '-']))}\n{indent}  some\n\n{indent}  text\n"
    lines = ["\n"]
    for number in range(draw(st.integers(1, 3))):
        head = "-" if kind == "list" else f"k{number}:"
        lines.append(f"{indent}  {head}{draw(_block(depth - 1, f'{indent}  '))}")
        if draw(st.booleans()):
            lines.append(f"{indent}  # between\n")
    return "".join(lines)


@st.composite
def _texts(draw: st.DrawFn) -> str:
    lines = [f"top{n}:{draw(_block(3, ''))}" for n in range(draw(st.integers(1, 3)))]
    text = "".join(lines)
    if draw(st.booleans()):
        text = text.rstrip("\n") or text
    return text.replace("\n", "\r\n") if draw(st.booleans()) else text


@given(_texts(), st.data())
def test_a_cut_takes_out_one_entry(text: str, data: st.DataObject) -> None:
    document = _document(text)
    path = data.draw(st.sampled_from(_paths(document.data)))
    edit = cut(document, path)
    expected = _without(document.data, path)
    if edit is not None:
        found = parse("a.yaml", _made(text, edit))
        assert [d.data for d in found.value if d.data is not None] == [expected]
        assert not found.problems


@given(_texts(), st.data())
def test_an_item_is_added_behind_another(text: str, data: st.DataObject) -> None:
    document = _document(text)
    path = data.draw(st.sampled_from(_paths(document.data)))
    edit = insert_after(document, path, "new")
    if not isinstance(path[-1], int):
        assert edit is None
    elif edit is not None:
        expected = copy.deepcopy(document.data)
        value_at(expected, path[:-1]).insert(path[-1] + 1, "new")
        assert _document(_made(text, edit)).data == expected


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ("a: 1\nb: 2 # why\nc: 3\n", ("b",), "a: 1\nc: 3\n"),
        ("a: 1\nb: |\n  x\n\nc: 3\n", ("b",), "a: 1\n\nc: 3\n"),
        ("a: [1, 2]\n", ("a", 1), "a: [1]\n"),
        ("b: 1\na:\n  - x: 1\n  - y: 2", ("a", 1), "b: 1\na:\n  - x: 1\n"),
        ("b: 1\na: { c: { d: 1 } }\n", ("a", "c", "d"), "b: 1\n"),
        ("a: 1\r\nb: 2", ("a",), "b: 2"),
    ],
)
def test_cuts(text: str, path: Path, after: str) -> None:
    assert _made(text, cut(_document(text), path)) == after


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a:\n  - x: 1\n    y: 2\n", ("a", 0, "x")),
        ("a: [1, # one\n  2]\n", ("a", 1)),
        ("- - 1\n  - 2\n", (0, 0)),
        ("a: 1\n", ("a",)),
        ("a: 1\n", ("b",)),
    ],
)
def test_what_a_person_should_cut(text: str, path: Path) -> None:
    assert cut(_document(text), path) is None


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n  some\nb: 1\n  # deeper than the entry\nc: 1\n",
        "a: |+\n  some\nb: 1\n\nc: 1\n",
    ],
)
def test_nothing_joins_the_text_before_what_is_cut(text: str) -> None:
    assert cut(_document(text), ("b",)) is None
    assert cut(_document(text.replace("|+", "|").replace("  #", "#")), ("b",)) is not None


def test_a_block_of_text_that_the_file_ends_in_stays_without_a_break() -> None:
    text = "a:\n  - |\n    some"
    assert insert_after(_document(text), ("a", 0), "new") is None
    assert insert_after(_document(f"{text}\n"), ("a", 0), "new") is not None
