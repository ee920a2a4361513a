"""What all request shapes share, and the one place where a violation becomes a 400."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agentflow.local.errors import ApiError, invalid

__all__ = ["Metadata", "MetadataPatch", "Shape", "merge_metadata", "read", "sent"]

ShapeT = TypeVar("ShapeT", bound="Shape")


class Shape(BaseModel):
    """Unknown fields and values of another type are refused, never converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _at_most_16(pairs: dict[str, Any]) -> dict[str, Any]:
    if len(pairs) > 16:
        raise ValueError(f"at most 16 pairs are allowed, not {len(pairs)}")
    return pairs


_Key = Annotated[str, Field(min_length=1, max_length=64)]
_Value = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[_Key, _Value], AfterValidator(_at_most_16)]
MetadataPatch = dict[_Key, _Value | None]

_adapters: dict[type[Shape], TypeAdapter[Any]] = {}


def read(shape: type[ShapeT], body: object) -> ShapeT:
    """The request body as `shape`.

    Raises:
        ApiError: 400, it has another shape; the first violation is named with its place.
    """
    adapter = _adapters.setdefault(shape, TypeAdapter(shape))
    try:
        model: ShapeT = adapter.validate_python(body)
    except ValidationError as error:
        raise _refusal(error, body) from None
    return model


def sent(model: Shape) -> dict[str, Any]:
    """The fields that were in the request, as JSON data: what was left out stays left out."""
    return model.model_dump(exclude_unset=True, by_alias=True)


def _refusal(error: ValidationError, body: object) -> ApiError:
    """Of several violations the deepest: where a union fits nowhere, that is the branch meant."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = [_place(body, item["loc"], missing=item["type"] == "missing") for item in found]
    place, item = max(zip(places, found, strict=True), key=lambda pair: len(pair[0]))
    message = item["msg"].removeprefix("Value error, ")
    return invalid(f"{'.'.join(place) or 'body'}: {message}")


def _place(body: Any, location: tuple[int | str, ...], *, missing: bool) -> list[str]:
    """`tools`, `0`, `name`: the part of a location that is in the body, or would be.

    The tags that mark a union's branch are in pydantic's locations too, and are left out.
    """
    place: list[str] = []
    children: Mapping[int | str, Any]
    for part in location:
        children = dict(enumerate(body)) if isinstance(body, list) else {}
        if isinstance(body, Mapping):
            children = body
        if part in children:
            body = children[part]
        elif not (missing and part == location[-1]):
            continue
        place.append(str(part))
    return place


def merge_metadata(stored: Mapping[str, str], patch: Mapping[str, str | None]) -> dict[str, str]:
    """Per key: a value sets, null deletes.

    Raises:
        ApiError: 400, more than 16 pairs would remain.
    """
    merged = dict(stored)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    if len(merged) > 16:
        raise invalid(f"metadata: at most 16 pairs are allowed, not {len(merged)}.")
    return merged
