"""Several layers of one spec merged into one, last wins.

Maps merge key by key, scalars and lists replace; `key+` appends to a list, `key-` takes out of a list or
a map, and null clears. A short form counts as the mapping it stands for, so that `web_fetch: ask` over
`web_fetch: { policy: allow, domains: [...] }` keeps the domains. What a whole is (a JSON Schema, a
default) is replaced and never merged.

Each value keeps its place. Which layers a spec has is decided in `layering`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.diagnostics import Diagnostic
from agentflow.source.layers import Composed
from agentflow.source.tree import Document, Origin, Path, value_at
from agentflow.spec.base import SpecModel
from agentflow.spec.walk import word_key

__all__ = ["IDENTITY", "Layer", "compose", "disagreements", "without_operators"]

IDENTITY = ("apiVersion", "kind", "name", "title", "extends", "abstract")
"""Keys that say which spec it is: they come from its own document alone."""

_WHOLES = frozenset({"input_schema", "schema", "default", "enum"})
"""Keys whose value means something only as a whole."""


class Layer(NamedTuple):
    """The values of a mapping in some document."""

    origin: Origin
    data: Mapping[str, Any]
    joins: bool = False
    """Its lists are added to the ones below, each item once, as those of toolsets are."""


@dataclass(slots=True)
class _Node:
    """A value on its way: with `children` once something was merged into it."""

    value: Any
    origin: Origin
    children: dict[str, _Node] | None = None
    items: list[_Node] | None = None

    def keys(self) -> dict[str, _Node]:
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
            return {key: child.plain() for key, child in self.children.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.value


@dataclass(slots=True)
class _Work:
    model: type[SpecModel]
    report: Callable[[Diagnostic], None]
    places: dict[Path, Origin] = field(default_factory=dict)

    def merge(self, below: _Node, over: Mapping[str, Any], origin: Origin, path: Path) -> None:
        """Put the entries of `over` into the mapping `below`, which stands at `path` of the spec."""
        children = below.keys()
        document, base = origin
        for key, value in _in_order(over):
            at = Origin(document, (*base, key))
            name = key[:-1] if key[-1:] in "+-" and len(key) > 1 else key
            if name == key:
                self._set(children, key, _Node(value, at), (*path, key))
            elif key.endswith("+"):
                self._append(children, name, _Node(value, at))
            else:
                self._remove(children, name, _Node(value, at))

    def join(self, root: _Node, layer: Layer) -> None:
        """Merge a layer, but let its lists add to those that are there."""
        document, base = layer.origin
        lists = {key: value for key, value in layer.data.items() if isinstance(value, list)}
        rest = {key: value for key, value in layer.data.items() if key not in lists}
        self.merge(root, rest, layer.origin, ())
        children = root.keys()
        for key, value in lists.items():
            node = _Node(value, Origin(document, (*base, key)))
            below = children.get(key)
            if below is None or not _is_list(below):
                children[key] = node
                continue
            known = below.plain()
            more = [entry for entry in node.entries() if entry.plain() not in known]
            children[key] = _Node(None, below.origin, items=[*below.entries(), *more])

    def _set(self, into: dict[str, _Node], key: str, over: _Node, path: Path) -> None:
        below = into.get(key)
        if over.value is None and below is not None:
            del into[key]
            return
        if below is not None and key not in _WHOLES:
            below, over = self._as_mappings(below, over, path)
            if _is_map(below) and _is_map(over):
                into[key] = below
                self.merge(below, over.value, over.origin, path)
                below.origin = over.origin
                return
        # Also below a new key there may be entries that append or remove.
        into[key] = self._fresh(over, path) if key not in _WHOLES else over

    def _fresh(self, node: _Node, path: Path) -> _Node:
        if not isinstance(node.value, dict) or not _has_operators(node.value):
            return node
        empty = _Node({}, node.origin, children={})
        self.merge(empty, node.value, node.origin, path)
        return empty

    def _as_mappings(self, below: _Node, over: _Node, path: Path) -> tuple[_Node, _Node]:
        """A short form, where the other of the two is a mapping, as the mapping it stands for."""
        if _is_map(below) == _is_map(over):
            return below, over
        word = below if _is_map(over) else over
        wanted = word_key(self.model, path) if isinstance(word.value, str) else None
        if wanted is None:
            return below, over
        expanded = _Node(
            {wanted: word.value}, word.origin, children={wanted: _Node(word.value, word.origin)}
        )
        return (expanded, over) if word is below else (below, expanded)

    def _append(self, into: dict[str, _Node], name: str, over: _Node) -> None:
        below = into.get(name)
        if not isinstance(over.value, list) or not (below is None or _is_list(below)):
            what = "more items" if isinstance(over.value, list) else "a list of more items"
            message = f"`{name}+` appends to a list; {name!r} is none, or takes no {what}."
            hint = f"Write `{name}:` to replace the value."
            self._problem(codes.BAD_OPERATOR, over, message, hint)
            return
        entries = [] if below is None else below.entries()
        items = [*entries, *over.entries()]
        into[name] = _Node(None, over.origin if below is None else below.origin, items=items)

    def _remove(self, into: dict[str, _Node], name: str, over: _Node) -> None:
        below = into.get(name)
        unwanted = over.value if isinstance(over.value, list) else [over.value]
        if below is None or not (_is_list(below) or _is_map(below)):
            message = f"`{name}-` takes out of a list or a mapping, and {name!r} is none here."
            hint = f"Remove the line, or write `{name}: null` to clear the value."
            self._problem(codes.NOTHING_TO_REMOVE, over, message, hint)
            return
        for item in unwanted:
            if not _take_out(below, item):
                message = f"{_shown(item)} is not in {name!r}, so `{name}-` cannot take it out."
                hint = "Remove it here; earlier layers may have changed."
                self._problem(codes.NOTHING_TO_REMOVE, over, message, hint)

    def _problem(self, code: Any, node: _Node, message: str, hint: str) -> None:
        document, path = node.origin
        self.report(code.at(document.span(path, key=True), message, hint=hint))

    def place(self, node: _Node, path: Path) -> None:
        """Note where every value comes from."""
        self.places[path] = node.origin
        if node.children is not None:
            for key, child in node.children.items():
                self.place(child, (*path, key))
        elif node.items is not None:
            for index, item in enumerate(node.items):
                self.place(item, (*path, index))


def compose(
    model: type[SpecModel],
    base: Document,
    layers: Sequence[Layer],
    report: Callable[[Diagnostic], None],
) -> Composed:
    """The layers as one document.

    Args:
        model: of the kind, for short forms.
        base: the document of the spec itself.
        layers: the first is overridden by all others.
        report: takes the problems.
    """
    work = _Work(model, report)
    root = _Node({}, Origin(base, ()), children={})
    for layer in layers:
        if layer.joins:
            work.join(root, layer)
        else:
            work.merge(root, layer.data, layer.origin, ())
    root.origin = Origin(base, ())
    work.place(root, ())
    return Composed(base, root.plain(), work.places)


def without_operators(document: Document, at: Path) -> Composed:
    """What the mapping at `at` of a document gives to a spec, as if nothing were below it.

    `key+` counts as `key`; `key-` and null give nothing.
    """
    places: dict[Path, Origin] = {(): Origin(document, at)}
    data = _given(value_at(document.data, at), Origin(document, at), (), places)
    return Composed(document, data, places)


def _given(value: Any, origin: Origin, path: Path, places: dict[Path, Origin]) -> Any:
    if not isinstance(value, dict):
        return value
    given: dict[str, Any] = {}
    for key, item in _in_order(value):
        name = key[:-1] if key[-1:] == "+" and len(key) > 1 else key
        if item is None or (key[-1:] == "-" and len(key) > 1) or name in given:
            continue
        at = Origin(origin.document, (*origin.path, key))
        places[(*path, name)] = at
        given[name] = item if name in _WHOLES else _given(item, at, (*path, name), places)
    return given


def _in_order(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Plain keys first, then what is appended, then what is removed: the order of keys means nothing."""
    yield from ((key, value) for key, value in data.items() if key[-1:] not in ("+", "-"))
    for sign in "+-":
        yield from ((key, value) for key, value in data.items() if key[-1:] == sign)


