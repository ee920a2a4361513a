"""Render a text and all that it is made of. Every jinja2 error becomes a diagnostic here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jinja2.exceptions import TemplateRuntimeError

from agentflow import codes
from agentflow.compiler.fragments import Fragments
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_check import Scope
from agentflow.compiler.jinja_env import PromptEnvironment
from agentflow.compiler.jinja_errors import explain, where
from agentflow.compiler.jinja_meter import TooMuchWork
from agentflow.compiler.jinja_units import Units
from agentflow.compiler.jinja_values import BadParameter, Wordings, parameter, trim_end
from agentflow.compiler.late import no_text
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.ports import Files

__all__ = ["TEXT_LIMIT", "Compilation", "RenderedText", "render_text"]

TEXT_LIMIT = 100_000
"""Characters of a rendered text: what the service takes as a system prompt."""


class RenderedText(NamedTuple):
    text: str
    placed: frozenset[str]


class Compilation:
    """A text with its files and fragments. Making one checks it; `problems` is what was found.

    `origin` is the place that names the text, for one that stands somewhere else.
    """

    def __init__(
        self,
        template: TemplateText,
        scope: Scope,
        *,
        fragments: Fragments,
        files: Files,
        origin: Span | None = None,
    ) -> None:
        self.environment = PromptEnvironment(fragments=fragments)
        self.units = Units(
            template,
            scope,
            fragments=fragments,
            files=files,
            environment=self.environment,
            origin=origin,
        )
        self.problems = tuple(self.units.problems)

    def render(
        self, values: Mapping[str, Any], sections: Mapping[str, str]
    ) -> Checked[RenderedText | None]:
        """Render what was checked, and hold that each placed section arrives once and whole.

        Args:
            values: by name, for the text itself and for the fragments in it.
            sections: the wordings of policies, by the name that places them.
        """
        wordings = Wordings(sections)
        environment = self.environment
        environment.outermost = {**values, **wordings.sections()}
        try:
            for key, unit in self.units.by_key.items():
                environment.add(key, unit.tree)
            text = environment.templates[self.units.root].render(environment.outermost)
            _check_text(text)
        except Exception as error:
            return Checked(None, (self._failure(error),))
        return self._put_sections(text, wordings)

    def _put_sections(self, text: str, wordings: Wordings) -> Checked[RenderedText | None]:
        problems: list[Diagnostic] = []
        for name in sorted(wordings.written):
            count = wordings.count(name, text)
            if count == 1:
                continue
            message = (
                f"The prompt places {name} {count} times."
                if count
                else f"The prompt drops {name} or changes it on the way."
            )
            hint = f"Write {{{{ {name} }}}} once, on a line of its own."
            problems.append(self._at_last(name, message, hint))
        if problems:
            return Checked(None, tuple(problems))
        return Checked(RenderedText(wordings.put(text), frozenset(wordings.written)), ())

    def _at_last(self, name: str, message: str, hint: str) -> Diagnostic:
        """A problem at the last place where a text names a section."""
        key, token = [
            (key, token)
            for key, unit in self.units.by_key.items()
            for token in unit.tokens.all
            if token.type == "name" and token.value == name
        ][-1]
        span = self.units.by_key[key].span(token, token.line)
        return codes.TEMPLATE_SECTION.at(span, message, hint=hint, related=self.units.trail(key))

    def _failure(self, error: Exception) -> Diagnostic:
        code, message, hint = explain(error)
        key, line = where(error.__traceback__, self.units.by_key)
        key = key or self.units.root
        unit = self.units.by_key[key]
        if isinstance(error, BadParameter):
            token = unit.tokens.find(line, error.name, "=", pick=0, again=True)
        else:
            word = re.search(r"'([^']+)'$|'(\w+)' is undefined", str(error))
            name = word and (word[1] or word[2])
            token = unit.tokens.find(line, name) if name and line else None
        span = unit.span(token, line) if line else unit.text.span(0, min(1, len(unit.text.text)))
        return code.at(span, message, hint=hint, related=self.units.trail(key))


def _check_text(text: str) -> None:
    if len(text) > TEXT_LIMIT:
        raise TooMuchWork(f"It renders to {len(text):,} characters of {TEXT_LIMIT:,}.")
    if character := no_text(text):
        raise TemplateRuntimeError(f"it writes {character}, which is no text")


def render_text(text: str, values: Mapping[str, Any]) -> tuple[str, str | None]:
    """Render a text that `bind` made: the result, or an empty one and what went wrong."""
    environment = PromptEnvironment(swallow=False)
    environment.filters |= {"parameter": parameter, "trim_end": trim_end}
    try:
        template = environment.add("task", environment.parse(text))
        result = template.render(values)
        _check_text(result)
    except Exception as error:
        return "", explain(error)[1]
    return result, None
