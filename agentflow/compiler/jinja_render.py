"""A text and all it includes: parsed, checked and rendered. Every jinja2 error becomes a diagnostic here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.exceptions import (
    SecurityError,
    TemplateError,
    TemplateSyntaxError,
    UndefinedError,
)

from agentflow import codes
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_check import (
    Scope,
    Tokens,
    Unit,
    assigned_names,
    check_unit,
    includes,
    line_range,
)
from agentflow.compiler.jinja_env import PromptEnvironment, TooMuchWork
from agentflow.diagnostics import Checked, Code, Diagnostic, Span
from agentflow.errors import FileRefused
from agentflow.ports import Files

__all__ = ["Compilation", "RenderedText", "render_text"]

INCLUDE_DEPTH = 10
TEXT_LIMIT = 100_000
"""Characters of a rendered text: what the service takes as a system prompt."""


class RenderedText(NamedTuple):
    text: str
    placed: frozenset[str]


class _Section:
    """The wording of a policy. It is no `str`, so that only writing it makes it text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.written = 0

    def __str__(self) -> str:
        self.written += 1
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)


class Compilation:
    """A text with its includes. Making one checks it; `problems` is what was found.

    `units` are by path; the text itself has the path `root`, which no file can have.
    """

    def __init__(self, template: TemplateText, scope: Scope, files: Files) -> None:
        self.scope = scope
        self.files = files
        self.environment = PromptEnvironment()
        self.problems: list[Diagnostic] = []
        self.units: dict[str, Unit] = {}
        self.root = template.name if template.document is None else f"{template.name}#"
        self.template = template
        self._includes: dict[str, list[tuple[str, Span]]] = {}
        self._levels: dict[str, int] = {}
        try:
            self._check()
        except RecursionError:  # a chain such as `1 + 1 + …` parses, but its tree is too deep
            self.problems.append(_too_nested(template))

    def _check(self) -> None:
        self._read(self.root, self.template)
        self._walk(self.root, (self.root,))
        assigned = {name for unit in self.units.values() for name in assigned_names(unit.tree)}
        for unit in self.units.values():
            self.problems += check_unit(unit, self.scope, assigned, self.environment.tests)

    def _read(self, root: str, template: TemplateText) -> None:
        """Parse a text and everything that it includes, each file once."""
        waiting = [(root, template)]
        while waiting:
            path, text = waiting.pop()
            unit = self._parse(text)
            if unit is None:
                continue
            self.units[path] = unit
            found = self._includes[path] = []
            for node, name, span in includes(unit):
                target = self._target(text, name, span)
                if target is None:
                    continue
                # The compiled text asks for its includes by path: see PromptEnvironment.
                node.template = nodes.Const(target, lineno=node.lineno)
                node.ignore_missing = False
                found.append((target, span))
                known = self.units.keys() | {other for other, _ in waiting}
                if target not in known and (included := self._file(target, span)) is not None:
                    waiting.append((target, included))

    def _target(self, text: TemplateText, name: str | None, span: Span) -> str | None:
        """The path that an include names. None: it was reported."""
        if name is None:
            message = "An include names its file by a literal path."
            hint = 'Write {% include "./part.md" %}.'
            self.problems.append(codes.TEMPLATE_INCLUDE.at(span, message, hint=hint))
            return None
        if not name.startswith(("./", "../")):
            message = f"The include {name!r} is not a path beside the template."
            near = name.rpartition("/")[2] if name.startswith("/") else name
            hint = f"Write './{near}' for a file in the same directory."
            self.problems.append(codes.TEMPLATE_INCLUDE.at(span, message, hint=hint))
            return None
        return posixpath.normpath(posixpath.join(posixpath.dirname(text.name), name))

    def _file(self, path: str, span: Span) -> TemplateText | None:
        """A file to include. None: it cannot be read, which was reported at `span`."""
        try:
            text = self.files.read(path)
        except FileRefused as refused:
            code = codes.CODES.get(refused.code, codes.TEMPLATE_INCLUDE)
            self.problems.append(code.at(span, refused.message, hint=refused.hint))
            return None
        return TemplateText(name=path, text=text.replace("\r\n", "\n"), document=None, path=())

    def _walk(self, path: str, chain: tuple[str, ...]) -> int:
        """Report circles, and includes nested too deeply. `chain` leads to `path` and ends with it.

        Returns how many levels there are below `path`. Each file is walked once, so that a file that
        many others include costs no more than one.
        """
        levels = 0
        for target, span in self._includes.get(path, ()):
            if target in chain:
                circle = [link.rstrip("#") for link in (*chain[chain.index(target) :], target)]
                message = f"Templates include each other in a circle: {' → '.join(circle)}."
                hint = "Take one of these includes out."
                self.problems.append(codes.TEMPLATE_INCLUDE_CYCLE.at(span, message, hint=hint))
                continue
            if target not in self._levels:
                # Beyond the limit nothing below is looked at: it is too deep already.
                deeper = len(chain) <= INCLUDE_DEPTH
                self._levels[target] = self._walk(target, (*chain, target)) if deeper else 0
            below = self._levels[target] + 1
            levels = max(levels, below)
            if len(chain) - 1 + below > INCLUDE_DEPTH:
                message = f"Includes are nested more than {INCLUDE_DEPTH} deep."
                hint = "Include the inner files from the prompt itself."
                self.problems.append(codes.TEMPLATE_TOO_LARGE.at(span, message, hint=hint))
        return levels

    def _parse(self, text: TemplateText) -> Unit | None:
        try:
            tree = self.environment.parse(text.text)
            return Unit(text, tree, Tokens(self.environment, text.text))
        except TemplateSyntaxError as error:
            self.problems.append(_syntax_problem(text, error))
        except RecursionError:
            self.problems.append(_too_nested(text))
        return None

    def render(
        self, values: Mapping[str, Any], sections: Mapping[str, str]
    ) -> Checked[RenderedText | None]:
        """Render what was checked, and hold that each placed section arrives once and whole."""
        wordings = {name: _Section(text) for name, text in sections.items()}
        try:
            for path, unit in self.units.items():
                self.environment.add(path, unit.tree)
            text = self.environment.templates[self.root].render({**values, **wordings})
            if len(text) > TEXT_LIMIT:
                raise TooMuchWork(f"It renders to {len(text):,} characters of {TEXT_LIMIT:,}.")  # noqa: TRY301
        except Exception as error:
            return Checked(None, (self._failure(error),))
        return self._placed(text, wordings)

    def _placed(self, text: str, wordings: Mapping[str, _Section]) -> Checked[RenderedText | None]:
        written = {name: section for name, section in wordings.items() if section.written}
        problems: list[Diagnostic] = []
        for name, section in written.items():
            count = text.count(section.text) if section.text else 1
            if count == 1:
                continue
            message = (
                f"The prompt places {name} {count} times."
                if count
                else f"The prompt changes {name} on the way."
            )
            hint = f"Write {{{{ {name} }}}} once, on a line of its own."
            problems.append(codes.TEMPLATE_SECTION.at(self._last(name), message, hint=hint))
        return Checked(
            None if problems else RenderedText(text, frozenset(written)), tuple(problems)
        )

    def _last(self, name: str) -> Span:
        """The last place where a text names a section."""
        return [
            unit.span(token, token.line)
            for unit in self.units.values()
            for token in unit.tokens.all
            if token.type == "name" and token.value == name
        ][-1]

    def _failure(self, error: Exception) -> Diagnostic:
        code, message, hint = _explain(error)
        path, line = _where(error.__traceback__, self.units)
        unit = self.units[path or self.root]
        word = re.search(r"'([^']+)'$|'(\w+)' is undefined", str(error))
        name = word and (word[1] or word[2])
        token = unit.tokens.find(line, name) if name and line else None
        span = unit.span(token, line) if line else unit.text.span(0, min(1, len(unit.text.text)))
        return code.at(span, message, hint=hint)


