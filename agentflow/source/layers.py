"""A document whose values come from several documents, each still knowing where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.diagnostics import Span
from agentflow.source.tree import Document, Origin, Path, value_at

__all__ = ["Composed"]


class Composed(Document):
    """One spec, put together from several documents.

    `file` and `index` are those of the document that is the spec itself.
    """

    __slots__ = ("_base", "_places")

    def __init__(self, base: Document, data: Any, places: Mapping[Path, Origin]) -> None:
        """Take over data that has been put together.

        Args:
            base: the document of the spec itself.
            data: the merged values.
            places: where values come from; what stands below one of these paths comes from below its
                origin. What is not below any of them comes from `base`, at the same path.
        """
        super().__init__(base._text, base.index, data, base._node)
        self._base = base
        self._places = places

    @property
    def base(self) -> Document:
        """The document that is the spec itself."""
        return self._base

    @property
    def mentions_substitution(self) -> bool:
        documents = {id(o.document): o.document for o in self._places.values()}
        return any(d.mentions_substitution for d in (self._base, *documents.values()))

    def verbatim(self) -> Composed:
        places = {
            path: Origin(origin.document.verbatim(), origin.path)
            for path, origin in self._places.items()
        }
        return Composed(self._base.verbatim(), self.data, places)

    def with_data(self, data: Any) -> Composed:
        copy = Composed(self._base, data, self._places)
        copy._original = self._original
        return copy

    def origin(self, path: Path) -> Origin:
        """Which document wrote the value at `path`, and where in it.

        Of a value that is absent: what wrote its nearest parent.
        """
        present = self._present(path)
        for length in range(len(present), -1, -1):
            found = self._places.get(present[:length])
            if found is not None:
                document, inner = found
                return document.origin((*inner, *path[length:]))
        return self._base.origin(path)

    def written(self, path: Path) -> Any:
        document, inner = self.origin(path)
        return document.written(inner)

    def span(self, path: Path, *, key: bool = False) -> Span:
        document, inner = self.origin(path)
        return document.span(inner, key=key)

    def text_span(self, path: Path, start: int, end: int) -> Span:
        document, inner = self.origin(path)
        return document.text_span_of(inner, value_at(self.data, path), start, end)

    def origins(self, at: Path = ()) -> Iterator[tuple[Path, Origin]]:
        """Every scalar, and every empty collection, with where it was written, in order.

        Args:
            at: only what is there or below.
        """
        if self._present(at) == at:
            for path in _leaves(value_at(self.data, at), at):
                yield path, self.origin(path)

    def _present(self, path: Path) -> Path:
        """The part of `path` that the data has."""
        data: Any = self.data
        for number, step in enumerate(path):
            if not _has(data, step):
                return path[:number]
            data = data[step]
        return path


def _has(data: Any, step: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def _leaves(data: Any, path: Path) -> Iterator[Path]:
    if isinstance(data, dict) and data:
        for key, item in data.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from _leaves(item, (*path, index))
    else:
        yield path
