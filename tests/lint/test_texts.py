"""Rules about prose look at everything an agent reads: includes, fragments, wordings of sections."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from agentflow.lint.engine import lint
from agentflow.lint.rule import Context
from tests.support.projects import project

TODAY = "Today is 2026-11-23."
FRAGMENT = "---\nkind: Fragment\nname: own\ntext: {text}\n"


def findings(agent: str, files: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """What the linter says of dates and of comments."""
    memory = project(agent, files)
    result = build(memory)
    assert result.problems == ()
    assert result.value.graph is not None
    found = lint(Context(result.value.graph, result.value.compiled, files=memory))
    return tuple(p for p in found if p.code in ("AF506", "AF091"))


@pytest.mark.parametrize(
    ("agent", "files", "place"),
    [
        ("prompt: ./a.md\n", {"a.md": "{% include './b.md' %}", "b.md": TODAY}, "b.md:1:1"),
        (
            "prompt: |\n  {% include 'fragment/own' %}\n" + FRAGMENT.format(text=f'"x {TODAY}"'),
            {},
            "agentflow.yaml:13:10",
        ),
        (
            'prompt: |\n  {{ fragment("own") }}\n' + FRAGMENT.format(text="./f.md"),
            {"f.md": "{% include './g.md' %}", "g.md": f"x\n{TODAY}"},
            "g.md:2:1",
        ),
        ("sections: { tools: ./t.md }\n", {"t.md": TODAY}, "t.md:1:1"),
        (
            "sections: { tools: fragment/own }\n" + FRAGMENT.format(text="./f.md"),
            {"f.md": TODAY},
            "f.md:1:1",
        ),
    ],
)
def test_a_finding_is_placed_in_the_text_it_is_in(
    agent: str, files: Mapping[str, str], place: str
) -> None:
    [problem] = findings(agent, files)
    assert (problem.code, str(problem.span)) == ("AF506", place)


def test_a_task_may_say_what_day_it_is() -> None:
    assert findings("task: \"{% include './b.md' %}\"\n", {"b.md": TODAY}) == ()


def test_a_comment_in_an_included_file_is_heeded() -> None:
    comment = "{# agentflow: ignore[AF506] it is a quotation #}\n"
    files = {"a.md": "{% include './b.md' %}", "b.md": comment + TODAY}
    assert findings("prompt: ./a.md\n", files) == ()


def test_a_comment_in_an_included_file_that_covers_nothing_is_a_finding() -> None:
    comment = "{# agentflow: ignore[AF506] #}\n"
    files = {"a.md": "{% include './b.md' %}", "b.md": comment + "Work."}
    [problem] = findings("prompt: ./a.md\n", files)
    assert (problem.code, str(problem.span)) == ("AF091", "b.md:1:22")