def _has_operators(data: Mapping[str, Any]) -> bool:
    return any(
        key[-1:] in ("+", "-")
        or (key not in _WHOLES and isinstance(value, dict) and _has_operators(value))
        for key, value in data.items()
    )


def _is_map(node: _Node) -> bool:
    return node.children is not None or isinstance(node.value, dict)


def _is_list(node: _Node) -> bool:
    return node.items is not None or isinstance(node.value, list)


def _take_out(node: _Node, unwanted: Any) -> bool:
    if _is_map(node):
        return isinstance(unwanted, str) and node.keys().pop(unwanted, None) is not None
    entries = node.entries()
    kept = [entry for entry in entries if entry.plain() != unwanted]
    node.items = kept
    return len(kept) < len(entries)


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else "This item"


def disagreements(model: type[SpecModel], one: Any, other: Any, path: Path = ()) -> Iterator[Path]:
    """The paths at which two layers that have no order say different things.

    Lists do not disagree: both are kept.
    """
    if isinstance(one, dict) != isinstance(other, dict):
        one, other = _expanded(model, one, path), _expanded(model, other, path)
    if isinstance(one, dict) and isinstance(other, dict):
        for key in _common(one, other):
            at = (*path, key)
            if key in _WHOLES and one[key] != other[key]:
                yield at
            elif key not in _WHOLES:
                yield from disagreements(model, one[key], other[key], at)
    elif not (isinstance(one, list) and isinstance(other, list)) and one != other:
        yield path


def _expanded(model: type[SpecModel], value: Any, path: Path) -> Any:
    key = word_key(model, path) if isinstance(value, str) else None
    return value if key is None else {key: value}


def _common(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[str]:
    return (key for key in one if key in other)
