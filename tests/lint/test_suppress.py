"""Comments to the linter: what they cover, and what is said about the comments themselves."""

from __future__ import annotations

import re

import pytest

from agentflow.compiler.graph import Graph
from agentflow.diagnostics import Diagnostic
from agentflow.lint.engine import lint, scan
from agentflow.lint.own import UNEXPLAINED_SUPPRESSION, UNKNOWN_SUPPRESSION, UNUSED_SUPPRESSION
from agentflow.lint.rule import Context
from tests.lint.support import PROJECT, codes_in, graph_of, lint_files, lint_text

UNUSED, UNKNOWN = UNUSED_SUPPRESSION.id, UNKNOWN_SUPPRESSION.id

SPEC = """\
{top}apiVersion: agentflow/v1
kind: Agent
name: analyst {name}
model: claude-opus-5-5
{above_tools}tools: {tools}
  bash: ask {bash}
  {above_edit}
  edit: ask {edit}
prompt: | {prompt}
  Save it to /home/x/report.md. {inside}
  It is TBD.
---
{second}kind: Environment
name: lab
network: {{ hosts: ["*.northwind.dev"] }}
"""
_SLOTS = ("top", "name", "above_tools", "tools", "bash", "above_edit", "edit", "prompt", "inside", "second")  # fmt: skip


def _findings(**slots: str) -> list[tuple[str, str]]:
    """Code of what is found, and the line it is in without comments."""
    text = SPEC.format(**{slot: slots.get(slot, "") for slot in _SLOTS})
    found = []
    for problem in lint_text(text):
        assert problem.span is not None
        line = text.splitlines()[problem.span.line - 1]
        found.append((problem.code, re.split(r"\{?#", line)[0].strip()))
    return sorted(found)


WILDCARD = 'network: { hosts: ["*.northwind.dev"] }'
REPORT = "Save it to /home/x/report.md."
ALL = _findings()
BOTH_ASK = [found for found in ALL if found[0] == "AF602"]


def test_the_spec_has_what_the_cases_need() -> None:
    assert BOTH_ASK == [("AF602", "bash: ask"), ("AF602", "edit: ask")]
    assert {"AF504", "AF505", "AF703", "AF501", "AF801"} <= {code for code, _ in ALL}


@pytest.mark.parametrize(
    ("slot", "comment", "gone"),
    [
        ("bash", "# agentflow: ignore[AF602]", [("AF602", "bash: ask")]),
        ("bash", "#agentflow:ignore[ AF602 ] denied on purpose", [("AF602", "bash: ask")]),
        ("bash", "# as agreed # agentflow: ignore[AF602]", [("AF602", "bash: ask")]),
        ("above_edit", "# agentflow: ignore[AF602] reason", [("AF602", "edit: ask")]),
        ("tools", "# agentflow: ignore[AF602]", BOTH_ASK),
        ("above_tools", "# agentflow: ignore[AF602]\n", BOTH_ASK),
        ("above_tools", "# agentflow: ignore[AF602]\n\n# more\n", BOTH_ASK),
        ("top", "# agentflow: ignore[AF602, AF703]\n", [*BOTH_ASK, ("AF703", WILDCARD)]),
        ("second", "# agentflow: ignore[AF703]\n", [("AF703", WILDCARD)]),
        (
            "name",
            "# agentflow: ignore[AF501,AF801]",
            [("AF501", "name: analyst"), ("AF801", "name: analyst")],
        ),
        ("prompt", "# agentflow: ignore[AF504]", [("AF504", REPORT)]),
        (
            "prompt",
            "# agentflow: ignore[AF504, AF505]",
            [("AF504", REPORT), ("AF505", "It is TBD.")],
        ),
        ("inside", "{# agentflow: ignore[AF504] #}", [("AF504", REPORT)]),
    ],
)
def test_a_comment_takes_out_what_it_covers(
    slot: str, comment: str, gone: list[tuple[str, str]]
) -> None:
    assert _findings(**{slot: comment}) == [found for found in ALL if found not in gone]


