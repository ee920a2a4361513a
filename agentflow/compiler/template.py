"""Prompts and tasks: `{{ … }}` in, text out. A text without delimiters never loads jinja2.

A prompt is rendered when the project is compiled. A task is only bound then: its includes and `vars`
are put in, its `inputs` stay, and `render_task` finishes it when a run starts.

Leading blank lines and trailing whitespace of a result are dropped; all else is kept as written.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, MutableMapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from agentflow import codes
from agentflow.compiler.fragments import Fragment, Fragments
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.late import no_text
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.errors import UsageError
from agentflow.patterns import regex
from agentflow.records import NamedTuple

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = [
    "SECTIONS",
    "SECTION_DATA",
    "SYSTEM_LIMIT",
    "UPLOADS",
    "Rendered",
    "bind_task",
    "check_fragment",
    "check_template",
    "has_delimiters",
    "render_prompt",
    "render_task",
    "trimmed",
]

SECTIONS = (
    "outputs_section",
    "scratch_section",
    "done_section",
    "uncertainty_section",
    "tools_section",
    "autonomy_section",
)
"""What a prompt can place, in the order in which the rest is appended."""

SECTION_DATA = (
    "standard",
    "agent",
    "outputs",
    "repair",
    "scratch",
    "done",
    "uncertainty",
    "tools",
    "skills",
    "team",
)
"""What the template of a section sees, beside `vars`."""

_ALWAYS = frozenset({"tools_section", "autonomy_section"})
"""What is told without having been declared."""

SYSTEM_LIMIT = 100_000
"""Characters of a system prompt: https://platform.claude.com/docs/en/managed-agents/agent-setup"""

UPLOADS = "/mnt/session/uploads"
"""Where the service mounts the files of a session."""


_NONE: Fragments = {}


class Rendered(NamedTuple):
    text: str
    placed: frozenset[str]
    """The sections that the text holds already."""


def has_delimiters(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


_INPUT = regex(r"\{\{ inputs\.([a-z][a-z0-9_]*) \}\}")


_FEW = 100


def _only_names(text: str, inputs: Collection[str]) -> bool:
    """Whether nothing but `{{ inputs.x }}` stands in a task: it is bound as it stands, without jinja2."""
    if "\r" in text:
        return False  # line ends that templates do not keep
    found = _INPUT.findall(text)
    if len(found) > _FEW:
        return False  # so many that the limits of templates have to be looked at
    names = set(found)
    rest = _INPUT.sub("", text)
    return (
        "{" not in rest
        and "}" not in rest
        and all(name in inputs and not hasattr(dict, name) for name in names)
    )


def render_prompt(
    template: TemplateText,
    *,
    variables: Mapping[str, Any],
    inputs: Collection[str],
    sections: Mapping[str, str],
    files: Files,
    fragments: Fragments = _NONE,
) -> Checked[Rendered | None]:
    """The text of a system prompt. None: there are errors.

    Args:
        variables: what `vars` holds.
        inputs: names that exist per run, for a better message when the prompt uses one.
        sections: every name of `SECTIONS`, with its wording; empty where nothing was declared.
    """
    if template.is_verbatim:
        problems = _no_text(template)
        return Checked(None if problems else Rendered(template.text, _ALWAYS), problems)
    if not has_delimiters(template.text):
        return _finish(template, template.text, frozenset())
    from agentflow.compiler.jinja_check import Scope
    from agentflow.compiler.jinja_render import Compilation

    scope = Scope(roots={"vars": variables}, names=sections, inputs=inputs, place="prompt")
    compilation = Compilation(template, scope, fragments=fragments, files=files)
    if compilation.problems:
        return Checked(None, compilation.problems)
    rendered = compilation.render({"vars": dict(variables)}, sections)
    if rendered.value is None:
        return Checked(None, rendered.problems)
    return _finish(template, *rendered.value)


def _finish(template: TemplateText, text: str, placed: frozenset[str]) -> Checked[Rendered | None]:
    text = trimmed(text)
    if not text:
        span = template.span(0, min(len(template.text), 1))
        problem = codes.TEMPLATE_EMPTY.at(span, "The prompt is empty.", hint="Write instructions.")
        return Checked(None, (problem,))
    if problems := _no_text(template):
        return Checked(None, problems)
    return Checked(Rendered(text, placed), ())


def _no_text(template: TemplateText) -> tuple[Diagnostic, ...]:
    """A character of a text, or of the file it is in, that no text may hold."""
    if (character := no_text(template.text)) is None:
        return ()
    start = template.text.index(chr(int(character[2:], 16)))
    message = f"The text holds the character {character}, which is no text."
    span = template.span(start, start + 1)
    return (codes.CONTROL_CHARACTER.at(span, message, hint="Remove it."),)


def trimmed(text: str) -> str:
    """`text` without leading blank lines and trailing whitespace."""
    lines = text.rstrip().split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip()), 0)
    return "\n".join(lines[first:])


