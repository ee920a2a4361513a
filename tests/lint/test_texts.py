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


OTHER = "---\nkind: Agent\nname: b\nmodel: claude-opus-5-5\nprompt: {prompt}\n"


def test_what_two_agents_share_is_one_finding() -> None:
    own = FRAGMENT.format(text=TODAY)
    prompt = "\"{% include 'fragment/own' %}\""
    found = findings(f"prompt: {prompt}\n" + OTHER.format(prompt=prompt) + own, {})
    assert [str(problem.span) for problem in found] == ["agentflow.yaml:17:7"]


def test_two_prompts_with_the_same_words_are_two_findings() -> None:
    found = findings(f"prompt: {TODAY}\n" + OTHER.format(prompt=TODAY), {})
    assert [str(problem.span) for problem in found] == [
        "agentflow.yaml:8:9",
        "agentflow.yaml:13:9",
    ]


def test_a_text_of_a_task_is_judged_again_where_a_prompt_has_it() -> None:
    own = FRAGMENT.format(text=TODAY)
    include = "\"{% include 'fragment/own' %}\""
    [problem] = findings(f"task: {include}\n" + OTHER.format(prompt=include) + own, {})
    assert "agent 'b'" in problem.message
