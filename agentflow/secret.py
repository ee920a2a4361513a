"""Values that must not be shown: a type that never prints them, and a mask for texts that repeat them.

The type is what keeps a secret: whoever holds a `SecretText` cannot log, format, serialise or pickle
its value by mistake, and `reveal()` can be searched for. The mask is the last line: every value that
was ever read is known to this process, and is replaced in whatever is written down or told to people.
It finds a value as it is, and as JSON, a URL, base64 or `repr` write it. It does not find values below
`LEAST` characters, which would stand in half of all texts.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

__all__ = ["LEAST", "SecretText", "mask", "mask_bytes", "masked", "protect"]

T = TypeVar("T")

LEAST = 8
"""Characters of a value, or of a line of one, that the mask looks for."""

_shown: dict[str, str] = {}
"""Every written form of the known values, the longest first, and what is shown in its place.

Replaced as a whole and never changed, so that no lock is needed. It lives as long as the process: a
text may repeat a value long after the run that read it.
"""


class SecretText:
    """A secret and its name. Only `reveal` gives the value."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        """`value` is known to `mask` from now on, and shown as `[name]`."""
        self.name = name
        self._value = value
        protect(name, value)

    def reveal(self) -> str:
        """The value: only to be sent where it belongs."""
        return self._value

    def __repr__(self) -> str:
        return f"[{self.name}]"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and (self.name, self._value) == (
            other.name,
            other._value,
        )

    def __hash__(self) -> int:
        return hash((SecretText, self.name))

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled or copied.")


def protect(name: str, value: str) -> None:
    """Have `mask` replace a value, such as a key that another library keeps."""
    global _shown
    forms = {form: f"[{name}]" for form in _forms(value) if form not in _shown}
    if forms:
        known = {**_shown, **forms}
        _shown = {form: known[form] for form in sorted(known, key=len, reverse=True)}


def _forms(value: str) -> Iterator[str]:
    """How a value may be written, without forms that are too short to look for."""
    lines = value.splitlines() if "\n" in value else []
    for text in (value, *lines):
        if len(text) < LEAST:
            continue
        data = text.encode("utf-8", "replace")
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield repr(text)[1:-1]
        yield quote(text, safe="", errors="replace")
        yield base64.b64encode(data).decode().rstrip("=")
        yield base64.urlsafe_b64encode(data).decode().rstrip("=")


def mask(text: str) -> str:
    """`text` with every known value replaced by the name it has. The same object if it has none."""
    for form, name in _shown.items():
        if form in text:
            text = text.replace(form, name)
    return text


def mask_bytes(data: bytes) -> bytes:
    """The bytes of a file with every known value replaced, in UTF-8 and in both byte orders of UTF-16."""
    for form, name in _shown.items():
        for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
            data = data.replace(form.encode(encoding, "replace"), name.encode(encoding, "replace"))
    return data


def masked(value: T) -> T:
    """Data with every text in it masked: mappings, their keys too, lists, tuples and dataclasses.

    The same object if nothing in it had to change.
    """
    if not _shown:
        return value
    changed: T = _masked(value)
    return changed


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        pairs = {_masked(key): _masked(item) for key, item in value.items()}
        same = all(key in value and value[key] is item for key, item in pairs.items())
        return value if same and len(pairs) == len(value) else pairs
    if isinstance(value, list | tuple):
        items = [_masked(item) for item in value]
        if all(a is b for a, b in zip(items, value, strict=True)):
            return value
        return _like(value, items)
    if is_dataclass(value) and not isinstance(value, type):
        given = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        changes = {name: _masked(item) for name, item in given.items()}
        changes = {name: item for name, item in changes.items() if item is not given[name]}
        return replace(value, **changes) if changes else value
    return value


def _like(value: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    if hasattr(value, "_fields"):
        return type(value)(*items)
    return tuple(items) if isinstance(value, tuple) else items
