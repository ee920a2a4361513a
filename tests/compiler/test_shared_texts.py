"""What many agents share is worked out once, and no agent gets what is another's."""

from __future__ import annotations

import pytest

from agentflow.compiler import jinja_render
from agentflow.compiler.pipeline import build
from tests.support.memory_files import MemoryFiles
from tests.support.projects import PROJECT

SORT = "Sort {{ inputs.box }} for {{ vars.desk }}."


def agent(name: str, task: str, desk: str, more: str = "") -> str:
    return (
        f"apiVersion: agentflow/v1\nkind: Agent\nname: {name}\nmodel: claude-opus-5-5\nprompt: Work.\n"
        f"task: {task!r}\nvars: {{ desk: {{ default: {desk} }} }}\n"
        f"inputs: {{ box: {{ type: string }}{more} }}\n"
    )


def tasks(files: dict[str, str]) -> dict[str, str | None]:
    built, problems = build(MemoryFiles({"agentflow.yaml": PROJECT, **files}))
    assert built.compiled is not None, problems
    return {
        address.removeprefix("agent/"): policy.task
        for address, policy in built.compiled.manifest.agents.items()
    }


def test_a_text_with_other_values_is_another_task() -> None:
    made = tasks({f"{d}.yaml": agent(d, SORT, d) for d in ("north", "south")})
    assert made == {d: f"Sort {{{{ inputs.box }}}} for {d}." for d in ("north", "south")}


def test_an_include_of_the_same_name_is_another_file() -> None:
    task = '{% include "./part.md" %}'
    files = {f"{d}/agent.yaml": agent(d, task, "post") for d in ("north", "south")}
    parts = {f"{d}/part.md": f"{d}: {{{{ inputs.box }}}}" for d in ("north", "south")}
    made = tasks({**files, **parts})
    assert made == {d: f"{d}: {{{{ inputs.box }}}}" for d in ("north", "south")}


def test_a_text_that_fits_one_agent_need_not_fit_another() -> None:
    task = "Sort {{ inputs.box }} before {{ inputs.hour }}."
    files = {
        "a.yaml": agent("a", task, "post", ", hour: { type: string }"),
        "b.yaml": agent("b", task, "post"),
    }
    _, problems = build(MemoryFiles({"agentflow.yaml": PROJECT, **files}))
    assert [(p.span.file if p.span else "", p.code) for p in problems] == [("b.yaml", "AF302")]


def test_a_text_of_many_agents_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    compilation = jinja_render.Compilation

    def counted(*given: object, **named: object) -> object:
        made.append(given)
        return compilation(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(jinja_render, "Compilation", counted)
    assert len(tasks({f"a{n}.yaml": agent(f"a{n}", SORT, "post") for n in range(5)})) == 5
    assert len(made) == 1
