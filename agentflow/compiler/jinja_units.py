"""A text and all that it is made of: files and fragments, each parsed once, circles and depth checked.

A unit has a key: the path of its file, and for the text itself `root`, which no file can have. What
belongs to a fragment has the fragment's key in front, because it is checked with the names that the
fragment sees: a file included by a prompt and by a fragment is two units.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from agentflow import codes
from agentflow.compiler.fragments import PREFIX, Fragment, Fragments, file_text
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.jinja_calls import check_values, find_fragment, placed, put_calls
from agentflow.compiler.jinja_check import (
    TOKEN_LIMIT,
    Scope,
    Tokens,
    Unit,
    assigned_names,
    check_unit,
    includes,
)
from agentflow.compiler.jinja_env import PromptEnvironment, fragment_key
from agentflow.compiler.jinja_errors import bad_number, syntax_problem, too_nested
from agentflow.diagnostics import Diagnostic, Span
from agentflow.errors import FileRefused
from agentflow.ports import Files

__all__ = ["Units"]

INCLUDE_DEPTH = 10

Trail = tuple[tuple[Span, str], ...]
_Named = tuple[str, Span, TemplateText | None, Fragment | None]
"""The key of what a text names, the place, the text unless it is a file, and the fragment if it is one."""


class Units:
    """Making one reads and checks everything; `problems` is what was found."""

    def __init__(
        self,
        template: TemplateText,
        scope: Scope,
        *,
        fragments: Fragments,
        files: Files,
        environment: PromptEnvironment,
        origin: Span | None = None,
    ) -> None:
        self.root = template.name if template.document is None else f"{template.name}#"
        self.by_key: dict[str, Unit] = {}
        self.problems: list[Diagnostic] = []
        self._template = template
        self._scope = scope
        self._fragments = fragments
        self._files = files
        self._environment = environment
        self._includes: dict[str, list[tuple[str, Span]]] = {}
        self._origins: dict[str, tuple[str, Span]] = {}
        if origin is not None:
            self._origins[self.root] = ("", origin)
        self._levels: dict[str, int] = {}
        try:
            self._check()
        except RecursionError:  # a chain such as `1 + 1 + …` parses, but its tree is too deep
            self.problems.append(too_nested(template))

    def target(self, key: str, name: str) -> str:
        """The key of what the text at `key` names in an include."""
        if name.startswith(PREFIX):
            return f"/{name}"
        unit = self.by_key[key]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(unit.text.name), name))
        return f"{fragment_key(unit.owner)}//{path}" if unit.owner else path

    def trail(self, key: str) -> Trail:
        """The places that led to the text at `key`, the nearest first."""
        places: list[tuple[Span, str]] = []
        while key in self._origins:
            key, span = self._origins[key]
            places.append((span, "included from here"))
        return tuple(places)

    def _check(self) -> None:
        self._read(self._template)
        self._walk(self.root, (self.root,))
        assigned: dict[str, set[str]] = {}
        for unit in self.by_key.values():
            assigned.setdefault(unit.owner, set()).update(assigned_names(unit.tree))
        for key, unit in self.by_key.items():
            for problem in check_unit(unit, assigned[unit.owner], self._environment.tests):
                self._report(key, problem)

    def _report(self, key: str, problem: Diagnostic) -> None:
        """Keep a problem of the text at `key`."""
        self.problems.append(replace(problem, related=problem.related + self.trail(key)))

    def _read(self, template: TemplateText) -> None:
        """Parse a text and everything that it is made of."""
        waiting = [(self.root, template, self._scope, "")]
        seen = {self.root}
        while waiting:
            key, text, scope, owner = waiting.pop()
            unit = self._parse(key, text, scope, owner)
            if unit is None:
                continue
            self.by_key[key] = unit
            found = self._includes[key] = []
            for target, span, part, fragment in (*self._calls(key, unit), *self._paths(key, unit)):
                found.append((target, span))
                if target not in seen:
                    part = part or self._file(key, target, span)
                    if part is not None:
                        seen.add(target)
                        self._origins[target] = (key, span)
                        inner = scope if fragment is None else self._inside(fragment)
                        name = owner if fragment is None else fragment.name
                        waiting.append((target, part, inner, name))

    def _calls(self, key: str, unit: Unit) -> Iterator[_Named]:
        """The fragments that a text puts in."""

        def report(problem: Diagnostic) -> None:
            self._report(key, problem)

        for place in placed(unit, report):
            fragment = find_fragment(place, self._fragments, report)
            if fragment is not None:
                check_values(unit, place, fragment, report)
                yield fragment_key(fragment.name), place.span, fragment.text, fragment
        put_calls(unit)

    def _paths(self, key: str, unit: Unit) -> Iterator[_Named]:
        """The files that a text includes, not read yet."""
        for node, name, span in includes(unit):
            if name is None:
                message = "An include names its file by a literal path."
                hint = 'Write {% include "./part.md" %}.'
                self._report(key, codes.TEMPLATE_INCLUDE.at(span, message, hint=hint))
            elif not name.startswith(("./", "../")):
                message = f"The include {name!r} is not a path beside the template."
                near = name.rpartition("/")[2] if name.startswith("/") else name
                hint = f"Write './{near}' for a file in the same directory."
                if name in self._fragments:
                    hint = f"Write '{PREFIX}{name}' for the fragment of that name."
                self._report(key, codes.TEMPLATE_INCLUDE.at(span, message, hint=hint))
            else:
                target = self.target(key, name)
                # The compiled text asks for its includes by key: see PromptEnvironment.
                node.template = nodes.Const(target, lineno=node.lineno)
                node.ignore_missing = False
                yield target, span, None, None

    def _inside(self, fragment: Fragment) -> Scope:
        """What a fragment sees: all that the using text was given, and its own parameters."""
        roots = {**self._scope.roots, "params": fragment.params}
        return replace(self._scope, roots=roots, place=f"fragment {fragment.name!r}")

    def _file(self, key: str, target: str, span: Span) -> TemplateText | None:
        """A file to include. None: it cannot be read, which was reported at `span`."""
        try:
            return file_text(_path(target), self._files)
        except FileRefused as refused:
            code = codes.CODES.get(refused.code, codes.TEMPLATE_INCLUDE)
            self._report(key, code.at(span, refused.message, hint=refused.hint))
            return None

    def _circle(self, links: tuple[str, ...], span: Span) -> Diagnostic:
        """Links that lead in a circle; `span` is where the last one includes the first."""
        if self.root not in links:
            # Told from its first name on: many texts can run into it, and it is one problem.
            start = links.index(min(links))
            links = (*links[start:], *links[:start])
            span = next(place for key, place in self._includes[links[-1]] if key == links[0])
        circle = " → ".join(map(_path, (*links, links[0])))
        message = f"Templates include each other in a circle: {circle}."
        hint = "Take one of these includes out."
        return codes.TEMPLATE_INCLUDE_CYCLE.at(span, message, hint=hint)

    def _parse(self, key: str, text: TemplateText, scope: Scope, owner: str) -> Unit | None:
        try:
            tokens = Tokens(self._environment, text.text)
            if len(tokens.all) <= TOKEN_LIMIT:
                tree = self._environment.parse(text.text)
                return Unit(text, tree, tokens, scope, owner)
        except TemplateSyntaxError as error:
            self._report(key, syntax_problem(text, _first_error(self._environment, text) or error))
        except RecursionError:
            self._report(key, too_nested(text))
        except ValueError:
            self._report(key, bad_number(text))
        else:
            span = text.span(0, min(1, len(text.text)))
            message = f"The template has more than {TOKEN_LIMIT:,} words and signs in its tags."
            hint = "Write text instead of tags, or take it apart into includes."
            self._report(key, codes.TEMPLATE_TOO_LARGE.at(span, message, hint=hint))
        return None

    def _walk(self, key: str, chain: tuple[str, ...]) -> int:
        """Report circles, and includes nested too deeply. `chain` leads to `key` and ends with it.

        Returns how many levels there are below `key`. Each unit is walked once, so that a file that
        many others include costs no more than one.
        """
        levels = 0
        for target, span in self._includes.get(key, ()):
            if target in chain:
                self.problems.append(self._circle(chain[chain.index(target) :], span))
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


def _path(key: str) -> str:
    """What a key stands for, for people: the path of a file, or `fragment/name`."""
    return key.rpartition("//")[2].strip("/").rstrip("#")


def _first_error(environment: PromptEnvironment, text: TemplateText) -> TemplateSyntaxError | None:
    """What is wrong first: the tokens of the whole text are read before any of it is parsed."""
    try:
        environment.parse(text.text)
    except TemplateSyntaxError as error:
        return error
    except ValueError:
        return None  # it is the number that `bad_number` is about, and not the first that is wrong
    return None
