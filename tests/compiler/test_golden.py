"""Whole projects: the manifest and each prompt, as files that a person has read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from anthropic.types.beta import AgentCreateParams

from agentflow.compiler import late
from agentflow.compiler.manifest import Compiled, Resource, canonical_json
from agentflow.compiler.pipeline import build
from tests.support.golden import check_golden
from tests.support.memory_files import MemoryFiles
from tests.support.projects import directory
from tests.support.sdk_types import mismatches, problems_of

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "compile"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir())


def inputs(name: str) -> MemoryFiles:
    files = directory(CASES / name)
    return MemoryFiles({p: t for p, t in files.files.items() if not p.startswith("expected/")})


def compiled(files: MemoryFiles) -> Compiled:
    result = build(files)
    assert result.problems == ()
    assert result.value.compiled is not None
    return result.value.compiled


@pytest.mark.parametrize("name", NAMES)
def test_a_project_compiles_to_this_manifest(name: str) -> None:
    manifest = compiled(inputs(name)).manifest
    data = json.loads(canonical_json(late.readable(manifest.to_json())))
    for resource in data["resources"]:
        if resource["kind"] == "agent":
            prompt = resource["payload"].pop("system")
            check_golden(CASES / name / "expected" / f"{resource['name']}.md", prompt + "\n")
    text = json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    check_golden(CASES / name / "expected" / "manifest.json", text)


def body(resource: Resource) -> dict[str, object]:
    """The request as it would be sent: ids and versions filled in, names of files beside the rest."""
    filled: dict[str, object] = late.fill(
        resource.payload, lambda address, field: "7" if field == "version" else "x_01"
    )
    if resource.kind == "skill":
        filled["files"] = [file.name for file in resource.files] or ["charts/SKILL.md"]
    return filled


@pytest.mark.parametrize("name", NAMES)
def test_every_payload_is_what_the_sdk_takes(name: str) -> None:
    names = {"memorystore": "memory_store"}
    for resource in compiled(inputs(name)).manifest.resources:
        assert json.loads(canonical_json(resource.payload)) == resource.payload
        if resource.kind != "file":  # an upload has no body
            assert problems_of(names.get(resource.kind, resource.kind), body(resource)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_session_is_what_the_sdk_takes(name: str) -> None:
    for policy in compiled(inputs(name)).manifest.agents.values():
        session = {
            "agent": "agent_01",
            "environment_id": "env_01",
            "title": policy.session.title,
            "metadata": dict(policy.session.metadata),
            "resources": [dict(resource) for resource in policy.session.resources],
            "vault_ids": list(policy.session.vault_ids),
        }
        assert problems_of("session", session) == []


def test_the_walker_of_types_sees_what_is_wrong() -> None:
    payload = dict(compiled(inputs("minimal")).manifest.resources[0].payload)
    for broken, where in (
        ({**payload, "instructions": "x"}, "/instructions"),
        ({**payload, "model": {"id": "m", "effort": "huge"}}, "/model"),
        ({**payload, "metadata": {"a": 1}}, "/metadata/a"),
        ({**payload, "tools": [{"type": "custom", "name": "x"}]}, "/tools/0"),
    ):
        found = mismatches(broken, AgentCreateParams)
        assert found
        assert found[0].startswith(where)


def test_files_split_and_ordered_in_any_way_make_the_same_bytes() -> None:
    whole = inputs("closed").files["agentflow.yaml"]
    head, *documents = whole.split("---\n")
    parts = {
        f"{n}.yaml": f"apiVersion: agentflow/v1\n{d}" for n, d in enumerate(reversed(documents))
    }
    split = MemoryFiles({"agentflow.yaml": head, **parts})
    assert compiled(split).manifest.digest == compiled(inputs("closed")).manifest.digest


def test_comments_and_blank_lines_change_nothing() -> None:
    files = inputs("everything")
    text = files.files["agents.yaml"]
    moved = MemoryFiles(
        {**files.files, "agents.yaml": "# moved\n\n" + text.replace("\n", "  # x\n", 1)}
    )
    assert compiled(moved).manifest.digest == compiled(files).manifest.digest


_DIGEST = """
import sys
from pathlib import Path
from agentflow.compiler.pipeline import build
from tests.support.projects import directory
print(build(directory(Path(sys.argv[1]))).value.compiled.manifest.digest)
"""


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_hash_seed_and_the_locale_change_nothing(seed: str, tmp_path: Path) -> None:
    for path, text in inputs("everything").files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", _DIGEST, str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Tokyo"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == compiled(inputs("everything")).manifest.digest
