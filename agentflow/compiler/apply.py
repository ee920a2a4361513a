"""How a plan is carried out, as pure decisions: what may start, what is sent, what is remembered.

`operations/apply.py` does the doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.canonical import OWNERSHIP_PREFIX, canonical, fingerprint
from agentflow.compiler.changes import Change, changes
from agentflow.compiler.known_fields import known
from agentflow.compiler.ownership import (
    Owner,
    Prints,
    applied_prints,
    owner_of,
    ownership,
    sent_prints,
)
from agentflow.compiler.plan import Action, Plan, Verb
from agentflow.ports import Record, Workspace
from agentflow.state.model import Entry, Place, State

__all__ = [
    "Status",
    "Step",
    "begin",
    "creation",
    "filled",
    "is_of",
    "next_steps",
    "remember",
    "theirs",
    "took_place",
    "update",
    "whole_team",
]


class Status(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to do next about an address."""

    action: Action
    skip_because: str | None
    """The address that failed, or was skipped, before it. None: start it."""


def next_steps(plan: Plan, statuses: Mapping[str, Status], started: frozenset[str]) -> list[Step]:
    """Actions whose dependencies are settled and that have not begun. NONE is done at once."""
    steps = []
    settled = dict(statuses)
    addresses = {action.address for action in plan.actions}
    for action in plan.actions:  # dependencies first, so that one pass settles a whole chain
        if action.address in settled or action.address in started:
            continue
        if action.verb is Verb.NONE:
            settled[action.address] = Status.DONE
            continue
        inside = [a for a in action.depends_on if a in addresses]
        lost = next((a for a in inside if settled.get(a) in _LOST), None)
        if lost is not None:
            settled[action.address] = Status.SKIPPED
            steps.append(Step(action=action, skip_because=lost))
        elif all(settled.get(a) is Status.DONE for a in inside):
            steps.append(Step(action=action, skip_because=None))
    return steps


_LOST = (Status.FAILED, Status.SKIPPED)


def filled(action: Action, state: State) -> Action:
    """The action with references to what was just applied filled in."""

    def lookup(address: str, field: str) -> str | None:
        entry = state.resources.get(address)
        if entry is None:
            return None
        if field == "id":
            return entry.id
        return None if entry.version is None else str(entry.version)

    return replace(action, payload=late.fill(action.payload, lookup))


def creation(plan: Plan, action: Action) -> dict[str, Any]:
    """The body of the request that creates it."""
    marks = ownership(_owner(plan, action), sent_prints(action.kind, action.payload))
    user = action.payload.get("metadata") or {}
    return {**action.payload, "metadata": {**user, **marks}}


def update(plan: Plan, action: Action) -> dict[str, Any]:
    """The body of the request that updates it, without the expected version.

    The service keeps what is not said, so all that the spec does not have is cleared explicitly.
    """
    record = action.record
    assert record is not None
    prints = sent_prints(action.kind, action.payload)
    if action.record_only:
        # What the service has is what was meant from now on.
        returned = fingerprint(known(action.kind, canonical(action.kind, record.body)))
        prints = Prints(prints.sent, returned if action.kept else prints.expected)
        return {"metadata": ownership(_owner(plan, action), prints)}
    user = dict(action.payload.get("metadata") or {})
    gone = {
        key: None
        for key in record.metadata
        if key not in user and not key.startswith(OWNERSHIP_PREFIX)
    }
    marks = ownership(_owner(plan, action), prints)
    desired = canonical(action.kind, action.payload)
    body = {**action.payload, "metadata": {**gone, **user, **marks}}
    if action.kind == "environment":
        # Fields inside networking and packages are merged: only a full config says it all.
        return {**body, "config": desired["config"], "description": desired["description"]}
    now = canonical(action.kind, record.body)
    cleared = {
        key: desired[key] for key in desired if key not in body and desired[key] != now.get(key)
    }
    if "multiagent" in body:
        body["multiagent"] = whole_team(body["multiagent"])
    return {**body, **cleared}


def whole_team(team: Any) -> Any:
    """A team as an update has to say it.

    The newer form is merged into a stored one: what is absent is kept, and null is the default.
    """
    if not isinstance(team, dict) or team.get("type") != "multiagent_20261001":
        return team
    whole = dict.fromkeys(("advisor", "subagents", "workflows")) | team
    for key in ("subagents", "workflows"):
        if isinstance(part := whole[key], dict) and part.get("type") == "enabled":
            whole[key] = dict.fromkeys(("inline_agents", "predefined_agents")) | part
    return whole


def _owner(plan: Plan, action: Action) -> Owner:
    return Owner(plan.project, plan.target, action.address)


def is_of(plan: Plan, action: Action, record: Record) -> bool:
    """Whether a resource on the service is the one that `action` was to create."""
    return not record.archived and owner_of(record) == _owner(plan, action)


def took_place(body: Mapping[str, Any], now: Record) -> bool:
    """Whether the update with `body` is what `now` came from: the marks are written with it."""
    sent = body["metadata"]
    marks = [key for key in sent if key.startswith(OWNERSHIP_PREFIX)]
    return all(now.metadata.get(key) == sent[key] for key in marks)


def theirs(action: Action, now: Record) -> tuple[Change, ...]:
    """What somebody changed on the service after the plan was made."""
    # Fields that this version does not know may change by themselves.
    kind = action.kind
    before = {} if action.record is None else known(kind, canonical(kind, action.record.body))
    return changes(before, known(kind, canonical(kind, now.body)))


def begin(plan: Plan, state: State) -> State:
    """The state with what the plan found: ids of what is unchanged, and who answered."""
    state = replace(state, place=_place(plan.workspace))
    for action in plan.actions:
        if action.record is not None and not action.blocked and action.verb is Verb.NONE:
            state = remember(state, action, action.record)
    return state


def remember(state: State, action: Action, record: Record) -> State:
    """The state after `record` was found to be, or became, what `action` is about."""
    prints = applied_prints(record) or sent_prints(action.kind, action.payload)
    entry = Entry(
        kind=action.kind,
        id=record.id,
        version=record.version,
        sent_digest=prints.sent,
        returned_digest=fingerprint(known(action.kind, canonical(action.kind, record.body))),
        archived=record.archived,
    )
    return state.with_entry(action.address, entry)


def _place(workspace: Workspace) -> Place:
    return Place(organization_id=workspace.organization_id, workspace_id=workspace.workspace_id)