def bind_task(
    template: TemplateText,
    *,
    variables: Mapping[str, Any],
    inputs: Collection[str],
    files: Files,
    fragments: Fragments = _NONE,
    bound: MutableMapping[Hashable, str] | None = None,
) -> Checked[str | None]:
    """The task with its includes and `vars` put in; what is left depends on `inputs` only.

    `bound`: keeps tasks from call to call, for the many agents of a project that share a text. None:
    each is bound anew.
    """
    text = template.text
    key = (text, frozenset(inputs), repr(sorted(variables.items())))
    if bound is not None and key in bound:
        return Checked(bound[key], ())
    problems = _no_text(template)
    if has_delimiters(text) and not problems and not _only_names(text, inputs):
        from agentflow.compiler.jinja_bind import bind
        from agentflow.compiler.jinja_check import Scope
        from agentflow.compiler.jinja_render import Compilation

        roots = {"vars": variables, "inputs": inputs}
        scope = Scope(roots=roots, names=(), inputs=inputs, place="task")
        compilation = Compilation(template, scope, fragments=fragments, files=files)
        problems = compilation.problems
        if not problems:
            text, problems = bind(compilation.units, fragments, variables)
        # With an include it depends on the place of the text as well.
        alone = len(compilation.units.by_key) == 1
        if bound is not None and alone and not problems and trimmed(text):
            bound[key] = trimmed(text)
    text = trimmed(text)
    if not text and not problems:
        span = template.span(0, min(len(template.text), 1))
        hint = "Write what a run has to do, or leave `task` out."
        problems = (codes.TEMPLATE_EMPTY.at(span, "The task is empty.", hint=hint),)
    return Checked(None if problems else text, problems)


def check_template(
    template: TemplateText,
    *,
    place: str,
    variables: Mapping[str, Any],
    inputs: Collection[str],
    files: Files,
    fragments: Fragments = _NONE,
) -> tuple[Diagnostic, ...]:
    """What is wrong with a template as it stands, where its spec is too broken to render it.

    `place` is `prompt` or `task`.
    """
    if template.is_verbatim or not has_delimiters(template.text):
        return ()
    from agentflow.compiler.jinja_check import Scope
    from agentflow.compiler.jinja_render import Compilation

    roots: dict[str, Collection[str]] = {"vars": variables}
    if place == "task":
        roots["inputs"] = inputs
    names = SECTIONS if place == "prompt" else ()
    scope = Scope(roots=roots, names=names, inputs=inputs, place=place)
    return Compilation(template, scope, fragments=fragments, files=files).problems


class _Anything(Collection[str]):
    """The names below `vars` where the agent is not known: every name is one of them."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def check_fragment(
    fragment: Fragment, *, fragments: Fragments, files: Files
) -> tuple[Diagnostic, ...]:
    """What is wrong with a fragment wherever it is used, also if it is not."""
    text = fragment.text
    if not has_delimiters(text.text):
        return ()
    from agentflow.compiler.jinja_check import Scope
    from agentflow.compiler.jinja_render import Compilation

    roots = {"vars": _Anything(), "inputs": _Anything(), "params": fragment.params}
    names, place = (*SECTIONS, *SECTION_DATA), f"fragment {fragment.name!r}"
    scope = Scope(roots=roots, names=names, inputs=(), place=place)
    return Compilation(text, scope, fragments=fragments, files=files).problems


def render_task(task: str, inputs: Mapping[str, Any]) -> str:
    """The first message of a run.

    Args:
        task: as `bind_task` made it.
        inputs: a value for every declared input; a file as its `Path`, which becomes the path at
            which the session sees it.

    Raises:
        UsageError: the template fails on these values.
    """
    if not has_delimiters(task):
        return task
    from agentflow.compiler.jinja_render import render_text

    values = {
        name: f"{UPLOADS}/{value.name}" if isinstance(value, PurePath) else value
        for name, value in inputs.items()
    }
    text, failure = render_text(task, {"inputs": values})
    if failure is not None:
        raise UsageError(
            f"The task cannot be rendered with these inputs: {failure}",
            hint="Check the values given for the inputs.",
        )
    return trimmed(text)
