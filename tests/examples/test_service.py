"""Agents and environments of every example on the embedded service: created, read back, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import pytest

from agentflow.compiler.canonical import aligned, canonical
from agentflow.compiler.changes import changes
from agentflow.compiler.manifest import Manifest, Resource
from agentflow.compiler.ownership import remote_prints, sent_prints
from agentflow.local.not_emulated import NOT_EMULATED
from tests.examples.support import CASES, Case, body, manifest
from tests.support.service import Running, running_service

KINDS = ("agent", "environment")
"""What the embedded service keeps."""

REFUSES_CUSTOM_SKILLS = any(item.what.startswith("custom skills") for item in NOT_EMULATED)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service")) as service:
        yield service


def emulated(resource: Resource, left_out: set[str]) -> bool:
    if resource.kind not in KINDS or left_out & set(resource.depends_on):
        return False
    skills = resource.payload.get("skills") or []
    return not (REFUSES_CUSTOM_SKILLS and any(skill["type"] == "custom" for skill in skills))


def in_order(whole: Manifest) -> list[Resource]:
    """What the service keeps, each after what it needs."""
    needs = {resource.address: resource.depends_on for resource in whole.resources}
    found: list[Resource] = []
    left_out: set[str] = set()
    for address in TopologicalSorter(needs).static_order():
        resource = whole.resource(address)
        assert resource is not None
        if emulated(resource, left_out):
            found.append(resource)
        elif resource.kind == "agent":
            left_out.add(address)
    return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_created_is_read_back_unchanged(running: Running, case: Case) -> None:
    ids: dict[str, str] = {}
    kept = in_order(manifest(case))
    assert kept
    for resource in kept:
        api: Any = (
            running.own.beta.agents if resource.kind == "agent" else running.own.beta.environments
        )
        sent = body(resource, ids)
        ids[resource.address] = api.create(**sent).id
        read = api.retrieve(ids[resource.address]).to_dict(mode="json")
        desired = canonical(resource.kind, sent)
        assert (
            changes(aligned(resource.kind, canonical(resource.kind, read), desired), desired) == ()
        )
        assert sent_prints(resource.kind, sent).expected in remote_prints(resource.kind, read)
