"""What every example becomes, for each of its targets: read by a person, and held here.

`expected/<target>/<address>.json` is a resource without its system prompt, which is in the `.md` beside
it; `<address>.policy.json` is what the runtime enforces for it. AGENTFLOW_UPDATE=1 writes them again.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from agentflow.compiler import late
from agentflow.compiler.manifest import canonical_json
from agentflow.operations.fmt import fmt
from tests.examples.support import CASES, NAMES, Case, body, manifest, report, sdk_kind
from tests.support.cli import EXAMPLES
from tests.support.sdk_types import problems_of


def pretty(value: Any) -> str:
    plain = json.loads(canonical_json(late.readable(value)))
    return json.dumps(plain, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def goldens(case: Case) -> dict[str, str]:
    """Text of each expected file, by its path below `expected/<target>/`."""
    whole = manifest(case).to_json()
    found = {}
    for resource in whole["resources"]:
        address = resource["address"]
        if resource["kind"] == "agent":
            payload = dict(resource["payload"])
            found[f"{address}.md"] = late.readable(payload.pop("system")) + "\n"
            resource = {**resource, "payload": payload}
        found[f"{address}.json"] = pretty(resource)
    for policies in (whole["agents"], whole["deployments"]):
        for address, policy in policies.items():
            found[f"{address}.policy.json"] = pretty(policy)
    return found


def written(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in files}


def test_there_are_examples() -> None:
    assert len(NAMES) >= 8
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == set(NAMES), "every folder is a project"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_example_becomes_what_is_expected(case: Case) -> None:
    folder = EXAMPLES / case.example / "expected" / case.target
    made = goldens(case)
    if os.environ.get("AGENTFLOW_UPDATE") == "1":
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in made.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    assert written(folder) == made, "AGENTFLOW_UPDATE=1 writes them; read the diff"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_expected_of_a_target_that_is_gone(name: str) -> None:
    folder = EXAMPLES / name / "expected"
    assert {path.name for path in folder.iterdir()} == {
        c.target for c in CASES if c.example == name
    }


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_example_has_no_problem_for_any_target(case: Case) -> None:
    assert report(case).problems == ()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_formatted(name: str) -> None:
    outcome = fmt(EXAMPLES / name, [], write=False)
    assert outcome.problems == ()
    assert [file.path for file in outcome.changed] == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_payload_is_what_the_sdk_takes(case: Case) -> None:
    for resource in manifest(case).resources:
        if resource.kind != "file":  # an upload has no body
            assert problems_of(sdk_kind(resource), body(resource)) == [], resource.address


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_session_is_what_the_sdk_takes(case: Case) -> None:
    for policy in manifest(case).agents.values():
        session = {
            "agent": "agent_01",
            "environment_id": "env_01",
            "title": policy.session.title,
            "metadata": dict(policy.session.metadata),
            "resources": [dict(resource) for resource in policy.session.resources],
            "vault_ids": list(policy.session.vault_ids),
        }
        assert problems_of("session", session) == []
