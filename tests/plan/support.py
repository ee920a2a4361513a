"""Manifests to plan, and answers as the service gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.compiler.apply import begin, creation, remember, update
from agentflow.compiler.manifest import Manifest, Resource, Target, digest
from agentflow.compiler.ownership import owned_by
from agentflow.compiler.plan import DriftPolicy, Observed, Plan, Verb, plan
from agentflow.ports import Record, Workspace
from agentflow.state.model import State

HERE = Workspace(base_url="http://127.0.0.1", organization_id="org", workspace_id="wrkspc_1")
EMPTY = State(project="p", target="local")


def resource(
    address: str,
    payload: Mapping[str, Any],
    *,
    depends_on: tuple[str, ...] = (),
    unchecked: tuple[str, ...] = (),
) -> Resource:
    kind, _, name = address.partition("/")
    return Resource(
        address=address,
        kind=kind,
        name=name,
        payload=payload,
        depends_on=depends_on,
        unchecked=unchecked,
        digest=digest(payload),
    )


def agent(name: str = "a", **fields: Any) -> Resource:
    payload = {"name": name, "model": {"id": "claude-opus-5-5"}, "system": "Be brief.", **fields}
    return resource(f"agent/{name}", payload)


def environment(name: str = "e", **fields: Any) -> Resource:
    config = {"type": "cloud", "networking": {"type": "limited"}}
    return resource(f"environment/{name}", {"name": name, "config": config, **fields})


def manifest(*resources: Resource, workspace: str | None = None) -> Manifest:
    return Manifest(
        project="p",
        target=Target(name="local", service="local", script=None, workspace=workspace),
        resources=tuple(sorted(resources, key=lambda r: r.address)),
        agents={},
    )


def expanded(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A body as the service stores it: its defaults filled in, its shapes."""
    stored = {k: v for k, v in body.items() if k != "version"}
    stored["metadata"] = {k: v for k, v in (body.get("metadata") or {}).items() if v is not None}
    if kind == "environment":
        return stored
    model = {"id": stored["model"]} if isinstance(stored["model"], str) else stored["model"]
    effort = model.get("effort") or "high"
    stored["model"] = {
        "id": model["id"],
        "effort": {"type": effort} if isinstance(effort, str) else effort,
        "speed": model.get("speed") or "standard",
        "inference_geo": model.get("inference_geo"),
    }
    for key in ("tools", "mcp_servers", "skills"):
        stored[key] = stored.get(key) or []
    stored["multiagent"] = stored.get("multiagent")
    stored["execution_identity"] = {"type": "service_account"}
    stored["system"] = stored.get("system") or None
    stored["description"] = stored.get("description") or None
    stored["added_next_year"] = {"by": "the service"}
    return stored


class Service:
    """The service as data: enough to carry out a plan without any I/O."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}

    def observed(self, *, workspace: Workspace = HERE) -> Observed:
        alive = [record for record in self.records.values() if not record.archived]
        return Observed(
            workspace=workspace,
            owned=owned_by(alive, project="p", target="local"),
            by_id=self.records,
        )

    def put(self, kind: str, id: str, body: Mapping[str, Any], *, archived: bool = False) -> Record:
        old = self.records.get(id)
        stored = expanded(kind, body)
        version = None if kind == "environment" else (old.version or 0) + 1 if old else 1
        self.records[id] = Record(
            kind=kind,
            id=id,
            name=stored["name"],
            version=version,
            archived=archived,
            metadata=stored["metadata"],
            body={**stored, "id": id, "type": kind, "version": version, "created_at": "now"},
        )
        return self.records[id]

    def edit(self, id: str, **fields: Any) -> None:
        """Somebody changes it in the Console. Metadata is replaced where it is named."""
        record = self.records[id]
        body = {k: v for k, v in record.body.items() if k not in ("id", "type", "created_at")}
        self.put(record.kind, id, {**body, **fields}, archived=record.archived)

    def apply(self, made: Plan, state: State) -> State:
        assert not made.blocked, made.problems
        state = begin(made, state)
        for action in made.actions:
            if action.verb is Verb.CREATE:
                id = f"{action.kind}_{len(self.records) + 1}"
                record = self.put(action.kind, id, creation(made, action))
            elif action.verb is Verb.UPDATE:
                assert action.record is not None
                body = update(made, action)
                metadata = {**action.record.metadata, **body["metadata"]}
                kept = {k: v for k, v in action.record.body.items() if k not in ("id", "type")}
                record = self.put(
                    action.kind, action.record.id, {**kept, **body, "metadata": metadata}
                )
            else:
                continue
            state = remember(state, action, record)
        return state

    def plan(
        self, wanted: Manifest, state: State = EMPTY, drift: DriftPolicy = DriftPolicy.BLOCK
    ) -> Plan:
        return plan(wanted, self.observed(), state, drift=drift)