@pytest.mark.parametrize(
    ("slot", "comment", "code"),
    [
        ("edit", "# agentflow: ignore[AF504]", UNUSED),
        ("second", "# agentflow: ignore[AF602]\n", UNUSED),
        ("inside", "{# agentflow: ignore[AF505] #}", UNUSED),
        ("bash", "# agentflow: ignore[AF9999]", UNKNOWN),
        ("bash", "# agentflow: ignore[ask-unanswered]", UNKNOWN),
        ("bash", "# agentflow: ignore", UNKNOWN),
        ("bash", "# agentflow: ignore[]", UNKNOWN),
        ("bash", "# agentflow: ignroe[AF602]", UNKNOWN),
        ("inside", "{# agentflow: ignore #}", UNKNOWN),
    ],
)
def test_a_comment_that_does_nothing_is_a_finding(slot: str, comment: str, code: str) -> None:
    left = _findings(**{slot: comment})
    assert [found for found, _ in left].count(code) == 1
    assert len(left) == len(ALL) + 1


@pytest.mark.parametrize(
    ("slot", "text"),
    [
        ("inside", "# agentflow: ignore[AF504]"),
        ("bash", "# agentflow: the tool for scripts"),
        ("bash", "# see ignore[AF602]"),
    ],
)
def test_what_is_no_comment_to_the_linter(slot: str, text: str) -> None:
    assert _findings(**{slot: text}) == ALL


def test_a_hash_inside_a_quoted_text_is_no_comment() -> None:
    spec = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: x\n"
        'description: "about # agentflow: ignore[AF801]"\n'
    )
    found = codes_in(lint_text(spec))
    assert "AF801" in found
    assert UNUSED not in found


def _prompt_in_a_file(comment: str, prompt: str) -> set[str]:
    spec = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\n"
    files = {"agents/a.yaml": f"{spec}prompt: ./a.md {comment}\n", "agents/a.md": prompt}
    return codes_in(lint_files(files))


def test_a_comment_beside_the_prompt_covers_the_file_it_names() -> None:
    assert "AF505" in _prompt_in_a_file("", "It is TBD.")
    found = _prompt_in_a_file("# agentflow: ignore[AF505]", "It is TBD.")
    assert not {"AF505", UNUSED} & found


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("{# agentflow: ignore[AF505] #}\nIt is TBD.\n\nAlso TBD.", set()),
        ("x\n{# agentflow: ignore[AF505] #}\nIt is TBD.\nAlso TBD.", set()),
        ("x\n{# agentflow: ignore[AF505] #}\nIt is TBD.\n\nAlso TBD.", {"AF505"}),
        ("It is TBD. {# agentflow: ignore[AF505] #}\nAlso TBD.", {"AF505"}),
    ],
)
def test_comments_in_a_prompt_file(prompt: str, left: set[str]) -> None:
    assert _prompt_in_a_file("", prompt) & {"AF505", UNUSED} == left


def test_unused_can_be_mended_by_removing_the_comment() -> None:
    spec = "apiVersion: agentflow/v1\nkind: Environment\nname: lab # agentflow: ignore[AF703] old\n"
    [problem] = [p for p in lint_text(spec) if p.code == UNUSED]
    assert problem.fix is not None
    [edit] = problem.fix.edits
    assert problem.fix.safe
    line = spec.splitlines()[edit.span.line - 1]
    assert (
        line[edit.span.column - 1 : edit.span.end_column - 1] == " # agentflow: ignore[AF703] old"
    )


def _lint(graph: Graph, **more: object) -> tuple[Diagnostic, ...]:
    return lint(Context(graph, None), **more)  # type: ignore[arg-type]


def test_a_code_that_is_ignored_everywhere_is_not_called_unused() -> None:
    graph = graph_of(
        {
            "agentflow.yaml": PROJECT + "lint: { ignore: [AF703] }\n",
            "a.yaml": "apiVersion: agentflow/v1\nkind: Environment\nname: lab # agentflow: ignore[AF703]\n",
        }
    )
    assert UNUSED not in codes_in(_lint(graph))


