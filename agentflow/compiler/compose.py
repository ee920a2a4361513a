"""Several layers of one spec merged into one, last wins.

Maps merge key by key, scalars and lists replace; `key+` appends to a list, `key-` takes out of a list or
a map, and null clears. A short form counts as the mapping it stands for, so that `web_fetch: ask` over
`web_fetch: { policy: allow, domains: [...] }` keeps the domains. What is JSON of somebody else, such as a
schema, is replaced and never merged. Below `raw` null is a value like others.

Each value keeps its place. Which layers a spec has is decided in `layering`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from agentflow import codes
from agentflow.compiler.forms import Form, form_of
from agentflow.diagnostics import Diagnostic
from agentflow.records import NamedTuple
from agentflow.source.layers import Composed
from agentflow.source.tree import Document, Origin, Path, value_at
from agentflow.spec.base import SpecModel

__all__ = ["Layer", "compose", "composes", "name_and_sign", "without_operators"]


class Layer(NamedTuple):
    """The values of a mapping in some document."""

    origin: Origin
    data: Mapping[str, Any]
    joins: bool = False
    """Its lists are added to the ones below, each item once, as those of toolsets are."""
    is_own: bool = False
    """It is the spec itself: an empty value there stays, where there is nothing to clear."""


_SIGNS = ("+", "-")


def name_and_sign(key: str) -> tuple[str, str]:
    """`done+` -> `done` and `+`; `done` -> `done` and nothing."""
    return (key[:-1], key[-1]) if len(key) > 1 and key[-1] in "+-" else (key, "")


class _Node:
    """A value on its way: with `children` or `items` once it was taken apart."""

    __slots__ = ("children", "is_cleared", "items", "origin", "value")

    def __init__(
        self,
        value: Any,
        origin: Origin,
        children: dict[str, _Node] | None = None,
        items: list[_Node] | None = None,
        is_cleared: bool = False,
    ) -> None:
        self.value = value
        self.origin = origin
        self.children = children
        self.items = items
        self.is_cleared = is_cleared
        """Null took it away. Kept, so that what is cleared twice is no empty value."""

    @property
    def is_map(self) -> bool:
        return self.children is not None or isinstance(self.value, dict)

    @property
    def is_null(self) -> bool:
        return self.value is None and self.children is None and self.items is None

    @property
    def is_list(self) -> bool:
        return self.items is not None or isinstance(self.value, list)

    def parts(self) -> dict[str, _Node]:
        """The entries of a mapping, each a node of its own."""
        if self.children is None:
            document, path = self.origin
            self.children = {
                key: _Node(item, Origin(document, (*path, key))) for key, item in self.value.items()
            }
        return self.children

    def entries(self) -> list[_Node]:
        """The items of a list, each a node of its own."""
        if self.items is None:
            document, path = self.origin
            self.items = [
                _Node(item, Origin(document, (*path, index)))
                for index, item in enumerate(self.value)
            ]
        return self.items

    def plain(self) -> Any:
        if self.children is not None:
            return {k: node.plain() for k, node in self.children.items() if not node.is_cleared}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.value


class _Work:
    """Merges the layers of one spec."""

    def __init__(self, report: Callable[[Diagnostic], None]) -> None:
        self.report = report
        self.keeps_null = False
        """Whether the layer at hand is the spec itself."""

    def merge(self, below: _Node, over: _Node, form: Form) -> None:
        """Put the entries of one mapping into another."""
        children = below.parts()
        for key, node in _in_order(over.parts()):
            name, sign = ("", "") if form.is_raw else name_and_sign(key)
            if not sign:
                self._set(children, key, node, form.at(key))
            elif sign == "+":
                self._append(children, name, node, form.at(name))
            else:
                self._remove(children, name, node, form.at(name))

    def join(self, below: _Node, over: _Node, form: Form) -> None:
        """Merge a layer, but let its lists add to those that are there."""
        entries = over.parts()
        children = below.parts()
        rest = {}
        for key, node in entries.items():
            there = children.get(key)
            if node.is_list and there is not None and there.is_list and not there.is_cleared:
                known = there.plain()
                more = [entry for entry in node.entries() if entry.plain() not in known]
                children[key] = _Node(None, there.origin, items=[*there.entries(), *more])
            else:
                rest[key] = node
        self.merge(below, _Node(None, over.origin, children=rest), form)

    def _set(self, into: dict[str, _Node], key: str, over: _Node, form: Form) -> None:
        below = into.get(key)
        if over.is_null and not form.null_is_value:
            if below is not None or not self.keeps_null:
                over = _Node(None, over.origin, is_cleared=True)
            into[key] = over
            return
        if below is not None and not below.is_cleared and not form.is_whole:
            below, over = _as_mappings(below, over, form)
            if below.is_map and over.is_map:
                into[key] = below
                self.merge(below, over, form)
                below.origin = over.origin
                return
        into[key] = self._fresh(over, form)

    def _fresh(self, node: _Node, form: Form) -> _Node:
        """A value with nothing below it: entries in it may append, remove or clear all the same."""
        if not isinstance(node.value, dict) or form.is_whole or form.is_raw:
            return node
        if not _has_work(node.value, form, nulls=not self.keeps_null):
            return node
        empty = _Node(None, node.origin, children={})
        self.merge(empty, node, form)
        return empty

    def _append(self, into: dict[str, _Node], name: str, over: _Node, form: Form) -> None:
        below = _live(into.get(name))
        if below is not None and below.is_map and form.items and over.is_list:
            self._append(below.parts(), form.items, over, form.at(form.items))
            return
        if not over.is_list:
            message = f"`{name}+` appends to a list, and takes a list of what is added."
            hint = f"Write the items in brackets, or `{name}:` to replace the value."
        elif below is not None and not below.is_list:
            message = f"`{name}+` appends to a list, and {name!r} is none here."
            hint = f"Write `{name}:` to merge with the value, or to replace it."
        else:
            there = [] if below is None else below.entries()
            origin = over.origin if below is None else below.origin
            into[name] = _Node(None, origin, items=[*there, *over.entries()])
            return
        self._problem(codes.BAD_OPERATOR, over, message, hint, key=True)

    def _remove(self, into: dict[str, _Node], name: str, over: _Node, form: Form) -> None:
        below = _live(into.get(name))
        if below is not None and below.is_map and form.items and _is_about_items(over, below):
            self._remove(below.parts(), form.items, over, form.at(form.items))
            return
        if below is None or not (below.is_list or below.is_map):
            what = "nothing is set" if below is None else "it is neither"
            message = f"`{name}-` takes out of a list or a mapping, and {what} here."
            hint = f"Remove the line, or write `{name}: null` to clear the value."
            self._problem(codes.NOTHING_TO_REMOVE, over, message, hint, key=True)
            return
        for item in over.entries() if over.is_list else [over]:
            if not _take_out(below, item.plain()):
                what = repr(item.value) if isinstance(item.value, str) else "This item"
                message = f"{what} is not in {name!r}, so `{name}-` cannot take it out."
                hint = "Leave it out here; what it was in may have changed."
                self._problem(codes.NOTHING_TO_REMOVE, item, message, hint)

    def _problem(
        self, code: Any, node: _Node, message: str, hint: str, *, key: bool = False
    ) -> None:
        document, path = node.origin
        self.report(code.at(document.span(path, key=key), message, hint=hint))


def compose(
    model: type[SpecModel],
    base: Document,
    layers: Sequence[Layer],
    report: Callable[[Diagnostic], None],
) -> Composed:
    """The layers as one document.

    Args:
        model: of the kind: for short forms, and for what is a whole.
        base: the document of the spec itself.
        layers: the first is overridden by all others.
        report: takes the problems.
    """
    work = _Work(report)
    form = form_of(model)
    root = _Node(None, Origin(base, ()), children={})
    for layer in layers:
        work.keeps_null = layer.is_own
        over = _Node(layer.data, layer.origin)
        if layer.joins:
            work.join(root, over, form)
        else:
            work.merge(root, over, form)
    places: dict[Path, Origin] = {}
    _place(root, (), places)
    return Composed(base, root.plain(), places)


def _place(node: _Node, path: Path, places: dict[Path, Origin]) -> None:
    """Note where every value comes from. What was not taken apart comes from where it stands."""
    places[path] = node.origin
    if node.children is not None:
        for key, child in node.children.items():
            if not child.is_cleared:
                _place(child, (*path, key), places)
    elif node.items is not None:
        for index, item in enumerate(node.items):
            _place(item, (*path, index), places)


def without_operators(model: type[SpecModel], document: Document, at: Path) -> Composed:
    """What the mapping at `at` of a document gives to a spec, as if nothing were below it.

    `key+` counts as `key`; `key-` and null give nothing.

    Args:
        model: of the kind whose keys the mapping has.
    """
    places: dict[Path, Origin] = {}
    start = Origin(document, at)
    data = _given(value_at(document.data, at), start, (), form_of(model), places)
    return Composed(document, data, places)


def _given(value: Any, origin: Origin, path: Path, form: Form, places: dict[Path, Origin]) -> Any:
    places[path] = origin
    if not isinstance(value, dict) or form.is_whole or form.is_raw:
        return value
    given: dict[str, Any] = {}
    for key, item in _in_order(value):
        name, sign = name_and_sign(key)
        if item is None or sign == "-" or name in given:
            continue
        # What appends where there is no list is reported when it is composed.
        if not sign or form.at(name).takes_list:
            at = Origin(origin.document, (*origin.path, key))
            given[name] = _given(item, at, (*path, name), form.at(name), places)
    return given


def composes(model: type[SpecModel], data: Any) -> bool:
    """Whether there are `key+` or `key-` in a spec."""
    return isinstance(data, dict) and _has_work(data, form_of(model), nulls=False)


def _in_order(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Plain keys first, then what is appended, then what is removed: the order of keys means nothing."""
    signed = []
    for key, value in data.items():
        if key[-1:] in ("+", "-"):
            signed.append((key, value))
        else:
            yield key, value
    # "+" comes before "-" in ASCII.
    yield from sorted(signed, key=lambda item: item[0][-1])


