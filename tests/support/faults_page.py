"""docs/faults.md: how to make things go wrong on purpose, with every field of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from agentflow.local.fault_plan import AnswerFault, FaultPlan, RequestError, RequestFault

__all__ = ["faults_page"]

_HEAD = """\
# Faults on purpose

The embedded service can do everything to a client that the network and the hosted service do to it now and then: cut streams, lose
answers, announce things twice. What shall go wrong is counted, not drawn, so it happens at the same place every time.

```yaml
cut_stream_after: 7 # of the first connection; 7 frames arrive
answers:
  - { to: events.send, number: 2, broken: true, after_effect: true } # taken, and the answer lost
  - { to: events.list, status: 429, retry_after_s: 0.5 }
requests:
  - { number: 3, error: { type: model_overloaded_error, retry: retrying } }
```

| given as | holds for |
|---|---|
| `agentflow serve --faults FILE` | every session without faults of its own |
| `faults:` in the [script](scripts.md) that plays the model | the same, where there is no `--faults` |
| header `agentflow-faults: {"cut_stream_after": 7}` of the request that creates a session | that session |
| that header of another request | that request alone |

A header holds the same fields as JSON. What holds for a session is counted in that session, and anew after a restart of the service. A
frame is an event as it is sent on one connection; the first has number 1. Comment lines are not counted.
[schemas/faults.json](../schemas/faults.json) is the JSON Schema of such a file, for editors.
"""

_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The fields of a plan", FaultPlan),
    ("`answers`", AnswerFault),
    ("`requests`", RequestFault),
    ("`error`", RequestError),
)


def faults_page() -> str:
    return _HEAD + "".join(_section(title, model) for title, model in _PARTS)


def _section(title: str, model: type[BaseModel]) -> str:
    doc = " ".join((model.__doc__ or "").split())
    rows = "\n".join(_rows(model))
    return f"\n## {title}\n\n{doc}\n\n| field | default | means |\n|---|---|---|\n{rows}\n"


def _rows(model: type[BaseModel]) -> Iterator[str]:
    properties: dict[str, Any] = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        default = "" if field.is_required() else _default(field.default)
        chosen = properties[name].get("enum")
        listed = f" One of {', '.join(f'`{one}`' for one in chosen)}." if chosen else ""
        yield f"| `{name}` | {default} | {field.description}{listed} |"


def _default(value: object) -> str:
    if value is None or value == []:
        return ""
    return f"`{str(value).lower()}`"
