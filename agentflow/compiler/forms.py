"""What the model of a kind says about merging the values at a place: short forms, and what is a whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, get_args, get_origin

from agentflow.spec.base import SpecModel
from agentflow.spec.walk import fields, step_into

__all__ = ["Form", "form_of"]

_RAW = "raw"
"""What stands below it is the service's: it is merged, and null is a value there."""


class Form:
    """One place of a kind. Ask `form_of` for the root, and `at` for what is below."""

    __slots__ = (
        "_inner",
        "_types",
        "is_raw",
        "is_whole",
        "items",
        "null_is_value",
        "takes_list",
        "word",
    )

    def __init__(
        self, types: Sequence[Any], *, is_raw: bool = False, null_is_value: bool = False
    ) -> None:
        self._types = types
        self._inner: dict[str, Form] = {}
        models = [item for item in types if fields(item)]
        self.word: str | None = next((m.word_key for m in models if m.word_key), None)
        """The key that a single word stands for."""
        self.items: str | None = next((m.list_key for m in models if m.list_key), None)
        """The key that a bare list stands for."""
        self.takes_list = (
            not types or bool(self.items) or any(get_origin(item) is list for item in types)
        )
        """Whether a list can stand here, or nobody knows."""
        self.is_raw = is_raw
        """It is `raw`, or stands below it."""
        self.null_is_value = null_is_value
        self.is_whole = not is_raw and any(map(_is_json, types))
        """JSON of somebody else, such as a schema: it means something only as a whole."""

    def at(self, key: str) -> Form:
        """The place of a key; of one that the model does not know, a place without any rules."""
        if self.is_raw:
            return _BELOW_RAW
        found = self._inner.get(key)
        if found is not None:
            return found
        # All keys of a map lead to the same place.
        known = key if any(key in fields(item) for item in self._types) else ""
        found = self._inner.get(known)
        if found is None:
            inner = [below for item in self._types for below in step_into(item, key)]
            found = Form(inner, is_raw=known == _RAW)
            self._inner[known] = found
        return found


_BELOW_RAW = Form((), is_raw=True, null_is_value=True)


@cache
def form_of(model: type[SpecModel]) -> Form:
    """The root of a kind."""
    return Form([model])


def _is_json(annotation: Any) -> bool:
    """Any value, or a map from any text to any value."""
    return annotation is Any or (
        get_origin(annotation) is dict and get_args(annotation) == (str, Any)
    )
