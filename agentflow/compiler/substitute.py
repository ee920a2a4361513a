"""`${…}` in YAML values: variables, the environment and references. No logic.

Works on plain data; places come from the document. A value that could not be made keeps its text,
and its path is returned, so that nothing is said about it twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from agentflow import codes
from agentflow.compiler import late
from agentflow.diagnostics import Code, Diagnostic, Span
from agentflow.nearest import did_you_mean, one_of
from agentflow.patterns import regex
from agentflow.records import NamedTuple
from agentflow.source.characters import no_text
from agentflow.source.tree import Document, Path
from agentflow.spec.walk import is_at

__all__ = [
    "Found",
    "References",
    "Scope",
    "Secrets",
    "Substituted",
    "Variables",
    "show",
    "substitute",
]

MAX_PROBLEMS = 100
"""In one document. Further substitutions are left as they are."""

_OPENING = regex(r"\$?\$\{")
_BODY = regex(
    r"var\.(?P<var>[A-Za-z_]\w*)"
    r"|env\.(?P<env>[A-Za-z_]\w*)(?::(?P<mode>[-?])(?P<rest>.*))?"
    r"|secret\.(?P<secret>[\w.-]+)"
    r"|ref\.(?P<kind>\w+)\.(?P<name>[a-z0-9-]+)\.(?P<attribute>\w+)",
    re.DOTALL,
)
_ATTRIBUTES = {
    "agent": ("id", "version"),
    "environment": ("id",),
    "deployment": ("id",),
    "vault": ("id",),
    "memorystore": ("id",),
    "skill": ("id", "version"),
}


class Found(NamedTuple):
    """The answer to a lookup that succeeded."""

    value: Any


class Variables(Protocol):
    def names(self) -> Collection[str]:
        """All that can be used, for hints."""
        ...

    def lookup(self, name: str, span: Span) -> Found | None:
        """The value. None: it has none, which was reported."""
        ...

    def knows(self, name: str) -> bool: ...


class References(NamedTuple):
    """What `${ref.…}` may name."""

    names: Mapping[str, Collection[str]]
    """By kind in lower case."""
    complete: bool
    """False: some files could not be read, so a missing name proves nothing."""


class Secrets(NamedTuple):
    """What `${secret.…}` may name."""

    declared: Collection[str]
    used: set[str]
    """Filled while substituting."""


class Scope(NamedTuple):
    """What substitutions in one document mean."""

    variables: Variables
    environ: Mapping[str, str]
    references: References
    secrets: Secrets


class Substituted(NamedTuple):
    data: Any
    failed: frozenset[Path]
    """Values that could not be made."""


def substitute(
    document: Document,
    data: Any,
    scope: Scope,
    report: Callable[[Diagnostic], None],
    *,
    at: Path = (),
    secret_fields: Sequence[tuple[str, ...]] = (),
) -> Substituted:
    """Replace every substitution in `data`, which stands at the path `at` of the document.

    Args:
        secret_fields: paths, as the marks of the models have them, of the fields that take secrets.
    """
    if not document.mentions_substitution:
        return Substituted(data, frozenset())
    work = _Work(document, scope, report, secret_fields)
    return Substituted(work.value(data, at), frozenset(work.failed))


def show(value: Any) -> str:
    """A value inside of a longer text, as YAML would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


