"""A spec as it is put together, with the place each value came from, and a review of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentflow.compiler.graph import Graph
from agentflow.compiler.late import readable, secrets
from agentflow.compiler.review import Answer, review
from agentflow.compiler.unseen import HIDDEN, may_be_secret, secret_at
from agentflow.diagnostics import Span
from agentflow.source.tree import Document, Path, value_at
from agentflow.spec.base import SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import known_keys

__all__ = ["Explained", "Value", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A scalar, or a list or mapping without entries."""

    path: Path
    span: Span
    """Where it was written."""
    written: str | None
    """The text before substitution. None: nothing was substituted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    address: str
    kind: str
    target: str
    data: Mapping[str, Any]
    """In the order of the documentation. Secrets and references as they are written: `${secret.x}`."""
    values: tuple[Value, ...]
    """Of every leaf of `data`, in its order."""
    review: tuple[Answer, ...]


def explain(graph: Graph, address: str) -> Explained | None:
    """None: no spec has this address."""
    document = graph.composed.get(address)
    if document is None:
        return None
    kind = str(document.data["kind"])
    model = KINDS[kind]
    shown = _shown(model, document, document.data, ())
    values = tuple(_value(document, path, value_at(shown, path)) for path in _leaves(shown, ()))
    return Explained(
        address=address,
        kind=kind,
        target=graph.target_name,
        data=shown,
        values=values,
        review=review(address, graph.composed),
    )


def _value(document: Document, path: Path, shown: Any) -> Value:
    written = document.written(path)
    changed = isinstance(written, str) and "${" in written and shown not in (written, HIDDEN)
    return Value(path=path, span=document.span(path), written=written if changed else None)


def _shown(model: type[SpecModel], document: Document, value: Any, path: Path) -> Any:
    secret = secret_at(model, path)
    is_free = secret is not None and not secret.required
    if may_be_secret(model, path, value) and not is_free and not secrets(value):
        return HIDDEN
    if isinstance(value, dict):
        order = _by_documentation(known_keys(model, path), value)
        return {key: _shown(model, document, value[key], (*path, key)) for key in order}
    if isinstance(value, list):
        return [_shown(model, document, x, (*path, n)) for n, x in enumerate(value)]
    if not isinstance(value, str):
        return value
    written = document.written(path) if secret is not None else None
    # What the environment holds in such a field may well be a secret.
    hides = isinstance(written, str) and "${env." in written
    return written if hides else readable(value)


def _by_documentation(known: Collection[str], data: Mapping[str, Any]) -> Iterator[str]:
    yield from (key for key in known if key in data)
    yield from (key for key in data if key not in known)


def _leaves(data: Any, path: Path) -> Iterator[Path]:
    if isinstance(data, dict) and data:
        for key, item in data.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from _leaves(item, (*path, index))
    else:
        yield path
