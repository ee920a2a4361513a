"""Fragments: prompt text that many texts use, with typed parameters; and what a text is made of.

A text names a fragment in an include, or in a call that gives values to its parameters:

    {% include "fragment/evidence-rules" %}
    {{ fragment("evidence-rules", strictness="high") }}

Rendering is the business of `jinja_units`; nothing here loads jinja2. What a text is made of is read
from its tags alone, so that a linter can look at all of it for the price of a search.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from agentflow import codes
from agentflow.compiler.graph import FragmentNode, Graph, TemplateText
from agentflow.diagnostics import Diagnostic
from agentflow.errors import FileRefused
from agentflow.nearest import one_of
from agentflow.records import NamedTuple, record, replace
from agentflow.source.tree import Document

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = [
    "PREFIX",
    "Fragment",
    "Fragments",
    "Param",
    "Part",
    "check_defaults",
    "file_text",
    "fragment_name",
    "fragments_of",
    "misfit",
    "template_parts",
    "used_fragments",
]

PREFIX = "fragment/"
"""What an include of a fragment starts with: its address."""


class Param(Protocol):
    """What a fragment says of one parameter."""

    @property
    def type(self) -> str:
        """string, integer, number, boolean or list."""
        ...

    @property
    def default(self) -> Any:
        """None: a value must be given."""
        ...

    @property
    def enum(self) -> Sequence[Any] | None:
        """None: any value of the type."""
        ...


@record
class Fragment:
    name: str
    template: TemplateText
    params: Mapping[str, Param]

    @property
    def text(self) -> TemplateText:
        """The template as it is put in: without trailing whitespace, so that it fits into a line."""
        return replace(self.template, text=self.template.text.rstrip())


Fragments = Mapping[str, Fragment]
"""By name."""

_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "text"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float, Decimal), "a number"),
    "boolean": ((bool,), "true or false"),
    "list": ((list, tuple), "a list of plain values"),
}


_PLAIN = (str, int, float, Decimal)


def misfit(param: Param, value: object) -> str | None:
    """What a parameter is that `value` is not, as the end of a sentence. None: it fits."""
    types, words = _TYPES[param.type]
    if not isinstance(value, types) or (isinstance(value, bool) and param.type != "boolean"):
        return f"is {words}, not {_shown(value)}"
    if isinstance(value, (list, tuple)) and not all(isinstance(v, _PLAIN) for v in value):
        return f"is {words}, and holds a list or a mapping"
    if param.enum is not None and value not in param.enum:
        return f"is {one_of(map(_shown, param.enum))}, not {_shown(value)}"
    return None


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value) if isinstance(value, str) else str(value)


def fragments_of(graph: Graph) -> Fragments:
    """All fragments of a project, also those that are not reported on."""
    nodes = graph.fragments.values() if graph.known is None else graph.known.values()
    return {
        node.spec.name: Fragment(
            name=node.spec.name, template=node.template, params=node.spec.params
        )
        for node in nodes
        if isinstance(node, FragmentNode)
    }


def check_defaults(fragment: Fragment, document: Document) -> Iterator[Diagnostic]:
    """Every default that does not fit its parameter; `document` is the fragment's spec."""
    for name, param in fragment.params.items():
        wrong = None if param.default is None else misfit(param, param.default)
        if wrong is not None:
            message = f"The default of the parameter {name!r} does not fit: it {wrong}."
            span = document.span(("params", name, "default"))
            yield codes.FRAGMENT_PARAMETER.at(span, message, hint="Mend the default or the type.")


# What a text is made of

_NAMED = r"""\{%[-+]?\s*include\s+(["'])(?P<include>[^"'\n]+)\1|\bfragment\s*\(\s*(["'])(?P<call>[^"'\n]+)\3"""
_WHOLE = r"\s*fragment/(?P<name>[a-z0-9-]+)\s*"


class Part(NamedTuple):
    text: TemplateText
    fragment: str | None
    """Its name; None for the text itself and for a file."""


def fragment_name(text: str) -> str | None:
    """The name in a text that is `fragment/name` and nothing else."""
    match = re.fullmatch(_WHOLE, text) if PREFIX in text else None
    return match and match["name"]


def template_parts(
    template: TemplateText, *, fragments: Fragments, files: Files | None
) -> tuple[Part, ...]:
    """All texts that a text is made of: itself, then each file and fragment once, in reading order.

    What cannot be read or found is left out: compiling reports it. Without `files` all files are.
    """
    parts: dict[str, Part] = {}
    waiting = [("", Part(template, None))]
    while waiting:
        key, part = waiting.pop()
        if key in parts:
            continue
        parts[key] = part
        named = [found for name in _named(part.text) if (found := _find(name, fragments, files))]
        waiting += reversed(named)
    return tuple(parts.values())


def used_fragments(
    texts: Iterable[TemplateText], *, fragments: Fragments, files: Files | None
) -> frozenset[str]:
    """The names of all fragments that are in these texts, also through files and other fragments."""
    return frozenset(
        part.fragment
        for text in texts
        for part in template_parts(text, fragments=fragments, files=files)
        if part.fragment is not None
    )


def _named(text: TemplateText) -> Iterator[str]:
    """What a text includes: `fragment/name`, or the path of a file."""
    if text.is_verbatim:
        return
    if (whole := fragment_name(text.text)) is not None:
        yield PREFIX + whole
    elif ("{%" in text.text or "{{" in text.text) and (
        "include" in text.text or "fragment" in text.text
    ):
        for match in re.finditer(_NAMED, text.text):
            if match["call"] is not None:
                yield PREFIX + match["call"]
            elif match["include"].startswith(PREFIX):
                yield match["include"]
            else:
                yield posixpath.normpath(
                    posixpath.join(posixpath.dirname(text.name), match["include"])
                )


def _find(name: str, fragments: Fragments, files: Files | None) -> tuple[str, Part] | None:
    if name.startswith(PREFIX):
        fragment = fragments.get(name.removeprefix(PREFIX))
        return None if fragment is None else (f"/{name}", Part(fragment.text, fragment.name))
    if files is None:
        return None
    try:
        return name, Part(file_text(name, files), None)
    except FileRefused:
        return None


def file_text(path: str, files: Files) -> TemplateText:
    """A file as a text.

    Raises:
        FileRefused: it cannot be read.
    """
    text = files.read(path).replace("\r\n", "\n")
    return TemplateText(name=path, text=text, document=None, path=())
