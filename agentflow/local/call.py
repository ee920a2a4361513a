"""One request as a handler sees it, and what all handlers need to read and answer it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from agentflow.local.blobs import Blobs
from agentflow.local.clock import read_time
from agentflow.local.errors import invalid, too_large
from agentflow.local.faults import Faults
from agentflow.local.harness import Harness
from agentflow.local.live import Parts
from agentflow.local.paging import Order, Page
from agentflow.local.store import Document
from agentflow.local.workshop import Workshop

__all__ = ["Call", "Service", "page_body", "public"]

_MAX_BODY = 32 * 1024 * 1024
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""The escape of one. Together with that of another half it is a character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The parts of a running service that handlers work with."""

    parts: Parts
    blobs: Blobs
    workshop: Workshop
    harness: Harness
    heartbeat_s: float
    """How long a stream is silent before a comment line is sent."""


@dataclass(frozen=True, slots=True)
class Call:
    request: Request
    faults: Faults
    """That hold for this request."""
    has_own_faults: bool = False
    """They came with the request."""

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    async def body(self) -> Any:
        """The JSON body.

        Raises:
            ApiError: 400 if it is not JSON, 413 if it is too large.
        """
        chunks: list[bytes] = []
        size = 0
        async for chunk in self.request.stream():
            size += len(chunk)
            if size > _MAX_BODY:
                raise too_large(f"The request body is larger than {_MAX_BODY} bytes.")
            chunks.append(chunk)
        data = b"".join(chunks) or b"{}"
        try:
            body = json.loads(data, parse_constant=_no_constant, parse_int=_integer)
            if _SURROGATE.search(data):
                json.dumps(body, ensure_ascii=False).encode()
        except _TooLarge:
            raise invalid("The request body holds an integer of more than 64 bits.") from None
        except UnicodeEncodeError:
            raise invalid("The request body holds half of a surrogate pair.") from None
        except (ValueError, RecursionError):
            raise invalid("The request body is not JSON.") from None
        return body

    # Query

    def text(self, name: str) -> str | None:
        return self.request.query_params.get(name)

    def texts(self, name: str) -> list[str]:
        """A list, with or without brackets in its name."""
        query = self.request.query_params
        return query.getlist(f"{name}[]") + query.getlist(name)

    def integer(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isdigit():
            raise invalid(f"{name}: {value[:40]!r} is not a whole number.")
        if len(value) > 18:  # neither Python nor SQLite reads any number
            raise invalid(f"{name}: {value[:40]} is too large a number.")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.text(name)
        if value not in (None, "true", "false"):
            raise invalid(f"{name}: {value!r} is neither true nor false.")
        return value == "true"

    def limit(self, default: int, most: int) -> int:
        value = self.integer("limit")
        if value is None:
            return default
        if not 1 <= value <= most:
            raise invalid(f"limit: {value} is not between 1 and {most}.")
        return value

    def order(self, default: Order) -> Order:
        match self.text("order"):
            case None:
                return default
            case "asc":
                return "asc"
            case "desc":
                return "desc"
            case other:
                raise invalid(f"order: {other!r} is neither asc nor desc.")

    def times(self, column: str) -> list[tuple[str, Sequence[object]]]:
        """Conditions of the `created_at[…]` filters on a column of our own naming."""
        found: list[tuple[str, Sequence[object]]] = []
        for name, operator in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
            key = f"created_at[{name}]"
            value = self.text(key)
            if value is not None:
                found.append((f"{column} {operator} ?", [read_time(value, key)]))
        return found


class _TooLarge(Exception):
    pass


def _integer(text: str) -> int:
    """A number that SQLite takes too."""
    if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**63:
        raise _TooLarge
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def public(record: Document) -> Document:
    """A record without what the service keeps for itself."""
    return {key: value for key, value in record.items() if not key.startswith("_")}


def page_body(page: Page[Document], *, both_ways: bool = False) -> Document:
    body: Document = {"data": [public(item) for item in page.data], "next_page": page.next_page}
    if both_ways:
        body["prev_page"] = page.prev_page
    return body