class _Work:
    def __init__(
        self,
        document: Document,
        scope: Scope,
        report: Callable[[Diagnostic], None],
        secret_fields: Sequence[tuple[str, ...]],
    ) -> None:
        self.document = document
        self.secret_fields = secret_fields
        self.path: Path = ()
        self.scope = scope
        self.report = report
        self.failed: set[Path] = set()
        self.reported = 0

    def value(self, data: Any, path: Path) -> Any:
        if isinstance(data, dict):
            return {key: self.value(item, (*path, key)) for key, item in data.items()}
        if isinstance(data, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(data)]
        if isinstance(data, str) and "${" in data:
            if self.document.origin(path).document.is_verbatim:
                return data
            if self.reported > MAX_PROBLEMS:
                self.failed.add(path)
                return data
            return self._text(data, path)
        return data

    def _text(self, text: str, path: Path) -> Any:
        self.path = path
        parts: list[str] = []
        position = 0
        failed = False
        while self.reported <= MAX_PROBLEMS and (opening := _OPENING.search(text, position)):
            parts.append(text[position : opening.start()])
            if opening[0] == "$${":
                parts.append("${")
                position = opening.end()
                continue
            closing = text.find("}", opening.end())
            end = closing + 1 if closing >= 0 else opening.end()
            span = self.document.text_span(path, opening.start(), end)
            if closing < 0:
                self._malformed(span, "'${' is not closed.")
                found = None
            else:
                found = self._one(text[opening.end() : closing], span)
            if found is None:
                failed = True
            elif opening.start() == 0 and end == len(text):
                return found.value
            else:
                parts.append(show(found.value))
            position = end
        if failed:
            self.failed.add(path)
            return text
        return "".join([*parts, text[position:]])

    def _one(self, body: str, span: Span) -> Found | None:
        match = _BODY.fullmatch(body)
        if match is None:
            return self._unknown_body(body, span)
        if match["var"]:
            return self._variable(match["var"], span)
        if match["env"]:
            return self._environment(match["env"], match["mode"], match["rest"] or "", span)
        if match["secret"]:
            return self._secret(match["secret"], span)
        return self._reference(match["kind"], match["name"], match["attribute"], span)

    @property
    def _is_secret(self) -> bool:
        """Whether the text at hand stands where secrets belong."""
        return any(is_at(pattern, self.path) for pattern in self.secret_fields)

    def _secret(self, name: str, span: Span) -> Found | None:
        if not self._is_secret:
            message = f"The secret {name!r} would be stored in plain text here."
            hint = "Secrets are legal only in fields that keep them, such as those of a Vault."
            return self._fail(codes.SECRET_NOT_ALLOWED, span, message, hint)
        declared = self.scope.secrets.declared
        if name not in declared and self.scope.references.complete:
            message = f"No secret is named {name!r}."
            declare = f"Declare it in the project: `secrets: {{ {name}: env:NAME }}`."
            near = did_you_mean(name, declared)
            return self._fail(codes.UNKNOWN_SECRET, span, message, near or declare)
        self.scope.secrets.used.add(name)
        return Found(late.secret(name))

    def _variable(self, name: str, span: Span) -> Found | None:
        variables = self.scope.variables
        if variables.knows(name):
            return variables.lookup(name, span)
        hint = did_you_mean(name, variables.names())
        declare = f"Declare it below `vars`, as in `vars: {{ {name}: {{ default: … }} }}`."
        message = f"No variable is named {name!r}."
        return self._fail(codes.UNKNOWN_VARIABLE, span, message, hint or declare)

    def _environment(self, name: str, mode: str | None, rest: str, span: Span) -> Found | None:
        value = self.scope.environ.get(name)
        if value and (character := no_text(value)):
            message = f"The environment variable {name!r} holds {character}, which is no text."
            hint = "Set it to text in UTF-8."
            return self._fail(codes.CONTROL_CHARACTER, span, message, hint)
        if value or (value is not None and mode is None):
            return Found(value)
        if mode == "-":
            return Found(rest)
        message = f"The environment variable {name!r} is not set."
        if mode == "?" and rest.strip():
            return self._fail(codes.ENV_MISSING, span, message, rest.strip())
        hint = f"Set it, or give a default: ${{env.{name}:-default}}."
        return self._fail(codes.ENV_MISSING, span, message, hint)

    def _reference(self, kind: str, name: str, attribute: str, span: Span) -> Found | None:
        if attribute not in _ATTRIBUTES.get(kind, ()):
            return self._malformed(span, f"'ref.{kind}.….{attribute}' is nothing to refer to.")
        names = self.scope.references.names.get(kind, ())
        if name not in names and self.scope.references.complete:
            message = f"No {kind.capitalize()} is named {name!r}."
            hint = did_you_mean(name, names) or f"Declare this {kind.capitalize()}."
            return self._fail(codes.UNKNOWN_REFERENCE, span, message, hint)
        return Found(late.mark(kind, name, attribute))

    def _unknown_body(self, body: str, span: Span) -> Found | None:
        if self._is_secret:
            return self._malformed(span, "This is not a substitution.")
        if re.fullmatch(r"[A-Za-z_]\w*", body):
            message = f"'${{{body}}}' is not a substitution."
            hint = (
                f"Write ${{env.{body}}} for the environment variable, ${{var.{body}}} for a "
                f"variable of the project, or $${{{body}}} for the text itself."
            )
            return self._fail(codes.BAD_SUBSTITUTION, span, message, hint)
        return self._malformed(span, f"'${{{body[:60]}}}' is not a substitution.")

    def _malformed(self, span: Span, message: str) -> Found | None:
        forms = one_of(
            ("${var.x}", "${env.X}", "${env.X:-default}", "${ref.agent.name.id}"), joined="and"
        )
        hint = f"Known are {forms}. Write $${{ for a literal ${{."
        return self._fail(codes.BAD_SUBSTITUTION, span, message, hint)

    def _fail(self, code: Code, span: Span, message: str, hint: str | None) -> Found | None:
        problem = self._problem(code, span, message, hint)
        self.reported += 1
        self.report(problem)
        return None

    def _problem(self, code: Code, span: Span, message: str, hint: str | None) -> Diagnostic:
        if self.reported == MAX_PROBLEMS:
            code, hint = codes.TOO_MANY_PROBLEMS, "Correct those above first."
            message = f"More than {MAX_PROBLEMS} substitutions of this document fail."
        problem = code.at(span, message, hint=hint)
        return problem.hiding(self.document.span(self.path)) if self._is_secret else problem
