"""The places where a text puts a fragment in, checked without rendering it.

There are two spellings, and both become the same call in the syntax tree:

    {% include "fragment/name" %}
    {{ fragment("name", x=1) }}

A call stands alone between its braces. So every one of them is found here, its parameters are known,
and a task can be bound by putting the text of the fragment in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from agentflow import codes
from agentflow.compiler.fragments import PREFIX, Fragment, Fragments, misfit
from agentflow.compiler.jinja_check import Unit
from agentflow.diagnostics import Code, Diagnostic, Span
from agentflow.nearest import did_you_mean, one_of

__all__ = [
    "DYNAMIC",
    "Placed",
    "check_values",
    "constant",
    "find_fragment",
    "placed",
    "put_calls",
    "takes_newline",
]

DYNAMIC = object()
"""A value that is known only while rendering."""

Report = Callable[[Diagnostic], None]


class Placed(NamedTuple):
    """A place where a text puts a fragment in."""

    node: nodes.Node
    name: str
    values: Mapping[str, nodes.Keyword]
    span: Span
    """Of the name."""


def constant(node: nodes.Node) -> Any:
    """The value of an expression that is a literal; else `DYNAMIC`."""
    if isinstance(node, nodes.Const):
        return node.value
    if isinstance(node, (nodes.List, nodes.Tuple)):
        items = [constant(item) for item in node.items]
        return DYNAMIC if DYNAMIC in items else items
    if isinstance(node, nodes.Neg) and isinstance(number := constant(node.node), (int, float)):
        return -number
    return DYNAMIC


def placed(unit: Unit, report: Report) -> Iterator[Placed]:
    """Every call of a fragment in a text, and every include of one. What is malformed is reported."""
    for node in unit.tree.find_all(nodes.Include):
        template = node.template
        if isinstance(template, nodes.Const) and str(template.value).startswith(PREFIX):
            name = template.value
            token = unit.tokens.find(node.lineno, "include", name)
            span = unit.span(token, node.lineno)
            if token is None:
                report(_malformed(span))
            else:
                yield Placed(node, name.removeprefix(PREFIX), {}, span)
    alone = {id(child) for output in unit.tree.find_all(nodes.Output) for child in output.nodes}
    for call in unit.tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "fragment":
            found = _call(unit, call, report)
            if found is not None and id(call) in alone:
                yield found
            elif found is not None:
                message = "A fragment is put in by a call that stands alone between the braces."
                hint = f'Write {{{{ fragment("{found.name}") }}}}, without filters and operators.'
                report(codes.FRAGMENT_CALL.at(found.span, message, hint=hint))


def _call(unit: Unit, call: nodes.Call, report: Report) -> Placed | None:
    name: Any = constant(call.args[0]) if call.args else DYNAMIC
    token = None
    if isinstance(name, str) and len(call.args) == 1 and not (call.dyn_args or call.dyn_kwargs):
        token = unit.tokens.find(call.lineno, "fragment", "(", name)
    if token is None:
        token = unit.tokens.find(call.lineno, "fragment")
        report(_malformed(unit.span(token, call.lineno)))
        return None
    values = {value.key: value for value in call.kwargs}
    return Placed(call, name, values, unit.span(token, call.lineno))


def _malformed(span: Span) -> Diagnostic:
    message = "A fragment is named by one literal text, and its values by the names of parameters."
    hint = 'Write {{ fragment("name", parameter="value") }}.'
    return codes.FRAGMENT_CALL.at(span, message, hint=hint)


def find_fragment(found: Placed, fragments: Fragments, report: Report) -> Fragment | None:
    """The fragment that a place names. None: there is none, which was reported."""
    fragment = fragments.get(found.name)
    if fragment is None:
        message = f"No Fragment is named {found.name!r}."
        hint = did_you_mean(found.name.removeprefix(PREFIX), fragments)
        hint = hint or f"Declare it: `kind: Fragment` with `name: {found.name}`."
        report(codes.UNKNOWN_REFERENCE.at(found.span, message, hint=hint))
    return fragment


def check_values(unit: Unit, found: Placed, fragment: Fragment, report: Report) -> None:
    """Report parameters that do not exist, are missing, or have a literal value that does not fit."""
    params, of = fragment.params, f"fragment {fragment.name!r}"

    def wrong(span: Span, message: str, hint: str, code: Code = codes.FRAGMENT_PARAMETER) -> None:
        report(code.at(span, message, hint=hint))

    for name, value in found.values.items():
        span = unit.span(unit.tokens.find(value.lineno, name, "=", pick=0), value.lineno)
        param = params.get(name)
        if param is None:
            takes = f"It takes {one_of(params, joined='and')}." if params else "It takes none."
            hint = did_you_mean(name, params) or takes
            wrong(span, f"The {of} has no parameter {name!r}.", hint)
            continue
        given = constant(value.value)
        misfits = None if given is DYNAMIC else misfit(param, given)
        if misfits is not None:
            wrong(span, f"The parameter {name!r} of {of} {misfits}.", "Give it a value that fits.")
    for name, param in params.items():
        if param.default is None and name not in found.values:
            hint = f'Write {{{{ fragment("{fragment.name}", {name}=…) }}}}.'
            wrong(found.span, f"The {of} needs a value for its parameter {name!r}.", hint)


def put_calls(unit: Unit) -> None:
    """Turn each include of a fragment into a call: one meaning, whichever way it is written."""
    _Calls(unit).visit(unit.tree)


class _Calls(NodeTransformer):
    def __init__(self, unit: Unit) -> None:
        self.ends = _swallowed(unit)

    def visit_Include(self, node: nodes.Include) -> nodes.Node:
        template = node.template
        if not isinstance(template, nodes.Const) or not str(template.value).startswith(PREFIX):
            return node
        name = nodes.Const(template.value.removeprefix(PREFIX), lineno=node.lineno)
        function = nodes.Name("fragment", "load", lineno=node.lineno)
        call = nodes.Call(function, [name], [], None, None, lineno=node.lineno)
        # A tag swallows the newline after it, and a fragment has none of its own.
        rest = [nodes.TemplateData("\n", lineno=node.lineno)] if self.ends.pop(0) else []
        return nodes.Output([call, *rest], lineno=node.lineno)


def _swallowed(unit: Unit) -> list[bool]:
    """For each include of a fragment, in the order of the text, whether its tag takes a newline."""
    tokens = [token for token in unit.tokens.all if token.type != "whitespace"]
    found = []
    for index, (begin, word, name) in enumerate(zip(tokens, tokens[1:], tokens[2:], strict=False)):
        if begin.type != "block_begin" or word.value != "include":
            continue
        if name.type == "string" and name.value[1:].startswith(PREFIX):
            end = next(token for token in tokens[index:] if token.type == "block_end")
            found.append(takes_newline(end.value))
    return found


def takes_newline(block_end: str) -> bool:
    """Whether the end of a tag holds the newline after it, and was not told to with a minus."""
    return block_end.endswith("\n") and not block_end.startswith("-")
