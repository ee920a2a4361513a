"""Policy sections in a project's own words: `sections: { outputs: ./outputs.md }`.

The wording is a template, or `fragment/name`. It sees the policies as data and our wording as
`standard`, so it can put something around that or say all of it anew. It is rendered only where the
policy is declared, and then it must say something: what is enforced has to be known to the model.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from agentflow import codes
from agentflow.compiler.fragments import Fragment, Fragments, fragment_name
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.template import SECTION_DATA, has_delimiters, trimmed
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.nearest import did_you_mean
from agentflow.ports import Files

__all__ = ["check_section", "replace_sections"]


def replace_sections(
    overrides: Mapping[str, TemplateText],
    standard: Mapping[str, str],
    *,
    data: Mapping[str, Any],
    variables: Mapping[str, Any],
    inputs: Collection[str],
    fragments: Fragments,
    files: Files,
) -> Checked[dict[str, str]]:
    """The wordings of all sections, a project's own where it has one.

    Args:
        overrides: by the name in a spec, such as `outputs`: what stands there, or in the file that is
            named there.
        standard: our wordings as `section_texts` makes them; empty where nothing is declared.
        data: as `section_data` makes it.
        variables: what `vars` holds.
        inputs: names that exist per run, for a better message where a section uses one.
    """
    texts = dict(standard)
    problems: list[Diagnostic] = []
    for name, template in overrides.items():
        key = f"{name}_section"
        one = _Override(name, template, fragments, files)
        values = {**data, "standard": standard[key]}
        text, found = one.render(values, variables, inputs, declared=bool(standard[key]))
        problems += found
        if text is not None:
            texts[key] = text
    return Checked(texts, tuple(problems))


def check_section(
    name: str,
    template: TemplateText,
    *,
    variables: Mapping[str, Any],
    inputs: Collection[str],
    fragments: Fragments,
    files: Files,
) -> tuple[Diagnostic, ...]:
    """What is wrong with a wording as it stands, where its spec is too broken to render it."""
    one = _Override(name, template, fragments, files)
    return one.render({}, variables, inputs, declared=False).problems


class _Override:
    """One section in a project's own words."""

    def __init__(
        self, name: str, template: TemplateText, fragments: Fragments, files: Files
    ) -> None:
        self.name = name
        self.template = template
        self.fragments = fragments
        self.files = files

    @property
    def span(self) -> Span:
        return self.template.span(0, len(self.template.text.rstrip()))

    def render(
        self,
        values: Mapping[str, Any],
        variables: Mapping[str, Any],
        inputs: Collection[str],
        *,
        declared: bool,
    ) -> Checked[str | None]:
        """The wording. None: nothing is declared, or there are errors."""
        named = fragment_name(self.template.text)
        fragment = None if named is None else self.fragments.get(named)
        if named is not None and fragment is None:
            message = f"No Fragment is named {named!r}."
            hint = did_you_mean(named, self.fragments)
            hint = hint or f"Declare it: `kind: Fragment` with `name: {named}`."
            return Checked(None, (codes.UNKNOWN_REFERENCE.at(self.span, message, hint=hint),))
        if fragment is not None and (missing := _required(fragment)):
            message = (
                f"The fragment {named!r} needs a value for its parameter {missing!r}, which a section "
                "cannot give."
            )
            hint = f'Write the section as {{{{ fragment("{named}", {missing}=…) }}}}.'
            return Checked(None, (codes.FRAGMENT_PARAMETER.at(self.span, message, hint=hint),))
        source = self.template if fragment is None else fragment.text
        text: str | None = source.text
        problems: tuple[Diagnostic, ...] = ()
        if has_delimiters(source.text):
            text, problems = self._template(
                source, fragment, values, variables, inputs, declared=declared
            )
        if not declared or problems or text is None:
            return Checked(None, problems)
        text = trimmed(text)
        return Checked(text, ()) if text else Checked(None, (self._empty(),))

    def _template(
        self,
        source: TemplateText,
        fragment: Fragment | None,
        values: Mapping[str, Any],
        variables: Mapping[str, Any],
        inputs: Collection[str],
        *,
        declared: bool,
    ) -> Checked[str | None]:
        from agentflow.compiler.jinja_check import Scope
        from agentflow.compiler.jinja_render import Compilation

        roots: dict[str, Mapping[str, Any]] = {"vars": variables}
        place, origin = f"section {self.name!r}", None
        if fragment is not None:
            roots["params"] = {name: param.default for name, param in fragment.params.items()}
            place, origin = f"fragment {fragment.name!r}", self.span
        scope = Scope(roots=roots, names=SECTION_DATA, inputs=inputs, place=place)
        compilation = Compilation(
            source, scope, fragments=self.fragments, files=self.files, origin=origin
        )
        if compilation.problems or not declared:
            return Checked(None, compilation.problems)
        rendered, problems = compilation.render({**roots, **values}, {})
        return Checked(None if rendered is None else rendered.text, problems)

    def _empty(self) -> Diagnostic:
        message = (
            f"The section {self.name!r} says nothing, so the model would not be told of its policy."
        )
        hint = "Write {{ standard }} where the usual wording is to stand."
        return codes.TEMPLATE_SECTION.at(self.span, message, hint=hint)


def _required(fragment: Fragment) -> str | None:
    """The first parameter that must be given."""
    return next((name for name, param in fragment.params.items() if param.default is None), None)