def test_an_unknown_code_to_ignore_is_a_finding_in_the_project() -> None:
    graph = graph_of(
        {"agentflow.yaml": PROJECT + "lint:\n  ignore: [AF5, no-budget, AF777, AF50l]\n"}
    )
    found = [p for p in _lint(graph) if p.code == UNKNOWN]
    assert [(str(p.span), "'AF777'" in p.message) for p in found] == [
        ("agentflow.yaml:5:28", True),
        ("agentflow.yaml:5:35", False),
    ]


def test_a_line_separator_in_a_text_is_no_line() -> None:
    spec = (
        "apiVersion: agentflow/v1\nkind: Environment\n"
        'description: "one\u2028two"\nname: lab # agentflow: ignore[AF703]\n'
        'network: { hosts: ["*.northwind.dev"] } # agentflow: ignore[AF703]\n'
    )
    assert [(p.code, p.span and p.span.line) for p in lint_text(spec)] == [(UNUSED, 4)]


@pytest.mark.parametrize("slot", ["top", "bash", "above_edit", "second"])
def test_a_comment_for_the_file_counts_wherever_it_stands(slot: str) -> None:
    end = "\n" if slot in ("top", "second") else ""
    comment = f"# agentflow: ignore-file[AF602, AF703] as agreed{end}"
    left = [found for found in ALL if found[0] not in ("AF602", "AF703")]
    assert _findings(**{slot: comment}) == left


def test_a_comment_for_the_file_covers_the_prompts_that_it_names() -> None:
    found = _prompt_in_a_file("# agentflow: ignore-file[AF505] later", "It is TBD.")
    assert not {"AF505", UNUSED} & found


@pytest.mark.parametrize(
    "prompt",
    [
        "x\n\nIt is TBD.\n\n{# agentflow: ignore-file[AF505] later #}\n",
        "x {# agentflow: ignore-file[AF505] #}\nIt is TBD.\n\nAlso TBD.",
    ],
)
def test_a_comment_for_the_file_in_a_prompt(prompt: str) -> None:
    assert not {"AF505", UNUSED} & _prompt_in_a_file("", prompt)


def test_a_comment_for_the_file_that_does_nothing_is_a_finding() -> None:
    left = _findings(inside="{# agentflow: ignore-file[AF509] #}")
    assert [code for code, _ in left].count(UNUSED) == 1
    assert len(left) == len(ALL) + 1


@pytest.mark.parametrize(
    ("comment", "has_reason"),
    [
        ("# agentflow: ignore[AF602]", False),
        ("# agentflow: ignore[AF602] ", False),
        ("# agentflow: ignore[AF602] - ", False),
        ("# agentflow: ignore[AF602] denied on purpose", True),
        ("# agentflow: ignore[AF602]: denied on purpose", True),
        ("# agentflow: ignore-file[AF602]", False),
    ],
)
def test_a_comment_has_to_say_why(comment: str, has_reason: bool) -> None:
    text = SPEC.format(**dict.fromkeys(_SLOTS, "") | {"bash": comment})
    problems = scan(Context(graph_of({"a.yaml": text}), None))
    unexplained = [p for p in problems if p.code == UNEXPLAINED_SUPPRESSION.id]
    assert [str(p.span) for p in unexplained] == ([] if has_reason else ["a.yaml:6:13"])


def test_a_comment_counts_in_specs_of_every_kind() -> None:
    text = "apiVersion: agentflow/v1\nkind: MemoryStore\nname: m  # agentflow: ignore[{code}]\n"
    assert "AF1006" in {p.code for p in lint_text(text.format(code="AF501"))}
    (unused,) = [p for p in lint_text(text.format(code="AF501")) if p.code == "AF091"]
    assert str(unused.span) == "agents.yaml:3:30"
    assert lint_text(text.format(code="AF1006")) == ()
