"""What marks a resource on the service as ours: four metadata keys.

They are the truth about what belongs to a project; the state file is a cache of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from agentflow.compiler.canonical import (
    OWNERSHIP_PREFIX,
    canonical,
    fingerprint,
)
from agentflow.compiler.known_fields import known
from agentflow.compiler.unsaid import expected_form, possible_forms
from agentflow.ports import Record

__all__ = ["Prints", "applied_prints", "owned_by", "owner_of", "ownership", "remote_prints"]

PROJECT = f"{OWNERSHIP_PREFIX}project"
TARGET = f"{OWNERSHIP_PREFIX}target"
ADDRESS = f"{OWNERSHIP_PREFIX}address"
DIGEST = f"{OWNERSHIP_PREFIX}digest"


class Prints(NamedTuple):
    """Fingerprints of one application of a spec."""

    sent: str
    """Of all that the spec said."""
    expected: str
    """Of what the service was to have after it, as far as this version knows the fields."""


class Owner(NamedTuple):
    project: str
    target: str
    address: str


def sent_prints(kind: str, payload: Mapping[str, Any]) -> Prints:
    form = canonical(kind, payload)
    expected = expected_form(kind, known(kind, form))
    return Prints(fingerprint(form), fingerprint(expected))


def remote_prints(kind: str, body: Mapping[str, Any]) -> frozenset[str]:
    """Fingerprints an answer may have been expected under.

    Several: a spec that leaves a choice to the service does not know what it becomes.
    """
    form = known(kind, canonical(kind, body))
    return frozenset(fingerprint(one) for one in possible_forms(kind, form))


def ownership(owner: Owner, prints: Prints) -> dict[str, str]:
    return {
        PROJECT: owner.project,
        TARGET: owner.target,
        ADDRESS: owner.address,
        DIGEST: f"{prints.sent} {prints.expected}",
    }


def owner_of(record: Record) -> Owner | None:
    """None: agentflow did not make it, or somebody removed the marks."""
    values = [record.metadata.get(key) for key in (PROJECT, TARGET, ADDRESS)]
    if not all(isinstance(value, str) and value for value in values):
        return None
    owner = Owner(*map(str, values))
    return owner if owner.address.startswith(f"{record.kind}/") else None


def applied_prints(record: Record) -> Prints | None:
    """As they were written when it was last applied. None: they are gone, or no fingerprints."""
    words = str(record.metadata.get(DIGEST, "")).split(" ")
    return Prints(*words) if len(words) == 2 and all(":" in word for word in words) else None


def owned_by(
    records: Iterable[Record], *, project: str, target: str
) -> Mapping[str, tuple[Record, ...]]:
    """Those of one project and target, by address. More than one of an address is possible."""
    found: defaultdict[str, tuple[Record, ...]] = defaultdict(tuple)
    for record in records:
        owner = owner_of(record)
        if owner and (owner.project, owner.target) == (project, target):
            found[owner.address] += (record,)
    return dict(found)
