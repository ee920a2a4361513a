"""What is expected of a system prompt."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.compiler.render.manifest import sections_of
from agentflow.testing.bench import Case
from agentflow.testing.results import Miss
from agentflow.testing.seen import shown

__all__ = ["prompt_misses", "system_prompt"]


def system_prompt(case: Case) -> str:
    """As it is sent."""
    resource = case.bench.compiled.manifest.resource(case.agent)
    assert resource is not None, "an agent of the manifest has a payload"
    return str(resource.payload.get("system") or "")


def prompt_misses(case: Case) -> Iterator[Miss]:
    expect = case.spec.expect.prompt
    if expect is None:
        return
    text = system_prompt(case)
    for index, needle in enumerate(expect.contains or ()):
        if needle not in text:
            path = ("expect", "prompt", "contains", index)
            yield Miss(path, "The prompt lacks a text.", needle, shown(text))
    for index, needle in enumerate(expect.never or ()):
        if needle in text:
            line = text[: text.index(needle)].count("\n") + 1
            path = ("expect", "prompt", "never", index)
            yield Miss(path, "The prompt holds a text.", f"never {needle!r}", f"line {line} of it")
    if expect.sections == "once":
        yield from _sections(case, text)


def _sections(case: Case, text: str) -> Iterator[Miss]:
    sections = sections_of(case.node, case.bench.graph, case.bench.project.files)
    for name, section in sections.items():
        count = text.count(section) if section else 1
        if count != 1:
            what = name.removesuffix("_section")
            message = f"The policy section {what!r} is in the prompt {count} times."
            yield Miss(("expect", "prompt", "sections"), message, "once", f"{count} times")
