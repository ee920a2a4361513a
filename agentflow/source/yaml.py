"""YAML text to documents with places, by the event stream of a C parser.

The subset is YAML 1.2 with its core scalars. Beyond that: keys are text and unique, no tags, no
merge keys, numbers with a fraction are `Decimal`, and aliases may repeat only so much. Everything
outside of it is a problem with its place; only broken syntax ends the reading of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from agentflow import codes
from agentflow.diagnostics import Checked, Code, Diagnostic, Span
from agentflow.patterns import regex
from agentflow.records import NamedTuple
from agentflow.source.characters import ESCAPED_RESERVED, RESERVED, is_plain, no_text
from agentflow.source.libyaml import (
    C_PARSER,
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    MarkedYAMLError,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    YAMLError,
)
from agentflow.source.text import SourceText
from agentflow.source.tree import Document, Entry, Node, Path

__all__ = ["MAX_DEPTH", "MAX_EXPANSION", "MAX_PROBLEMS", "USES_C_PARSER", "events", "parse"]

USES_C_PARSER = C_PARSER is not None

MAX_DEPTH = 64
"""Levels of nesting in one document."""

MAX_EXPANSION = 100_000
"""What all aliases of a document may repeat: values, plus one for every 64 characters of text."""

MAX_PROBLEMS = 100
"""In one file. What follows the last one is not read."""

_CONTROL = regex(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff{RESERVED}]"
)
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = regex(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<oct>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
)
_NOT_FINITE = regex(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_FIRST_OF_SPECIAL = frozenset("~-+.0123456789nNtTfF")
_FIRST_OF_WORDS = frozenset("~nNtTfF")
_LAST_OF_NUMBERS = frozenset("0123456789.abcdefABCDEFnN")
"""Also of those in base 16, and of what is no finite number."""


def parse(file: str, text: str) -> Checked[tuple[Document, ...]]:
    """All documents of a file that could be read, and what is wrong with it.

    Args:
        file: project-relative path, for the places.
        text: what the file holds. A byte order mark at its start is ignored.
    """
    source = SourceText(file, text.removeprefix("\ufeff"))
    control = None if is_plain(source.text) else _CONTROL.search(source.text)
    if control:
        message = f"The file holds the character U+{ord(control[0]):04X}, which is no text."
        hint = "Remove it."
        if control[0] not in RESERVED:
            hint = "Remove it, or write it as an escape in double quotes."
        span = source.span(*control.span())
        return Checked((), (codes.CONTROL_CHARACTER.at(span, message, hint=hint),))
    composer = _Composer(source)
    try:
        composer.read(events(source.text))
    except MarkedYAMLError as error:
        from agentflow.source.syntax import explain_syntax

        composer.problems.append(explain_syntax(source, error))
    except YAMLError as error:
        message = f"The YAML cannot be read: {error}."
        composer.problems.append(codes.YAML_SYNTAX.at(Span.start_of(file), message))
    except _Stop:
        pass
    if "\\" in source.text and ESCAPED_RESERVED.search(source.text):
        composer.problems += [p for d in composer.documents for p in _reserved(d, d.data, ())]
    return Checked(tuple(composer.documents), tuple(composer.problems))


def _reserved(document: Document, value: Any, path: Path) -> Iterator[Diagnostic]:
    """Characters that stand in a value by their escape, and that no value may hold."""
    if isinstance(value, dict):
        for key, item in value.items():
            if no_text(key):
                yield _no_text(key, document.span((*path, key), key=True))
            yield from _reserved(document, item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _reserved(document, item, (*path, index))
    elif isinstance(value, str) and no_text(value):
        yield _no_text(value, document.span(path))


def _no_text(value: str, span: Span) -> Diagnostic:
    message = f"The value holds the character {no_text(value)}, which is no text."
    return codes.CONTROL_CHARACTER.at(span, message, hint="Remove it.")


def events(text: str) -> Iterator[Any]:
    """What the parser says of a text, piece by piece.

    Raises:
        YAMLError: the syntax is broken; while iterating.
    """
    if C_PARSER is None:
        return _python_events(text)
    # An iterator in C: a generator around it would cost a tenth of the reading.
    return iter(C_PARSER(text).get_event, None)


def _python_events(text: str) -> Iterator[Any]:
    from ruamel.yaml import YAML

    found: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
    return found


class _Stop(Exception):
    """A limit was reached: the rest of the file is not read."""


class _Anchored(NamedTuple):
    data: Any
    node: Node


class _Composer:
    """Makes documents of events, which come as the grammar of YAML has them: no check of that is needed."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.documents: list[Document] = []
        self.problems: list[Diagnostic] = []
        self._next: Callable[[], Any] = iter(()).__next__
        self._start_document()

    def _start_document(self) -> None:
        self._anchors: dict[str, _Anchored | None] = {}
        self._sizes: dict[int, tuple[Any, int]] = {}
        self._expanded = 0

    def read(self, events: Iterator[Any]) -> None:
        """Consume the events of a file.

        Raises:
            YAMLError: the syntax is broken.
            _Stop: a limit was reached, and reported.
        """
        self._next = events.__next__
        for event in events:
            if event.__class__ is not DocumentStartEvent:
                continue
            self._check_version(event)
            data, node, _ = self._value(self._next(), 0)
            self._next()  # its end, where whatever follows it is found to be wrong
            self.documents.append(Document(self.source, len(self.documents), data, node))
            self._start_document()

    def _value(self, event: Any, depth: int) -> tuple[Any, Node, int]:
        """The value that begins with an event, and where it ends: for an alias, where that does."""
        kind = event.__class__
        if kind is ScalarEvent:
            value, node = self._scalar(event)
            return value, node, node[1]
        if kind is AliasEvent:
            return self._alias(event)
        if event.ctag is not None:
            self._refuse_tag(event)
        if depth >= MAX_DEPTH:
            self._too_deep(event.start_mark.index)
        if event.anchor is not None:
            self._anchors[event.anchor] = None  # until it is closed
        read = self._mapping if kind is MappingStartEvent else self._sequence
        data, node = read(event, depth + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(data, node)
        return data, node, node[1]

    def _scalar(self, event: Any) -> tuple[Any, Node]:
        text: str = event.value
        start: int = event.start_mark.index
        end: int = event.end_mark.index
        if event.ctag is not None:
            self._refuse_tag(event)
        value: Any = text
        if event.implicit[0] and (not text or text[0] in _FIRST_OF_SPECIAL):
            value = self._resolve(text, start, end)
        elif text[-1:] == "\n" and self.source.text[end - 1 : end] in "\r\n":
            # The end mark of a block scalar stands behind the blank lines that follow it.
            end = start + len(self.source.text[start:end].rstrip())
        node: Node = (start, end, None)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, node)
        return value, node

    def _sequence(self, opening: Any, depth: int) -> tuple[Any, Node]:
        next_event = self._next
        data: list[Any] = []
        children: list[Node] = []
        end: int = opening.end_mark.index
        event = next_event()
        while event.__class__ is not SequenceEndEvent:
            value, node, end = self._value(event, depth)
            data.append(value)
            children.append(node)
            event = next_event()
        # A block collection ends where its last value does: its end event comes after comments.
        return data, (
            opening.start_mark.index,
            event.end_mark.index if opening.flow_style else end,
            children,
        )

    def _mapping(self, opening: Any, depth: int) -> tuple[Any, Node]:
        next_event = self._next
        data: dict[str, Any] = {}
        children: dict[str, Entry] = {}
        end: int = opening.end_mark.index
        node: Node
        event = next_event()
        while event.__class__ is not MappingEndEvent:
            is_dropped = False
            start, stop = event.start_mark.index, event.end_mark.index
            if event.__class__ is ScalarEvent:
                key = event.value
                if (
                    event.ctag is not None
                    or not key
                    or key in children
                    or key[0] in _FIRST_OF_SPECIAL
                    or key == "<<"
                ):
                    is_dropped = self._odd_key(event, children)
            else:
                key, is_dropped = "", True
                self._refuse_key(event, depth, is_flow=opening.flow_style)
            event = next_event()
            # Text that nobody refers to, as most values are.
            if (
                event.__class__ is ScalarEvent
                and event.anchor is None
                and event.ctag is None
                and (value := event.value)
                and value[0] not in _FIRST_OF_SPECIAL
                and value[-1] != "\n"
            ):
                end = event.end_mark.index
                node = (event.start_mark.index, end, None)
            else:
                value, node, end = self._value(event, depth)
            if end < stop:
                end = stop
            if not is_dropped:
                data[key] = value
                children[key] = (start, stop, node)
            event = next_event()
        return data, (
            opening.start_mark.index,
            event.end_mark.index if opening.flow_style else end,
            children,
        )

    def _odd_key(self, event: Any, children: Mapping[str, Entry]) -> bool:
        """Look at a key that may be wrong. Whether it is: its value is read then, and dropped."""
        text, plain = event.value, event.implicit[0]
        span = (event.start_mark.index, event.end_mark.index)
        if event.ctag is not None:
            self._refuse_tag(event)
        special = plain and (not text or text[0] in _FIRST_OF_SPECIAL)
        ignored = False
        if special and not isinstance(self._resolve(text, *span), str):
            message = f"The key {text!r} is not text." if text else "A key is missing."
            hint = f'Quote it: "{text}".' if text else "Write a key before the colon."
            self._report(codes.KEY_NOT_TEXT, span, message, hint)
            ignored = not text
        if plain and text == "<<":
            hint = "Repeat the keys, or put what is shared into a variable."
            self._report(codes.MERGE_KEY, span, "Merge keys ('<<') are not supported.", hint)
            return True
        if text in children and not ignored:
            first = self.source.span(*children[text][:2])
            message = f"The key {text!r} is set twice in one mapping, first in line {first.line}."
            hint, related = "Remove one of the two.", ((first, "first set here"),)
            self._report(codes.DUPLICATE_KEY, span, message, hint, related)
            return True
        return ignored

    def _refuse_key(self, event: Any, depth: int, *, is_flow: bool) -> None:
        """Say that this is no key, and pass over it."""
        start, end = event.start_mark.index, event.end_mark.index
        if self.source.text.startswith("{", max(start - 1, 0)) and is_flow:
            message = "'{{' starts a mapping inside a mapping here, not a template."
            hint = "Quote the whole text: '{{ … }}'."
        else:
            message, hint = "A key is text, not a list, a mapping or an alias.", "Quote the key."
        self._report(codes.KEY_NOT_TEXT, (start, max(end, start + 1)), message, hint)
        if event.__class__ is not AliasEvent:
            self._skip(depth)

    def _skip(self, depth: int) -> None:
        """Consume the rest of a collection whose start event was just read."""
        inside = 1
        while inside:
            event = self._next()
            if event.__class__ in (MappingStartEvent, SequenceStartEvent):
                inside += 1
                if depth + inside > MAX_DEPTH:
                    self._too_deep(event.start_mark.index)
            elif event.__class__ in (MappingEndEvent, SequenceEndEvent):
                inside -= 1

    def _too_deep(self, start: int) -> NoReturn:
        message = f"Values are nested more than {MAX_DEPTH} levels deep."
        hint = "Close the brackets, or take levels out."
        self._report(codes.TOO_DEEP, (start, start + 1), message, hint)
        raise _Stop

    def _alias(self, event: Any) -> tuple[Any, Node, int]:
        start, end = event.start_mark.index, event.end_mark.index
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            if event.anchor in self._anchors:
                message = f"The alias '*{event.anchor}' stands inside what it repeats."
                hint = "Write the value out."
            else:
                message = f"No anchor '&{event.anchor}' comes before this alias."
                hint = "Quote the text if the '*' is meant literally."
            self._report(codes.BAD_ALIAS, (start, end), message, hint)
            return None, (start, end, None), end
        self._expanded += self._size(anchored.data)
        if self._expanded > MAX_EXPANSION:
            message = f"The aliases of this document repeat more than {MAX_EXPANSION:,} values."
            hint = "Write the values out, or generate the file."
            self._report(codes.ALIAS_EXPANSION, (start, end), message, hint)
            raise _Stop
        return anchored.data, anchored.node, end

    def _size(self, data: Any) -> int:
        """How much an alias repeats, with what other aliases repeat in it."""
        if not isinstance(data, (dict, list)):
            return 1 + len(data) // 64 if isinstance(data, str) else 1
        # Each collection once, however often it is repeated. It is held, so that no other has its id.
        if id(data) not in self._sizes:
            items = data.values() if isinstance(data, dict) else data
            self._sizes[id(data)] = (data, 1 + sum(map(self._size, items)))
        return self._sizes[id(data)][1]

    def _resolve(self, text: str, start: int, end: int) -> Any:
        """The value of a plain scalar by the core schema."""
        if text in _WORDS:
            return _WORDS[text]
        if text.isdecimal() and text.isascii() and len(text) <= 40:
            return int(text)
        if text[0] in _FIRST_OF_WORDS or text[-1] not in _LAST_OF_NUMBERS:
            return text  # `5m`, `-n`, `true-story`
        whole, _, part = text.partition(".")
        if whole.isdecimal() and part.isdecimal() and text.isascii() and len(text) <= 40:
            return Decimal(text)
        match = _NUMBER.fullmatch(text)
        if match is None:
            if _NOT_FINITE.fullmatch(text):
                message = f"{text} is not a number that can be used here."
                self._report(codes.BAD_NUMBER, (start, end), message, "Quote it if it is text.")
            return text
        if len(text) > 40 or (match["float"] and _is_extreme(text)):
            message = f"The number {text[:40]} is too large, too small or too precise."
            self._report(codes.BAD_NUMBER, (start, end), message, "Quote it if it is text.")
            return text
        if match["float"]:
            return Decimal(text)
        base = {"int": 10, "oct": 8, "hex": 16}[match.lastgroup or "int"]
        return int(match[match.lastgroup or "int"], base)

    def _refuse_tag(self, event: Any) -> None:
        start = event.start_mark.index
        tag = re.compile(r"(?:&\S+\s+)?(!\S*)").match(self.source.text, start)
        span = tag.span(1) if tag else (start, start + 1)
        shown = tag[1] if tag else event.tag
        message = f"The tag {shown!r} is not supported: specs are plain YAML."
        self._report(codes.TAG, span, message, "Remove the tag; quote the value if it is text.")

    def _check_version(self, event: Any) -> None:
        if event.version is not None and tuple(event.version) != (1, 2):
            message = "Specs are YAML 1.2, and this file declares another version."
            span = (event.start_mark.index, event.end_mark.index)
            self._report(codes.YAML_VERSION, span, message, "Remove the %YAML line.")

    def _report(
        self,
        code: Code,
        place: tuple[int, int],
        message: str,
        hint: str | None,
        related: tuple[tuple[Span, str], ...] = (),
    ) -> None:
        span = self.source.span(*place)
        if len(self.problems) >= MAX_PROBLEMS:
            message = f"The file has more than {MAX_PROBLEMS} problems. The rest was not read."
            hint = "Correct those above first; the others are shown then."
            self.problems.append(codes.TOO_MANY_PROBLEMS.at(span, message, hint=hint))
            raise _Stop
        self.problems.append(code.at(span, message, hint=hint, related=related))


def _is_extreme(number: str) -> bool:
    try:
        return abs(Decimal(number).adjusted()) > 300
    except InvalidOperation:  # an exponent that not even a decimal can hold
        return True