def _has_work(data: Mapping[str, Any], form: Form, *, nulls: bool) -> bool:
    """Whether a mapping holds entries that append or remove, or, if `nulls`, that clear."""
    if form.is_whole or form.is_raw:
        return False
    for key, value in data.items():
        if (key[-1:] in _SIGNS and name_and_sign(key)[1]) or (nulls and value is None):
            return True
        if isinstance(value, dict) and _has_work(value, form.at(key), nulls=nulls):
            return True
    return False


def _as_mappings(below: _Node, over: _Node, form: Form) -> tuple[_Node, _Node]:
    """A short form, where the other of the two is a mapping, as the mapping it stands for."""
    if below.is_map == over.is_map:
        return below, over
    short, whole = (over, below) if below.is_map else (below, over)
    key = form.items if short.is_list else form.word if isinstance(short.value, str) else None
    if key is None:
        return below, over
    expanded = _Node(None, short.origin, children={key: short})
    return (whole, expanded) if short is over else (expanded, whole)


def _live(node: _Node | None) -> _Node | None:
    return None if node is None or node.is_cleared else node


def _is_about_items(over: _Node, below: _Node) -> bool:
    """Whether `key-` names items of the list in a mapping, and not keys of the mapping."""
    unwanted = over.plain()
    names = unwanted if isinstance(unwanted, list) else [unwanted]
    return not any(isinstance(name, str) and name in below.parts() for name in names)


def _take_out(node: _Node, unwanted: Any) -> bool:
    if node.is_map:
        if not isinstance(unwanted, str) or _live(node.parts().get(unwanted)) is None:
            return False
        del node.parts()[unwanted]
        return True
    entries = node.entries()
    node.items = [entry for entry in entries if entry.plain() != unwanted]
    return len(node.items) < len(entries)
