"""A manifest: as a table for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from pydantic import TypeAdapter

from agentflow.compiler import late
from agentflow.compiler.manifest import Manifest, Resource, canonical_json
from agentflow.output.excerpt import printable
from agentflow.output.text import count

__all__ = ["compile_schema", "manifest_data", "payload_text", "pretty", "render_manifest"]

_BOLD, _DIM = "1", "2"


def manifest_data(manifest: Manifest, only: Collection[str] | None = None) -> dict[str, Any]:
    """The manifest with its digest, and references and secrets as people write them.

    Args:
        only: addresses of the resources to keep, with what belongs to them. None: all.
    """
    data = {"digest": manifest.digest, **manifest.to_json()}
    if only is not None:
        data["resources"] = [item for item in data["resources"] if item["address"] in only]
        for part in ("agents", "deployments"):
            data[part] = {key: value for key, value in data[part].items() if key in only}
    # Also takes what JSON does not know, such as exact decimals, into its canonical form.
    shown: dict[str, Any] = json.loads(canonical_json(late.readable(data)))
    return shown


def pretty(data: Any) -> str:
    """JSON that is the same for the same data, ending with a line break."""
    return json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def payload_text(resource: Resource) -> str:
    """The request body that creates a resource."""
    return pretty(json.loads(canonical_json(late.readable(resource.payload))))


def render_manifest(manifest: Manifest, *, color: bool, only: Collection[str] | None = None) -> str:
    """What there is, how large it is and what it needs; with `only`, the payloads of these."""
    chosen = [r for r in manifest.resources if only is None or r.address in only]
    width = max((len(resource.address) for resource in chosen), default=0)
    lines = [_row(resource, width, color=color) for resource in chosen]
    if only is None:
        total = count(len(chosen), "resource")
        target = f"{manifest.target.name} ({manifest.target.service})"
        lines += ["", f"{manifest.project} on {target}: {total}, manifest {manifest.digest}"]
    text = "".join(f"{line}\n" for line in lines)
    bodies = () if only is None else _bodies(chosen, color=color)
    return printable(text) if not color and only is None else text + "".join(bodies)


def _row(resource: Resource, width: int, *, color: bool) -> str:
    size = len(canonical_json(resource.payload).encode())
    notes = [f"{size:>7,} bytes", resource.digest.removeprefix("sha256:")[:12]]
    if resource.depends_on:
        notes.append(f"needs {', '.join(resource.depends_on)}")
    if resource.unchecked:
        notes.append(f"unchecked {', '.join(resource.unchecked)}")
    first, *rest = notes
    return (
        f"{_styled(f'{resource.address:<{width}}', _BOLD, color=color)}  {first}  {'  '.join(rest)}"
    )


def _bodies(resources: Collection[Resource], *, color: bool) -> Iterator[str]:
    for resource in resources:
        head = _styled(f"# {resource.address}", _DIM, color=color)
        yield f"\n{head}\n{payload_text(resource)}"


def _styled(text: str, style: str, *, color: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if color else text


def compile_schema() -> str:
    """JSON Schema of what `compile --format json` prints, and of manifest.json."""
    schema = TypeAdapter(Manifest).json_schema(mode="serialization")
    schema["properties"] = {
        "digest": {
            "type": "string",
            "pattern": "^sha256:[0-9a-f]{64}$",
            "description": "Of the whole manifest, also where only a part of it is shown.",
        },
        **schema["properties"],
    }
    schema["required"] = list(schema["properties"])
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Manifest of agentflow",
        **{key: value for key, value in schema.items() if key != "title"},
        "additionalProperties": False,
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"
