"""Reading the body of a request as somebody wrote it, and writing a spec that says the same.

A `Node` is a value with its place; it reports what does not fit in the words of the file it stands in.
A `Draft` is a spec in our words whose every value still knows where it was written in theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from agentflow import codes
from agentflow.diagnostics import Code, Diagnostic, Edit, Fix
from agentflow.nearest import nearest, one_of
from agentflow.source.layers import Composed
from agentflow.source.tree import Document, Origin, Path

__all__ = ["Draft", "Node"]

_SHOWN = 40


class Node:
    """A value of a document that is there: not null, and not left out."""

    __slots__ = ("document", "path", "report", "value")

    def __init__(
        self, document: Document, path: Path, value: Any, report: Callable[[Diagnostic], None]
    ) -> None:
        self.document = document
        self.path = path
        self.value = value
        self.report = report

    @property
    def called(self) -> str:
        """How messages name it: `tools[0].configs`."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return f"`{text.removeprefix('.')}`" if text else "The document"

    def problem(self, code: Code, message: str, hint: str | None = None) -> None:
        self.report(code.at(self.document.span(self.path), message, hint=hint))

    def get(self, key: str) -> Node | None:
        """What stands at a key. None: nothing does, or null, or this is no mapping."""
        value = self.value.get(key) if isinstance(self.value, dict) else None
        return None if value is None else Node(self.document, (*self.path, key), value, self.report)

    def need(self, key: str) -> Node | None:
        """As `get`; what is missing is reported."""
        found = self.get(key)
        if found is None and isinstance(self.value, dict):
            self.problem(codes.MISSING_KEY, f"{self.called} has no {key!r}.", f"Add `{key}: …`.")
        return found

    def text(self) -> str | None:
        """The value, if it is text."""
        return self.value if self._is(str, "text") else None

    def one_of(self, *words: str) -> str | None:
        """The value, if it is one of the words."""
        if self.value in words and isinstance(self.value, str):
            return self.value
        hint = f"Write {one_of(words)}."
        self.problem(codes.UNKNOWN_WORD, f"{self.called} cannot be {_shown(self.value)}.", hint)
        return None

    def flag(self) -> bool | None:
        return self.value if self._is(bool, "true or false") else None

    def items(self) -> Iterator[Node]:
        """The items of a list, without nulls."""
        if self._is(list, "a list"):
            for number, item in enumerate(self.value):
                if item is not None:
                    yield Node(self.document, (*self.path, number), item, self.report)

    def keys(self, *known: str, ours: Collection[str] = ()) -> bool:
        """Whether it is a mapping; keys that are not known are reported.

        Args:
            ours: keys of a spec that says the same in our words.
        """
        if not self._is(dict, "a mapping"):
            return False
        for key in self.value:
            if key not in known:
                self._unknown(str(key), known, ours)
        return True

    def _unknown(self, key: str, known: tuple[str, ...], ours: Collection[str]) -> None:
        span = self.document.span((*self.path, key), key=True)
        near = nearest(key, [name for name in known if name not in self.value])
        # The text of a Markdown file has no key that one could write.
        keys = [name for name in known if name.isidentifier()]
        hint = f"Known keys are {one_of(keys, joined='and', limit=30)}."
        fix = None
        if key in ours:
            hint = (
                "It is a key of specs, and this file is in the words of `ant apply`. Set it below "
                "`defaults` of the project or in an Overlay, or make the file a spec by `apiVersion:` "
                "and `kind:`."
            )
        elif near is not None:
            hint = f"Did you mean {near!r}?"
            fix = Fix(f"Rename to {near!r}", (Edit(span, near),), safe=False)
        message = f"{self.called} has no key {key!r}."
        self.report(codes.UNKNOWN_KEY.at(span, message, hint=hint, fix=fix))

    def _is(self, type_: type, wanted: str) -> bool:
        if isinstance(self.value, type_):
            return True
        message = f"{self.called} is {_shown(self.value)}, and it has to be {wanted}."
        self.problem(codes.WRONG_TYPE, message)
        return False


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value).lower()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Draft:
    """A spec that is being written."""

    def __init__(self, base: Document, kind: str, name: str, named: Path) -> None:
        """Begin with what says which spec it is.

        Args:
            base: the document it is made from.
            named: where that has the name people see; the spec's own is from the path of the file.
        """
        self._base = base
        self.data: dict[str, Any] = {"kind": kind, "name": name}
        self._places: dict[Path, Origin] = {
            ("name",): Origin(base, named),
            ("kind",): Origin(base, named),
        }

    def put(self, *path: str | int, value: Any, at: Node) -> None:
        """Set a value. Maps on the way are made; a list on the way has the item."""
        inner: Any = self.data
        for depth, step in enumerate(path[:-1], 1):
            self._places.setdefault(path[:depth], Origin(at.document, at.path))
            inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
        inner[path[-1]] = value
        self._places[path] = Origin(at.document, at.path)

    def copy(self, key: str, source: Node | None) -> None:
        """Take a value over as it is."""
        if source is not None:
            self.put(key, value=source.value, at=source)

    def add(self, key: str, value: Any, at: Node) -> int:
        """Append to a list; returns the index of the item."""
        items = self.data.setdefault(key, [])
        items.append(value)
        self._places[key, len(items) - 1] = Origin(at.document, at.path)
        return len(items) - 1

    def document(self) -> Composed:
        return Composed(self._base, self.data, self._places)
