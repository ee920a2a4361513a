"""What has to be done so that the service has what the manifest says. Pure: the reading is done.

An address is found on the service by its ownership metadata. Three forms of it are compared: what
the spec says now, what it said when it was last applied (by fingerprint), and what the service has.
That tells an edit of the spec from a change made on the service, and from both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from agentflow import codes
from agentflow.compiler import late
from agentflow.compiler.canonical import aligned, canonical, same_fingerprint
from agentflow.compiler.changes import Change, changes
from agentflow.compiler.manifest import Manifest, Resource
from agentflow.compiler.ownership import (
    Owner,
    Prints,
    applied_prints,
    owner_of,
    remote_prints,
    sent_prints,
)
from agentflow.diagnostics import Diagnostic, Span, has_errors
from agentflow.ports import Record, Workspace
from agentflow.state.model import Entry, Place, State

__all__ = [
    "APPLIED_KINDS",
    "Action",
    "DriftPolicy",
    "NotApplied",
    "Observed",
    "Origin",
    "Orphan",
    "Plan",
    "Verb",
    "plan",
]


APPLIED_KINDS = ("agent", "environment")
"""What is created and updated by apply; resources of other kinds are in the manifest alone."""


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    NONE = "none"


class Origin(StrEnum):
    """Which side moved since the address was last applied."""

    LOCAL = "local"
    REMOTE = "remote"
    BOTH = "both"


class DriftPolicy(StrEnum):
    """What to do about changes made on the service."""

    BLOCK = "block"
    OVERWRITE = "overwrite"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the service has, as far as it concerns the project."""

    workspace: Workspace
    owned: Mapping[str, tuple[Record, ...]]
    """By address, of this project and target; none of them is archived."""
    by_id: Mapping[str, Record] = field(default_factory=dict)
    """What the state knows by id and `owned` does not have: archived, or without its marks.
    An id that is not in here is not on the service any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    address: str
    kind: str
    name: str
    verb: Verb
    reason: str
    """Why, as a part of a sentence."""
    origin: Origin | None
    """None: nothing moved, or there is nothing on the service to compare with."""
    changes: tuple[Change, ...] = ()
    """From what the service has to what it would have."""
    kept: tuple[Change, ...] = ()
    """Differences that stay: accepted drift, and what the service makes of a value."""
    record_only: bool = False
    """The update renews the ownership metadata and nothing else."""
    blocked: bool = False
    """`Plan.problems` says why."""
    payload: Mapping[str, Any]
    """As in the manifest, with the references that are known filled in."""
    depends_on: tuple[str, ...] = ()
    record: Record | None = None
    """What the service has. None: it is to be created, or it is not clear which one."""

    @property
    def changes_something(self) -> bool:
        return self.verb is not Verb.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """On the service, ours, and no longer in the specs. It is left alone."""

    address: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplied:
    """In the manifest, and left alone on the service."""

    address: str
    kind: str
    name: str
    """What it is called on the service."""
    needs: tuple[str, ...]
    """Addresses that are not applied either, whose ids it needs. Empty: its kind is not applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    project: str
    target: str
    service: str
    workspace: Workspace
    actions: tuple[Action, ...]
    """Dependencies first, then by address; those that do nothing too."""
    orphans: tuple[Orphan, ...]
    problems: tuple[Diagnostic, ...]
    not_applied: tuple[NotApplied, ...] = ()
    """By address. Nothing of it is compared with the service."""

    @property
    def is_empty(self) -> bool:
        return not any(action.changes_something for action in self.actions)

    @property
    def blocked(self) -> bool:
        return has_errors(self.problems)

    @property
    def counts(self) -> Mapping[Verb, int]:
        return {verb: sum(a.verb is verb for a in self.actions) for verb in Verb}

    @property
    def summary(self) -> str:
        """One sentence, such as "Plan: 1 to create, 1 to update, 3 unchanged."."""
        counts = self.counts
        blocked = sum(action.blocked for action in self.actions)
        return (
            f"Plan: {counts[Verb.CREATE]} to create, {counts[Verb.UPDATE]} to update, "
            f"{counts[Verb.NONE]} unchanged"
            + (f", {blocked} of them blocked" if blocked else "")
            + (f", {len(self.not_applied)} not applied" if self.not_applied else "")
            + "."
        )

    def action(self, address: str) -> Action | None:
        return next((a for a in self.actions if a.address == address), None)


