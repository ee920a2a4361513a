"""Agents and their versions."""

from __future__ import annotations

from agentflow.local.agents import merge, normalise
from agentflow.local.call import Call, Service, page_body
from agentflow.local.errors import conflict, invalid, not_found
from agentflow.local.shapes.agents import AgentCreate, AgentUpdate
from agentflow.local.shapes.base import read
from agentflow.local.store import Document
from agentflow.local.teams import Owner, repin

__all__ = ["archive", "create", "list_", "owner_of", "retrieve", "update", "versions"]


def owner_of(service: Service, id: str, version: int) -> Owner:
    """An agent as the owner of its team; others are found in the service's records."""
    store = service.parts.store

    def find(id: str, version: int | None) -> Document | None:
        return store.get("agent", id) if version is None else store.agent_version(id, version)

    return Owner(id, version, find)


def _get(service: Service, id: str) -> Document:
    agent = service.parts.store.get("agent", id)
    if agent is None:
        raise not_found(f"Agent {id!r} does not exist.")
    return agent


async def create(service: Service, call: Call) -> Document:
    body = read(AgentCreate, await call.body())
    id = service.parts.ids.new("agent")
    content = normalise(body, owner_of(service, id, 1))
    now = service.parts.now()
    agent = {
        "id": id,
        "type": "agent",
        "version": 1,
        **content,
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
    }
    with service.parts.store.transaction():
        service.parts.store.add("agent", agent)
        service.parts.store.add_agent_version(agent)
    return agent


async def list_(service: Service, call: Call) -> Document:
    page = service.parts.store.resources(
        "agent",
        limit=call.limit(20, 100),
        cursor=call.text("page"),
        archived=call.flag("include_archived"),
        where=call.times("created_at"),
    )
    return page_body(page)


async def retrieve(service: Service, call: Call) -> Document:
    agent = _get(service, call.path("agent_id"))
    version = call.integer("version")
    if version is None or version == agent["version"]:
        return agent
    found = service.parts.store.agent_version(agent["id"], version)
    if found is None:
        raise not_found(f"Agent {agent['id']!r} has no version {version}.")
    return found


async def update(service: Service, call: Call) -> Document:
    """Version first, then merge, then the rules; content that stays the same makes no version."""
    body = read(AgentUpdate, await call.body())
    agent = _get(service, call.path("agent_id"))
    if agent["archived_at"] is not None:
        raise invalid(f"Agent {agent['id']!r} is archived and cannot be updated.")
    if body.version is not None and body.version != agent["version"]:
        raise conflict(
            f"Concurrent modification detected: agent {agent['id']!r} is at version "
            f"{agent['version']}, not {body.version}."
        )
    owner = owner_of(service, agent["id"], agent["version"])
    content = merge(agent, body, owner)
    if all(agent[key] == value for key, value in content.items()):
        return agent
    now = service.parts.now()
    content["multiagent"] = repin(content["multiagent"], owner)
    changed = {**agent, **content, "version": agent["version"] + 1, "updated_at": now}
    with service.parts.store.transaction():
        service.parts.store.put("agent", changed)
        service.parts.store.add_agent_version(changed)
    return changed


async def archive(service: Service, call: Call) -> Document:
    agent = _get(service, call.path("agent_id"))
    if agent["archived_at"] is None:
        now = service.parts.now()
        agent = {**agent, "archived_at": now, "updated_at": now}
        service.parts.store.put("agent", agent)
    return agent


async def versions(service: Service, call: Call) -> Document:
    agent = _get(service, call.path("agent_id"))
    page = service.parts.store.agent_versions(
        agent["id"], limit=call.limit(20, 100), cursor=call.text("page")
    )
    return page_body(page)
