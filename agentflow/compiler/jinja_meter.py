"""What a rendering may spend, and the places of a template where it pays.

A template comes from a repository that somebody else may have written, so every way to blow up time
or memory is metered: each turn of a loop, each call of a macro, each value written, each string built
by an operator. The meter is put into the syntax tree before that is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

__all__ = ["FRAGMENT", "Meter", "TooMuchWork", "put_meter"]

WORK_LIMIT = 2_000_000
"""Characters a rendering may write or build, a loop turn counting as `TURN` of them."""
TURN = 20
CALL = 5
"""Of a filter or a method, beside the size of what it is applied to."""
FRAGMENT = 200
"""Of putting a fragment in, beside what it writes."""


class TooMuchWork(Exception):
    """A rendering reached a limit; the text says which."""


class Meter:
    """What one rendering has spent."""

    def __init__(self) -> None:
        self.left = WORK_LIMIT

    def spend(self, amount: int) -> None:
        # Never less than nothing: a template can reach the meter's own filters, by `map("_enter")`.
        self.left -= max(amount, 0)
        if self.left < 0:
            raise TooMuchWork("It writes or repeats too much: more than a prompt can hold.")

    def fits(self, size: int) -> None:
        """Refuse a string before it is built, not after."""
        if size > WORK_LIMIT:
            raise TooMuchWork("It builds a text that is larger than a prompt can hold.")

    def read(self, value: object) -> None:
        """Pay for an operation that goes through `value` once."""
        if isinstance(value, str):
            self.spend(len(value) // 8)
        elif isinstance(value, (list, tuple, dict, range)):
            self.spend(len(value))
        self.spend(CALL)

    def weighed(self, value: Any) -> Any:
        """`value`, with all that it holds paid for: a list can hold one other many times over."""
        waiting = [value]
        while waiting:
            item = waiting.pop()
            self.spend(1)
            if isinstance(item, str):
                self.spend(len(item) // 8)
            elif isinstance(item, Mapping):
                waiting += item.values()
            elif isinstance(item, (list, tuple)):
                waiting += item
        return value

    def text(self, value: str) -> str:
        self.spend(len(value))
        return value


def put_meter(tree: nodes.Template) -> None:
    """Change a parsed text so that it pays for all that it can repeat."""
    _Metering().visit(tree)
    tree.body.insert(0, _enter(tree.body, 1))


def _weight(body: Sequence[nodes.Node]) -> int:
    """Characters of literal text in `body`: what writing it once costs at least."""
    literal = [
        data
        for node in body
        for data in (
            [node] if isinstance(node, nodes.TemplateData) else node.find_all(nodes.TemplateData)
        )
    ]
    return sum(len(data.data) for data in literal)


def _call(name: str, value: nodes.Node | None, arguments: list[nodes.Expr], line: int) -> Any:
    return nodes.Filter(value, name, arguments, [], None, None, lineno=line)


def _enter(body: Sequence[nodes.Node], line: int) -> nodes.Output:
    cost = nodes.Const(TURN + _weight(body), lineno=line)
    return nodes.Output([_call("_enter", cost, [], line)], lineno=line)


class _Metering(NodeTransformer):
    """Put the meter where work can be repeated."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        cost = nodes.Const(TURN + _weight(node.body), lineno=node.lineno)
        self.generic_visit(node)
        node.iter = _call("_each", node.iter, [cost], node.lineno)
        return node

    def visit_Macro(self, node: nodes.Macro | nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _enter(node.body, node.lineno))
        return node

    visit_CallBlock = visit_Macro

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.Node:
        self.generic_visit(node)
        node.filter = _call("_bounded", node.filter, [], node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        values = nodes.List(node.nodes, lineno=node.lineno)
        return _call("_concat", values, [], node.lineno)  # type: ignore[no-any-return]

    def visit_List(self, node: nodes.List | nodes.Tuple | nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node, nodes.Tuple) and node.ctx != "load":
            return node
        return _call("_weighed", node, [], node.lineno)  # type: ignore[no-any-return]

    visit_Tuple = visit_Dict = visit_List

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _call("_weighed", node.expr, [], node.lineno)
        for operand in node.ops:
            operand.expr = _call("_weighed", operand.expr, [], node.lineno)
        return node