def plan(
    manifest: Manifest,
    observed: Observed,
    state: State,
    *,
    drift: DriftPolicy = DriftPolicy.BLOCK,
    sources: Mapping[str, Span] | None = None,
) -> Plan:
    """The actions for every resource that can be applied. `sources` places problems in the specs."""
    places = sources or {}
    problems = _wrong_workspace(manifest, observed.workspace, state)
    actions: dict[str, Action] = {}
    ordered = _ordered(manifest.resources)
    left = _not_applied(ordered)
    for resource in ordered:
        if resource.address in left:
            continue
        action, found = _decide(resource, manifest, observed, state, drift, actions)
        actions[resource.address] = action
        problems += [replace(problem, span=places.get(resource.address)) for problem in found]
    return Plan(
        project=manifest.project,
        target=manifest.target.name,
        service=manifest.target.service,
        workspace=observed.workspace,
        actions=tuple(actions.values()),
        orphans=tuple(
            Orphan(address=address, id=record.id)
            for address, records in sorted(observed.owned.items())
            if address not in actions and address not in left
            for record in records
        ),
        problems=tuple(problems),
        not_applied=tuple(left[address] for address in sorted(left)),
    )


def _not_applied(ordered: Iterable[Resource]) -> dict[str, NotApplied]:
    """What has no id and gets none, and what needs one of these; dependencies come first."""
    left: dict[str, NotApplied] = {}
    for resource in ordered:
        applied = resource.kind in APPLIED_KINDS
        needs = tuple(address for address in resource.depends_on if address in left)
        if needs or not applied:
            left[resource.address] = NotApplied(
                address=resource.address,
                kind=resource.kind,
                name=_called(resource.payload),
                needs=needs if applied else (),
            )
    return left


def _called(payload: Mapping[str, Any]) -> str:
    keys = ("name", "display_name", "filename")
    return next((str(payload[key]) for key in keys if key in payload), "")


def _ordered(resources: tuple[Resource, ...]) -> list[Resource]:
    """Dependencies first. References were checked for cycles when they were resolved."""
    waiting = {resource.address: resource for resource in resources}
    ordered: list[Resource] = []
    while waiting:
        ready = [r for r in waiting.values() if not any(a in waiting for a in r.depends_on)]
        assert ready, f"resources in a circle: {sorted(waiting)}"
        for resource in sorted(ready, key=lambda r: r.address):
            ordered.append(waiting.pop(resource.address))
    return ordered


def _wrong_workspace(manifest: Manifest, workspace: Workspace, state: State) -> list[Diagnostic]:
    here = workspace.workspace_id
    pinned = manifest.target.workspace
    if pinned is not None and here != pinned:
        message = (
            f"Target {manifest.target.name!r} is for workspace {pinned!r}, "
            f"but the service answers as {_named(here)}."
        )
        hint = "Use a key of that workspace, or change `workspace` of the target."
        return [codes.WRONG_WORKSPACE.at(None, message, hint=hint)]
    place = Place(organization_id=workspace.organization_id, workspace_id=here)
    if state.place is not None and state.resources and state.place != place:
        message = (
            f"Target {manifest.target.name!r} was applied to {_named(state.place.workspace_id)} of "
            f"organisation {state.place.organization_id or 'unknown'}, but the service answers as "
            f"{_named(here)} of {place.organization_id or 'unknown'}."
        )
        hint = (
            "Use the key it was applied with. If the move is meant, delete "
            f".agentflow/state/{manifest.target.name}.json."
        )
        return [codes.WRONG_WORKSPACE.at(None, message, hint=hint)]
    return []


def _named(workspace: str | None) -> str:
    return f"workspace {workspace!r}" if workspace else "a workspace without a name"


def _decide(
    resource: Resource,
    manifest: Manifest,
    observed: Observed,
    state: State,
    drift: DriftPolicy,
    before: Mapping[str, Action],
) -> tuple[Action, list[Diagnostic]]:
    records = observed.owned.get(resource.address, ())
    entry = state.resources.get(resource.address)
    base = Action(
        address=resource.address,
        kind=resource.kind,
        name=resource.name,
        verb=Verb.CREATE,
        reason="it is not on the service yet",
        origin=None,
        payload=late.fill(resource.payload, _lookup(before)),
        depends_on=resource.depends_on,
    )
    if len(records) > 1:
        ids = " and ".join(record.id for record in records)
        message = f"{resource.address} is owned by {len(records)} resources: {ids}."
        hint = "Archive all but one on the service, or remove their `agentflow.` metadata."
        two = replace(
            base, verb=Verb.NONE, reason="it is not clear which one is meant", blocked=True
        )
        return two, [codes.TWO_OWNERS.at(None, message, hint=hint)]
    if records:
        return _compare(base, records[0], resource, entry, drift)
    if entry is None:
        return base, []
    known_by_id = observed.by_id.get(entry.id)
    if known_by_id is None:
        return replace(base, reason=f"{entry.id} is not on the service any more"), []
    if known_by_id.archived:
        return replace(base, reason=f"{entry.id} was archived, which cannot be undone"), []
    owner = owner_of(known_by_id)
    if owner and owner != Owner(manifest.project, manifest.target.name, resource.address):
        return replace(base, reason=f"{entry.id} belongs to {owner.address} by now"), []
    return _compare(base, known_by_id, resource, entry, drift)


