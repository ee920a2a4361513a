"""The order of keys: that of the documentation, which is the order of the fields in the models.

Keys that users choose, and keys that no model knows, keep their order; the latter stand last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agentflow.compiler.formatting.comments import is_addressed
from agentflow.compiler.formatting.tree import Entry, Node
from agentflow.source.tree import Path
from agentflow.spec.base import SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.project import ProjectSpec
from agentflow.spec.reuse import OverlaySpec
from agentflow.spec.walk import fields, types_at

__all__ = ["IDENTITY", "sort_keys"]

IDENTITY = ("apiVersion", "kind", "name")
"""First in every document, also in one of a kind that is not known."""


def sort_keys(root: Node, model: type[SpecModel] | None) -> None:
    """Sort the entries of a document's mappings, in place.

    Where order has a meaning it stays: an alias comes after its anchor, and a comment to the linter
    may cover more on the first line of an item than on another.
    """
    _sort(root, model, (), is_item=False)


def _sort(node: Node, model: type[SpecModel] | None, path: Path, *, is_item: bool) -> None:
    for number, entry in enumerate(node.entries):
        step = number if entry.key is None else _base(entry.key.value)
        _sort(entry.value, model, (*path, step), is_item=node.type == "list")
    if node.type != "map" or not node.entries:
        return
    known = {key: rank for rank, key in enumerate(_keys(node, model, path))}
    if not known:
        return
    ranks = [_rank(entry, known) for entry in node.entries]
    ordered = _in_order(node.entries, ranks, _after(node.entries))
    if _may_move(node.entries[0], ordered[0], is_item=is_item, is_root=not path):
        node.entries = ordered


def _base(key: str) -> str:
    """`tools+` -> `tools`."""
    return key[:-1] if key[-1:] in ("+", "-") else key


def _rank(entry: Entry, known: dict[str, int]) -> tuple[int, str]:
    assert entry.key is not None
    key = entry.key.value
    base = key if key in known else _base(key)
    # Of `tools`, `tools+` and `tools-` the plain one is first.
    return known.get(base, len(known)), key if base in known else ""


def _keys(node: Node, model: type[SpecModel] | None, path: Path) -> Sequence[str]:
    """The keys of a mapping, by the model that knows most of those it has."""
    if model is None:
        return IDENTITY if not path else ()
    model, path = _home(model, path)
    written = {_base(entry.key.value) for entry in node.entries if entry.key is not None}
    best: Sequence[str] = ()
    most = 0
    for item in types_at(model, path):
        keys = list(fields(item))
        count = len(written.intersection(keys))
        if count > most:
            best, most = keys, count
    return best


def _home(model: type[SpecModel], path: Path) -> tuple[type[SpecModel], Path]:
    """The model that a place follows: parts of other specs stand in defaults and in overlays."""
    if len(path) < 2 or (model, path[0]) not in ((ProjectSpec, "defaults"), (OverlaySpec, "patch")):
        return model, path
    kind = str(path[1]).partition("/")[0]
    named = {name.lower(): item for name, item in KINDS.items()}
    return (named[kind], path[2:]) if kind in named else (model, path)


def _may_move(before: Entry, after: Entry, *, is_item: bool, is_root: bool) -> bool:
    """Whether another entry may come first: comments to the linter reach further from there."""
    if before is after:
        return True
    first = [*after.above]
    if is_item:
        first += [*before.above, *before.beside, *after.beside]
    return not ((is_item or is_root) and is_addressed(first))


def _in_order(
    entries: Sequence[Entry], ranks: Sequence[tuple[int, str]], after: Mapping[int, set[int]]
) -> list[Entry]:
    """Sorted by rank, and then as they were; but none before those it has to come after."""
    left = sorted(range(len(entries)), key=lambda number: (ranks[number], number))
    if not after:
        return [entries[number] for number in left]
    ordered = []
    while left:
        free = next(number for number in left if after.get(number, set()).isdisjoint(left))
        left.remove(free)
        ordered.append(entries[free])
    return ordered


def _after(entries: Sequence[Entry]) -> Mapping[int, set[int]]:
    """For each entry the ones before it that share the name of an anchor with it."""
    anchors = [set(_anchors(entry)) for entry in entries]
    if not any(anchors):
        return {}
    used = [own | set(_aliases(entry)) for own, entry in zip(anchors, entries, strict=True)]
    return {
        later: {
            earlier
            for earlier in range(later)
            if anchors[earlier] & used[later] or anchors[later] & used[earlier]
        }
        for later in range(len(entries))
    }


def _nodes(entry: Entry) -> Iterator[Node]:
    if entry.key is not None:
        yield entry.key
    yield entry.value
    for inner in entry.value.entries:
        yield from _nodes(inner)


def _anchors(entry: Entry) -> Iterator[str]:
    return (node.anchor for node in _nodes(entry) if node.anchor is not None)


def _aliases(entry: Entry) -> Iterator[str]:
    return (node.raw[1:] for node in _nodes(entry) if node.type == "alias")
