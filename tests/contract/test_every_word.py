"""A project that uses every word of the language: its payloads have every field of the service.

What the table of the service's fields promises is true: the YAML it names sets the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from agentflow.compiler import late
from agentflow.compiler.manifest import Resource
from agentflow.compiler.pipeline import build
from tests.support.api_words import WORDS
from tests.support.memory_files import MemoryFiles
from tests.support.sdk_fields import FORMS, Field, fields_of
from tests.support.sdk_types import BODIES, problems_of

PROJECT = """
apiVersion: agentflow/v1
kind: Project
name: desk
secrets: { token: "env:TOKEN" }
---
kind: Environment
name: open
title: Open
description: Nothing is closed here.
scope: organization
network: open
metadata: { team: sales }
---
kind: Environment
name: closed
network: { hosts: [a.example.com], packages: true, mcp: inferred }
packages: { apt: [a], cargo: [b], gem: [c], go: [d], npm: [e], pip: [f] }
---
kind: Environment
name: own
hosting: self-hosted
---
kind: Agent
name: helper
model: claude-sonnet-5
environment: open
prompt: Help.
identity: { aws_role: "arn:aws:iam::123456789012:role/r" }
budget: { usd: 1 }
---
kind: Agent
name: older
model: claude-opus-5-5
environment: open
prompt: Lead.
team: { coordinator: [helper, self], advisor: claude-opus-5-5 }
budget: { usd: 1 }
---
kind: Agent
name: lead
title: The lead
description: Leads.
model: { id: claude-opus-5, effort: high, speed: fast, geo: us }
environment: closed
prompt: Lead.
task: Go.
tools:
  read: allow
  web_search:
    policy: auto
    blocked: [b.example.com]
    location: { city: Berlin, country: DE, region: Berlin, timezone: Europe/Berlin }
  web_fetch:
    policy: ask
    domains: [a.example.com]
    max_tokens: 50k
    sources: { user: none, custom: { only: [rate] }, server: { but: [web_fetch] } }
mcp:
  warehouse:
    url: https://warehouse.example.com/mcp
    auth: vault/keys.warehouse
    tools: { search: allow }
    others: ask
custom:
  rate:
    run: "desk.tools:rate"
    description: Looks up a rate.
    input_schema: { type: object, properties: { currency: { type: string } }, required: [currency] }
skills: ["anthropic/xlsx", notes]
team:
  subagents: { agents: [distant, self], inline: true }
  workflows: { agents: [distant] }
  advisor: claude-opus-5-5
vaults: [keys]
approvals: [{ tool: "*", answer: deny }]
budget: { usd: 1 }
metadata: { team: sales }
---
kind: Agent
name: distant
model: { id: claude-sonnet-5, geo: us }
environment: closed
prompt: Help.
budget: { usd: 1 }
---
kind: Skill
name: notes
title: Notes
folder: ./notes
---
kind: MemoryStore
name: memory
title: Memory
description: What was learnt.
metadata: { team: sales }
---
kind: Vault
name: keys
title: Keys
metadata: { team: sales }
credentials:
  warehouse:
    url: https://warehouse.example.com/mcp
    title: Warehouse
    metadata: { team: sales }
    oauth:
      access_token: "${secret.token}"
      expires_at: "2030-01-31T12:00:00Z"
      refresh:
        client_id: c
        refresh_token: "${secret.token}"
        token_endpoint: https://warehouse.example.com/token
        endpoint_auth: basic
        client_secret: "${secret.token}"
        resource: r
        scope: s
  bearer: { url: "https://b.example.com/mcp", bearer: "${secret.token}" }
  variable:
    variable:
      name: API_TOKEN
      value: "${secret.token}"
      hosts: [a.example.com]
      inject: [header, body]
---
kind: Deployment
name: weekly
title: Weekly
description: Every Monday.
agent: lead
environment: closed
schedule: { cron: "0 9 * * 1", timezone: Europe/Berlin }
task: Go.
system: Be brief.
answered_by: the desk
files: { orders: { path: ./orders.csv, mount: /orders.csv } }
repositories:
  site: { url: "https://github.com/a/b", branch: main, mount: /workspace/b, token: "${secret.token}" }
  docs: { url: "https://github.com/a/c", commit: "0123456789012345678901234567890123456789" }
memory: [{ store: memory, access: read_write, instructions: Write it down. }]
vaults: [keys]
outcome: { rubric: Everything is right., description: A report., max_iterations: 2 }
budget: { usd: 2.50 }
metadata: { team: sales }
"""

FILES = {
    "agentflow.yaml": PROJECT.lstrip(),
    "notes/SKILL.md": "---\nname: notes\ndescription: Notes.\n---\nTake notes.\n",
    "orders.csv": "a,b\n",
    "desk/tools.py": "def rate(currency: str) -> str:\n    return currency\n",
}


@cache
def resources(kind: str) -> tuple[Resource, ...]:
    """Of the project, by the kind that the service's table has."""
    result = build(MemoryFiles(FILES))
    assert result.problems == ()
    assert result.value.compiled is not None
    found = result.value.compiled.manifest.resources
    return tuple(resource for resource in found if resource.kind == kind.replace("_", ""))


def payload(resource: Resource) -> dict[str, Any]:
    """As apply sends it: references filled in, and files beside the fields."""
    sent: dict[str, Any] = late.fill(
        resource.payload, lambda address, field: "1" if field == "version" else f"{address}_id"
    )
    return {**sent, "files": [file.name for file in resource.files]} if resource.files else sent


def paths(value: Any, known: Mapping[str, Field], path: str = "") -> Iterator[str]:
    """The fields of a payload that are set, as the table calls them."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, known, f"{path}[]")
    elif isinstance(value, dict):
        form = f"{path.removesuffix('[]')}[{value.get('type')}]"
        place = form if path in FORMS and f"{form}.type" in known else path
        for key, item in value.items():
            field = f"{place}.{key}" if place else key
            if item not in (None, [], {}):
                yield field
            if field not in known or not known[field].type.startswith("map of"):
                yield from paths(item, known, field)


KINDS = sorted(set(BODIES) - {"session"})


@pytest.mark.parametrize("kind", KINDS)
def test_the_yaml_of_the_table_sets_the_fields_of_the_service(kind: str) -> None:
    known = fields_of(kind)
    sent = [payload(resource) for resource in resources(kind)]
    assert sent
    found = {path for body in sent for path in paths(body, known)}
    promised = {
        path for path, words in WORDS[kind].items() if words.yaml and words.yaml != ("raw",)
    }
    assert promised - found == set()
    assert found - set(known) == set()


def test_what_the_table_says_is_always_there_is_there() -> None:
    for kind in KINDS:
        known = fields_of(kind)
        sent = [payload(resource) for resource in resources(kind)]
        found = {path for body in sent for path in paths(body, known)}
        always = {path for path, words in WORDS[kind].items() if words.note.startswith("always")}
        assert always - found == set(), kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_payload_is_what_the_sdk_takes(kind: str) -> None:
    for resource in resources(kind):
        assert problems_of(kind, payload(resource)) == [], resource.address