def _compare(
    base: Action, record: Record, resource: Resource, entry: Entry | None, drift: DriftPolicy
) -> tuple[Action, list[Diagnostic]]:
    """The action for a resource that exists."""
    kind = resource.kind
    desired = canonical(kind, base.payload)
    remote = aligned(kind, canonical(kind, record.body), desired)
    found = changes(remote, desired, unchecked=resource.unchecked)
    prints = sent_prints(kind, base.payload)
    entry = entry if entry and entry.id == record.id else None
    applied = applied_prints(record) or _from_entry(entry)
    edited = applied is None or same_fingerprint(prints.sent, applied.sent) is False
    drifted = applied is not None and _drifted(record, applied, entry)
    here = replace(base, record=record, verb=Verb.NONE, reason="nothing changed")
    if owner_of(record) is None:
        # Only the state knew it. The marks come back with whatever else is to be done.
        here = replace(here, verb=Verb.UPDATE, record_only=True, reason="its marks were removed")
    if not found:
        if edited and here.verb is Verb.NONE:
            return replace(
                here,
                verb=Verb.UPDATE,
                record_only=True,
                reason="spec and service agree; the record of it is renewed",
            ), []
        return here, []
    if not edited and not drifted:
        # Accepted drift, or the service has its own way to write a value.
        return replace(here, kept=found), []
    origin = {
        (True, False): Origin.LOCAL,
        (False, True): Origin.REMOTE,
        (True, True): Origin.BOTH,
    }[edited, drifted]
    return _update(replace(here, origin=origin), found, drift)


def _drifted(record: Record, applied: Prints, entry: Entry | None) -> bool:
    """Whether the service has something else than what the last apply left."""
    now = remote_prints(record.kind, record.body)
    if any(same_fingerprint(one, applied.expected) is not False for one in now):
        return False
    # The state knows what the service really answered, if it is of that same apply.
    return not (
        entry is not None
        and entry.sent_digest == applied.sent
        and any(same_fingerprint(one, entry.returned_digest) is not False for one in now)
    )


def _from_entry(entry: Entry | None) -> Prints | None:
    return Prints(entry.sent_digest, entry.returned_digest) if entry else None


def _update(
    here: Action, found: tuple[Change, ...], drift: DriftPolicy
) -> tuple[Action, list[Diagnostic]]:
    fields = _fields(found)
    update = replace(here, verb=Verb.UPDATE, record_only=False, changes=found)
    fixed = next((change for change in found if (here.kind, change.path) in _FIXED), None)
    if fixed is not None:
        return _refused(update, fixed)
    if here.origin is Origin.LOCAL:
        return replace(update, reason=f"the spec changed: {fields}"), []
    if drift is DriftPolicy.OVERWRITE:
        return replace(update, reason=f"overwrites what was changed on the service: {fields}"), []
    if drift is DriftPolicy.ACCEPT and here.origin is Origin.REMOTE:
        kept = replace(here, verb=Verb.UPDATE, record_only=True, kept=found)
        return replace(kept, reason=f"keeps what was changed on the service: {fields}"), []
    assert here.record is not None
    who = f"{here.address} ({here.record.id})"
    if here.origin is Origin.BOTH:
        blocked = replace(update, blocked=True, reason=f"spec and service both changed: {fields}")
        message = f"{who} was changed on the service, and its spec was edited: {fields}."
        hint = "Take what should stay into the spec, then apply with --overwrite-drift."
        return blocked, [codes.DRIFT_AND_EDIT.at(None, message, hint=hint)]
    blocked = replace(update, blocked=True, reason=f"it was changed on the service: {fields}")
    message = f"{who} was changed on the service since it was applied: {fields}."
    hint = "Apply with --overwrite-drift to send the spec, or --accept-drift to leave it as it is."
    return blocked, [codes.DRIFT.at(None, message, hint=hint)]


_FIXED = {("environment", "/config/type")}
"""What the service refuses to change once a resource exists, by kind and JSON pointer."""


def _refused(update: Action, fixed: Change) -> tuple[Action, list[Diagnostic]]:
    """An update that would fail: better said now than when half of a plan is done."""
    assert update.record is not None
    field = fixed.path[1:].replace("/", ".")
    message = (
        f"{update.address} ({update.record.id}) has {field} {fixed.before}, and the service never "
        f"changes that to {fixed.after}."
    )
    hint = "Give the spec another name, which makes a new one, and archive the old one later."
    blocked = replace(update, blocked=True, reason=f"the service never changes its {field}")
    return blocked, [codes.FIXED_ON_SERVICE.at(None, message, hint=hint)]


def _fields(found: tuple[Change, ...]) -> str:
    """The top-level fields that differ, in order, each once."""
    return ", ".join(dict.fromkeys(change.path.split("/")[1] for change in found))


def _lookup(before: Mapping[str, Action]) -> Callable[[str, str], str | None]:
    def lookup(address: str, field: str) -> str | None:
        action = before.get(address)
        if action is None or action.record is None:
            return None
        # An update makes a version that is not known before it is done.
        if field == "version":
            done = action.verb is Verb.NONE and action.record.version is not None
            return str(action.record.version) if done else None
        return action.record.id

    return lookup
