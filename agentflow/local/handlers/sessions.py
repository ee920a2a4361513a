"""Sessions: create, read, change, archive, delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from agentflow.local import usage
from agentflow.local.agents import override, session_agent
from agentflow.local.call import Call, Service, page_body
from agentflow.local.errors import invalid, not_emulated, not_found
from agentflow.local.handlers.agents import owner_of
from agentflow.local.handlers.mounts import add_file, check_mounts
from agentflow.local.prices import Tokens, request_usd
from agentflow.local.shapes.base import merge_metadata, read, sent
from agentflow.local.shapes.sessions import (
    AgentOverrides,
    AgentPatch,
    AgentReference,
    Budget,
    SessionCreate,
    SessionUpdate,
)
from agentflow.local.store import Document
from agentflow.local.teams import resolved_team, works_in_team

__all__ = ["archive", "create", "delete", "list_", "retrieve", "update"]


def _shown(service: Service, record: Document) -> Document:
    """The record with what changes by the second: usage and times."""
    live = service.harness.live(record["id"])
    active_s = round(live.active_s(), 3)
    age = service.parts.clock.now().timestamp() - record["_created"]
    return {
        **record,
        "usage": usage.session_usage(live.state, active_s),
        "stats": {"active_seconds": active_s, "duration_seconds": round(max(age, 0.0), 3)},
    }


def _agent(service: Service, given: str | AgentReference | AgentOverrides) -> Document:
    """The snapshot for a new session.

    Raises:
        ApiError: 404 or 400, the agent cannot start sessions, or not here.
    """
    id, version = (given, None) if isinstance(given, str) else (given.id, given.version)
    agent = service.parts.store.get("agent", id)
    if agent is None:
        raise not_found(f"Agent {id!r} does not exist.")
    if agent["archived_at"] is not None:
        raise invalid(f"Agent {id!r} is archived and cannot start sessions.")
    if version is not None and version != agent["version"]:
        agent = service.parts.store.agent_version(id, version)
        if agent is None:
            raise not_found(f"Agent {id!r} has no version {version}.")
    if isinstance(given, AgentOverrides):
        agent = override(agent, given, owner_of(service, id, agent["version"]))
    _check_runnable(service, agent)
    snapshot = session_agent(agent)
    team = resolved_team(agent["multiagent"], owner_of(service, id, agent["version"]))
    return {**snapshot, "multiagent": team}


def _check_runnable(service: Service, agent: Mapping[str, Any]) -> None:
    """Refuse what would run as something else than it is: such agents are kept, but not run."""
    if works_in_team(agent["multiagent"]) and not service.harness.plays_team(agent["name"]):
        raise not_emulated(
            "agent: a session of an agent that works in a team (`multiagent`), without a script that "
            "has calls in a `thread`"
        )
    if agent["execution_identity"]["type"] != "service_account":
        raise not_emulated("agent: a session under an execution identity of its own")


def _environment(service: Service, id: str) -> None:
    environment = service.parts.store.get("environment", id)
    if environment is None:
        raise not_found(f"Environment {id!r} does not exist.")
    if environment["archived_at"] is not None:
        message = f"Environment {id!r} is archived and cannot start sessions."
        raise invalid(message, code="environment_archived")
    if environment["config"]["type"] == "self_hosted":
        raise not_emulated("environment_id: a session in a self-hosted environment")


def _check_budgetable(agent: Mapping[str, Any]) -> None:
    model = agent["model"]["id"]
    if request_usd(model, Tokens()) is None:
        message = f"budget: model {model!r} has no list price, so it cannot be budgeted."
        raise invalid(message, code="model_not_budgetable")


async def create(service: Service, call: Call) -> Document:
    body = read(SessionCreate, await call.body())
    given = sent(body)
    if given.get("vault_ids"):
        raise not_emulated("vault_ids: a vault")
    agent = _agent(service, body.agent)
    _environment(service, given["environment_id"])
    if body.budget is not None:
        _check_budgetable(agent)
    events: list[Document] = given.get("initial_events") or []
    if any(event["type"] == "user.define_outcome" for event in events):
        raise not_emulated("initial_events: user.define_outcome")
    mounts = check_mounts(service, given.get("resources") or [])
    record = _record(service, given, agent)
    if call.has_own_faults:
        record["_faults"] = call.faults.plan.model_dump()
        service.parts.faults.attach(record["id"], call.faults)
    live = service.harness.begin(record)
    for file, path in mounts:
        if not live.faults.take("lost_resources"):
            add_file(service, record["id"], file, path)
    if events:
        service.harness.send(record["id"], events)
    return _shown(service, live.record())


def _record(service: Service, given: Mapping[str, Any], agent: Document) -> Document:
    now = service.parts.now()
    return {
        "id": service.parts.ids.new("sesn"),
        "type": "session",
        "status": "idle",
        "agent": agent,
        "environment_id": given["environment_id"],
        "title": given.get("title"),
        "metadata": given.get("metadata") or {},
        "resources": [],
        "vault_ids": [],
        "budget": given.get("budget"),
        "outcome_evaluations": [],
        "deployment_id": None,
        "created_at": now,
        "updated_at": now,
        "archived_at": None,
        "_created": service.parts.clock.now().timestamp(),
    }


_STATUSES = ("rescheduling", "running", "idle", "terminated")


async def list_(service: Service, call: Call) -> Document:
    where: list[tuple[str, Sequence[object]]] = list(call.times("created_at"))
    agent_id, version = call.text("agent_id"), call.integer("agent_version")
    if version is not None and agent_id is None:
        raise invalid("agent_version: only together with agent_id.")
    for value, path in (
        (agent_id, "$.agent.id"),
        (version, "$.agent.version"),
        (call.text("deployment_id"), "$.deployment_id"),
    ):
        if value is not None:
            where.append((f"json_extract(body, '{path}') = ?", [value]))
    if call.text("memory_store_id") is not None:
        where.append(("0", []))  # no session here has one
    statuses = call.texts("statuses")
    for status in statuses:
        if status not in _STATUSES:
            raise invalid(f"statuses: {status!r} is none of {', '.join(_STATUSES)}.")
    if statuses:
        marks = ",".join("?" * len(statuses))
        where.append((f"json_extract(body, '$.status') IN ({marks})", statuses))
    page = service.parts.store.resources(
        "session",
        limit=call.limit(20, 1000),
        cursor=call.text("page"),
        order=call.order("desc"),
        archived=call.flag("include_archived"),
        where=where,
    )
    page.data[:] = [_shown(service, record) for record in page.data]
    return page_body(page, both_ways=True)


async def retrieve(service: Service, call: Call) -> Document:
    live = service.harness.live(call.path("session_id"))
    record = live.record()
    return _shown(service, {**record, "status": _settled(service, call, record)})


async def update(service: Service, call: Call) -> Document:
    """Change title, metadata, budget, or the agent's tools and servers. What changed is emitted as `session.updated`."""
    body = read(SessionUpdate, await call.body())
    given = sent(body)
    live = service.harness.live(call.path("session_id"))
    record = live.record()
    if "vault_ids" in given:
        raise invalid("vault_ids: cannot be changed on a session.")
    if record["status"] == "terminated":
        raise invalid("This session is terminated: it cannot be changed.")
    changed: Document = {}
    if body.agent is not None:
        agent = _changed_agent(service, record, body.agent)
        if agent != record["agent"]:
            changed["agent"] = agent
    if "title" in given and given["title"] != record["title"]:
        changed["title"] = given["title"]
    if given.get("metadata"):
        metadata = merge_metadata(record["metadata"], given["metadata"])
        if metadata != record["metadata"]:
            changed["metadata"] = metadata
    if "budget" in given:
        _check_budget(service, record, body.budget)
        if given["budget"] != record["budget"]:
            changed["budget"] = given["budget"]
    if changed:
        with live.change():
            live.patch(**changed)
            shown = {k: v for k, v in changed.items() if k != "metadata" or v}
            live.emit("session.updated", **shown)
        service.harness.budget_changed(record["id"])
    return _shown(service, live.record())


