"""The layout of specs: whole files before and after, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.compiler.formatting.text import format_text
from agentflow.source.yaml import parse
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import fields
from tests.support.golden import check_golden

CASES = Path(__file__).parents[1] / "cases" / "fmt"
NAMES = sorted(path.name for path in CASES.iterdir())


def formatted(text: str, *, kind: str | None = None) -> str:
    result = format_text("a.yaml", text, kind=kind)
    assert result.problems == ()
    return result.value


@pytest.mark.parametrize("case", NAMES)
def test_a_file_gets_the_layout_of_the_documentation(case: str) -> None:
    before = (CASES / case / "before.yaml").read_text(encoding="utf-8")
    after = formatted(before)
    check_golden(CASES / case / "after.yaml", after)
    assert formatted(after) == after


@pytest.mark.parametrize("case", NAMES)
def test_the_cases_say_the_same_before_and_after(case: str) -> None:
    before, after = (
        parse(case, (CASES / case / f"{name}.yaml").read_text(encoding="utf-8"))
        for name in ("before", "after")
    )
    assert [document.data for document in before.value if document.data is not None] == [
        document.data for document in after.value
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("\n\n", ""),
        ("#\n\n\n# a\n", "#\n\n# a\n"),
        ("---\n", ""),
        ("---\na: 1\n---\n", "a: 1\n"),
        ("~\n---\na: 1\n", "a: 1\n"),
        ("--- # x\n---\n# y\n--- # z\na: 1\n", "--- # z\n# x\n# y\na: 1\n"),
        ("a: 1\n...\n# x\n---\nb: 2", "a: 1\n# x\n---\nb: 2\n"),
        ("%YAML 1.2\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n"),
        ("a: 1\n...\n%YAML 1.2\n---\nb: 1\n", "a: 1\n...\n%YAML 1.2\n---\nb: 1\n"),
        ("\ufeffa:   1\n", "a: 1\n"),
        ("a:   1\r\nb: |\r\n  x\r\n  y\r\n", "a: 1\nb: |\n  x\n  y\n"),
        ("a:   1\rb: 2\r", "a: 1\nb: 2\n"),
        ("? a\n: b\n", "a: b\n"),
        ("? |\n  a\n  b\n: c\n", '"a\\nb\\n": c\n'),
        ("? --- a\n: b\n", '"--- a": b\n'),
        ("&top\n# x\nb: *k\n", None),
        ("&top # x\nname: a\n# y\nkind: Agent\n", "# x\n# y\n&top\nkind: Agent\nname: a\n"),
        ("a:\t1\t# x\n", "a: 1 # x\n"),
        ("{ a: 1 } # x\n# y\n", "{ a: 1 } # x\n# y\n"),
        ("{ # x\n}\n", "{} # x\n"),
        ("a: [[ # x\n]]\n", "a:\n  # x\n  - []\n"),
        ("a: # x\n  b # y\n", "# x\na: b # y\n"),
        ('a: "b" #c\n', "a: b # c\n"),
        ("a: b#c\n", "a: b#c\n"),
        ("&h::", "&h ::\n"),
        ("&k   a: &v   b\nc: [*v]\n", "&k a: &v b\nc: [*v]\n"),
        ("a: {-, b: -}\n", 'a: { "-", b: "-" }\n'),
    ],
    ids=repr,
)
def test_small_files(before: str, after: str | None) -> None:
    if after is None:
        assert [problem.code for problem in format_text("a.yaml", before).problems] == ["AF016"]
    else:
        assert formatted(before) == after
        assert formatted(after) == after


@pytest.mark.parametrize(("size", "stays"), [(100, True), (101, False)])
@pytest.mark.parametrize("start", ["raw: ", "done:\n  - "], ids=["key", "item"])
def test_braces_stay_while_they_fit(start: str, size: int, stays: bool) -> None:
    line = start.rpartition("\n")[2]
    text = "x" * (size - len(line) - len("{ a:  }"))
    before = f"{start}{{ a: {text} }} # a comment does not count\n"
    assert (formatted(before) == before) is stays


def test_a_text_without_a_kind_takes_the_one_it_is_given() -> None:
    head = "tools: { read: allow }\nname: a\ndescription: What it does.\n"
    assert formatted(head) == "name: a\ntools: { read: allow }\ndescription: What it does.\n"
    assert formatted(head, kind="Agent") == (
        "name: a\ndescription: What it does.\ntools: { read: allow }\n"
    )
    assert formatted(head, kind="Nothing") == formatted(head)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: [1\nb:   2\n", "AF010", "a.yaml:2:2"),
        ("a:   1\na: 2\n", "AF012", "a.yaml:2:1"),
        ("a:   !x 1\n", "AF013", "a.yaml:1:6"),
        ("a:\n\tb: 1\n", "AF011", "a.yaml:2:1"),
        ("-   a\n", "AF105", "a.yaml:1:1"),
        ("a:   1\n---\ntext\n", "AF105", "a.yaml:3:1"),
        ("a:   'one\u2028two'\n", "AF024", "a.yaml:1:10"),
    ],
    ids=lambda value: repr(value) if " " in value else "",
)
def test_a_file_with_problems_is_left_alone(text: str, code: str, place: str) -> None:
    value, problems = format_text("a.yaml", text)
    assert value == text
    assert [(problem.code, str(problem.span)) for problem in problems] == [(code, place)]


@pytest.mark.parametrize(
    "result", ["a: 2\n", "a: 1\n", "# x\n# x\na: 1\n", "a: [\n", "# x\na: '1'\n"]
)
def test_a_result_that_says_something_else_is_not_given(
    result: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentflow.compiler.formatting.text.lay_out", lambda _: result)
    before = "# x\na:   1\n"
    value, problems = format_text("a.yaml", before)
    assert value == before
    assert [problem.code for problem in problems] == ["AF024"]
    assert problems[0].message == (
        "Formatting would change what the file says, so it is left as it is."
    )


def test_the_order_is_that_of_the_models() -> None:
    """Whatever kinds there are: a document with every key of its model, in reverse."""
    for kind, model in KINDS.items():
        keys = list(fields(model))
        assert keys[:3] == ["apiVersion", "kind", "name"]
        lines = [f"{key}: {kind if key == 'kind' else 'x'}\n" for key in keys]
        assert formatted("".join(reversed(lines))) == "".join(lines)
