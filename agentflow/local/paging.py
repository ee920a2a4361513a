"""Cursors: where a page ended, opaque to clients.

A cursor holds the position of the last row of its page, the direction it walks in, and the name of
the list with its order, so that one of another list or order is refused instead of misread.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from agentflow.local.errors import invalid

__all__ = ["Order", "Page", "Slice", "paginate"]

T = TypeVar("T")
Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows a query should give: those beyond `after`, walking in `order`, at most `limit`."""

    after: int | None
    """A row position; None: from the start."""
    order: Order
    limit: int


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    data: list[T]
    next_page: str | None
    prev_page: str | None


def _encode(scope: str, order: Order, position: int, *, back: bool) -> str:
    text = json.dumps([scope, order, position, back], separators=(",", ":"))
    return "page_" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, scope: str, order: Order) -> tuple[int, bool]:
    body = cursor.removeprefix("page_")
    try:
        decoded: Any = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        named, sorted_by, position, back = decoded
    except (binascii.Error, ValueError, TypeError):
        raise invalid("page: this is not a cursor of this service.") from None
    if named != scope or type(position) is not int or type(back) is not bool:
        raise invalid("page: this cursor belongs to another list.")
    if sorted_by != order:
        raise invalid(f"page: this cursor was made with order={sorted_by}, not order={order}.")
    return position, back


def paginate(
    fetch: Callable[[Slice], Sequence[tuple[int, T]]],
    *,
    scope: str,
    order: Order,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """One page of the rows that `fetch` gives as (position, row).

    Raises:
        ApiError: 400, `cursor` is damaged or of another list or order.
    """
    position, back = _decode(cursor, scope, order) if cursor else (None, False)
    walk: Order = ("asc" if order == "desc" else "desc") if back else order
    found = list(fetch(Slice(position, walk, limit + 1)))
    more = len(found) > limit
    rows = found[:limit]
    if back:
        rows.reverse()
    if not rows:
        return Page([], None, None)
    ahead = True if back else more
    behind = more if back else cursor is not None
    return Page(
        [row for _, row in rows],
        _encode(scope, order, rows[-1][0], back=False) if ahead else None,
        _encode(scope, order, rows[0][0], back=True) if behind else None,
    )