def _explain(error: Exception) -> tuple[Code, str, str]:
    """The code, sentence and hint for what a rendering raised."""
    text = str(error).rstrip(".")
    if isinstance(error, TooMuchWork):
        return codes.TEMPLATE_TOO_LARGE, f"{text}.", "Write less, or loop over less."
    if isinstance(error, (RecursionError, MemoryError)):
        return codes.TEMPLATE_TOO_LARGE, "It calls itself without end.", "Take the recursion out."
    if isinstance(error, SecurityError):
        return codes.TEMPLATE_FORBIDDEN, f"The sandbox refused: {text}.", "Use a filter instead."
    if isinstance(error, UndefinedError):
        hint = "Check the name, or write `| default('…')`."
        return codes.TEMPLATE_UNDEFINED, f"A value is undefined: {text}.", hint
    if isinstance(error, SyntaxError):
        hint = "Python allows twenty nested blocks: move inner ones to an include."
        return codes.TEMPLATE_SYNTAX, "The template nests loops or macros too deeply.", hint
    if isinstance(error, TemplateError):
        return (
            codes.TEMPLATE_FAILED,
            f"The template failed: {text}.",
            "Check the types of its values.",
        )
    name = type(error).__name__
    return (
        codes.TEMPLATE_FAILED,
        f"The template failed: {name}: {text}.",
        "Check the types of its values.",
    )


def _too_nested(text: TemplateText) -> Diagnostic:
    message = "The template nests expressions too deeply."
    span = text.span(0, min(1, len(text.text)))
    return codes.TEMPLATE_SYNTAX.at(span, message, hint="Simplify it.")


def _where(traceback: TracebackType | None, units: Mapping[str, Unit]) -> tuple[str | None, int]:
    """The innermost text that was being rendered, and its line. 0: not known."""
    path, line = None, 0
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if file in units:
            path, line = file, traceback.tb_lineno
        traceback = traceback.tb_next
    return path, line


def _syntax_problem(text: TemplateText, error: TemplateSyntaxError) -> Diagnostic:
    start, end = line_range(text.text, error.lineno)
    message = (error.message or "it cannot be parsed").rstrip(".")
    line = text.text[start:end]
    if match := re.search(r" at (\d+)$", message):
        start = int(match[1])
        end = start + 1
        message = message[: match.start()]
    else:
        words = re.findall(r"'([^']+)'", message)
        # "expected token X, got Y": Y is what stands there. "unknown tag X. … looking for Y": X is.
        for word in words[::-1] if "got '" in message else words:
            if word in line:
                start += line.index(word)
                end = start + len(word)
                break
    sentence = f"The template cannot be parsed: {message[:1].lower()}{message[1:]}."
    hint = "Close every {{, {% and {#; put text that only looks like one between {% raw %} and {% endraw %}."
    return codes.TEMPLATE_SYNTAX.at(text.span(start, max(end, start)), sentence, hint=hint)


def render_text(text: str, values: Mapping[str, Any]) -> tuple[str, str | None]:
    """Render a text that `bind` made: the result, or an empty one and what went wrong."""
    environment = PromptEnvironment(swallow=False)
    try:
        template = environment.add("task", environment.parse(text))
        result = template.render(values)
        if len(result) > TEXT_LIMIT:
            raise TooMuchWork(f"It renders to {len(result):,} characters of {TEXT_LIMIT:,}.")  # noqa: TRY301
    except Exception as error:
        return "", _explain(error)[1]
    return result, None