def _changed_agent(service: Service, record: Document, patch: AgentPatch) -> Document:
    if record["status"] != "idle":
        raise invalid(f"agent: the session is {record['status']}; only an idle one can be changed.")
    agent: Document = record["agent"]
    return override(agent, patch, owner_of(service, agent["id"], agent["version"]))


def _check_budget(service: Service, record: Document, budget: Budget | None) -> None:
    if record["budget"] is None and budget is not None:
        message = "budget: a session created without a budget cannot be given one."
        raise invalid(message, code="budget_create_only")
    if budget is None:
        return
    live = service.harness.live(record["id"])
    consumed = usage.consumed_usd(live.state, live.active_s())
    assert consumed is not None, "a session with a budget has a model with a price"
    if Decimal(budget.max_list_cost.amount) / 100 <= consumed:
        message = f"budget: the session has used {usage.cents(consumed)} cents already."
        raise invalid(message, code="budget_not_raised")


def _not_running(service: Service, call: Call, record: Document, verb: str) -> None:
    status = _settled(service, call, record)
    if status in ("running", "rescheduling"):
        raise invalid(
            f"Session {record['id']!r} is {status} and cannot be {verb}: interrupt it, and wait "
            "until it is idle."
        )


def _settled(service: Service, call: Call, record: Document) -> str:
    """The status as it can be read: a fault lets it lag behind the events."""
    stopped = service.harness.live(record["id"]).state.stop is not None
    if record["status"] == "idle" and stopped and call.faults.take("late_status"):
        return "running"
    return str(record["status"])


async def archive(service: Service, call: Call) -> Document:
    live = service.harness.live(call.path("session_id"))
    record = live.record()
    if record["archived_at"] is None:
        _not_running(service, call, record, "archived")
        await service.harness.archive(record["id"])
    return _shown(service, live.record())


async def delete(service: Service, call: Call) -> Document:
    live = service.harness.live(call.path("session_id"))
    _not_running(service, call, live.record(), "deleted")
    await service.harness.delete(live.id)
    return {"id": live.id, "type": "session_deleted"}
