"""Models: those that have a list price here."""

from __future__ import annotations

from agentflow.local import prices
from agentflow.local.call import Call, Service
from agentflow.local.errors import not_found
from agentflow.local.store import Document

__all__ = ["list_", "retrieve"]


def _model(id: str) -> Document:
    words = id.removeprefix("claude-").split("-")
    name, numbers = words[0].capitalize(), [word for word in words[1:] if len(word) < 8]
    return {
        "id": id,
        "type": "model",
        "display_name": f"Claude {name} {'.'.join(numbers)}",
        "created_at": "1970-01-01T00:00:00Z",  # documented for an unknown date
        "lifecycle": "active",
        "deprecated_at": None,
        "retires_at": None,
        "line": None,
        "max_input_tokens": None,
        "max_tokens": None,
        "allowed_fallback_models": None,
        "capabilities": None,
    }


async def list_(service: Service, call: Call) -> Document:
    """One page: `after_id` and `before_id` still cut it, as a client that pages expects."""
    ids = list(prices.models())
    after, before = call.text("after_id"), call.text("before_id")
    if after in ids:
        ids = ids[ids.index(after) + 1 :]
    if before in ids:
        ids = ids[: ids.index(before)]
    limit = call.limit(1000, 1000)
    shown = ids[:limit]
    return {
        "data": [_model(id) for id in shown],
        "has_more": len(ids) > limit,
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


async def retrieve(service: Service, call: Call) -> Document:
    id = call.path("model_id")
    if id not in prices.models():
        raise not_found(f"Model {id!r} is not known here.")
    return _model(id)
